"""Decisions: what a player answered, and how that is known."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one attempt to get an answer; each failure is a kind of its own."""

    ANSWERED = "an answer was read"
    TRANSPORT = "the connection or the server failed"
    TIMEOUT = "no reply came in time"
    REJECTED = "the server refused the account or the request"
    BUDGET = "the budget did not allow the question"
    REFUSAL = "the model declined to answer"
    TRUNCATED = "the reply was cut before an answer was complete"
    EMPTY = "the reply was empty"
    UNREADABLE = "the reply holds no answer in the form asked for"
    AMBIGUOUS = "the reply holds different answers of equal standing"
    ILLEGAL = "the reply answers with something that is not among the options"
    ERROR = "the player raised an exception"


class Layer(StrEnum):
    """Which rule read an answer."""

    OBJECT = "JSON object with the question's nonce"
    LENIENT = "nearly JSON, with the question's nonce"
    TAG = "answer tag with the question's nonce"
    WHOLE = "the whole reply is the answer"
    LOG_PROBABILITIES = "log-probabilities of the options"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says.

    Attributes:
        outcome: `Outcome.ANSWERED`, or why there is no answer.
        action: position among the options, for a question about an action.
        belief: probabilities over the options, for a question about a belief; they sum to one.
        layer: which rule read it.
        detail: one line for people, such as the label that is not among the options.
    """

    outcome: Outcome
    action: int | None = None
    belief: tuple[float, ...] | None = None
    layer: Layer | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        answered = (self.action is not None) + (self.belief is not None)
        if answered != (self.outcome is Outcome.ANSWERED):
            raise ValueError(f"a Reading holds one answer if and only if it is ANSWERED, got {self}")
        if self.belief is not None and not math.isclose(math.fsum(self.belief), 1, abs_tol=1e-9):
            raise ValueError(f"a belief must sum to one, got {self.belief}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply, and how it was read.

    Attributes:
        reading: what it says.
        text: the reply as it came; empty without one.
        prompt_tokens: tokens read, None where unknown.
        completion_tokens: tokens written, None where unknown.
    """

    reading: Reading
    text: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a player decided.

    Attributes:
        action: position among the options, or None without an answer.
        belief: probabilities over the options, or None.
        outcome: that of the last attempt.
        attempts: every reply in order; empty for players that compute.
    """

    action: int | None = None
    belief: tuple[float, ...] | None = None
    outcome: Outcome = Outcome.ANSWERED
    attempts: tuple[Attempt, ...] = ()

    @classmethod
    def of(cls, attempts: tuple[Attempt, ...]) -> "Decision":
        """The answer of the last attempt, or its failure."""
        last = attempts[-1].reading
        return cls(last.action, last.belief, last.outcome, attempts)
