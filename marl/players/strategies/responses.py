r"""What to do when it is known how good each option is.

The best response spreads evenly over the options of greatest value v_a; the logit response with precision
lambda (in 1/payoff) is

.. math:: \sigma_a = \frac{e^{\lambda v_a}}{\sum_b e^{\lambda v_b}}.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Response: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the values of k options, shape (k,), to a distribution over them."""

_TIE = 1e-12


def best(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evenly over the best; where values are sums, `with_ties` goes before.

    Example:
        >>> best(np.array([1.0, 3.0, 3.0]))
        array([0. , 0.5, 0.5])
    """
    chosen = values == values.max()
    shares: NDArray[np.float64] = chosen / np.count_nonzero(chosen)
    return shares


def with_ties(values: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Values in which those that fall short of the greatest by rounding alone are equal to it.

    Args:
        values: sums of terms, shape (k,).
        scale: greatest absolute value of a term.
    """
    top = values.max()
    return np.where(values >= top - _TIE * scale, top, values)


@dataclass(frozen=True, slots=True)
class Logit:
    """The logit response.

    Attributes:
        precision: lambda, in 1/payoff, >= 0 and finite; 0 is uniform.
    """

    precision: float

    def __post_init__(self) -> None:
        if not 0 <= self.precision < math.inf:
            raise ValueError(f"precision must be finite and >= 0, got {self.precision}")

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distribution over the options; one of value minus infinity is not taken."""
        # The best option keeps weight one, so nothing overflows.
        weights = np.exp(self.precision * (values - values.max()))
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares
