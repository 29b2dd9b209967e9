"""Meta-solvers from correlated equilibria of the empirical game, reduced to the players' marginals.

The oracles of this loop answer independent mixtures, so of a joint distribution only its marginals are used
and the correlation is lost: the marginals of a correlated equilibrium need not be an equilibrium of any kind.
A search for a correlated equilibrium of the full game, whose oracles answer the joint distribution, is
another method [1]_.

.. [1] L. Marris et al., "Multi-agent training beyond zero-sum with correlated equilibrium meta-solvers",
   ICML 2021.
"""

from dataclasses import dataclass

import numpy as np

from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.results import SolveResult
from solvers.equilibrium.correlated import Linear, MaxGini, Objective, solve_cce, solve_ce
from solvers.psro.meta_solvers.dynamics import other_concept


@dataclass(frozen=True, slots=True)
class CorrelatedMarginals:
    """Marginals of the correlated equilibrium that an objective prefers.

    Attributes:
        name: what the run calls it; tell apart what differs, since a resumed run compares names.
        objective: what picks the equilibrium.
        coarse: whether players may only deviate before they are recommended anything.
    """

    name: str
    objective: Objective
    coarse: bool

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """See ``MetaSolver.solve``; the certificate says how far from Nash the marginals are."""
        result = (solve_cce if self.coarse else solve_ce)(game, self.objective)
        joint = result.unwrap()
        players = range(game.num_players)
        marginals = tuple(joint.sum(axis=tuple(j for j in players if j != i)) for i in players)
        return other_concept(game, result, marginals, self.name)


def max_welfare_ce() -> CorrelatedMarginals:
    """Marginals of a correlated equilibrium of greatest welfare."""
    return CorrelatedMarginals("max_welfare_ce", Linear(), False)


def max_welfare_cce() -> CorrelatedMarginals:
    """Marginals of a coarse correlated equilibrium of greatest welfare."""
    return CorrelatedMarginals("max_welfare_cce", Linear(), True)


def max_gini_ce() -> CorrelatedMarginals:
    """Marginals of the correlated equilibrium of greatest Gini impurity."""
    return CorrelatedMarginals("max_gini_ce", MaxGini(), False)


def max_gini_cce() -> CorrelatedMarginals:
    """Marginals of the coarse correlated equilibrium of greatest Gini impurity."""
    return CorrelatedMarginals("max_gini_cce", MaxGini(), True)
