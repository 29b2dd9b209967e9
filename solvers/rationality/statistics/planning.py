"""How many observations a figure needs."""

import math

from scipy.special import ndtri

from solvers.rationality.statistics.intervals import check_confidence
from solvers.rationality.statistics.rates import wilson


def sample_size(half_width: float, *, rate: float = 0.5, confidence: float = 0.95) -> int:
    """Fewest independent trials whose Wilson interval is no wider than twice ``half_width``.

    Args:
        half_width: wanted, in (0, 1/2).
        rate: the share of successes expected; 1/2, the default, needs most.
        confidence: in (0, 1).

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> sample_size(0.1)
        93
    """
    if not 0.0 < half_width < 0.5:
        raise ValueError(f"half_width must lie in (0, 1/2), got {half_width!r}")
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate must lie in [0, 1], got {rate!r}")
    check_confidence(confidence)
    low, high = 0, 1
    while wilson(rate * high, high, confidence=confidence).width > 2.0 * half_width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if wilson(rate * middle, middle, confidence=confidence).width > 2.0 * half_width:
            low = middle
        else:
            high = middle
    return high


def sample_size_of_difference(
    first: float, second: float, *, confidence: float = 0.95, power: float = 0.8
) -> int:
    r"""Trials of each of two players that tell their rates apart.

    .. math::
        n = \frac{\bigl( z_{\alpha/2} \sqrt{2 \bar p (1 - \bar p)}
            + z_{power} \sqrt{p_1 (1 - p_1) + p_2 (1 - p_2)} \bigr)^2}{(p_1 - p_2)^2},
        \qquad \bar p = (p_1 + p_2) / 2,

    the usual approximation for the two-sided normal test of two independent rates (Fleiss, Levin and Paik,
    "Statistical Methods for Rates and Proportions", 2003, chapter 4; from memory), without continuity
    correction. That their intervals not even touch, as `distinguishable` asks, needs about twice as many.

    Args:
        first: rate of one player, in [0, 1].
        second: rate of the other, different.
        confidence: one minus the level of the test.
        power: probability that the test finds the difference.

    Raises:
        ValueError: an argument out of its range, or equal rates.

    Example:
        >>> sample_size_of_difference(0.5, 0.7)
        93
    """
    check_confidence(confidence)
    if not (0.0 <= first <= 1.0 and 0.0 <= second <= 1.0) or first == second:
        raise ValueError(f"first and second must be different rates in [0, 1], got {first!r} and {second!r}")
    if not 0.0 < power < 1.0:
        raise ValueError(f"power must lie in (0, 1), got {power!r}")
    mean = 0.5 * (first + second)
    null = float(ndtri(0.5 + 0.5 * confidence)) * math.sqrt(2.0 * mean * (1.0 - mean))
    spread = first * (1.0 - first) + second * (1.0 - second)
    true = float(ndtri(power)) * math.sqrt(spread)
    return max(math.ceil(((null + true) / (first - second)) ** 2), 1)
