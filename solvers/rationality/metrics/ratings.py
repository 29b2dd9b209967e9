r"""Ratings of players from matches between two: Bradley-Terry with ties and seats, Elo, and NRA.

**Bradley-Terry** [1]_ with the ties of Davidson [2]_. Player i in the first seat meets player j with chances

.. math::
    \text{win} : \text{loss} : \text{tie} \;=\; e^{\theta_i + \gamma} : e^{\theta_j} :
    e^{\eta + (\theta_i + \gamma + \theta_j) / 2} ,

gamma being what the first seat is worth and eta how common ties are. This is a conditional logit, concave in
all of theta, gamma and eta. Strengths have mean zero; 400 / ln 10 times theta are Elo points.

**Elo** [3]_ moves both ratings after each match by K times what the result exceeds its expectation by. The
outcome hangs on the order of matches, so it is averaged over random orders.

**NRA**, the normalised relative advantage of GTBench (2024; from memory), compares scores f over matches:

.. math::  \frac{\sum f_i - \sum f_j}{\sum |f_i| + \sum |f_j|} \in [-1, 1] .

.. [1] R. A. Bradley and M. E. Terry, "Rank analysis of incomplete block designs", Biometrika 39, 1952.
.. [2] R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties in paired comparison
   experiments", JASA 65, 1970.
.. [3] A. E. Elo, "The Rating of Chessplayers, Past and Present", 1978.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.rationality.metrics.logit import Choices, fit_logit
from solvers.rationality.statistics.intervals import Interval, check_confidence, cluster_numbers

FloatArray = NDArray[np.float64]

_POINTS = 400.0 / math.log(10.0)
_WIN, _LOSS, _TIE = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Results of matches between two.

    Attributes:
        players: number of players P.
        first: who sat first, int (n,), in range(P).
        second: who sat second, int (n,).
        score: of the first, (n,): 1 for a win, 1/2 for a tie, 0 for a loss.
    """

    players: int
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: FloatArray

    def __post_init__(self) -> None:
        first, second = np.asarray(self.first), np.asarray(self.second)
        score = np.asarray(self.score, dtype=np.float64)
        if first.ndim != 1 or not first.size or first.shape != second.shape or first.shape != score.shape:
            raise ValueError(
                f"first, second and score must be vectors of equal length, at least one match, got "
                f"{first.shape}, {second.shape}, {score.shape}"
            )
        seats = np.stack([first, second])
        if seats.dtype.kind not in "iu" or not ((seats >= 0) & (seats < self.players)).all():
            raise ValueError(f"first and second must hold players in range({self.players})")
        if (first == second).any() or not np.isin(score, (0.0, 0.5, 1.0)).all():
            raise ValueError("players must differ within a match, and scores be 0, 1/2 or 1")
        object.__setattr__(self, "first", first.astype(np.int64))
        object.__setattr__(self, "second", second.astype(np.int64))
        object.__setattr__(self, "score", score)


def advantages(matches: Matches) -> FloatArray:
    """Mean score of each player against each other, less one half, shape (P, P); 0 for those who never met.

    Antisymmetric: what `nash_average` rates, and ``solve_alpha_rank_single`` ranks as a zero-sum game.
    """
    size = matches.players
    gains, counts = np.zeros((size, size)), np.zeros((size, size))
    np.add.at(gains, (matches.first, matches.second), matches.score - 0.5)
    np.add.at(counts, (matches.first, matches.second), 1.0)
    means: FloatArray = (gains - gains.T) / np.maximum(counts + counts.T, 1.0)
    return means


@dataclass(frozen=True, slots=True, eq=False)
class BradleyTerry:
    """Fitted strengths.

    Attributes:
        strengths: theta, shape (P,), mean zero; natural logarithms of odds.
        intervals: bootstrap interval of each.
        seat: gamma, what the first seat is worth.
        seat_interval: bootstrap interval of it.
        ties: e^eta; 0 where there were none.
        finite: whether all figures are finite and identified: False where some players never lost to the
            others, were not linked to them by matches, or never changed seats with them.
    """

    strengths: FloatArray
    intervals: tuple[Interval, ...]
    seat: float
    seat_interval: Interval
    ties: float
    finite: bool

    @property
    def points(self) -> FloatArray:
        """Strengths in Elo points about zero."""
        return _POINTS * self.strengths


