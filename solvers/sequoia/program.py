r"""The mixed-integer program of a Q-network over an action set.

Neurons whose sign is known are linear and are put into the rows of the others. An unstable neuron with value
x before activation, l <= x <= u, and m = max(-l, u), gets its parts as columns,

.. math:: x / m = p - q, \quad 0 \le p \le (u / m) z, \quad 0 \le q \le (-l / m) (1 - z), \quad z \in \{0, 1\}

and hands on slope x + (1 - slope) m p. Dividing by m makes the program the same whatever units layers are in.

No z is needed where Q cannot grow with what the neuron hands on: the greatest Q then presses p down to
max(x, 0) / m by itself. Interval arithmetic from the output backwards tells the sign of that derivative; in
the last layer it is the sign of the output weight, so about half of its neurons cost no binary.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.bounds import LayerBounds
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import PreparedSet
from solvers.sequoia.stack import stack_width, stacked

_WIDEN = 1e-7
"""Share of a layer's greatest bound by which its bounds are widened."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Maximise offset + scale * (costs @ x) over rows; the action bits come first.

    Attributes:
        costs: of shape (columns,), the greatest magnitude is 1.
        scale: units of Q in one unit of ``costs @ x``.
        offset: Q where ``costs @ x`` is 0.
        lower: of the columns.
        upper: likewise.
        integral: whether a column is whole, int32.
        starts: where the entries of each row start, and their number; int32 of shape (rows + 1,).
        indices: columns of the entries, int32.
        values: the entries.
        row_lower: of shape (rows,).
        row_upper: likewise.
        slack: greatest change of the objective when every reduced cost and price is wrong by 1.
    """

    costs: NDArray[np.float64]
    scale: float
    offset: float
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integral: NDArray[np.int32]
    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: NDArray[np.float64]
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    slack: float

    def objective(self, value: float) -> float:
        """``costs @ x`` of a value of Q."""
        return (value - self.offset) / self.scale

    def value(self, objective: float) -> float:
        """Q of ``costs @ x``."""
        return self.offset + self.scale * objective


def network_program(network: ActionNetwork, prepared: PreparedSet, bounds: LayerBounds) -> Program:
    """Write a network and an action set as one program.

    Args:
        network: Q of one state.
        prepared: the set.
        bounds: of the neurons, valid for every action of the set.
    """
    action_set = prepared.action_set
    layers = [_Layer.of(bounds.lower[k], bounds.upper[k], slope) for k, slope in enumerate(network.slopes)]
    needed = _needs_binary(network, layers)
    columns = action_set.variables
    carriers = np.arange(network.size)
    matrix, constant = network.weights[0], network.biases[0]
    starts: list[NDArray[np.signedinteger[Any]]] = [prepared.starts]
    indices: list[NDArray[np.signedinteger[Any]]] = [prepared.indices]
    values = [prepared.values]
    entries = prepared.values.size
    row_lower, row_upper = [action_set.row_lower], [action_set.row_upper]
    upper, integral = [action_set.upper], [action_set.integral.astype(np.int32)]
    for layer, binary, weight, bias in zip(
        layers, needed, network.weights[1:], network.biases[1:], strict=True
    ):
        unstable, size = layer.unstable, layer.unstable.size
        positive = columns + np.arange(size)
        negative = positive + size
        switch = columns + 2 * size + np.arange(binary.size)
        columns += 2 * size + binary.size
        # x / m - p + q = 0
        one = np.ones((size, 1))
        block = np.concatenate((matrix[unstable] / layer.most[:, None], -one, one), axis=1)
        where = np.concatenate(
            (np.broadcast_to(carriers, (size, carriers.size)), positive[:, None], negative[:, None]), axis=1
        )
        kept = block != 0
        counts = kept.sum(axis=1)
        indices.append(where[kept])
        values.append(block[kept])
        starts.append(entries + np.cumsum(counts))
        entries += int(counts.sum())
        row_lower.append(-constant[unstable] / layer.most)
        row_upper.append(-constant[unstable] / layer.most)
        # p - (u / m) z <= 0 and q - (l / m) z <= -l / m
        on, off = layer.upper[binary], -layer.lower[binary]
        pairs = np.concatenate((positive[binary], negative[binary]))
        indices.append(np.stack((pairs, np.tile(switch, 2)), axis=1).ravel())
        values.append(np.stack((np.ones(pairs.size), np.concatenate((-on, off))), axis=1).ravel())
        starts.append(entries + 2 * np.arange(1, pairs.size + 1))
        entries += 2 * pairs.size
        row_lower.append(np.full(pairs.size, -np.inf))
        row_upper.append(np.concatenate((np.zeros(binary.size), off)))
        upper += [layer.upper, -layer.lower, np.ones(binary.size)]
        integral += [np.zeros(2 * size, dtype=np.int32), np.ones(binary.size, dtype=np.int32)]
        # What the layer hands on, as the next one reads it.
        passed = weight * layer.factor
        constant = passed @ constant + bias
        matrix = np.concatenate((passed @ matrix, weight[:, unstable] * layer.kink), axis=1)
        carriers = np.concatenate((carriers, positive))
    costs = np.zeros(columns)
    costs[carriers] = matrix[0]
    scale = float(np.abs(costs).max(initial=0.0)) or 1.0
    uppers = np.concatenate(upper)
    neurons = columns - action_set.variables
    return Program(
        costs=costs / scale,
        scale=scale,
        offset=float(constant[0]),
        lower=np.concatenate((action_set.lower, np.zeros(neurons))),
        upper=uppers,
        integral=np.concatenate(integral),
        starts=np.concatenate(starts).astype(np.int32),
        indices=np.concatenate(indices).astype(np.int32),
        values=np.concatenate(values),
        row_lower=np.concatenate(row_lower),
        row_upper=np.concatenate(row_upper),
        # In the rows of z nothing moves by more than 2.
        slack=prepared.slack
        + float(uppers[action_set.variables :].sum())
        + 2.0 * 2 * sum(b.size for b in needed),
    )


def linear_program(prepared: PreparedSet, coefficients: NDArray[np.float64]) -> Program:
    """Maximise coefficients @ a over the set.

    Args:
        prepared: the set.
        coefficients: of shape (N,).
    """
    network = ActionNetwork((coefficients[None],), (np.zeros(1),), ())
    nothing = LayerBounds((), (), np.inf, np.zeros(network.size, dtype=np.bool_), coefficients, np.inf)
    return network_program(network, prepared, nothing)


def output_width(network: ActionNetwork, bounds: LayerBounds) -> float:
    """How far apart two values of Q can lie, by the bounds of the last hidden layer.

    See ``solvers.sequoia.stack.stack_width``.
    """
    lower, upper = (np.concatenate((np.empty(0), *each)) for each in (bounds.lower, bounds.upper))
    return float(stack_width(stacked(network), lower, upper))


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One hidden layer: neurons of known sign are linear, x -> factor x; the others add kink * p.

    Attributes:
        unstable: which neurons can have either sign, ascending.
        lower: their lower bounds divided by ``most``.
        upper: their upper bounds, likewise.
        most: m.
        factor: of all neurons: 1 where on, the slope elsewhere.
        kink: (1 - slope) m.
        slope: of the activation.
        on: of all neurons, whether they are never negative.
    """

    unstable: NDArray[np.intp]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    most: NDArray[np.float64]
    factor: NDArray[np.float64]
    kink: NDArray[np.float64]
    slope: float

    @classmethod
    def of(cls, lower: NDArray[np.float64], upper: NDArray[np.float64], slope: float) -> "_Layer":
        """Widen the bounds and sort the neurons."""
        pad = _WIDEN * max(-lower.min(initial=0.0), upper.max(initial=0.0))
        low, high = lower - pad, upper + pad
        unstable = np.flatnonzero((low < 0) & (high > 0))
        low_open, high_open = low[unstable], high[unstable]
        most = np.maximum(-low_open, high_open)
        factor = np.where(low >= 0, 1.0, slope)
        return cls(unstable, low_open / most, high_open / most, most, factor, (1 - slope) * most, slope)


def _needs_binary(network: ActionNetwork, layers: list[_Layer]) -> list[NDArray[np.intp]]:
    """Which of each layer's unstable neurons need a binary, as places among them.

    Derivatives of Q by what a layer hands on, as intervals, from the output backwards.
    """
    needed: list[NDArray[np.intp]] = []
    low = high = network.weights[-1][0]
    for k in range(len(layers) - 1, -1, -1):
        layer = layers[k]
        needed.append(np.flatnonzero(high[layer.unstable] > 0))
        least, most = layer.factor, layer.factor.copy()
        most[layer.unstable] = 1.0
        # Factors are not negative, so each end of the product takes one of the two.
        before_low = np.minimum(low * least, low * most)
        before_high = np.maximum(high * least, high * most)
        weight = network.weights[k]
        positive, negative = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
        low = before_low @ positive + before_high @ negative
        high = before_high @ positive + before_low @ negative
    return needed[::-1]
