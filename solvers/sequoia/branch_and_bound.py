"""Best-first branch and bound over actions, on bits and on signs of neurons.

After a few nodes, and again each time that they are many times as many, the search begins anew: the neurons
of the root are bounded over the actions that beat the best one known (``solvers.sequoia.cutoff_kernels``),
those whose sign is settled leave the core, and two trees race for some nodes, one that branches on bits and
one on neurons. The one with the lower bound goes on: which kind is better differs from network to network, by
as much as a factor of a hundred.

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
    UNUSED,
    VALUE,
    grow,
    narrow_root,
    narrowing_cost,
    plant,
)
from solvers.sequoia.branching_pool import Pool, Questions
from solvers.sequoia.counting import Counting, counting
from solvers.sequoia.dual_kernels import Work
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.stack import Stack, core

_FIRST_ROWS = 256
_RESTARTS = (16, 256, 2048, 16384)
"""Nodes after which the search begins again: with better actions known, and a longer race."""
_ROUNDS = 6
"""Passes over the neurons at one restart."""
_WORTHWHILE = 0.8
"""A pass that leaves more of the gap than this is the last."""
_RACE = 64
"""Nodes at least for each kind of branching before one is chosen; else a quarter of those before."""
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
    tree = _Tree(network, action_set, count, action, value, max_nodes, tol, bounds)
    for pause in (*_RESTARTS, max_nodes):
        tree.grow(min(pause, max_nodes), deadline)
        if not tree.is_open or pause >= max_nodes or time.monotonic() >= deadline:
            break
        tree.restart(deadline)
    reached = float(network.values(action[None])[0])
    upper = max(reached, tree.upper)
    return BranchResult(action, reached, upper, tree.nodes, upper <= reached + tol)


@dataclass(frozen=True, slots=True, eq=False)
class _Root:
    """What is known of the root's neurons and bits: of actions that beat the value it was found with.

    Attributes:
        fixed: as in `Pool`, of shape (N,).
        lower: of the neurons of the core, of shape (m,).
        upper: likewise.
        alpha: likewise.
        bound: on Q.
    """

    fixed: NDArray[np.int8]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    alpha: NDArray[np.float64]
    bound: float

    @classmethod
    def of(cls, pool: Pool) -> "_Root":
        """A copy of row 0."""
        return cls(
            fixed=pool.fixed[0].copy(),
            lower=pool.lower[0].copy(),
            upper=pool.upper[0].copy(),
            alpha=pool.alpha[0].copy(),
            bound=float(pool.bound[0]),
        )

    def pool(self, rows: int) -> Pool:
        """A pool with this in row 0."""
        pool = _rows(rows, self.lower.size, self.fixed.size)
        pool.fixed[0], pool.lower[0], pool.upper[0] = self.fixed, self.lower, self.upper
        pool.alpha[0], pool.bound[0] = self.alpha, self.bound
        return pool


class _Tree:
    """A search in progress; arguments as for `search`, ``action`` is overwritten by better ones."""

    def __init__(
        self,
        network: ActionNetwork,
        action_set: ActionSet,
        count: Counting,
        action: NDArray[np.bool_],
        value: float,
        max_nodes: int,
        tol: float,
        bounds: LayerBounds | None,
    ) -> None:
        self._network, self._action_set, self._action = network, action_set, action
        self._whole, low, high, output = set_core(network, count, bounds)
        self._stack = self._whole
        self._max_nodes, self._tol = max_nodes, tol
        self._how = (count.most, count.exactly, count.kinds.workspace(), count.complete)
        self._downward = action_set.downward and not count.complete
        self._work = _work(self._whole, action)
        self._questions = Questions(
            np.zeros((_ASKED_AT_ONCE, network.size), dtype=np.bool_),
            np.zeros(_ASKED_AT_ONCE, dtype=np.int64),
            np.zeros(_ASKED_AT_ONCE, dtype=np.int64),
        )
        self._tally = np.zeros(4, dtype=np.int64)
        self._score = np.array([value, -np.inf])
        self._pool: Pool
        self._root: _Root
        self._bits = True  # branch on bits, not neurons
        self._known = math.inf  # an upper bound from before the last restart
        self._plant(_Root(count.fixed, low, high, np.where(high > -low, 1.0, self._stack.slope), output))

    @property
    def nodes(self) -> int:
        """How many were bounded."""
        return int(self._tally[NODES])

    @property
    def is_open(self) -> bool:
        """Whether some node may hold an action that beats the best."""
        return self._left > float(self._score[VALUE]) + self._tol

    @property
    def upper(self) -> float:
        """No allowed action has a greater Q than this or ``action``."""
        return min(self._known, max(self._left, float(self._score[SETTLED])))

    @property
    def _left(self) -> float:
        """The greatest bound of an open node."""
        return float(self._pool.bound[self._pool.heap[0]]) if self._tally[OPEN] else -math.inf

    def grow(self, pause: int, deadline: float) -> None:
        """Branch until the tree is closed, has so many nodes, or time is up."""
        stop, more = 0, True  # once in any case: planting may have left questions
        while more:
            stop = pause if deadline == math.inf else min(pause, self.nodes + _BETWEEN_LOOKS)
            while True:
                reason = grow(
                    self._stack,
                    self._whole,
                    self._pool,
                    self._work,
                    self._questions,
                    self._tally,
                    self._score,
                    *self._how,
                    self._downward,
                    self._bits,
                    stop,
                    self._tol,
                )
                if reason == FULL:
                    self._pool = _more_rows(self._pool, self._tally)
                elif reason == ASK:
                    self._answer()
                else:
                    break
            more = stop < pause and self.is_open and time.monotonic() < deadline

    def restart(self, deadline: float) -> None:
        """Begin again with the neurons of the root narrowed, if that can be afforded."""
        tally, score = self._tally, self._score
        pool = self._root.pool(1)
        cost = narrowing_cost(pool.lower[0], pool.upper[0])
        if self.nodes + cost >= self._max_nodes:  # one more is planted
            return
        self._known = self.upper
        for _ in range(_ROUNDS):
            before = float(pool.bound[0]) - score[VALUE]
            met = narrow_root(self._stack, self._whole, pool, self._work, score, *self._how, self._tol)
            tally[NODES] += cost
            if self._how[-1] and met > score[VALUE]:
                score[VALUE] = met
                self._action[:] = self._work.point
            after = float(pool.bound[0]) - score[VALUE]
            cost = narrowing_cost(pool.lower[0], pool.upper[0])
            if after <= self._tol or after > _WORTHWHILE * before or self.nodes + cost >= self._max_nodes:
                break
        tally[OPEN] = 0
        if pool.bound[0] == -math.inf:  # nothing beats the value
            return
        narrowed = _Root.of(pool)
        kept = (narrowed.lower < 0.0) & (narrowed.upper > 0.0)
        self._stack = core(self._stack, narrowed.lower, narrowed.upper)
        rest = (narrowed.lower[kept], narrowed.upper[kept], narrowed.alpha[kept])
        self._race(_Root(narrowed.fixed, *rest, narrowed.bound), deadline)

    def _race(self, root: _Root, deadline: float) -> None:
        """Plant two trees, branch on bits in one and on neurons in the other, and keep the lower one."""
        least, first = math.inf, None
        length = max(_RACE, self.nodes // 4)
        for bits in (True, False):
            self._plant(root)
            self._bits = bits
            self.grow(min(self.nodes + length, self._max_nodes), deadline)
            if not self.is_open:
                return
            if first is None:
                if self.nodes >= self._max_nodes:
                    return
                least, first = self._left, (self._pool, self._tally[[OPEN, UNUSED]])
            elif least <= self._left:
                self._bits = True
                self._pool, self._tally[[OPEN, UNUSED]] = first

    def _plant(self, root: _Root) -> None:
        """Bound the root of a new tree."""
        self._tally[OPEN] = 0
        self._pool = root.pool(min(_FIRST_ROWS, max(self._max_nodes, 1) + 2))
        plant(
            self._stack,
            self._whole,
            self._pool,
            self._work,
            self._questions,
            self._tally,
            self._score,
            *self._how,
            self._tol,
        )
        self._root = _Root.of(self._pool)

    def _answer(self) -> None:
        """Test the actions asked for: keep the best allowed one, and bury nodes without any."""
        pool, questions, score = self._pool, self._questions, self._score
        asked = int(self._tally[ASKED])
        candidates = questions.action[:asked]
        allowed = self._action_set.contains(candidates)
        row, number = questions.row[:asked], questions.number[:asked]
        gone = ~allowed & (row >= 0)
        gone[gone] = (
            pool.number[row[gone]] == number[gone]
        )  # the row may have been given to another node since
        pool.dead[row[gone]] = True
        if allowed.any():
            candidates = candidates[allowed]
            values = self._network.values(candidates)
            best = int(values.argmax())
            if values[best] > score[VALUE]:
                score[VALUE] = values[best]
                self._action[:] = candidates[best]
        self._tally[ASKED] = 0


def _work(whole: Stack, best: NDArray[np.bool_]) -> Work:
    """Buffers for a network and its cores."""
    m, n = whole.neurons, whole.bits
    return Work(
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
        best=best,
        whole=np.zeros(m),
    )


def _rows(rows: int, m: int, n: int) -> Pool:
    """An empty pool for m neurons and n bits."""
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


def _more_rows(pool: Pool, tally: NDArray[np.int64]) -> Pool:
    """The same nodes in a pool of twice as many rows."""
    rows = pool.bound.size
    more = _rows(2 * rows, pool.lower.shape[1], pool.fixed.shape[1])
    for name in Pool._fields:
        getattr(more, name)[:rows] = getattr(pool, name)
    begin = int(tally[UNUSED])
    more.unused[begin : begin + rows] = np.arange(2 * rows - 1, rows - 1, -1)
    tally[UNUSED] += rows
    return more
