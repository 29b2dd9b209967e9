r"""The mean-variance best response: a concave quadratic programme over the simplex, solved exactly.

.. math::  \max_{s \in \Delta} \; c \cdot s - \tfrac12 s^\top Q s, \qquad Q \succeq 0 .

A primal active-set method walks from face to face. The working set always carries a positive
definite reduced Hessian, kept as a Cholesky factor: the entering action is the one with the largest
partial derivative, and the walk goes either to the optimum of the enlarged face or, when Q has no
curvature that way, straight to the wall, where the blocking action leaves. Degenerate Q (zero, rank
one, repeated rows) therefore needs no regularisation.

Whatever the walk returns carries its own proof: with g = c - Q s, concavity gives for every t

.. math::  f(t) \le f(s) + g \cdot (t - s) \le f(s) + \max_a g_a - g \cdot s,

the first-order (Frank-Wolfe) gap [1]_.

.. [1] Jaggi (2013), "Revisiting Frank-Wolfe: projection-free sparse convex optimization", ICML.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-15
_PSD_SLACK = 1e-9


def risk_best_response(
    mean: ArrayLike, covariance: ArrayLike, gamma: float
) -> tuple[FloatArray, float, float]:
    r"""Maximise :math:`s \cdot m - \gamma\, s^\top S s` over the simplex.

    Args:
        mean: expected payoff of each action, shape (n,).
        covariance: covariance of the actions' payoffs over the opponents' play, shape (n, n), symmetric
            positive semidefinite.
        gamma: risk aversion, in units of one over payoff; at least 0.

    Returns:
        The mixture, shape (n,); its value; and the first-order gap: no mixture is worth more than
        value + gap. At gamma = 0 the mixture is the first action of greatest mean, and the gap is zero.

    Raises:
        ValueError: a shape, a non-finite number, a negative gamma, or a covariance that is not
            symmetric positive semidefinite.
    """
    m, s = check_moments(mean, covariance)
    if not (math.isfinite(gamma) and gamma >= 0):
        raise ValueError(f"gamma must be finite and at least 0, got {gamma!r}")
    return maximise_on_simplex(m, 2.0 * gamma * s)


def check_moments(mean: ArrayLike, covariance: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the moments as float64 arrays of shapes (n,) and (n, n), or raise ValueError."""
    m = np.asarray(mean, dtype=np.float64)
    s = np.asarray(covariance, dtype=np.float64)
    if m.ndim != 1 or m.size == 0:
        raise ValueError(f"mean must have shape (n,) with n >= 1, got {m.shape}")
    if s.shape != (m.size, m.size):
        raise ValueError(f"covariance must have shape {(m.size, m.size)}, got {s.shape}")
    if not (np.isfinite(m).all() and np.isfinite(s).all()):
        raise ValueError("mean and covariance must be finite")
    slack = _PSD_SLACK * float(np.abs(s).max())
    if float(np.abs(s - s.T).max()) > slack:
        raise ValueError("covariance must be symmetric")
    if float(np.linalg.eigvalsh(s)[0]) < -slack * m.size:
        raise ValueError("covariance must be positive semidefinite")
    return m, s


def maximise_on_simplex(linear: FloatArray, quadratic: FloatArray) -> tuple[FloatArray, float, float]:
    """Maximise linear . s - s' quadratic s / 2 over the simplex; arguments are trusted, not checked.

    Returns:
        The maximiser, shape (n,); its value; its first-order gap.
    """
    s = np.zeros(linear.size)
    simplex_walk(linear, np.ascontiguousarray(quadratic), s)
    pull = quadratic @ s
    gradient = linear - pull
    gap = max(float(gradient.max() - gradient @ s), 0.0)
    return s, float(linear @ s - 0.5 * (s @ pull)), gap


@njit(cache=True, nogil=True)
def _factor(quadratic: FloatArray, work: NDArray[np.int64], k: int, floor: float, chol: FloatArray) -> None:
    """Cholesky of the Hessian reduced by the first working action; fills chol[:k-1, :k-1] in place."""
    p = work[0]
    for r in range(k - 1):
        a = work[r + 1]
        for c in range(r + 1):
            b = work[c + 1]
            total = quadratic[a, b] - quadratic[a, p] - quadratic[p, b] + quadratic[p, p]
            for e in range(c):
                total -= chol[r, e] * chol[c, e]
            if r == c:
                chol[r, r] = math.sqrt(max(total, floor))
            else:
                chol[r, c] = total / chol[c, c]


