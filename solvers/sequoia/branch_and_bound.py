"""Best-first branch and bound over actions, on bits and on signs of neurons.

The search works on the counting relaxation of the action set. Where that is the whole set, everything
happens in the compiled kernel. For other sets the kernel hands over, in batches, the actions whose
membership it needs: those better than the best known, and for sets closed under dropping bits also the bits
that a node fixes to 1.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from solvers.sequoia.bounds import LayerBounds, set_core
from solvers.sequoia.branch_and_bound_kernels import (
    ASK,
    ASKED,
    FULL,
    NODES,
    OPEN,
    SETTLED,
    TRIED,
    UNUSED,
    VALUE,
    Pool,
    Questions,
    grow,
    plant,
)
from solvers.sequoia.counting import Counting, counting
from solvers.sequoia.dual_kernels import Work
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.stack import Stack

_FIRST_ROWS = 256
_ASKED_AT_ONCE = 32
_BETWEEN_LOOKS = 64
_WORK = 1e8


@dataclass(frozen=True, slots=True, eq=False)
class BranchResult:
    """What the search found.

    Attributes:
        action: the best allowed action known, bool of shape (N,).
        value: its Q, by the network.
        upper: no allowed action has a greater Q, whether the search was stopped or not.
        nodes: how many were bounded.
        closed: whether ``upper`` is within the tolerance of ``value``.
    """

    action: NDArray[np.bool_]
    value: float
    upper: float
    nodes: int
    closed: bool


def node_limit(network: ActionNetwork, prepared: PreparedSet) -> int:
    """Nodes worth bounding before the mixed-integer program is tried.

    Where the set only counts bits, in all or by kinds, the search closed in a third to a hundredth of
    HiGHS's time most of what took longer than milliseconds, on networks fitted to 20, 40 and 100 arms with
    16x32 to 64x64 neurons, and where neither finished it mostly left the smaller gap. So it gets as many
    nodes as fit into some seconds. Other constraints are unseen by its bounds: there it closes within some
    hundred nodes most of what it closes at all, and the program knows the constraints.

    Args:
        network: Q of one state.
        prepared: allowed actions.
    """
    if not prepared.count.complete:
        return 300
    neurons = sum(bias.size for bias in network.biases[:-1])
    return max(1000, int(_WORK / (neurons * (neurons + network.size))))


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
    stack, low, high, output = set_core(network, count, bounds)
    m, n = stack.neurons, stack.bits
    pool = _rows(min(_FIRST_ROWS, max(max_nodes, 1) + 2), stack)
    pool.fixed[0], pool.lower[0], pool.upper[0] = count.fixed, low, high
    pool.alpha[0] = np.where(high > -low, 1.0, stack.slope)
    pool.bound[0] = output
    work = Work(
        factor=np.zeros(m),
        line=np.zeros(m),
        rise=np.zeros(m),
        relaxed=np.zeros(m),
        exact=np.zeros(m),
        before=np.zeros(m),
        after=np.zeros(m),
        coef=np.zeros(n),
        spare=np.zeros(n),
        bits=np.zeros(n, dtype=np.int64),
        action=np.zeros(n, dtype=np.bool_),
        point=np.zeros(n, dtype=np.bool_),
        best=action,
    )
    questions = Questions(
        np.zeros((_ASKED_AT_ONCE, n), dtype=np.bool_),
        np.zeros(_ASKED_AT_ONCE, dtype=np.int64),
        np.zeros(_ASKED_AT_ONCE, dtype=np.int64),
    )
    tally = np.zeros(TRIED + 2, dtype=np.int64)
    score = np.array([value, -np.inf, 0.0, 0.0])
    how = (count.most, count.exactly, count.kinds.workspace(), count.complete)
    plant(stack, pool, work, questions, tally, score, *how, tol)
    downward = action_set.downward and not count.complete
    more = True
    while more:
        stop = max_nodes if deadline == math.inf else min(max_nodes, int(tally[NODES]) + _BETWEEN_LOOKS)
        reason = grow(stack, pool, work, questions, tally, score, *how, downward, stop, tol)
        if reason == FULL:
            pool = _more_rows(pool, stack, tally)
        elif reason == ASK:
            _answer(network, action_set, pool, questions, tally, score, action)
        else:
            more = stop < max_nodes and _is_open(pool, tally, score, tol) and time.monotonic() < deadline
    reached = float(network.values(action[None])[0])
    left = float(pool.bound[pool.heap[0]]) if tally[OPEN] else -math.inf
    upper = max(reached, float(score[SETTLED]), left)
    return BranchResult(action, reached, upper, int(tally[NODES]), upper <= reached + tol)


def _is_open(pool: Pool, tally: NDArray[np.int64], score: NDArray[np.float64], tol: float) -> bool:
    """Whether some node may hold an action that beats the best."""
    return bool(tally[OPEN] and pool.bound[pool.heap[0]] > score[VALUE] + tol)


def _rows(rows: int, stack: Stack) -> Pool:
    """An empty pool."""
    m, n = stack.neurons, stack.bits
    return Pool(
        fixed=np.empty((rows, n), dtype=np.int8),
        split=np.zeros((rows, m), dtype=np.int8),
        lower=np.empty((rows, m)),
        upper=np.empty((rows, m)),
        alpha=np.empty((rows, m)),
        beta=np.zeros((rows, m)),
        bound=np.empty(rows),
        bit=np.empty(rows, dtype=np.int64),
        neuron=np.empty(rows, dtype=np.int64),
        number=np.zeros(rows, dtype=np.int64),
        dead=np.zeros(rows, dtype=np.bool_),
        heap=np.empty(rows, dtype=np.int64),
        unused=np.empty(rows, dtype=np.int64),
    )


def _more_rows(pool: Pool, stack: Stack, tally: NDArray[np.int64]) -> Pool:
    """The same nodes in a pool of twice as many rows."""
    rows = pool.bound.size
    more = _rows(2 * rows, stack)
    for name in Pool._fields:
        getattr(more, name)[:rows] = getattr(pool, name)
    begin = int(tally[UNUSED])
    more.unused[begin : begin + rows] = np.arange(2 * rows - 1, rows - 1, -1)
    tally[UNUSED] += rows
    return more


def _answer(
    network: ActionNetwork,
    action_set: ActionSet,
    pool: Pool,
    questions: Questions,
    tally: NDArray[np.int64],
    score: NDArray[np.float64],
    action: NDArray[np.bool_],
) -> None:
    """Test the actions asked for: keep the best allowed one in ``action``, and bury nodes without any."""
    asked = int(tally[ASKED])
    candidates = questions.action[:asked]
    allowed = action_set.contains(candidates)
    row, number = questions.row[:asked], questions.number[:asked]
    gone = ~allowed & (row >= 0)
    gone[gone] = pool.number[row[gone]] == number[gone]  # the row may have been given to another node since
    pool.dead[row[gone]] = True
    if allowed.any():
        candidates = candidates[allowed]
        values = network.values(candidates)
        best = int(values.argmax())
        if values[best] > score[VALUE]:
            score[VALUE] = values[best]
            action[:] = candidates[best]
    tally[ASKED] = 0
