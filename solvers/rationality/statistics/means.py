r"""The mean of rows that come in clusters, with a studentised bootstrap interval.

With S_g the total and n_g the number of rows of cluster g, the mean m = sum S_g / sum n_g has the variance

.. math::  s^2 = \frac{G}{G-1} \frac{\sum_g (S_g - m n_g)^2}{(\sum_g n_g)^2} .

Resamples of whole clusters give m* and s*, and with q the quantile of :math:`|m^* - m| / s^*` the interval is
:math:`m \pm q s`: the symmetric percentile-t interval [1]_. All resamples are counts of clusters, so they
cost a few matrix products. Below `FEW` clusters too few different resamples exist, and q is that of Student's
distribution with G - 1 degrees of freedom; it is so too as a lower bound on q always, since resamples of
nearly constant data say too little. One cluster bounds nothing; a few skewed ones bound too
tightly (four clusters with exponential means are covered in .88 of samples, in place of .95).

.. [1] P. Hall, "On symmetric bootstrap confidence intervals", JRSS B 50, 1988.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from solvers.rationality.statistics.intervals import (
    NO_INTERVAL,
    WHOLE_LINE,
    Interval,
    check_confidence,
    cluster_numbers,
)

FEW = 8
"""Fewer clusters than this are not resampled."""


def mean_interval(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> Interval:
    """Interval of a mean whose rows come in clusters.

    Args:
        values: finite, shape (n,).
        clusters: n names; rows with equal names are not independent.
        rng: draws the resamples.
        resamples: how many, >= 1.
        confidence: in (0, 1).

    Returns:
        The interval in the units of ``values``; NaN without rows, the whole line with one cluster.

    Raises:
        ValueError: an argument out of its range, or sizes do not fit.
    """
    check_confidence(confidence)
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 1 or not np.isfinite(rows).all():
        raise ValueError(f"values must be a vector of finite numbers, got shape {rows.shape}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples!r}")
    places = cluster_numbers(clusters, rows.size)
    if not rows.size:
        return NO_INTERVAL
    sizes = np.bincount(places).astype(np.float64)
    groups, mean = sizes.size, float(rows.mean())
    if groups == 1:
        return WHOLE_LINE
    # About the mean, so that sums of squares lose no digits.
    totals = np.bincount(places, rows - mean)
    error = float(np.sqrt(groups / (groups - 1) * (totals @ totals))) / rows.size
    reach = float(stdtrit(groups - 1, 0.5 + 0.5 * confidence))
    if groups >= FEW and error > 0.0:
        counts = rng.multinomial(groups, np.full(groups, 1.0 / groups), size=resamples).astype(np.float64)
        rows_drawn = counts @ sizes
        shift = (counts @ totals) / rows_drawn
        squares = (
            counts @ totals**2 - 2 * shift * (counts @ (totals * sizes)) + shift**2 * (counts @ sizes**2)
        )
        errors = np.sqrt(groups / (groups - 1) * np.maximum(squares, 0.0)) / rows_drawn
        # A resample without spread tells nothing of the ratio.
        told = errors > 1e-9 * error
        ratios = np.abs(shift[told]) / errors[told]
        if ratios.size:
            reach = max(reach, float(np.quantile(ratios, confidence)))
    return Interval(mean - reach * error, mean + reach * error)
