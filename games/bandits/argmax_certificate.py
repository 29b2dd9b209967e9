"""Witness of answers to max Q(a) over an action set: what is checked is worked out anew from the arrays."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from games.bandits.joint import allowed_actions
from games.certificates import Certificate

_CHUNK = 1 << 14  # actions at once, so that memory stays small
_ROUNDING = 1e-12  # of the sum of magnitudes that make Q
_RELATIVE = 1e-9  # of Q


def forward_value(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], slopes: Sequence[float], action: ArrayLike
) -> float:
    """Q of one action, neuron by neuron with correctly rounded sums.

    Q(a) = W_L f_{L-1}(... f_1(W_1 a + b_1) ...) + b_L with f_k(x) = x for x >= 0, else slope_k x.

    Args:
        weights: W_1 of shape (h_1, N), ..., W_L of shape (1, h_{L-1}).
        biases: b_1, ..., b_L.
        slopes: one for each hidden layer.
        action: bits, of shape (N,).

    Raises:
        ValueError: the arrays are no network of N bits, as an entry is not finite or shapes do not chain, or
            Q is beyond the floating-point numbers.
    """
    bits = np.asarray(action)
    signal = [float(bit) for bit in bits.reshape(-1).tolist()]
    for place, (matrix, shifts) in enumerate(_layers(weights, biases, slopes, bits.shape)):
        try:
            signal = [
                math.fsum([shift, *(w * x for w, x in zip(row, signal, strict=True))])
                for row, shift in zip(matrix.tolist(), shifts.tolist(), strict=True)
            ]
        except OverflowError as error:
            raise ValueError(f"sums of weights[{place}] are beyond the floating-point numbers") from error
        if place < len(slopes):
            signal = [x if x >= 0 else slopes[place] * x for x in signal]
    return signal[0]


def certify_argmax(
    weights: Sequence[ArrayLike],
    biases: Sequence[ArrayLike],
    slopes: Sequence[float],
    action_set: ActionSet,
    action: ArrayLike,
    upper: float,
) -> Certificate:
    """How far an action's Q can be from the best, given an upper bound.

    That the action is allowed, and its Q, are found here. The upper bound is the claim of whoever found it;
    where there are few bits, :func:`enumerated_argmax` finds it here as well.

    Args:
        weights: as :func:`forward_value`.
        biases: likewise.
        slopes: likewise.
        action_set: the allowed actions.
        action: bits, of shape (N,).
        upper: claimed to be at least the Q of every allowed action.

    Returns:
        The measure ``"argmax_gap"``, in units of Q.

    Raises:
        ValueError: the action is not allowed, its Q exceeds ``upper`` by more than rounding, or as
            :func:`forward_value`.
    """
    if np.shape(action) != (action_set.size,):
        raise ValueError(f"action must have shape ({action_set.size},), got {np.shape(action)}")
    if not bool(action_set.contains(action)):
        raise ValueError(f"the action is not in {action_set.name}")
    value = forward_value(weights, biases, slopes, action)
    # Rounding is in proportion to what is added up, of which Q may be a small difference.
    summed = np.ones(action_set.size)
    for weight, bias in zip(weights, biases, strict=True):
        summed = np.abs(np.asarray(weight)) @ summed + np.abs(np.asarray(bias))
    if not value <= upper + max(_ROUNDING * float(summed[0]), _RELATIVE * max(abs(value), abs(upper))):
        raise ValueError(f"upper must be at least the action's own value {value!r}, got {upper!r}")
    return Certificate("argmax_gap", max(0.0, upper - value))


def enumerated_argmax(
    weights: Sequence[ArrayLike],
    biases: Sequence[ArrayLike],
    slopes: Sequence[float],
    action_set: ActionSet,
) -> tuple[NDArray[np.bool_], float]:
    """The best allowed action and its Q by trying all.

    Args:
        weights: as :func:`forward_value`.
        biases: likewise.
        slopes: likewise.
        action_set: of at most 20 bits.

    Raises:
        ValueError: there are more bits, no action is allowed, or as :func:`forward_value`.
    """
    layers = _layers(weights, biases, slopes, (action_set.size,))
    actions = allowed_actions(action_set)
    values = np.empty(len(actions))
    for begin in range(0, len(actions), _CHUNK):
        signal = actions[begin : begin + _CHUNK].astype(np.float64)
        for place, (matrix, shift) in enumerate(layers):
            signal = signal @ matrix.T + shift
            if place < len(slopes):
                signal = np.where(signal >= 0, signal, slopes[place] * signal)
        values[begin : begin + _CHUNK] = signal[:, 0]
    best = int(values.argmax())
    return actions[best], float(values[best])


def _layers(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], slopes: Sequence[float], shape: tuple[int, ...]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Weights and biases of a network of actions of a shape, checked.

    Raises:
        ValueError: as `forward_value`.
    """
    if len(shape) != 1:
        raise ValueError(f"action must have shape (N,), got {shape}")
    if not len(weights) == len(biases) == len(slopes) + 1:
        raise ValueError(
            "need one bias for each weight and one slope for each weight but the last, got "
            f"{len(weights)} weights, {len(biases)} biases, {len(slopes)} slopes"
        )
    layers = []
    (wide,) = shape
    for place, pair in enumerate(zip(weights, biases, strict=True)):
        matrix, shift = (np.asarray(array, dtype=np.float64) for array in pair)
        tall = 1 if place == len(slopes) else shift.size
        if matrix.shape != (tall, wide) or shift.shape != (tall,):
            raise ValueError(
                f"weights[{place}] and biases[{place}] must have shapes ({tall}, {wide}) and ({tall},), got "
                f"{matrix.shape} and {shift.shape}"
            )
        if not (np.isfinite(matrix).all() and np.isfinite(shift).all()):
            raise ValueError(f"weights[{place}] and biases[{place}] must be finite")
        layers.append((matrix, shift))
        wide = tall
    return layers
