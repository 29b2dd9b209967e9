"""Asking again when the world, and not the question, was at fault."""

import asyncio
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from marl.language.keys import question_key
from marl.language.model import Cause, Choice, LanguageModel, Reply, Request

A = TypeVar("A", Reply, Choice)

TRANSIENT = frozenset({Cause.TRANSPORT, Cause.TIMEOUT, Cause.RATE_LIMITED, Cause.SERVER})
"""Causes that may be gone the next time."""


class Retrying:
    """Asks ``model`` again after a transient failure, with waits that double.

    When a server names a time to wait, nothing is asked of it before that time is over, for any question, and
    the question's own wait comes on top. Where both together would pass its deadline, the answer is the
    failure itself, and the other questions do not wait. Waits are spread by a hash of the question, so that
    those which failed together do not come back together, and a run repeats itself.

    Args:
        model: whom to ask.
        attempts: the most times one question is asked, >= 1.
        first_wait: seconds before the second attempt, before spreading by a factor in [1/2, 1].
        longest_wait: seconds at which waits stop doubling; a server may ask for longer.
        deadline: seconds for one question with all its attempts and waits; no second one begins after it.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        attempts: int = 6,
        first_wait: float = 1.0,
        longest_wait: float = 60.0,
        deadline: float = 3600.0,
    ) -> None:
        if attempts < 1:
            raise ValueError(f"attempts must be >= 1, got {attempts}")
        if not 0 <= first_wait <= longest_wait < math.inf:
            wanted = "0 <= first_wait <= longest_wait < infinity"
            raise ValueError(f"need {wanted}, got {first_wait} and {longest_wait}")
        if not deadline > 0:
            raise ValueError(f"deadline must be positive, got {deadline}")
        self._model = model
        self._attempts = attempts
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._deadline = deadline
        self._not_before = -math.inf

    @property
    def name(self) -> str:
        """That of the model inside."""
        return self._model.name

    async def generate(self, request: Request) -> Reply:
        """As the model inside, up to ``attempts`` times."""
        key = question_key(self.name, request)
        return await self._ask(key, lambda: self._model.generate(request))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """As the model inside, up to ``attempts`` times."""
        key = question_key(self.name, request, options)
        return await self._ask(key, lambda: self._model.choose(request, options))

    async def _ask(self, key: str, ask: Callable[[], Awaitable[A]]) -> A:
        end = time.monotonic() + self._deadline
        await self._pause(0.0, self._first_wait * _spread(key, 0), end)
        attempt = 1
        while True:
            answer = await ask()
            failure = answer.failure
            if failure is None or failure.cause not in TRANSIENT or attempt == self._attempts:
                return answer
            now = time.monotonic()
            wait = min(self._longest_wait, self._first_wait * 2.0 ** min(attempt - 1, 64))
            wait *= _spread(key, attempt)
            closed = max(self._not_before, now + (failure.retry_after or 0.0))
            if closed + wait > end:
                return answer
            if failure.retry_after is not None:
                self._not_before = closed
            await self._pause(closed - now + wait, wait, end)
            if not self._not_before <= time.monotonic() <= end:
                return answer
            attempt += 1

    async def _pause(self, seconds: float, spread: float, end: float) -> None:
        """Wait so long, and on while a server asks to, with ``spread`` on top, but not beyond ``end``."""
        await asyncio.sleep(seconds)
        while (now := time.monotonic()) < min(self._not_before, end):
            await asyncio.sleep(min(self._not_before + spread, end) - now)


def _spread(key: str, attempt: int) -> float:
    """A number in [1/2, 1] that depends on the question and the attempt alone."""
    digest = hashlib.sha256(f"{key} {attempt}".encode()).digest()
    return 0.5 + int.from_bytes(digest[:8], "big") / 2.0**65
