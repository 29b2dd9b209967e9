"""Numba kernels of the risk-averse variational inequality: its operator, derivative, covariances, and LU.

Profiles are flat (players one after the other); payoffs are one flat array of row-major matrices, own
actions by opponents' joint actions, last player fastest. ``believed`` is what players think the others
play. Nothing is validated. Products are plain loops on purpose: the matrices are small, and a threaded
BLAS costs more than it saves on a busy machine.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Sums may be reordered, which lets them vectorise; NaN and infinity keep their meaning.
_FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, fastmath=_FAST)
def apply(a: FloatArray, y: FloatArray) -> FloatArray:
    """The product a y."""
    out = np.empty(a.shape[0])
    for r in range(a.shape[0]):
        total = 0.0
        for k in range(a.shape[1]):
            total += a[r, k] * y[k]
        out[r] = total
    return out


@njit(cache=True, nogil=True, fastmath=_FAST)
def apply_transposed(a: FloatArray, s: FloatArray) -> FloatArray:
    """The product s' a; rows of weight zero are skipped."""
    out = np.zeros(a.shape[1])
    for r in range(a.shape[0]):
        if s[r] != 0.0:
            for k in range(a.shape[1]):
                out[k] += s[r] * a[r, k]
    return out


@njit(cache=True, nogil=True)
def joint_of_others(believed: FloatArray, sizes: IntArray, player: int, width: int) -> FloatArray:
    """Product of the others' mixtures, last player fastest, shape (width,)."""
    out = np.empty(width)
    out[0] = 1.0
    length, offset = 1, 0
    for j in range(sizes.size):
        n = sizes[j]
        if j != player:
            # From the back, so that an entry is read before it is overwritten.
            for k in range(length - 1, -1, -1):
                weight = out[k]
                for b in range(n - 1, -1, -1):
                    out[k * n + b] = weight * believed[offset + b]
            length *= n
        offset += n
    return out


@njit(cache=True, nogil=True, fastmath=_FAST)
def covariance(a: FloatArray, mean: FloatArray, y: FloatArray) -> FloatArray:
    """Covariance of the rows of ``a`` under the distribution y; columns of weight zero are skipped."""
    n = mean.size
    kept = 0
    root = np.empty((n, y.size))
    for k in range(y.size):
        if y[k] > 0.0:
            weight = math.sqrt(y[k])
            for r in range(n):
                root[r, kept] = weight * (a[r, k] - mean[r])
            kept += 1
    out = np.empty((n, n))
    for r in range(n):
        for c in range(r + 1):
            total = 0.0
            for k in range(kept):
                total += root[r, k] * root[c, k]
            out[r, c] = total
            out[c, r] = total
    return out


@njit(cache=True, nogil=True)
def risk_gradient(
    payoffs: FloatArray, sizes: IntArray, gammas: FloatArray, total: bool, x: FloatArray, believed: FloatArray
) -> FloatArray:
    """The operator g at a profile x against beliefs, shape (M,)."""
    g = np.empty(x.size)
    cells = np.prod(sizes)
    offset = 0
    for i in range(sizes.size):
        n = sizes[i]
        width = cells // n
        a = payoffs[i * cells : (i + 1) * cells].reshape(n, width)
        y = joint_of_others(believed, sizes, i, width)
        gamma = gammas[i]
        if gamma > 0.0 and not total:
            z = apply_transposed(a, x[offset : offset + n])
            centre = np.dot(z, y)
            for k in range(width):
                y[k] *= 1.0 - 2.0 * gamma * (z[k] - centre)
        mean = apply(a, y)
        g[offset : offset + n] = mean
        if gamma > 0.0 and total:
            g[offset : offset + n] -= gamma * (apply(a * a, y) - mean * mean)
        offset += n
    return g


@njit(cache=True, nogil=True, fastmath=_FAST)
def risk_jacobian(
    payoffs: FloatArray,
    sizes: IntArray,
    gammas: FloatArray,
    total: bool,
    x: FloatArray,
    believed: FloatArray,
    weight: float,
    columns: IntArray,
) -> FloatArray:
    """Derivative of g in the profile entries ``columns``, shape (M, columns.size).

    ``weight`` is the derivative of beliefs in the opponents' own play.
    """
    out = np.zeros((x.size, columns.size))
    position = np.full(x.size, -1)
    for c in range(columns.size):
        position[columns[c]] = c
    cells = np.prod(sizes)
    players = sizes.size
    action = np.empty(players, np.int64)
    offsets = np.zeros(players, np.int64)
    for j in range(1, players):
        offsets[j] = offsets[j - 1] + sizes[j - 1]
    for i in range(players):
        n = sizes[i]
        begin = offsets[i]
        width = cells // n
        a = payoffs[i * cells : (i + 1) * cells].reshape(n, width)
        y = joint_of_others(believed, sizes, i, width)
        mean = apply(a, y)
        gamma = gammas[i]
        z = np.zeros(width)
        centre = 0.0
        if gamma > 0.0 and not total:
            z = apply_transposed(a, x[begin : begin + n])
            centre = np.dot(z, y)
            for c in range(columns.size):
                own = columns[c] - begin
                if 0 <= own < n:
                    row = y * (a[own] - mean[own])
                    out[begin : begin + n, c] = -2.0 * gamma * apply(a, row)
        # Every joint action k of the others spreads dg / dy_k over its members' columns.
        for k in range(width):
            rest = k
            for j in range(players - 1, -1, -1):
                if j != i:
                    action[j] = rest % sizes[j]
                    rest //= sizes[j]
            for j in range(players):
                if j == i or position[offsets[j] + action[j]] < 0:
                    continue
                share = weight
                for other in range(players):
                    if other != i and other != j:
                        share *= believed[offsets[other] + action[other]]
                if share == 0.0:
                    continue
                c = position[offsets[j] + action[j]]
                if total:
                    for r in range(n):
                        slope = a[r, k] * (1.0 - gamma * (a[r, k] - 2.0 * mean[r]))
                        out[begin + r, c] += share * slope
                else:
                    tilt = 1.0 - 2.0 * gamma * (z[k] - centre)
                    pull = 2.0 * gamma * z[k]
                    for r in range(n):
                        out[begin + r, c] += share * (a[r, k] * tilt + mean[r] * pull)
    return out


@njit(cache=True, nogil=True)
def solve_linear(matrix: FloatArray, rhs: FloatArray) -> bool:
    """Gaussian elimination with partial pivoting; both arguments are overwritten, rhs by the solution.

    Returns:
        False when a pivot vanished to rounding: the system is singular and rhs holds no solution.
    """
    n = rhs.size
    scale = np.abs(matrix).max() if n else 0.0
    for k in range(n):
        pivot = k
        for r in range(k + 1, n):
            if abs(matrix[r, k]) > abs(matrix[pivot, k]):
                pivot = r
        if not abs(matrix[pivot, k]) > 1e-14 * scale:
            return False
        if pivot != k:
            for c in range(k, n):
                matrix[k, c], matrix[pivot, c] = matrix[pivot, c], matrix[k, c]
            rhs[k], rhs[pivot] = rhs[pivot], rhs[k]
        for r in range(k + 1, n):
            if matrix[r, k] != 0.0:
                factor = matrix[r, k] / matrix[k, k]
                for c in range(k + 1, n):
                    matrix[r, c] -= factor * matrix[k, c]
                rhs[r] -= factor * rhs[k]
    for k in range(n - 1, -1, -1):
        value = rhs[k]
        for c in range(k + 1, n):
            value -= matrix[k, c] * rhs[c]
        rhs[k] = value / matrix[k, k]
    return bool(np.isfinite(rhs).all())
