"""Transcripts: what was said in a kept play, checked on the way in, since files may be spoilt."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from games.errors import FileFormatError
from solvers.rationality.plays_file import Record


@dataclass(frozen=True, slots=True)
class Replied:
    """One reply.

    Attributes:
        outcome: name of the `games.text.Outcome` with which it was read.
        detail: one line on why it is no answer; may be empty.
        text: as it came.
        prompt_tokens: tokens read, None where the server did not say.
        completion_tokens: tokens written, likewise.
    """

    outcome: str
    detail: str
    text: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Said:
    """One question in words, and the replies to it.

    Attributes:
        player: name of whoever was asked.
        system: who the player was asked to be; may be empty.
        text: the question.
        replies: in order; more than one where it was asked again.
    """

    player: str
    system: str
    text: str
    replies: tuple[Replied, ...]


def said_in(record: Record) -> tuple[Said, ...]:
    """All questions of a play that were put in words.

    Raises:
        FileFormatError: the transcript is none.
    """
    try:
        return tuple(_said(entry, record.play.seating) for entry in record.transcript)
    except (TypeError, KeyError, ValueError, IndexError) as error:
        play = record.play
        where = f"{play.scenario}, {play.variant}, replicate {play.replicate}"
        raise FileFormatError(f"the transcript of a play is malformed ({where}): {error!r}") from None


def _said(entry: Mapping[str, Any], seating: tuple[str, ...]) -> Said:
    replies = tuple(_replied(reply) for reply in entry["replies"])
    return Said(seating[entry["seat"]], _text(entry["system"]), _text(entry["text"]), replies)


def _replied(reply: Mapping[str, Any]) -> Replied:
    read, written = reply["tokens"]
    return Replied(
        _text(reply["outcome"]), _text(reply["detail"]), _text(reply["text"]), _tokens(read), _tokens(written)
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _tokens(value: object) -> int | None:
    if value is not None and (type(value) is not int or value < 0):
        raise TypeError(f"{value!r:.60} is no number of tokens")
    return value
