"""What a run will cost, before it is begun: it is played by a stand-in that counts what it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from games.text.answer_form import reask
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Aspect, Question
from games.text.render import render
from marl.language.budgeted import Price
from solvers.rationality.run import PLAIN, run_suite
from solvers.rationality.scenarios import Suite
from solvers.rationality.variants import Variant

_BYTES_PER_TOKEN = 4  # of English text, as tokenizers go; a token holds a byte at the least
_MESSAGE_TOKENS = 64  # what a server's template adds to a message, at the most
_ANSWERED = "-"  # stands for a reply in a conversation that goes on


@dataclass(frozen=True, slots=True)
class Estimate:
    """Questions of one player's run, and tokens if it is a language model.

    Attributes:
        questions: how many are asked, when every first reply is legal.
        prompt_bytes: bytes of all that they read, earlier questions of the same conversation included, but
            for replies.
        replies: how many earlier replies are read again with them.
        messages: how many messages that makes.
        remark_bytes: bytes of the longest remark on a reply to each question.
    """

    questions: int
    prompt_bytes: int
    replies: int = 0
    messages: int = 0
    remark_bytes: int = 0

    def likely_cost(self, price: Price, *, completion_tokens: int) -> float:
        """Cost at four bytes a token read, replies of ``completion_tokens``, and nothing asked again."""
        read = self.prompt_bytes // _BYTES_PER_TOKEN + self.replies * completion_tokens
        return price.of(read, self.questions * completion_tokens)

    def worst_cost(self, price: Price, *, max_tokens: int, reasks: int) -> float:
        """Cost at one byte a token, replies of ``max_tokens``, and every question asked ``1 + reasks`` times.

        Each time asked again, the conversation so far is read once more, with the remarks on the replies.
        """
        times = 1 + reasks
        again = times * (times - 1) // 2  # replies and remarks read, per question
        read = times * (self.prompt_bytes + self.replies * max_tokens + self.messages * _MESSAGE_TOKENS)
        read += again * (self.questions * (max_tokens + 2 * _MESSAGE_TOKENS * bool(self.messages)))
        read += again * self.remark_bytes
        return price.of(read, self.questions * max_tokens * times)


class _StandIn:
    """Answers uniformly, and counts what a reader would read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.questions = 0
        self.prompt_bytes = 0
        self.replies = 0
        self.messages = 0
        self.remark_bytes = 0

    async def decide(self, question: Question) -> Decision:
        prompt = render(question)
        asked = [prompt.system, prompt.text, *(exchange.asked for exchange in question.earlier)]
        remarks = (
            reask(question, Reading(outcome)) for outcome in Outcome if outcome is not Outcome.ANSWERED
        )
        self.questions += 1
        self.prompt_bytes += sum(len(text.encode()) for text in asked)
        self.replies += len(question.earlier)
        self.messages += 1 + bool(prompt.system) + 2 * len(question.earlier)
        self.remark_bytes += max(len(remark.encode()) for remark in remarks if remark is not None)
        options = len(question.options)
        if question.aspect is Aspect.BELIEF:
            reading = Reading(Outcome.ANSWERED, belief=(1 / options,) * options)
        else:
            action = int(np.random.default_rng(question.seed).integers(options))
            reading = Reading(Outcome.ANSWERED, action)
        return Decision.of((Attempt(reading, _ANSWERED),))


def estimate(
    suite: Suite, *, variants: Sequence[Variant] = PLAIN, replicates: int = 1, seed: int = 0, others: int = 0
) -> Estimate:
    """Count the questions that one player is asked; other arguments as those of `run_suite`.

    How long a play lasts may depend on what is played: the stand-in plays at random.

    Args:
        suite: what is played.
        variants: in which words and labels.
        replicates: plays of each scenario in each variant.
        seed: of all chance.
        others: how many more players and baselines there are, whom it meets in scenarios with several seats.

    Raises:
        ValueError: ``others`` is negative; otherwise as `run_suite`.
    """
    if others < 0:
        raise ValueError(f"others must be >= 0, got {others}")
    met = others if any(scenario.seats > 1 for scenario in suite.scenarios) else 0
    players = [_StandIn(f"stand-in {k}") for k in range(1 + met)]
    run_suite(suite, players, variants=variants, replicates=replicates, seed=seed)
    one = players[0]
    return Estimate(one.questions, one.prompt_bytes, one.replies, one.messages, one.remark_bytes)
