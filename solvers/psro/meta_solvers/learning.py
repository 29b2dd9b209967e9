"""Meta-solvers that learn: regret matching+ and fictitious play in the empirical game.

The profile of least regret *in the whole game* (minimum-regret constrained profile) is no meta-solver of this
kind: it asks what the populations lose to policies outside of them, which the empirical game does not show.
Of what it does show the least regret is zero, at its Nash equilibria.
"""

from dataclasses import dataclass

import numpy as np

from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.results import SolveResult
from solvers.equilibrium.learning import solve_fictitious_play, solve_regret_matching_plus


@dataclass(frozen=True, slots=True)
class RegretMatchingMetaSolver:
    """Averages of regret matching+ in any empirical game; near Nash where it is two-player constant-sum.

    Attributes:
        tol: NashConv in the empirical game at which to stop, in payoff ranges.
        max_steps: most rounds.
    """

    tol: float = 1e-4
    max_steps: int = 20_000

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"regret_matching_plus(tol={self.tol:g},max_steps={self.max_steps})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; not from the start: the regrets behind it are not known."""
        return solve_regret_matching_plus(game, tol=self.tol, max_steps=self.max_steps)


@dataclass(frozen=True, slots=True)
class FictitiousPlayMetaSolver:
    """Averages of fictitious play in any empirical game; near Nash where it is two-player constant-sum.

    Attributes:
        tol: NashConv in the empirical game at which to stop, in payoff ranges.
        max_steps: most rounds.
    """

    tol: float = 1e-3
    max_steps: int = 20_000

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"fictitious_play(tol={self.tol:g},max_steps={self.max_steps})"

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; not from the start, whose weight among the rounds is not known."""
        return solve_fictitious_play(game, tol=self.tol, max_steps=self.max_steps)
