"""Many questions at once from plain code: the order is kept, and each answer is handed over when it comes."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from marl.language.model import Choice, LanguageModel, Reply, Request

A = TypeVar("A")


def generate_all(
    model: LanguageModel,
    requests: Sequence[Request],
    on_reply: Callable[[int, Reply], None] | None = None,
    *,
    concurrency: int = 256,
) -> list[Reply]:
    """Ask ``model`` to generate for every request.

    It works where an event loop runs already (in a notebook), because its own loop has a thread of its own.

    Args:
        model: whom to ask.
        requests: what to ask.
        on_reply: called with the position and the reply as soon as it comes, in the calling thread. What it
            raises stops the rest.
        concurrency: the most requests under way at once, >= 1. A model may allow fewer.

    Returns:
        The replies in the order of the requests, failures among them.

    Raises:
        ValueError: ``concurrency`` is below one, or the model refuses an argument.
    """
    return ask_all(lambda i: model.generate(requests[i]), len(requests), on_reply, concurrency)


def choose_all(
    model: LanguageModel,
    requests: Sequence[Request],
    options: Sequence[Sequence[str]],
    on_choice: Callable[[int, Choice], None] | None = None,
    *,
    concurrency: int = 256,
) -> list[Choice]:
    """Ask ``model`` to choose for every request, among the options at the same place.

    Otherwise it does as `generate_all`.

    Raises:
        ValueError: There are not as many lists of options as requests, or as `generate_all`.
    """
    if len(options) != len(requests):
        raise ValueError(f"need one list of options per request, {len(requests)}, got {len(options)}")
    return ask_all(lambda i: model.choose(requests[i], options[i]), len(requests), on_choice, concurrency)


def ask_all(
    ask: Callable[[int], Awaitable[A]],
    count: int,
    on_answer: Callable[[int, A], None] | None,
    concurrency: int,
) -> list[A]:
    """Answers to the questions 0, ..., count - 1, in their order.

    It works where an event loop runs already (in a notebook), because its own loop has a thread of its own.

    Args:
        ask: the coroutine that answers question i.
        count: number of questions.
        on_answer: called with the position and the answer as soon as it comes, in the calling thread. What it
            raises stops the rest.
        concurrency: the most questions under way at once, >= 1.

    Raises:
        ValueError: ``concurrency`` is below one. What ``ask`` raises is raised here, and stops the rest.
        RuntimeError: a question was cancelled, and not from here.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency must be >= 1, got {concurrency}")
    if not count:
        return []
    arrived: queue.SimpleQueue[tuple[int, A] | BaseException | None] = queue.SimpleQueue()

    async def work(positions: Iterator[int]) -> None:
        for i in positions:
            try:
                arrived.put((i, await ask(i)))
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and not task.cancelling():  # or the question would vanish
                    raise RuntimeError(f"question {i} was cancelled by what was asked") from None
                raise

    async def main() -> None:
        positions = iter(range(count))
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, count)):
                group.create_task(work(positions))

    loop = asyncio.new_event_loop()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(main())
        except BaseExceptionGroup as errors:
            arrived.put(errors.exceptions[0])
        except BaseException as error:
            arrived.put(error)
        else:
            arrived.put(None)

    def cancel() -> None:
        for task in asyncio.all_tasks(loop):
            task.cancel()

    answers: dict[int, A] = {}
    thread = threading.Thread(target=run, name="language models")
    thread.start()
    try:
        while (item := arrived.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            answers[item[0]] = item[1]
            if on_answer is not None:
                on_answer(*item)
    finally:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            loop.call_soon_threadsafe(cancel)
        thread.join()
    return [answers[i] for i in range(count)]
