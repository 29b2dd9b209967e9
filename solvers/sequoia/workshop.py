"""Buffers kept from one batch of decisions to the next: to make them takes as long as a small decision."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from solvers.sequoia.memo import Memo

T = TypeVar("T")

_USES = 8
"""For how many uses, by network and set, free buffers are kept."""
_KEPT = 8
"""Free buffers of one use: a hard batch leaves dozens of searches, of megabytes each."""


class Workshop(Generic[T]):
    """Free buffers by what they are for; safe in threads."""

    def __init__(self) -> None:
        self._free: Memo[list[T]] = Memo(_USES)

    def take(self, use: Hashable, make: Callable[[], T]) -> T:
        """Buffers that nobody else has, made where none are free."""
        free = self._free.get(use)
        if free is not None:
            try:
                return free.pop()
            except IndexError:  # or another thread was faster
                pass
        return make()

    def give_back(self, use: Hashable, buffers: T) -> None:
        """Let others have them, unless enough are free."""
        free = self._free.get(use)
        if free is None:
            free = []
            self._free.put(use, free)
        if len(free) < _KEPT:
            free.append(buffers)
