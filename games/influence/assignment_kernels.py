"""Who invites whom: sets of distinct nodes that inviters can cover within their capacities.

These sets are the independent sets of a transversal matroid [1]_: a node can join if it finds a free place
after some of those already in have changed their inviter, along an augmenting path.

.. [1] Edmonds, Fulkerson (1965), Transversals and matroid partition, J. Res. NBS 69B.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Places(NamedTuple):
    """A growing assignment; d inviters, c candidates, p places. All arrays are changed in place.

    Attributes:
        start: int64 (c + 1,), range of each candidate in ``inviter``; read only.
        inviter: int32, who may invite each candidate; read only.
        first: int64 (d + 1,), places of each inviter; read only.
        held: int32 (p,), candidate in each place.
        used: int64 (d,), how many places of each inviter are taken.
        owner: int32 (c,), inviter of each candidate, -1 where not in.
        dead: bool (d,), inviters from whom no free place can be reached any more.
        queue: int32 (d,), workspace.
        via: int32 (d,), workspace: the candidate through which an inviter was reached.
        seen: int64 (d,), workspace: search in which an inviter was last reached.
        search: int64 (1,), number of the last search.
    """

    start: NDArray[np.int64]
    inviter: NDArray[np.int32]
    first: NDArray[np.int64]
    held: NDArray[np.int32]
    used: NDArray[np.int64]
    owner: NDArray[np.int32]
    dead: NDArray[np.bool_]
    queue: NDArray[np.int32]
    via: NDArray[np.int32]
    seen: NDArray[np.int64]
    search: NDArray[np.int64]


@njit(nogil=True, cache=True)
def admit(p: Places, candidate: int) -> bool:
    """Let ``candidate`` in, who is not, if the inviters can cover it too; True if they can."""
    p.search[0] += 1
    size = _reach(p, candidate, 0)
    front = 0
    while size > front:
        u = p.queue[front]
        front += 1
        for k in range(p.first[u], p.first[u + 1]):
            size = _reach(p, p.held[k], size)
            if size < 0:
                break
    if size < 0:
        _shift(p, candidate, p.queue[-size - 1])
        return True
    # All inviters reached are full and lead only to each other, for good.
    for k in range(size):
        p.dead[p.queue[k]] = True
    return False


@njit(nogil=True, cache=True, inline="always")
def _reach(p: Places, candidate: int, size: int) -> int:
    """Put the inviters of ``candidate`` into the queue of ``size``.

    Returns:
        The new size, negated where the last of them has room.
    """
    for k in range(p.start[candidate], p.start[candidate + 1]):
        u = p.inviter[k]
        if not p.dead[u] and p.seen[u] != p.search[0]:
            p.seen[u] = p.search[0]
            p.via[u] = candidate
            p.queue[size] = u
            size += 1
            if p.used[u] < p.first[u + 1] - p.first[u]:
                return -size
    return size


@njit(nogil=True, cache=True)
def _shift(p: Places, candidate: int, u: int) -> None:
    """Walk back from inviter ``u``, who has room: each candidate on the path moves to whom it was led to."""
    place = p.first[u] + p.used[u]
    p.used[u] += 1
    while True:
        mover = p.via[u]
        before = p.owner[mover]
        p.held[place] = mover
        p.owner[mover] = u
        if mover == candidate:
            return
        for k in range(p.first[before], p.first[before + 1]):
            if p.held[k] == mover:
                place = k
                break
        u = before


@njit(nogil=True, cache=True)
def take(p: Places, candidate: int) -> bool:
    """Let ``candidate`` in with the first of its inviters who has room; True if there is one."""
    for k in range(p.start[candidate], p.start[candidate + 1]):
        u = p.inviter[k]
        if p.used[u] < p.first[u + 1] - p.first[u]:
            p.held[p.first[u] + p.used[u]] = candidate
            p.used[u] += 1
            p.owner[candidate] = u
            return True
    return False


@njit(nogil=True, cache=True)
def heaviest(p: Places, order: NDArray[np.int64], weight: NDArray[np.float64]) -> float:
    """Greatest total weight of a coverable set: greedy by falling weight is exact on a matroid.

    Args:
        p: an empty assignment, filled with such a set.
        order: candidates by falling weight.
        weight: of each candidate, float64 (c,).
    """
    total = 0.0
    for c in order:
        if weight[c] <= 0.0:
            break
        if admit(p, c):
            total += weight[c]
    return total
