"""The choices that make a PSRO: who answers, how policies are weighed, what is added, what is sought."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from games.extensive.sequence_form import Plan
from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.results import SolveResult
from solvers.psro.population import MetaPlay, Population


class Oracle(Protocol):
    """Finds a policy to add against what the others play."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def respond(self, play: MetaPlay, player: int, *, rng: np.random.Generator) -> Plan:
        """Return a realization plan of ``player``, shape (S_player,).

        Args:
            play: what everybody plays.
            player: who answers.
            rng: source of all randomness of the answer.
        """


class Measure(Protocol):
    """How far the populations' play is from what the run seeks; a run ends where it is small.

    The number must be computed by ``games``, since it becomes the run's certificate.
    """

    @property
    def name(self) -> str:
        """What the certificate calls it."""

    def __call__(self, play: MetaPlay) -> float:
        """An upper bound on the distance, in payoff units."""


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
