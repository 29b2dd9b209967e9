"""Any function from text to text as a model: a model of another library, a rule, a person at a keyboard."""

import asyncio
import contextlib
import inspect
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from marl.language.model import (
    Cause,
    Choice,
    Conversation,
    Failure,
    Finish,
    Reply,
    Request,
    Role,
    check_options,
    is_unicode,
)

TextFunction: TypeAlias = Callable[[str], str | Awaitable[str]]
"""From the conversation as one text to what is said next, at once or by a coroutine."""


class CalledFunction:
    """Answers by calling ``function``.

    A function that is no coroutine runs in a thread of its own, which keeps no program from ending. What it
    raises is a failure with `Cause.RAISED` that tells the type of the exception and not its message, which
    may hold a key. It gets no sampling: what it draws is its own affair. Options it cannot weigh.

    Args:
        function: called with all messages, separated by empty lines, those of the model marked as replies.
        name: identity. It must change whenever answers may.
        timeout: seconds for one answer. A thread cannot be stopped: it is left behind.

    Raises:
        ValueError: ``name`` is empty, or ``timeout`` is not positive and finite.
        TypeError: ``function`` cannot be called.
    """

    def __init__(self, function: TextFunction, *, name: str, timeout: float = 600.0) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {type(function).__name__}")
        if not name:
            raise ValueError("name must not be empty")
        if not 0 < timeout < math.inf:
            raise ValueError(f"timeout must be positive and finite, got {timeout}")
        self._function = function
        self._name = name
        self._timeout = timeout
        self._is_coroutine = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  (an object may have a coroutine for it)
        )

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    async def generate(self, request: Request) -> Reply:
        """What the function says."""
        text = as_text(request.messages)
        try:
            async with asyncio.timeout(self._timeout) as clock:
                said: object = await self._call(text)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _cancelled():
                raise
            if isinstance(error, TimeoutError) and clock.expired():
                return Reply.failed(Failure(Cause.TIMEOUT, f"after {self._timeout:g} s"))
            return Reply.failed(Failure(Cause.RAISED, type(error).__name__))
        if not isinstance(said, str):
            return Reply.failed(Failure(Cause.MALFORMED, f"the function gave a {type(said).__name__}"))
        if not is_unicode(said):
            return Reply.failed(Failure(Cause.MALFORMED, "the text has surrogates without a partner"))
        return Reply(said, Finish.STOP) if said else Reply.failed(Failure(Cause.EMPTY))

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """A failure, since a function tells no probabilities."""
        check_options(options)
        return Choice.failed(Failure(Cause.NO_LOG_PROBABILITIES, "a function tells none"))

    async def _call(self, text: str) -> object:
        said = self._function(text) if self._is_coroutine else await _in_thread(self._function, text)
        return await said if inspect.isawaitable(said) else said


def _cancelled() -> bool:
    """Whether the task is to end; else it was the function that raised what only looks like it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def as_text(messages: Conversation) -> str:
    """A conversation as one text."""
    parts = [
        f"[Your reply]\n{message.content}" if message.role is Role.ASSISTANT else message.content
        for message in messages
    ]
    return "\n\n".join(parts)


async def _in_thread(function: TextFunction, text: str) -> object:
    """As `asyncio.to_thread`, but a thread that never ends keeps neither the loop nor the program."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[object, BaseException | None]] = loop.create_future()

    def settle(outcome: tuple[object, BaseException | None]) -> None:
        if not future.done():  # else nobody waits any more
            future.set_result(outcome)

    def run() -> None:
        outcome: tuple[object, BaseException | None]
        try:
            outcome = function(text), None
        except BaseException as error:
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, daemon=True, name="text function").start()
    answer, error = await future
    if error is not None:
        raise error
    return answer
