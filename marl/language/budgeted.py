"""Money: the worst case of a question is set aside before it is asked, and what it did cost is paid after."""

import asyncio
import contextlib
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from marl.language.model import UNPROCESSED, Cause, Choice, Failure, LanguageModel, Reply, Request

A = TypeVar("A", Reply, Choice)

_MESSAGE_TOKENS = 64
"""What a chat template adds to a message, at the most."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in the currency of the budget; prices age, so their date belongs with them.

    Attributes:
        prompt: per million tokens read, >= 0.
        completion: per million tokens written, >= 0.
    """

    prompt: float
    completion: float

    def __post_init__(self) -> None:
        if not (0 <= self.prompt < math.inf and 0 <= self.completion < math.inf):
            raise ValueError(f"prices must be finite and >= 0, got {self.prompt} and {self.completion}")

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Budget:
    """A sum of money that several models may share, from any thread.

    Args:
        limit: the most that may be spent, >= 0.
        spent: what was spent before, such as by an earlier part of the run, >= 0.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(self, limit: float, *, spent: float = 0.0) -> None:
        if not (0 <= limit < math.inf and 0 <= spent < math.inf):
            raise ValueError(f"limit and spent must be finite and >= 0, got {limit} and {spent}")
        self._limit = limit
        self._spent = spent
        self._reserved = 0.0
        self._pending = 0
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def spent(self) -> float:
        """What was paid so far."""
        return self._spent

    @property
    def reserved(self) -> float:
        """What is set aside for questions under way."""
        return self._reserved

    async def reserve(self, amount: float) -> bool:
        """Set ``amount`` aside; False when it is not there, even after all questions under way are paid.

        While others' reservations stand in the way it waits, since most cost less than their worst case.
        """
        while True:
            loop = asyncio.get_running_loop()
            with self._lock:
                if self._spent + self._reserved + amount <= self._limit:
                    self._reserved += amount
                    self._pending += 1
                    return True
                if not self._pending or self._spent + amount > self._limit:
                    return False
                woken: asyncio.Future[None] = loop.create_future()
                self._waiting.append((loop, woken))
            await woken

    def settle(self, reserved: float, paid: float) -> None:
        """Give a reservation back, and pay."""
        with self._lock:
            self._pending -= 1
            # Without reservations there is nothing set aside: rounding must not add up over a long run.
            self._reserved = self._reserved - reserved if self._pending else 0.0
            self._spent += paid
            waiting, self._waiting = self._waiting, []
        for loop, woken in waiting:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits there
                loop.call_soon_threadsafe(_wake, woken)


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)


class Budgeted:
    """Asks ``model`` only what the budget can pay in the worst case.

    The worst case of a text reads a token per byte and 64 per message, and writes the most tokens allowed.
    That of a choice reads the conversation and writes a token, once per option. What the server says was used
    is paid. Where it does not say, the worst case is, unless the question was refused before any work. Within
    `Retrying`, each attempt is paid. The total passes the limit only if a server reads more than the bound
    (such as instructions of its own) and says so.

    Args:
        model: whom to ask.
        price: from the user's own table.
        budget: may be shared.
    """

    def __init__(self, model: LanguageModel, *, price: Price, budget: Budget) -> None:
        self._model = model
        self._price = price
        self._budget = budget

    @property
    def name(self) -> str:
        """That of the model inside."""
        return self._model.name

    async def generate(self, request: Request) -> Reply:
        """As the model inside, or a failure with `Cause.BUDGET`."""
        worst = self._price.of(_prompt_bound(request), request.sampling.max_tokens)
        return await self._ask(worst, lambda: self._model.generate(request), Reply.failed)

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """As the model inside, or a failure with `Cause.BUDGET`."""
        read = sum(_prompt_bound(request) + len(option.encode()) for option in options)
        worst = self._price.of(read, len(options))
        return await self._ask(worst, lambda: self._model.choose(request, options), Choice.failed)

    async def _ask(self, worst: float, ask: Callable[[], Awaitable[A]], failed: Callable[[Failure], A]) -> A:
        if not await self._budget.reserve(worst):
            detail = f"it may cost {worst:.6g}, and {self._budget.spent:.6g} is spent"
            return failed(Failure(Cause.BUDGET, detail))
        paid = worst  # a question broken off may have been answered
        try:
            answer = await ask()
            paid = self._cost(answer, worst)
        finally:
            self._budget.settle(worst, paid)
        return answer

    def _cost(self, answer: Reply | Choice, worst: float) -> float:
        if answer.prompt_tokens is not None and answer.completion_tokens is not None:
            return self._price.of(answer.prompt_tokens, answer.completion_tokens)
        if answer.failure is not None and answer.failure.cause in UNPROCESSED:
            return 0.0
        return worst


def _prompt_bound(request: Request) -> int:
    """The most tokens that a conversation is read as: a token holds a byte at the least."""
    return sum(len(message.content.encode()) + _MESSAGE_TOKENS for message in request.messages)
