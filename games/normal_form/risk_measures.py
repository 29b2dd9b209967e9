r"""Smooth risk measures: what a random payoff is worth to a player who dislikes risk.

A player who mixes with s against the opponents' joint play y receives the random payoff z = A's, where A
holds own actions by opponents' joint actions: z_k with probability y_k. A measure is a concave function
of z, hence a worst case over signed weights q on the opponents' play [1]_,

.. math::  \rho(z, y) = \min_q \; q \cdot z + D(q, y),

and the minimising q is its (super)gradient. The measures of this module, with d = E_y z - z:

============================  ============================================  ==============================
measure                       :math:`\rho`                                  penalty D
============================  ============================================  ==============================
:class:`Neutral`              E z                                           q = y
:class:`MeanVariance`         E z - gamma Var z                             chi2(q, y) / (4 gamma), q signed
:class:`MonotoneMeanVariance` the same with q >= 0                          chi2(q, y) / (4 gamma), q >= 0
:class:`Entropic`             -log E exp(-tau z) / tau                      KL(q, y) / tau
:class:`LowerPartialMoment`   E z - gamma E max(target - z, 0)^order        of a primal form
============================  ============================================  ==============================

where chi2(q, y) = sum (q_k - y_k)^2 / y_k. Monotone mean-variance equals mean-variance while every z_k - E z
is at most 1 / (2 gamma), and unlike it never prefers a dominated action. The piecewise linear measures are
in ``games.normal_form.risk_tails``.

Only the opponents' randomness is penalised (the aggregate form): the own mixture enters through z, which
is what keeps a player's problem concave.

.. [1] Föllmer and Schied (2002), "Convex measures of risk and trading constraints"; for games,
   Mazumdar, Panaganti, Shi (2025), "Tractable equilibrium computation in Markov games through risk
   aversion", ICLR. Monotone mean-variance: Maccheroni, Marinacci, Rustichini, Taboga (2009). Lower partial
   moments in games: Slumbers, Evans, Ganesh, Ardon (2025); the objective follows its abstract.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LARGEST_EXPONENT = 500.0  # of weights on payoffs of probability zero, which multiply that zero


@dataclass(frozen=True, slots=True, eq=False)
class Polyhedron:
    r"""A piecewise linear measure as a linear programme over its shortfalls u.

    .. math::  \rho(z) = \max_{\kappa, u \ge 0} \; b \kappa + w \cdot z - c \cdot u, \qquad
               u_k \ge b \kappa + r \cdot z + t - z_k .

    Attributes:
        caps: prices c of a shortfall, shape (K,); also the bounds of the multipliers of the rows.
        base: w, shape (K,).
        reference: r, shape (K,).
        target: t.
        free: whether the level kappa is there (b = 1) or not (b = 0).
    """

    caps: FloatArray
    base: FloatArray
    reference: FloatArray
    target: float
    free: bool


class RiskMeasure(Protocol):
    """A concave function of a random payoff z, shape (K,), of probabilities y, shape (K,)."""

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """What the payoff is worth, in payoff units."""

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """A supergradient q in z, shape (K,): the weights of the worst case."""

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """Change of the weights, shape (K, m), along the columns of ``dz`` and ``dy``, both of that shape.

        The columns of ``dy`` sum to zero or to any number: y is not renormalised. Where the weights have
        kinks this is one of the one-sided derivatives.
        """

    def rescaled(self, unit: float, shift: float) -> "RiskMeasure":
        """The measure of (z - shift) / unit that is worth (value(z) - shift) / unit."""

    def polyhedron(self, y: FloatArray) -> Polyhedron | None:
        """The measure as a linear programme, or None where it is not piecewise linear."""

    def smoothed(self, width: float) -> "RiskMeasure":
        """A smooth measure within about ``width`` of this one; itself where it is smooth."""


class SmoothMeasure:
    """What measures with continuous weights share."""

    __slots__ = ()

    def polyhedron(self, y: FloatArray) -> Polyhedron | None:
        """None: not piecewise linear."""
        return None

    def smoothed(self, width: float) -> Self:
        """The measure itself."""
        return self


@dataclass(frozen=True, slots=True)
class Neutral(SmoothMeasure):
    """The mean."""

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return E z."""
        return float(y @ z)

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return y itself."""
        return y.copy()

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """Return dy."""
        return dy.copy()

    def rescaled(self, unit: float, shift: float) -> "Neutral":
        """Return the same measure: the mean knows no units."""
        return self


@dataclass(frozen=True, slots=True)
class MeanVariance(SmoothMeasure):
    """E z - gamma Var z; not monotone.

    Attributes:
        gamma: price of variance, in units of one over payoff; at least 0.

    Raises:
        ValueError: gamma is negative or not finite.
    """

    gamma: float

    def __post_init__(self) -> None:
        check_at_least("gamma", self.gamma, 0.0)

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return E z - gamma Var z."""
        mean = float(y @ z)
        return mean - self.gamma * float(y @ (z - mean) ** 2)

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return y (1 - 2 gamma (z - E z)), negative where z is far above its mean."""
        return y * (1.0 - 2.0 * self.gamma * (z - y @ z))

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """See ``RiskMeasure.differential``."""
        density = 1.0 - 2.0 * self.gamma * (z - y @ z)
        change = dz - (y @ dz + z @ dy)
        return density[:, None] * dy - 2.0 * self.gamma * y[:, None] * change

    def rescaled(self, unit: float, shift: float) -> "MeanVariance":
        """Return the measure with gamma times the unit."""
        return MeanVariance(self.gamma * unit)


@dataclass(frozen=True, slots=True)
class MonotoneMeanVariance(SmoothMeasure):
    r"""Mean-variance whose worst-case weights may not be negative.

    The weights are :math:`q_k = y_k \max(0, 1 + 2\gamma(\kappa - z_k))` with the level kappa that makes them
    sum to one, found by sorting z.

    Attributes:
        gamma: price of variance, in units of one over payoff; at least 0.

    Raises:
        ValueError: gamma is negative or not finite.
    """

    gamma: float

    def __post_init__(self) -> None:
        check_at_least("gamma", self.gamma, 0.0)

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return the least q'z + chi2(q, y) / (4 gamma) over mixtures q."""
        if self.gamma == 0.0:
            return float(y @ z)
        density = self._density(z, y)
        return float(y @ (density * z + (density - 1.0) ** 2 / (4.0 * self.gamma)))

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return the minimising mixture."""
        return y * self._density(z, y)

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """See ``RiskMeasure.differential``."""
        density = self._density(z, y)
        if self.gamma == 0.0:
            return density[:, None] * dy
        slope = np.where(density > 0.0, -2.0 * self.gamma, 0.0)
        return level_differential(y, density, slope, dz, dy)

    def rescaled(self, unit: float, shift: float) -> "MonotoneMeanVariance":
        """Return the measure with gamma times the unit."""
        return MonotoneMeanVariance(self.gamma * unit)

    def _density(self, z: FloatArray, y: FloatArray) -> FloatArray:
        mean = y @ z
        if self.gamma == 0.0 or 2.0 * self.gamma * (z.max() - mean) <= 1.0:
            return 1.0 - 2.0 * self.gamma * (z - mean)
        d = z - mean  # centred, so that the level is small beside the payoffs
        held = np.flatnonzero(y > 0.0)
        order = held[np.argsort(d[held], kind="stable")]
        chances = y[order] / y[order].sum()
        mass = np.cumsum(chances)
        mass[-1] = 1.0  # to the last digit, since a small gamma magnifies what is missing
        moment = np.cumsum(chances * d[order])
        # Level j: if just the lowest j + 1 payoffs had positive weight. The last that keeps its own is right.
        levels = ((1.0 - mass) / (2.0 * self.gamma) + moment) / mass
        keeps = 1.0 + 2.0 * self.gamma * (levels - d[order]) > 0.0
        level = levels[np.flatnonzero(keeps)[-1]]
        return np.asarray(np.maximum(0.0, 1.0 + 2.0 * self.gamma * (level - d)))


@dataclass(frozen=True, slots=True)
class Entropic(SmoothMeasure):
    """-log E exp(-tau z) / tau: between the mean (tau to 0) and the worst case (tau to infinity).

    Attributes:
        tau: risk aversion, in units of one over payoff; at least 0.

    Raises:
        ValueError: tau is negative or not finite.
    """

    tau: float

    def __post_init__(self) -> None:
        check_at_least("tau", self.tau, 0.0)

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return the certainty equivalent."""
        if self.tau == 0.0:
            return float(y @ z)
        lowest = float(z[y > 0.0].min())
        # y may sum to one only within rounding, which a small tau would blow up.
        excess = float(y @ np.expm1(-self.tau * np.maximum(z - lowest, 0.0))) / float(y.sum())
        return lowest - math.log1p(excess) / self.tau

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return y exp(-tau z), normalised."""
        return y * self._density(z, y)

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """See ``RiskMeasure.differential``."""
        density = self._density(z, y)
        if self.tau == 0.0:
            return density[:, None] * dy
        return level_differential(y, density, -self.tau * density, dz, dy)

    def rescaled(self, unit: float, shift: float) -> "Entropic":
        """Return the measure with tau times the unit."""
        return Entropic(self.tau * unit)

    def _density(self, z: FloatArray, y: FloatArray) -> FloatArray:
        lowest = z[y > 0.0].min()
        density = np.exp(np.minimum(-self.tau * (z - lowest), _LARGEST_EXPONENT))
        return np.asarray(density / (y @ density))


@dataclass(frozen=True, slots=True)
class LowerPartialMoment:
    r"""E z - gamma E max(target - z, 0)^order: only falling short is penalised.

    Concave for every order of at least one, whether the target is a number or the mean E z itself, since
    the penalty is then a convex, non-decreasing function of a linear one. At order 0 (the probability of
    falling short) it is not, and between 1 and 2 its curvature is unbounded; both are refused. With the mean
    as target it is monotone only for small gamma; with a fixed target always.

    Attributes:
        gamma: price of the moment, in units of payoff^(1 - order); at least 0.
        order: a whole number of at least 1.
        target: payoff below which a player falls short; None is the mean.

    Raises:
        ValueError: gamma is negative or not finite, the order is not a whole number of at least 1, or the
            target is not finite.
    """

    gamma: float
    order: int = 2
    target: float | None = None

    def __post_init__(self) -> None:
        check_at_least("gamma", self.gamma, 0.0)
        if self.order != int(self.order) or self.order < 1:
            raise ValueError(f"order must be a whole number of at least 1, got {self.order!r}")
        if self.target is not None and not math.isfinite(self.target):
            raise ValueError(f"target must be finite or None, got {self.target!r}")

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return the mean less gamma times the moment."""
        return float(y @ z) - self.gamma * float(y @ np.maximum(self._shortfall(z, y), 0.0) ** self.order)

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return the gradient; its entries sum to one when the target is the mean."""
        d = self._shortfall(z, y)
        slope = self.order * np.where(d > 0.0, d, 0.0) ** (self.order - 1) * (d > 0.0)
        return y * self._density(slope, y)

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """See ``RiskMeasure.differential``."""
        p, d = self.order, np.maximum(self._shortfall(z, y), 0.0)
        slope = p * d ** (p - 1) * (d > 0.0)
        bend = p * (p - 1) * d ** max(p - 2, 0) * (d > 0.0)
        return self._differential(slope, bend, z, y, dz, dy)

    def rescaled(self, unit: float, shift: float) -> "LowerPartialMoment":
        """Return the measure with gamma and target in the new units."""
        target = None if self.target is None else (self.target - shift) / unit
        return replace(self, gamma=self.gamma * unit ** (self.order - 1), target=target)

    def polyhedron(self, y: FloatArray) -> Polyhedron | None:
        """The shortfall programme at order one, None above."""
        if self.order > 1:
            return None
        reference = y if self.target is None else np.zeros_like(y)
        return Polyhedron(self.gamma * y, y, reference, self.target or 0.0, False)

    def smoothed(self, width: float) -> RiskMeasure:
        """The measure itself but for order one, whose kinks are rounded."""
        return self if self.order > 1 else _RoundedShortfall(self.gamma, 1, self.target, width)

    def _shortfall(self, z: FloatArray, y: FloatArray) -> FloatArray:
        return (y @ z if self.target is None else self.target) - z

    def _density(self, slope: FloatArray, y: FloatArray) -> FloatArray:
        return 1.0 + self.gamma * (slope - (y @ slope if self.target is None else 0.0))

    def _differential(
        self,
        slope: FloatArray,
        bend: FloatArray,
        z: FloatArray,
        y: FloatArray,
        dz: FloatArray,
        dy: FloatArray,
    ) -> FloatArray:
        density = self._density(slope, y)
        if self.target is None:
            change = bend[:, None] * (y @ dz + z @ dy - dz)
            change = change - (y @ change + slope @ dy)
        else:
            change = -bend[:, None] * dz
        return density[:, None] * dy + self.gamma * y[:, None] * change


@dataclass(frozen=True, slots=True)
class _RoundedShortfall(LowerPartialMoment):
    """Order one with max(d, 0) rounded to (d + sqrt(d^2 + 4 width^2)) / 2."""

    width: float = 0.0

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return the mean less gamma times the rounded moment."""
        d = self._shortfall(z, y)
        return float(y @ z) - self.gamma * float(y @ (0.5 * (d + np.hypot(d, 2.0 * self.width))))

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return the gradient."""
        d = self._shortfall(z, y)
        return y * self._density(0.5 * (1.0 + d / np.hypot(d, 2.0 * self.width)), y)

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """See ``RiskMeasure.differential``."""
        d = self._shortfall(z, y)
        length = np.hypot(d, 2.0 * self.width)
        slope, bend = 0.5 * (1.0 + d / length), 2.0 * self.width**2 / length**3
        return self._differential(slope, bend, z, y, dz, dy)


def level_differential(
    y: FloatArray, density: FloatArray, slope: FloatArray, dz: FloatArray, dy: FloatArray
) -> FloatArray:
    """Differential of q = y phi(z - kappa) with sum q = 1: density phi and its derivative, both (K,)."""
    weight = y * slope
    total = weight.sum()
    level = (weight @ dz + density @ dy) / total if total else np.zeros(dz.shape[1])
    return density[:, None] * dy + weight[:, None] * (dz - level)


def check_at_least(name: str, number: float, least: float) -> None:
    """Raise ValueError unless ``number`` is finite and at least ``least``."""
    if not (math.isfinite(number) and number >= least):
        raise ValueError(f"{name} must be finite and at least {least:g}, got {number!r}")
