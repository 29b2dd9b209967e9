"""Players that compute: a strategy says how likely each option is, and the question's seed draws one."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.text.decisions import Decision, Outcome
from games.text.questions import Aspect, Question
from marl.players.protocol import Weights

Strategy: TypeAlias = Callable[[Question], NDArray[np.float64]]
"""A distribution over ``question.options``, shape (k,).

A strategy raises `games.errors.UnsupportedGameError` for a situation that it has no rule for.
"""

_SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class ScriptedPlayer:
    """Answers by a strategy, and questions about a belief by another.

    Attributes:
        name: identity; it must change with the strategies.
        strategy: how likely the player takes each option.
        beliefs: how likely it holds each action of another to be; None for a player that has no beliefs, and
            declines to state any.

    Example:
        >>> import asyncio
        >>> from games.normal_form import NormalFormGame
        >>> from games.text import MatrixSituation
        >>> from marl.players.strategies.mixing import uniform
        >>> game = NormalFormGame.zero_sum([[1, -1], [-1, 1]])
        >>> player = ScriptedPlayer("coin", uniform, uniform)
        >>> asyncio.run(player.decide(Question(MatrixSituation(game), seed=3))).action
        0
    """

    name: str
    strategy: Strategy
    beliefs: Strategy | None = None

    async def decide(self, question: Question) -> Decision:
        """Draw an action, or state a belief.

        Raises:
            UnsupportedGameError: the strategy has no rule for the situation.
            ValueError: what the strategy gave is no distribution over the options.
        """
        if question.aspect is Aspect.ACTION:
            return Decision(
                draw_option(_checked(self.strategy(question), question, self.name), question.seed)
            )
        if self.beliefs is None:
            return Decision(outcome=Outcome.REFUSAL)
        return Decision(belief=_checked(self.beliefs(question), question, self.name))

    async def weigh(self, question: Question) -> Weights:
        """The distribution from which `decide` draws.

        Raises:
            ValueError: the question is about a belief; otherwise as `decide`.
        """
        if question.aspect is not Aspect.ACTION:
            raise ValueError(f"weigh takes a question about an action, got one about a {question.aspect}")
        return Weights(_checked(self.strategy(question), question, self.name))


def _checked(probabilities: NDArray[np.float64], question: Question, who: str) -> tuple[float, ...]:
    """The distribution as numbers that sum to one."""
    values = [float(p) for p in probabilities]
    total = math.fsum(values)
    if len(values) != len(question.options) or not abs(total - 1) <= _SUM_TOLERANCE or min(values) < 0:
        raise ValueError(
            f"{who} must give a distribution over {len(question.options)} options, got {values[:8]} with "
            f"sum {total}"
        )
    return tuple(value / total for value in values)


def draw_option(probabilities: tuple[float, ...], seed: int) -> int:
    """A position by inversion of the distribution function; one of probability zero is never drawn."""
    likeliest = max(probabilities)
    if likeliest == 1.0:
        return probabilities.index(1.0)  # what would be drawn anyway
    left = np.random.default_rng(seed).random()
    for position, probability in enumerate(probabilities):
        left -= probability
        if left < 0:
            return position
    return probabilities.index(likeliest)  # rounding left a crumb
