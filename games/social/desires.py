"""What a chooser wants of an outcome that pays several people.

Of an outcome with payoffs (x_1, ..., x_n), chosen by person i:

    self-interest      x_i
    common interest    x_1 + ... + x_n
    altruism           the sum of x_j over all j other than i
    equality           min(x) - max(x)

These are the four preferences of the dictator game in Fan, Chen, Jin and He (2024), for any number of people.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Desire(StrEnum):
    """What an outcome is worth to whoever chooses; the value names it in records."""

    SELF_INTEREST = "self-interest"
    COMMON_INTEREST = "common-interest"
    ALTRUISM = "altruism"
    EQUALITY = "equality"

    def utilities(self, payoffs: ArrayLike, chooser: int = 0) -> NDArray[np.float64]:
        """Worth of each outcome.

        Args:
            payoffs: shape (..., n): what each of n people gets.
            chooser: who chooses, in range(n).

        Returns:
            Shape (...), in units of payoff.

        Raises:
            ValueError: there is no axis of people, or no such chooser among them.
        """
        values = np.asarray(payoffs, dtype=np.float64)
        if values.ndim < 1 or not 0 <= chooser < values.shape[-1]:
            raise ValueError(
                f"payoffs must have shape (..., n) with chooser < n, got {values.shape} and {chooser}"
            )
        own = values[..., chooser]
        if self is Desire.SELF_INTEREST:
            return own.copy()
        if self is Desire.EQUALITY:
            least: NDArray[np.float64] = values.min(axis=-1) - values.max(axis=-1)
            return least
        total: NDArray[np.float64] = values.sum(axis=-1)
        return total if self is Desire.COMMON_INTEREST else total - own
