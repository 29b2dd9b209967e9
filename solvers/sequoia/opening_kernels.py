"""Compiled first stages of decisions: all of them for one state after another, without returning to Python.

The states are those of one Q-network, of which only the bias of the first layer differs between them.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.action_table import Table
from solvers.sequoia.bounds_kernels import Floats, Signs, copy
from solvers.sequoia.kinds import Kinds
from solvers.sequoia.local_search_kernels import Lanes, climb
from solvers.sequoia.profile_kernels import MoveRoom, climb_profiles, is_allowed, move_room
from solvers.sequoia.profiles import Moves
from solvers.sequoia.root_kernels import bound_root
from solvers.sequoia.stack import CoreRoom, Stack, core_in_place, core_room, fill_margins, stack_width
from solvers.sequoia.table_kernels import TableRoom, best_places, table_room

_MOVES = 1000


class Domain(NamedTuple):
    """An action set.

    Attributes:
        fixed: 0 or 1 where a bit is fixed, -1 where it is free; int8 (N,).
        left: how many free bits may be set.
        exactly: whether so many must be.
        complete: the set is nothing but its counting relaxation.
        kinds: with room to work, or none.
        has_none: whether the action without any set bit is allowed.
        moves: profiles, or none.
        table: all actions, or none.
    """

    fixed: Signs
    left: int
    exactly: bool
    complete: bool
    kinds: Kinds
    has_none: bool
    moves: Moves
    table: Table


class Opened(NamedTuple):
    """What the first stages say of S states.

    Attributes:
        lower: of the neurons, of shape (S, m).
        upper: likewise.
        output: upper bound of Q, of shape (S,).
        coef: coefficients of the linear upper bound of Q, of shape (S, N).
        constant: of that bound, of shape (S,).
        width: how far apart two values of Q can lie, of shape (S,).
        sound: whether all sums of magnitudes are finite; otherwise the rest is not filled. Bool (S,).
        maximiser: of the linear bound, bool (S, N).
        action: the best found, bool (S, N).
        allowed: whether there is such an action; bool (S,).
        rest: greatest linear bound of the actions of the table that were not tried, of shape (S,); infinite
            without a table.
        tied: how many actions of the table rounding leaves tied for the best; 0 without a table. Int64 (S,).
    """

    lower: Floats
    upper: Floats
    output: Floats
    coef: Floats
    constant: Floats
    width: Floats
    sound: NDArray[np.bool_]
    maximiser: NDArray[np.bool_]
    action: NDArray[np.bool_]
    allowed: NDArray[np.bool_]
    rest: Floats
    tied: NDArray[np.int64]


class Room(NamedTuple):
    """Buffers, of whose contents nothing is asked afterwards.

    Attributes:
        core: for cores.
        factor: of shape (m,).
        spare: of shape (N,).
        base: of shape ((m + 1) (N + 1),), for lanes of a local search.
        lane: likewise.
        bits: int64 of shape (N,).
        moves: for local search by profiles.
        table: for the search of the table.
    """

    core: CoreRoom
    factor: Floats
    spare: Floats
    base: Floats
    lane: Floats
    bits: NDArray[np.int64]
    moves: MoveRoom
    table: TableRoom


def room_for(m: int, n: int, domain: Domain) -> Room:
    """Buffers for a network of m neurons and n bits."""
    lanes = (m + 1) * (n + 1)
    return Room(
        core_room(m, n),
        np.empty(m),
        np.empty(n),
        np.empty(lanes),
        np.empty(lanes),
        np.empty(n, dtype=np.int64),
        move_room(domain.moves, n),
        table_room(domain.table, m, n),
    )


@njit(nogil=True, cache=True, _nrt=False)
def open_states(
    stack: Stack,
    first: Floats,
    domain: Domain,
    search: bool,
    enough: Floats,
    absolute: float,
    relative: float,
    begin: int,
    room: Room,
    ties: NDArray[np.int64],
    opened: Opened,
) -> int:
    """Bound Q, and look for an action in the table or, without one, by local search.

    Args:
        stack: the network; its constants and margins are changed.
        first: biases of the first layer, of shape (S, h_1).
        domain: the action set.
        search: whether to search locally.
        enough: for each state, actions that do not exceed this value need not be told apart.
        absolute: gap allowed, in units of Q.
        relative: gap allowed, in units of the width; the greater of the two counts.
        begin: the state to begin with.
        room: buffers.
        ties: filled with the places in the table of the tied actions, of one state after another; of shape
            (A,), which is enough for at least one state.
        opened: filled.

    Returns:
        The first state for whose ties there was no room, S if there is none.
    """
    fixed, left, exactly, complete, kinds, has_none, moves, table = domain
    used = 0
    for s in range(begin, first.shape[0]):
        for u in range(first.shape[1]):
            stack.constant[u] = first[s, u]
        opened.sound[s] = fill_margins(stack) < 0
        opened.rest[s], opened.tied[s], opened.allowed[s] = np.inf, 0, False
        if not opened.sound[s]:
            continue
        lower, upper, coef, action = opened.lower[s], opened.upper[s], opened.coef[s], opened.action[s]
        opened.output[s], opened.constant[s] = bound_root(
            stack, fixed, left, exactly, kinds, lower, upper, room.factor, coef, room.spare, action
        )
        opened.width[s] = stack_width(stack, lower, upper)
        copy(action, opened.maximiser[s])
        small = core_in_place(stack, lower, upper, room.core)
        rows, n = small.constant.size, action.size
        size = rows * (n + 1)
        lanes = Lanes(room.base[:size].reshape(rows, n + 1), room.lane[:size].reshape(rows, n + 1), room.bits)
        if table.bit.size > 0:
            # No action skipped may tie with the best through rounding.
            reach = max(absolute, relative * opened.width[s]) - 2.0 * small.margin[rows - 1]
            tied, opened.rest[s] = best_places(
                small, table, coef, opened.constant[s], enough[s], reach, room.table
            )
            if used + tied > ties.size:
                return s
            for j in range(tied):
                ties[used + j] = room.table.tried[j]
            opened.tied[s], opened.allowed[s] = tied, True
            used += tied
            for i in range(n):
                action[i] = False
            place = np.int64(room.table.tried[0])
            while place > 0:
                action[table.bit[place]] = True
                place = np.int64(table.before[place])
        elif search and moves.kind.size > 0:
            opened.allowed[s] = is_allowed(moves, action, room.moves.number)
            if has_none and not opened.allowed[s]:
                for i in range(n):
                    action[i] = False
                opened.allowed[s] = True
            if opened.allowed[s]:
                climb_profiles(small, action, fixed, moves, _MOVES, lanes, room.moves)
        elif search and complete:
            opened.allowed[s] = True
            climb(small, action, fixed, left, exactly, _MOVES, lanes)
    return int(first.shape[0])
