"""Count, mean and sum of squared deviations of a sample, kept so that samples can be merged.

Merging is that of Chan, Golub and LeVeque [1]_ (Welford's update is the case of one new observation): no sum
of squares is formed, so a large common offset costs no digits.

.. [1] Chan, Golub, LeVeque (1983), Algorithms for computing the sample variance, American Statistician 37.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Moments of independent observations of a vector, one entry per player.

    Attributes:
        count: how many observations.
        mean: float64 (N,), sample mean, in payoff units.
        squares: float64 (N,), sum of squared deviations from the mean, in squared payoff units.
    """

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of_sample(cls, returns: ArrayLike) -> "Moments":
        """Moments of a sample of shape (count, N).

        Raises:
            ValueError: another number of axes, no observation, or a number that is not finite.
        """
        sample = np.asarray(returns, dtype=np.float64)
        if sample.ndim != 2 or not len(sample):
            raise ValueError(f"returns must have shape (count, N) with count >= 1, got {sample.shape}")
        if not np.isfinite(sample).all():
            raise ValueError("returns must be finite")
        mean = sample.mean(axis=0)
        return cls(len(sample), mean, ((sample - mean) ** 2).sum(axis=0))

    @classmethod
    def of_variance(cls, count: int, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> "Moments":
        """Moments from the unbiased sample variance of ``count`` >= 2 observations."""
        return cls(count, mean, variance * (count - 1))

    def merge(self, other: "Moments") -> "Moments":
        """Moments of both samples together."""
        total = self.count + other.count
        if total == 0:
            return self
        shift = other.mean - self.mean
        return Moments(
            total,
            self.mean + shift * (other.count / total),
            self.squares + other.squares + shift**2 * (self.count * other.count / total),
        )
