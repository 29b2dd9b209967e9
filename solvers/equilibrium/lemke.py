r"""Linear complementarity problems by Lemke's method.

Given M and q, find z with

.. math::  w = q + M z \ge 0, \qquad z \ge 0, \qquad z \cdot w = 0 .

From a complementary basis an artificial variable z_0 with coefficients d > 0 lifts every constant above zero,
and complementary pivots bring it down again [1]_. Ties are broken lexicographically, so no basis comes
twice. The pivots run on a dense dictionary, which is computed afresh from its basis now and then, and the
answer from the last basis alone. The method ends at a solution or on a ray; for some matrices, such as
copositive ones with suitable q, a ray proves that there is no solution, and for others it proves nothing.

.. [1] Lemke (1965), "Bimatrix equilibrium points and mathematical programming"; Cottle, Pang and Stone
   (1992), The Linear Complementarity Problem, sections 4.4 and 4.9. From memory.
"""

import time
from dataclasses import dataclass
from enum import Enum
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.equilibrium.lemke_kernels import RAY, SOLVED, lemke_pivots

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BLOCK = 150  # pivots before the dictionary is computed afresh
_FEASIBLE = 1e-9
_ROUNDING = 1e-14
_LOST = 1e-6  # a constant this negative in a fresh dictionary says that rounding led the pivots astray


class LcpOutcome(Enum):
    """How Lemke's method ended."""

    SOLVED = "a complementary solution was found"
    RAY = "the path left on a ray"
    LIMIT = "the limit on pivots or time came first"
    NUMERICAL = "a basis was singular, or its solution not feasible"


@dataclass(frozen=True, slots=True, eq=False)
class LcpSolution:
    """Where Lemke's method ended.

    Attributes:
        z: the solution, shape (n,); None unless solved.
        basis: True where z_i rather than w_i is basic, shape (n,); the start unless solved.
        outcome: how it ended.
        pivots: pivots taken.
    """

    z: FloatArray | None
    basis: Mask
    outcome: LcpOutcome
    pivots: int


def solve_lcp(
    matrix: ArrayLike,
    offset: ArrayLike,
    *,
    covering: ArrayLike | None = None,
    basis: ArrayLike | None = None,
    max_pivots: int = 100_000,
    deadline: float = inf,
) -> LcpSolution:
    """Solve w = q + M z, z, w >= 0, z.w = 0.

    Args:
        matrix: M, shape (n, n).
        offset: q, shape (n,).
        covering: d, shape (n,): coefficients of the artificial variable. At the start it must be able to
            lift every negative constant. By default all are lifted alike.
        basis: complementary basis to start from, True where z_i is basic, shape (n,); by default none is.
        max_pivots: most pivots.
        deadline: ``time.perf_counter()`` value at which to stop, looked at now and then.

    Raises:
        ValueError: a shape, a number that is not finite, or a covering vector that cannot lift the start.
    """
    m, q = np.asarray(matrix, dtype=np.float64), np.asarray(offset, dtype=np.float64)
    if q.ndim != 1 or q.size == 0 or m.shape != (q.size, q.size):
        raise ValueError(f"matrix must have shape (n, n) and offset (n,), got {m.shape} and {q.shape}")
    n = q.size
    start = np.zeros(n, dtype=np.bool_) if basis is None else np.asarray(basis, dtype=np.bool_)
    d = np.ones(n) if covering is None else np.asarray(covering, dtype=np.float64)
    if start.shape != (n,) or d.shape != (n,):
        raise ValueError(f"covering and basis must have shape {(n,)}, got {d.shape} and {start.shape}")
    if not (np.isfinite(m).all() and np.isfinite(q).all() and np.isfinite(d).all()):
        raise ValueError("matrix, offset and covering must be finite")
    basic = np.where(start, n + np.arange(n), np.arange(n))
    nonbasic = np.append(np.where(start, np.arange(n), n + np.arange(n)), 2 * n)
    if covering is None:
        d = _columns(m, d, basic) @ np.ones(n)  # in this basis, a vector of ones
    first = _dictionary(m, q, d, basic, nonbasic)
    if first is None:
        return LcpSolution(None, start, LcpOutcome.NUMERICAL, 0)
    size = max(float(np.abs(first[:, 0]).max()), 1.0)
    first[np.abs(first[:, 0]) <= _ROUNDING * size, 0] = 0.0
    rounded = (first[:, 0] > -_FEASIBLE * size) & (first[:, -1] <= _FEASIBLE)
    first[rounded, 0] = np.maximum(first[rounded, 0], 0.0)
    negative = first[:, 0] < 0.0
    if not negative.any():
        return _solution(m, q, start, start, 0)
    if (first[negative, -1] <= _FEASIBLE).any():
        if covering is None:
            return LcpSolution(None, start, LcpOutcome.NUMERICAL, 0)
        raise ValueError("covering must lift every constant that is negative at the start")
    return _pivot(m, q, d, first, start, (basic, nonbasic), max_pivots, deadline)


