"""The processes of a run: one decides and writes, all of them fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist

T = TypeVar("T")

_PATIENCE = timedelta(days=30)
"""Others wait while the first one generates and judges; the usual limits are far too short for that."""


class Processes:
    """The processes that train one model together; they share ``output_dir``.

    Args:
        count: how many there are.
        rank: number of this one.
    """

    def __init__(self, count: int, rank: int) -> None:
        self.count = count
        self.rank = rank
        self._group = dist.new_group(backend="gloo", timeout=_PATIENCE) if count > 1 else None

    @property
    def is_first(self) -> bool:
        """Whether this one decides and writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Go on when all have come here."""
        if self._group is not None:
            dist.barrier(group=self._group)

    @contextmanager
    def first_then_others(self) -> Iterator[None]:
        """The first one runs the block, then all others: what it has done and written they only read."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def gather(self, value: T) -> list[T]:
        """What each one has, in order of rank."""
        if self._group is None:
            return [value]
        found: list[T] = [value] * self.count
        dist.all_gather_object(found, value, group=self._group)
        return found

    def agree(self, value: T) -> T:
        """What the first one has."""
        return self.gather(value)[0]
