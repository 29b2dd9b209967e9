r"""The risk-averse game that an empirical table makes, and how far mixtures are from its equilibrium.

Player i mixes with s over own policies while the others play y, each trembled as in `games.normal_form.risk`.
With the mean payoffs m, within-cell risk w and noise-free covariance S of `empirical_risk`,

.. math::  r_i(s, y) = s \cdot m - \gamma_i \bigl( s \cdot w + s^\top S^+ s \bigr),

where S^+ is the positive semidefinite matrix nearest to S (the subtraction of noise may leave S indefinite)
and the source of risk decides whether w, S or both count. r_i is concave in s and continuous in y, so an
equilibrium exists for every table. The distance from it needs, per player, the maximum of a concave quadratic
over the simplex, which is found exactly.

All this is about the table: what the table itself may be wrong about is the matter of
`games.empirical.confidence`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.empirical.empirical_game import EmpiricalGame
from games.empirical.risk import RiskSource, empirical_risk
from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk import RiskAversion, RiskVariance
from games.profiles import as_profile, tremble_profile


def empirical_risk_payoffs(
    game: EmpiricalGame, profile: Sequence[ArrayLike], risk: RiskAversion, source: RiskSource
) -> NDArray[np.float64]:
    """Risk-adjusted payoff r_i of every player at a profile, shape (N,).

    Raises:
        ValueError: as `empirical_risk_regrets`.
    """
    return _values_and_regrets(game, profile, risk, source)[0]


def empirical_risk_regrets(
    game: EmpiricalGame, profile: Sequence[ArrayLike], risk: RiskAversion, source: RiskSource
) -> NDArray[np.float64]:
    """Upper bounds on what each player could gain in r_i by the best deviation, shape (N,).

    The bound is the value of the deviation found, plus its first-order gap, minus that of the mixture played:
    it holds however well the quadratic programme was solved.

    Raises:
        ValueError: the profile does not fit, a cell that matters has fewer than two episodes, or the risk
            aversion is to the total variance, which own randomisation is part of.
        TypeError: ``source`` is not a RiskSource.
    """
    return _values_and_regrets(game, profile, risk, source)[1]


def empirical_risk_nash_conv(
    game: EmpiricalGame, profile: Sequence[ArrayLike], risk: RiskAversion, source: RiskSource
) -> float:
    """Sum of the risk regrets; it vanishes exactly at an equilibrium of the table.

    At gamma = 0 without trembles it is ``nash_conv`` of the cell means.
    """
    return float(empirical_risk_regrets(game, profile, risk, source).sum())


def _values_and_regrets(
    game: EmpiricalGame, profile: Sequence[ArrayLike], risk: RiskAversion, source: RiskSource
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if risk.variance is not RiskVariance.OPPONENTS:
        raise ValueError("risk must be averse to RiskVariance.OPPONENTS; the source says what else counts")
    strategies = as_profile(profile, game.sizes)
    believed = tremble_profile(strategies, risk.tremble)
    gammas = risk.gammas(game.num_players)
    values, bounds = np.empty(game.num_players), np.empty(game.num_players)
    for i, seen in enumerate(empirical_risk(game, believed, source)):
        s = strategies[i]
        linear, quadratic = seen.adjusted(float(gammas[i]))
        level = linear.max()
        shifted = linear - level  # regrets ignore a common constant; a large one would cost digits
        here = float(s @ shifted - 0.5 * (s @ quadratic @ s))
        _, best, gap = maximise_on_simplex(shifted, quadratic)
        values[i], bounds[i] = here + level, max(best + gap - here, 0.0)
    return values, bounds
