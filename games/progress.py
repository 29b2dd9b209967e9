"""Progress of long work: one small callback, which the command line shows as a bar."""

from typing import Protocol


class ProgressCallback(Protocol):
    """Called after each step of long work."""

    def __call__(self, step: int, total: int | None, **figures: float) -> None:
        """Report that ``step`` of ``total`` (None: unknown) is done, with named figures to show."""


def ignore_progress(step: int, total: int | None, **figures: float) -> None:
    """Report nothing; the default."""
