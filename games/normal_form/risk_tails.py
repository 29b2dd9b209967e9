r"""Tail risk: conditional value at risk and the worst case.

Both are the least mean over capped mixtures,

.. math::  \rho(z, y) = \min \{ q \cdot z : 0 \le q \le c, \; \textstyle\sum_k q_k = 1 \},

with caps c = y / level [1]_, or no cap but the support of y. They are piecewise linear in z; replacing the
walls by logarithmic barriers of weight ``width`` gives smooth measures, whose mixtures q still obey the
caps and so still bound the measure from above.

.. [1] Rockafellar and Uryasev (2000), "Optimization of conditional value-at-risk".
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form.risk_measures import (
    Neutral,
    Polyhedron,
    RiskMeasure,
    SmoothMeasure,
    level_differential,
)

FloatArray = NDArray[np.float64]

_ROOT_STEPS = 200


@dataclass(frozen=True, slots=True)
class CVaR:
    """Mean of the worst share ``level`` of outcomes: the mean at level 1, towards the worst case at 0.

    Attributes:
        level: share of outcomes, in (0, 1].

    Raises:
        ValueError: the level lies outside (0, 1].
    """

    level: float

    def __post_init__(self) -> None:
        if not 0.0 < self.level <= 1.0:
            raise ValueError(f"level must lie in (0, 1], got {self.level!r}")

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return the mean of the worst outcomes."""
        return float(self.weights(z, y) @ z)

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return the mixture that fills the caps y / level from the lowest payoff up."""
        order = np.argsort(z, kind="stable")
        filled = np.minimum(np.cumsum(y[order]) / (self.level * y.sum()), 1.0)
        q = np.zeros_like(z)
        q[order] = np.diff(filled, prepend=0.0)
        return q

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """Zero in z; in y the caps move, and the outcome at the quantile gives way."""
        q = self.weights(z, y)
        full = q >= y / self.level * (1.0 - 1e-12)
        change = np.where((full & (q > 0.0))[:, None], dy / self.level, 0.0)
        change[np.argmax(np.where(q > 0.0, z, -np.inf))] -= change.sum(axis=0)
        return change

    def rescaled(self, unit: float, shift: float) -> "CVaR":
        """Return the same measure: a share knows no units."""
        return self

    def polyhedron(self, y: FloatArray) -> Polyhedron:
        """The shortfall programme; caps above one would never bind."""
        zeros = np.zeros_like(y)
        return Polyhedron(np.minimum(y / self.level, 1.0), zeros, zeros, 0.0, True)

    def smoothed(self, width: float) -> RiskMeasure:
        """The measure with barriers on 0 <= q <= y / level; the mean itself at level 1."""
        return _BarrierCVaR(self.level, width) if self.level < 1.0 else Neutral()


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The least payoff over the support of y; under trembles, over everything the opponents can do.

    Without trembles it jumps as y reaches the boundary, so an equilibrium need not exist.
    """

    def value(self, z: FloatArray, y: FloatArray) -> float:
        """Return the least payoff that has positive probability."""
        return float(z[y > 0.0].min())

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """Return certainty of the first worst outcome."""
        q = np.zeros_like(z)
        q[np.argmin(np.where(y > 0.0, z, np.inf))] = 1.0
        return q

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        """Zero: the worst outcome stays where it is."""
        return np.zeros_like(dz)

    def rescaled(self, unit: float, shift: float) -> "WorstCase":
        """Return the same measure: a minimum knows no units."""
        return self

    def polyhedron(self, y: FloatArray) -> Polyhedron:
        """The shortfall programme; only outcomes in the support count."""
        zeros = np.zeros_like(y)
        return Polyhedron((y > 0.0).astype(np.float64), zeros, zeros, 0.0, True)

    def smoothed(self, width: float) -> RiskMeasure:
        """The measure with barriers on q >= 0."""
        return _BarrierWorstCase(width)


@dataclass(frozen=True, slots=True)
class _BarrierCVaR(SmoothMeasure):
    """min q.z - width E_y[log w + log(1/level - w)] over q = y w."""

    level: float
    width: float

    def value(self, z: FloatArray, y: FloatArray) -> float:
        w = self._density(z, y)
        rest = np.maximum(1.0 / self.level - w, 1e-300)
        return float((y * w) @ z - self.width * (y @ (np.log(np.maximum(w, 1e-300)) + np.log(rest))))

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        return y * self._density(z, y)

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        w = self._density(z, y)
        rest = 1.0 / self.level - w
        # -1 / (width / w^2 + width / rest^2), without dividing by a w or a rest that vanishes
        slope = -((w * rest) ** 2) / (self.width * (w**2 + rest**2))
        return level_differential(y, w, slope, dz, dy)

    def rescaled(self, unit: float, shift: float) -> "_BarrierCVaR":
        return _BarrierCVaR(self.level, self.width / unit)

    def _density(self, z: FloatArray, y: FloatArray) -> FloatArray:
        """The densities w(z - kappa), decreasing in z, whose mean is one: kappa by bisection."""
        cap = 1.0 / self.level
        slack = 2.0 * self.width * (1.0 + 1.0 / (cap - 1.0))
        low, high = float(z.min()) - slack, float(z.max()) + slack
        for _ in range(_ROOT_STEPS):
            level = 0.5 * (low + high)
            if level in (low, high):
                break
            if y @ self._at(z - level) > 1.0:
                high = level
            else:
                low = level
        w = self._at(z - low)
        return np.asarray(w / (y @ w))

    def _at(self, t: FloatArray) -> FloatArray:
        cap, mu, size = 1.0 / self.level, self.width, np.abs(t) / self.level
        small = 2.0 * mu * cap / (size + 2.0 * mu + np.hypot(size, 2.0 * mu))
        return np.where(t >= 0.0, small, cap - small)


@dataclass(frozen=True, slots=True)
class _BarrierWorstCase(SmoothMeasure):
    """min q.z - width sum log q over mixtures q on the support of y."""

    width: float

    def value(self, z: FloatArray, y: FloatArray) -> float:
        held = y > 0.0
        q = self.weights(z, y)[held]
        return float(q @ z[held] - self.width * np.log(q).sum())

    def weights(self, z: FloatArray, y: FloatArray) -> FloatArray:
        held = y > 0.0
        d = z[held] - z[held].min()
        lead = (
            self.width
        )  # distance of the level below the least payoff: Newton from the left never overshoots
        for _ in range(_ROOT_STEPS):
            q = self.width / (d + lead)
            excess = q.sum() - 1.0
            if excess <= 1e-15:
                break
            lead += excess * self.width / float(q @ q)
        weights = np.zeros_like(z)
        weights[held] = q / q.sum()
        return weights

    def differential(self, z: FloatArray, y: FloatArray, dz: FloatArray, dy: FloatArray) -> FloatArray:
        q = self.weights(z, y)
        slope = -(q**2) / self.width
        return level_differential(np.ones_like(y), q, slope, dz, np.zeros_like(dy))

    def rescaled(self, unit: float, shift: float) -> "_BarrierWorstCase":
        return _BarrierWorstCase(self.width / unit)
