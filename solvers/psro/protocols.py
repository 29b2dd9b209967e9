"""The choices that make a PSRO: who answers, how policies are weighed, what is added, what is sought.

Oracles and meta-solvers come in two kinds: those that see what is played or the empirical game only
(``Oracle``, ``MetaSolver``), and those that see the populations and the full game (``JointOracle``,
``PopulationSolver``).
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from games.extensive.sequence_form import Plan
from games.normal_form import NormalFormGame
from games.profiles import Profile
from games.results import SolveResult
from solvers.psro.population import EmpiricalPayoffs, MetaPlay, Population


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


@runtime_checkable
class JointOracle(Protocol):
    """Finds any number of policies to add for every player, knowing the populations."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def propose(
        self, payoffs: EmpiricalPayoffs, play: MetaPlay, *, rng: np.random.Generator
    ) -> list[list[Plan]]:
        """Return the realization plans found for each player.

        Args:
            payoffs: the populations; questions to the full game go into ``payoffs.tally``.
            play: what everybody plays.
            rng: source of all randomness of the answers.
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


@runtime_checkable
class PopulationSolver(Protocol):
    """Decides what is played, from the populations and the full game.

    Its play need not be a mixture of the policies (see ``MetaPlay.populations``). It is asked again even
    when nothing was added, since it may play more precisely then; the run ends when its play stays the same.
    """

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def weigh(self, payoffs: EmpiricalPayoffs, last: MetaPlay, *, rng: np.random.Generator) -> MetaPlay:
        """Return what is played.

        Args:
            payoffs: the populations; questions to the full game go into ``payoffs.tally``.
            last: what was played before the newest policies came.
            rng: source of all randomness.
        """


class Expander(Protocol):
    """Decides which of the oracle's answers join the populations."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def select(
        self, populations: Sequence[Population], answers: Sequence[Sequence[Plan]]
    ) -> list[list[Plan]]:
        """Return the plans to add for each player, given the answers of each."""
