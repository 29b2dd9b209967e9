"""Players that are not asked to write: how likely they would answer with each option decides."""

from dataclasses import dataclass

from games.text.decisions import Attempt, Decision, Layer, Outcome, Reading
from games.text.questions import Aspect, Question
from marl.players.protocol import WeighingPlayer, Weights
from marl.players.scripted import draw_option


@dataclass(frozen=True, slots=True)
class WeighedPlayer:
    """Draws an action by the weights of ``player``, from the question's seed.

    A small model that cannot keep to a form of answer is measured by what it holds likely. Beliefs are asked
    of ``player`` in writing.

    Attributes:
        player: whose weights they are.
    """

    player: WeighingPlayer

    @property
    def name(self) -> str:
        """That of the player inside, marked."""
        return f"weighed {self.player.name}"

    async def decide(self, question: Question) -> Decision:
        """Draw an action, or state a belief as the player inside does."""
        if question.aspect is not Aspect.ACTION:
            return await self.player.decide(question)
        weights = await self.player.weigh(question)
        if weights.probabilities is None:
            return Decision.of((Attempt(Reading(weights.outcome)),))
        action = draw_option(weights.probabilities, question.seed)
        detail = f"answers with an option: {weights.mass:.3g}"
        reading = Reading(Outcome.ANSWERED, action, layer=Layer.LOG_PROBABILITIES, detail=detail)
        return Decision.of((Attempt(reading),))

    async def weigh(self, question: Question) -> Weights:
        """As the player inside."""
        return await self.player.weigh(question)
