"""What a language model is: two verbs, generate and choose, and what is asked and answered.

A model never raises because the world failed it. A reply without an answer carries a `Failure`, whose cause
says what went wrong, so that nothing is silently replaced by a guess. Exceptions mean a wrong argument.

Both verbs are coroutines; `marl.language.asking` has plain fronts for them.
"""

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


def whole_number(name: str, value: object) -> int:
    """``value`` as a plain int, so that equal numbers of other types make equal keys.

    Raises:
        TypeError: It is no whole number; the message calls it ``name``.
    """
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Raises:
        TypeError: The role is not a `Role`, or the content is not a string.
        ValueError: The content has surrogates without a partner, which no file and no server takes.
    """

    role: Role
    content: str

    def __post_init__(self) -> None:
        role: object = self.role  # callers without a type checker pass all kinds
        content: object = self.content
        if not isinstance(role, Role) or not isinstance(content, str):
            got = f"{type(role).__name__} and {type(content).__name__}"
            raise TypeError(f"a Message takes a Role and a str, got {got}")
        try:
            content.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"content must be valid Unicode: {error.reason}") from error


Conversation = tuple[Message, ...]
"""Messages in the order in which they were said."""


def conversation(prompt: str | Conversation) -> Conversation:
    """A conversation as it is, or a plain string as what the user says first."""
    return (Message(Role.USER, prompt),) if isinstance(prompt, str) else prompt


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a text is drawn, token by token.

    Attributes:
        temperature: divides the logits, >= 0; 0 takes the likeliest token.
        top_p: tokens are drawn from the smallest set that holds at least this probability, in (0, 1].
        max_tokens: the most tokens written, >= 1.
        stop: strings before which a text ends; they are not part of it.
        seed: >= 0, or None where the model may draw as it likes. Servers do not promise to repeat a text
            under the same seed: what must repeat is kept by `Cached`.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"temperature must be finite and >= 0, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")
        # Equal samplings must be written alike, or a cache takes 1 and 1.0 for different questions.
        object.__setattr__(self, "temperature", float(self.temperature) + 0.0)
        object.__setattr__(self, "top_p", float(self.top_p))
        object.__setattr__(self, "max_tokens", whole_number("max_tokens", self.max_tokens))
        if self.seed is not None:
            object.__setattr__(self, "seed", whole_number("seed", self.seed))
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be >= 1, got {self.max_tokens}")
        stop: object = self.stop  # one string would pass as many of one character
        if not isinstance(stop, tuple) or not all(isinstance(s, str) and s for s in stop):
            raise ValueError(f"stop must be a tuple of strings that are not empty, got {stop!r}")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"seed must be >= 0 or None, got {self.seed}")


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked.

    Attributes:
        messages: the conversation so far, not empty.
        sampling: how the answer is drawn; `LanguageModel.choose` draws nothing and leaves it unread.
        replicate: tells draws apart that are otherwise asked alike (the k-th response to one prompt), >= 0.
    """

    messages: Conversation
    sampling: Sampling = Sampling()
    replicate: int = 0

    def __post_init__(self) -> None:
        messages: object = self.messages
        if not isinstance(messages, tuple) or not all(isinstance(m, Message) for m in messages):
            raise TypeError(f"messages must be a tuple of Message, got {type(messages).__name__}")
        if not messages:
            raise ValueError("messages must hold at least one Message, got none")
        object.__setattr__(self, "replicate", whole_number("replicate", self.replicate))
        if self.replicate < 0:
            raise ValueError(f"replicate must be >= 0, got {self.replicate}")


