r"""Fully connected networks as plain arrays, evaluated by numpy: what plays needs no torch.

A layer maps x to :math:`\sigma(g \odot \mathrm{norm}(x W + b) + h)`, the last one to :math:`x W + b`; the
normalisation over the features of a layer [1]_ is optional.

.. [1] Ba, Kiros, Hinton (2016), Layer normalization, arXiv 1607.06450.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

NORM_EPSILON = 1e-5  # added to the variance of a layer before the root


class Activation(Enum):
    """What follows each layer but the last; the numbers are those of stored files."""

    TANH = 0
    RELU = 1


@dataclass(frozen=True, slots=True)
class Torso:
    """The hidden part of a network.

    Attributes:
        hidden: widths of the hidden layers; none makes a linear network.
        activation: after each of them.
        layer_norm: whether each is normalised before its activation.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: Activation = Activation.TANH
    layer_norm: bool = False

    def __post_init__(self) -> None:
        if any(width < 1 for width in self.hidden):
            raise ValueError(f"hidden must hold positive widths, got {self.hidden}")


@dataclass(frozen=True, slots=True, eq=False)
class DenseNetwork:
    """A network; its arrays, float32, are not copied, so that a trainer may share and change them.

    Attributes:
        weights: per layer, shape (inputs, outputs).
        biases: per layer, shape (outputs,).
        gains: of the normalisation, per layer but the last, shape (outputs,); () without normalisation.
        shifts: likewise.
        activation: after each layer but the last.
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    gains: tuple[NDArray[np.float32], ...] = ()
    shifts: tuple[NDArray[np.float32], ...] = ()
    activation: Activation = Activation.TANH

    def __post_init__(self) -> None:
        inner = len(self.weights) - 1
        if inner < 0 or len(self.biases) != inner + 1:
            raise ValueError(f"got {len(self.weights)} weights and {len(self.biases)} biases; need as many")
        if len(self.gains) != len(self.shifts) or len(self.gains) not in (0, inner):
            raise ValueError(
                f"got {len(self.gains)} gains and {len(self.shifts)} shifts for {inner} hidden layers"
            )
        if not all(np.isfinite(a).all() for a in self.parameters()):
            raise ValueError("a network must hold finite float32 numbers only")
        (width, *_) = self.weights[0].shape or (0,)
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            norms = [v[k].shape for v in (self.gains, self.shifts) if k < len(v)]
            if w.ndim != 2 or w.shape[0] != width or any(s != (w.shape[1],) for s in (b.shape, *norms)):
                raise ValueError(
                    f"layer {k} has weights of shape {w.shape} and bias {b.shape} after {width} inputs"
                )
            width = w.shape[1]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Inputs, then the outputs of each layer."""
        return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    def parameters(self) -> Iterator[NDArray[np.float32]]:
        """All arrays, in a fixed order."""
        yield from self.weights
        yield from self.biases
        yield from self.gains
        yield from self.shifts

    def forward(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs, shape (m, sizes[-1]), of rows of inputs, shape (m, sizes[0])."""
        x = inputs
        last = len(self.weights) - 1
        for k, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ w
            x += b
            if k < last:
                if self.gains:
                    x -= x.mean(axis=1, keepdims=True)
                    x /= np.sqrt(np.square(x).mean(axis=1, keepdims=True) + np.float32(NORM_EPSILON))
                    x *= self.gains[k]
                    x += self.shifts[k]
                if self.activation is Activation.RELU:
                    np.maximum(x, 0.0, out=x)
                else:
                    np.tanh(x, out=x)
        return x

    def copy(self) -> "DenseNetwork":
        """The same network with arrays of its own."""
        weights, biases, gains, shifts = (
            tuple(a.copy() for a in group) for group in (self.weights, self.biases, self.gains, self.shifts)
        )
        return DenseNetwork(weights, biases, gains, shifts, self.activation)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The network for storage: every float32 exactly as a float64."""
        stored: dict[str, NDArray[Any]] = {
            "form": np.array([len(self.weights), len(self.gains), self.activation.value], dtype=np.int64)
        }
        for name in ("weights", "biases", "gains", "shifts"):
            for k, array in enumerate(getattr(self, name)):
                stored[f"{name}_{k}"] = array.astype(np.float64)
        return stored

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> "DenseNetwork":
        """The network that gave ``arrays``.

        Raises:
            ValueError: an array is missing, or they do not fit each other.
        """

        def group(name: str, count: int) -> tuple[NDArray[np.float32], ...]:
            with np.errstate(over="ignore"):  # what becomes infinite is refused below
                return tuple(np.asarray(arrays[f"{name}_{k}"], dtype=np.float32) for k in range(count))

        try:
            layers, norms, activation = integers(arrays, "form", 3)
            weights, biases = group("weights", layers), group("biases", layers)
            gains, shifts = group("gains", norms), group("shifts", norms)
        except KeyError as error:
            raise ValueError(f"arrays of a network lack {error.args[0]}") from None
        return cls(weights, biases, gains, shifts, Activation(activation))


def integers(arrays: Mapping[str, NDArray[Any]], name: str, count: int) -> list[int]:
    """The numbers of an array of so many integers.

    Raises:
        KeyError: there is no such array.
        ValueError: it is of another type or shape.
    """
    array = arrays[name]
    if array.shape != (count,) or array.dtype.kind != "i":
        raise ValueError(f"array {name} of a network must hold {count} integers")
    numbers: list[int] = array.tolist()
    return numbers


def initial_network(
    inputs: int, torso: Torso, outputs: int, *, last_gain: float, rng: np.random.Generator
) -> DenseNetwork:
    """Orthogonal weights [1]_ and no biases.

    Args:
        inputs: number of inputs.
        torso: the hidden part.
        outputs: number of outputs.
        last_gain: scale of the last layer; small values start a policy near uniform.
        rng: all randomness.

    .. [1] Saxe, McClelland, Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in deep
       linear neural networks, ICLR.
    """
    sizes = (inputs, *torso.hidden, outputs)
    gains = [math.sqrt(2.0)] * len(torso.hidden) + [last_gain]
    weights = tuple(
        _orthogonal(n, m, gain, rng) for n, m, gain in zip(sizes[:-1], sizes[1:], gains, strict=True)
    )
    widths = torso.hidden if torso.layer_norm else ()
    return DenseNetwork(
        weights,
        tuple(np.zeros(m, dtype=np.float32) for m in sizes[1:]),
        tuple(np.ones(m, dtype=np.float32) for m in widths),
        tuple(np.zeros(m, dtype=np.float32) for m in widths),
        torso.activation,
    )


def fits(network: DenseNetwork, inputs: int, torso: Torso, outputs: int) -> bool:
    """Whether the network is one that `initial_network` makes of these arguments."""
    same_form = network.activation is torso.activation and bool(network.gains) == (
        torso.layer_norm and bool(torso.hidden)
    )
    return same_form and network.sizes == (inputs, *torso.hidden, outputs)


def _orthogonal(rows: int, columns: int, gain: float, rng: np.random.Generator) -> NDArray[np.float32]:
    normal = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))  # makes the draw uniform over orthogonal matrices
    return np.ascontiguousarray(gain * (q if rows >= columns else q.T), dtype=np.float32)


def flatten(observations: NDArray[Any]) -> NDArray[np.float32]:
    """Observations, shape (m, ...), as contiguous float32 rows, shape (m, features)."""
    features = math.prod(observations.shape[1:])
    return np.ascontiguousarray(observations, dtype=np.float32).reshape(len(observations), features)
