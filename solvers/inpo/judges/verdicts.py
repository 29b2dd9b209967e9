"""What a judge is asked and what it answers: how probable it is that one response is preferred to another."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from marl.language.model import Conversation, whole_number

Prompt = str | Conversation


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two responses to one prompt.

    Attributes:
        prompt: plain text, or the messages so far.
        first: one response.
        second: the other one.
        replicate: a number that tells repetitions of the same question apart, at least 0. Judges whose
            answers are random draw anew for another number; stored answers are kept for each.
    """

    prompt: Prompt
    first: str
    second: str
    replicate: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "replicate", whole_number("replicate", self.replicate))
        if self.replicate < 0:
            raise ValueError(f"replicate must be at least 0, got {self.replicate}")

    def turned(self) -> "Comparison":
        """The same question with the responses exchanged."""
        return Comparison(self.prompt, self.second, self.first, self.replicate)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a comparison: a probability, or the reason why there is none.

    Attributes:
        probability: that the first response is preferred to the second, in [0, 1]; None without an answer.
        tie: the judge declared the two equally good; the probability is 1/2 then.
        failure: why there is no answer; empty where there is one.
        orders: for judges who see the pair in both orders, the probability found with the first response
            shown first, and the one found with it shown second; ``probability`` is their mean. Else empty.

    Raises:
        ValueError: the fields contradict each other.

    Example:
        >>> Verdict(0.75).turned().probability
        0.25
    """

    probability: float | None
    tie: bool = False
    failure: str = ""
    orders: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if (self.probability is None) != bool(self.failure):
            raise ValueError(
                "a verdict needs either a probability or a failure, "
                f"got {self.probability!r} and {self.failure!r}"
            )
        for value in self.orders if self.probability is None else (self.probability, *self.orders):
            if not 0.0 <= value <= 1.0:  # False for NaN too
                raise ValueError(f"probability must lie in [0, 1], got {value!r}")
        if self.tie and self.probability != 0.5:
            raise ValueError(f"probability of a tie must be 0.5, got {self.probability!r}")
        if len(self.orders) not in (0, 2):
            raise ValueError(f"orders must hold two probabilities or none, got {len(self.orders)}")
        # Plain floats, whatever library they came from: verdicts are written to files.
        object.__setattr__(self, "orders", tuple(map(float, self.orders)))
        if self.probability is not None:
            object.__setattr__(self, "probability", float(self.probability))

    def turned(self) -> "Verdict":
        """The answer to the same question with the responses exchanged."""
        if self.probability is None:
            return self
        return Verdict(
            1.0 - self.probability, self.tie, orders=tuple(1.0 - value for value in reversed(self.orders))
        )


OnVerdict = Callable[[int, Verdict], None]
"""Called with the position of a comparison and its verdict, as soon as the verdict is there."""


class Judge(Protocol):
    """Says how probable it is that one response is preferred to another."""

    @property
    def name(self) -> str:
        """Everything that the answers depend on beside the comparison; stored answers are filed under it."""

    def compare(
        self, comparisons: Sequence[Comparison], on_verdict: OnVerdict | None = None
    ) -> list[Verdict]:
        """One verdict for each comparison, in their order.

        Args:
            comparisons: the questions.
            on_verdict: called for every verdict, in the order in which they come.
        """


def check_answered(judge: Judge, comparisons: Sequence[Comparison], verdicts: Sequence[Verdict]) -> None:
    """Raise a ``ValueError`` unless ``judge`` gave as many verdicts as there were comparisons."""
    if len(verdicts) != len(comparisons):
        raise ValueError(
            f"judge must give one verdict per comparison, {len(comparisons)}, "
            f"{judge.name} gave {len(verdicts)}"
        )


def comparison_key(comparison: Comparison) -> tuple[str, bool]:
    """A key, the same for a comparison and its turned form, and whether this one is the turned form.

    The form that is not turned has the response that sorts first as its first.
    """
    turned = comparison.second < comparison.first
    low, high = sorted((comparison.first, comparison.second))
    return digest([prompt_fields(comparison.prompt), low, high, comparison.replicate]), turned


def prompt_fields(prompt: Prompt) -> str | list[list[str]]:
    """A prompt as plain data: its text, or a list of [role, content]."""
    if isinstance(prompt, str):
        return prompt
    return [[message.role, message.content] for message in prompt]


def digest(fields: object) -> str:
    """The SHA-256 of plain data, in hexadecimal."""
    # ASCII escapes keep lone surrogates, which tokenisers can leave behind, apart and encodable.
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode("ascii")).hexdigest()
