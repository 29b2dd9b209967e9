"""Two ways to solve the bilinear games of an iteration: exactly, or to a tolerance in linear sweeps.

On full Leduc poker (1093 sequences each) the linear program takes as long as about 2500 sweeps of regret
matching, which come to 1e-5 of the payoff range; far larger trees leave the program behind.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.psro.bilinear.game import BilinearGame
from solvers.psro.bilinear.linear_program import solve_by_lp
from solvers.psro.bilinear.regret import solve_by_regret_matching


class BilinearSolver(Protocol):
    """Solves a two-player constant-sum game on treeplexes."""

    @property
    def name(self) -> str:
        """Its name, with parameters."""

    def solve(self, game: BilinearGame, *, tolerance: float) -> NDArray[np.float64]:
        """Plans end to end, shape (S,), of NashConv ``tolerance`` in payoff units if the limits allow it."""


@dataclass(frozen=True, slots=True)
class LinearProgram:
    """The sequence-form linear program in HiGHS: exact whatever the tolerance."""

    @property
    def name(self) -> str:
        """Its name."""
        return "lp"

    def solve(self, game: BilinearGame, *, tolerance: float) -> NDArray[np.float64]:
        """See ``BilinearSolver.solve``."""
        return solve_by_lp(game)


@dataclass(frozen=True, slots=True)
class RegretMatching:
    """Predictive CFR+ to the tolerance.

    Attributes:
        max_sweeps: most rounds; what the best of them gave is the answer then.
        finish: solves the game where the rounds do not suffice; None to leave it at that.
    """

    max_sweeps: int = 2500
    finish: BilinearSolver | None = None

    def __post_init__(self) -> None:
        if self.max_sweeps < 1:
            raise ValueError(f"max_sweeps must be at least 1, got {self.max_sweeps!r}")

    @property
    def name(self) -> str:
        """Its name, with parameters."""
        last = "" if self.finish is None else f",finish={self.finish.name}"
        return f"regret_matching(max_sweeps={self.max_sweeps}{last})"

    def solve(self, game: BilinearGame, *, tolerance: float) -> NDArray[np.float64]:
        """See ``BilinearSolver.solve``."""
        plans, gap, _ = solve_by_regret_matching(game, tolerance=tolerance, max_sweeps=self.max_sweeps)
        if gap > tolerance and self.finish is not None:
            return self.finish.solve(game, tolerance=tolerance)
        return plans