def _pivot(
    m: FloatArray,
    q: FloatArray,
    d: FloatArray,
    dictionary: FloatArray,
    start: Mask,
    index: tuple[NDArray[np.int64], NDArray[np.int64]],
    max_pivots: int,
    deadline: float,
) -> LcpSolution:
    n = q.size
    basic, nonbasic = index
    first = basic.copy()
    entering, taken = 2 * n, 0
    while taken < max_pivots and time.perf_counter() < deadline:
        limit = min(_BLOCK, max_pivots - taken)
        outcome, count, entering = lemke_pivots(dictionary, basic, nonbasic, first, entering, limit)
        taken += count
        if outcome == SOLVED:
            return _solution(m, q, start, np.isin(n + np.arange(n), basic), taken)
        if outcome == RAY:
            return LcpSolution(None, start, LcpOutcome.RAY, taken)
        fresh = _dictionary(m, q, d, basic, nonbasic)
        if fresh is None or fresh[:, 0].min() < -_LOST:
            return LcpSolution(None, start, LcpOutcome.NUMERICAL, taken)
        dictionary = fresh
        np.maximum(dictionary[:, 0], 0.0, out=dictionary[:, 0])
    return LcpSolution(None, start, LcpOutcome.LIMIT, taken)


def _columns(m: FloatArray, d: FloatArray, variables: NDArray[np.int64]) -> FloatArray:
    """Columns of the system w - M z - d z_0 = q, shape (n, len(variables))."""
    n = d.size
    columns = np.zeros((n, variables.size))
    w, z, artificial = variables < n, (variables >= n) & (variables < 2 * n), variables == 2 * n
    columns[variables[w], np.flatnonzero(w)] = 1.0
    columns[:, z] = -m[:, variables[z] - n]
    columns[:, artificial] = -d[:, None]
    return columns


def _dictionary(
    m: FloatArray, q: FloatArray, d: FloatArray, basic: NDArray[np.int64], nonbasic: NDArray[np.int64]
) -> FloatArray | None:
    """The dictionary of a basis, shape (n, n + 2); None where the basis is singular."""
    right = np.column_stack([q, -_columns(m, d, nonbasic)])
    try:
        dictionary = np.linalg.solve(_columns(m, d, basic), right)
    except np.linalg.LinAlgError:
        return None
    return np.ascontiguousarray(dictionary) if np.isfinite(dictionary).all() else None


def _solution(m: FloatArray, q: FloatArray, start: Mask, basis: Mask, pivots: int) -> LcpSolution:
    """The solution of a complementary basis, refined once, and checked."""
    z = np.zeros(q.size)
    inner = m[np.ix_(basis, basis)]
    try:
        z[basis] = np.linalg.solve(inner, -q[basis])
        z[basis] -= np.linalg.solve(inner, q[basis] + inner @ z[basis])
    except np.linalg.LinAlgError:
        return LcpSolution(None, start, LcpOutcome.NUMERICAL, pivots)
    w = q + m @ z
    slack = _FEASIBLE * max(1.0, float(np.abs(z).max()), float(np.abs(q).max()))
    if not (np.isfinite(z).all() and z.min() >= -slack and w[~basis].min(initial=0.0) >= -slack):
        return LcpSolution(None, start, LcpOutcome.NUMERICAL, pivots)
    return LcpSolution(np.maximum(z, 0.0), basis, LcpOutcome.SOLVED, pivots)
