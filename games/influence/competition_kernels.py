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


# References to arrays go uncounted for the reason given in ``reverse_kernels``.
@njit(nogil=True, cache=True, _nrt=False)
def fill_depths(
    s: Sampler,
    node: Numbers,
    seed: np.uint64,
    lo: int,
    hi: int,
    wanted: NDArray[np.int32],
    epoch: int,
    queue: NDArray[np.int32],
    picks: Ints,
    sizes: NDArray[np.int32],
    pairs: NDArray[np.int32],
    nodes: Ints,
) -> tuple[int, int]:
    """As ``reverse_kernels.fill_sets``, of the same streams, with each member's live distance to its root.

    Member and distance stand in turn in ``pairs``, and ``sizes`` counts both.

    Returns:
        How many sets were made before ``pairs`` was full, and how many numbers were written.
    """
    _, source, limit, table, cut, root, max_steps = s
    used = visited = 0
    for k in range(lo, hi):
        state = stream(seed, k)
        mark = epoch + 1 + k - lo
        begin = draw_root(node.shape[0], root, state)
        node[begin, STAMP] = mark
        queue[0] = begin
        size, head = 1, 0
        depth, level_end = 0, 1
        before = used
        while head < size:
            if head == level_end:
                depth += 1
                level_end = size
            v = queue[head]
            head += 1
            c = wanted[v]
            if c >= 0:
                if used + 2 > pairs.size:
                    nodes[0] += visited
                    return k - lo, before
                pairs[used] = c
                pairs[used + 1] = depth
                used += 2
            if depth == max_steps or node[v, SHAPE] == 0:
                continue
            count, state = live_arcs(node, limit, table, cut, v, state, picks)
            for j in range(count):
                w = source[picks[j]]
                if node[w, STAMP] != mark:
                    node[w, STAMP] = mark
                    queue[size] = w
                    size += 1
        visited += size
        sizes[k - lo] = used - before
    nodes[0] += visited
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
