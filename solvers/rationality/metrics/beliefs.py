r"""How good stated beliefs are: proper scores, distance to the Bayes posterior, calibration.

For a stated distribution q over k options, of which option j happens,

.. math::
    \mathrm{Brier} = \sum_a (q_a - 1[a = j])^2 \in [0, 2], \qquad
    \mathrm{log} = -\ln \max(q_j, \epsilon), \qquad
    D(p \,\|\, q) = \sum_a p_a \ln \frac{p_a}{\max(q_a, \min(p_a, \epsilon))},

the first after Brier [1]_, the second after Good [2]_, both least in expectation for q = p, the true
distribution. A belief that calls impossible what happens has no finite log score; the floor epsilon,
`FLOOR` = .001 unless told, makes it one, and no score exceeds -ln(epsilon). Logarithms are natural.

**Calibration.** Over all stated probabilities, put in bins, the expected calibration error [3]_ is the mean
distance between what was stated and how often it happened, weighted by the number in each bin. It is biased
upward: the frequencies of a perfectly calibrated player scatter too.

.. [1] G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78,
   1950.
.. [2] I. J. Good, "Rational decisions", JRSS B 14, 1952.
.. [3] M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
   binning", AAAI 2015 (from memory).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FLOOR = 1e-3
"""Least probability that a logarithm is taken of."""

_SUM_TOLERANCE = 1e-6


def brier_scores(beliefs: ArrayLike, happened: ArrayLike) -> NDArray[np.float64]:
    """Brier score of each belief: 0 for certainty of what happened, 2 for certainty of something else.

    Args:
        beliefs: distributions, shape (n, k).
        happened: option that happened, int, shape (n,).

    Returns:
        Shape (n,). A uniform belief scores 1 - 1/k.

    Raises:
        ValueError: shapes do not fit, or an entry is out of its range.
    """
    rows, happened_at = _beliefs(beliefs, "beliefs"), _options(happened, beliefs)
    stated = rows[np.arange(len(rows)), happened_at]
    scores: NDArray[np.float64] = (rows**2).sum(axis=1) - 2.0 * stated + 1.0
    return np.maximum(scores, 0.0)  # rounding


def log_scores(beliefs: ArrayLike, happened: ArrayLike, *, floor: float = FLOOR) -> NDArray[np.float64]:
    """Logarithmic score of each belief, in nats, within [0, -ln(floor)]; arguments as in `brier_scores`."""
    _check_floor(floor)
    rows, happened_at = _beliefs(beliefs, "beliefs"), _options(happened, beliefs)
    return np.abs(np.log(np.maximum(rows[np.arange(len(rows)), happened_at], floor)))


def guesses(beliefs: ArrayLike, happened: ArrayLike, *, tolerance: float = 1e-9) -> NDArray[np.float64]:
    """How likely a guess at what a belief holds likeliest is right, ties broken by chance.

    Uniform beliefs get what uniform guesses get.

    Args:
        beliefs: shape (n, k).
        happened: int (n,), what did.
        tolerance: differences of probabilities below it are ties.

    Returns:
        Shape (n,): 0, or one over the number of the likeliest options.

    Raises:
        ValueError: as `brier_scores`.

    Example:
        >>> guesses([[0.7, 0.3], [0.5, 0.5]], [0, 1]).tolist()
        [1.0, 0.5]
    """
    rows = _beliefs(beliefs, "beliefs")
    likeliest = rows >= rows.max(axis=1, keepdims=True) - tolerance
    hit = likeliest[np.arange(len(rows)), _options(happened, rows)]
    return np.asarray(hit / likeliest.sum(axis=1), dtype=np.float64)


def divergences(posteriors: ArrayLike, beliefs: ArrayLike, *, floor: float = FLOOR) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of each belief from the posterior it should be, in nats.

    Args:
        posteriors: what a Bayesian would have believed, shape (n, k).
        beliefs: what was stated, shape (n, k).
        floor: least stated probability, in (0, 1).

    Returns:
        Shape (n,), not negative; 0 where the belief is the posterior.

    Raises:
        ValueError: shapes do not fit, or an entry is out of its range.
    """
    _check_floor(floor)
    p, q = _beliefs(posteriors, "posteriors"), _beliefs(beliefs, "beliefs")
    if p.shape != q.shape:
        raise ValueError(f"posteriors and beliefs must have equal shapes, got {p.shape} and {q.shape}")
    # What the posterior itself holds below the floor may be stated below it.
    lifted = np.maximum(q, np.minimum(p, floor))
    ratios = np.log(np.where(p > 0.0, p, 1.0) / np.where(p > 0.0, lifted, 1.0))
    total: NDArray[np.float64] = (p * ratios).sum(axis=1)
    return np.maximum(total, 0.0)  # the floor may lift a sum of stated probabilities above one


