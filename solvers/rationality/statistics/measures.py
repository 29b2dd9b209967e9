"""Measures of rows: a figure, its interval and the levels it is read against."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from solvers.rationality.scenarios import Measure
from solvers.rationality.statistics.means import mean_interval
from solvers.rationality.statistics.rates import rate_interval

_CONFIDENCE = 0.95


def rate_measure(
    name: str,
    hits: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    chance: float | None = None,
    ideal: float | None = 1.0,
    group: str = "",
) -> Measure:
    """How often something was so.

    Args:
        name: of what.
        hits: bool or 0/1, one per row.
        clusters: one name per row, by custom (scenario, replicate); rows with equal names are not
            independent.
        rng: as in `mean_measure`, so that suites call both alike; the interval, that of `rate_interval`,
            draws nothing.
        chance: what uniform choice gets.
        ideal: what a perfectly rational player gets.
        group: heading in a report.

    Returns:
        NaN with no rows; ``count`` is the number of clusters.
    """
    rows = np.asarray(hits, dtype=np.float64)
    interval = rate_interval(rows, clusters, confidence=_CONFIDENCE)
    value = float(rows.mean()) if rows.size else math.nan
    count = len(set(clusters))
    return Measure(name, value, interval.low, interval.high, count, chance, ideal, _CONFIDENCE, group)


def mean_measure(
    name: str,
    values: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    chance: float | None = None,
    ideal: float | None = None,
    group: str = "",
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Measure:
    """A mean; arguments and result are those of `rate_measure`, with finite numbers for hits.

    Args:
        name: of what.
        values: finite, one per row.
        clusters: one name per row.
        rng: draws resamples.
        chance: what uniform choice gets.
        ideal: what a perfectly rational player gets.
        group: heading in a report.
        within: as in `mean_interval`.
    """
    rows = np.asarray(values, dtype=np.float64)
    interval = mean_interval(rows, clusters, rng=rng, confidence=_CONFIDENCE, within=within)
    value = float(rows.mean()) if rows.size else math.nan
    count = len(set(clusters))
    return Measure(name, value, interval.low, interval.high, count, chance, ideal, _CONFIDENCE, group)
