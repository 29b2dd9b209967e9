"""Compiled backward linear bounds over sets of actions with few bits set.

A row of a stack (see ``solvers.sequoia.stack``) is bounded above by going back from it neuron by neuron. An
unstable neuron, l < x < h, is replaced by a line on the side that matters [1]_: above, the chord
from (l, slope l) to (h, h); below, alpha x with alpha in [slope, 1]. What remains is linear in the
action, and its greatest value over {a : sum a <= k, some bits fixed} is a sum of greatest coefficients.

.. [1] Zhang, Weng, Chen, Hsieh, Daniel (2018), Efficient neural network robustness certification with general
   activation functions, NeurIPS.
"""

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.kinds import Kinds
from solvers.sequoia.kinds_kernels import greatest_by_kinds
from solvers.sequoia.stack import Stack

Floats: TypeAlias = NDArray[np.float64]
Signs: TypeAlias = NDArray[np.int8]


# These kernels neither allocate nor return arrays, and callers hold what they pass: counting references would
# only cost time. Assigning to a slice would count, hence ``copy``.
@njit(nogil=True, cache=True, _nrt=False)
def copy(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy a vector."""
    for i in range(source.size):
        target[i] = source[i]


@njit(nogil=True, cache=True, _nrt=False)
def select(x: Floats, n: int, k: int) -> None:
    """Put the k greatest of x[:n] first, 0 < k < n, the k-th of them in x[k - 1] (Hoare's selection)."""
    lo, hi, want = 0, n - 1, k - 1
    while lo < hi:
        pivot = x[want]
        i, j = lo, hi
        while i <= j:
            while x[i] > pivot:
                i += 1
            while pivot > x[j]:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if j < want:
            lo = i
        if want < i:
            hi = j


@njit(nogil=True, cache=True, _nrt=False)
def greatest(coef: Floats, fixed: Signs, left: int, exactly: bool, kinds: Kinds, spare: Floats) -> float:
    """Greatest value of a linear form over the allowed actions; -inf if kinds rule all of them out.

    Args:
        coef: of the bits, of shape (N,).
        fixed: 0 or 1 where the bit is fixed, -1 where it is free.
        left: how many free bits may be set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits.
        spare: workspace, of shape (N,).
    """
    if kinds.order.size > 0:
        return float(greatest_by_kinds(coef, fixed, kinds))
    total = 0.0
    n = 0
    for i in range(coef.size):
        if fixed[i] < 0:
            if exactly or coef[i] > 0.0:
                spare[n] = coef[i]
                n += 1
        elif fixed[i] == 1:
            total += coef[i]
    if n > left:
        if left == 0:
            return total
        select(spare, n, left)
        n = left
    for i in range(n):
        total += spare[i]
    return total


@njit(nogil=True, cache=True, _nrt=False)
def maximise(
    coef: Floats, fixed: Signs, left: int, exactly: bool, spare: Floats, action: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """As ``greatest``, with a maximiser; of equal coefficients the first are taken.

    Args:
        coef: of the bits, of shape (N,).
        fixed: 0 or 1 where the bit is fixed, -1 where it is free.
        left: how many free bits may be set.
        exactly: whether so many must be.
        spare: workspace, of shape (N,).
        action: filled with the maximiser.

    Returns:
        The greatest value; the coefficient that a bit to be set besides would displace, and that of the bit
        that would take the place of one dropped (0 stands for an empty place, infinity for none to be had).
    """
    total = 0.0
    n = 0
    for i in range(coef.size):
        action[i] = fixed[i] == 1
        if fixed[i] < 0:
            if exactly or coef[i] > 0.0:
                spare[n] = coef[i]
                n += 1
        elif fixed[i] == 1:
            total += coef[i]
    if n <= left:  # all that is worth it; where the number is exact this is all there is
        for i in range(n):
            total += spare[i]
        for i in range(coef.size):
            if fixed[i] < 0 and (exactly or coef[i] > 0.0):
                action[i] = True
        if exactly:
            return total, np.inf, -np.inf
        return total, (0.0 if n < left else _least(spare, n)), 0.0
    if left == 0:
        return total, np.inf, 0.0
    select(spare, n, left)
    for i in range(left):
        total += spare[i]
    cut = spare[left - 1]
    following = spare[left]
    for i in range(left + 1, n):
        following = max(following, spare[i])
    ties = left
    for i in range(left):
        if spare[i] > cut:
            ties -= 1
    for i in range(coef.size):
        if fixed[i] < 0:
            if coef[i] > cut:
                action[i] = True
            elif coef[i] == cut and ties > 0:
                action[i] = True
                ties -= 1
    return total, cut, following


@njit(nogil=True, cache=True, _nrt=False)
def _least(x: Floats, n: int) -> float:
    """Least of x[:n]; infinity of nothing."""
    low = np.inf
    for i in range(n):
        low = min(low, x[i])
    return low


@njit(nogil=True, cache=True, _nrt=False)
def backward(
    sign: float, u: int, stack: Stack, lower: Floats, upper: Floats, factor: Floats, coef: Floats
) -> float:
    """A linear function of the action above ``sign`` times row ``u``; of two lines below the closer is taken.

    Args:
        sign: 1 or -1.
        u: the row.
        stack: the network.
        lower: of the neurons before the layer of ``u``.
        upper: likewise.
        factor: workspace, of shape (m,).
        coef: filled with the coefficients of the action, of shape (N,).

    Returns:
        The constant of the linear function.
    """
    inner, outer, constant, slope, begin, first, _ = stack
    for i in range(coef.size):
        coef[i] = sign * outer[u, i]
    for v in range(begin[u]):
        factor[v] = 0.0
    for v in range(begin[u], first[u]):
        factor[v] = sign * inner[u, v]
    total = sign * constant[u]
    for v in range(first[u] - 1, -1, -1):
        t = factor[v]
        if t == 0.0:
            continue
        lo, hi = lower[v], upper[v]
        if lo >= 0.0:
            line = 1.0
        elif hi <= 0.0:
            line = slope[v]
        elif t > 0.0:
            line = (hi - slope[v] * lo) / (hi - lo)
            total += t * (1.0 - line) * hi
        else:
            line = 1.0 if hi > -lo else slope[v]
        t *= line
        if t == 0.0:
            continue
        total += t * constant[v]
        for w in range(begin[v], first[v]):
            factor[w] += t * inner[v, w]
        for i in range(coef.size):
            coef[i] += t * outer[v, i]
    return float(total)


@njit(nogil=True, cache=True, _nrt=False)
def interval(
    sign: float,
    u: int,
    stack: Stack,
    fixed: Signs,
    left: int,
    exactly: bool,
    kinds: Kinds,
    lower: Floats,
    upper: Floats,
    coef: Floats,
    spare: Floats,
) -> float:
    """Greatest value of ``sign`` times row ``u`` if each neuron before it took its worst value."""
    inner, outer, constant, slope, begin, first, _ = stack
    for i in range(coef.size):
        coef[i] = sign * outer[u, i]
    total = sign * constant[u] + greatest(coef, fixed, left, exactly, kinds, spare)
    for v in range(begin[u], first[u]):
        t = sign * inner[u, v]
        x = upper[v] if t > 0.0 else lower[v]
        total += t * max(x, slope[v] * x)
    return float(total)


@njit(nogil=True, cache=True, _nrt=False)
def bound_neurons(
    stack: Stack,
    fixed: Signs,
    left: int,
    exactly: bool,
    kinds: Kinds,
    lower: Floats,
    upper: Floats,
    factor: Floats,
    coef: Floats,
    spare: Floats,
) -> bool:
    """Bounds of all neurons in turn; those that the bounds given already settle are left as they are.

    Args:
        stack: the network.
        fixed: 0 or 1 where the bit is fixed, -1 where it is free.
        left: how many free bits may be set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits.
        lower: of shape (m,), valid bounds or -inf; narrowed.
        upper: likewise, or inf.
        factor: workspace, of shape (m,).
        coef: workspace, of shape (N,).
        spare: workspace, of shape (N,).

    Returns:
        False if some bounds cross: no action is left.
    """
    first, margin = stack.first, stack.margin
    for u in range(lower.size):
        if lower[u] >= 0.0 or upper[u] <= 0.0:
            continue
        for sign in (1.0, -1.0):
            bound = backward(sign, u, stack, lower, upper, factor, coef)
            bound += greatest(coef, fixed, left, exactly, kinds, spare)
            if first[u] > 0:  # else this is exact
                plain = interval(sign, u, stack, fixed, left, exactly, kinds, lower, upper, coef, spare)
                bound = min(bound, plain)
            bound += margin[u]
            if sign > 0.0:
                upper[u] = min(upper[u], bound)
            else:
                lower[u] = max(lower[u], -bound)
        if lower[u] > upper[u]:
            return False
    return True
