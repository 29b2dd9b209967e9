"""Compiled local search: all moves of a round are put through the core of the network side by side.

A move drops one set bit or none and adds one free bit or none. The values before activation of all moves that
drop the same bit differ by columns of V alone, so they are computed as lanes of one array.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs
from solvers.sequoia.stack import Stack


class Lanes(NamedTuple):
    """Buffers of a local search.

    Attributes:
        base: of shape (m + 1, N + 1), what the action adds to each row, one lane for each bit to add and a
            last one for none.
        lane: likewise, after activation.
        bits: int64 (N,), the bits that may be added.
    """

    base: Floats
    lane: Floats
    bits: NDArray[np.int64]


@njit(nogil=True, cache=True, _nrt=False)
def start_lanes(stack: Stack, action: NDArray[np.bool_], fixed: Signs, lanes: Lanes) -> int:
    """Fill ``base`` and ``bits`` for an action; returns how many bits may be added."""
    _, outer, constant, _, _, _, _ = stack
    base, _, bits = lanes
    count = 0
    for i in range(action.size):
        if not action[i] and fixed[i] < 0:
            bits[count] = i
            count += 1
    for u in range(constant.size):
        x = constant[u]
        for i in range(action.size):
            if action[i]:
                x += outer[u, i]
        for j in range(count):
            base[u, j] = x + outer[u, bits[j]]
        base[u, count] = x
    return count


@njit(nogil=True, cache=True, _nrt=False)
def run_lanes(stack: Stack, dropped: int, lanes: Lanes, begin: int, end: int) -> None:
    """Put lanes ``begin`` to ``end`` - 1 through the network, less bit ``dropped`` if any; Q comes last."""
    inner, outer, _, slope, _, first, _ = stack
    base, lane, _ = lanes
    m = slope.size
    for u in range(m + 1):
        less = 0.0 if dropped < 0 else outer[u, dropped]
        for j in range(begin, end):
            lane[u, j] = base[u, j] - less
        # Four at a time: each lane is then loaded and stored a quarter as often.
        fours = first[u] - first[u] % 4
        for v in range(0, fours, 4):
            p, q, r, t = inner[u, v], inner[u, v + 1], inner[u, v + 2], inner[u, v + 3]
            for j in range(begin, end):
                lane[u, j] += (p * lane[v, j] + q * lane[v + 1, j]) + (
                    r * lane[v + 2, j] + t * lane[v + 3, j]
                )
        for v in range(fours, first[u]):
            t = inner[u, v]
            for j in range(begin, end):
                lane[u, j] += t * lane[v, j]
        if u < m:
            s = slope[u]
            for j in range(begin, end):
                x = lane[u, j]
                lane[u, j] = x if x > 0.0 else s * x


@njit(nogil=True, cache=True, _nrt=False)
def climb(
    stack: Stack, action: NDArray[np.bool_], fixed: Signs, left: int, exactly: bool, limit: int, lanes: Lanes
) -> int:
    """Improve an action, in place, by the best single bit, or where none helps by the best swap.

    Args:
        stack: the network.
        action: bool (N,), changed.
        fixed: 0 or 1 where a bit is fixed, -1 where it is free.
        left: how many free bits may be set.
        exactly: whether so many must be.
        limit: greatest number of moves.
        lanes: buffers.

    Returns:
        Number of moves made.
    """
    m = stack.slope.size
    lane, bits = lanes.lane, lanes.bits
    # A value has to rise by more than rounding can feign, so no action comes up twice.
    least = 2.0 * stack.margin[m]
    moves = 0
    while moves < limit:
        count = start_lanes(stack, action, fixed, lanes)
        used = 0
        for i in range(action.size):
            if action[i] and fixed[i] < 0:
                used += 1
        run_lanes(stack, -1, lanes, 0, count + 1)
        best = lane[m, count] + least
        drop, add = -1, -1
        if not exactly:
            if used < left:
                for j in range(count):
                    if lane[m, j] > best:
                        best, add = lane[m, j], bits[j]
            for i in range(action.size):
                if action[i] and fixed[i] < 0:
                    run_lanes(stack, i, lanes, count, count + 1)
                    if lane[m, count] > best:
                        best, drop, add = lane[m, count], i, -1
        if drop < 0 and add < 0:
            for i in range(action.size):
                if action[i] and fixed[i] < 0:
                    run_lanes(stack, i, lanes, 0, count)
                    for j in range(count):
                        if lane[m, j] > best:
                            best, drop, add = lane[m, j], i, bits[j]
        if drop < 0 and add < 0:
            break
        if drop >= 0:
            action[drop] = False
        if add >= 0:
            action[add] = True
        moves += 1
    return moves


@njit(nogil=True, cache=True, _nrt=False)
def neighbours(
    stack: Stack, action: NDArray[np.bool_], fixed: Signs, swaps: bool, lanes: Lanes, values: Floats
) -> float:
    """Q after every move of one kind.

    Args:
        stack: the network.
        action: bool (N,).
        fixed: 0 or 1 where a bit is fixed, -1 where it is free.
        swaps: swaps, else single bits.
        lanes: buffers.
        values: filled, of shape (N + 1, N + 1): [i, j] drops bit i and adds bit j, N stands for none; -inf
            where there is no such move.

    Returns:
        Q of the action.
    """
    n, m = action.size, stack.slope.size
    lane, bits = lanes.lane, lanes.bits
    for i in range(n + 1):
        for j in range(n + 1):
            values[i, j] = -np.inf
    count = start_lanes(stack, action, fixed, lanes)
    run_lanes(stack, -1, lanes, 0, count + 1)
    now = lane[m, count]
    if not swaps:
        for j in range(count):
            values[n, bits[j]] = lane[m, j]
    for i in range(n):
        if action[i] and fixed[i] < 0:
            if swaps:
                run_lanes(stack, i, lanes, 0, count)
                for j in range(count):
                    values[i, bits[j]] = lane[m, j]
            else:
                run_lanes(stack, i, lanes, count, count + 1)
                values[i, n] = lane[m, count]
    return float(now)
