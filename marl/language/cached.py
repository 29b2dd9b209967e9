"""Answers kept in a file, so that no question is paid for twice and a run can be repeated word for word."""

import asyncio
import json
import math
import os
import sqlite3
import threading
import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from games.errors import FileFormatError
from marl.language.keys import question_key
from marl.language.model import Choice, Finish, LanguageModel, Reply, Request

A = TypeVar("A", Reply, Choice)

_BUSY_SECONDS = 60.0


class AnswerFile:
    """A SQLite file of answers by the hash of their question.

    Each answer is committed when it comes: a killed process loses none that it was told of, and several
    processes may share the file. It holds answers as JSON, no question and no key, and only its owner may
    read it. A failure of the power may cost the last answers, but does not spoil the file. A process that was
    forked opens the file anew, because SQLite forbids to take a connection along.

    Args:
        path: the file, made when it is missing; its folder must be there.

    Raises:
        OSError: The file cannot be made.
        FileFormatError: It is not such a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._left_behind: list[sqlite3.Connection] = []
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise self.spoilt(str(error)) from error
        from games.storage.folder import sole_writer  # it loads half of the standard library

        try:
            with sole_writer(self._path.parent):  # SQLite would not wait for another that sets up the file
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=NORMAL")
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS answers "
                    "(question TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID"
                )
            self._connection.execute("SELECT answer FROM answers WHERE question = ''").fetchone()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise self.spoilt(str(error)) from error

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            self._left_behind.append(self._connection)  # closing it here would harm that of the parent
            self._open()

    def get(self, question: str) -> str | None:
        """The answer to a question, or None."""
        self._check_process()
        with self._lock:
            row = self._connection.execute(
                "SELECT answer FROM answers WHERE question = ?", (question,)
            ).fetchone()
        return None if row is None else self._text(row[0])

    def put(self, question: str, answer: str) -> str:
        """Keep an answer, and give the one that is kept: the first, when another process was faster."""
        self._check_process()
        with self._lock:
            self._connection.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (question, answer))
            row = self._connection.execute(
                "SELECT answer FROM answers WHERE question = ?", (question,)
            ).fetchone()
        return self._text(row[0])

    def __len__(self) -> int:
        self._check_process()
        with self._lock:
            return int(self._connection.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    def close(self) -> None:
        """Close the file; it is also closed at the end of a ``with`` block."""
        self._check_process()
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def spoilt(self, why: str) -> FileFormatError:
        """An error that names the file."""
        return FileFormatError(f"{self._path}: {why}")

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise self.spoilt("an answer is no text")
        return value


class Cached:
    """Asks ``model`` only what the file has no answer to.

    What counts is the name of the model, the messages, the sampling, the options, and the replicate, which
    tells draws apart that are asked alike. Failures are not kept, so they are asked again the next time. The
    same question asked twice at once is passed on once, within one event loop: threads and processes that
    share a file may both ask, and both get the answer that came first. It belongs around all other wrappers.

    Args:
        model: whom to ask otherwise. Its name must change whenever its answers may.
        file: where answers are kept; it may serve several models.
    """

    def __init__(self, model: LanguageModel, file: AnswerFile) -> None:
        self._model = model
        self._file = file
        self._under_way: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[str, asyncio.Future[Any]]
        ] = weakref.WeakKeyDictionary()

    @property
    def name(self) -> str:
        """That of the model inside."""
        return self._model.name

    async def generate(self, request: Request) -> Reply:
        """From the file, or as the model inside.

        Raises:
            FileFormatError: What the file holds is no reply.
        """
        key = question_key(self.name, request)
        return await self._ask(key, lambda: self._model.generate(request), _encode_reply, _decode_reply)

    async def choose(self, request: Request, options: Sequence[str]) -> Choice:
        """From the file, or as the model inside.

        Raises:
            FileFormatError: What the file holds is no choice among the options.
        """
        key = question_key(self.name, request, options)
        return await self._ask(
            key,
            lambda: self._model.choose(request, options),
            _encode_choice,
            lambda text: _decode_choice(text, len(options)),
        )

    async def _ask(
        self,
        key: str,
        ask: Callable[[], Awaitable[A]],
        encode: Callable[[A], str],
        decode: Callable[[str], A],
    ) -> A:
        if (found := self._file.get(key)) is not None:
            return self._decoded(found, decode)
        under_way = self._under_way.setdefault(asyncio.get_running_loop(), {})
        if key not in under_way:
            task = under_way[key] = asyncio.ensure_future(self._pass_on(key, ask, encode, decode))
            task.add_done_callback(lambda _: under_way.pop(key))
        # Whoever is cancelled takes no answer from the others, and what will be paid for is kept.
        answer: A = await asyncio.shield(under_way[key])
        return answer

    async def _pass_on(
        self,
        key: str,
        ask: Callable[[], Awaitable[A]],
        encode: Callable[[A], str],
        decode: Callable[[str], A],
    ) -> A:
        answer = await ask()
        if answer.failure is not None:
            return answer
        return self._decoded(self._file.put(key, encode(answer)), decode)

    def _decoded(self, text: str, decode: Callable[[str], A]) -> A:
        try:
            return decode(text)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._file.spoilt(f"an answer is malformed: {error!r}") from error


def _encode_reply(reply: Reply) -> str:
    tokens = [reply.prompt_tokens, reply.completion_tokens]
    return json.dumps({"text": reply.text, "finish": reply.finish.name, "tokens": tokens})


def _decode_reply(text: str) -> Reply:
    data = json.loads(text)
    if not isinstance(data["text"], str):
        raise TypeError("text")
    return Reply(data["text"], Finish[data["finish"]], *_tokens(data["tokens"]))


def _encode_choice(choice: Choice) -> str:
    tokens = [choice.prompt_tokens, choice.completion_tokens]
    # JSON has no infinity: null stands for an option that is impossible.
    values = [None if value == -math.inf else value for value in choice.log_probabilities]
    return json.dumps({"log_probabilities": values, "tokens": tokens}, allow_nan=False)


def _decode_choice(text: str, options: int) -> Choice:
    data = json.loads(text)
    values = tuple(-math.inf if value is None else float(value) for value in data["log_probabilities"])
    if len(values) != options or not all(value <= 0 for value in values):
        raise ValueError(f"{options} log-probabilities are wanted")
    return Choice(values, *_tokens(data["tokens"]))


def _tokens(found: object) -> tuple[int | None, int | None]:
    match found:
        case [int() | None as prompt, int() | None as completion]:
            return prompt, completion
    raise ValueError("tokens")
