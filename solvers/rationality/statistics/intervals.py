"""Intervals, and when two of them tell their subjects apart."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; an end may be infinite where the data say nothing, and both NaN without data.

    Attributes:
        low: lower end.
        high: upper end, not below ``low``.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if self.high < self.low:
            raise ValueError(f"high must not be below low, got {self.low} and {self.high}")

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def width(self) -> float:
        """How far apart the ends are."""
        return self.high - self.low


class Bounded(Protocol):
    """Whatever has an interval: an `Interval` itself, or a `Measure`."""

    @property
    def low(self) -> float:
        """Lower end."""

    @property
    def high(self) -> float:
        """Upper end."""


NO_INTERVAL = Interval(math.nan, math.nan)
"""That of a figure without data."""

WHOLE_LINE = Interval(-math.inf, math.inf)
"""That of a figure with too few independent observations to bound it."""


def distinguishable(first: Bounded, second: Bounded) -> bool:
    """Whether two figures may be called different: their intervals do not touch.

    Two 95 % intervals of equal width that just touch differ at about p = .006, so this errs on the side of
    "cannot distinguish". Pairs played on common draws are told apart by less: see `paired_permutation`.

    Example:
        >>> distinguishable(Interval(0.33, 0.67), Interval(0.49, 0.81))
        False
    """
    return first.high < second.low or second.high < first.low


def check_confidence(confidence: float) -> None:
    """Refuse a confidence outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")


def cluster_numbers(clusters: Sequence[Hashable], count: int) -> NDArray[np.int64]:
    """Number the clusters 0, 1, ... in order of appearance.

    Args:
        clusters: one name per row; rows with equal names are not independent.
        count: how many rows there are.

    Returns:
        Shape (count,).

    Raises:
        ValueError: there is not one name per row.
    """
    if len(clusters) != count:
        raise ValueError(f"clusters must hold one entry per row, {count}, got {len(clusters)}")
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(name, len(seen)) for name in clusters], dtype=np.int64)
