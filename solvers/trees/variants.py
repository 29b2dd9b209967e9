r"""Members of the family of counterfactual regret minimisation, told apart by four numbers.

At every information set, with instantaneous regrets r_t, cumulative regrets Q and behavior x,

.. math::
    Q_t = d^{\pm}_{t-1} Q_{t-1} + r_t, \qquad
    x_{t+1} \propto [Q_t]^+ \;\text{ or, predictive, }\; [d^+_t [Q_t]^+ + r_t]^+ ,

where d is :math:`t^\alpha / (t^\alpha + 1)` for positive and :math:`t^\beta / (t^\beta + 1)` for negative
regrets. An exponent of infinity keeps regrets whole, one of minus infinity forgets them; so clipping regrets
at zero is beta = -inf. Averages weigh iteration t by t^gamma.
"""

import math
from dataclasses import dataclass
from typing import Protocol

from solvers.trees.cfr_kernels import Rule

_STEEPEST = 20.0  # (1e9)^20 is still far from overflow


class Variant(Protocol):
    """A member of the family."""

    @property
    def name(self) -> str:
        """Its name, with parameters that differ from the usual ones."""

    @property
    def rule(self) -> Rule:
        """Its numbers."""


@dataclass(frozen=True, slots=True)
class CFR:
    """Counterfactual regret minimisation [1]_: all regrets kept, plain averages.

    NashConv of two-player zero-sum games is O(1 / sqrt(t)).

    .. [1] M. Zinkevich, M. Johanson, M. Bowling, C. Piccione, "Regret minimization in games with incomplete
       information", NeurIPS 2007.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "cfr"

    @property
    def rule(self) -> Rule:
        """See ``Variant.rule``."""
        return Rule(math.inf, math.inf, 0.0, False)


@dataclass(frozen=True, slots=True)
class CFRPlus:
    """CFR+ [1]_: regrets clipped at zero, averages weighted by t.

    .. [1] O. Tammelin, "Solving large imperfect information games using CFR+", 2014.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "cfr_plus"

    @property
    def rule(self) -> Rule:
        """See ``Variant.rule``."""
        return Rule(math.inf, -math.inf, 1.0, False)


@dataclass(frozen=True, slots=True)
class Linear:
    """Linear CFR [1]_: iteration t counts t times, in regrets and averages.

    .. [1] N. Brown, T. Sandholm, "Solving imperfect-information games via discounted regret minimization",
       AAAI 2019.
    """

    @property
    def name(self) -> str:
        """Its name."""
        return "linear_cfr"

    @property
    def rule(self) -> Rule:
        """See ``Variant.rule``."""
        return Rule(1.0, 1.0, 1.0, False)


@dataclass(frozen=True, slots=True)
class Discounted:
    """Discounted CFR [1]_: old regrets fade, negative ones faster; the first at coarse accuracy.

    Attributes:
        alpha: exponent of positive regrets; infinity keeps them whole.
        beta: exponent of negative regrets; minus infinity forgets them.
        gamma: exponent of averages, 0 to 20.

    .. [1] As for ``Linear``.
    """

    alpha: float = 1.5
    beta: float = 0.0
    gamma: float = 2.0

    def __post_init__(self) -> None:
        for name in ("alpha", "beta"):
            if math.isnan(getattr(self, name)):
                raise ValueError(f"{name} must be a number, infinite ones included, got nan")
        _require_gamma(self.gamma)

    @property
    def name(self) -> str:
        """Its name, with parameters that differ from the usual ones."""
        usual = self == Discounted()
        return "dcfr" if usual else f"dcfr(alpha={self.alpha:g},beta={self.beta:g},gamma={self.gamma:g})"

    @property
    def rule(self) -> Rule:
        """See ``Variant.rule``."""
        return Rule(float(self.alpha), float(self.beta), float(self.gamma), False)


@dataclass(frozen=True, slots=True)
class PredictivePlus:
    """Predictive CFR+ [1]_: plays what CFR+ would play if the last values came again.

    Attributes:
        gamma: exponent of averages, 0 to 20.

    .. [1] G. Farina, C. Kroer, T. Sandholm, "Faster game solving via predictive Blackwell approachability:
       connecting regret matching and mirror descent", AAAI 2021.
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        _require_gamma(self.gamma)

    @property
    def name(self) -> str:
        """Its name, with parameters that differ from the usual ones."""
        return "pcfr_plus" if self == PredictivePlus() else f"pcfr_plus(gamma={self.gamma:g})"

    @property
    def rule(self) -> Rule:
        """See ``Variant.rule``."""
        return Rule(math.inf, -math.inf, float(self.gamma), True)


@dataclass(frozen=True, slots=True)
class PredictiveDiscounted:
    """Predictive CFR+ whose old regrets fade, PDCFR+ [1]_; the first at high accuracy.

    Attributes:
        alpha: exponent of positive regrets.
        gamma: exponent of averages, 0 to 20.

    .. [1] H. Xu, K. Li, B. Liu, H. Fu, Q. Fu, J. Xing, J. Cheng, "Minimizing weighted counterfactual regret
       with optimistic online mirror descent", IJCAI 2024.
    """

    alpha: float = 2.3
    gamma: float = 5.0

    def __post_init__(self) -> None:
        if math.isnan(self.alpha):
            raise ValueError("alpha must be a number, infinite ones included, got nan")
        _require_gamma(self.gamma)

    @property
    def name(self) -> str:
        """Its name, with parameters that differ from the usual ones."""
        usual = self == PredictiveDiscounted()
        return "pdcfr_plus" if usual else f"pdcfr_plus(alpha={self.alpha:g},gamma={self.gamma:g})"

    @property
    def rule(self) -> Rule:
        """See ``Variant.rule``."""
        return Rule(float(self.alpha), -math.inf, float(self.gamma), True)


def _require_gamma(gamma: float) -> None:
    if not 0.0 <= gamma <= _STEEPEST:  # also refuses NaN
        raise ValueError(f"gamma must lie in 0..{_STEEPEST:g}, got {gamma!r}")
