"""Language models as judges: by the probabilities of two letters, or by a verdict in their own words."""

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import partial

from marl.language.asking import choose_all, generate_all
from marl.language.model import (
    Choice,
    Conversation,
    LanguageModel,
    Message,
    Reply,
    Request,
    Role,
    Sampling,
)
from solvers.inpo.judges.orders import ask_both_orders
from solvers.inpo.judges.readable import ask_unless, unicode_hindrance
from solvers.inpo.judges.templates import CHOICE_TEMPLATE, REPLY_TEMPLATE, PairTemplate, nonce
from solvers.inpo.judges.verdicts import Comparison, OnVerdict, Verdict, digest

_SAMPLING = Sampling(temperature=0.0, max_tokens=1024)


@dataclass(frozen=True, slots=True)
class ChoiceJudge:
    """Compares by how probable a model finds the answers A and B, in both orders.

    P = p(A) / (p(A) + p(B)), averaged over both orders of presentation; ``position_bias`` tells from the
    verdicts how much the order mattered.

    Attributes:
        model: whom to ask; caches, retries and budgets are wrappers around it.
        template: the question.
        options: answers that stand for the first and the second response.
        concurrency: requests under way at once.
    """

    model: LanguageModel
    template: PairTemplate = CHOICE_TEMPLATE
    options: tuple[str, str] = ("A", "B")
    concurrency: int = 256

    @property
    def name(self) -> str:
        """That of the model, and the question."""
        return f"choice of {self.model.name} {digest([self.template.text, self.options])[:16]}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """Two requests for each comparison; one whose texts are no valid Unicode fails at once."""
        ask = partial(ask_both_orders, self._ask)
        return ask_unless(unicode_hindrance, ask, comparisons, on_verdict)

    def _ask(self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None) -> list[Verdict]:
        requests = [
            Request((Message(Role.USER, self.template.render(comparison)),), replicate=comparison.replicate)
            for comparison in comparisons
        ]

        def on_choice(position: int, choice: Choice) -> None:
            if on_verdict is not None:
                on_verdict(position, _of_choice(choice))

        choices = choose_all(
            self.model, requests, [self.options] * len(requests), on_choice, concurrency=self.concurrency
        )
        return [_of_choice(choice) for choice in choices]


@dataclass(frozen=True, slots=True)
class ReplyJudge:
    """Compares by a verdict that a model writes, in both orders.

    The verdict is read strictly: [[code:A]], [[code:B]] or [[code:TIE]] with the code of the comparison,
    which no response can know, and no other verdict with that code. A reply without one is asked to add it, a
    few times; after that the comparison has failed. Nothing is guessed.

    Attributes:
        model: whom to ask; caches, retries and budgets are wrappers around it.
        template: the question; it must show the code.
        sampling: how replies are drawn.
        asks: how often to ask, the first time included.
        concurrency: requests under way at once.

    Raises:
        ValueError: ``template`` does not show the code, or ``asks`` is below 1.
    """

    model: LanguageModel
    template: PairTemplate = REPLY_TEMPLATE
    sampling: Sampling = _SAMPLING
    asks: int = 2
    concurrency: int = 256

    def __post_init__(self) -> None:
        if not self.template.has_nonce:
            raise ValueError("template must have the field nonce, by which the verdict is known")
        if self.asks < 1:
            raise ValueError(f"asks must be at least 1, got {self.asks}")

    @property
    def name(self) -> str:
        """That of the model, the question and how replies are drawn."""
        fields = [self.template.text, self.asks, *astuple(self.sampling)]
        return f"reply of {self.model.name} {digest(fields)[:16]}"

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """At least two requests for each comparison; one whose texts are no valid Unicode fails at once."""
        ask = partial(ask_both_orders, self._ask)
        return ask_unless(unicode_hindrance, ask, comparisons, on_verdict)

    def _ask(self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None) -> list[Verdict]:
        questions = [
            _Question(position, comparison, (Message(Role.USER, self.template.render(comparison)),))
            for position, comparison in enumerate(comparisons)
        ]
        for left in reversed(range(self.asks)):
            self._ask_once([question for question in questions if not question.settled], left, on_verdict)
        return [question.verdict for question in questions]

    def _ask_once(self, questions: list["_Question"], left: int, on_verdict: OnVerdict | None) -> None:
        """Ask those that are open; with no ask ``left`` those that stay without a verdict have failed."""

        def on_reply(number: int, reply: Reply) -> None:
            question = questions[number]
            question.take(reply, left)
            if question.settled and on_verdict is not None:
                on_verdict(question.position, question.verdict)

        requests = [
            Request(question.messages, self.sampling, question.comparison.replicate) for question in questions
        ]
        generate_all(self.model, requests, on_reply, concurrency=self.concurrency)


def read_verdict(text: str, code: str) -> Verdict:
    """The verdict with this code in a reply; a failure if there is none, or if there are different ones.

    Example:
        >>> read_verdict("B is wrong. [[0f3:A]]", "0f3").probability
        1.0
        >>> read_verdict("[[A]] [[777:B]]", "0f3").failure
        'the reply holds no verdict with the code'
    """
    found = set(re.findall(rf"\[\[{re.escape(code)}:\s*(A|B|TIE)\]\]", text))
    if len(found) == 1:
        return _WORDS[found.pop()]
    kind = "different verdicts" if found else "no verdict"
    return Verdict(None, failure=f"the reply holds {kind} with the code")


_WORDS = {"A": Verdict(1.0), "B": Verdict(0.0), "TIE": Verdict(0.5, tie=True)}
_UNASKED = Verdict(None, failure="not asked yet")
_REMINDER = (
    "Your answer must hold exactly one verdict. Write it now and nothing else: in double square brackets "
    "the code {code}, a colon, and one of A, B or TIE."
)


@dataclass(slots=True)
class _Question:
    """One comparison on its way to a verdict."""

    position: int
    comparison: Comparison
    messages: Conversation
    settled: bool = False
    verdict: Verdict = _UNASKED

    def take(self, reply: Reply, left: int) -> None:
        """Settle by a reply, or add to the conversation what the next ask needs."""
        if reply.failure is not None:
            self.settled, self.verdict = True, Verdict(None, failure=str(reply.failure))
            return
        code = nonce(self.comparison)
        self.verdict = read_verdict(reply.text, code)
        self.settled = self.verdict.probability is not None or left == 0
        if not self.settled:
            reminder = Message(Role.USER, _REMINDER.format(code=code))
            self.messages = (*self.messages, Message(Role.ASSISTANT, reply.text), reminder)


def _of_choice(choice: Choice) -> Verdict:
    """p(A) / (p(A) + p(B))."""
    if choice.failure is not None:
        return Verdict(None, failure=str(choice.failure))
    first, second = choice.log_probabilities
    if math.isnan(first - second):  # also where both are -inf
        return Verdict(None, failure=f"no option has a probability, their logarithms are {first}, {second}")
    # tanh cannot overflow, and gives 0 and 1 where one option is impossible.
    return Verdict(0.5 + 0.5 * math.tanh(0.5 * (first - second)))
