"""Compiled pivots on the condensed tableau of a matrix game; see ``solvers.equilibrium.pivoting``.

The tableau occupies the corner ``[:m + 1, :n + 1]`` of a larger C-ordered buffer, so that inner loops run
over contiguous memory. Row 0 is the objective and column 0 the right-hand side:

    z       = T[0, 0] - sum_j T[0, j] * nonbasic_j
    basic_i = T[i, 0] - sum_j T[i, j] * nonbasic_j

Variables are numbered: action j of the column player is j >= 0, the slack of row i is -1 - i.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

DONE, MORE, STUCK = 0, 1, 2

_EPS = 1e-11  # entries are of order one: the payoffs are scaled to [1, 2]
_SMALL_PIVOT = 1e-9
_PATIENCE = 30  # pivots without progress before the cautious rule takes over


@njit(cache=True, nogil=True)
def pivot(
    tableau: NDArray[np.float64],
    m: int,
    n: int,
    r: int,
    c: int,
    basic: NDArray[np.int64],
    nonbasic: NDArray[np.int64],
) -> None:
    """Exchange basic variable r with nonbasic variable c (1-based), in place."""
    inverse = 1.0 / tableau[r, c]
    tableau[r, c] = 1.0
    for j in range(n + 1):
        tableau[r, j] *= inverse
    row = tableau[r, : n + 1].copy()  # a copy cannot alias the rows it updates, so the loop vectorises
    for i in range(m + 1):
        factor = tableau[i, c]
        if i == r or factor == 0.0:
            continue
        tableau[i, c] = 0.0
        for j in range(n + 1):
            tableau[i, j] -= factor * row[j]
    basic[r - 1], nonbasic[c - 1] = nonbasic[c - 1], basic[r - 1]


@njit(cache=True, nogil=True)
def primal_pivots(
    tableau: NDArray[np.float64],
    m: int,
    n: int,
    basic: NDArray[np.int64],
    nonbasic: NDArray[np.int64],
    weights: NDArray[np.float64],
    limit: int,
    stalled: int,
) -> tuple[int, int, int]:
    """Primal simplex from a feasible tableau, at most ``limit`` pivots.

    Pricing is Devex: the steepest descent per unit of an estimated edge length, whose squares are kept in
    ``weights`` (one per column, ones at the start). After ``_PATIENCE`` pivots without progress the
    variable of least number enters (Bland), which cannot cycle. Returns (outcome, pivots, stalled).
    """
    for count in range(limit):
        c = _entering(tableau, n, nonbasic, weights, stalled)
        if c == 0:
            return DONE, count, stalled
        best = np.inf
        for i in range(1, m + 1):
            if tableau[i, c] > _SMALL_PIVOT:
                best = min(best, max(tableau[i, 0], 0.0) / tableau[i, c])
        if best == np.inf:
            return STUCK, count, stalled
        r = 0
        for i in range(1, m + 1):
            if tableau[i, c] <= _SMALL_PIVOT or max(tableau[i, 0], 0.0) / tableau[i, c] > best + _EPS:
                continue
            # Among ties the largest pivot is the most accurate; Bland's rule wants the least number.
            if (
                r == 0
                or (stalled < _PATIENCE and tableau[i, c] > tableau[r, c])
                or (stalled >= _PATIENCE and basic[i - 1] < basic[r - 1])
            ):
                r = i
        before = tableau[0, 0]
        ratio = weights[c - 1] / (tableau[r, c] * tableau[r, c])
        for j in range(1, n + 1):
            weights[j - 1] = max(weights[j - 1], ratio * tableau[r, j] * tableau[r, j])
        weights[c - 1] = max(ratio, 1.0)
        pivot(tableau, m, n, r, c, basic, nonbasic)
        stalled = 0 if tableau[0, 0] > before + _EPS else stalled + 1
    return MORE, limit, stalled


@njit(cache=True, nogil=True)
def _entering(
    tableau: NDArray[np.float64],
    n: int,
    nonbasic: NDArray[np.int64],
    weights: NDArray[np.float64],
    stalled: int,
) -> int:
    c, best = 0, 0.0
    for j in range(1, n + 1):
        if tableau[0, j] >= -_EPS:
            continue
        merit = tableau[0, j] * tableau[0, j] / weights[j - 1]
        if (stalled < _PATIENCE and merit > best) or (
            stalled >= _PATIENCE and (c == 0 or nonbasic[j - 1] < nonbasic[c - 1])
        ):
            c, best = j, merit
    return c


@njit(cache=True, nogil=True)
def dual_pivots(
    tableau: NDArray[np.float64],
    m: int,
    n: int,
    basic: NDArray[np.int64],
    nonbasic: NDArray[np.int64],
    weights: NDArray[np.float64],
    limit: int,
    stalled: int,
) -> tuple[int, int, int]:
    """Dual simplex from a tableau with a non-negative objective row, at most ``limit`` pivots.

    The mirror image of ``primal_pivots``, with one weight per row. Returns (outcome, pivots, stalled).
    """
    for count in range(limit):
        r = _leaving(tableau, m, basic, weights, stalled)
        if r == 0:
            return DONE, count, stalled
        best = np.inf
        for j in range(1, n + 1):
            if tableau[r, j] < -_SMALL_PIVOT:
                best = min(best, max(tableau[0, j], 0.0) / -tableau[r, j])
        if best == np.inf:
            return STUCK, count, stalled
        c = 0
        for j in range(1, n + 1):
            if tableau[r, j] >= -_SMALL_PIVOT or max(tableau[0, j], 0.0) / -tableau[r, j] > best + _EPS:
                continue
            if (
                c == 0
                or (stalled < _PATIENCE and tableau[r, j] < tableau[r, c])
                or (stalled >= _PATIENCE and nonbasic[j - 1] < nonbasic[c - 1])
            ):
                c = j
        before = tableau[0, 0]
        ratio = weights[r - 1] / (tableau[r, c] * tableau[r, c])
        for i in range(1, m + 1):
            weights[i - 1] = max(weights[i - 1], ratio * tableau[i, c] * tableau[i, c])
        weights[r - 1] = max(ratio, 1.0)
        pivot(tableau, m, n, r, c, basic, nonbasic)
        stalled = 0 if tableau[0, 0] < before - _EPS else stalled + 1
    return MORE, limit, stalled


@njit(cache=True, nogil=True)
def _leaving(
    tableau: NDArray[np.float64],
    m: int,
    basic: NDArray[np.int64],
    weights: NDArray[np.float64],
    stalled: int,
) -> int:
    r, best = 0, 0.0
    for i in range(1, m + 1):
        if tableau[i, 0] >= -_EPS:
            continue
        merit = tableau[i, 0] * tableau[i, 0] / weights[i - 1]
        if (stalled < _PATIENCE and merit > best) or (
            stalled >= _PATIENCE and (r == 0 or basic[i - 1] < basic[r - 1])
        ):
            r, best = i, merit
    return r


@njit(cache=True, nogil=True)
def append_row(
    tableau: NDArray[np.float64],
    m: int,
    n: int,
    basic: NDArray[np.int64],
    nonbasic: NDArray[np.int64],
    scaled: NDArray[np.float64],
) -> None:
    """Write row m + 1: the constraint ``scaled @ w <= 1`` in terms of the nonbasic variables."""
    new = tableau[m + 1]
    new[: n + 1] = 0.0
    new[0] = 1.0
    for j in range(n):
        if nonbasic[j] >= 0:
            new[j + 1] += scaled[nonbasic[j]]
    for i in range(m):
        if basic[i] >= 0:
            factor = scaled[basic[i]]
            row = tableau[i + 1]
            for j in range(n + 1):
                new[j] -= factor * row[j]
    basic[m] = -1 - m


@njit(cache=True, nogil=True)
def append_column(
    tableau: NDArray[np.float64],
    m: int,
    n: int,
    basic: NDArray[np.int64],
    nonbasic: NDArray[np.int64],
    scaled: NDArray[np.float64],
) -> None:
    """Write column n + 1: a variable that enters the constraints with ``scaled``, nonbasic at first."""
    factors = np.zeros(n + 1)
    for j in range(n):
        if nonbasic[j] < 0:
            factors[j + 1] = scaled[-1 - nonbasic[j]]
    for i in range(m + 1):
        row = tableau[i]
        total = 0.0
        for j in range(1, n + 1):
            total += factors[j] * row[j]
        if i == 0:
            total -= 1.0
        elif basic[i - 1] < 0:
            total += scaled[-1 - basic[i - 1]]
        row[n + 1] = total
    nonbasic[n] = n
