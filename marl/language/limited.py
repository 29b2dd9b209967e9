"""No more at once, and no faster, than a server allows."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from marl.language.model import Choice, LanguageModel, Reply, Request

A = TypeVar("A", Reply, Choice)


@dataclass(slots=True)
class _Slots:
    """The semaphore of one event loop, and how many wait for it or hold it."""

    free: asyncio.Semaphore
    users: int = 0


class Limited:
    """Asks ``model`` at most ``concurrency`` questions at once and begins at most so many per minute.

    Beginnings are spaced evenly after a burst of at most one second's worth. Within `Retrying`, each attempt
    takes its turn here.

    Args:
        model: whom to ask.
        concurrency: the most questions under way in one event loop, >= 1.
        per_minute: the most questions begun in a minute, in all loops together, or None for no limit.

    Raises:
        ValueError: A number is out of its range.
    """

    def __init__(self, model: LanguageModel, *, concurrency: int, per_minute: float | None = None) -> None:
        if concurrency < 1:
            raise ValueError(f"concurrency must be >= 1, got {concurrency}")
        if per_minute is not None and not 0 < per_minute < math.inf:
            raise ValueError(f"per_minute must be positive and finite, or None, got {per_minute}")
        self._model = model
        self._concurrency = concurrency
        self._interval = 0.0 if per_minute is None else 60.0 / per_minute
        self._next = -math.inf
        self._lock = threading.Lock()
        self._slots: dict[asyncio.AbstractEventLoop, _Slots] = {}

    @property
    def name(self) -> str:
        """That of the model inside."""
        return self._model.name

    async def generate(self, request: Request) -> Reply:
        """As the model inside, in its turn."""
        return await self._ask(lambda: self._model.generate(request))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """As the model inside, in its turn."""
        return await self._ask(lambda: self._model.choose(request, options))

    async def _ask(self, ask: Callable[[], Awaitable[A]]) -> A:
        loop = asyncio.get_running_loop()
        with self._lock:
            slots = self._slots.setdefault(loop, _Slots(asyncio.Semaphore(self._concurrency)))
            slots.users += 1
        try:
            async with slots.free:
                await asyncio.sleep(self._wait())
                return await ask()
        finally:
            with self._lock:
                slots.users -= 1
                if not slots.users:  # a semaphore that was waited for keeps its loop from being freed
                    del self._slots[loop]

    def _wait(self) -> float:
        """Seconds until the turn that this call takes."""
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now - max(0.0, 1.0 - self._interval))
            self._next = turn + self._interval
        return max(0.0, turn - now)
