r"""What episodes came to: mean, variance, tail and the rate of an event such as a crash, with their errors.

The conditional value at risk at level :math:`\alpha` is the mean of the worst share :math:`\alpha` of the
returns [1]_,

.. math::
    \mathrm{CVaR}_\alpha(R) = \max_c \; c - \tfrac{1}{\alpha} \mathbb{E}[(c - R)^+],

so that :math:`\alpha = 1` is the mean and :math:`\alpha \to 0` the least return. A rate of k events in n
episodes comes with the Wilson score interval [2]_, which is honest at rates near zero, where the usual
mean plus or minus two standard errors is empty.

.. [1] Rockafellar, Uryasev (2000), Optimization of conditional value-at-risk, Journal of Risk 2.
.. [2] Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of the
   American Statistical Association 22.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Rate:
    """How often an event happened.

    Attributes:
        events: number of episodes in which it did.
        episodes: number of episodes.
        low: lower end of the Wilson interval.
        high: upper end.
        confidence: of the interval, two-sided.
    """

    events: int
    episodes: int
    low: float
    high: float
    confidence: float

    @property
    def value(self) -> float:
        """Share of the episodes."""
        return self.events / self.episodes


@dataclass(frozen=True, slots=True)
class OutcomeStatistics:
    """Statistics of one player's returns over independent episodes.

    Attributes:
        episodes: how many.
        mean: sample mean, in payoff units.
        variance: unbiased sample variance, in squared payoff units; NaN for a single episode.
        standard_error: of the mean; NaN for a single episode.
        cvar: mean of the worst share ``level`` of the returns.
        level: that share.
        crashes: rate of the event that was counted.
    """

    episodes: int
    mean: float
    variance: float
    standard_error: float
    cvar: float
    level: float
    crashes: Rate


def summarise_outcomes(
    returns: ArrayLike, crashed: ArrayLike, *, level: float = 0.1, confidence: float = 0.95
) -> OutcomeStatistics:
    """Statistics of the returns of independent episodes.

    Args:
        returns: of one player, shape (episodes,).
        crashed: whether each episode crashed, Boolean, shape (episodes,).
        level: share of worst episodes that the CVaR averages.
        confidence: of the Wilson interval.

    Raises:
        ValueError: shapes that differ or are empty, a return that is not finite, ``crashed`` that is not
            Boolean, or a ``level`` or ``confidence`` out of range.
    """
    values = _finite(returns)
    events = np.asarray(crashed)
    if events.dtype != np.bool_ or events.shape != values.shape:
        raise ValueError(
            f"crashed must be Boolean of shape {values.shape}, got {events.dtype} of shape {events.shape}"
        )
    variance = float(values.var(ddof=1)) if values.size > 1 else math.nan
    return OutcomeStatistics(
        values.size,
        float(values.mean()),
        variance,
        math.sqrt(variance / values.size),
        conditional_value_at_risk(values, level),
        level,
        wilson_rate(int(events.sum()), values.size, confidence=confidence),
    )


def conditional_value_at_risk(returns: ArrayLike, level: float) -> float:
    """Mean of the worst share ``level`` of the returns.

    Where ``level`` times the number of returns is not whole, the return at the boundary counts by its part.

    Args:
        returns: equally likely, shape (n,).
        level: in (0, 1].

    Raises:
        ValueError: no returns, one that is not finite, or a level out of range.
    """
    values = np.sort(_finite(returns))
    if not 0 < level <= 1:
        raise ValueError(f"level must lie in (0, 1], got {level!r}")
    mass = level * values.size
    weights = np.clip(mass - np.arange(values.size), 0.0, 1.0)
    return float(weights @ values / mass)


def wilson_rate(events: int, episodes: int, *, confidence: float = 0.95) -> Rate:
    """A rate with its Wilson score interval.

    Args:
        events: episodes in which the event happened.
        episodes: all of them, independent of each other.
        confidence: two-sided, in (0, 1).

    Raises:
        ValueError: no episodes, ``events`` outside 0..episodes, or ``confidence`` out of range.
    """
    if episodes < 1 or not 0 <= events <= episodes:
        raise ValueError(f"need 0 <= events <= episodes and an episode, got {events} of {episodes}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, spread = events / episodes, z * z / episodes
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    # The ends are exact at rates 0 and 1; elsewhere rounding must not leave [0, 1].
    low = 0.0 if events == 0 else max(centre - half, 0.0)
    high = 1.0 if events == episodes else min(centre + half, 1.0)
    return Rate(events, episodes, low, high, confidence)


def _finite(returns: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(returns, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"returns must be finite numbers of shape (episodes,), got shape {values.shape}")
    return values
