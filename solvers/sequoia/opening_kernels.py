"""Compiled first stages of decisions: all of them for one state after another, without returning to Python.

The states are those of one Q-network, of which only the bias of the first layer differs between them.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.action_table import Table
from solvers.sequoia.bounds_kernels import Floats, copy
from solvers.sequoia.branch_and_bound_kernels import DONE
from solvers.sequoia.dual_kernels import value_of
from solvers.sequoia.local_search_kernels import Lanes, climb
from solvers.sequoia.profile_kernels import MoveRoom, climb_profiles, is_allowed, move_room
from solvers.sequoia.profiles import Moves
from solvers.sequoia.root_kernels import bound_root
from solvers.sequoia.search_kernels import NEVER, Search, Terms, advance, begin, upper_bound
from solvers.sequoia.shared_counter import take_next
from solvers.sequoia.stack import Stack, core_in_place, fill_margins, stack_width
from solvers.sequoia.table_kernels import TableRoom, best_places, table_room

_MOVES = 1000
_UNTIL = 256
"""Nodes after which a search leaves the others of its thread to whoever is free."""


class Domain(NamedTuple):
    """An action set.

    Attributes:
        terms: of a search in it.
        left: greatest number of free bits set.
        has_none: whether the action without any set bit is allowed.
        moves: profiles, or none.
        table: all actions, or none.
    """

    terms: Terms
    left: int
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
        rest: no allowed action has a greater Q than this or ``action``, by the table or by branching;
            infinite without either. Of shape (S,).
        tied: how many actions of the table rounding leaves tied for the best; 0 without a table. Int64 (S,).
        ties: the places in the table of those actions, where there are at most t; int64 (S, t).
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
    ties: NDArray[np.int64]


class Room(NamedTuple):
    """Buffers, of whose contents nothing is asked afterwards.

    Attributes:
        factor: of shape (m,).
        spare: of shape (N,).
        base: of shape ((m + 1) (N + 1),), for lanes of a local search.
        lane: likewise.
        bits: int64 of shape (N,).
        moves: for local search by profiles.
        table: for the search of the table.
    """

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
    nodes: NDArray[np.int64],
    enough: Floats,
    absolute: float,
    relative: float,
    next_state: NDArray[np.int64],
    room: Room,
    tree: Search,
    opened: Opened,
) -> int:
    """Bound Q, look for an action in the table or, without one, by local search, and branch from there.

    Several threads may do so together, each with a stack, a domain, a room and a tree of its own.

    Args:
        stack: the network; its constants and margins are changed.
        first: biases of the first layer, of shape (S, h_1).
        domain: the action set.
        search: whether to search locally.
        nodes: for each state, greatest number of nodes to branch to; int64 (S,).
        enough: for each state, actions that do not exceed this value need not be told apart.
        absolute: gap allowed, in units of Q.
        relative: gap allowed, in units of the width; the greater of the two counts.
        next_state: the state that whoever is free takes next, int64 (1,).
        room: buffers.
        tree: room to branch.
        opened: filled.

    Returns:
        The state whose search goes on, from ``tree``; -1 when no state is left.
    """
    terms, left, has_none, moves, table = domain
    fixed, exactly, kinds = terms.fixed, terms.exactly, terms.kinds
    while True:
        s = take_next(next_state)
        if s >= first.shape[0]:
            return -1
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
        allowed = max(absolute, relative * opened.width[s])
        copy(action, opened.maximiser[s])
        core = core_in_place(stack, lower, upper, tree.first)
        rows, n = core.constant.size, action.size
        size = rows * (n + 1)
        lanes = Lanes(room.base[:size].reshape(rows, n + 1), room.lane[:size].reshape(rows, n + 1), room.bits)
        if table.bit.size > 0:
            # No action skipped may tie with the best through rounding.
            reach = allowed - 2.0 * core.margin[rows - 1]
            tied, opened.rest[s] = best_places(
                core, table, coef, opened.constant[s], enough[s], reach, room.table
            )
            opened.tied[s], opened.allowed[s] = tied, True
            if tied <= opened.ties.shape[1]:
                for j in range(tied):
                    opened.ties[s, j] = room.table.tried[j]
            for i in range(n):
                action[i] = False
            place = np.int64(room.table.tried[0])
            while place > 0:
                action[table.bit[place]] = True
                place = np.int64(table.before[place])
            continue
        if search and moves.kind.size > 0:
            opened.allowed[s] = is_allowed(moves, action, room.moves.number)
            if has_none and not opened.allowed[s]:
                for i in range(n):
                    action[i] = False
                opened.allowed[s] = True
            if opened.allowed[s]:
                climb_profiles(core, action, fixed, moves, _MOVES, lanes, room.moves)
        elif search and terms.attained:
            opened.allowed[s] = True
            climb(core, action, fixed, left, exactly, _MOVES, lanes)
        if terms.attained and opened.allowed[s] and nodes[s] > 0:
            copy(action, tree.work.action)
            value = value_of(stack, tree.work)
            if opened.output[s] <= max(value, enough[s]) + allowed:
                continue
            goal = max(allowed, enough[s] - value)
            begin(tree, terms, rows - 1, lower, upper, opened.output[s], action, value, nodes[s], goal)
            reason = advance(tree, terms, nodes[s], goal, NEVER, _UNTIL)
            copy(tree.work.best, action)
            opened.rest[s] = upper_bound(tree)
            if reason != DONE:
                return int(s)
