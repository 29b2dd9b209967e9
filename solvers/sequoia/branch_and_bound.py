"""Best-first branch and bound over actions, on bits and on signs of neurons.

The search works on the counting relaxation of the action set. Where that is the whole set, everything
happens in compiled code (``solvers.sequoia.search_kernels``). For other sets it hands over, in batches, the
actions whose membership it needs: those better than the best known, and for sets closed under dropping bits
also the bits that a node fixes to 1.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from solvers.sequoia.bounds import LayerBounds, known_bounds
from solvers.sequoia.branch_and_bound_kernels import ASK, ASKED, DONE, FULL, NODES, UNUSED, VALUE
from solvers.sequoia.branching_pool import Pool, more_rows
from solvers.sequoia.counting import Counting, counting
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.search_kernels import (
    NEVER,
    POOL,
    WIDTH,
    Search,
    Terms,
    advance,
    begin,
    search_room,
    upper_bound,
)
from solvers.sequoia.stack import fill_core, stacked

_RESTARTS = (16, 256, 2048, 16384)
"""Nodes after which the search begins again: with better actions known, and a longer race."""
_ASKED_AT_ONCE = 32
_BETWEEN_LOOKS = 64
_WORK = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class BranchResult:
    """What the search found.

    Attributes:
        action: the best allowed action known, bool of shape (N,).
        value: its Q, by the network.
        upper: no allowed action has a greater Q, whether the search was stopped or not.
        nodes: how many were bounded; narrowing the neurons counts as many as take the time.
        closed: whether ``upper`` is within the tolerance of ``value``.
    """

    action: NDArray[np.bool_]
    value: float
    upper: float
    nodes: int
    closed: bool


def node_limit(network: ActionNetwork, prepared: PreparedSet) -> int:
    """Nodes worth bounding before the mixed-integer program is tried.

    Where the set only counts bits, in all or by kinds, the search closed in a tenth to a hundredth of HiGHS's
    time what took longer than milliseconds, on networks fitted to 20, 40 and 100 arms with 16x32 to 64x64
    neurons. So it gets as many nodes as fit into some seconds. Other constraints are unseen by its bounds,
    but in sets closed under dropping bits it learns which bits a node cannot have: schedules and paths of 40
    arms, too, closed in a hundredth of HiGHS's time. In the rest the program knows more, and comes soon.

    Args:
        network: Q of one state.
        prepared: allowed actions.
    """
    if not prepared.count.complete:
        return 20_000 if prepared.action_set.downward else 300
    neurons = sum(bias.size for bias in network.biases[:-1])
    return max(1000, int(_WORK / max(1, neurons * (neurons + network.size))))


def search(
    network: ActionNetwork,
    action_set: ActionSet,
    incumbent: ArrayLike,
    value: float,
    max_nodes: int,
    tol: float,
    *,
    bounds: LayerBounds | None = None,
    count: Counting | None = None,
    begun: Search | None = None,
    deadline: float = math.inf,
) -> BranchResult:
    """Raise the best action and lower the bound until they meet or the nodes are used up.

    Args:
        network: Q of one state.
        action_set: allowed actions.
        incumbent: an allowed action, of shape (N,).
        value: its Q.
        max_nodes: greatest number of nodes to bound; the root is bounded in any case.
        tol: greatest difference between ``upper`` and ``value`` that counts as closed. Bounds allow for
            rounding, so below about 1e-10 of the magnitudes in the network it may not be reached.
        bounds: of the network over the set, if they are known already.
        count: the relaxation of the set to search in; None: by the number of its bits.
        begun: the search so far, over the same set and network from the same incumbent; None: not begun.
        deadline: on the clock of ``time.monotonic``, looked at every 64 nodes.

    Returns:
        The same whenever the arguments are, but for the deadline.

    Raises:
        ValueError: ``incumbent`` has another shape.
    """
    action = np.array(incumbent, dtype=np.bool_)
    if action.shape != (network.size,):
        raise ValueError(f"incumbent must have shape ({network.size},), got {action.shape}")
    count = counting(action_set) if count is None else count
    terms = search_terms(action_set, count)
    room = _begun(network, terms, count, bounds, action, value, max_nodes, tol) if begun is None else begun
    stride = NEVER if deadline == math.inf else _BETWEEN_LOOKS
    while True:
        reason = advance(room, terms, max_nodes, tol, stride, NEVER)
        if reason == FULL:
            room = _with_more_rows(room)
        elif reason == ASK:
            _answer(room, network, action_set)
        elif reason == DONE or time.monotonic() >= deadline:
            break
    action = room.work.best.copy()
    reached = float(network.values(action[None])[0])
    upper = max(reached, upper_bound(room))
    return BranchResult(action, reached, upper, int(room.tally[NODES]), upper <= reached + tol)


def search_terms(action_set: ActionSet, count: Counting) -> Terms:
    """What a search of the set's relaxation goes by."""
    downward = action_set.downward and not count.complete
    kinds = count.kinds.workspace()
    restarts = np.array(_RESTARTS, dtype=np.int64)
    return Terms(count.fixed, count.most, count.exactly, kinds, count.complete, downward, restarts)


def _begun(
    network: ActionNetwork,
    terms: Terms,
    count: Counting,
    bounds: LayerBounds | None,
    action: NDArray[np.bool_],
    value: float,
    max_nodes: int,
    tol: float,
) -> Search:
    """A search with nothing but a root."""
    whole = stacked(network)
    lower, upper, output = known_bounds(whole, count, bounds)
    room = search_room(whole.neurons, whole.bits, _ASKED_AT_ONCE)
    width = fill_core(whole, lower, upper, room.first)
    begin(room, terms, width, lower, upper, output, action, value, max_nodes, tol)
    return room


def _pool(room: Search) -> Pool:
    """The pool at hand."""
    return room.other if room.tally[POOL] else room.pool


def _with_more_rows(room: Search) -> Search:
    """The same search with twice as many rows in the pool at hand."""
    tally, pool = room.tally, _pool(room)
    more = more_rows(pool, int(tally[WIDTH]), int(tally[UNUSED]))
    tally[UNUSED] += pool.bound.size
    return room._replace(other=more) if tally[POOL] else room._replace(pool=more)


def _answer(room: Search, network: ActionNetwork, action_set: ActionSet) -> None:
    """Test the actions asked for: keep the best allowed one, and bury nodes without any."""
    pool, questions, score = _pool(room), room.questions, room.score
    asked = int(room.tally[ASKED])
    candidates = questions.action[:asked]
    allowed = action_set.contains(candidates)
    row, number = questions.row[:asked], questions.number[:asked]
    gone = ~allowed & (row >= 0)
    gone[gone] = pool.number[row[gone]] == number[gone]  # the row may have gone to another node since
    pool.dead[row[gone]] = True
    if allowed.any():
        candidates = candidates[allowed]
        values = network.values(candidates)
        best = int(values.argmax())
        if values[best] > score[VALUE]:
            score[VALUE] = values[best]
            room.work.best[:] = candidates[best]
    room.tally[ASKED] = 0
