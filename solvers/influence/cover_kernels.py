"""Compiled greedy maximum coverage under a limit on the number of seeds, with bounds along the way."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.influence.selection_kernels import cover


@njit(nogil=True, cache=True)
def greedy_of_size(
    settled: NDArray[np.int32],
    size: int,
    leaders: int,
    start: NDArray[np.int64],
    member: NDArray[np.int32],
    begin: NDArray[np.int64],
    holder: NDArray[np.int32],
    covered: NDArray[np.bool_],
    count: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64], int]:
    """The candidate of greatest gain, again and again.

    Candidates stand in buckets by gain. Gains only fall, so an entry that is too high is put lower when it
    comes up. Before every choice the walk from the top goes on until it has met the ``leaders`` greatest
    gains: what is covered and these gains together bound what any ``leaders`` candidates cover.

    Args:
        settled: candidates chosen beforehand.
        size: how many to choose besides.
        leaders: how many gains enter the bound.
        start: range of each set in ``member``.
        member: candidates in the sets.
        begin: range of each candidate in ``holder``.
        holder: sets of each candidate.
        covered: bool per set, filled.
        count: sets per candidate; uncovered ones when done.

    Returns:
        The candidates in order, fewer than ``size`` where no other adds anything; sets covered after each of
        them, int64 (size,), constant from where they end; the least bound.
    """
    total = 0
    for c in settled:
        total += cover(c, start, member, begin, holder, covered, count)
    n = count.size
    top = 0
    for c in range(n):
        top = max(top, count[c])
    head = np.full(top + 1, -1, dtype=np.int32)
    following = np.empty(n, dtype=np.int32)
    for c in range(n - 1, -1, -1):
        following[c] = head[count[c]]
        head[count[c]] = c
    chosen = np.empty(size, dtype=np.int32)
    met = np.empty(size, dtype=np.int64)
    number = 0
    bound = start.size - 1
    while True:
        seen = gains = 0
        best = -1
        level = top
        while level > 0 and seen < leaders:
            before, c = -1, head[level]
            while c >= 0 and seen < leaders:
                after = following[c]
                gain = count[c]
                if gain < level:
                    if before < 0:
                        head[level] = after
                    else:
                        following[before] = after
                    following[c] = head[gain]
                    head[gain] = c
                else:
                    seen += 1
                    gains += level
                    if best < 0:
                        best, top = c, level
                    before = c
                c = after
            level -= 1
        bound = min(bound, total + gains)
        if best < 0 or number == size:
            met[number:] = total
            return chosen[:number], met, bound
        chosen[number] = best
        total += cover(best, start, member, begin, holder, covered, count)
        met[number] = total
        number += 1
