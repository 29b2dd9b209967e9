"""Compiled passes over a table of actions (see ``solvers.sequoia.action_table``)."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats
from solvers.sequoia.local_search_kernels import Lanes, run_lanes
from solvers.sequoia.stack import Stack


@njit(nogil=True, cache=True, _nrt=False)
def linear_values(
    before: NDArray[np.int32],
    bit: NDArray[np.int16],
    allowed: NDArray[np.bool_],
    coef: Floats,
    constant: float,
    total: Floats,
    best: NDArray[np.int64],
) -> None:
    """A linear form of all actions.

    Args:
        before: the action without its last bit.
        bit: that bit.
        allowed: the others get -inf.
        coef: coefficients of the bits.
        constant: value of no bit.
        total: filled, one for each action.
        best: filled with the greatest of each run of actions of equal length; -1 for a run of none allowed.
    """
    count = total.size
    total[0] = constant
    for i in range(1, count):
        total[i] = total[before[i]] + coef[bit[i]]
    for i in range(count):
        if not allowed[i]:
            total[i] = -np.inf
    runs = best.size
    length = (count + runs - 1) // runs
    for r in range(runs):
        top = -np.inf
        best[r] = -1
        for i in range(r * length, min(count, (r + 1) * length)):
            if total[i] > top:
                top = total[i]
                best[r] = i


@njit(nogil=True, cache=True, _nrt=False)
def network_values(
    stack: Stack,
    columns: Floats,
    before: NDArray[np.int32],
    bit: NDArray[np.int16],
    places: NDArray[np.int64],
    row: Floats,
    lanes: Lanes,
    values: Floats,
) -> None:
    """Q of some actions, as many side by side as there are lanes.

    Args:
        stack: the network.
        columns: its ``outer`` transposed, of shape (N, m + 1).
        before: the action without its last bit.
        bit: that bit.
        places: of the actions in the table.
        row: workspace, of shape (m + 1,).
        lanes: workspace.
        values: filled, one for each place.
    """
    m = stack.slope.size
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
