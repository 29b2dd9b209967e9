"""Q-networks as arrays, with the state folded into the first layer.

A Q-network here is Q(s, a) = W_L f_{L-1}(... f_1(W_1 a + b_1(s)) ...) + b_L: whatever the state does, it
does through the bias of the first layer. So the state may pass through any encoder at all, and only the path
of the action has to be piecewise linear. :class:`QNetwork` is the whole function, :class:`ActionNetwork` is
what is left of it in one state.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ActionNetwork:
    """a -> Q(a) = W_L f_{L-1}(... f_1(W_1 a + b_1) ...) + b_L, piecewise linear in a.

    Each hidden layer applies f(x) = max(x, slope x) with its own slope in [0, 1): 0 is ReLU.

    Attributes:
        weights: W_1 of shape (h_1, N), ..., W_L of shape (1, h_{L-1}), float64.
        biases: b_1 of shape (h_1,), ..., b_L of shape (1,); the state has been added to b_1.
        slopes: one for each hidden layer.
    """

    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]
    slopes: tuple[float, ...]

    @property
    def size(self) -> int:
        """N, the number of action bits."""
        return int(self.weights[0].shape[1])

    def values(self, actions: ArrayLike) -> NDArray[np.float64]:
        """Q of a batch of actions.

        Args:
            actions: of shape (batch, N).

        Returns:
            Of shape (batch,).
        """
        x = np.asarray(actions, dtype=np.float64)
        for weight, bias, slope in zip(self.weights[:-1], self.biases[:-1], self.slopes, strict=True):
            x = x @ weight.T + bias
            x = np.maximum(x, slope * x)
        value: NDArray[np.float64] = x @ self.weights[-1][0] + self.biases[-1][0]
        return value


def values_each(networks: Sequence[ActionNetwork], actions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Q of one action in each of several networks that share all but the bias of the first layer.

    To the last bit what each network says of its action alone.

    Args:
        networks: at least one.
        actions: of shape (networks, N).

    Returns:
        Of shape (networks,).
    """
    shared = networks[0]
    first = np.array([network.biases[0] for network in networks])
    x = actions.astype(np.float64)[:, None]  # a product for each network: one for all rounds otherwise
    biases = (first[:, None], *shared.biases[1:])
    for weight, bias, slope in zip(shared.weights[:-1], biases[:-1], shared.slopes, strict=True):
        x = x @ weight.T + bias
        x = np.maximum(x, slope * x)
    value: NDArray[np.float64] = (x @ shared.weights[-1][0] + biases[-1][..., 0])[:, 0]
    return value


class StateNetworks(Protocol):
    """What gives a network in each state: :class:`QNetwork`, or any other that can answer the same."""

    @property
    def size(self) -> int:
        """N, the number of action bits."""

    @property
    def version(self) -> str:
        """Changes whenever the function does: answers are remembered by it."""

    def at(self, state: ArrayLike) -> ActionNetwork:
        """The network of one state."""

    def batch(self, states: ArrayLike) -> tuple[ActionNetwork, ...]:
        """The networks of several states, of shape (batch, ...)."""


