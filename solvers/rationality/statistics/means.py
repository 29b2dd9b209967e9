r"""The mean of rows that come in clusters, with a studentised bootstrap interval.

With S_g the total and n_g the number of rows of cluster g, the mean m = sum S_g / sum n_g has the variance

.. math::  s^2 = \frac{G}{G-1} \frac{\sum_g (S_g - m n_g)^2}{(\sum_g n_g)^2} .

Resamples of whole clusters give m* and s*, and with q the quantile of :math:`|m^* - m| / s^*` the interval is
:math:`m \pm q s`: the symmetric percentile-t interval [1]_. All resamples are counts of clusters, so they
cost a few matrix products. Below `FEW` clusters too few different resamples exist, and q is that of Student's
distribution with G - 2 degrees of freedom (one, with two clusters), one fewer than for normal data, because
few skewed clusters bound too tightly: four with exponential means are covered in .92 of samples so, in .88
with G - 1. The quantile for G - 1 is a lower bound on q always, since resamples of nearly constant data say
too little.

Where all rows agree, s says nothing. If other values had a share eps, all G clusters would agree with
probability (1 - eps)^G, so shares up to :math:`1 - \alpha^{1/G}` are not refused at level alpha, and the
interval reaches so far towards each end of the range that the mean can have, where that is known.

.. [1] P. Hall, "On symmetric bootstrap confidence intervals", JRSS B 50, 1988.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from solvers.rationality.statistics.intervals import (
    NO_INTERVAL,
    Interval,
    check_confidence,
    cluster_numbers,
)

FEW = 8
"""Fewer clusters than this are not resampled."""

_ROUNDING = 1e-12  # of the mean: a smaller error is none
_SPREADLESS = 1e-6  # of the error of the mean


def mean_interval(
    values: ArrayLike,
    clusters: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    resamples: int = 2000,
    confidence: float = 0.95,
    within: tuple[float, float] = (-math.inf, math.inf),
) -> Interval:
    """Interval of a mean whose rows come in clusters.

    Args:
        values: finite, shape (n,).
        clusters: n names; rows with equal names are not independent.
        rng: draws the resamples.
        resamples: how many, >= 1.
        confidence: in (0, 1).
        within: where the mean of all rows that could be must lie. The interval is cut off there, though not
            short of the mean of ``values``, which costs no coverage; few clusters may leave all of it.

    Returns:
        The interval in the units of ``values``; NaN without rows, all of ``within`` with one cluster.

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
    least, most = min(within[0], mean), max(within[1], mean)
    if groups == 1:
        return Interval(least, most)
    # About the mean, so that sums of squares lose no digits.
    totals = np.bincount(places, rows - mean)
    error = float(np.sqrt(groups / (groups - 1) * (totals @ totals))) / rows.size
    if error <= _ROUNDING * abs(mean):
        unseen = 1.0 - (1.0 - confidence) ** (1.0 / groups)
        low = mean - unseen * (mean - least) if math.isfinite(least) else mean
        return Interval(low, mean + unseen * (most - mean) if math.isfinite(most) else mean)
    freedom = groups - 1 if groups >= FEW else max(groups - 2, 1)
    reach = float(stdtrit(freedom, 0.5 + 0.5 * confidence))
    if groups >= FEW:
        counts = rng.multinomial(groups, np.full(groups, 1.0 / groups), size=resamples).astype(np.float64)
        rows_drawn = counts @ sizes
        shift = (counts @ totals) / rows_drawn
        squares = (
            counts @ totals**2 - 2 * shift * (counts @ (totals * sizes)) + shift**2 * (counts @ sizes**2)
        )
        errors = np.sqrt(groups / (groups - 1) * np.maximum(squares, 0.0)) / rows_drawn
        # A resample without spread tells nothing of the ratio; what rounding leaves of none is below the root
        # of the machine precision.
        told = errors > _SPREADLESS * error
        ratios = np.abs(shift[told]) / errors[told]
        if ratios.size:
            reach = max(reach, float(np.quantile(ratios, confidence)))
    return Interval(max(mean - reach * error, least), min(mean + reach * error, most))
