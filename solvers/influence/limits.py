"""Limits that anytime solvers check and keep alike."""

import math
import time
from collections.abc import Sequence


def check_anytime(
    target_ratio: float,
    confidence: float,
    first_sets: int,
    max_sets: int,
    selectors: Sequence[object],
) -> None:
    """Refuse targets, limits and rules that make no run.

    Raises:
        ValueError: one is out of range; the message names it.
    """
    if not 0 < target_ratio <= 1:
        raise ValueError(f"target_ratio must lie in (0, 1], got {target_ratio!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    if first_sets < 1 or max_sets < 1:
        raise ValueError(f"first_sets and max_sets must be at least 1, got {first_sets} and {max_sets}")
    if not selectors:
        raise ValueError("selectors must hold at least one rule")


def deadline_after(time_limit: float | None) -> float:
    """Value of ``time.perf_counter`` at which a limit in seconds from now is over; never, where None.

    Raises:
        ValueError: the limit is negative or no number.
    """
    if time_limit is None:
        return math.inf
    if not time_limit >= 0:
        raise ValueError(f"time_limit must be at least 0 or None, got {time_limit}")
    return time.perf_counter() + time_limit


def fits_twice(round_began: float, deadline: float) -> bool:
    """Whether a round of twice the work of the one just done will likely end before the deadline."""
    now = time.perf_counter()
    return now + 2.0 * (now - round_began) < deadline
