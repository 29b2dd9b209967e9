"""Work spread over threads: whoever is free takes the next piece, and the caller works along.

Compiled code runs side by side, Python does not, and threads that wait for one another cost more than they
help where pieces are small. So a helper that had too little to do goes home, and nobody waits for a helper to
begin.
"""

import _thread
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WORTHWHILE = 2e-4
"""Seconds of processor time below which a piece is small."""


def spread(work: Callable[[T], R], pieces: Sequence[T], workers: int) -> list[R]:
    """What ``work`` makes of each piece, in order.

    Pieces are begun in order, too, so those that take longest should come first.

    Args:
        work: safe in threads where there are several workers.
        pieces: to be worked on.
        workers: threads, the caller's among them.

    Raises:
        Exception: the one that the first piece to fail raised; pieces after it may not have been begun.
    """
    if workers == 1 or len(pieces) < 2:
        return [work(piece) for piece in pieces]
    results: dict[int, R] = {}
    errors: dict[int, BaseException] = {}
    order = iter(range(len(pieces)))
    lock = threading.Lock()

    def run(least: float) -> None:
        while not errors:
            with lock:
                place = next(order, None)
            if place is None:
                return
            begin = time.thread_time()
            try:
                results[place] = work(pieces[place])
            except BaseException as error:  # raised again by the caller's thread
                errors[place] = error
            if time.thread_time() - begin < least:
                return

    def help_until(done: threading.Lock) -> None:
        try:
            run(_WORTHWHILE)
        finally:
            done.release()

    helpers = [threading.Lock() for _ in range(min(workers, len(pieces)) - 1)]
    for done in helpers:
        done.acquire()
        _thread.start_new_thread(help_until, (done,))  # unlike Thread.start, does not wait for it to begin
    run(0.0)
    for done in helpers:
        done.acquire()
    if errors:
        raise errors[min(errors)]
    return [results[place] for place in range(len(pieces))]
