r"""What the episodes prove about risk-adjusted regrets.

With s the player's mixture and y the others', r(t) = t.m - gamma (t.w + t'St). Let the means of the cells lie
within rho of the sampled ones, and their variances within known intervals, all at once and with the stated
confidence (`games.empirical.confidence`). Then, sd meaning the standard deviation over y,

.. math::
    |\operatorname{sd}(t^\top U) - \operatorname{sd}(t^\top \hat U)| \le e(t)
    = \Bigl( \sum_b y_b \bigl( \textstyle\sum_a t_a \rho_{ab} \bigr)^2 \Bigr)^{1/2} \le e^* = \max_a e(a),

by the triangle inequality and convexity, and for every k in (0, 1), as 2 a e <= k a^2 + e^2 / k,

.. math::
    t^\top S t \ge (1 - k)\, t^\top \hat S t - \tfrac{1 - k}{k} e^{*2} .

So no deviation is worth more than the maximum of a concave quadratic, found exactly, and the mixture itself
is worth at least what the other ends of the intervals say. The least bound over several k counts, k = 1
(variance between policies is not negative) among them. Here S-hat is the plain estimate: its noise is part of
the intervals. Where no variance between policies is priced, r is linear, and what a deviation shares with the
mixture cancels (`games.empirical.confidence.greatest_gain`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.empirical.confidence import Counts, greatest_gain, payoff_intervals, variance_intervals
from games.empirical.empirical_game import EmpiricalGame
from games.empirical.risk import RiskSource
from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk import RiskAversion, RiskVariance
from games.normal_form.risk_profiles import opponents_joint
from games.profiles import as_profile, tremble_profile

_SHARES = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.4, 0.7, 1.0)  # the k of the module


def empirical_risk_certificate(
    game: EmpiricalGame,
    profile: Sequence[ArrayLike],
    risk: RiskAversion,
    source: RiskSource,
    *,
    confidence: float = 0.95,
    counts: Counts = Counts.ADAPTIVE,
) -> Certificate:
    """Upper confidence bound ``restricted_risk_nash_conv`` on what deviations gain under the true moments.

    Deviations to mixtures of the policies in the table, that is. Infinite where the payoff bounds are.

    Raises:
        ValueError: the profile does not fit, the risk aversion is to the total variance, or confidence lies
            outside (0, 1).
    """
    if risk.variance is not RiskVariance.OPPONENTS:
        raise ValueError("risk must be averse to RiskVariance.OPPONENTS; the source says what else counts")
    strategies = as_profile(profile, game.sizes)
    believed = tremble_profile(strategies, risk.tremble)
    half = 1.0 - (1.0 - confidence) / 2.0
    means = payoff_intervals(game, confidence=half, counts=counts)
    variances = variance_intervals(game, confidence=half, counts=counts)
    if not (np.isfinite(means).all() and np.isfinite(variances).all()):
        return Certificate("restricted_risk_nash_conv", np.inf, confidence)
    total = 0.0
    for i, s in enumerate(strategies):
        if s.size == 1:
            continue  # nowhere to deviate to
        y = opponents_joint(believed, i)

        def rows(cells: NDArray[np.float64], player: int = i) -> NDArray[np.float64]:
            own: NDArray[np.float64] = cells[player]
            return np.moveaxis(own, player, 0).reshape(game.sizes[player], -1)

        centre = rows(game.means)
        spread = np.maximum(rows(means[1]) - centre, centre - rows(means[0]))
        gamma = float(risk.gammas(game.num_players)[i])
        within = 0.0 if source is RiskSource.BETWEEN else gamma
        between = 0.0 if source is RiskSource.WITHIN else gamma
        best = (rows(means[1]) - within * rows(variances[0])) @ y
        worst = (rows(means[0]) - within * rows(variances[1])) @ y
        if between == 0.0:
            total += greatest_gain(s, worst, best)
            continue
        root = (centre - (centre @ y)[:, None]) * np.sqrt(y)
        reach = float(((spread**2) @ y).max())  # e* squared
        own = float(np.linalg.norm(s @ root)) + float(np.sqrt((s @ spread) ** 2 @ y))
        least = float(s @ worst) - between * own**2
        covariance = root @ root.T
        ceilings = []
        for share in _SHARES if reach else (0.0,):
            _, value, gap = maximise_on_simplex(best, 2.0 * between * (1.0 - share) * covariance)
            ceilings.append(value + gap + (between * (1.0 - share) / share * reach if reach else 0.0))
        total += max(min(ceilings) - least, 0.0)
    exact = bool(np.isinf(game.counts).all())
    return Certificate("restricted_risk_nash_conv", total, 1.0 if exact else confidence)
