"""The first stages of decisions: linear bounds of Q, and the best action of a table or of a local search.

They run compiled, for several states at once, and other threads go on meanwhile. Python enters only where a
set is known by its membership test alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.action_table import NO_TABLE, ActionTable
from solvers.sequoia.bounds import LayerBounds
from solvers.sequoia.exact_stages import Incumbent
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.opening_kernels import Domain, Opened, open_states, room_for
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.profiles import NO_MOVES
from solvers.sequoia.result import Stage, Tolerance
from solvers.sequoia.stack import layer_starts, stacked


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """What is known of a decision after the first stages.

    Attributes:
        network: Q of the state.
        opened: what the kernel found.
        place: of the state in ``opened``.
        best: an allowed action with what is proven of it, or None where none was found.
        stage: which stage gave its bound.
    """

    network: ActionNetwork
    opened: Opened
    place: int
    best: Incumbent | None
    stage: Stage

    @property
    def width(self) -> float:
        """How far apart two values of the network can lie."""
        return float(self.opened.width[self.place])

    @property
    def bounds(self) -> LayerBounds:
        """Of the network over the set."""
        opened, s = self.opened, self.place
        starts = layer_starts(self.network)[1:-1]
        lower, upper = (tuple(np.split(each[s], starts)) for each in (opened.lower, opened.upper))
        output, constant = float(opened.output[s]), float(opened.constant[s])
        return LayerBounds(lower, upper, output, opened.maximiser[s], opened.coef[s], constant)


def shared_matrices(network: ActionNetwork) -> tuple[object, ...]:
    """Equal for networks, all of them alive, that share everything but the bias of the first layer."""
    arrays = (*network.weights, *network.biases[1:])
    return (network.slopes, network.biases[0].size, *map(id, arrays))


def openings(
    networks: Sequence[ActionNetwork],
    prepared: PreparedSet,
    enough: NDArray[np.float64],
    tolerance: Tolerance,
    *,
    search: bool,
) -> list[Opening]:
    """Open several decisions over one set.

    An opening does not depend on what else is opened with it.

    Args:
        networks: Q of each state, alike by :func:`shared_matrices`.
        prepared: the action set.
        enough: for each state, actions that do not exceed this value need not be told apart.
        tolerance: gap at which to stop.
        search: whether to search locally where there is no table, from the maximiser of the linear bound.

    Raises:
        ValueError: a weight or bias is not finite, or sums of them are beyond the greatest floating-point
            number.
    """
    stack, states = stacked(networks[0]), len(networks)
    m, n = stack.neurons, stack.bits
    opened = Opened(
        lower=np.empty((states, m)),
        upper=np.empty((states, m)),
        output=np.empty(states),
        coef=np.empty((states, n)),
        constant=np.empty(states),
        width=np.empty(states),
        sound=np.empty(states, dtype=np.bool_),
        maximiser=np.empty((states, n), dtype=np.bool_),
        action=np.empty((states, n), dtype=np.bool_),
        allowed=np.empty(states, dtype=np.bool_),
        rest=np.empty(states),
        tied=np.empty(states, dtype=np.int64),
    )
    first = np.array([network.biases[0] for network in networks])
    domain = _domain(prepared)
    room, ties = room_for(m, n, domain), np.empty(domain.table.bit.size, dtype=np.int64)
    how = (domain, search, enough, tolerance.absolute, tolerance.relative)
    found: list[Opening] = []
    while len(found) < states:
        begin = len(found)
        end = open_states(stack, first, *how, begin, room, ties, opened)
        used = 0
        for s in range(begin, end):
            if not opened.sound[s]:
                stacked(networks[s])  # says what is wrong
            tied = ties[used : used + opened.tied[s]]
            best, stage = _best(networks[s], prepared.table, opened, s, tied)
            found.append(Opening(networks[s], opened, s, best, stage))
            used += tied.size
    return found


def _domain(prepared: PreparedSet) -> Domain:
    count = prepared.count
    return Domain(
        count.fixed,
        count.left,
        count.exactly,
        count.complete,
        count.kinds.workspace(),
        prepared.has_none,
        NO_MOVES if prepared.profiles is None else prepared.profiles.moves,
        NO_TABLE if prepared.table is None else prepared.table.arrays,
    )


def _best(
    network: ActionNetwork,
    table: ActionTable | None,
    opened: Opened,
    s: int,
    tied: NDArray[np.int64],
) -> tuple[Incumbent | None, Stage]:
    if not opened.allowed[s]:
        return None, Stage.ROOT
    action = opened.action[s]
    if table is not None and tied.size > 1:  # the network itself decides
        actions = table.actions(np.sort(tied))
        action = actions[int(network.values(actions).argmax())]
    value = float(network.values(action[None])[0])
    output = float(opened.output[s])
    if table is None:
        return Incumbent(action, value, max(value, output)), Stage.ROOT
    known = max(value, float(opened.rest[s]))
    stage = Stage.TABLE if known < output else Stage.ROOT
    return Incumbent(action, value, max(value, min(known, output))), stage
