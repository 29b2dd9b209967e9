r"""The conditional logit: choices among options whose utility is linear in what is to be found.

Option a of decision t has features f_ta, and is chosen with probability

.. math::  P(a \mid t) = \frac{e^{f_{ta} \cdot \phi}}{\sum_b e^{f_{tb} \cdot \phi}} .

The log-likelihood is concave in phi [1]_, so Newton's method with halved steps finds the only peak from
anywhere. Two things can be wrong with the data, and both are told: features that do not vary within
decisions leave directions of phi free (``rank``), and choices that some direction explains without error have
their peak at infinity (``separated``); phi then points there, and the log-likelihood is that of the limit.

.. [1] D. McFadden, "Conditional logit analysis of qualitative choice behavior", 1974.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_MOST_STEPS = 100
_SETTLED = 1e-11  # improvement of the log-likelihood, per choice
_LONG_STEP = 0.05  # in utilities of one standard deviation: no peak is near a Newton step that long
_LEAST_EIGENVALUE = 1e-10  # of the greatest, at phi = 0


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Decisions with features, side by side.

    Attributes:
        features: float64 (n, k, m), zero for options that are not there.
        offered: bool (n, k).
        chosen: int64 (n,).
        weights: how many times each decision was made alike, float64 (n,).
    """

    features: FloatArray
    offered: NDArray[np.bool_]
    chosen: NDArray[np.int64]
    weights: FloatArray

    @classmethod
    def of(cls, features: Sequence[ArrayLike], chosen: Sequence[int]) -> "Choices":
        """Put decisions side by side.

        Args:
            features: per decision an array (k_t, m) of finite numbers, or (k_t,) for one feature.
            chosen: per decision the position of the option chosen.

        Raises:
            ValueError: no decisions, or sizes do not fit, or a choice is not among the options.
        """
        tables = [np.asarray(f, dtype=np.float64) for f in features]
        tables = [f[:, None] if f.ndim == 1 else f for f in tables]
        if not tables or len(chosen) != len(tables):
            raise ValueError(f"chosen must hold one option per decision, got {len(chosen)} for {len(tables)}")
        width = tables[0].shape[-1]
        if any(f.ndim != 2 or f.shape[1] != width or not np.isfinite(f).all() for f in tables):
            raise ValueError("features must be finite arrays (options, m) with the same m throughout")
        if not all(0 <= c < len(f) for c, f in zip(chosen, tables, strict=True)):
            raise ValueError(f"chosen must hold positions among the options, got {list(chosen)}")
        sizes = np.array([len(f) for f in tables])
        offered = np.arange(sizes.max()) < sizes[:, None]
        padded = np.zeros((*offered.shape, width))
        # Utilities matter up to a constant per decision only; centred ones lose no digits.
        padded[offered] = np.concatenate([f - f.mean(axis=0) for f in tables])
        return cls(padded, offered, np.asarray(chosen, dtype=np.int64), np.ones(len(tables)))

    def combined(self, weights: ArrayLike) -> "Choices":
        """The same decisions with features ``self.features @ weights``, weights of shape (m, m')."""
        mixed = self.features @ np.asarray(weights, dtype=np.float64)
        return replace(self, features=mixed)

    def weighted(self, weights: ArrayLike) -> "Choices":
        """The same decisions, each made so many times, weights of shape (n,)."""
        return replace(self, weights=np.asarray(weights, dtype=np.float64))

    def log_likelihood(self, coefficients: ArrayLike) -> float:
        """Log-likelihood at phi, shape (m,)."""
        return float(_evaluate(self, np.asarray(coefficients, dtype=np.float64))[0])

    @property
    def log_likelihood_of_chance(self) -> float:
        """That of choosing uniformly."""
        return -float(self.weights @ np.log(self.offered.sum(axis=1)))


@dataclass(frozen=True, slots=True, eq=False)
class LogitFit:
    """The peak of the likelihood.

    Attributes:
        coefficients: phi, shape (m,); 0 along directions that the data leave free.
        log_likelihood: there, or in the limit.
        rank: number of directions of phi that matter to any option; m where all are identified.
        separated: whether the peak lies at infinity.
    """

    coefficients: FloatArray
    log_likelihood: float
    rank: int
    separated: bool


def fit_logit(choices: Choices) -> LogitFit:
    """Fit by maximum likelihood."""
    width, count = choices.features.shape[2], float(choices.weights.sum())
    scale = np.sqrt((choices.features**2).sum(axis=(0, 1)) / choices.offered.sum())
    unit = 1.0 / np.where(scale > 0.0, scale, 1.0)
    scaled = choices.combined(np.diag(unit))
    phi = np.zeros(width)
    level, slope, curvature = _evaluate(scaled, phi)
    values, vectors = np.linalg.eigh(curvature)
    useful = values > _LEAST_EIGENVALUE * max(float(values.max(initial=0.0)), np.finfo(float).tiny)
    basis = vectors[:, useful]
    separated = False
    for _ in range(_MOST_STEPS):
        if not basis.shape[1]:
            break
        inner = basis.T @ curvature @ basis
        # Far out the curvature vanishes; a trace of the identity keeps the step finite.
        inner[np.diag_indices_from(inner)] += 1e-12 * count
        step = basis @ np.linalg.solve(inner, basis.T @ slope)
        length = float(np.linalg.norm(step))
        step *= min(1.0, 5.0 / length) if length > 0.0 else 0.0
        taken = 1.0
        while True:
            moved = _evaluate(scaled, phi + taken * step)
            if moved[0] >= level or taken < 1e-6:
                break
            taken *= 0.5
        gained = moved[0] - level
        if gained > 0.0:
            phi = phi + taken * step
            level, slope, curvature = moved
        if gained <= _SETTLED * count:
            separated = length > _LONG_STEP
            break
    else:
        separated = True
    return LogitFit(phi * unit, float(level), basis.shape[1], separated)


def _evaluate(choices: Choices, phi: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Log-likelihood, its gradient (m,) and its negated second derivative (m, m)."""
    utilities = np.where(choices.offered, choices.features @ phi, -np.inf)
    utilities -= utilities.max(axis=1, keepdims=True)
    weights = np.exp(utilities)
    totals = weights.sum(axis=1)
    weights /= totals[:, None]
    rows = np.arange(len(choices.chosen))
    level = float(choices.weights @ (utilities[rows, choices.chosen] - np.log(totals)))
    means = np.einsum("tk,tkm->tm", weights, choices.features)
    slope = choices.weights @ (choices.features[rows, choices.chosen] - means)
    roots = np.sqrt(weights * choices.weights[:, None])
    centred = (choices.features - means[:, None]) * roots[..., None]
    flat = centred.reshape(-1, phi.size)
    return level, slope, flat.T @ flat
