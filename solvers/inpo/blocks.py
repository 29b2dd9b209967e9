"""Contexts in blocks, one a thread, with one clock and one report of progress."""

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.progress import ProgressCallback
from solvers.inpo.run import Course, side_by_side

LEAST_CONTEXTS = 100
"""Fewer contexts in a block cost more in threads that wait for each other than they save."""


class Block(Protocol):
    """A run of some contexts."""

    @property
    def round(self) -> int:
        """Rounds done."""

    @property
    def working(self) -> int:
        """Number of contexts that have not come to rest."""

    @property
    def gap(self) -> NDArray[np.float64]:
        """The gap of each context."""

    def play(self, limit: int) -> None:
        """One round or some, none beyond ``limit``."""

    def course(self) -> Course:
        """Where the run has got to."""


@dataclass(slots=True)
class _Board:
    """What blocks have done so far; told when the slowest at work has done another round."""

    rounds: int
    progress: ProgressCallback
    runs: Sequence[Block]
    stop: threading.Event = field(default_factory=threading.Event)
    told: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self) -> None:
        with self.lock:
            behind = [run.round for run in self.runs if run.working]
            done = min(behind) if behind else max(run.round for run in self.runs)
            if done > self.told:
                self.told = done
                gap = max(float(run.gap.max()) for run in self.runs)
                working = float(sum(run.working for run in self.runs))
                self.progress(done, self.rounds, gap=gap, contexts=working)


def play_blocks(runs: Sequence[Block], rounds: int, deadline: float, progress: ProgressCallback) -> Course:
    """Play every run to its end, a thread for each, and put their courses side by side.

    Args:
        runs: blocks of contexts.
        rounds: most rounds in any of them.
        deadline: on the clock of ``time.perf_counter``; looked at whenever a block has played.
        progress: called when the block that is most behind has played, from any thread.
    """
    board = _Board(rounds, progress, runs)
    if len(runs) == 1:
        _play(runs[0], board, deadline)
        return runs[0].course()
    with ThreadPoolExecutor(len(runs)) as pool:
        waiting = [pool.submit(_play, run, board, deadline) for run in runs]
        try:
            for future in as_completed(waiting):
                future.result()
        except BaseException:  # threads know of no interruption; the others would play on
            board.stop.set()
            raise
    return side_by_side([run.course() for run in runs])


def _play(run: Block, board: _Board, deadline: float) -> None:
    timed = not math.isinf(deadline)
    while run.working and run.round < board.rounds and not board.stop.is_set():
        if timed and time.perf_counter() >= deadline:
            return
        run.play(board.rounds)
        board.tell()
