"""Compiled parts of greedy selection where every set has a worth of its own."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.reverse_kernels import Floats, Ints


@njit(nogil=True, cache=True)
def worth_gained(
    c: int, begin: Ints, holder: NDArray[np.int32], worth: Floats, covered: NDArray[np.bool_]
) -> float:
    """Worth of the sets that candidate ``c`` would cover."""
    gain = 0.0
    for k in range(begin[c], begin[c + 1]):
        if not covered[holder[k]]:
            gain += worth[holder[k]]
    return gain


@njit(nogil=True, cache=True)
def cover_all(c: int, begin: Ints, holder: NDArray[np.int32], covered: NDArray[np.bool_]) -> None:
    """Mark the sets of candidate ``c``."""
    for k in range(begin[c], begin[c + 1]):
        covered[holder[k]] = True


@njit(nogil=True, cache=True)
def expected_near(
    a: int,
    b: int,
    liking: Floats,
    start: Ints,
    member: NDArray[np.int32],
    begin: Ints,
    holder: NDArray[np.int32],
) -> float:
    """Expected number of sets met among those that hold candidate ``a`` or ``b`` (-1 for none).

    Every candidate comes by itself with chance ``liking``.
    """
    total = 0.0
    for k in range(begin[a], begin[a + 1]):
        r = holder[k]
        missed = 1.0
        for j in range(start[r], start[r + 1]):
            missed *= 1.0 - liking[member[j]]
        total += 1.0 - missed
    if b >= 0:
        for k in range(begin[b], begin[b + 1]):
            r = holder[k]
            missed, shared = 1.0, False
            for j in range(start[r], start[r + 1]):
                missed *= 1.0 - liking[member[j]]
                shared = shared or member[j] == a
            if not shared:
                total += 1.0 - missed
    return total


@njit(nogil=True, cache=True)
def slack_of_sets(
    start: Ints, member: NDArray[np.int32], point: Floats, worth: Floats, turn: Floats
) -> float:
    """A subgradient of the coverage bound, into ``turn``: worth of each set times (times met - 1).

    Returns its squared length.
    """
    square = 0.0
    for r in range(turn.size):
        turn[r] = 0.0
        if start[r + 1] > start[r]:
            met = -1.0
            for k in range(start[r], start[r + 1]):
                met += point[member[k]]
            turn[r] = met * worth[r]
            square += turn[r] * turn[r]
    return square
