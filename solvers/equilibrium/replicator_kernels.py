"""Compiled steps of projected replicator dynamics; see ``solvers.equilibrium.projected_replicator``."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.equilibrium.risk_kernels import apply, joint_of_others

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True)
def project_above(block: FloatArray, floor: float) -> None:
    """Euclidean projection onto the distributions with every entry at least ``floor``, in place.

    ``floor`` times the size is at most one.
    """
    n = block.size
    lowest, total = block.min(), block.sum()
    shift = (1.0 - total) / n
    if lowest + shift >= floor:  # the usual case: no entry meets the floor
        block += shift
        return
    ordered = np.sort(block)[::-1]
    running = 0.0
    for k in range(n):
        running += ordered[k]
        level = (1.0 - running - (n - 1 - k) * floor) / (k + 1)
        if k > 0 and ordered[k] + level <= floor:
            break
        shift = level
    for a in range(n):
        block[a] = max(block[a] + shift, floor)


@njit(cache=True, nogil=True)
def replicate(
    payoffs: FloatArray,
    sizes: IntArray,
    floors: FloatArray,
    x: FloatArray,
    sums: FloatArray,
    rate: float,
    steps: int,
) -> None:
    """``steps`` simultaneous steps; ``x`` moves and ``sums`` gathers it after every step, in place.

    Payoffs are one row-major matrix per player (own actions by the others' joint actions), one after the
    other; ``x`` and ``sums`` hold the players one after the other; ``floors`` has one entry per player.
    """
    cells = np.prod(sizes)
    moved = np.empty_like(x)
    for _ in range(steps):
        offset = 0
        for i in range(sizes.size):
            n = sizes[i]
            width = cells // n
            matrix = payoffs[i * cells : (i + 1) * cells].reshape(n, width)
            value = apply(matrix, joint_of_others(x, sizes, i, width))
            own = x[offset : offset + n]
            mean = np.dot(own, value)
            block = moved[offset : offset + n]
            for a in range(n):
                block[a] = own[a] + rate * own[a] * (value[a] - mean)
            project_above(block, floors[i])
            offset += n
        x[:] = moved
        sums += moved
