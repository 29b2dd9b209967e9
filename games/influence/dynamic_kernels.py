"""Compiled upkeep of a collection of sets whose graph changes."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.reverse_kernels import Ints, Numbers, Sampler, fill_sets


@njit(nogil=True, cache=True)
def touched_sets(start: Ints, member: NDArray[np.int32], changed: NDArray[np.bool_]) -> Ints:
    """Numbers of the sets that hold a changed node, rising."""
    found = np.empty(start.size - 1, dtype=np.int64)
    size = 0
    for r in range(start.size - 1):
        for k in range(start[r], start[r + 1]):
            if changed[member[k]]:
                found[size] = r
                size += 1
                break
    return found[:size]


@njit(nogil=True, cache=True)
def fill_listed(
    s: Sampler,
    node: Numbers,
    seed: np.uint64,
    listed: Ints,
    wanted: NDArray[np.int32],
    epoch: int,
    queue: NDArray[np.int32],
    picks: Ints,
    sizes: NDArray[np.int32],
    members: NDArray[np.int32],
    nodes: Ints,
) -> tuple[int, int]:
    """As ``reverse_kernels.fill_sets``, of the sets whose numbers are ``listed``, end to end.

    Returns:
        How many sets were made before ``members`` was full, and how many members were written.
    """
    used = 0
    for i in range(listed.size):
        k = listed[i]
        made, size = fill_sets(
            s, node, seed, k, k + 1, wanted, epoch + i, queue, picks, sizes[i : i + 1], members[used:], nodes
        )
        if made == 0:
            return i, used
        used += size
    return listed.size, used


@njit(nogil=True, cache=True)
def replaced(
    start: Ints,
    member: NDArray[np.int32],
    listed: Ints,
    sizes: Ints,
    fresh: NDArray[np.int32],
) -> tuple[Ints, NDArray[np.int32]]:
    """A collection with the listed sets (rising) replaced by those that lie end to end in ``fresh``."""
    size = np.diff(start)
    size[listed] = sizes
    begin = np.zeros(start.size, dtype=np.int64)
    for r in range(size.size):
        begin[r + 1] = begin[r] + size[r]
    out = np.empty(begin[-1], dtype=np.int32)
    kept = at = 0  # next old set to keep, next fresh member to use
    for i in range(listed.size):
        r = listed[i]
        out[begin[kept] : begin[r]] = member[start[kept] : start[r]]
        out[begin[r] : begin[r + 1]] = fresh[at : at + sizes[i]]
        kept, at = r + 1, at + sizes[i]
    out[begin[kept] :] = member[start[kept] :]
    return begin, out
