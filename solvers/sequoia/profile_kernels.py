"""Compiled local search in a set whose profiles are known, so that no move needs a membership test."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs
from solvers.sequoia.local_search_kernels import Lanes, neighbours
from solvers.sequoia.profiles import Moves
from solvers.sequoia.stack import Stack


@njit(nogil=True, cache=True, _nrt=False)
def profile_of(moves: Moves, number: NDArray[np.int64]) -> int:
    """The profile with a number of bits of each kind, -1 if it is none."""
    place = 0
    for k in range(number.size):
        for _ in range(number[k]):
            if place >= 0:
                place = moves.following[place, k]
    return place


@njit(nogil=True, cache=True, _nrt=False)
def count_kinds(moves: Moves, action: NDArray[np.bool_], number: NDArray[np.int64]) -> None:
    """Fill ``number`` with how many bits of each kind an action sets."""
    for k in range(number.size):
        number[k] = 0
    for i in range(action.size):
        if action[i]:
            number[moves.kind[i]] += 1


@njit(nogil=True, cache=True, _nrt=False)
def is_allowed(moves: Moves, action: NDArray[np.bool_], number: NDArray[np.int64]) -> bool:
    """Whether an action belongs to the set, by its profile; ``number`` is workspace of shape (K,)."""
    count_kinds(moves, action, number)
    place = profile_of(moves, number)
    return bool(place >= 0 and moves.allowed[place])


@njit(nogil=True, cache=True, _nrt=False)
def legal_moves(
    moves: Moves, action: NDArray[np.bool_], number: NDArray[np.int64], legal: NDArray[np.bool_]
) -> None:
    """Whether a bit of one kind may go and one of another come.

    Args:
        moves: profiles.
        action: bool (N,).
        number: workspace, of shape (K,).
        legal: filled, of shape (K + 1, K + 1); K stands for no bit.
    """
    kinds = number.size
    count_kinds(moves, action, number)
    for dropped in range(kinds + 1):
        for k in range(kinds + 1):
            legal[dropped, k] = False
        if dropped < kinds:
            if number[dropped] == 0:
                continue
            number[dropped] -= 1
        place = profile_of(moves, number)
        if dropped < kinds:
            number[dropped] += 1
        if place < 0:
            continue
        legal[dropped, kinds] = moves.allowed[place]
        for k in range(kinds):
            onward = moves.following[place, k]
            legal[dropped, k] = onward >= 0 and moves.allowed[onward]


class MoveRoom(NamedTuple):
    """Buffers of a local search by profiles.

    Attributes:
        number: int64 of shape (K,).
        legal: bool of shape (K + 1, K + 1).
        values: of shape (N + 1, N + 1).
    """

    number: NDArray[np.int64]
    legal: NDArray[np.bool_]
    values: Floats


def move_room(moves: Moves, bits: int) -> MoveRoom:
    """Buffers for a set's profiles."""
    kinds = moves.following.shape[1]
    return MoveRoom(
        np.empty(kinds, dtype=np.int64),
        np.empty((kinds + 1, kinds + 1), dtype=np.bool_),
        np.empty((bits + 1, bits + 1)),
    )


@njit(nogil=True, cache=True, _nrt=False)
def climb_profiles(
    stack: Stack,
    action: NDArray[np.bool_],
    fixed: Signs,
    moves: Moves,
    limit: int,
    lanes: Lanes,
    room: MoveRoom,
) -> None:
    """As ``climb`` for a set whose profiles are known."""
    number, legal, values = room
    n, kinds = action.size, number.size
    least = 2.0 * stack.margin[stack.slope.size]
    for _ in range(limit):
        legal_moves(moves, action, number, legal)
        drop, add = n, n
        for swaps in (False, True):
            best = neighbours(stack, action, fixed, swaps, lanes, values) + least
            for i in range(n + 1):
                gone = moves.kind[i] if i < n else kinds
                for j in range(n + 1):
                    come = moves.kind[j] if j < n else kinds
                    if values[i, j] > best and legal[gone, come]:
                        best, drop, add = values[i, j], i, j
            if drop < n or add < n:
                break
        else:
            return
        if drop < n:
            action[drop] = False
        if add < n:
            action[add] = True
