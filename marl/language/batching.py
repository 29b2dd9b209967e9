"""Questions asked at the same time, answered together."""

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(slots=True)
class _Waiting(Generic[Q, A]):
    """What waits in one event loop, and the task that works on it."""

    questions: deque[tuple[Q, asyncio.Future[A]]] = field(default_factory=deque)
    work: asyncio.Task[None] | None = None


class MicroBatches(Generic[Q, A]):
    """Gathers the questions of all coroutines that ask, and answers them in batches on another thread.

    While a batch is worked on, the next one gathers.

    Args:
        answer: answers to a batch, in its order; called on one thread at a time. What it raises goes to all
            who asked in the batch.
        size: the most questions in a batch, >= 1.
        lock: held during ``answer``; shared by those that must not run at once.
    """

    def __init__(
        self, answer: Callable[[Sequence[Q]], Sequence[A]], *, size: int, lock: threading.Lock
    ) -> None:
        self._answer = answer
        self._size = size
        self._lock = lock
        self._waiting: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting[Q, A]] = (
            weakref.WeakKeyDictionary()
        )

    async def ask(self, question: Q) -> A:
        """The answer to one question."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(loop, _Waiting())
        future: asyncio.Future[A] = loop.create_future()
        waiting.questions.append((question, future))
        if waiting.work is None:
            waiting.work = loop.create_task(self._work(waiting))
        return await future

    async def _work(self, waiting: _Waiting[Q, A]) -> None:
        try:
            while waiting.questions:
                await asyncio.sleep(0)  # whoever is ready to ask joins
                batch: list[tuple[Q, asyncio.Future[A]]] = []
                while waiting.questions and len(batch) < self._size:
                    item = waiting.questions.popleft()
                    if not item[1].done():  # whoever asked was cancelled
                        batch.append(item)
                if batch:
                    await self._work_on(batch)
        finally:
            waiting.work = None

    async def _work_on(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await asyncio.to_thread(self._locked, [question for question, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    def _locked(self, questions: list[Q]) -> Sequence[A]:
        with self._lock:
            return self._answer(questions)
