"""Labels and floating-point numbers as Gambit's text formats (.efg and .nfg) write them."""

import math
import re
from collections import Counter

# Possessive quantifiers (`++`, `*+`) never give back what they matched, so no text makes them backtrack.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_RATIO = re.compile(r"([+-]?[0-9]++)/([0-9]++)")
_TO_ESCAPE = re.compile(r'"|\\(?=["\\]|\Z)')
_LONGEST_NUMBER = 4000  # characters; Python refuses integers of more than 4300 digits


def quote(label: str) -> str:
    """``label`` as a quoted token that the lexer reads back.

    A backslash is doubled only where a reader would take it for an escape; Gambit itself reads every
    other backslash as it stands.

    Raises:
        ValueError: the label holds a NUL character, which readers refuse.
    """
    if "\0" in label:
        raise ValueError(f"a label with a NUL character cannot be written: {label!r}")
    return '"' + _TO_ESCAPE.sub(r"\\\g<0>", label) + '"'


def format_number(value: float) -> str:
    """The shortest decimal that reads back as ``value``, spelt as Gambit can read it.

    Example:
        >>> format_number(3.0), format_number(-0.5), format_number(1e22)
        ('3', '-0.5', '1e22')
    """
    # Gambit takes 1e22 but not 1e+22.
    return repr(float(value)).removesuffix(".0").replace("e+", "e")


def parse_number(word: str) -> float | None:
    """The float64 nearest to an integer, a decimal or a ratio of integers; None if there is none.

    Example:
        >>> parse_number("1/3"), parse_number(".5"), parse_number("1e999"), parse_number("nan")
        (0.3333333333333333, 0.5, None, None)
    """
    if len(word) > _LONGEST_NUMBER:
        return None
    if _DECIMAL.fullmatch(word):
        value = float(word)
        return value if math.isfinite(value) else None
    if ratio := _RATIO.fullmatch(word):
        try:
            return int(ratio[1]) / int(ratio[2])
        except (ZeroDivisionError, OverflowError):
            return None
    return None


def distinct_labels(labels: list[str]) -> tuple[str, ...]:
    """``labels`` with empty and repeated ones numbered apart: ``x, x`` becomes ``x_1, x_2``."""
    repeated = {label for label, times in Counter(labels).items() if times > 1 or not label}
    used = set(labels)
    last: dict[str, int] = {}
    result = []
    for label in labels:
        fresh = label
        if label in repeated:
            number = last.get(label, 0) + 1
            while (fresh := f"{label}_{number}") in used:
                number += 1
            last[label] = number
        result.append(fresh)
    return tuple(result)