class Cause(StrEnum):
    """Why there is no answer."""

    TRANSPORT = "the connection failed or broke"
    TIMEOUT = "no answer came in time"
    RATE_LIMITED = "the server asks to slow down"
    SERVER = "the server failed"
    UNAUTHORISED = "the server refuses the key or the account"
    BAD_REQUEST = "the server does not take the request"
    TOO_LARGE = "the answer is longer than allowed"
    MALFORMED = "the answer is not what the interface says"
    WRONG_MODEL = "another model answered"
    REFUSAL = "the model or a filter declined"
    EMPTY = "the answer holds no text"
    CUT = "the most tokens allowed were used up before the first character"
    NO_LOG_PROBABILITIES = "the model gives no log-probability for one of the options"
    BUDGET = "the budget does not allow the request"
    NOT_KEPT = "the file that is replayed holds no answer"
    RAISED = "the function that answers raised an exception"


UNPROCESSED = frozenset(
    {Cause.RATE_LIMITED, Cause.UNAUTHORISED, Cause.BAD_REQUEST, Cause.BUDGET, Cause.NOT_KEPT}
)
"""Causes that come before any work is done, so that nothing is billed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong.

    Attributes:
        cause: the kind, to branch on.
        detail: one line for people; it never holds a key.
        retry_after: seconds that the server asks to wait, where it says.
    """

    cause: Cause
    detail: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.cause.value} ({self.detail})" if self.detail else self.cause.value


class Finish(StrEnum):
    """How a text ended."""

    STOP = "the model ended it"
    LENGTH = "it was cut at the most tokens allowed"
    FAILED = "there is none"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of `LanguageModel.generate`.

    Attributes:
        text: what was written; empty with a failure.
        finish: how it ended. A text cut short is no failure: it is for the reader to say whether it will do.
        prompt_tokens: tokens read, None where unknown.
        completion_tokens: tokens written, None where unknown.
        failure: None where there is an answer.
    """

    text: str
    finish: Finish
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: Failure | None = None

    @classmethod
    def failed(
        cls, failure: Failure, prompt_tokens: int | None = None, completion_tokens: int | None = None
    ) -> "Reply":
        """No text, and why; the tokens were used all the same where they are known."""
        return cls("", Finish.FAILED, prompt_tokens, completion_tokens, failure)


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer of `LanguageModel.choose`.

    Attributes:
        log_probabilities: one per option, in their order, natural logarithm: how likely the answer begins
            with it. They need not sum to one, since the model may also say something else; empty with a
            failure.
        prompt_tokens: tokens read, None where unknown.
        completion_tokens: tokens written, None where unknown.
        failure: None where there is an answer.
    """

    log_probabilities: tuple[float, ...]
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failure: Failure | None = None

    @classmethod
    def failed(
        cls, failure: Failure, prompt_tokens: int | None = None, completion_tokens: int | None = None
    ) -> "Choice":
        """No log-probabilities, and why."""
        return cls((), prompt_tokens, completion_tokens, failure)


class LanguageModel(Protocol):
    """Something that writes a text, and that weighs given answers."""

    @property
    def name(self) -> str:
        """Identity, part of every key of a cache: models with the same name answer alike. It is no secret."""

    async def generate(self, request: Request) -> Reply:
        """Write the next message of the conversation."""

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """Log-probabilities that the next message begins with each of ``options``.

        Raises:
            ValueError: The options are fewer than two, one is empty, or one begins another.
        """


def is_unicode(text: str) -> bool:
    """Whether no surrogate is without a partner: such a text goes into no file and to no server."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_options(options: Sequence[str]) -> tuple[str, ...]:
    """The options as a tuple, once it is sure that an answer can begin with at most one of them.

    Raises:
        TypeError: ``options`` is one string, or holds something else than strings.
        ValueError: There are fewer than two, one is empty, or one begins another.
    """
    if isinstance(options, str) or not all(isinstance(option, str) for option in options):
        raise TypeError(f"options must be a sequence of strings, got {options!r}")
    found = tuple(options)
    if len(found) < 2 or not all(found):
        raise ValueError(f"options must be at least two strings that are not empty, got {found!r}")
    ordered = sorted(found)  # a beginning of another string comes right before one that it begins
    for a, b in itertools.pairwise(ordered):
        if b.startswith(a):
            raise ValueError(f"no option may begin another, got {a!r} and {b!r}")
    return found