def fit_bradley_terry(
    matches: Matches,
    *,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    resamples: int = 300,
    confidence: float = 0.95,
) -> BradleyTerry:
    """Fit strengths, seat effect and ties by maximum likelihood.

    Args:
        matches: who met whom, and how it ended.
        rng: draws resamples.
        clusters: per match what it shares luck with; None takes all as independent.
        resamples: bootstrap samples of whole clusters, >= 1.
        confidence: of the intervals, in (0, 1).

    Raises:
        ValueError: an argument out of its range.
    """
    check_confidence(confidence)
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples!r}")
    size = matches.first.size
    places = np.arange(size) if clusters is None else cluster_numbers(clusters, size)
    outcomes = np.where(matches.score == 1.0, _WIN, np.where(matches.score == 0.0, _LOSS, _TIE))
    kinds, kind = np.unique(np.stack([matches.first, matches.second, outcomes]), axis=1, return_inverse=True)
    kind = kind.ravel()
    choices = _as_choices(matches.players, kinds, ties=bool((outcomes == _TIE).any()))
    weights = np.bincount(kind).astype(np.float64)
    fit = fit_logit(choices.weighted(weights))
    # Only differences of strengths matter, so one direction is always free.
    expected = choices.features.shape[2] - 1
    centre = _unpack(fit.coefficients, matches.players)
    drawn = []
    groups = int(places.max()) + 1
    for counts in rng.multinomial(groups, np.full(groups, 1.0 / groups), size=resamples):
        again = np.bincount(kind, counts[places], minlength=weights.size)
        drawn.append(_unpack(fit_logit(choices.weighted(again)).coefficients, matches.players))
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(np.array(drawn), [tail, 1.0 - tail], axis=0)
    intervals = [Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    eta = fit.coefficients[matches.players + 1 :]
    return BradleyTerry(
        centre[: matches.players],
        tuple(intervals[: matches.players]),
        float(centre[matches.players]),
        intervals[matches.players],
        math.exp(float(eta[0])) if eta.size else 0.0,
        fit.rank == expected and not fit.separated,
    )


def _as_choices(players: int, kinds: NDArray[np.int64], *, ties: bool) -> Choices:
    """One decision per kind of match and result: the features of win, loss and perhaps tie."""
    width = players + 1 + ties
    features = []
    for first, second, _ in kinds.T:
        table = np.zeros((2 + ties, width))
        table[_WIN, [first, players]] = 1.0
        table[_LOSS, second] = 1.0
        if ties:
            table[_TIE] = 0.5 * (table[_WIN] + table[_LOSS])
            table[_TIE, -1] = 1.0
        features.append(table)
    return Choices.of(features, kinds[2].tolist())


def _unpack(coefficients: FloatArray, players: int) -> FloatArray:
    """Strengths of mean zero, and the seat effect, shape (P + 1,)."""
    strengths = coefficients[:players] - coefficients[:players].mean()
    return np.append(strengths, coefficients[players])


def elo_ratings(
    matches: Matches,
    *,
    rng: np.random.Generator,
    step: float = 16.0,
    start: float = 1500.0,
    orders: int = 100,
) -> FloatArray:
    """Elo ratings, averaged over random orders of the matches.

    Args:
        matches: who met whom, and how it ended.
        rng: draws the orders.
        step: K, in points.
        start: rating before the first match; the mean stays there.
        orders: how many, >= 1.

    Returns:
        Shape (P,).

    Raises:
        ValueError: ``step`` or ``orders`` out of range.
    """
    if not (math.isfinite(step) and step > 0.0) or orders < 1:
        raise ValueError(f"step must be positive and orders at least 1, got {step!r} and {orders!r}")
    ratings = np.full((orders, matches.players), start)
    every = np.arange(orders)
    ways = np.argsort(rng.random((orders, matches.first.size)), axis=1)
    for turn in ways.T:  # all orders side by side
        first, second = matches.first[turn], matches.second[turn]
        gap = (ratings[every, second] - ratings[every, first]) / _POINTS
        moved = step * (matches.score[turn] - 1.0 / (1.0 + np.exp(gap)))
        ratings[every, first] += moved
        ratings[every, second] -= moved
    mean: FloatArray = ratings.mean(axis=0)
    return mean


def relative_advantage(own: ArrayLike, other: ArrayLike) -> float:
    """NRA of one player over another, from the scores of both in the same matches; 0 where all are zero.

    Raises:
        ValueError: the shapes differ, or a score is not finite.

    Example:
        >>> relative_advantage([1, 1, -1], [-1, -1, 1])
        0.3333333333333333
    """
    a, b = np.asarray(own, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(f"own and other must be finite vectors of equal length, got {a.shape} and {b.shape}")
    whole = float(np.abs(a).sum() + np.abs(b).sum())
    return float(a.sum() - b.sum()) / whole if whole else 0.0
