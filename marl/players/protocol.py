"""What a player is: whoever answers a question, by whatever means."""

from dataclasses import dataclass
from typing import Protocol

from games.text.decisions import Decision, Outcome
from games.text.questions import Question


class Player(Protocol):
    """Somebody who answers questions about games.

    A player keeps no memory between questions: what it may know is in the question. It never raises because
    the world failed it: a decision without an answer carries the `Outcome` that says why.
    """

    @property
    def name(self) -> str:
        """Identity, part of the key of every result: players with the same name decide alike."""

    async def decide(self, question: Question) -> Decision:
        """Answer: an action among ``question.options``, or a belief over them.

        Whatever is drawn is drawn from ``question.seed``, so that equal questions get equal answers.
        """


@dataclass(frozen=True, slots=True)
class Weights:
    """How likely a player takes each option.

    Attributes:
        probabilities: one per option, summing to one; None without an answer.
        mass: probability that the player answers with an option at all, before it was scaled to one.
        outcome: `Outcome.ANSWERED`, or why there is no answer.
    """

    probabilities: tuple[float, ...] | None
    mass: float = 1.0
    outcome: Outcome = Outcome.ANSWERED


class WeighingPlayer(Player, Protocol):
    """A player that can say how likely it takes each option."""

    async def weigh(self, question: Question) -> Weights:
        """The distribution from which `decide` would draw, for a question about an action."""
