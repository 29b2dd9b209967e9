"""Registries: names that the command line and specs may use, each bound to an importable object.

An entry holds the *path* of its object (``"package.module:attribute"``), so listing what exists
imports nothing; the object is imported when it is asked for.
"""

import difflib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from games.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Entry:
    """A named thing.

    Attributes:
        name: how specs and the command line call it.
        target: ``"package.module:attribute"``.
        summary: one line for listings.
        tags: words to filter by, such as ``"zero-sum"`` or ``"n-player"``.
    """

    name: str
    target: str
    summary: str
    tags: tuple[str, ...] = ()

    def load(self) -> Any:  # noqa: ANN401  (a registry holds whatever was registered)
        """Import and return the object."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


class Registry:
    """An ordered mapping from names to entries, with helpful errors."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, target: str, summary: str, *tags: str) -> None:
        """Register ``target`` under ``name``; a name is given once."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered already")
        self._entries[name] = Entry(name, target, summary, tags)

    def get(self, name: str) -> Entry:
        """Return the entry, or raise UnknownNameError that suggests near matches."""
        if name not in self._entries:
            raise unknown_name(self.kind, name, self._entries)
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)


def unknown_name(kind: str, name: str, known: Any) -> UnknownNameError:  # noqa: ANN401
    """Build the error for a name outside ``known`` (any iterable of names), with near matches."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(repr(n) for n in near)}?"
        if near
        else f"known: {', '.join(sorted(names)[:20])}"
    )
    return UnknownNameError(f"unknown {kind} {name!r}; {hint}")
