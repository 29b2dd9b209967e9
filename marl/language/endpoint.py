"""Any server with the interface of OpenAI: hosted ones, vLLM, SGLang, llama.cpp, Ollama, and so on."""

import asyncio
import json
import math
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from marl.language.keys import replicate_seed
from marl.language.model import Cause, Choice, Failure, Reply, Request, check_options
from marl.language.scoring import FirstToken, Scoring
from marl.language.transport import Address, BodyTooLargeError, Client, ProtocolError
from marl.language.wire import (
    Json,
    MalformedError,
    error_failure,
    load,
    messages,
    model_failure,
    reply,
    status_failure,
)

_MAX_DETAIL = 300
_STRUCK = "[key]"
_SHORTEST_SECRET = 20
"""Local servers take placeholders such as EMPTY for a key: striking those out would spoil texts."""


class TokenLimit(StrEnum):
    """The field in which a server wants the most tokens to write."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"


class OpenAIEndpoint:
    """A model behind ``POST base_url/chat/completions``.

    It asks once per question: wrap it in `Retrying`, `Limited`, `Budgeted` and `Cached`. The key is read from
    the environment for each request and kept nowhere. Should a server repeat it, it is struck out of
    failures, and out of texts if it has 20 characters or more, as all but placeholders have. Nothing is
    redirected and no proxy is used.

    Args:
        base_url: up to and with the version, such as ``https://host/v1``.
        model: name of the model at the server.
        key_variable: name of the environment variable that holds the key, or None to send none.
        timeout: seconds for one request, from connecting to the last byte.
        aliases: other names under which the server may answer. A date behind a name is always accepted.
        scoring: how log-probabilities are got.
        token_limit: the field in which the server wants the most tokens to write.
        fields: further fields of the body, as JSON, such as ``{"reasoning_effort": "low"}``.
        max_answer_bytes: a longer answer is a failure.
        ssl_context: what to trust, or None for what the system trusts.

    Raises:
        ValueError: ``base_url`` is none, or would send a key without encryption to another machine; the
            variable is not set or holds what no header takes; ``fields`` has one of the client's own.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key_variable: str | None = None,
        timeout: float = 600.0,
        aliases: tuple[str, ...] = (),
        scoring: Scoring | None = None,
        token_limit: TokenLimit = TokenLimit.MAX_TOKENS,
        fields: Mapping[str, Any] | None = None,
        max_answer_bytes: int = 8 * 2**20,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be positive and finite, got {timeout}")
        if max_answer_bytes < 1:
            raise ValueError(f"max_answer_bytes must be >= 1, got {max_answer_bytes}")
        if not model:
            raise ValueError("model must be a name, got an empty string")
        own = {
            *TokenLimit,
            "model",
            "messages",
            "prompt",
            "temperature",
            "top_p",
            "stop",
            "seed",
            "stream",
            "n",
        }
        own |= {"logprobs", "top_logprobs", "echo"}
        if taken := own & set(fields or {}):
            raise ValueError(f"fields must hold none of the client's own, got {sorted(taken)}")
        address = Address.parse(base_url)
        if key_variable is not None and not (address.secure or address.is_loopback):
            raise ValueError(f"base_url must be https for a key to be sent there, got {address.url}")
        self._model = model
        self._key_variable = key_variable
        self._timeout = timeout
        self._aliases = aliases
        self._scoring: Scoring = FirstToken() if scoring is None else scoring
        self._token_limit = token_limit
        self._fields = json.loads(json.dumps(dict(fields or {}), sort_keys=True, allow_nan=False))
        self._client = Client(address, max_body_bytes=max_answer_bytes, ssl_context=ssl_context)
        self._key()

    def __repr__(self) -> str:
        return f"OpenAIEndpoint({self.name!r})"

    @property
    def name(self) -> str:
        """Address, model, way of scoring, and further fields."""
        fields = f" {json.dumps(self._fields, sort_keys=True)}" if self._fields else ""
        return f"{self._client.address.url} {self._model} scoring={self._scoring.name}{fields}"

    async def generate(self, request: Request) -> Reply:
        """Write the next message of the conversation.

        The k-th replicate of a request with a seed is asked with a seed of its own. A text without characters
        is a failure, because servers also send one when something went wrong.
        """
        sampling = request.sampling
        body: dict[str, Any] = {
            "messages": messages(request),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.seed is not None:
            body["seed"] = replicate_seed(sampling.seed, request.replicate)
        data = await self._post("/chat/completions", body)
        if isinstance(data, Failure):
            return Reply.failed(data)
        try:
            answer = reply(data)
        except MalformedError as error:
            return Reply.failed(self._failure(Cause.MALFORMED, str(error)))
        if answer.failure is not None:
            return replace(answer, failure=self._failure(answer.failure.cause, answer.failure.detail))
        key = self._key()
        if key is None or len(key) < _SHORTEST_SECRET:
            return answer
        return replace(answer, text=answer.text.replace(key, _STRUCK))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """Log-probabilities that the next message begins with each option, as `Scoring` gets them."""
        checked = check_options(options)
        try:
            choice = await self._scoring.choose(self._post, request, checked)
        except MalformedError as error:
            return Choice.failed(self._failure(Cause.MALFORMED, str(error)))
        return choice

    async def _post(self, path: str, body: dict[str, Any]) -> Json | Failure:
        """The JSON object that the server answers, or why there is none."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "counterplay",
        }
        if (key := self._key()) is not None:
            headers["Authorization"] = f"Bearer {key}"
        if path == "/chat/completions":  # plain completions know the old field only
            body = {self._token_limit.value if name == "max_tokens" else name: body[name] for name in body}
        content = json.dumps({"model": self._model, **self._fields, **body}, allow_nan=False).encode()
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._client.post(path, headers, content)
        except TimeoutError:
            return self._failure(Cause.TIMEOUT, f"after {self._timeout:g} s")
        except (OSError, EOFError, ProtocolError) as error:
            return self._failure(Cause.TRANSPORT, f"{type(error).__name__}: {error}")
        except BodyTooLargeError as error:
            return self._failure(Cause.TOO_LARGE, str(error))
        if response.status != 200:
            failure = status_failure(response)
            return self._failure(failure.cause, failure.detail, failure.retry_after)
        try:
            data = load(response.body)
            wrong = error_failure(data) or model_failure(data, self._model, self._aliases)
        except MalformedError as error:
            return self._failure(Cause.MALFORMED, str(error))
        return data if wrong is None else self._failure(wrong.cause, wrong.detail)

    def _key(self) -> str | None:
        if self._key_variable is None:
            return None
        key = os.environ.get(self._key_variable, "").strip()
        if not key:
            raise ValueError(
                f"the environment variable {self._key_variable} must hold the key, and is not set"
            )
        if not key.isascii() or not key.isprintable():
            raise ValueError(f"the environment variable {self._key_variable} holds what no header takes")
        return key

    def _failure(self, cause: Cause, detail: str, retry_after: float | None = None) -> Failure:
        """A failure whose detail is one short line without the key."""
        line = "".join(c if c.isprintable() else " " for c in self._without_key(detail))
        return Failure(cause, line[:_MAX_DETAIL], retry_after)

    def _without_key(self, text: str) -> str:
        key = self._key()
        return text if key is None else text.replace(key, _STRUCK)
