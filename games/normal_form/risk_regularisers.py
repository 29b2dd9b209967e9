r"""Own regularisers: concave bonuses h(s) for mixing, which keep every action in use.

Entropy eps H(s) with a neutral measure makes best responses logit, so that equilibria are quantal response
equilibria [1]_; the logarithmic barrier is eps sum log s_a. Both pull towards uniform play.

Their slopes are functions of the logarithms u = log s, since a probability may be too small for a double.

.. [1] McKelvey and Palfrey (1995), "Quantal response equilibria for normal form games".
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.normal_form.risk_measures import check_at_least

FloatArray = NDArray[np.float64]

_ROOT_STEPS = 100
_LARGEST_EXPONENT = 600.0


class Regulariser(Protocol):
    """A strictly concave bonus for mixing, with infinite slope at the walls of the simplex."""

    @property
    def eps(self) -> float:
        """Weight of the bonus, in payoff units; ``rescaled`` divides it."""

    def value(self, s: FloatArray) -> float:
        """h(s), in payoff units; minus infinity where a required action is missing."""

    def slope(self, logs: FloatArray) -> FloatArray:
        """Partial derivatives of h as a function of log s, shape (n,)."""

    def bend(self, logs: FloatArray) -> FloatArray:
        """Derivative of ``slope`` in log s, entry by entry, negative, shape (n,)."""

    def conjugate(self, c: FloatArray) -> tuple[float, FloatArray]:
        """An upper bound on max c.s + h(s), tight to rounding, and the maximiser, shape (n,)."""

    def rescaled(self, unit: float) -> "Regulariser":
        """The regulariser of value h / unit."""


@dataclass(frozen=True, slots=True)
class Entropy:
    """eps H(s), with H the Shannon entropy in nats.

    Attributes:
        eps: weight, in payoff units; positive. One over the precision of logit play.

    Raises:
        ValueError: eps is not positive and finite.
    """

    eps: float

    def __post_init__(self) -> None:
        _check_positive(self.eps)

    def value(self, s: FloatArray) -> float:
        """Return eps times the entropy."""
        held = s[s > 0.0]
        return -self.eps * float(held @ np.log(held))

    def slope(self, logs: FloatArray) -> FloatArray:
        """Return -eps (1 + log s)."""
        return -self.eps * (1.0 + logs)

    def bend(self, logs: FloatArray) -> FloatArray:
        """Return -eps."""
        return np.full_like(logs, -self.eps)

    def conjugate(self, c: FloatArray) -> tuple[float, FloatArray]:
        """Return eps log sum exp(c / eps) and the softmax of c / eps."""
        top = float(c.max())
        e = np.exp((c - top) / self.eps)
        return top + self.eps * float(np.log(e.sum())), e / e.sum()

    def rescaled(self, unit: float) -> "Entropy":
        """Return the entropy of weight eps / unit."""
        return Entropy(self.eps / unit)


@dataclass(frozen=True, slots=True)
class LogBarrier:
    """eps sum_a log s_a.

    Attributes:
        eps: weight, in payoff units; positive.

    Raises:
        ValueError: eps is not positive and finite.
    """

    eps: float

    def __post_init__(self) -> None:
        _check_positive(self.eps)

    def value(self, s: FloatArray) -> float:
        """Return eps times the sum of logarithms."""
        return self.eps * float(np.log(s).sum()) if s.min() > 0.0 else -np.inf

    def slope(self, logs: FloatArray) -> FloatArray:
        """Return eps / s."""
        return np.asarray(self.eps * np.exp(np.minimum(-logs, _LARGEST_EXPONENT)))

    def bend(self, logs: FloatArray) -> FloatArray:
        """Return -eps / s."""
        return -self.slope(logs)

    def conjugate(self, c: FloatArray) -> tuple[float, FloatArray]:
        """Return the Lagrange bound and s = eps / (level - c); the level by a monotone Newton iteration."""
        short = c.max() - c
        lead = self.eps
        for _ in range(_ROOT_STEPS):
            s = self.eps / (short + lead)
            excess = s.sum() - 1.0
            if excess <= 1e-15:
                break
            lead += excess * self.eps / float(s @ s)
        bound = float(c.max()) + lead + self.eps * float((np.log(self.eps / (short + lead)) - 1.0).sum())
        return bound, s / s.sum()

    def rescaled(self, unit: float) -> "LogBarrier":
        """Return the barrier of weight eps / unit."""
        return LogBarrier(self.eps / unit)


def _check_positive(eps: float) -> None:
    check_at_least("eps", eps, 0.0)
    if eps == 0.0:
        raise ValueError("eps must be positive; leave the regulariser out instead of setting it to 0")
