"""Empirical games: sampled payoffs between policies, their risk, and what the sample proves."""

from games.empirical.confidence import (
    Counts as Counts,
    nash_conv_certificate as nash_conv_certificate,
    payoff_intervals as payoff_intervals,
    regret_bounds as regret_bounds,
)
from games.empirical.empirical_game import EmpiricalGame as EmpiricalGame
from games.empirical.moments import Moments as Moments
from games.empirical.risk import (
    EmpiricalRisk as EmpiricalRisk,
    RiskSource as RiskSource,
    empirical_risk as empirical_risk,
    positive_part as positive_part,
)
