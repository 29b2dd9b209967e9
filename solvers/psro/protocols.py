"""The three choices that make a PSRO: who answers, how the populations are weighed, what is added."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.extensive.sequence_form import Plan, SequenceForm
from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.results import SolveResult
from solvers.psro.population import Population


class Oracle(Protocol):
    """Finds a policy to add against what the others play."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def respond(
        self, form: SequenceForm, plans: NDArray[np.float64], player: int, *, rng: np.random.Generator
    ) -> Plan:
        """Return a realization plan of ``player``, shape (S_player,).

        Args:
            form: the game.
            plans: realization plans of the players' mixtures, end to end, shape (S,).
            player: who answers.
            rng: source of all randomness of the answer.
        """


class MetaSolver(Protocol):
    """Weighs the populations: solves the empirical game.

    The result must be a function of the arguments alone, so that a resumed run repeats an uninterrupted one.
    """

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def solve(
        self, game: NormalFormGame, start: Profile, *, rng: np.random.Generator
    ) -> SolveResult[Profile]:
        """Return mixtures over the policies.

        Args:
            game: payoffs between all policies.
            start: the mixtures of the previous iteration, zero on policies that are new.
            rng: source of all randomness of the solve.
        """


class Expander(Protocol):
    """Decides which of the oracle's answers join the populations."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def select(self, populations: Sequence[Population], answers: Sequence[Plan]) -> list[list[Plan]]:
        """Return the plans to add for each player, given one answer per player."""
