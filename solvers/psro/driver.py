"""The one loop that exact runs share: limits, clock, checkpoints, progress; methods only make steps."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.progress import ProgressCallback
from games.storage import header_path


class RunTrace(Protocol):
    """Measurements, one row per finished iteration."""

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Time since the start after each iteration."""

    def __len__(self) -> int: ...


class RunState(Protocol):
    """A run between two iterations."""

    @property
    def trace(self) -> RunTrace:
        """What was measured so far."""

    @property
    def closed(self) -> bool:
        """Further iterations would change nothing."""


S = TypeVar("S", bound=RunState)

_UNSAVED = 5.0
"""Seconds that finished iterations wait for a save at most; one may take longer than an iteration."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a run ends, and how often it is saved.

    Attributes:
        iterations: most iterations, resumed ones included.
        tol: distance at which it ends, in payoff ranges.
        time_limit: seconds after which no further iteration starts, resumed time included; None for no limit.
        checkpoint_every: most iterations between saves; those that take long are saved sooner.
    """

    iterations: int
    tol: float
    time_limit: float | None
    checkpoint_every: int

    def __post_init__(self) -> None:
        if self.iterations < 0:
            raise ValueError(f"iterations must be at least 0, got {self.iterations}")
        if self.checkpoint_every < 1:
            raise ValueError(f"checkpoint_every must be at least 1, got {self.checkpoint_every}")
        if not self.tol >= 0:  # `not >=` also refuses NaN
            raise ValueError(f"tol must be at least 0, got {self.tol}")
        if self.time_limit is not None and not self.time_limit >= 0:
            raise ValueError(f"time_limit must be at least 0 or None, got {self.time_limit}")


@dataclass(frozen=True, slots=True)
class Run(Generic[S]):
    """What the loop calls.

    Attributes:
        start: the state before the first iteration.
        load: the state in a checkpoint.
        save: write a checkpoint.
        step: one iteration, given the seconds before it; may consume the state.
        distance: from what is sought, in payoff units.
        measure: what the distance is called.
    """

    start: Callable[[], S]
    load: Callable[[str | os.PathLike[str]], S]
    save: Callable[[str | os.PathLike[str], S], None]
    step: Callable[[S, float], S]
    distance: Callable[[S], float]
    measure: str


def drive(
    run: Run[S],
    limits: Limits,
    *,
    payoff_range: float,
    checkpoint: str | os.PathLike[str] | None,
    progress: ProgressCallback,
) -> tuple[S, float]:
    """Iterate until the distance is small, nothing changes, or a limit is reached.

    Args:
        run: what to iterate.
        limits: when to end.
        payoff_range: the unit of ``limits.tol``.
        checkpoint: file to save in, and to resume from if it exists. Saved when as many iterations as the
            limits say, or some seconds, have passed since the last save, and at the end.
        progress: called after each iteration with the distance.

    Returns:
        The last state, and the seconds spent, resumed time included.

    Raises:
        ValueError: ``checkpoint`` is no name of a checkpoint, or ``run.load`` refuses the file.
    """
    clock = when = time.perf_counter()
    if checkpoint is not None and header_path(checkpoint).exists():
        state = run.load(checkpoint)
        clock -= float(state.trace.seconds[-1]) if len(state.trace) else 0.0
    else:
        state = run.start()
    threshold = limits.tol * payoff_range
    saved = len(state.trace)
    while not (len(state.trace) >= limits.iterations or state.closed or run.distance(state) <= threshold):
        elapsed = time.perf_counter() - clock
        if limits.time_limit is not None and elapsed >= limits.time_limit:
            break
        state = run.step(state, elapsed)
        done = len(state.trace)
        due = done - saved >= limits.checkpoint_every or time.perf_counter() - when >= _UNSAVED
        if checkpoint is not None and due:
            run.save(checkpoint, state)
            saved, when = done, time.perf_counter()
        progress(done, limits.iterations, **{run.measure: run.distance(state)})
    if checkpoint is not None and len(state.trace) > saved:
        run.save(checkpoint, state)
    return state, time.perf_counter() - clock
