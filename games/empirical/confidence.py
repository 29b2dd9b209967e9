r"""Confidence: what the episodes prove about the payoffs between the policies.

Returns lie in a known range of width R. For n independent returns with sample mean m and sample variance v,
each of these holds with probability 1 - d for the distance of m from its expectation, on one side:

.. math::
    R \sqrt{\frac{\ln(1/d)}{2n}} \quad\text{(Hoeffding [1])}, \qquad
    \sqrt{\frac{2 v \ln(2/d)}{n}} + \frac{7 R \ln(2/d)}{3 (n-1)} \quad\text{(empirical Bernstein [2])}.

The smaller is used, each at half of d. Where the counts were fixed beforehand, that is all
(`Counts.FIXED`). How many episodes a cell gets may depend on what was seen (adaptive
allocation), so the statement is made for all n at once: at n it is made with d_n = d / (n (n + 1)), and these
add up to d. Summed over the two sides, the players and the cells, all cells hold together with the stated
confidence; hence every gap computed from them holds, also of a profile chosen after looking.

The policies must have been chosen before their cell's episodes were played, and the number of policies not by
looking at the noise; both are so in a run of a fixed number of iterations.

.. [1] Hoeffding (1963), Probability inequalities for sums of bounded random variables, JASA 58.
.. [2] Maurer, Pontil (2009), Empirical Bernstein bounds and sample variance penalization, COLT, theorem 4.
"""

import math
from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.empirical.empirical_game import EmpiricalGame
from games.profiles import as_profile


class Counts(Enum):
    """How the numbers of episodes came about."""

    ADAPTIVE = "adaptive"
    """They may depend on returns seen before; intervals then hold for all counts at once, and are wider."""
    FIXED = "fixed"
    """They were fixed before the first episode."""


