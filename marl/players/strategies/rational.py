"""What to do in any matrix game: learn where there is a past, and solve where there is none."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from games.social.patterns import standard_family
from games.text.questions import Question
from games.text.situations import MatrixSituation
from marl.players.strategies.cycles import PatternLearner
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.predictions import LevelOf, NGram
from marl.players.strategies.profiles import SolvedProfile
from marl.players.strategies.reasoning import Reasoner


@dataclass(frozen=True, slots=True)
class RationalMatrixPlay:
    """Best in rounds of a repeated game by what it learnt, and by reasoning in a game played once.

    In repeated games it maximises the payoff of the round: it knows no way to teach another.

    Attributes:
        once: for a game played once; the default reasons 32 steps, which finds what strict dominance or
            best replies lead to, but no mixed equilibrium: give a `SolvedProfile` for these.
        repeated: for a round of a game played again; the default knows the patterns of cyclic games, which
            it takes to change once in a hundred rounds, and elsewhere expects what followed the last two
            rounds before.
    """

    once: SolvedProfile | Reasoner = field(default_factory=lambda: Reasoner(LevelOf(31)))
    repeated: Reasoner = field(
        default_factory=lambda: Reasoner(PatternLearner(partial(standard_family, hazard=0.01), NGram(2)))
    )

    def strategy(self, question: Question) -> NDArray[np.float64]:
        """A `marl.players.scripted.Strategy`."""
        return self._part(question).strategy(question)

    def beliefs(self, question: Question) -> NDArray[np.float64]:
        """A `marl.players.scripted.Strategy` for questions about a belief."""
        return self._part(question).beliefs(question)

    def _part(self, question: Question) -> SolvedProfile | Reasoner:
        situation = situation_of(question, MatrixSituation, "rational play")
        return self.once if situation.rounds == 1 else self.repeated
