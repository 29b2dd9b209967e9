"""Compiled greedy selection on reverse-reachable sets: exact marginal coverages throughout.

Counts of uncovered sets per candidate are kept current: when a seed is chosen, every set it newly covers
takes one off each of its members. That costs each set once in all.
"""

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.assignment_kernels import Places, admit, take

Ints: TypeAlias = NDArray[np.int64]
Small: TypeAlias = NDArray[np.int32]
Marks: TypeAlias = NDArray[np.bool_]


@njit(nogil=True, cache=True)
def index_sets(start: Ints, member: Small, num_candidates: int) -> tuple[Ints, Small]:
    """Which sets hold each candidate: ranges int64 (c + 1,) and set numbers int32, by counting sort."""
    begin = np.zeros(num_candidates + 1, dtype=np.int64)
    for c in member:
        begin[c + 1] += 1
    for c in range(num_candidates):
        begin[c + 1] += begin[c]
    fill = begin[:-1].copy()
    holder = np.empty(member.size, dtype=np.int32)
    for r in range(start.size - 1):
        for k in range(start[r], start[r + 1]):
            c = member[k]
            holder[fill[c]] = r
            fill[c] += 1
    return begin, holder


@njit(nogil=True, cache=True)
def cover(c: int, start: Ints, member: Small, begin: Ints, holder: Small, covered: Marks, count: Ints) -> int:
    """Choose candidate ``c``: mark its sets and lower the counts; how many sets are newly covered."""
    gain = 0
    for k in range(begin[c], begin[c + 1]):
        r = holder[k]
        if not covered[r]:
            covered[r] = True
            gain += 1
            for j in range(start[r], start[r + 1]):
                count[member[j]] -= 1
    return gain


@njit(nogil=True, cache=True)
def round_of_greedy(
    first: Ints,
    friend: Small,
    capacity: Ints,
    start: Ints,
    member: Small,
    begin: Ints,
    holder: Small,
    covered: Marks,
    count: Ints,
    number: int,
    owner: Small,
) -> int:
    """Every inviter with room for more than ``number`` in turn takes its best candidate still free.

    Args:
        first: range of each inviter in ``friend``.
        friend: candidates of each inviter.
        capacity: of each inviter.
        start: range of each set in ``member``.
        member: candidates in the sets.
        begin: range of each candidate in ``holder``.
        holder: sets of each candidate.
        covered: bool per set, kept current.
        count: uncovered sets per candidate, kept current.
        number: of the round, from 0.
        owner: int32 per candidate, its inviter or -1, kept current.

    Returns:
        Sets newly covered.
    """
    total = 0
    for u in range(capacity.size):
        if capacity[u] <= number:
            continue
        best, place = 0, -1
        for k in range(first[u], first[u + 1]):
            c = friend[k]
            if owner[c] < 0 and count[c] > best:
                best, place = count[c], c
        if place >= 0:
            owner[place] = u
            total += cover(place, start, member, begin, holder, covered, count)
    return total


@njit(nogil=True, cache=True)
def greedy_by_gain(
    places: Places,
    start: Ints,
    member: Small,
    begin: Ints,
    holder: Small,
    covered: Marks,
    count: Ints,
    moving: bool,
) -> tuple[int, Small]:
    """The candidate of greatest gain that the inviters can still cover, again and again.

    If ``moving``, inviters of those already in may change, and this is greedy on a transversal matroid; else
    each stays with the first inviter who had room. Buckets by gain hold the candidates; gains only fall, so
    an entry that is too high is put lower when it comes up.

    Returns:
        Sets covered, and the candidates in the order in which they were chosen.
    """
    n = count.size
    top = 0
    for c in range(n):
        top = max(top, count[c])
    head = np.full(top + 1, -1, dtype=np.int32)
    following = np.empty(n, dtype=np.int32)
    for c in range(n - 1, -1, -1):
        following[c] = head[count[c]]
        head[count[c]] = c
    room = places.held.size
    chosen = np.empty(room, dtype=np.int32)
    size = total = 0
    level = top
    while level > 0 and size < room:
        c = head[level]
        if c < 0:
            level -= 1
            continue
        head[level] = following[c]
        gain = count[c]
        if gain < level:
            following[c] = head[gain]
            head[gain] = c
        elif admit(places, c) if moving else take(places, c):
            chosen[size] = c
            size += 1
            total += cover(c, start, member, begin, holder, covered, count)
    return total, chosen[:size]
