"""A network as one triangular system, whose layers are all bounded, reduced and searched by the same code.

Hidden neurons are numbered through all layers, and x are their values before activation:

    x_u = sum_{v < first_u} M_uv f_v(x_v) + V_u a + c_u,        f_v(x) = max(x, slope_v x),

with the output as one more row. A neuron whose sign is known over all actions in question is linear there
and can be put into the rows of the others. What is left after that is the *core*: often a fifth of the
network, and equal to it on those actions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.network import ActionNetwork


class Stack(NamedTuple):
    """Rows of the m hidden neurons and, last, of the output.

    Attributes:
        inner: M, of shape (m + 1, m).
        outer: V, of shape (m + 1, N).
        constant: c, of shape (m + 1,).
        slope: of each neuron, of shape (m,).
        begin: first neuron that a row may use, int64 of shape (m + 1,).
        first: end of the neurons that a row may use, likewise: the first neuron of its own layer.
        margin: more than rounding can change in a row's value or bound, of shape (m + 1,): 4 (m + N) units in
            the last place of the greatest sum of magnitudes that can meet in it.
    """

    inner: NDArray[np.float64]
    outer: NDArray[np.float64]
    constant: NDArray[np.float64]
    slope: NDArray[np.float64]
    begin: NDArray[np.int64]
    first: NDArray[np.int64]
    margin: NDArray[np.float64]

    @property
    def neurons(self) -> int:
        """Number m of neurons."""
        return int(self.slope.size)

    @property
    def bits(self) -> int:
        """N, the number of action bits."""
        return int(self.outer.shape[1])


def layer_starts(network: ActionNetwork) -> NDArray[np.int64]:
    """Where the neurons of each hidden layer begin, and the end of the last; int64 of shape (layers + 1,)."""
    return np.cumsum([0, *(bias.size for bias in network.biases[:-1])])


def stacked(network: ActionNetwork) -> Stack:
    """All neurons of a network as they are."""
    starts = layer_starts(network)
    total = int(starts[-1])
    inner = np.zeros((total + 1, total))
    outer = np.zeros((total + 1, network.size))
    begin = np.zeros(total + 1, dtype=np.int64)
    first = np.zeros(total + 1, dtype=np.int64)
    outer[: network.biases[0].size] = network.weights[0]
    magnitude = np.ones(network.size)
    magnitudes = []
    for k, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        magnitude = np.abs(weight) @ magnitude + np.abs(bias)
        magnitudes.append(magnitude)
        if k > 0:
            lo, hi = starts[k - 1], starts[k]
            own = slice(hi, hi + bias.size)
            inner[own, lo:hi] = weight
            begin[own], first[own] = lo, hi
    unit = 4 * (total + network.size) * float(np.finfo(np.float64).eps)
    return Stack(
        inner=inner,
        outer=outer,
        constant=np.concatenate(network.biases),
        slope=np.repeat(network.slopes, np.diff(starts)),
        begin=begin,
        first=first,
        margin=unit * np.concatenate(magnitudes),
    )


def core(stack: Stack, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> Stack:
    """The same function of the action without the neurons that the bounds settle.

    Args:
        stack: the network.
        lower: valid bounds of its neurons over the actions in question, of shape (m,).
        upper: likewise.

    Returns:
        The neurons with lower < 0 < upper, each with the margin that it had, and the output.
    """
    kept = (lower < 0.0) & (upper > 0.0)
    number = np.concatenate(([0], np.cumsum(kept)))
    width = int(number[-1])
    line = np.where(lower >= 0.0, 1.0, stack.slope)[:, None]
    rows = np.hstack((np.zeros((stack.neurons + 1, width)), stack.outer, stack.constant[:, None]))
    # What each neuron gives after activation, by kept neurons, action and 1.
    after = np.zeros((stack.neurons, width + stack.bits + 1))
    layers = np.unique(stack.first)
    for begin, end in zip(layers, [*layers[1:], stack.neurons + 1], strict=True):
        own = slice(begin, end)
        hidden = slice(begin, min(end, stack.neurons))
        rows[own] += stack.inner[own, :begin] @ after[:begin]
        after[hidden] = np.where(kept[hidden, None], 0.0, line[hidden] * rows[hidden])
        after[hidden][kept[hidden], number[hidden][kept[hidden]]] = 1.0
    chosen = np.append(kept, True)
    return Stack(
        inner=np.ascontiguousarray(rows[chosen, :width]),
        outer=np.ascontiguousarray(rows[chosen, width:-1]),
        constant=rows[chosen, -1],
        slope=stack.slope[kept],
        begin=np.zeros(width + 1, dtype=np.int64),
        first=number[stack.first[chosen]],
        margin=stack.margin[chosen],
    )
