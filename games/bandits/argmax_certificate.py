"""Witness of answers to max Q(a) over an action set: what is checked is worked out anew from the arrays."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from games.bandits.joint import allowed_actions
from games.certificates import Certificate

_CHUNK = 1 << 14  # actions at once, so that memory stays small


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
    """
    signal = [float(bit) for bit in np.asarray(action).tolist()]
    for place, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        rows, shifts = (
            np.asarray(weight, dtype=np.float64).tolist(),
            np.asarray(bias, dtype=np.float64).tolist(),
        )
        signal = [
            math.fsum([shift, *(w * x for w, x in zip(row, signal, strict=True))])
            for row, shift in zip(rows, shifts, strict=True)
        ]
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
        ValueError: the action is not allowed, or its Q exceeds ``upper`` by more than rounding.
    """
    if not bool(action_set.contains(action)):
        raise ValueError(f"the action is not in {action_set.name}")
    value = forward_value(weights, biases, slopes, action)
    if not value <= upper + 1e-9 * max(1.0, abs(value), abs(upper)):
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
        ValueError: there are more bits, or no action is allowed.
    """
    actions = allowed_actions(action_set)
    matrices = [np.asarray(weight, dtype=np.float64) for weight in weights]
    shifts = [np.asarray(bias, dtype=np.float64) for bias in biases]
    values = np.empty(len(actions))
    for begin in range(0, len(actions), _CHUNK):
        signal = actions[begin : begin + _CHUNK].astype(np.float64)
        for place, (matrix, shift) in enumerate(zip(matrices, shifts, strict=True)):
            signal = signal @ matrix.T + shift
            if place < len(slopes):
                signal = np.where(signal >= 0, signal, slopes[place] * signal)
        values[begin : begin + _CHUNK] = signal[:, 0]
    best = int(values.argmax())
    return actions[best], float(values[best])
