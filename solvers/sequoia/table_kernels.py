"""Compiled search of a table of actions (see ``solvers.sequoia.action_table``).

Only actions whose linear bound exceeds the best value are put through Q, after the best of some parts of the
table: these parts are taken in the order of their greatest bounds.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.action_table import Table
from solvers.sequoia.bounds_kernels import Floats
from solvers.sequoia.local_search_kernels import Lanes, run_lanes
from solvers.sequoia.stack import Stack

_LANES = 64
_RUNS = 64


@njit(nogil=True, cache=True, _nrt=False)
def linear_values(
    table: Table, coef: Floats, constant: float, total: Floats, best: NDArray[np.int64]
) -> None:
    """A linear form of all actions.

    Args:
        table: the actions.
        coef: coefficients of the bits.
        constant: value of no bit.
        total: filled, one for each action, allowed or not.
        best: filled with the greatest allowed one of each run of actions of equal length; -1 for none.
    """
    before, bit, allowed = table
    total[0] = constant
    for i in range(1, bit.size):
        total[i] = total[before[i]] + coef[bit[i]]
    length = (bit.size + best.size - 1) // best.size
    for r in range(best.size):
        top = -np.inf
        best[r] = -1
        for i in range(r * length, min(bit.size, (r + 1) * length)):
            if allowed[i] and total[i] > top:
                top = total[i]
                best[r] = i


@njit(nogil=True, cache=True, _nrt=False)
def network_values(
    stack: Stack,
    columns: Floats,
    table: Table,
    places: NDArray[np.int64],
    row: Floats,
    lanes: Lanes,
    values: Floats,
) -> None:
    """Q of some actions, as many side by side as there are lanes.

    Args:
        stack: the network.
        columns: its ``outer`` transposed, of shape (N, m + 1).
        table: the actions.
        places: of those wanted.
        row: workspace, of shape (m + 1,).
        lanes: workspace.
        values: filled, one for each place.
    """
    m = stack.slope.size
    before, bit, _ = table
    base, lane, _ = lanes
    width = base.shape[1]
    for begin in range(0, places.size, width):
        count = min(width, places.size - begin)
        for j in range(count):
            for u in range(m + 1):
                row[u] = stack.constant[u]
            i = np.int64(places[begin + j])
            while i > 0:
                b = bit[i]
                for u in range(m + 1):
                    row[u] += columns[b, u]
                i = np.int64(before[i])
            for u in range(m + 1):
                base[u, j] = row[u]
        run_lanes(stack, -1, lanes, 0, count)
        for j in range(count):
            values[begin + j] = lane[m, j]


class TableRoom(NamedTuple):
    """Buffers of a search of a table of A actions.

    Attributes:
        total: of shape (A,), linear bounds.
        tried: int64 of shape (A,), places of the actions put through Q.
        found: of shape (A,), their values.
        runs: int64, the best of each run.
        columns: of shape ((m + 1) N,).
        row: of shape (m + 1,).
        base: of shape ((m + 1) lanes,).
        lane: likewise.
        none: int64 of shape (0,).
    """

    total: Floats
    tried: NDArray[np.int64]
    found: Floats
    runs: NDArray[np.int64]
    columns: Floats
    row: Floats
    base: Floats
    lane: Floats
    none: NDArray[np.int64]


def table_room(table: Table, m: int, n: int) -> TableRoom:
    """Buffers for a network of m neurons and n bits."""
    count = table.bit.size
    lanes = (m + 1) * _LANES if count else 0
    return TableRoom(
        np.empty(count),
        np.empty(count, dtype=np.int64),
        np.empty(count),
        np.empty(min(_RUNS, count), dtype=np.int64),
        np.empty((m + 1) * n),
        np.empty(m + 1),
        np.empty(lanes),
        np.empty(lanes),
        np.empty(0, dtype=np.int64),
    )


@njit(nogil=True, cache=True, _nrt=False)
def best_places(
    stack: Stack, table: Table, coef: Floats, constant: float, enough: float, reach: float, room: TableRoom
) -> tuple[int, float]:
    """The best actions of a table.

    Args:
        stack: the core of the network over the set.
        table: at least one action in it is allowed.
        coef: coefficients of a linear bound of Q over the set.
        constant: of that bound.
        enough: actions that do not exceed this value need not be told apart.
        reach: by how much an action's linear bound has to exceed the best value for the action to be tried.
        room: buffers; the answer is at the beginning of ``tried``.

    Returns:
        How many actions rounding leaves tied for the best among those tried, and the greatest linear bound of
        those not tried; -inf where all were.
    """
    total, tried, found, runs, _, row, _, _, none = room
    n, rows = coef.size, stack.slope.size + 1
    columns = room.columns[: n * rows].reshape(n, rows)
    for i in range(n):
        for u in range(rows):
            columns[i, u] = stack.outer[u, i]
    size = rows * _LANES
    lanes = Lanes(room.base[:size].reshape(rows, _LANES), room.lane[:size].reshape(rows, _LANES), none)
    linear_values(table, coef, constant, total, runs)
    length = (total.size + runs.size - 1) // runs.size
    count = 0
    for r in range(runs.size):
        if runs[r] >= 0:
            tried[count] = runs[r]
            count += 1
    network_values(stack, columns, table, tried[:count], row, lanes, found[:count])
    best, skipped = -np.inf, -np.inf
    for j in range(count):
        best = max(best, found[j])
    done, first = count, count
    # The run of the greatest bound first: what comes after it has more to beat.
    for _ in range(first):
        own = -1
        for r in range(runs.size):
            if runs[r] >= 0 and (own < 0 or total[runs[r]] > total[runs[own]]):
                own = r
        top, begin = runs[own], own * length
        runs[own] = -1
        if total[top] <= skipped:
            break
        for i in range(begin, min(total.size, begin + length)):
            x = total[i]
            if x <= skipped or i == top or not table.allowed[i]:
                continue
            if x <= max(best, enough) + reach:
                skipped = x
                continue
            tried[count] = i
            count += 1
            if count - done == _LANES:
                network_values(stack, columns, table, tried[done:count], row, lanes, found[done:count])
                while done < count:
                    best = max(best, found[done])
                    done += 1
    network_values(stack, columns, table, tried[done:count], row, lanes, found[done:count])
    while done < count:
        best = max(best, found[done])
        done += 1
    tied = 0
    for j in range(count):
        if found[j] >= best - 2.0 * stack.margin[rows - 1]:
            tried[tied] = tried[j]
            tied += 1
    return tied, float(skipped)
