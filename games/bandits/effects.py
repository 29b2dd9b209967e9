"""How an action vector reaches the arms: the share of action that each arm feels."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_CEILING = 0.98  # the sigmoid's probabilities stay within [0.01, 0.99], as in the released code
_FLOOR = 0.01


class Effect(Protocol):
    """From action bits to the shares of `games.bandits.arms`."""

    @property
    def bits(self) -> int:
        """N, the length of an action."""

    @property
    def arms(self) -> int:
        """J."""

    def shares(self, actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Shares in [0, 1], of shape (..., J), of actions of shape (..., N)."""


@dataclass(frozen=True, slots=True)
class OneBitAnArm:
    """Bit j acts on arm j and on no other.

    Attributes:
        arms: J, and N.
    """

    arms: int

    @property
    def bits(self) -> int:
        """As many as arms."""
        return self.arms

    def shares(self, actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The bits."""
        return actions.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class SigmoidLink:
    """Several interventions on an arm add up inside a sigmoid.

    The share of arm j is 0.98 * alpha_j * (sigma(beta_j w_j . a - x_j) - sigma(-x_j)) + 0.01. Behind a high
    threshold x_j one intervention does little and several together do much, so bits complement each other.

    Attributes:
        weights: w, of shape (J, N).
        height: alpha, of shape (J,), in [0, 1].
        slope: beta, likewise, not negative.
        threshold: x, likewise.

    Raises:
        ValueError: shapes disagree or a number is out of range.
    """

    weights: NDArray[np.float64]
    height: NDArray[np.float64]
    slope: NDArray[np.float64]
    threshold: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("weights", "height", "slope", "threshold"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if not np.isfinite(values).all():
                raise ValueError(f"{name} must be finite")
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if self.weights.ndim != 2 or (self.weights < 0).any():
            raise ValueError(f"weights must have shape (J, N), none negative, got shape {self.weights.shape}")
        for name in ("height", "slope", "threshold"):
            values = getattr(self, name)
            if values.shape != self.weights.shape[:1]:
                raise ValueError(f"{name} must have shape {self.weights.shape[:1]}, got {values.shape}")
        if not ((self.height >= 0) & (self.height <= 1)).all() or (self.slope < 0).any():
            raise ValueError("height must be in [0, 1], and slope not negative")

    @property
    def bits(self) -> int:
        """N."""
        return int(self.weights.shape[1])

    @property
    def arms(self) -> int:
        """J."""
        return int(self.weights.shape[0])

    def pushes(self, actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """w_j . a, of shape (..., J); linear in the action, so a program over actions can hold it."""
        return np.asarray(actions.astype(np.float64) @ self.weights.T)

    def of_pushes(self, pushes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shares of given w_j . a, of shape (..., J)."""
        rise = _sigmoid(self.slope * pushes - self.threshold) - _sigmoid(-self.threshold)
        return np.asarray(_CEILING * self.height * rise + _FLOOR)

    def shares(self, actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """See the class."""
        return self.of_pushes(self.pushes(actions))


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * (1.0 + np.tanh(0.5 * values))  # does not overflow
