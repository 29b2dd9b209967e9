"""Objects as models write them: JSON, and what is nearly JSON.

Nothing is evaluated. A reader of our own understands what people would: single, typographic and unescaped
quotation marks, words without any, ``None`` and ``True``, comments, a comma too many or a missing one at a
line's end, full-width punctuation. It is bounded in depth, and all attempts on one text share an allowance of
work, so that no text takes long.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

MAX_DEPTH = 16
"""Objects and arrays within each other; more than that is no answer."""

MAX_LENGTH = 1_000_000
"""Characters of one object, and how far it is looked for on either side of a nonce."""

_OPEN, _CLOSE, _COLON, _COMMA = "{｛", "}｝", ":：", ",，"
_STRICT = re.compile(r"\{\s{0,1000}[\"}]")
_SPACE = re.compile(r"(?:\s++|//[^\n]*+|/\*(?:[^*]|\*(?!/)){0,2000}+\*/)*+")
_QUOTES = {
    '"': '"', "＂": '＂"', "“": '”“"', "„": '“”"', "‟": '”"', "«": "»", "»": "«",
    "'": "'", "‘": "’'", "’": "’'", "‚": "‘’'", "‛": "’'", "＇": "＇'", "`": "`'", "´": "´'",
}  # fmt: skip
"""Quotation marks that begin a string, and those that may end it."""

_ENDS = {opening: re.compile(f"[{ends}\\\\]") for opening, ends in _QUOTES.items()}
_ENDS_LINE = r"[^\S\n]{0,64}(?:\n|\Z)"
_AFTER_ITEM = re.compile(rf"\s{{0,64}}(?:[,:}}\]，：｝]|//|/\*)|{_ENDS_LINE}")
# Within an object, a comma ends a string only where a key follows it, an end, or a comment.
_AFTER_PAIR = re.compile(
    r"\s{0,64}(?:[:}\]：｝]|//|/\*|[,，]\s{0,64}(?:[}｝]|//|/\*|\Z|[\w.$-]{1,60}\s{0,8}[:：]"
    rf"|[{''.join(_QUOTES)}][^\n:：]{{1,200}}[:：]))|{_ENDS_LINE}"
)
_WORD_PIECE = r"(?:[^\s,:{}\[\]\"“”„‟«»＂，：｛｝\\/]|/(?![/*]))+"
_WORD = re.compile(rf"{_WORD_PIECE}(?:[^\S\n]+{_WORD_PIECE})*+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NAMES = {"null": None, "none": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Table:
    """An object, with every pair that it names in order: a key may come twice."""

    pairs: tuple[tuple[str, "Value"], ...]


Value: TypeAlias = str | bool | list["Value"] | Table | None
"""Numbers are the characters that they were written with."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An object that was found in a text.

    Attributes:
        table: what it says.
        end: position behind it.
        strict: whether it is JSON (line breaks within strings are let pass).
    """

    table: Table
    end: int
    strict: bool


class TooMuchWorkError(Exception):
    """The allowance for one text is used up."""


class Allowance:
    """Work that one text may cost, in characters looked at."""

    __slots__ = ("left",)

    def __init__(self, characters: int = 3_000_000) -> None:
        self.left = characters

    def spend(self, characters: int) -> None:
        """Take off ``characters``, and a little for the attempt itself.

        Raises:
            TooMuchWorkError: nothing is left.
        """
        self.left -= characters + 50
        if self.left < 0:
            raise TooMuchWorkError


def parse_object(text: str, start: int, allowance: Allowance) -> Parsed | None:
    """The object that begins at ``start``; None where there is none that can be read.

    Raises:
        TooMuchWorkError: the allowance is used up.
    """
    if _STRICT.match(text, start):
        try:
            table, end = _JSON.raw_decode(text, start)
        except json.JSONDecodeError as error:
            # The error counts the lines before it, so a failure costs the more the later in the text.
            allowance.spend(error.pos - start + start // 50)
        except RecursionError:
            allowance.spend(MAX_LENGTH)
        else:
            allowance.spend(end - start)
            return Parsed(table, end, True)
    reader = _Reader(text, start, min(len(text), start + MAX_LENGTH))
    try:
        table = reader.table(0)
    except _NotAnObjectError:
        allowance.spend(4 * (reader.position - start))  # ours is slower
        return None
    allowance.spend(4 * (reader.position - start))
    return Parsed(table, reader.position, False)


def tables(value: Value) -> Iterator[Table]:
    """The outermost objects within ``value``: itself, or those in its arrays."""
    if isinstance(value, Table):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from tables(item)


_JSON = json.JSONDecoder(
    object_pairs_hook=lambda pairs: Table(tuple(pairs)),
    parse_float=str,
    parse_int=str,
    parse_constant=str,
    strict=False,
)


class _NotAnObjectError(Exception):
    pass


class _Reader:
    """Reads one object that is nearly JSON, by recursive descent."""

    __slots__ = ("position", "stop", "text")

    def __init__(self, text: str, start: int, stop: int) -> None:
        self.text = text
        self.position = start
        self.stop = stop

    def table(self, depth: int) -> Table:
        """The object here, with its braces."""
        pairs = list[tuple[str, Value]]()
        self._enter(depth, _OPEN)
        while not self._ended(_CLOSE, first=not pairs):
            key = self._string(_AFTER_PAIR) if self._here() in _ENDS else self._word()
            self._space()
            if self._here() not in _COLON:
                raise _NotAnObjectError
            self.position += 1
            self._space()
            pairs.append((key, self._value(depth + 1, _AFTER_PAIR)))
        return Table(tuple(pairs))

    def _value(self, depth: int, after: re.Pattern[str]) -> Value:
        here = self._here()
        if here in _OPEN:
            return self.table(depth)
        if here == "[":
            items = list[Value]()
            self._enter(depth, "[")
            while not self._ended("]", first=not items):
                items.append(self._value(depth + 1, _AFTER_ITEM))
            return items
        if here in _ENDS:
            return self._string(after)
        word = self._word()
        return _NAMES.get(word.casefold(), word)

    def _here(self) -> str:
        if self.position >= self.stop:
            raise _NotAnObjectError
        return self.text[self.position]

    def _space(self) -> str:
        found = _SPACE.match(self.text, self.position, self.stop)
        assert found is not None  # it matches nothing, too
        self.position = found.end()
        return found[0]

    def _enter(self, depth: int, opening: str) -> None:
        if depth >= MAX_DEPTH or self._here() not in opening:
            raise _NotAnObjectError
        self.position += 1

    def _ended(self, closing: str, *, first: bool) -> bool:
        """Go to the next item, behind a comma; True, behind the closing mark, where there is none."""
        space = self._space()
        comma = not first and self._here() in _COMMA
        if comma:
            self.position += 1
            self._space()
        if self._here() in closing:
            self.position += 1
            return True
        if not (first or comma or "\n" in space):
            raise _NotAnObjectError
        return False

    def _word(self) -> str:
        found = _WORD.match(self.text, self.position, self.stop)
        if found is None:
            raise _NotAnObjectError
        self.position = found.end()
        return found[0]

    def _string(self, after: re.Pattern[str]) -> str:
        """The string here; a quotation mark ends it only where ``after`` is found behind the mark."""
        ends = _ENDS[self.text[self.position]]
        pieces, begin = list[str](), self.position + 1
        position = begin
        while found := ends.search(self.text, position, self.stop):
            position = found.end()
            if found[0] == "\\":
                pieces.append(self.text[begin : found.start()])
                piece, position = self._escape(position)
                pieces.append(piece)
                begin = position
            elif after.match(self.text, position, self.stop):
                self.position = position
                pieces.append(self.text[begin : found.start()])
                return "".join(pieces)
        self.position = self.stop
        raise _NotAnObjectError

    def _escape(self, position: int) -> tuple[str, int]:
        """What the characters behind a backslash stand for, and the position behind them."""
        if position >= self.stop:
            raise _NotAnObjectError
        letter = self.text[position]
        digits = self.text[position + 1 : position + 5]
        if letter == "u" and re.fullmatch("[0-9a-fA-F]{4}", digits):
            return chr(int(digits, 16)), position + 5
        return _ESCAPES.get(letter, letter), position + 1
