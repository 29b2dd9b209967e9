"""Bounds of a Q-network's neurons and of its value over all actions with few bits set."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.sequoia.counting import Counting
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.root_kernels import bound_root
from solvers.sequoia.stack import Stack, core, layer_starts, stacked


@dataclass(frozen=True, slots=True, eq=False)
class LayerBounds:
    """Bounds valid for every action of the set.

    Attributes:
        lower: of the values before activation, one array for each hidden layer.
        upper: likewise.
        output_upper: of Q.
        maximiser: the action that attains the linear upper bound of Q, bool of shape (N,).
        output_coefficients: of that bound, c of shape (N,).
        output_constant: of that bound, d: Q(a) <= c a + d for every action of the set, rounding included.
    """

    lower: tuple[NDArray[np.float64], ...]
    upper: tuple[NDArray[np.float64], ...]
    output_upper: float
    maximiser: NDArray[np.bool_]
    output_coefficients: NDArray[np.float64]
    output_constant: float


def layer_bounds(
    network: ActionNetwork, most: int, fixed: ArrayLike | None = None, exactly: bool = False
) -> LayerBounds:
    """Backward linear bounds over {a in {0, 1}^N : sum a <= most, some bits fixed}.

    Each bound is the tighter of the backward linear one and of interval arithmetic, and is widened for
    rounding: by 4 (m + N) units in the last place, for m neurons, of the greatest sum of magnitudes that can
    meet in it.

    Args:
        network: Q of one state.
        most: greatest number of bits set.
        fixed: 0 or 1 where the bit is fixed, -1 where it is free; of shape (N,). None: all free.
        exactly: exactly ``most`` bits are set.

    Returns:
        Bounds of every neuron and of Q.

    Raises:
        ValueError: ``fixed`` has another shape or other entries, or no action is left.
    """
    free = np.full(network.size, -1, dtype=np.int8)
    given = free if fixed is None else np.asarray(fixed)
    if given.shape != free.shape or not np.isin(given, (-1, 0, 1)).all():
        raise ValueError(f"fixed must hold {free.size} entries out of -1, 0 and 1, got {given!r}")
    signs = given.astype(np.int8)
    left = most - int((signs == 1).sum())
    if left < 0 or (exactly and left > int((signs < 0).sum())):
        raise ValueError(
            f"no action of {free.size} bits has the given bits and most={most}, exactly={exactly}"
        )
    return set_bounds(network, Counting(most, exactly, signs, complete=False))


def set_bounds(network: ActionNetwork, count: Counting) -> LayerBounds:
    """As ``layer_bounds``, over the counting relaxation of a set, by kinds too."""
    found = stack_bounds(stacked(network), count)
    starts = layer_starts(network)[1:-1]
    lower, upper = (tuple(np.split(each, starts)) for each in (found.lower, found.upper))
    return LayerBounds(lower, upper, found.output, found.action, found.coefficients, found.constant)


class StackBounds(NamedTuple):
    """Bounds of a stack.

    Attributes:
        lower: of the neurons, of shape (m,).
        upper: likewise.
        output: upper bound of Q.
        action: the maximiser of the linear upper bound of Q, bool of shape (N,).
        coefficients: of that bound, of shape (N,).
        constant: of that bound.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    output: float
    action: NDArray[np.bool_]
    coefficients: NDArray[np.float64]
    constant: float


def stack_bounds(stack: Stack, count: Counting) -> StackBounds:
    """As ``set_bounds`` for a stack."""
    fixed, left, exactly, kinds = count.fixed, count.left, count.exactly, count.kinds.workspace()
    m, n = stack.neurons, stack.bits
    lower, upper, factor = np.empty(m), np.empty(m), np.empty(m)
    coef, spare, action = np.empty(n), np.empty(n), np.empty(n, dtype=np.bool_)
    output, constant = bound_root(
        stack, fixed, left, exactly, kinds, lower, upper, factor, coef, spare, action
    )
    return StackBounds(lower, upper, output, action, coef, constant)


def known_bounds(
    whole: Stack, count: Counting, bounds: LayerBounds | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Bounds of the neurons, of shape (m,) each, and the upper bound of Q; None: computed."""
    if bounds is None:
        found = stack_bounds(whole, count)
        return found.lower, found.upper, found.output
    return np.concatenate(bounds.lower), np.concatenate(bounds.upper), bounds.output_upper


def set_core(
    network: ActionNetwork, count: Counting, bounds: LayerBounds | None
) -> tuple[Stack, NDArray[np.float64], NDArray[np.float64], float]:
    """The core of a network over the counting relaxation of a set.

    Args:
        network: Q of one state.
        count: the relaxation.
        bounds: of the network over the set or over the relaxation; None: computed.

    Returns:
        The core, bounds of its neurons, of shape (m,) each, and the upper bound of Q.
    """
    whole = stacked(network)
    lower, upper, output = known_bounds(whole, count, bounds)
    kept = (lower < 0.0) & (upper > 0.0)
    return core(whole, lower, upper), lower[kept], upper[kept], output
