"""Players that read and write: a question goes to a language model in words, and the reply is read."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from games.text.answer_form import action_line, reask
from games.text.decisions import Attempt, Decision, Outcome, Reading
from games.text.questions import Aspect, Question, Reasoning
from games.text.reading import read
from games.text.render import render
from marl.language.model import (
    Cause,
    Conversation,
    Finish,
    LanguageModel,
    Message,
    Reply,
    Request,
    Role,
    Sampling,
    whole_number,
)
from marl.players.prompting import prompts_fingerprint
from marl.players.protocol import Weights

OUTCOMES: Mapping[Cause, Outcome] = {
    Cause.TRANSPORT: Outcome.TRANSPORT,
    Cause.TIMEOUT: Outcome.TIMEOUT,
    Cause.RATE_LIMITED: Outcome.TRANSPORT,
    Cause.SERVER: Outcome.TRANSPORT,
    Cause.UNAUTHORISED: Outcome.REJECTED,
    Cause.BAD_REQUEST: Outcome.REJECTED,
    Cause.TOO_LARGE: Outcome.TRANSPORT,
    Cause.MALFORMED: Outcome.TRANSPORT,
    Cause.WRONG_MODEL: Outcome.REJECTED,
    Cause.REFUSAL: Outcome.REFUSAL,
    Cause.EMPTY: Outcome.EMPTY,
    Cause.CUT: Outcome.TRUNCATED,
    Cause.NO_LOG_PROBABILITIES: Outcome.UNREADABLE,
    Cause.BUDGET: Outcome.BUDGET,
    Cause.NOT_KEPT: Outcome.TRANSPORT,
    Cause.RAISED: Outcome.ERROR,
}
"""What a failure of a model is to whoever asked it."""

DEFAULT_SAMPLING = Sampling(max_tokens=1024)
"""Temperature one, which shows how likely the model takes each option."""

_WAY_OF_ASKING = 1
"""Raised when questions are asked, or replies read, in another way than before."""

_QUOTED = 8000
"""Characters of a reply that go into the conversation when it is asked about again, from its end."""


class LanguagePlayer:
    """Asks a model, reads what it says, and asks again where that is no answer; it never guesses.

    A reply that cannot be read is put into the conversation with what was wrong with it. After one that was
    cut or empty the question is put anew, with the remark behind it. What is drawn is drawn under a seed
    made of the question's, so kept answers are found again by `Cached`, and two questions have two answers.

    Args:
        model: whom to ask, with its wrappers.
        sampling: how replies are drawn; its seed must be None.
        reasks: how often to ask again at the most, >= 0.

    Raises:
        ValueError: ``sampling`` has a seed, or ``reasks`` is negative.
    """

    def __init__(
        self, model: LanguageModel, *, sampling: Sampling = DEFAULT_SAMPLING, reasks: int = 2
    ) -> None:
        if sampling.seed is not None:
            raise ValueError(f"sampling.seed must be None, as questions bring seeds, got {sampling.seed}")
        self._reasks = whole_number("reasks", reasks)
        if self._reasks < 0:
            raise ValueError(f"reasks must be >= 0, got {reasks}")
        self._model = model
        self._sampling = sampling

    def __repr__(self) -> str:
        return f"LanguagePlayer({self.name!r})"

    @property
    def name(self) -> str:
        """Model, sampling, re-asks, and a hash of the words in which questions are put."""
        drawn = self._sampling
        stop = f" stop={list(drawn.stop)}" if drawn.stop else ""
        return (
            f"{self._model.name} temperature={drawn.temperature:g} top_p={drawn.top_p:g} "
            f"max_tokens={drawn.max_tokens}{stop} reasks={self._reasks} "
            f"prompts={_WAY_OF_ASKING}-{prompts_fingerprint()}"
        )

    async def decide(self, question: Question) -> Decision:
        """What the model answers, with every reply on the way."""
        sampling = replace(self._sampling, seed=_seed(question.seed))
        messages = conversation_about(question)
        attempts: list[Attempt] = []
        while True:
            attempts.append(_attempt(await self._model.generate(Request(messages, sampling)), question))
            remark = reask(question, attempts[-1].reading)
            if remark is None or len(attempts) > self._reasks:
                return Decision.of(tuple(attempts))
            messages = _with_remark(messages, attempts[-1], remark)

    async def weigh(self, question: Question) -> Weights:
        """How likely the model answers with each option when it must answer at once.

        The options are weighed as whole answers in the form asked for, so none begins another; their
        probabilities are products over tokens, scaled to sum to one.

        Raises:
            ValueError: the question is about a belief.
        """
        if question.aspect is not Aspect.ACTION:
            raise ValueError(f"weigh takes a question about an action, got one about a {question.aspect}")
        if len(question.options) == 1:
            return Weights((1.0,))
        wording = replace(question.wording, reasoning=Reasoning.ANSWER_ONLY)
        asked = replace(question, wording=wording)
        answers = [action_line(asked, position) for position in range(len(asked.options))]
        choice = await self._model.choose(Request(conversation_about(asked), self._sampling), answers)
        if choice.failure is not None:
            return Weights(None, 0.0, OUTCOMES[choice.failure.cause])
        top = max(choice.log_probabilities)
        if top == -math.inf:
            return Weights(None, 0.0, Outcome.UNREADABLE)
        weights = [math.exp(value - top) for value in choice.log_probabilities]
        total = math.fsum(weights)
        return Weights(tuple(weight / total for weight in weights), min(1.0, math.exp(top) * total))


def conversation_about(question: Question) -> Conversation:
    """A question in words, after what was said before; what the model had no reply to is left out."""
    prompt = render(question)
    messages = [Message(Role.SYSTEM, prompt.system)] if prompt.system else []
    for exchange in question.earlier:
        if not exchange.replied.strip():  # servers refuse messages without text
            continue
        messages.append(Message(Role.USER, exchange.asked))
        messages.append(Message(Role.ASSISTANT, exchange.replied))
    return (*messages, Message(Role.USER, prompt.text))


def _attempt(reply: Reply, question: Question) -> Attempt:
    if reply.failure is None:
        reading = read(reply.text, question, truncated=reply.finish is Finish.LENGTH)
    else:
        reading = Reading(OUTCOMES[reply.failure.cause], detail=str(reply.failure))
    return Attempt(reading, reply.text, reply.prompt_tokens, reply.completion_tokens)


def _with_remark(messages: Conversation, attempt: Attempt, remark: str) -> Conversation:
    """The conversation with what was wrong with the last reply."""
    said = attempt.text[-_QUOTED:]
    if attempt.reading.outcome in (Outcome.TRUNCATED, Outcome.EMPTY) or not said.strip():
        # Servers refuse messages without text, and one that was cut would be gone on with.
        last = messages[-1]
        return (*messages[:-1], Message(last.role, f"{last.content}\n\n{remark}"))
    return (*messages, Message(Role.ASSISTANT, said), Message(Role.USER, remark))


def _seed(seed: int) -> int:
    """31 bits, which every server takes, of a seed of any size."""
    return int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1)
