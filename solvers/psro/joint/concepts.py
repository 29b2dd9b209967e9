"""The two kinds of correlated equilibrium over policies, and meta-solvers that find them in empirical games.

A meta-solver of JPSRO returns a joint distribution over the policies of all players, where one of PSRO
returns a mixture for each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.extensive.correlated import (
    Deviation,
    coarse_deviation,
    joint_cce_gap,
    joint_ce_gap,
    recommended_deviations,
)
from games.extensive.sequence_form import SequenceForm
from games.normal_form import NormalFormGame
from games.results import SolveResult
from solvers.equilibrium.correlated import Linear, MaxGini, MinEpsilon, Objective, solve_cce, solve_ce

FloatArray = NDArray[np.float64]


class _Solve(Protocol):
    def __call__(self, game: NormalFormGame, objective: Objective) -> SolveResult[FloatArray]: ...


@dataclass(frozen=True, slots=True)
class JointConcept:
    """A kind of correlated equilibrium: ``CE`` or ``CCE``.

    Attributes:
        name: short name.
        measure: name of the certificate.
        solve: finds the equilibrium of an empirical game that an objective prefers.
        deviations: a player's best deviations in the whole game.
        gap: distance from the concept in the whole game, in payoff units.
    """

    name: str
    measure: str
    solve: _Solve
    deviations: Callable[[SequenceForm, Sequence[FloatArray], FloatArray, int], list[Deviation]]
    gap: Callable[[SequenceForm, Sequence[ArrayLike], ArrayLike], float]


def _coarse(
    form: SequenceForm, policies: Sequence[FloatArray], joint: FloatArray, player: int
) -> list[Deviation]:
    return [coarse_deviation(form, policies, joint, player)]


CE = JointConcept("ce", "ce_gap", solve_ce, recommended_deviations, joint_ce_gap)
"""Players may answer each recommendation otherwise: one best response for each policy ever recommended."""

CCE = JointConcept("cce", "cce_gap", solve_cce, _coarse, joint_cce_gap)
"""Players may only commit to a deviation before the recommendation: one best response."""


class JointMetaSolver(Protocol):
    """Weighs the cells of the empirical game.

    The result must be a function of the arguments alone, so that a resumed run repeats an uninterrupted one.
    """

    @property
    def name(self) -> str:
        """Name, with parameters."""

    @property
    def concept(self) -> JointConcept:
        """Which equilibria of the empirical game it finds."""

    def solve(self, game: NormalFormGame, *, rng: np.random.Generator) -> SolveResult[FloatArray]:
        """Return a joint distribution over the cells of ``game``, shape (K_1, ..., K_N)."""


@dataclass(frozen=True, slots=True)
class PreferredEquilibrium:
    """The equilibrium of the empirical game that an objective prefers.

    Attributes:
        name: what the run calls it; tell apart what differs, since a resumed run compares names.
        concept: which equilibria.
        objective: what picks one of them.
    """

    name: str
    concept: JointConcept
    objective: Objective

    def solve(self, game: NormalFormGame, *, rng: np.random.Generator) -> SolveResult[FloatArray]:
        """See ``JointMetaSolver.solve``; draws nothing from ``rng``."""
        return self.concept.solve(game, self.objective)


@dataclass(frozen=True, slots=True)
class RandomWelfare:
    """The equilibrium of greatest weighted welfare, with weights drawn anew at each solve.

    Weights are uniform on the simplex, so over the iterations every corner of the set of equilibria is
    looked at.

    Attributes:
        concept: which equilibria.
    """

    concept: JointConcept

    @property
    def name(self) -> str:
        """Name, with parameters."""
        return f"random_welfare_{self.concept.name}"

    def solve(self, game: NormalFormGame, *, rng: np.random.Generator) -> SolveResult[FloatArray]:
        """See ``JointMetaSolver.solve``."""
        return self.concept.solve(game, Linear(rng.dirichlet(np.ones(game.num_players))))


def max_gini(concept: JointConcept) -> PreferredEquilibrium:
    """The equilibrium of greatest Gini impurity: spread over many policies, so that many are answered."""
    return PreferredEquilibrium(f"max_gini_{concept.name}", concept, MaxGini())


def max_welfare(concept: JointConcept) -> PreferredEquilibrium:
    """The equilibrium of greatest welfare."""
    return PreferredEquilibrium(f"max_welfare_{concept.name}", concept, Linear())


def min_epsilon(concept: JointConcept) -> PreferredEquilibrium:
    """The equilibrium of strictest incentives."""
    return PreferredEquilibrium(f"min_epsilon_{concept.name}", concept, MinEpsilon())
