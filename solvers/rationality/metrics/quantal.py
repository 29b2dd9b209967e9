r"""How precisely payoffs steer choices: lambda of logit responses and of logit equilibria.

**Logit response.** Against a known opponent option a with expected payoff u_a is chosen with probability
proportional to :math:`e^{\lambda u_a}`; the likelihood is concave in lambda.

**Quantal response equilibrium.** Everybody responds so to everybody [1]_; the equilibria at growing lambda
form the branch that starts at uniform play, which `solve_quantal_response` follows. The log-likelihood of
observed counts is followed along the branch of each game to find the highest hill, and its top and interval
by equilibria solved at the very lambda.

Lambda is in 1/payoff and the same for all games and players of a fit. It is infinite where no error is left
to explain; intervals are those of the likelihood, with lambda >= 0, and treat choices as independent.

.. [1] R. D. McKelvey and T. R. Palfrey, "Quantal response equilibria for normal form games", Games and
   Economic Behavior 10, 1995.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from games.normal_form import NormalFormGame
from solvers.equilibrium.quantal_response import QuantalResponse, solve_quantal_response
from solvers.rationality.metrics.likelihood import likelihood_interval
from solvers.rationality.metrics.logit import Choices, fit_logit
from solvers.rationality.statistics.intervals import Interval

_FARTHEST = 1e3  # lambda in units of 1/(payoff range) beyond which it is called infinite
_FLAT = 1e-6  # of log-likelihood: what a higher lambda must gain to be preferred
_LEAST = 1e-300  # probabilities below vanish in float64; their logarithm is taken of this


@dataclass(frozen=True, slots=True)
class PrecisionFit:
    """A fitted lambda.

    Attributes:
        precision: lambda in 1/payoff, >= 0; may be infinite.
        interval: likelihood interval of it.
        log_likelihood: at the fit.
        chance: log-likelihood of uniform choice.
        count: choices.
    """

    precision: float
    interval: Interval
    log_likelihood: float
    chance: float
    count: int


def fit_logit_response(
    utilities: Sequence[ArrayLike], actions: Sequence[int], *, confidence: float = 0.95
) -> PrecisionFit:
    """Fit lambda to choices whose expected payoffs are known.

    Args:
        utilities: per choice the expected payoff of each option.
        actions: per choice the option taken.
        confidence: of the interval, in (0, 1).

    Returns:
        Lambda 0 with an interval from 0 on where worse options are preferred; the interval [0, inf] where
        options never differ.

    Raises:
        ValueError: no choices, or sizes do not fit.
    """
    choices = Choices.of(utilities, actions)
    fit = fit_logit(choices)
    slope, chance = float(fit.coefficients[0]), choices.log_likelihood_of_chance
    if not fit.rank:
        return PrecisionFit(0.0, Interval(0.0, math.inf), chance, chance, len(actions))
    reach = float(np.abs(choices.features).max())
    start = max(slope, 0.0)
    peak = fit.log_likelihood if slope > 0.0 else chance
    interval = likelihood_interval(
        lambda lam: choices.log_likelihood([lam]),
        start,
        peak,
        step=max(0.1 * start, 0.01 / reach),
        confidence=confidence,
        lowest=0.0,
        highest=start + _FARTHEST / reach,
    )
    interval = _unbounded_beyond(interval, start + _FARTHEST / reach)
    precision = math.inf if fit.separated and slope > 0.0 else start
    return PrecisionFit(precision, interval, peak, chance, len(actions))


def fit_quantal_response(
    games: Sequence[NormalFormGame],
    counts: Sequence[Sequence[ArrayLike]],
    *,
    confidence: float = 0.95,
) -> PrecisionFit:
    """Fit lambda of a logit quantal response equilibrium to choices in one or many games.

    Args:
        games: the games.
        counts: per game and player how often each action was taken, shape (n_i,); zeros for a player who was
            not observed.
        confidence: of the interval, in (0, 1).

    Raises:
        ValueError: counts do not fit the games, are negative, or are all zero.
    """
    seen = _counts(games, counts)
    chance = -sum(float(c.sum()) * math.log(c.size) for row in seen for c in row)
    total = round(sum(float(c.sum()) for row in seen for c in row))
    unit = max(game.payoff_range for game in games)
    if unit == 0.0:
        return PrecisionFit(0.0, Interval(0.0, math.inf), chance, chance, total)
    farthest = _FARTHEST / unit

    @functools.lru_cache(maxsize=256)
    def level(lam: float) -> float:
        answers = (solve_quantal_response(game, lam).unwrap().profile for game in games)
        return math.fsum(_log_likelihood(row, profile) for row, profile in zip(seen, answers, strict=True))

    grid, heights = _along_branches(games, seen, farthest)
    top = int(np.argmax(heights))
    # A plateau that ends at infinity is entered at its near end, and climbed no further.
    first = int(np.argmax(heights >= heights[top] - _FLAT))
    top = first if heights[-1] >= heights[top] - _FLAT else top
    low, high = grid[max(top - 1, 0)], grid[min(top + 1, grid.size - 1)]
    found = minimize_scalar(lambda lam: -level(lam), bounds=(low, high), method="bounded")
    best, peak = max(
        ((float(grid[top]), level(float(grid[top]))), (float(found.x), -found.fun)), key=lambda c: c[1]
    )
    if level(0.0) >= peak - _FLAT * 1e-3:
        best, peak = 0.0, level(0.0)
    precision = math.inf if level(farthest) >= peak - _FLAT else best
    interval = likelihood_interval(
        level,
        best,
        max(peak, level(farthest)),
        step=max(0.1 * best, 0.01 / unit),
        confidence=confidence,
        lowest=0.0,
        highest=farthest,
    )
    return PrecisionFit(precision, _unbounded_beyond(interval, farthest), peak, chance, total)


def _unbounded_beyond(interval: Interval, farthest: float) -> Interval:
    """Precisions as high as looked at are as good as infinite."""
    return Interval(interval.low, math.inf if interval.high >= farthest else interval.high)


def _along_branches(
    games: Sequence[NormalFormGame], seen: list[list[NDArray[np.float64]]], farthest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precisions met on any branch, and the log-likelihood there, interpolated along each branch."""
    branches = [solve_quantal_response(game, farthest).unwrap() for game in games]
    firsts = [_first_crossings(branch) for branch in branches]
    grid = np.unique(
        np.concatenate([branch.lams[kept] for branch, kept in zip(branches, firsts, strict=True)])
    )
    heights = np.zeros_like(grid)
    for row, branch, kept in zip(seen, branches, firsts, strict=True):
        points = [_log_likelihood(row, [x[k] for x in branch.path]) for k in kept]
        heights += np.interp(grid, branch.lams[kept], points)
    return grid, heights


