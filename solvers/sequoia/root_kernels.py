"""Compiled bounds of a whole network over the counting relaxation of a set."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs, backward, bound_neurons, interval, maximise
from solvers.sequoia.kinds import Kinds
from solvers.sequoia.kinds_kernels import maximise_by_kinds
from solvers.sequoia.stack import Stack


@njit(nogil=True, cache=True, _nrt=False)
def bound_root(
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
    action: NDArray[np.bool_],
) -> tuple[float, float]:
    """Bounds of all neurons, and a linear bound of Q with its maximiser.

    Args:
        stack: the network.
        fixed: 0 or 1 where a bit is fixed, -1 where it is free.
        left: how many free bits may be set.
        exactly: whether so many must be.
        kinds: if there are any, they tell more than the number of bits.
        lower: filled, of shape (m,).
        upper: likewise.
        factor: workspace, of shape (m,).
        coef: filled with the coefficients of the linear bound of Q, of shape (N,).
        spare: workspace, of shape (N,).
        action: filled with its maximiser, bool of shape (N,).

    Returns:
        The upper bound of Q, and the constant of the linear one.
    """
    m = lower.size
    for v in range(m):
        lower[v], upper[v] = -np.inf, np.inf
    bound_neurons(stack, fixed, left, exactly, kinds, lower, upper, factor, coef, spare)
    plain = interval(1.0, m, stack, fixed, left, exactly, kinds, lower, upper, coef, spare)
    constant = backward(1.0, m, stack, lower, upper, factor, coef)
    if kinds.order.size > 0:
        top = maximise_by_kinds(coef, fixed, kinds, action)
    else:
        top = maximise(coef, fixed, left, exactly, spare, action)[0]
    margin = stack.margin[m]
    return float(min(constant + top, plain) + margin), float(constant + margin)
