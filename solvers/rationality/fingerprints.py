"""What tells scenarios apart beyond their names: a hash of all that they are made of.

A suite that is built with another seed has other games under the same names, and plays of the one must not
pass for plays of the other.
"""

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

import numpy as np

_DEEPEST = 64


class Fingerprints:
    """Fingerprints of values, each object looked at once; who uses it keeps the objects alive."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, value: object) -> str:
        """16 hexadecimal digits that are equal for equal contents, in any process.

        Data classes, containers, arrays, numbers and texts count by what they hold, floats to twelve digits,
        since solvers differ behind them between machines. Functions count by their name, and objects of other
        kinds by their class and their ``name``.

        Raises:
            ValueError: the value is nested too deeply, as when it holds itself.
        """
        return self._of(value, 0)

    def _of(self, value: object, depth: int) -> str:
        if depth > _DEEPEST:
            raise ValueError(f"value must be nested at most {_DEEPEST} deep, got a {type(value).__name__}")
        kept = isinstance(value, np.ndarray) or is_dataclass(value)
        if kept and id(value) in self._known:
            return self._known[id(value)]
        digest = hashlib.sha256()
        for part in self._parts(value, depth + 1):
            digest.update(f"{len(part)} {part}".encode("utf-8", "surrogatepass"))
        found = digest.hexdigest()[:16]
        if kept:
            self._known[id(value)] = found
        return found

    def _parts(self, value: object, depth: int) -> Iterator[str]:
        """What is hashed of a value, in order: its kind, then its contents."""
        if isinstance(value, Enum):
            yield from (type(value).__qualname__, value.name)
        elif isinstance(value, str | bytes | int | None):
            yield from (type(value).__name__, repr(value))
        elif isinstance(value, float | np.generic):
            yield from ("number", f"{value:.12g}" if isinstance(value, float) else repr(value.item()))
        elif isinstance(value, np.ndarray):
            yield from ("array", str(value.shape), *(self._of(x, depth) for x in value.dtype.descr))
            yield " ".join(f"{x:.12g}" if isinstance(x, float) else repr(x) for x in value.ravel().tolist())
        elif isinstance(value, Mapping):
            yield "mapping"
            for pair in value.items():
                yield from (self._of(one, depth) for one in pair)
        elif isinstance(value, tuple | list):
            yield "sequence"
            yield from (self._of(one, depth) for one in value)
        elif isinstance(value, set | frozenset):
            yield "set"
            yield from sorted(self._of(one, depth) for one in value)
        elif is_dataclass(value) and not isinstance(value, type):
            yield type(value).__qualname__
            for field in fields(value):
                yield from (field.name, self._of(getattr(value, field.name), depth))
        elif isinstance(value, functools.partial):
            yield "partial"
            yield from (self._of(one, depth) for one in (value.func, value.args, value.keywords))
        else:
            named = value if hasattr(value, "__qualname__") else type(value)
            yield from (named.__qualname__, str(getattr(value, "name", "")))
