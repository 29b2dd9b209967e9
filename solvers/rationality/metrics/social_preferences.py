r"""Social preferences revealed by choices among allocations.

A chooser who gets s while another gets o has, after Charness and Rabin [1]_ (without reciprocity) and after
Fehr and Schmidt [2]_, the utilities

.. math::
    U_{CR} = s + (o - s) \, (\rho \, 1[s > o] + \sigma \, 1[s < o]), \qquad
    U_{FS} = s - \alpha \max(o - s, 0) - \beta \max(s - o, 0),

averaged over the others where they are several. The two are one model: :math:`\rho = \beta` and
:math:`\sigma = -\alpha`. Self-interest is rho = sigma = 0, common interest between two rho = sigma = 1/2,
altruism rho = sigma = 1; pure equality is approached as rho and alpha grow. Options are chosen by a logit
with precision lambda, in 1/payoff; with phi = (lambda, lambda rho, lambda sigma) it is linear in phi, hence
concave, and needs one start only.

A fit says whether the options could tell the parameters apart, and whether the choices are free of error, in
which case lambda is infinite and the parameters are known up to an interval only. Intervals are those of the
profile likelihood, with lambda >= 0, and treat choices as independent.

.. [1] G. Charness and M. Rabin, "Understanding social preferences with simple tests", QJE 117, 2002.
.. [2] E. Fehr and K. M. Schmidt, "A theory of fairness, competition, and cooperation", QJE 114, 1999.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.social.desires import Desire
from solvers.rationality.metrics.actions import optimal_set
from solvers.rationality.metrics.likelihood import likelihood_interval
from solvers.rationality.metrics.logit import Choices, LogitFit, fit_logit
from solvers.rationality.statistics.intervals import Interval

_REACH = 1e3  # weights beyond this are infinite: others' money would count a thousand times the own


@dataclass(frozen=True, slots=True)
class SocialPreferences:
    """A fit of both models.

    Attributes:
        rho: weight of others who have less; beta of Fehr and Schmidt.
        sigma: weight of others who have more; minus their alpha.
        precision: lambda in 1/payoff; infinite where choices are free of error.
        rho_interval: of ``rho``.
        sigma_interval: of ``sigma``.
        log_likelihood: at the fit.
        chance: log-likelihood of uniform choice.
        count: choices.
        identified: whether the options tell all three apart, and own payoff counts (lambda > 0).
    """

    rho: float
    sigma: float
    precision: float
    rho_interval: Interval
    sigma_interval: Interval
    log_likelihood: float
    chance: float
    count: int
    identified: bool

    @property
    def alpha(self) -> float:
        """Aversion to having less, of Fehr and Schmidt."""
        return -self.sigma

    @property
    def beta(self) -> float:
        """Aversion to having more."""
        return self.rho

    @property
    def alpha_interval(self) -> Interval:
        """Of ``alpha``."""
        return Interval(-self.sigma_interval.high, -self.sigma_interval.low)


def fit_social_preferences(
    allocations: Sequence[ArrayLike], actions: Sequence[int], *, confidence: float = 0.95
) -> SocialPreferences:
    """Fit rho, sigma and lambda by maximum likelihood.

    Args:
        allocations: per choice the payoffs (options, people), the chooser's first.
        actions: per choice the option taken.
        confidence: of the intervals, in (0, 1).

    Returns:
        NaN for parameters that the options do not identify, with the whole line as interval.

    Raises:
        ValueError: sizes do not fit, or somebody is alone.
    """
    choices = Choices.of([_features(table) for table in allocations], actions)
    fit = fit_logit(choices)
    own = float(fit.coefficients[0])
    identified = fit.rank == 3 and own > 0.0
    rho, sigma = fit.coefficients[1:] / own if identified else (math.nan, math.nan)
    if fit.rank < 3:
        intervals = [Interval(-math.inf, math.inf)] * 2
    else:
        if identified:
            starts = np.clip(fit.coefficients[1:] / own, -_REACH, _REACH)
        else:
            # Without weight on the own payoff the others' weights are infinite, with the signs of this fit.
            others = fit_logit(choices.combined(np.eye(3)[:, 1:])).coefficients
            starts = np.copysign(_REACH, others)
        intervals = [
            _interval(choices, fit, place, float(start), confidence)
            for place, start in zip((1, 2), starts, strict=True)
        ]
    return SocialPreferences(
        float(rho),
        float(sigma),
        math.inf if fit.separated else own,
        intervals[0],
        intervals[1],
        fit.log_likelihood,
        choices.log_likelihood_of_chance,
        len(actions),
        identified,
    )


def _features(table: ArrayLike) -> NDArray[np.float64]:
    """Own payoff, and by how much others exceed it: where they have less (below 0), and where more."""
    payoffs = np.asarray(table, dtype=np.float64)
    if payoffs.ndim != 2 or payoffs.shape[1] < 2:
        raise ValueError(
            f"allocations must have shape (options, people) with two people, got {payoffs.shape}"
        )
    ahead = payoffs[:, 1:] - payoffs[:, :1]
    return np.stack(
        [payoffs[:, 0], np.minimum(ahead, 0.0).mean(axis=1), np.maximum(ahead, 0.0).mean(axis=1)], axis=1
    )


def _interval(choices: Choices, fit: LogitFit, place: int, start: float, confidence: float) -> Interval:
    """Profile likelihood of one weight, the other weight and lambda >= 0 free."""
    other = 3 - place

    def profile(weight: float) -> float:
        mixing = np.zeros((3, 2))
        mixing[0, 0], mixing[place, 0], mixing[other, 1] = 1.0, weight, 1.0
        held = fit_logit(choices.combined(mixing))
        if held.coefficients[0] >= 0.0:
            return held.log_likelihood
        return fit_logit(choices.combined(mixing[:, 1:])).log_likelihood

    # Where the best precision would be negative, the peak is that of precision zero.
    peak = fit.log_likelihood if fit.coefficients[0] > 0.0 else profile(start)
    found = likelihood_interval(
        profile, start, peak, step=0.1, confidence=confidence, lowest=-_REACH, highest=_REACH
    )
    low = -math.inf if found.low <= -_REACH else found.low
    return Interval(low, math.inf if found.high >= _REACH else found.high)


@dataclass(frozen=True, slots=True)
class DesireFit:
    """How well one desire explains choices.

    Attributes:
        desire: which.
        agreement: share of choices that are among the best for it.
        precision: lambda of the logit fit in 1/payoff, >= 0; infinite where all choices are the best.
        log_likelihood: of that fit.
        weight: share of belief in this desire among the four, each believed alike beforehand and taken at
            its fitted precision; shares sum to one.
    """

    desire: Desire
    agreement: float
    precision: float
    log_likelihood: float
    weight: float


def explain_by_desires(allocations: Sequence[ArrayLike], actions: Sequence[int]) -> tuple[DesireFit, ...]:
    """Compare the four desires as explanations of choices, the best one first.

    Args:
        allocations: per choice the payoffs (options, people), the chooser's first.
        actions: per choice the option taken.

    Raises:
        ValueError: sizes do not fit.
    """
    found = []
    for desire in Desire:
        worth = [desire.utilities(table) for table in allocations]
        choices = Choices.of(worth, actions)
        fit = fit_logit(choices)
        agreement = np.mean([a in optimal_set(w) for w, a in zip(worth, actions, strict=True)])
        slope = float(fit.coefficients[0])
        level = fit.log_likelihood if slope > 0.0 else choices.log_likelihood_of_chance
        precision = max(math.inf if fit.separated and slope > 0.0 else slope, 0.0)
        found.append((desire, float(agreement), precision, level))
    levels = np.array([level for *_, level in found])
    weights = np.exp(levels - levels.max())
    weights /= weights.sum()
    fits = [DesireFit(*row, float(weight)) for row, weight in zip(found, weights, strict=True)]
    return tuple(sorted(fits, key=lambda fit: (-fit.log_likelihood, -fit.agreement)))
