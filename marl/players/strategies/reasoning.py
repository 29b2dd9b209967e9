"""Belief first, action after: a prediction of the others, and a response to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.text.questions import Question
from games.text.situations import MatrixSituation
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.predictions import Prediction
from marl.players.strategies.responses import Response, best
from marl.players.strategies.values import expected_utilities, others, told_action


@dataclass(frozen=True, slots=True)
class Reasoner:
    """Responds to what it predicts, in matrix games.

    What it is told that another does is believed, and a desire that it is asked to have replaces its own
    payoff; the others are taken to draw independently of each other.

    Attributes:
        predict: what each other does.
        respond: what to do about it.
    """

    predict: Prediction
    respond: Response = best

    def strategy(self, question: Question) -> NDArray[np.float64]:
        """A `marl.players.scripted.Strategy`: the response to the expected utilities."""
        situation = situation_of(question, MatrixSituation, "a Reasoner")
        beliefs = [self._belief(situation, player) for player in others(situation)]
        return self.respond(expected_utilities(situation, beliefs))

    def beliefs(self, question: Question) -> NDArray[np.float64]:
        """A `marl.players.scripted.Strategy` for questions about a belief."""
        situation = situation_of(question, MatrixSituation, "a Reasoner")
        if question.about is None:
            raise ValueError("question.about must name another player, got None")
        return self._belief(situation, question.about)

    def _belief(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        action = told_action(situation, about)
        if action is None:
            return self.predict(situation, about)
        return certain(action, situation.game.num_actions[about])


def certain(action: int, size: int) -> NDArray[np.float64]:
    """The distribution over ``size`` actions that takes one of them."""
    shares = np.zeros(size)
    shares[action] = 1.0
    return shares
