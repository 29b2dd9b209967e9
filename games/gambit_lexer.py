r"""Tokens of Gambit's text formats (.efg and .nfg), with their places and with exact numbers.

A file is a stream of quoted texts, braces, commas and bare words; white space only separates. Inside
quotes ``\"`` stands for a quote and ``\\`` for a backslash, any other backslash for itself. Numbers are
integers, decimals (with or without exponent) and ratios of integers, and all of them are exact: ``0.1``
and ``1/10`` are the same number.

Nothing here trusts the file: a number is measured before it is built, and time is linear in the text.
"""

import re
from enum import Enum
from fractions import Fraction

from games.errors import FileFormatError

# Wide enough for every float64 written out in full (767 digits, exponents down to -324).
_MAX_NUMBER_LENGTH = 1200
_MAX_EXPONENT = 1200
_MAX_INTEGER_LENGTH = 18

# Possessive quantifiers: a failed match never tries again with less.
_TOKEN = re.compile(
    r"""\s*+(?:
        "(?P<text>[^"\\]*+(?:\\.[^"\\]*+)*+)"
      | (?P<open>\{) | (?P<close>\}) | (?P<comma>,)
      | (?P<word>[^\s{}",]++)
      | (?P<unclosed>")
    )""",
    re.VERBOSE | re.DOTALL,
)
_INTEGER = re.compile(r"[+-]?[0-9]++")
_NUMBER = re.compile(r"[+-]?(?:[0-9]++/[0-9]++|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE]([+-]?[0-9]++))?)")
_ESCAPE = re.compile(r'\\([\\"])')


class Token(Enum):
    """Kinds of token; the values are the words of error messages."""

    TEXT = "a quoted text"
    OPEN = "'{'"
    CLOSE = "'}'"
    COMMA = "','"
    WORD = "a word"
    END = "the end of the file"


_KINDS = {
    "text": Token.TEXT,
    "open": Token.OPEN,
    "close": Token.CLOSE,
    "comma": Token.COMMA,
    "word": Token.WORD,
}


class Lexer:
    """Reads one token after the other; the current one is always known.

    Attributes:
        kind: kind of the current token.
        start: where the current token begins in the text.
    """

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._end = 0
        self._value = ""
        self._numbers: dict[str, Fraction] = {}
        self.kind = Token.END
        self.start = text.find("\0")
        if self.start >= 0:
            raise self.error("a NUL character has no place in a text file", self.start)
        self._advance()

    def error(self, message: str, at: int | None = None) -> FileFormatError:
        """Build the error ``source, line L, column C: message`` for a place (default: the current token)."""
        place = self.start if at is None else at
        line = self._text.count("\n", 0, place) + 1
        column = place - self._text.rfind("\n", 0, place)
        return FileFormatError(f"{self._source}, line {line}, column {column}: {message}")

    def accept(self, kind: Token) -> bool:
        """Move past the current token if it is of this kind; say whether it was."""
        if self.kind is not kind:
            return False
        self._advance()
        return True

    def expect(self, kind: Token, wanted: str) -> str:
        """Return the value of the current token, which must be of this kind, and move past it."""
        if self.kind is not kind:
            raise self._unexpected(wanted)
        value = self._value
        self._advance()
        return value

    def text(self, wanted: str) -> str:
        """Read a quoted text."""
        raw = self.expect(Token.TEXT, wanted)
        return _ESCAPE.sub(r"\1", raw) if "\\" in raw else raw

    def keyword(self, *words: str) -> str:
        """Read one of the given bare words."""
        if self.kind is not Token.WORD or self._value not in words:
            raise self._unexpected(" or ".join(words))
        return self.expect(Token.WORD, "")

    def integer(self, wanted: str, *, least: int, most: int | None = None) -> int:
        """Read an integer within bounds."""
        word = self._value
        if self.kind is not Token.WORD or not _INTEGER.fullmatch(word):
            raise self._unexpected(wanted)
        if len(word) > _MAX_INTEGER_LENGTH:
            raise self.error(f"an integer of {len(word)} characters is too long; wanted {wanted}")
        value = int(word)
        if value < least or (most is not None and value > most):
            bounds = f" at least {least}" if most is None else f" in {least}..{most}" if least < most else ""
            raise self.error(f"wanted {wanted}{bounds}, got {value}")
        self._advance()
        return value

    def number(self, wanted: str) -> Fraction:
        """Read an exact number."""
        word = self._value
        if self.kind is not Token.WORD:
            raise self._unexpected(wanted)
        value = self._numbers.get(word)
        if value is None:
            value = self._numbers[word] = self._exact(word, wanted)
        self._advance()
        return value

    def end(self, wanted: str) -> None:
        """Require the end of the file."""
        self.expect(Token.END, wanted)

    def _exact(self, word: str, wanted: str) -> Fraction:
        if len(word) > _MAX_NUMBER_LENGTH:
            raise self.error(f"a number of {len(word)} characters is too long; wanted {wanted}")
        match = _NUMBER.fullmatch(word)
        if match is None:
            raise self._unexpected(wanted)
        # Measured first: the exact value of 1e999999999 would fill the memory.
        if match[1] and abs(int(match[1])) > _MAX_EXPONENT:
            raise self.error(f"the exponent of {_short(word)} is out of range; wanted {wanted}")
        try:
            return Fraction(word)
        except ZeroDivisionError:
            raise self.error(f"{_short(word)} has the denominator zero; wanted {wanted}") from None

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            self.kind, self._value, self.start = Token.END, "", len(self._text)
            return
        name = match.lastgroup or ""
        self._end = match.end()
        self._value = match[name]
        # A quoted text begins at its quote, one before its group.
        self.start = match.start(name) - (name == "text")
        if name == "unclosed":
            raise self.error("a quoted text begins here and never ends; wanted a closing quote")
        self.kind = _KINDS[name]

    def _unexpected(self, wanted: str) -> FileFormatError:
        got = _short(self._value) if self.kind in (Token.WORD, Token.TEXT) else self.kind.value
        return self.error(f"wanted {wanted}, got {got}")


def _short(text: str) -> str:
    """A token as an error message shows it."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
