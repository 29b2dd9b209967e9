"""Dynamics for the risk-averse equilibrium: fictitious play and extragradient, as numba kernels.

Profiles are flat (players one after the other); payoffs are one flat array of row-major matrices, own
actions by opponents' joint actions. Nothing is validated here.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.normal_form.mean_variance import simplex_walk
from solvers.equilibrium.risk_kernels import apply, covariance, joint_of_others, risk_gradient

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True)
def _tremble(x: FloatArray, sizes: IntArray, tremble: float) -> FloatArray:
    believed = (1.0 - tremble) * x
    offset = 0
    for j in range(sizes.size):
        believed[offset : offset + sizes[j]] += tremble / sizes[j]
        offset += sizes[j]
    return believed


@njit(cache=True, nogil=True)
def fictitious_play(
    payoffs: FloatArray,
    sizes: IntArray,
    gammas: FloatArray,
    tremble: float,
    total: bool,
    x: FloatArray,
    responses: FloatArray,
    first: int,
    steps: int,
    tol: float,
) -> tuple[int, float]:
    """Simultaneous fictitious play with exact best responses; updates ``x`` and ``responses`` in place.

    Step t moves every average by 1 / (t + 1) towards the best response to the averages, so the start
    point counts as one observation. Stops early at a residual of at most ``tol``.

    Returns:
        The number of the next step, and the sum of best-response gains at the last profile measured.
    """
    cells = np.prod(sizes)
    residual = np.inf
    for t in range(first, first + steps):
        believed = _tremble(x, sizes, tremble)
        residual = 0.0
        offset = 0
        for i in range(sizes.size):
            n = sizes[i]
            width = cells // n
            a = payoffs[i * cells : (i + 1) * cells].reshape(n, width)
            y = joint_of_others(believed, sizes, i, width)
            mean = apply(a, y)
            s = responses[offset : offset + n]
            own = x[offset : offset + n]
            if gammas[i] == 0.0 or total:
                value = mean.copy()
                worth = np.dot(own, mean)
                if total and gammas[i] > 0.0:
                    for k in range(n):
                        value[k] -= gammas[i] * np.dot((a[k] - mean[k]) ** 2, y)
                    worth = np.dot(own, value) - gammas[i] * np.dot(own, (mean - worth) ** 2)
                best = np.argmax(value)
                residual += value[best] - worth
                s[:] = 0.0
                s[best] = 1.0
            else:
                quadratic = 2.0 * gammas[i] * covariance(a, mean, y)
                simplex_walk(mean, quadratic, s)
                gain = np.dot(s - own, mean)
                residual += gain - 0.5 * (np.dot(s, apply(quadratic, s)) - np.dot(own, apply(quadratic, own)))
            offset += n
        if residual <= tol:
            return t, max(residual, 0.0)
        x += (responses - x) / (t + 1.0)
    return first + steps, max(residual, 0.0)


@njit(cache=True, nogil=True)
def project_simplices(x: FloatArray, sizes: IntArray) -> None:
    """Euclidean projection of every player's block onto its simplex, in place."""
    offset = 0
    for n in sizes:
        block = x[offset : offset + n]
        ordered = np.sort(block)[::-1]
        running, threshold = 0.0, 0.0
        for k in range(n):
            running += ordered[k]
            level = (running - 1.0) / (k + 1)
            if ordered[k] <= level:
                break
            threshold = level
        for k in range(n):
            block[k] = max(block[k] - threshold, 0.0)
        offset += n


@njit(cache=True, nogil=True)
def extragradient(
    payoffs: FloatArray,
    sizes: IntArray,
    gammas: FloatArray,
    tremble: float,
    total: bool,
    x: FloatArray,
    best: FloatArray,
    rate: float,
    best_gap: float,
    steps: int,
    tol: float,
) -> tuple[int, float, float]:
    """Projected extragradient with a step size held below the local Lipschitz bound.

    Moves ``x`` in place and keeps the iterate of least first-order gap in ``best``.

    Returns:
        Steps taken, the step size to go on with, and the gap of ``best``.
    """
    for t in range(steps):
        g = risk_gradient(payoffs, sizes, gammas, total, x, _tremble(x, sizes, tremble))
        gap = -np.dot(x, g)
        offset = 0
        for n in sizes:
            gap += g[offset : offset + n].max()
            offset += n
        if gap < best_gap:
            best_gap = gap
            best[:] = x
        if best_gap <= tol:
            return t, rate, best_gap
        while True:
            ahead = x + rate * g
            project_simplices(ahead, sizes)
            believed = _tremble(ahead, sizes, tremble)
            slope = risk_gradient(payoffs, sizes, gammas, total, ahead, believed)
            moved = np.linalg.norm(ahead - x)
            if rate * np.linalg.norm(slope - g) <= 0.7 * moved or moved < 1e-15:
                break
            rate *= 0.6
        x += rate * slope
        project_simplices(x, sizes)
        rate = min(1.05 * rate, 1e3)
    return steps, rate, best_gap
