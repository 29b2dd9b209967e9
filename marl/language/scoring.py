"""How a server tells how likely an answer is: by its likeliest first tokens, or by an echo of the text."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from marl.language.model import UNPROCESSED, Cause, Choice, Conversation, Failure, Request
from marl.language.wire import (
    Json,
    MalformedError,
    first_choice,
    log_probability,
    messages,
    usage,
)

Post = Callable[[str, dict[str, Any]], Awaitable[Json | Failure]]
"""Sends a body to a path of the server; the name of the model is added."""


class Scoring(Protocol):
    """A way to get the log-probabilities of options out of a server."""

    @property
    def name(self) -> str:
        """Identity, part of that of the model."""

    async def choose(self, post: Post, request: Request, options: Sequence[str]) -> Choice:
        """Log-probabilities that the next message begins with each option, or a failure.

        Raises:
            MalformedError: The answer of the server is not what the interface says.
        """


@dataclass(frozen=True, slots=True)
class FirstToken:
    """Reads the list of likeliest first tokens of a chat completion, with one call for all options.

    The probability of an option is that of all listed tokens which are the option itself, or the option after
    white space. So each option must be one token: a letter or a digit is. An option that is not in the list
    has no known probability, and the choice fails rather than have one made up.

    Attributes:
        count: how many tokens to ask for; common limits are 20, 5 on some servers.
    """

    count: int = 20

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be >= 1, got {self.count}")

    @property
    def name(self) -> str:
        """Identity."""
        return f"first-token-{self.count}"

    async def choose(self, post: Post, request: Request, options: Sequence[str]) -> Choice:
        """One chat completion of one token."""
        body = {
            "messages": messages(request),
            "max_tokens": 1,
            "temperature": 1.0,  # some servers report probabilities after it
            "logprobs": True,
            "top_logprobs": self.count,
        }
        data = await post("/chat/completions", body)
        if isinstance(data, Failure):
            return Choice.failed(data)
        tokens = usage(data)
        listed = _listed_first(first_choice(data).get("logprobs"))
        found = []
        for option in options:
            matching = [value for token, value in listed if token.lstrip() == option]
            if not matching:
                detail = f"{option!r} is not among the {len(listed)} first tokens listed by the server"
                return Choice.failed(Failure(Cause.NO_LOG_PROBABILITIES, detail), *tokens)
            top = max(matching)
            found.append(min(0.0, top + math.log(sum(math.exp(value - top) for value in matching))))
        return Choice(tuple(found), *tokens)


def _listed_first(found: object) -> list[tuple[str, float]]:
    """Tokens and their log-probabilities at the first position, each token once; empty where there are none.

    Several tokens may be written alike: those with and without the space in front, where a server strips it.
    """
    content = found.get("content") if isinstance(found, dict) else None
    if content is None:
        return []
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        raise MalformedError("logprobs.content is no list of tokens")
    first = content[0]
    others = first.get("top_logprobs")
    listed = [_token(entry) for entry in others] if isinstance(others, list) else []
    written = _token(first)
    # The token that was written is usually one of those listed, and must not count twice.
    return listed if any(token == written[0] for token, _ in listed) else [written, *listed]


def _token(entry: object) -> tuple[str, float]:
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        raise MalformedError("a token of logprobs is malformed")
    return entry["token"], log_probability(entry.get("logprob"))


@dataclass(frozen=True, slots=True)
class Echo:
    """Lets the server read the conversation with an option behind it, and adds up the option's tokens.

    It takes options of any length, with one call each, from servers whose plain completions echo the prompt
    with log-probabilities. The option must begin where a token begins.

    Attributes:
        template: the whole conversation as the model was trained to read it, up to where its answer begins.
        label: names the template, since functions have no identity.
    """

    template: Callable[[Conversation], str]
    label: str

    @property
    def name(self) -> str:
        """Identity."""
        return f"echo-{self.label}"

    async def choose(self, post: Post, request: Request, options: Sequence[str]) -> Choice:
        """One completion per option."""
        prompt = self.template(request.messages)
        answers = await asyncio.gather(*(post("/completions", _echoed(prompt + o)) for o in options))
        failures = [data for data in answers if isinstance(data, Failure)]
        answered = [data for data in answers if not isinstance(data, Failure)]
        used = [usage(data) for data in answered]
        tokens = _total([read for read, _ in used]), _total([written for _, written in used])
        # A call that broke off may have been billed: then nobody knows what all of them took.
        for failure in failures:
            if failure.cause not in UNPROCESSED:
                return Choice.failed(failure)
        if failures:
            return Choice.failed(failures[0], *tokens)
        found: list[float] = []
        for option, data in zip(options, answered, strict=True):
            value = _echo_score(data, option)
            if isinstance(value, Failure):
                return Choice.failed(value, *tokens)
            found.append(value)
        return Choice(tuple(found), *tokens)


def _echoed(text: str) -> dict[str, Any]:
    # One token more is written because some servers refuse to write none; it is not read.
    return {"prompt": text, "max_tokens": 1, "temperature": 1.0, "echo": True, "logprobs": 1}


def _echo_score(data: Json, option: str) -> float | Failure:
    """Sum of the log-probabilities of the echoed tokens that spell the option, read from the end."""
    found = first_choice(data).get("logprobs")
    if found is None:
        return Failure(Cause.NO_LOG_PROBABILITIES, "the server echoes no log-probabilities")
    tokens = found.get("tokens") if isinstance(found, dict) else None
    values = found.get("token_logprobs") if isinstance(found, dict) else None
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise MalformedError("logprobs has no tokens with their log-probabilities")
    if not all(isinstance(token, str) for token in tokens):
        raise MalformedError("a token of logprobs is no string")
    echoed = usage(data)[0]
    if echoed is None or echoed > len(tokens):
        return Failure(Cause.NO_LOG_PROBABILITIES, "it is not told which tokens are the prompt's")
    left, total = option, 0.0
    for token, value in zip(reversed(tokens[:echoed]), reversed(values[:echoed]), strict=True):
        if not token or not left.endswith(token):
            break
        left = left[: -len(token)]
        total += log_probability(value)
        if not left:
            return total
    detail = f"{option!r} is not spelt by tokens of its own at the end of the prompt"
    return Failure(Cause.NO_LOG_PROBABILITIES, detail)


def _total(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
