"""Headers: JSON with finite numbers, bounded size and depth, that comes back as it was."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from games.errors import FileFormatError

MAX_HEADER_BYTES = 16 * 2**20
"""Larger headers are neither written nor read; what is long belongs into the arrays."""

MAX_DEPTH = 32
"""Deepest nesting of lists and objects. The parser recurses: with no limit a file could exhaust the stack."""

# A string, or the rest of the file after an unmatched quote. The quantifiers are possessive and one branch
# always matches, so hostile files are scanned in linear time.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def encode_header(header: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON that ``decode_header`` turns back into an equal object.

    Raises:
        TypeError: something is not a JSON value, or JSON would change it (a tuple, a key that is no string).
        ValueError: a number is not finite, a string holds a lone surrogate, or it is too long or too deep.
    """
    data = json.dumps(header, ensure_ascii=False, allow_nan=False, indent=1).encode()
    if len(data) > MAX_HEADER_BYTES:
        raise ValueError(f"the header takes {len(data)} bytes, the limit is {MAX_HEADER_BYTES}")
    try:
        decoded = decode_header(data, "header")
    except FileFormatError as error:
        raise ValueError(str(error)) from None
    if decoded != header:
        changed = next(k for k in header if k not in decoded or decoded[k] != header[k])
        raise TypeError(
            "the header must hold JSON values only (lists rather than tuples, string keys), got "
            f"{changed!r}: {header[changed]!r}"
        )
    return data


def decode_header(data: bytes, file: str) -> dict[str, Any]:
    """Parse a header.

    Raises:
        FileFormatError: not a UTF-8 JSON object, too large or too deep, a repeated key, or a number that is
            not finite.
    """
    if len(data) > MAX_HEADER_BYTES:
        raise FileFormatError(f"{file}: larger than the {MAX_HEADER_BYTES} bytes a header may have")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{file}: byte {error.start} is not UTF-8 text") from None
    if _depth(data) > MAX_DEPTH:
        raise FileFormatError(f"{file}: nested deeper than {MAX_DEPTH} levels")
    try:
        header = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite
        )
        if "\\u" in text:  # escapes can spell half a character, which no file or terminal takes
            json.dumps(header, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{file}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    except UnicodeEncodeError as error:
        raise FileFormatError(f"{file}: lone surrogate {error.object[error.start]!r} in a string") from None
    except ValueError as error:
        raise FileFormatError(f"{file}: {error}") from None
    if not isinstance(header, dict):
        raise FileFormatError(f"{file}: wanted a JSON object, got {type(header).__name__}")
    return header


def _depth(data: bytes) -> int:
    """Deepest nesting of brackets outside strings."""
    depth = deepest = 0
    for bracket in _STRING.sub(b"", data).translate(None, _ALL_BUT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        # Each key taken out leaves the mapping; the repeated one is missing the second time.
        twice = next(name for name, _ in pairs if mapping.pop(name, pairs) is pairs)
        raise ValueError(f"key {twice!r} is given twice")
    return mapping


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"number {literal[:40]} is too large")
    return number
