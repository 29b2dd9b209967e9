"""Compiled reverse-reachable sets that remember how far each member is from the root."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.reverse_kernels import (
    SHAPE,
    STAMP,
    Ints,
    Numbers,
    Sampler,
    draw_root,
    live_arcs,
    stream,
)


@njit(nogil=True, cache=True)
def fill_depths(
    s: Sampler,
    node: Numbers,
    seed: np.uint64,
    lo: int,
    hi: int,
    wanted: NDArray[np.int32],
    epoch: int,
    queue: NDArray[np.int32],
    steps: NDArray[np.int32],
    picks: Ints,
    sizes: NDArray[np.int32],
    members: NDArray[np.int32],
    depths: NDArray[np.int32],
) -> tuple[int, int]:
    """As ``reverse_kernels.fill_sets``, of the same streams, with each member's live distance to its root.

    ``steps`` int32 (n,) is workspace, ``depths`` int32 is filled beside ``members``.

    Returns:
        How many sets were made before ``members`` was full, and how many members were written.
    """
    _, source, limit, table, cut, root, max_steps = s
    used = 0
    for k in range(lo, hi):
        state = stream(seed, k)
        mark = epoch + 1 + k - lo
        begin = draw_root(node.shape[0], root, state)
        node[begin, STAMP] = mark
        queue[0] = begin
        steps[0] = 0
        size, head = 1, 0
        while head < size and steps[head] != max_steps:
            v = queue[head]
            if node[v, SHAPE] != 0:
                count, state = live_arcs(node, limit, table, cut, v, state, picks)
                for j in range(count):
                    w = source[picks[j]]
                    if node[w, STAMP] != mark:
                        node[w, STAMP] = mark
                        queue[size] = w
                        steps[size] = steps[head] + 1
                        size += 1
            head += 1
        before = used
        for j in range(size):
            c = wanted[queue[j]]
            if c >= 0:
                if used == members.size:
                    return k - lo, before
                members[used] = c
                depths[used] = steps[j]
                used += 1
        sizes[k - lo] = used - before
    return hi - lo, used


@njit(nogil=True, cache=True)
def nearest(
    start: Ints,
    member: NDArray[np.int32],
    depth: NDArray[np.int32],
    chosen: NDArray[np.bool_],
    far: int,
    out: NDArray[np.int32],
) -> None:
    """Least distance from a chosen candidate to each root, ``far`` where none reaches it; fills ``out``."""
    for r in range(out.size):
        least = far
        for k in range(start[r], start[r + 1]):
            if chosen[member[k]] and depth[k] < least:
                least = depth[k]
        out[r] = least
