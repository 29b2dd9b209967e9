"""Compiled greatest values of linear forms over sets that are told by numbers of bits of each kind."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.kinds import Kinds


@njit(nogil=True, cache=True, _nrt=False)
def total_by_kinds(coef: NDArray[np.float64], fixed: NDArray[np.int8], kinds: Kinds) -> float:
    """Greatest value of a linear form; -inf if no allowed action has the fixed bits.

    Args:
        coef: of the bits, of shape (N,).
        fixed: 0 or 1 where the bit is fixed, -1 where it is free.
        kinds: the set; its room to work is filled.
    """
    order, begin, before, slot, leaves, used, worth, ranked, prefix, _, total = kinds
    base = 0.0
    for k in range(used.size):
        first, size = begin[k] - k, begin[k + 1] - begin[k] - 1
        ones = positive = 0
        for p in range(first, first + size):
            i = order[p]
            if fixed[i] == 1:
                ones += 1
                base += coef[i]
            elif fixed[i] < 0 and coef[i] > 0.0:
                q = first + positive
                while q > first and coef[ranked[q - 1]] < coef[i]:
                    ranked[q] = ranked[q - 1]
                    q -= 1
                ranked[q] = i
                positive += 1
        used[k], worth[k] = ones, positive
        value = 0.0
        for n in range(size + 1):
            if 0 < n - ones <= positive:
                value += coef[ranked[first + n - ones - 1]]
            prefix[begin[k] + n] = value if n >= ones else -np.inf
    for t in range(slot.size):
        value = prefix[slot[t]]
        if before[t] >= 0:
            value += total[before[t]]
        total[t] = value
    best = -np.inf
    for t in range(leaves, slot.size):
        best = max(best, total[t])
    return float(best + base)


@njit(nogil=True, cache=True, _nrt=False)
def greatest_by_kinds(coef: NDArray[np.float64], fixed: NDArray[np.int8], kinds: Kinds) -> float:
    """As ``total_by_kinds``, where the room to work is not asked for."""
    for i in range(coef.size):
        if fixed[i] == 1 or (fixed[i] < 0 and coef[i] > 0.0):
            return float(total_by_kinds(coef, fixed, kinds))
    return 0.0  # of the action without bits, which every downward set has


@njit(nogil=True, cache=True, _nrt=False)
def maximise_by_kinds(
    coef: NDArray[np.float64], fixed: NDArray[np.int8], kinds: Kinds, action: NDArray[np.bool_]
) -> float:
    """As ``greatest_by_kinds``, with a maximiser; where there is none ``action`` holds the fixed bits."""
    value = total_by_kinds(coef, fixed, kinds)
    _, begin, before, slot, leaves, used, worth, ranked, _, _, total = kinds
    for i in range(coef.size):
        action[i] = fixed[i] == 1
    if value == -np.inf:
        return float(value)
    t = leaves
    for leaf in range(leaves + 1, slot.size):
        if total[leaf] > total[t]:
            t = leaf
    for k in range(used.size - 1, -1, -1):
        first = begin[k] - k
        for p in range(first, first + min(worth[k], slot[t] - begin[k] - used[k])):
            action[ranked[p]] = True
        t = before[t]
    return float(value)


@njit(nogil=True, cache=True, _nrt=False)
def fix_by_kinds(
    coef: NDArray[np.float64],
    fixed: NDArray[np.int8],
    kinds: Kinds,
    action: NDArray[np.bool_],
    rest: float,
    goal: float,
) -> tuple[int, float]:
    """Fix the bits whose change brings the form down to the goal, right after ``maximise_by_kinds``.

    Args:
        coef: as there.
        fixed: as there; more are fixed.
        kinds: as there, still filled.
        action: the maximiser.
        rest: what is to be added to the totals of profiles.
        goal: for the sum.

    Returns:
        How many of them are set, and the greatest value of the actions this leaves out.
    """
    order, begin, before, slot, leaves, used, worth, ranked, _, best, total = kinds
    for s in range(best.size):
        best[s] = -np.inf
    # From the leaves back, a node's total becomes the greatest of the leaves behind it.
    for t in range(leaves):
        total[t] = -np.inf
    for t in range(slot.size - 1, -1, -1):
        best[slot[t]] = max(best[slot[t]], total[t])
        if before[t] >= 0:
            total[before[t]] = max(total[before[t]], total[t])
    newly_set, excluded = 0, -np.inf
    for k in range(used.size):
        first, size = begin[k] - k, begin[k + 1] - begin[k] - 1
        for p in range(first, first + size):
            i = order[p]
            if fixed[i] >= 0:
                continue
            rank = size
            for q in range(worth[k]):
                if ranked[first + q] == i:
                    rank = q
            changed = -np.inf
            for n in range(used[k], size + 1):
                value = best[begin[k] + n]
                taken = n - used[k]  # bits of this kind besides the fixed ones
                if action[i]:
                    if rank < taken:
                        value -= coef[i]
                        if taken < worth[k]:
                            value += coef[ranked[first + taken]]
                elif taken == 0:
                    value = -np.inf
                elif rank >= taken:
                    value += coef[i]
                    if taken <= worth[k]:
                        value -= coef[ranked[first + taken - 1]]
                changed = max(changed, value)
            changed += rest
            if changed <= goal:
                excluded = max(excluded, changed)
                fixed[i] = 1 if action[i] else 0
                newly_set += fixed[i]
    return newly_set, excluded
