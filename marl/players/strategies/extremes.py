"""Strategies that look at the worst or at the best that can come of an action."""

import numpy as np
from numpy.typing import NDArray

from games.text.questions import Question
from games.text.situations import MatrixSituation
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.responses import best
from marl.players.strategies.values import others, told_action, utilities


def maximin(question: Question) -> NDArray[np.float64]:
    """The action whose worst outcome is best, among pure ones; ties are drawn evenly.

    Actions that others are told to take bound what can happen, and a stated desire says what is worse.
    """
    return best(_outcomes(question, "maximin").min(axis=1))


def maximax(question: Question) -> NDArray[np.float64]:
    """The action whose best outcome is best; otherwise as `maximin`."""
    return best(_outcomes(question, "maximax").max(axis=1))


def _outcomes(question: Question, strategy: str) -> NDArray[np.float64]:
    """Worth of what each own action may lead to, shape (n_own, outcomes)."""
    situation = situation_of(question, MatrixSituation, strategy)
    actions = [told_action(situation, player) for player in others(situation)]
    places = tuple(slice(None) if action is None else action for action in actions)
    worth = utilities(situation)[(slice(None), *places)]
    return worth.reshape(len(worth), -1)
