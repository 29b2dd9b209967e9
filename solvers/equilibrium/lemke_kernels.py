"""Compiled pivots of Lemke's method on a dictionary; see ``solvers.equilibrium.lemke``.

Row i of the dictionary states basic_i = D[i, 0] + sum_j D[i, 1 + j] nonbasic_j. Of n pairs, variable i is
w_i, variable n + i is z_i, and variable 2 n is the artificial z_0.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

SOLVED, MORE, RAY = 0, 1, 2

_SMALL_PIVOT = 1e-9
_TIE = 1e-11


@njit(cache=True, nogil=True)
def lemke_pivots(
    dictionary: NDArray[np.float64],
    basic: NDArray[np.int64],
    nonbasic: NDArray[np.int64],
    first: NDArray[np.int64],
    entering: int,
    limit: int,
) -> tuple[int, int, int]:
    """At most ``limit`` complementary pivots; dictionary (n, n + 2) and index sets change in place.

    Args:
        dictionary: the dictionary D, with non-negative constants unless z_0 enters.
        basic: variable of each row, shape (n,).
        nonbasic: variable of each column but the first, shape (n + 1,).
        first: the variables that were basic at the start, shape (n,): the order of the perturbation.
        entering: the variable to enter.
        limit: most pivots.

    Returns:
        SOLVED, MORE or RAY; the pivots taken; the variable that would enter next.
    """
    n = basic.size
    where = np.empty(2 * n + 1, np.int64)  # row of a basic variable, -1 - column of a nonbasic one
    for i in range(n):
        where[basic[i]] = i
    for j in range(n + 1):
        where[nonbasic[j]] = -1 - (j + 1)
    ratios = np.empty(n)
    tied = np.empty(n, np.int64)
    for count in range(limit):
        c = -1 - where[entering]
        # When z_0 enters at the start, it rises until the last constant is non-negative: a largest ratio.
        sign = -1.0
        for i in range(n):
            if dictionary[i, 0] < 0.0 and entering == 2 * n:
                sign = 1.0
        best = np.inf
        for i in range(n):
            slope = sign * dictionary[i, c]
            ratios[i] = np.inf
            if slope > _SMALL_PIVOT:
                constant = dictionary[i, 0] if sign > 0.0 else max(dictionary[i, 0], 0.0)
                ratios[i] = constant / slope
                best = min(best, ratios[i])
        if best == np.inf:
            return RAY, count, entering
        ties = 0
        for i in range(n):
            if ratios[i] <= best + _TIE * (1.0 + abs(best)):
                tied[ties] = i
                ties += 1
        # z_0 leaves whenever it may: that is a solution.
        for k in range(ties):
            if basic[tied[k]] == 2 * n:
                tied[0] = tied[k]
                ties = 1
                break
        if ties > 1:
            ties = _least_lexicographic(dictionary, where, first, c, tied, ties)
        r = tied[0]
        leaving = basic[r]
        _exchange(dictionary, r, c)
        basic[r], nonbasic[c - 1] = entering, leaving
        where[entering], where[leaving] = r, -1 - c
        if leaving == 2 * n:
            return SOLVED, count + 1, entering
        entering = leaving + n if leaving < n else leaving - n
    return MORE, limit, entering


@njit(cache=True, nogil=True)
def _least_lexicographic(
    dictionary: NDArray[np.float64],
    where: NDArray[np.int64],
    first: NDArray[np.int64],
    c: int,
    tied: NDArray[np.int64],
    ties: int,
) -> int:
    """Cut the tied rows down to one, as if the constants had been perturbed by powers of a tiny number."""
    for v in first:
        at = where[v]
        best = np.inf
        for k in range(ties):
            i = tied[k]
            share = (1.0 if at == i else 0.0) if at >= 0 else -dictionary[i, -1 - at]
            best = min(best, share / abs(dictionary[i, c]))
        kept = 0
        for k in range(ties):
            i = tied[k]
            share = (1.0 if at == i else 0.0) if at >= 0 else -dictionary[i, -1 - at]
            if share / abs(dictionary[i, c]) <= best + _TIE * (1.0 + abs(best)):
                tied[kept] = i
                kept += 1
        ties = kept
        if ties == 1:
            break
    return ties


@njit(cache=True, nogil=True)
def _exchange(dictionary: NDArray[np.float64], r: int, c: int) -> None:
    """Solve row r for the variable of column c, and put it into the other rows, in place."""
    n, width = dictionary.shape
    inverse = 1.0 / dictionary[r, c]
    for j in range(width):
        dictionary[r, j] *= -inverse
    dictionary[r, c] = inverse
    row = dictionary[r].copy()  # a copy cannot alias the rows it updates, so the loop vectorises
    for i in range(n):
        factor = dictionary[i, c]
        if i == r or factor == 0.0:
            continue
        dictionary[i, c] = 0.0
        for j in range(width):
            dictionary[i, j] += factor * row[j]
