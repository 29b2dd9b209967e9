r"""Likelihood intervals of one parameter.

The profile likelihood l(theta) is the greatest log-likelihood with the parameter held at theta. All values
with

.. math::  2 (l(\hat\theta) - l(\theta)) \le \chi^2_{1}(\text{confidence})

form the interval (Wilks' theorem). Unlike one from the curvature at the peak it needs no units, may end at a
bound or nowhere, and so is honest where choices identify a parameter from one side only.
"""

import math
from collections.abc import Callable

from scipy.special import ndtri

from solvers.rationality.statistics.intervals import Interval, check_confidence

_DOUBLINGS = 60
_BISECTIONS = 50
_EXACT = 1e-5  # of an end, relative to its size


def likelihood_drop(confidence: float) -> float:
    """By how much the log-likelihood may fall within the interval: half the chi-square quantile."""
    check_confidence(confidence)
    return 0.5 * float(ndtri(0.5 + 0.5 * confidence)) ** 2


def likelihood_interval(
    profile: Callable[[float], float],
    start: float,
    peak: float,
    *,
    step: float,
    confidence: float = 0.95,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Interval:
    """The values around ``start`` at which the profile stays near its peak.

    Args:
        profile: log-likelihood with the parameter held; falls away from its peak.
        start: the estimate, finite, or any value within the interval.
        peak: greatest log-likelihood.
        step: length of the first step outward, > 0.
        confidence: in (0, 1).
        lowest: least value the parameter may take.
        highest: greatest; an interval that reaches a bound ends there.
    """
    target = peak - likelihood_drop(confidence)

    def end(sign: float, bound: float) -> float:
        inside, length = start, step
        for _ in range(_DOUBLINGS):
            outside = start + sign * length
            beyond = sign * (outside - bound) >= 0.0
            outside = bound if beyond else outside
            if outside != inside and profile(outside) < target:
                break
            if beyond:
                return bound
            inside, length = outside, 2.0 * length
        else:
            return sign * math.inf
        for _ in range(_BISECTIONS):
            middle = 0.5 * (inside + outside)
            if abs(outside - inside) <= _EXACT * max(abs(middle), 1e-3 * step):
                break
            if profile(middle) >= target:
                inside = middle
            else:
                outside = middle
        return inside

    return Interval(end(-1.0, lowest), end(1.0, highest))
