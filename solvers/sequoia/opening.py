"""The first stages of decisions: linear bounds of Q, and the best action of a table or of a local search.

They run compiled, for several states at once, and other threads go on meanwhile. Python enters only where a
set is known by its membership test alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.action_table import NO_TABLE, ActionTable
from solvers.sequoia.bounds import LayerBounds
from solvers.sequoia.branch_and_bound import search_terms
from solvers.sequoia.exact_stages import Incumbent
from solvers.sequoia.network import ActionNetwork, values_each
from solvers.sequoia.opening_kernels import Domain, Opened, Room, open_states, room_for
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.profiles import NO_MOVES
from solvers.sequoia.result import Stage, Tolerance
from solvers.sequoia.search_kernels import Search, search_room
from solvers.sequoia.spread import spread
from solvers.sequoia.stack import Stack, layer_starts, stacked
from solvers.sequoia.workshop import Workshop

_TIES = 64
_QUESTIONS = 4  # none are put, but there has to be room for those of one node


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """What is known of a decision after the first stages.

    Attributes:
        network: Q of the state.
        opened: what the kernel found.
        place: of the state in ``opened``.
        search: a branch and bound to go on with, if there is any.
        best: an allowed action with what is proven of it, or None where none was found.
        stage: which stage gave its bound.
    """

    network: ActionNetwork
    opened: Opened
    place: int
    search: Search | None
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


@dataclass(frozen=True, slots=True, eq=False)
class Buffers:
    """What threads work with, kept between batches.

    Attributes:
        desks: for a set and a network of m neurons and n bits, the set and room to work.
        searches: for such a network.
    """

    desks: Workshop[tuple[Domain, Room]] = field(default_factory=Workshop)
    searches: Workshop[Search] = field(default_factory=Workshop)

    def desk(self, prepared: PreparedSet, m: int, n: int) -> tuple[Domain, Room]:
        """One that nobody else has."""

        def make() -> tuple[Domain, Room]:
            domain = _domain(prepared)
            return domain, room_for(m, n, domain)

        return self.desks.take((prepared, m, n), make)

    def search(self, m: int, n: int) -> Search:
        """Room for a search that nobody else has."""
        return self.searches.take((m, n), lambda: search_room(m, n, _QUESTIONS))

    def free_search(self, search: Search) -> None:
        """Let others have it."""
        self.searches.give_back((search.root.lower.size, search.root.fixed.size), search)


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
    nodes: NDArray[np.int64],
    workers: int = 1,
    buffers: Buffers | None = None,
) -> list[Opening]:
    """Open several decisions over one set.

    An opening does not depend on what else is opened with it, nor on the number of threads.

    Args:
        networks: Q of each state, alike by :func:`shared_matrices`.
        prepared: the action set.
        enough: for each state, actions that do not exceed this value need not be told apart.
        tolerance: gap at which to stop.
        search: whether to search locally where there is no table, from the maximiser of the linear bound.
        nodes: for each state, greatest number of nodes to branch to; int64.
        workers: threads.
        buffers: to work with; None: new ones.

    Raises:
        ValueError: a weight or bias is not finite, or sums of them are beyond the greatest floating-point
            number.
    """
    asked = _Asked(networks, prepared, enough, tolerance, search, nodes, buffers or Buffers())
    opened, searches = asked.answer(workers)
    for unsound in np.flatnonzero(~opened.sound).tolist():
        stacked(networks[unsound])  # says what is wrong
    values = values_each(networks, opened.action)
    found = []
    for s, (network, value) in enumerate(zip(networks, values.tolist(), strict=True)):
        best, stage = None, Stage.ROOT
        if opened.allowed[s]:
            best, stage = _best(network, prepared.table, opened, s, value, asked.ties(opened, s))
        found.append(Opening(network, opened, s, searches.get(s), best, stage))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Arguments of `openings`."""

    networks: Sequence[ActionNetwork]
    prepared: PreparedSet
    enough: NDArray[np.float64]
    tolerance: Tolerance
    search: bool
    nodes: NDArray[np.int64]
    buffers: Buffers

    def answer(self, workers: int, ties: int = _TIES) -> tuple[Opened, dict[int, Search]]:
        """Run the kernel, with room for so many ties; also the searches that go on, by states."""
        whole, states = stacked(self.networks[0]), len(self.networks)
        m, n = whole.neurons, whole.bits
        opened, searches = _room(states, m, n, ties), {}
        first = np.array([network.biases[0] for network in self.networks])
        next_state = np.zeros(1, dtype=np.int64)
        how = (self.search, self.nodes, self.enough, self.tolerance.absolute, self.tolerance.relative)

        def work(stack: Stack) -> None:
            domain, room = self.buffers.desk(self.prepared, m, n)
            while True:
                tree = self.buffers.search(m, n)
                s = open_states(stack, first, domain, *how, next_state, room, tree, opened)
                if s < 0:
                    self.buffers.free_search(tree)
                    self.buffers.desks.give_back((self.prepared, m, n), (domain, room))
                    return
                searches[s] = tree

        threads = range(min(workers, states))
        stacks = [whole._replace(constant=whole.constant.copy(), margin=whole.margin.copy()) for _ in threads]
        spread(work, stacks, workers)
        return opened, searches

    def ties(self, opened: Opened, s: int) -> NDArray[np.int64]:
        """Places in the table of the actions tied for the best."""
        tied = int(opened.tied[s])
        if tied <= opened.ties.shape[1]:
            return opened.ties[s, :tied]
        own = slice(s, s + 1)
        alone = replace(self, networks=self.networks[own], enough=self.enough[own], nodes=self.nodes[own])
        places: NDArray[np.int64] = alone.answer(1, tied)[0].ties[0]
        return places


def _room(states: int, m: int, n: int, ties: int) -> Opened:
    return Opened(
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
        ties=np.empty((states, ties), dtype=np.int64),
    )


def _domain(prepared: PreparedSet) -> Domain:
    count = prepared.count
    return Domain(
        search_terms(prepared.action_set, count),
        count.left,
        prepared.has_none,
        NO_MOVES if prepared.profiles is None else prepared.profiles.moves,
        NO_TABLE if prepared.table is None else prepared.table.arrays,
    )


def _best(
    network: ActionNetwork,
    table: ActionTable | None,
    opened: Opened,
    s: int,
    value: float,
    ties: NDArray[np.int64],
) -> tuple[Incumbent, Stage]:
    action = opened.action[s]
    if table is not None and ties.size > 1:  # the network itself decides
        actions = table.actions(np.sort(ties))
        action = actions[int(network.values(actions).argmax())]
        value = float(network.values(action[None])[0])
    output = float(opened.output[s])
    known = max(value, float(opened.rest[s]))
    stage = Stage.ROOT
    if known < output:
        stage = Stage.BRANCHING if table is None else Stage.TABLE
    return Incumbent(action, value, max(value, min(known, output))), stage