@njit(cache=True, nogil=True)
def _solve(chol: FloatArray, k: int, rhs: FloatArray) -> None:
    """Solve L L' x = rhs for the leading k rows, in place."""
    for r in range(k):
        total = rhs[r]
        for c in range(r):
            total -= chol[r, c] * rhs[c]
        rhs[r] = total / chol[r, r]
    for r in range(k - 1, -1, -1):
        total = rhs[r]
        for c in range(r + 1, k):
            total -= chol[c, r] * rhs[c]
        rhs[r] = total / chol[r, r]


@njit(cache=True, nogil=True)
def simplex_walk(linear: FloatArray, quadratic: FloatArray, s: FloatArray) -> int:
    """Active-set maximiser of linear . s - s' quadratic s / 2; fills s in place, returns the steps taken.

    A start with positive entries is used as a warm start, whose support must carry a positive definite
    reduced Hessian (as that of an earlier answer does); all zeros is a cold start.
    """
    n = linear.size
    scale = linear.max() - linear.min()
    curvature = 0.0
    for a in range(n):
        curvature = max(curvature, abs(quadratic[a, a]))
    scale = max(scale, curvature)
    floor = max(1e-14 * curvature, 1e-300)
    work = np.empty(n + 1, np.int64)
    k = 0
    for a in range(n):
        if s[a] > 0.0:
            work[k] = a
            k += 1
    if k == 0:
        best = 0
        for a in range(1, n):
            if linear[a] - 0.5 * quadratic[a, a] > linear[best] - 0.5 * quadratic[best, best]:
                best = a
        work[0] = best
        k = 1
        s[best] = 1.0
    chol = np.empty((n, n))
    step = np.empty(n + 1)
    gradient = np.empty(n)
    _factor(quadratic, work, k, floor, chol)
    steps = 0
    limit = 50 * n + 100
    while steps < limit:
        steps += 1
        gradient[:] = linear
        for e in range(k):
            gradient -= s[work[e]] * quadratic[work[e]]
        # Newton step to the optimum of the working face; a second pass over an optimal face only refines.
        total = 0.0
        for e in range(1, k):
            step[e - 1] = gradient[work[e]] - gradient[work[0]]
        _solve(chol, k - 1, step)
        for e in range(k - 1, 0, -1):
            step[e] = step[e - 1]
            total += step[e]
        step[0] = -total
        length, block = 1.0, -1
        for e in range(k):
            if step[e] < 0.0 and s[work[e]] < -length * step[e]:
                length, block = s[work[e]] / -step[e], e
        for e in range(k):
            s[work[e]] = max(s[work[e]] + length * step[e], 0.0)
        if block >= 0:
            s[work[block]] = 0.0
            k -= 1
            work[block] = work[k]
            _factor(quadratic, work, k, floor, chol)
            continue
        # Price the actions outside the face.
        gradient[:] = linear
        level = 0.0
        for e in range(k):
            gradient -= s[work[e]] * quadratic[work[e]]
        for e in range(k):
            level += s[work[e]] * gradient[work[e]]
        enter = 0
        for a in range(1, n):
            if gradient[a] > gradient[enter]:
                enter = a
        slope = gradient[enter] - level
        inside = False
        for e in range(k):
            inside = inside or work[e] == enter
        if inside or slope <= _ROUNDING * scale:
            break
        # Direction that raises the entering action while the face stays optimal.
        p = work[0]
        bend = quadratic[enter, enter] - 2.0 * quadratic[enter, p] + quadratic[p, p]
        for e in range(1, k):
            a = work[e]
            step[e - 1] = quadratic[p, enter] + quadratic[a, p] - quadratic[a, enter] - quadratic[p, p]
        rhs = step[: k - 1].copy()
        _solve(chol, k - 1, step)
        for e in range(k - 1):
            bend -= rhs[e] * step[e]
        total = 1.0
        for e in range(k - 1, 0, -1):
            step[e] = step[e - 1]
            total += step[e]
        step[0] = -total
        length, block = math.inf, -1
        for e in range(k):
            if step[e] < 0.0 and s[work[e]] < -length * step[e]:
                length, block = s[work[e]] / -step[e], e
        if bend > floor and slope < bend * length:
            length, block = slope / bend, -1
        for e in range(k):
            s[work[e]] = max(s[work[e]] + length * step[e], 0.0)
        s[enter] = length
        if block >= 0:
            s[work[block]] = 0.0
            work[block] = enter
        else:
            work[k] = enter
            k += 1
        _factor(quadratic, work, k, floor, chol)
    s /= s.sum()
    return steps
