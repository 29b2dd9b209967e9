"""Arguments that every anytime solver checks alike."""

from collections.abc import Sequence


def check_anytime(
    target_ratio: float,
    confidence: float,
    first_sets: int,
    max_sets: int,
    time_limit: float | None,
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
    if not 1 <= first_sets <= max_sets:
        raise ValueError(f"first_sets must lie in 1..max_sets, got {first_sets} and {max_sets}")
    if time_limit is not None and not time_limit >= 0:  # `not >=` also refuses NaN
        raise ValueError(f"time_limit must be at least 0 or None, got {time_limit}")
    if not selectors:
        raise ValueError("selectors must hold at least one rule")