def payoff_intervals(
    game: EmpiricalGame, *, confidence: float = 0.95, counts: Counts = Counts.ADAPTIVE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest expected payoffs, both (N, n_1, ..., n_N), that hold together with ``confidence``.

    Exact cells have no width; unsampled ones are as wide as the payoff bounds.

    Raises:
        ValueError: confidence outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    low, high = game.payoff_bounds
    if game.counts.size == 0:
        return game.means, game.means
    radius = _radius(game, (1.0 - confidence) / (2 * game.means.size), counts)
    # A cell's mean may lie outside the bounds by rounding, so the mean itself is kept inside the interval.
    least = np.minimum(np.maximum(game.means - radius, low), game.means)
    greatest = np.maximum(np.minimum(game.means + radius, high), game.means)
    unknown = np.broadcast_to(game.counts == 0, game.means.shape)
    return np.where(unknown, low, least), np.where(unknown, high, greatest)


def _radius(game: EmpiricalGame, failure: float, rule: Counts) -> NDArray[np.float64]:
    """One-sided radius of every mean at failure probability ``failure``."""
    width = game.payoff_bounds[1] - game.payoff_bounds[0]
    counts = game.counts
    exact = np.isinf(counts)
    n = np.where(exact | (counts < 1), 1.0, counts)
    log = _log_looks(n, rule) - math.log(failure / 2.0)
    hoeffding = width * np.sqrt(log / (2.0 * n))
    variance = np.where(counts >= 2, game.variance, 0.0)
    log += math.log(2.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # at n = 1, not taken
        bernstein = np.sqrt(2.0 * variance * log / n) + np.where(
            n >= 2, 7.0 * width * log / (3.0 * (n - 1.0)), np.inf
        )
    return np.where(exact, 0.0, np.minimum(hoeffding, bernstein))


def _log_looks(n: NDArray[np.float64], rule: Counts) -> NDArray[np.float64]:
    """What holding at all counts at once adds to the logarithm of one over the failure probability."""
    return np.log(n * (n + 1.0)) if rule is Counts.ADAPTIVE else np.zeros_like(n)


def variance_intervals(
    game: EmpiricalGame, *, confidence: float = 0.95, counts: Counts = Counts.ADAPTIVE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Least and greatest within-cell variances, both (N, n_1, ..., n_N), that hold together.

    The standard deviation of returns within a range of width R is at most R / 2, and within
    :math:`R \sqrt{2 \ln(1/d) / (n - 1)}` of the sampled one with probability 1 - d per side, by theorem 10 of
    the second reference of the module.

    Raises:
        ValueError: confidence outside (0, 1).
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    width = game.payoff_bounds[1] - game.payoff_bounds[0]
    known, exact = game.counts >= 2, np.isinf(game.counts)
    n = np.where(exact | ~known, 2.0, game.counts)
    log = _log_looks(n, counts) - math.log((1.0 - confidence) / max(2 * game.means.size, 1))
    radius = np.where(exact, 0.0, width * np.sqrt(2.0 * log / (n - 1.0)))
    deviation = np.sqrt(np.where(known, game.variance, 0.0))
    greatest = np.where(known, np.minimum(deviation + radius, 0.5 * width), 0.5 * width)
    least = np.where(known, np.maximum(deviation - radius, 0.0), 0.0)
    return np.minimum(least, greatest) ** 2, greatest**2


def regret_bounds(
    game: EmpiricalGame,
    profile: Sequence[ArrayLike],
    *,
    confidence: float = 0.95,
    counts: Counts = Counts.ADAPTIVE,
) -> NDArray[np.float64]:
    """Upper confidence bounds on the players' regrets within the populations, shape (N,).

    Each is `greatest_gain` over the intervals of the policies' payoffs against the others' mixtures.

    Raises:
        ValueError: a player has no policy, the profile does not fit, or confidence lies outside (0, 1).
    """
    if game.counts.size == 0:
        raise ValueError(f"every player needs a policy, got {game.sizes}")
    strategies = as_profile(profile, game.sizes)
    least, greatest = payoff_intervals(game, confidence=confidence, counts=counts)
    if math.isinf(game.payoff_bounds[1] - game.payoff_bounds[0]) and not np.isinf(game.counts).all():
        return np.full(game.num_players, math.inf)  # nothing is proved without bounds on the payoffs
    bounds = np.empty(game.num_players)
    for i, x in enumerate(strategies):
        low, high = np.moveaxis(least[i], i, 0), np.moveaxis(greatest[i], i, 0)
        for j in range(game.num_players - 1, -1, -1):
            if j != i:
                low, high = low @ strategies[j], high @ strategies[j]
        bounds[i] = greatest_gain(x, low, high)
    return bounds


def greatest_gain(
    mixture: NDArray[np.float64], least: NDArray[np.float64], greatest: NDArray[np.float64]
) -> float:
    r"""Most that a deviation may gain where each policy's payoff is only known to lie in an interval.

    Deviating from the mixture x to policy a gains :math:`(1 - x_a) u(a) - \sum_{c \ne a} x_c u(c)`; the bound
    puts the greatest payoffs in the first term and the least in the others.

    Args:
        mixture: x, shape (n,).
        least: least payoffs of the policies, shape (n,).
        greatest: greatest ones, shape (n,).
    """
    return max(float(((1.0 - mixture) * greatest - (mixture @ least - mixture * least)).max()), 0.0)


def nash_conv_certificate(
    game: EmpiricalGame,
    profile: Sequence[ArrayLike],
    *,
    confidence: float = 0.95,
    counts: Counts = Counts.ADAPTIVE,
) -> Certificate:
    """Upper confidence bound on NashConv of a profile within the populations.

    Deviations to policies outside the populations are not covered. When all cells are exact, the bound is
    the NashConv itself, at confidence 1.

    Raises:
        ValueError: as `regret_bounds`.
    """
    bound = float(regret_bounds(game, profile, confidence=confidence, counts=counts).sum())
    return Certificate("nash_conv", bound, 1.0 if np.isinf(game.counts).all() else confidence)