class StateEncoder(Protocol):
    """What the state adds to the bias of the first layer."""

    @property
    def version(self) -> str:
        """Changes whenever the function does."""

    def __call__(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of states of shape (batch, ...), the additions, of shape (batch, h_1)."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearEncoder:
    """s -> W s, the state's columns of a dense first layer.

    Attributes:
        weight: of shape (h_1, state features); copied, so that later changes do not reach it.

    Raises:
        ValueError: ``weight`` has another shape, or an entry is not finite.
    """

    weight: NDArray[np.float64]

    def __post_init__(self) -> None:
        weight = np.array(self.weight, dtype=np.float64)
        if weight.ndim != 2 or not np.isfinite(weight).all():
            raise ValueError(f"weight must be finite, of shape (h_1, features), got shape {weight.shape}")
        weight.flags.writeable = False
        object.__setattr__(self, "weight", weight)

    @property
    def version(self) -> str:
        """Digest of the weight."""
        return digest(self.weight)

    def __call__(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """W s of each row.

        Raises:
            ValueError: the states have another number of features.
        """
        if states.ndim != 2 or states.shape[1] != self.weight.shape[1]:
            raise ValueError(
                f"states must have {self.weight.shape[1]} features each, got shape {states.shape[1:]} for one"
            )
        added: NDArray[np.float64] = states @ self.weight.T
        return added


@dataclass(frozen=True, slots=True, eq=False)
class FunctionEncoder:
    """Any function of the state, with a name for its version.

    Attributes:
        function: from states of shape (batch, ...) to shape (batch, h_1), row by row.
        version: to be changed whenever the function answers differently: answers are remembered by it.
    """

    function: Callable[[NDArray[np.float64]], ArrayLike]
    version: str

    def __call__(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the function says."""
        return np.asarray(self.function(states), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class QNetwork:
    """Q(s, a), a snapshot: later changes of the module it was taken from do not reach it.

    Attributes:
        encoder: what the state adds to the first bias.
        weights: of the action's path, as in :class:`ActionNetwork`.
        biases: likewise, before the state is added.
        slopes: likewise.
        version: digest of everything above; two networks with one version are the same function.
    """

    encoder: StateEncoder
    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]
    slopes: tuple[float, ...]
    version: str

    @property
    def size(self) -> int:
        """N, the number of action bits."""
        return int(self.weights[0].shape[1])

    def at(self, state: ArrayLike) -> ActionNetwork:
        """The network of one state."""
        return self.batch(np.asarray(state, dtype=np.float64)[None])[0]

    def batch(self, states: ArrayLike) -> tuple[ActionNetwork, ...]:
        """The networks of several states, which share all arrays but the first bias.

        Args:
            states: of shape (batch, ...).

        Raises:
            ValueError: the encoder's answer has another shape than (1, h_1), or is not finite.
        """
        wanted = (1, self.biases[0].size)
        first = []
        # One by one: products of matrices round differently in batches, and answers must not depend on these.
        for state in np.asarray(states, dtype=np.float64):
            added = self.encoder(state[None])
            if added.shape != wanted:
                raise ValueError(f"the encoder must answer one state with shape {wanted}, got {added.shape}")
            if not np.isfinite(added).all():
                raise ValueError("the encoder must answer with finite numbers; are the states finite?")
            first.append(self.biases[0] + added[0])
        return tuple(ActionNetwork(self.weights, (bias, *self.biases[1:]), self.slopes) for bias in first)


def q_network(
    encoder: StateEncoder,
    weights: tuple[ArrayLike, ...],
    biases: tuple[ArrayLike, ...],
    slopes: tuple[float, ...],
) -> QNetwork:
    """Check and copy the arrays of a Q-network.

    Args:
        encoder: what the state adds to the first bias.
        weights: W_1, ..., W_L.
        biases: b_1, ..., b_L.
        slopes: of the L - 1 hidden layers, each in [0, 1).

    Raises:
        ValueError: the shapes do not chain, W_1 has no column or W_L not one row, a slope is out of range, or
            an entry is not finite.
    """
    matrices = tuple(np.array(weight, dtype=np.float64, order="C") for weight in weights)
    vectors = tuple(np.array(bias, dtype=np.float64) for bias in biases)
    if not matrices or not len(matrices) == len(vectors) == len(slopes) + 1:
        raise ValueError(
            "need one bias for each weight and one slope for each weight but the last, got "
            f"{len(matrices)} weights, {len(vectors)} biases, {len(slopes)} slopes"
        )
    for place, (matrix, vector) in enumerate(zip(matrices, vectors, strict=True)):
        wide = matrix.shape[1] if place == 0 and matrix.ndim == 2 else vectors[place - 1].size
        if matrix.ndim != 2 or matrix.shape != (vector.size, wide) or vector.ndim != 1:
            raise ValueError(
                f"weights[{place}] and biases[{place}] must have shapes (h, {wide}) and (h,), got "
                f"{matrix.shape} and {vector.shape}"
            )
        if not (np.isfinite(matrix).all() and np.isfinite(vector).all()):
            raise ValueError(f"weights[{place}] and biases[{place}] must be finite")
        matrix.flags.writeable = vector.flags.writeable = False
    if not matrices[0].shape[1]:
        raise ValueError(f"weights[0] must have a column for each action bit, got {matrices[0].shape}")
    if vectors[-1].size != 1:
        raise ValueError(f"the last layer must have one output, got {vectors[-1].size}")
    for slope in slopes:
        if not 0 <= slope < 1:
            raise ValueError(f"slopes must lie in [0, 1), got {slope}")
    numbers = tuple(float(slope) for slope in slopes)
    version = digest(*matrices, *vectors, np.array(numbers)) + encoder.version
    return QNetwork(encoder, matrices, vectors, numbers, version)


def digest(*arrays: NDArray[np.float64]) -> str:
    """SHA-256 of shapes and entries, in hexadecimal."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(repr(array.shape).encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
