"""Meta-solvers: mixtures over the populations, from the empirical game."""

from dataclasses import dataclass

import numpy as np

from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion
from games.profiles import Profile, uniform_profile
from games.results import SolveResult, Status
from solvers.equilibrium.risk_averse import solve_risk_averse
from solvers.equilibrium.zero_sum import solve_zero_sum

_NASH_TOL = 1e-9


@dataclass(frozen=True, slots=True)
class NashMetaSolver:
    """Nash equilibrium of a two-player constant-sum empirical game (``solve_zero_sum``).

    Attributes:
        tol: largest NashConv of the mixtures in the empirical game, in payoff ranges.
    """

    tol: float = _NASH_TOL

    @property
    def name(self) -> str:
        """Registered name, with the tolerance if it is another than usual."""
        return "nash" if self.tol == _NASH_TOL else f"nash(tol={self.tol:g})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the start does not matter.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
        """
        if game.num_players != 2 or game.constant_sum() is None:
            raise UnsupportedGameError(
                f"the nash meta-solver needs a two-player constant-sum game, and {game.name} is not; "
                "the risk_averse meta-solver with gamma=0 seeks a Nash equilibrium of any game"
            )
        return solve_zero_sum(game, tol=self.tol)


@dataclass(frozen=True, slots=True)
class RiskAverseMetaSolver:
    """Risk-averse equilibrium of any empirical game, from the previous mixtures.

    With ``gamma = 0`` this is a Nash meta-solver for n-player general-sum games.

    Attributes:
        risk: risk aversion, tremble, and which variance counts.
        tol: largest risk-adjusted NashConv, in payoff ranges; looser mixtures are used all the same when
            the solver cannot reach it, and the run's certificate shows it.
    """

    risk: RiskAversion
    tol: float = 1e-8

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"risk_averse({self.risk}, tol={self.tol:g})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``."""
        return solve_risk_averse(game, self.risk, start=start, tol=self.tol, rng=rng)


@dataclass(frozen=True, slots=True)
class UniformMetaSolver:
    """Equal weight on every policy; with exact answers and ``AddAllAnswers`` this is fictitious play."""

    @property
    def name(self) -> str:
        """Registered name."""
        return "uniform"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the mixtures are."""
        profile = uniform_profile(game.num_actions)
        certificate = Certificate("nash_conv", nash_conv(game, profile))
        return SolveResult(profile, Status.STATIONARY, certificate, self.name, 0, 0.0)
