"""Meta-solvers that see the whole empirical table: means, variances and counts."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.empirical import (
    EmpiricalGame,
    RiskSource,
    empirical_risk_certificate,
    empirical_risk_nash_conv,
    empirical_risk_payoffs,
)
from games.normal_form.risk import RiskAversion
from games.profiles import Profile
from games.results import SolveResult
from solvers.psro.sampled.risk_averse import solve_empirical_risk


@runtime_checkable
class EmpiricalMetaSolver(Protocol):
    """Weighs the populations by the whole table: means, variances and counts.

    The result must be a function of the arguments alone, so that a resumed run repeats an uninterrupted one.
    """

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def solve_empirical(
        self, game: EmpiricalGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """Return mixtures over the policies, with a certificate about the table.

        Args:
            game: the table; every cell has at least two episodes.
            start: the mixtures of the previous iteration, zero on policies that are new.
            rng: source of all randomness of the solve.
        """

    def payoffs(self, game: EmpiricalGame, profile: Profile) -> NDArray[np.float64]:
        """What the players maximise, in the table at a profile, shape (N,), in payoff units."""

    def measure(self, game: EmpiricalGame, profile: Profile) -> Certificate:
        """The distance of a profile from what is sought in the table as it stands, by arithmetic alone."""

    def certify(self, game: EmpiricalGame, profile: Profile, *, confidence: float) -> Certificate:
        """Bound the distance of a profile from what is sought, under the true moments of the cells."""


@dataclass(frozen=True, slots=True)
class EmpiricalRiskMetaSolver:
    """Risk-averse equilibrium of the table, sampling noise subtracted.

    Attributes:
        risk: risk aversion and tremble; its variance must be that of the opponents.
        source: which randomness counts as risk.
        tol: largest risk-adjusted NashConv in the table, in payoff ranges; looser mixtures are used all the
            same when the solver cannot reach it.
    """

    risk: RiskAversion
    source: RiskSource = RiskSource.BOTH
    tol: float = 1e-8

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"empirical_risk({self.risk}, {self.source.value}, tol={self.tol:g})"

    def solve_empirical(
        self, game: EmpiricalGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``EmpiricalMetaSolver.solve_empirical``."""
        return solve_empirical_risk(game, self.risk, self.source, start=start, tol=self.tol, rng=rng)

    def payoffs(self, game: EmpiricalGame, profile: Profile) -> NDArray[np.float64]:
        """Mean minus priced risk."""
        return empirical_risk_payoffs(game, profile, self.risk, self.source)

    def measure(self, game: EmpiricalGame, profile: Profile) -> Certificate:
        """See ``games.empirical.empirical_risk_nash_conv``."""
        distance = empirical_risk_nash_conv(game, profile, self.risk, self.source)
        return Certificate("empirical_risk_nash_conv", distance)

    def certify(self, game: EmpiricalGame, profile: Profile, *, confidence: float) -> Certificate:
        """See ``games.empirical.empirical_risk_certificate``."""
        return empirical_risk_certificate(game, profile, self.risk, self.source, confidence=confidence)