def distances(posteriors: ArrayLike, beliefs: ArrayLike) -> NDArray[np.float64]:
    """Total variation distance of each belief from the posterior, in [0, 1], shape (n,)."""
    p, q = _beliefs(posteriors, "posteriors"), _beliefs(beliefs, "beliefs")
    if p.shape != q.shape:
        raise ValueError(f"posteriors and beliefs must have equal shapes, got {p.shape} and {q.shape}")
    total: NDArray[np.float64] = 0.5 * np.abs(p - q).sum(axis=1)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """How often things happened that were stated with like probabilities.

    Attributes:
        stated: mean stated probability in each bin that holds any, shape (b,).
        frequency: how often these came true, shape (b,).
        count: how many they were, int, shape (b,).
        error: expected calibration error, in [0, 1]; NaN without beliefs.
    """

    stated: NDArray[np.float64]
    frequency: NDArray[np.float64]
    count: NDArray[np.int64]
    error: float


def calibration(beliefs: ArrayLike, happened: ArrayLike, *, bins: int = 10) -> Calibration:
    """Compare stated probabilities, of all options, with frequencies in ``bins`` equal parts of [0, 1].

    Arguments and errors are those of `brier_scores`, and ``bins`` must be at least 1.
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins!r}")
    rows, happened_at = _beliefs(beliefs, "beliefs"), _options(happened, beliefs)
    true = np.zeros_like(rows)
    true[np.arange(len(rows)), happened_at] = 1.0
    places = np.minimum((rows.ravel() * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    used = counts > 0
    stated = np.bincount(places, rows.ravel(), minlength=bins)[used] / counts[used]
    frequency = np.bincount(places, true.ravel(), minlength=bins)[used] / counts[used]
    gaps = np.abs(stated - frequency) @ counts[used]
    return Calibration(stated, frequency, counts[used], float(gaps / rows.size) if rows.size else math.nan)


def rounds_to_identify(beliefs: ArrayLike, truths: ArrayLike, *, within: float = 0.25) -> int | None:
    """First round from which on every belief stays near the truth.

    Args:
        beliefs: one distribution per round, shape (n, k).
        truths: distribution from which the other really moves, per round, shape (n, k).
        within: greatest total variation distance that counts as near.

    Returns:
        The round, from 0; None where the last belief is still off, or there are no rounds.
    """
    if not 0.0 <= within <= 1.0:
        raise ValueError(f"within must lie in [0, 1], got {within!r}")
    off = np.flatnonzero(distances(truths, beliefs) > within)
    start = int(off[-1]) + 1 if off.size else 0
    return start if start < len(np.asarray(beliefs)) else None


def _beliefs(values: ArrayLike, name: str) -> NDArray[np.float64]:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(f"{name} must have shape (n, k), got {rows.shape}")
    # `not <=` also catches NaN.
    if rows.size and not (np.abs(rows.sum(axis=1) - 1.0) <= _SUM_TOLERANCE).all():
        raise ValueError(f"{name} must sum to one in each row, got {rows.sum(axis=1)}")
    if rows.size and rows.min() < 0.0:
        raise ValueError(f"{name} must not be negative, got {rows.min()}")
    return rows


def _options(happened: ArrayLike, beliefs: ArrayLike) -> NDArray[np.int64]:
    places, shape = np.asarray(happened), np.asarray(beliefs).shape
    if places.shape != shape[:1] or (places.size and places.dtype.kind not in "iu"):
        raise ValueError(f"happened must hold one option per belief, {shape[0]}, got {happened!r}")
    if places.size and not ((places >= 0) & (places < shape[1])).all():
        raise ValueError(f"happened must lie in range({shape[1]}), got {happened!r}")
    return places.astype(np.int64)


def _check_floor(floor: float) -> None:
    if not 0.0 < floor < 1.0:
        raise ValueError(f"floor must lie in (0, 1), got {floor!r}")
