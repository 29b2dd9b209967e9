"""Which option a written label means.

A label need not be copied letter by letter: case, spaces, quotation marks and the like may differ. Every such
tolerance is a map of strings that is put on top of the others only if it keeps all options of the question
apart; where two options would collide under it, it is not used at all. What is left is one injective map, and
a label means the option with the same image, or none. Nothing is looked for inside of longer text.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from games.text.untrusted import visible

Tolerance: TypeAlias = Callable[[str], str]

_EMPHASIS = "\"'`´“”„‟«»‹›‘’‚‛*_ "
_BEHIND = _EMPHASIS + ".!,;:。"
_PAIRS = {"<": ">", "(": ")", "[": "]", "{": "}", "「": "」", "『": "』"}
_TYPESET = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf)\{([^{}]*)\}")
_SEPARATORS = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=[^\W\d_])")
_AROUND_SYMBOLS = re.compile(r"(?<=[^\w\s])\s+|\s+(?=[^\w\s])")
_HEADING = re.compile(
    r"(?:option|action|choice|move|aktion|choix|opci[oó]n|acci[oó]n)(?:\s*[:#]\s*|\s+)(?=\S)", re.IGNORECASE
)
_NUMBERING = re.compile(r"[0-9]+ - (?=\S)")
_CURRENCY = re.compile(r"[$€£¥]\s?(?=[0-9+-])|(?<=[0-9])\s?[$€£¥]")
_NUMBER = re.compile(
    r"([+-]?)([0-9]+)(?:\.([0-9]{1,2}|[0-9]{4,}))?\s?(?:points?|punkte?|puntos?|dollars?|euros?)?"
)
_MARKS = "*+#!"
"""Marks that move notations put behind a move, for a capture, a check, a mate."""


def _spelling(label: str) -> str:
    return " ".join(visible(unicodedata.normalize("NFKC", label)).split())


def _typeset(label: str) -> str:
    return _TYPESET.sub(r"\1", _TYPESET.sub(r"\1", label))  # one may stand inside another


def _bare(label: str) -> str:
    """Without quotation marks, emphasis and brackets around, and without a mark at the end of a sentence."""
    bare, before = label, ""
    while bare != before:
        before = bare
        bare = bare.lstrip(_EMPHASIS).rstrip(_BEHIND)  # a leading full stop stays: it may be that of ".5"
        if (
            len(bare) > 2 and _PAIRS.get(bare[0]) == bare[-1]
        ):  # one alone may be part of the label, as in "<5"
            bare = bare[1:-1]
    return bare or label


def _separators(label: str) -> str:
    return _SEPARATORS.sub(" ", label)


def _spacing(label: str) -> str:
    return _AROUND_SYMBOLS.sub("", label)


def _heading(label: str) -> str:
    return _HEADING.sub("", label, count=1) if _HEADING.match(label) else label


def _numbering(label: str) -> str:
    found = _NUMBERING.match(label)
    return label[found.end() :] if found else label


def _currency(label: str) -> str:
    return _CURRENCY.sub("", label)


def _number(label: str) -> str:
    """A number without unit, needless zeros and plus sign; three decimals stay: they may be thousands."""
    found = _NUMBER.fullmatch(label)
    if found is None:
        return label
    sign, whole, part = found[1], found[2].lstrip("0") or "0", (found[3] or "").rstrip("0")
    value = whole + ("." + part if part else "")
    return "-" + value if sign == "-" and value != "0" else value


def _without_mark(mark: str) -> Tolerance:
    def rule(label: str) -> str:
        return " ".join(word.rstrip(mark) or word for word in label.split())

    return rule


def _without_pass(label: str) -> str:
    words = label.split()
    while len(words) > 1 and words[-1].casefold() == "pass":
        words.pop()
    return " ".join(words)


def _tolerances(options: tuple[str, ...]) -> Iterator[Tolerance]:
    yield from (_spelling, html.unescape, str.casefold, _typeset, _bare, _separators, _heading)
    # Markers are optional only in notations that use them.
    for mark in _MARKS:
        if any(word.endswith(mark) and word != mark for label in options for word in label.split()):
            yield _without_mark(mark)
    if any(_without_pass(label) != " ".join(label.split()) for label in options):
        yield _without_pass
    if all(_NUMBERING.match(label) for label in options):
        yield _numbering
    yield from (_currency, _spacing)
    yield _number


@dataclass(frozen=True, slots=True)
class Matcher:
    """Finds the option that a label means.

    Attributes:
        tolerances: applied in this order; together they keep the options apart.
        positions: image of each option, and its position.
        longest: labels of more characters mean nothing.
    """

    tolerances: tuple[Tolerance, ...]
    positions: Mapping[str, int]
    longest: int

    def find(self, label: str) -> int | None:
        """Position of the option that ``label`` means; None for no option.

        Example:
            >>> matcher(("rock", "paper")).find("**Paper**.")
            1
        """
        if len(label) > self.longest:
            return None
        for tolerance in self.tolerances:
            label = tolerance(label)
        return self.positions.get(label)


@lru_cache(maxsize=1024)
def matcher(options: tuple[str, ...]) -> Matcher:
    """The matcher of ``options``, kept for the next question about the same.

    Raises:
        ValueError: two options are equal.
    """
    if len(set(options)) != len(options):
        raise ValueError(f"options must be distinct, got {options}")
    images, used = options, list[Tolerance]()
    for tolerance in _tolerances(options):
        changed = tuple(tolerance(image) for image in images)
        if len(set(changed)) == len(options) and all(changed):
            images = changed
            used.append(tolerance)
    longest = 4 * max(map(len, options), default=0) + 200
    return Matcher(tuple(used), {image: position for position, image in enumerate(images)}, longest)
