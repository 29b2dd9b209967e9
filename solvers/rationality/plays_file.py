"""The file of finished plays: one line of JSON each, only ever appended to.

A line is written at once when its play ends, so a killed process loses no play that had ended; a last line
that was cut is dropped when the file is opened again. Lines reach the disk at most `_SYNC_SECONDS` later and
when the file is closed. Where a cell has several lines, the last one holds.
"""

import fcntl
import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from games.errors import FileFormatError
from games.text.decisions import Outcome
from games.text.questions import Aspect
from solvers.rationality.cells import Cell
from solvers.rationality.scenarios import Json, Play, Row

_DUMP = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_HEADER = {"format": "counterplay plays", "version": 1}
_SYNC_SECONDS = 0.5
_MAX_LINE_BYTES = 256 * 2**20

WORLD = frozenset(
    outcome.name
    for outcome in (Outcome.TRANSPORT, Outcome.TIMEOUT, Outcome.REJECTED, Outcome.BUDGET, Outcome.ERROR)
)
"""Outcomes that say nothing of the player: a play with one is played again when the run is resumed."""


@dataclass(frozen=True, slots=True)
class Record:
    """A play, and what was said in it.

    Attributes:
        key: of its cell.
        play: the rows.
        transcript: per question of a player that reads, what was asked and replied; JSON.
    """

    key: str
    play: Play
    transcript: tuple[Mapping[str, Any], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the world did not stand in the way, so that the play need not be repeated."""
        return not any(row.outcome in WORLD for row in self.play.rows)

    @property
    def tried(self) -> bool:
        """Whether the world was asked and stood in the way; else it was not even asked."""
        return any(row.outcome in WORLD and row.attempts for row in self.play.rows)

    @classmethod
    def of(cls, cell: Cell, rows: list[Row], transcript: list[Mapping[str, Any]]) -> "Record":
        """The record of a cell that was played, as a file would give it back.

        Raises:
            ValueError: a fact is not what JSON holds; the message names it.
        """
        plain = tuple(replace(row, facts=_plain_facts(row, cell.scenario)) for row in rows)
        play = Play(cell.seating[0], cell.scenario, cell.variant.name, cell.replicate, plain, cell.seating)
        return cls(cell.key, play, tuple(transcript))

    def under(self, cell: Cell) -> "Record":
        """The same for a cell of this key whose variant may have another name now."""
        if self.play.variant == cell.variant.name:
            return self
        return replace(self, play=replace(self.play, variant=cell.variant.name))


def _plain_facts(row: Row, scenario: str) -> Mapping[str, Json]:
    return {name: _plain(value, f"{scenario}, step {row.step}, {name}") for name, value in row.facts.items()}


def _plain(value: object, where: str) -> Json:
    """``value`` as JSON gives it back: lists for all sequences, and nothing that it cannot hold."""
    if value is None or type(value) in (bool, int, str):
        return value  # type: ignore[return-value]
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(one, where) for one in value]
    if isinstance(value, Mapping) and all(type(key) is str for key in value):
        return {key: _plain(one, where) for key, one in value.items()}
    raise ValueError(
        f"{where}: facts must be finite numbers, texts, lists and mappings with texts for keys, all of "
        f"Python's own, got a {type(value).__name__}, {value!r:.60}"
    )


class PlaysFile:
    """A file of plays, open for appending by one process at a time.

    Attributes:
        records: those in the file by the key of their cell, without their transcripts, which may be large.

    Args:
        path: made, readable by its owner only, when it is missing; its folder must be there.

    Raises:
        BlockingIOError: another run is writing to it.
        FileFormatError: it is not such a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.records = {key: replace(record, transcript=()) for key, record in _read(self._path)}
            self._file.truncate(_whole(self._path))
            self._file.seek(0, os.SEEK_END)
            if not self._file.tell():
                self._write(_HEADER)
        except BlockingIOError:
            self._file.close()
            raise BlockingIOError(f"{self._path}: another run is writing to it; wait for its end") from None
        except BaseException:
            self._file.close()
            raise
        self._synced = time.monotonic()

    def append(self, record: Record) -> None:
        """Keep a play."""
        self._write(encode_record(record))
        self.records[record.key] = replace(record, transcript=())
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _write(self, data: Mapping[str, Any]) -> None:
        line = _DUMP(data)
        try:
            content = line.encode()
        except UnicodeEncodeError:  # a surrogate without a partner has no bytes, but an escape
            content = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
        start = self._file.tell()
        left = memoryview(content + b"\n")
        try:
            while left:
                left = left[self._file.write(left) :]
        except BaseException:
            self._file.truncate(start)  # or the next line would go on behind half of this one
            self._file.seek(start)
            raise

    def close(self) -> None:
        """Bring all of it to the disk; also done at the end of a ``with`` block."""
        if self._file.closed:
            return
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()  # the lock must not outlive the run, whatever the disk says

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_plays(path: str | os.PathLike[str]) -> dict[str, Record]:
    """The records of a file by the key of their cell; it may be in use by a run.

    Raises:
        OSError: it cannot be read.
        FileFormatError: it is not such a file.
    """
    return dict(_read(Path(path)))


def _whole(path: Path) -> int:
    """Bytes up to the end of the last whole line."""
    end = path.stat().st_size
    with path.open("rb") as file:
        while end:
            start = max(0, end - 2**16)
            file.seek(start)
            cut = file.read(end - start).rfind(b"\n")
            if cut >= 0:
                return start + cut + 1
            end = start
    return 0


def _read(path: Path) -> Iterator[tuple[str, Record]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(_MAX_LINE_BYTES):
            number += 1
            if not line.endswith(b"\n"):
                if len(line) == _MAX_LINE_BYTES:
                    raise FileFormatError(f"{path}, line {number}: longer than {_MAX_LINE_BYTES:,} bytes")
                return
            try:
                data = json.loads(line)
                if number == 1:
                    if data != _HEADER:
                        raise FileFormatError(f"{path}: is not a file of plays, or of another version")
                    continue
                record = decode_record(data)
            except FileFormatError:
                raise
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise FileFormatError(f"{path}, line {number}: is no play: {error!r}") from None
            yield record.key, record


def encode_record(record: Record) -> dict[str, Any]:
    """A record as JSON."""
    play = record.play
    return {
        "cell": record.key,
        "scenario": play.scenario,
        "variant": play.variant,
        "replicate": play.replicate,
        "seating": list(play.seating),
        "rows": [
            {
                "step": row.step,
                "seat": row.seat,
                "aspect": row.aspect.value,
                "options": list(row.options),
                "action": row.action,
                "belief": None if row.belief is None else list(row.belief),
                "outcome": row.outcome,
                "attempts": row.attempts,
                "first": row.first,
                "substituted": row.substituted,
                "facts": row.facts,
            }
            for row in play.rows
        ],
        "transcript": list(record.transcript),
    }


def decode_record(data: Mapping[str, Any]) -> Record:
    """The record that `encode_record` made this of.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    rows = tuple(_decode_row(row) for row in data["rows"])
    seating = _texts(data["seating"])
    play = Play(
        seating[0], _text(data["scenario"]), _text(data["variant"]), _count(data["replicate"]), rows, seating
    )
    transcript = tuple(dict(entry) for entry in data["transcript"])
    return Record(_text(data["cell"]), play, transcript)


def _decode_row(data: dict[str, Any]) -> Row:
    options = _texts(data["options"])
    action = None if data["action"] is None else _count(data["action"])
    belief = None if data["belief"] is None else tuple(float(p) for p in data["belief"])
    if (action is not None and action >= len(options)) or (belief and len(belief) != len(options)):
        raise ValueError("an answer that is not among its options")
    return Row(
        _count(data["step"]),
        _count(data["seat"]),
        Aspect(data["aspect"]),
        options,
        action,
        belief,
        Outcome[data["outcome"]].name,
        _count(data["attempts"]),
        Outcome[data["first"]].name,
        bool(data["substituted"]),
        dict(data["facts"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no string")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise TypeError(f"{values!r} is no list of strings")
    return tuple(_text(value) for value in values)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value