def _first_crossings(branch: QuantalResponse) -> NDArray[np.int64]:
    """Points of a branch at which lambda is greater than ever before: turns back are left out."""
    before = np.concatenate([[-math.inf], np.maximum.accumulate(branch.lams)[:-1]])
    kept: NDArray[np.int64] = np.flatnonzero(branch.lams > before)
    return kept


def _log_likelihood(row: Sequence[NDArray[np.float64]], profile: Sequence[NDArray[np.float64]]) -> float:
    pairs = zip(row, profile, strict=True)
    return sum(float(c @ np.log(np.maximum(x, _LEAST))) for c, x in pairs)


def _counts(
    games: Sequence[NormalFormGame], counts: Sequence[Sequence[ArrayLike]]
) -> list[list[NDArray[np.float64]]]:
    seen = [[np.asarray(c, dtype=np.float64) for c in row] for row in counts]
    wanted = [[(n,) for n in game.num_actions] for game in games]
    if [[c.shape for c in row] for row in seen] != wanted:
        got = [[c.shape for c in row] for row in seen]
        raise ValueError(f"counts must have shapes {wanted}, per game and player, got {got}")
    every = np.concatenate([c for row in seen for c in row]) if seen else np.zeros(1)
    if not (np.isfinite(every).all() and every.min() >= 0.0 and every.sum() > 0.0):
        raise ValueError("counts must be non-negative and not all zero")
    return seen
