r"""What it takes to make choices from budgets consistent: choices to drop, and money to lose.

**Houtman and Maks** [1]_: the most choices that satisfy GARP together. It is a hitting set problem: of every
violating cycle one choice must go. Cycles are added as they turn up: the integer program over those known
gives a set to keep, which is optimal if it satisfies GARP; otherwise its shortest violating cycles are added.

**Money pump** [2]_ [3]_: whoever buys the bundles of a violating cycle and sells each to the chooser at the
prices at which it is preferred to the next gains

.. math::
    \frac{\sum_{t \in C} p_t (x_t - x_{t+1})}{\sum_{t \in C} p_t x_t}

of what is spent. The index is the maximum over cycles of revealed preference, found by Dinkelbach's method:
as long as some cycle gains more than the ratio so far, its ratio is the next.

.. [1] M. Houtman and J. A. H. Maks, "Determining all maximal data subsets consistent with revealed
   preference", Kwantitatieve Methoden 19, 1985 (from memory).
.. [2] F. Echenique, S. Lee and M. Shum, "The money pump as a measure of revealed preference violations",
   JPE 119, 2011, who average over cycles.
.. [3] B. Smeulders, L. Cherchye, F. C. R. Spieksma and B. De Rock, "The money pump as a measure of revealed
   preference violations: a comment", JPE 121, 2013, who show that the maximum is easy.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from solvers.rationality.metrics.revealed_preference import Purchases, closure

_GAIN = 1e-12  # of the ratio: less is rounding


@dataclass(frozen=True, slots=True)
class ConsistentSubset:
    """A largest set of choices that satisfies GARP.

    Attributes:
        kept: positions of the choices, ascending; they satisfy GARP.
        bound: no set has more than this many; equal to the number kept unless time ran out.
        count: choices in all.
    """

    kept: tuple[int, ...]
    bound: int
    count: int

    @property
    def index(self) -> float:
        """Share of choices kept: the Houtman-Maks index."""
        return len(self.kept) / self.count

    @property
    def exact(self) -> bool:
        """Whether no larger set exists."""
        return self.bound == len(self.kept)


def houtman_maks(
    prices: ArrayLike, bundles: ArrayLike, *, time_limit: float | None = None
) -> ConsistentSubset:
    """Find a largest set of choices that satisfies GARP.

    Args:
        prices: > 0, shape (n, goods).
        bundles: >= 0, shape (n, goods).
        time_limit: seconds for each integer program, or None for no limit.

    Raises:
        ValueError: see `Purchases.of`; or ``time_limit`` is negative.

    Example:
        >>> houtman_maks([[1, 2], [2, 1], [1, 1]], [[0, 2], [2, 0], [2, 2]]).index
        0.666...
    """
    return largest_consistent(Purchases.of(prices, bundles), time_limit=time_limit)


def largest_consistent(bought: Purchases, *, time_limit: float | None = None) -> ConsistentSubset:
    """As `houtman_maks`, for choices whose r_ts are known, as those from menus are."""
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    size = len(bought.spent)
    kept, bound = np.ones(size, dtype=np.bool_), size
    cycles: list[NDArray[np.int64]] = []
    while True:
        fresh = _violating_cycles(bought, kept)
        if not fresh:
            break
        cycles += fresh
        drop, least, finished = _hitting_set(cycles, size, time_limit)
        bound = min(bound, size - least)
        kept = ~drop
        if not finished:
            kept = _dropped_greedily(bought, kept)
            break
    return ConsistentSubset(tuple(np.flatnonzero(kept).tolist()), bound, size)


def money_pump(prices: ArrayLike, bundles: ArrayLike) -> float:
    """The greatest share of expenditure that a cycle of revealed preference loses, in [0, 1).

    Zero exactly if GARP holds. Arguments and errors are those of `Purchases.of`.

    Example:
        >>> money_pump([[1, 2], [2, 1]], [[0, 2], [2, 0]])
        0.5
    """
    bought = Purchases.of(prices, bundles)
    edges = bought.preferred & ~np.eye(len(bought.spent), dtype=np.bool_)
    gains = np.maximum(bought.spent[:, None] * (1.0 - bought.ratios), 0.0)
    ratio = 0.0
    while True:
        cycle = _gaining_cycle(edges, gains - ratio * bought.spent[:, None])
        if cycle is None:
            return ratio
        following = np.roll(cycle, -1)
        better = float(gains[cycle, following].sum() / bought.spent[cycle].sum())
        if better <= ratio * (1.0 + _GAIN):
            return ratio
        ratio = better


def _violating_cycles(bought: Purchases, kept: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """For each choice in a violating cycle among those kept a shortest one through a strict step from it."""
    pair = kept[:, None] & kept
    edges = bought.preferred & pair & ~np.eye(kept.size, dtype=np.bool_)
    strict = bought.strictly & pair
    guilty = closure(edges).T & strict  # t strictly preferred to s, and s again to t
    found: dict[tuple[int, ...], NDArray[np.int64]] = {}
    for t in np.flatnonzero(guilty.any(axis=1)):
        cycle = min((_shortest_path(edges, int(s), int(t)) for s in np.flatnonzero(guilty[t])), key=len)
        found[tuple(sorted(cycle))] = np.array(cycle)
    return list(found.values())


def _shortest_path(edges: NDArray[np.bool_], start: int, goal: int) -> list[int]:
    """Vertices of a shortest path, which exists."""
    came = {start: start}
    queue = deque([start])
    while goal not in came:
        here = queue.popleft()
        for there in np.flatnonzero(edges[here]).tolist():
            if there not in came:
                came[there] = here
                queue.append(there)
    path = [goal]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path


def _hitting_set(
    cycles: list[NDArray[np.int64]], size: int, time_limit: float | None
) -> tuple[NDArray[np.bool_], int, bool]:
    """Choices to drop so that each cycle loses one, the least number proven, and whether these agree."""
    rows = np.repeat(np.arange(len(cycles)), [c.size for c in cycles])
    matrix = csr_array((np.ones(rows.size), (rows, np.concatenate(cycles))), shape=(len(cycles), size))
    options = {} if time_limit is None else {"time_limit": time_limit}
    answer = milp(
        np.ones(size),
        constraints=LinearConstraint(matrix, lb=1.0),
        integrality=np.ones(size),
        bounds=Bounds(0.0, 1.0),
        options=options,
    )
    lower = answer.mip_dual_bound
    least = int(np.ceil(lower - 1e-6)) if lower is not None and np.isfinite(lower) else 0
    drop = np.zeros(size, dtype=np.bool_) if answer.x is None else answer.x > 0.5
    return drop, max(least, 0), bool(answer.status == 0)


def _dropped_greedily(bought: Purchases, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop whoever is in most violating pairs, until none is left."""
    kept = kept.copy()
    while True:
        pair = kept[:, None] & kept
        guilty = closure(bought.preferred & pair).T & bought.strictly & pair
        involved = guilty.sum(axis=0) + guilty.sum(axis=1)
        if not involved.any():
            return kept
        kept[int(involved.argmax())] = False


def _gaining_cycle(edges: NDArray[np.bool_], weights: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """A cycle of ``edges`` of positive total weight, by longest walks (Bellman and Ford), or None."""
    size = len(edges)
    reach = np.where(edges, weights, -np.inf)
    slack = 1e-13 * max(float(np.abs(weights).max()), np.finfo(float).tiny)
    best, before = np.zeros(size), np.full(size, -1)
    for _ in range(size):
        through = best[:, None] + reach
        longest = through.max(axis=0)
        better = longest > best + slack
        if not better.any():
            return None
        before[better] = through.argmax(axis=0)[better]
        best = np.where(better, longest, best)
    # Someone improved in the last round, so walking back from there ends in a cycle.
    place = int(np.flatnonzero(better)[0])
    for _ in range(size):
        place = int(before[place])
    cycle = [place]
    while before[cycle[-1]] != place:
        cycle.append(int(before[cycle[-1]]))
    return np.array(cycle[::-1])
