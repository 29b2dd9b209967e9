r"""Intervals for rates.

For k successes in n independent trials, Wilson's interval [1]_ holds all rates p that a normal test would not
refuse, (k/n - p)^2 <= z^2 p (1 - p) / n; its coverage averages the stated one and dips below near 0 and 1.
The interval of Clopper and Pearson [2]_ holds all p that neither exact binomial test refuses; its coverage is
never below the stated one.

Rows of the same play are not independent. With n rows in G clusters the variance of the mean is that of the
cluster totals,

.. math::  v = \frac{G}{G - 1} \frac{1}{n^2} \sum_g (k_g - \hat p n_g)^2 ,

and the rows are worth :math:`n^* = \hat p (1 - \hat p) / v \cdot (z / t_{G-1})^2` independent ones [3]_, at
most n. That goes into Wilson's formula. Where all rows agree, v says nothing, and every cluster counts as
one observation.

.. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
.. [2] C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
.. [3] E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of
   positive counts estimated from survey data", Survey Methodology 24, 1998 (with Clopper-Pearson in place of
   Wilson; cited from memory).
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri, stdtrit

from solvers.rationality.statistics.intervals import NO_INTERVAL, Interval, check_confidence, cluster_numbers


def wilson(successes: float, count: float, *, confidence: float = 0.95) -> Interval:
    """Wilson's score interval.

    Args:
        successes: how many, in [0, count]; a share of an effective count need not be whole.
        count: trials, >= 0; without any the interval is [0, 1].
        confidence: in (0, 1).

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> interval = wilson(15, 30)
        >>> round(interval.low, 2), round(interval.high, 2)
        (0.33, 0.67)
    """
    _check(successes, count, confidence)
    if count == 0:
        return Interval(0.0, 1.0)
    z2 = float(ndtri(0.5 + 0.5 * confidence)) ** 2
    centre = (successes + 0.5 * z2) / (count + z2)
    rate = successes / count
    half = math.sqrt(z2 * (rate * (1.0 - rate) * count + 0.25 * z2)) / (count + z2)
    # At the ends the formula is exactly 0 or 1, up to rounding.
    low = 0.0 if successes == 0 else max(centre - half, 0.0)
    high = 1.0 if successes == count else min(centre + half, 1.0)
    return Interval(low, high)


def clopper_pearson(successes: int, count: int, *, confidence: float = 0.95) -> Interval:
    """The exact interval of Clopper and Pearson; arguments and errors are those of `wilson`."""
    _check(successes, count, confidence)
    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if successes == 0 else float(betaincinv(successes, count - successes + 1, tail))
    high = 1.0 if successes == count else float(betaincinv(successes + 1, count - successes, 1.0 - tail))
    return Interval(low, high)


def rate_interval(hits: ArrayLike, clusters: Sequence[Hashable], *, confidence: float = 0.95) -> Interval:
    """Interval of a rate whose rows come in clusters.

    Args:
        hits: bool or 0/1, shape (n,).
        clusters: n names; rows with equal names are not independent.
        confidence: in (0, 1).

    Returns:
        Wilson's interval at the effective count, within [0, 1]; NaN without rows.

    Raises:
        ValueError: an entry is neither 0 nor 1, or sizes do not fit.
    """
    check_confidence(confidence)
    rows = np.asarray(hits, dtype=np.float64)
    if rows.ndim != 1 or not np.isin(rows, (0.0, 1.0)).all():
        raise ValueError(f"hits must be a vector of zeros and ones, got {hits!r}")
    places = cluster_numbers(clusters, rows.size)
    if not rows.size:
        return NO_INTERVAL
    sizes = np.bincount(places)
    groups, rate = sizes.size, float(rows.mean())
    if groups == rows.size:
        return wilson(float(rows.sum()), rows.size, confidence=confidence)
    spread = np.bincount(places, rows) - rate * sizes
    variance = float(spread @ spread) / rows.size**2
    effective = float(groups)
    if 0.0 < rate < 1.0 and groups > 1:
        level = 0.5 + 0.5 * confidence
        shrink = float(ndtri(level) / stdtrit(groups - 1, level)) ** 2
        variance *= groups / (groups - 1)
        effective = shrink * (min(rate * (1.0 - rate) / variance, rows.size) if variance else rows.size)
    return wilson(rate * effective, effective, confidence=confidence)


def _check(successes: float, count: float, confidence: float) -> None:
    check_confidence(confidence)
    if not 0 <= successes <= count < math.inf:
        raise ValueError(f"successes must lie in [0, count], got {successes!r} of {count!r}")
