r"""Mean against variance: of equilibria as risk aversion grows, and of one player's replies.

``risk_frontier`` solves the game for every gamma. ``efficient_frontier`` is the single-player picture

.. math::  \min_{s \in \Delta} s^\top S s \quad \text{subject to} \quad s \cdot m \ge \mu ,

whose solutions maximise :math:`w\, s \cdot m - (1 - w)\, s^\top S s` for some weight w in [0, 1] [1]_.

.. [1] Markowitz (1952), "Portfolio Selection", Journal of Finance 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.normal_form import NormalFormGame, payoff_variances
from games.normal_form.mean_variance import check_moments, maximise_on_simplex
from games.normal_form.risk import RiskAversion, RiskVariance, risk_figures
from games.profiles import Profile
from games.progress import ProgressCallback, ignore_progress
from games.results import Status
from solvers.equilibrium.risk_averse import solve_risk_averse

FloatArray = NDArray[np.float64]

_BISECTIONS = 60


@dataclass(frozen=True, slots=True, eq=False)
class RiskFrontier:
    """Equilibria along a list of G risk aversions, for N players.

    Attributes:
        gammas: risk aversions, shape (G,), in units of one over payoff.
        means: expected payoffs as the objective sees them, shape (G, N).
        variances: penalised variances, shape (G, N).
        realised_variances: variances of the payoffs themselves, own randomisation included, shape (G, N).
        profiles: the G profiles.
        certificates: the G certificates; those not reached stay in the frontier.
        statuses: why each solve stopped.
    """

    gammas: FloatArray
    means: FloatArray
    variances: FloatArray
    realised_variances: FloatArray
    profiles: tuple[Profile, ...]
    certificates: tuple[Certificate, ...]
    statuses: tuple[Status, ...]


@dataclass(frozen=True, slots=True, eq=False)
class EfficientFrontier:
    """Least variances for T target means over n actions.

    Attributes:
        targets: required means, shape (T,).
        means: means attained, at least the targets, shape (T,).
        variances: least variances, shape (T,).
        mixtures: the mixtures, shape (T, n).
    """

    targets: FloatArray
    means: FloatArray
    variances: FloatArray
    mixtures: FloatArray


def risk_frontier(
    game: NormalFormGame,
    gammas: ArrayLike,
    *,
    tremble: float = 0.0,
    variance: RiskVariance = RiskVariance.OPPONENTS,
    start: Sequence[ArrayLike] | None = None,
    warm: bool = True,
    tol: float = 1e-8,
    time_limit: float | None = None,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> RiskFrontier:
    """Solve the game for each gamma, all players sharing it.

    Args:
        game: any normal-form game.
        gammas: risk aversions in the order in which to solve, shape (G,), finite and at least 0.
        tremble: as in ``RiskAversion``.
        variance: as in ``RiskAversion``.
        start: where play starts at the first gamma; uniform by default.
        warm: start every further gamma at the equilibrium before it, which follows a branch; a strict pure
            equilibrium, once there, is never left. False starts them all at ``start``.
        tol: as in ``solve_risk_averse``.
        time_limit: seconds for each gamma.
        rng: as in ``solve_risk_averse``.
        progress: called after each gamma with ``gamma`` and ``certificate``.

    Raises:
        ValueError: no gamma, or one that is negative or not finite, or other arguments out of range.
    """
    grid = np.array(gammas, dtype=np.float64)
    if grid.ndim != 1 or grid.size == 0:
        raise ValueError(f"gammas must have shape (G,) with G >= 1, got {grid.shape}")
    risks = [RiskAversion(float(gamma), tremble, variance) for gamma in grid]
    rng = np.random.default_rng(0) if rng is None else rng
    profiles: list[Profile] = []
    certificates: list[Certificate] = []
    statuses: list[Status] = []
    for k, risk in enumerate(risks):
        begin = profiles[-1] if warm and profiles else start
        result = solve_risk_averse(game, risk, start=begin, tol=tol, time_limit=time_limit, rng=rng)
        profiles.append(result.unwrap())
        certificates.append(result.certificate or Certificate("risk_nash_conv", np.inf))
        statuses.append(result.status)
        progress(k + 1, grid.size, gamma=risk.gammas(1)[0], certificate=certificates[-1].bound)
    figures = [risk_figures(game, x, risk) for x, risk in zip(profiles, risks, strict=True)]
    return RiskFrontier(
        grid,
        np.array([means for means, _ in figures]),
        np.array([variances for _, variances in figures]),
        np.array([payoff_variances(game, x) for x in profiles]),
        tuple(profiles),
        tuple(certificates),
        tuple(statuses),
    )


def efficient_frontier(mean: ArrayLike, covariance: ArrayLike, targets: ArrayLike) -> EfficientFrontier:
    """Least variance of a mixture whose mean reaches each target, against fixed opponents.

    Args:
        mean: expected payoff of each action, shape (n,); see ``risk_moments``.
        covariance: covariance of the actions' payoffs, shape (n, n), symmetric positive semidefinite.
        targets: least means to reach, shape (T,); those above the best mean cannot be.

    Raises:
        ValueError: bad moments, targets of the wrong shape or not finite, or a target above max(mean).
    """
    m, s = check_moments(mean, covariance)
    goals = np.array(targets, dtype=np.float64)
    if goals.ndim != 1 or goals.size == 0 or not np.isfinite(goals).all():
        raise ValueError(f"targets must be finite, of shape (T,) with T >= 1, got {goals!r}")
    slack = 1e-12 * max(float(np.abs(m).max()), 1e-300)
    if goals.max() > m.max() + slack:
        raise ValueError(f"target {goals.max():g} exceeds the greatest mean {m.max():g}")
    mixtures = np.array([_least_variance(m, s, min(float(goal), float(m.max()))) for goal in goals])
    variances = np.maximum(np.einsum("ti,ij,tj->t", mixtures, s, mixtures), 0.0)
    return EfficientFrontier(goals, mixtures @ m, variances, mixtures)


def _least_variance(mean: FloatArray, covariance: FloatArray, goal: float) -> FloatArray:
    """Bisect the weight of the mean, between least variance (0) and greatest mean (1)."""
    linear = mean / (float(np.ptp(mean)) or 1.0)
    quadratic = 2.0 * covariance / (float(np.abs(covariance).max()) or 1.0)
    low = maximise_on_simplex(np.zeros_like(mean), quadratic)[0]
    if low @ mean >= goal:
        return low
    top = np.flatnonzero(mean == mean.max())
    high = np.zeros_like(mean)
    high[top] = maximise_on_simplex(np.zeros(top.size), quadratic[np.ix_(top, top)])[0]
    below, above = 0.0, 1.0
    for _ in range(_BISECTIONS):
        weight = 0.5 * (below + above)
        middle = maximise_on_simplex(weight * linear, (1.0 - weight) * quadratic)[0]
        if middle @ mean >= goal:
            high, above = middle, weight
        else:
            low, below = middle, weight
    # The replies jump where the covariance is singular. At one weight every blend of two optimal replies is
    # optimal, and one of them meets the target.
    share = min(float((goal - low @ mean) / (high @ mean - low @ mean)), 1.0)
    return np.asarray((1.0 - share) * low + share * high)
