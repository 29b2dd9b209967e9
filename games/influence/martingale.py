r"""Bounds on an expected number of hits from the number seen, by martingale tails [1]_.

With probability :math:`1 - e^{-a}` each, the expected number of sets met lies above
:math:`(\sqrt{h + 2a/9} - \sqrt{a/2})^2 - a/18` and below :math:`(\sqrt{h + a/2} + \sqrt{a/2})^2`, where h
sets were met. They are what the published algorithms use; the bounds of ``games.influence.certificate`` are
tighter.

.. [1] Tang, Tang, Xiao, Yuan (2018), Online processing algorithms for influence maximization, SIGMOD, Lemmas
   4.2, 4.3.
"""

import math


def hits_at_least(hits: float, log_failure: float) -> float:
    """The lower bound, with a = ``log_failure``; never below 0."""
    a = log_failure
    root = math.sqrt(hits + 2.0 * a / 9.0) - math.sqrt(a / 2.0)
    # Squaring a negative root would turn no evidence into a bound.
    return max(0.0, root**2 - a / 18.0) if root > 0 else 0.0


def hits_at_most(hits: float, log_failure: float) -> float:
    """The upper bound, with a = ``log_failure``; ``hits`` may itself be an upper bound on what was seen."""
    a = log_failure
    return (math.sqrt(hits + a / 2.0) + math.sqrt(a / 2.0)) ** 2
