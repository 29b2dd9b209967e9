r"""Risk-averse play: mean minus variance over what the opponents do.

Player i mixes with s over own actions, the opponents play y (the product of their mixtures, each
trembled: (1 - tremble) x_j + tremble / n_j). With A the payoffs of player i, own actions by opponents'
joint actions, m = A y and S = (A - m 1') diag(y) (A - m 1')',

.. math::  r_i(s, y) = s \cdot m - \gamma_i \, s^\top S s .

A profile is a *risk-averse equilibrium* [1]_ when every player's mixture maximises r_i. The own strategy
is not trembled. The variance s'Ss is taken over the opponents only: r_i is then concave in s, so
equilibria exist, and at gamma = 0 they are the Nash equilibria. Penalising the *total* variance,
own randomisation included,

.. math::  s^\top S s + \mathbb E_y \mathrm{Var}_{a \sim s} A_{a y}
           = \sum_a s_a \left( S_{aa} + (m_a - s \cdot m)^2 \right),

makes r_i convex in s: best responses are pure, and an equilibrium need not exist.

At a pure profile without trembles S vanishes, so every strict pure Nash equilibrium is a risk-averse
equilibrium for every gamma. Mean-variance preferences are not monotone: they may prefer a dominated action.

.. [1] Slumbers, Mguni, Blumberg, McAleer, Yang, Wang (2023), "A game-theoretic framework for managing
   risk in multi-agent systems", ICML; the objective follows its abstract.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form.game import NormalFormGame
from games.normal_form.mean_variance import maximise_on_simplex, risk_best_response as risk_best_response
from games.normal_form.regret import contract_payoffs
from games.profiles import Profile, as_profile, tremble_profile

FloatArray = NDArray[np.float64]
Moments = tuple[FloatArray, FloatArray]
"""Mean of each own action, shape (n_i,), and their covariance over the opponents' play, shape (n_i, n_i)."""


class RiskVariance(Enum):
    """Whose randomness is penalised."""

    OPPONENTS = "opponents"
    """Variance, over the opponents' play, of the payoff averaged over the own mixture."""
    TOTAL = "total"
    """Variance of the realised payoff. Best responses are pure; an equilibrium may not exist."""


@dataclass(frozen=True, slots=True)
class RiskAversion:
    """How players weigh variance against mean.

    Attributes:
        gamma: price of variance, in units of one over payoff; one number for all players, or one each.
        tremble: probability with which each opponent is believed to play uniformly at random, in [0, 1].
        variance: whose randomness is penalised.

    Raises:
        ValueError: gamma is negative or not finite, or tremble lies outside [0, 1].
        TypeError: variance is not a RiskVariance.
    """

    gamma: float | tuple[float, ...]
    tremble: float = 0.0
    variance: RiskVariance = RiskVariance.OPPONENTS

    def __post_init__(self) -> None:
        gammas = self.gamma if isinstance(self.gamma, tuple) else (self.gamma,)
        if not gammas or not all(math.isfinite(g) and g >= 0 for g in gammas):
            raise ValueError(f"gamma must be finite and at least 0, got {self.gamma!r}")
        if not 0 <= self.tremble <= 1:
            raise ValueError(f"tremble must lie in [0, 1], got {self.tremble!r}")
        if not isinstance(self.variance, RiskVariance):
            raise TypeError(f"variance must be a RiskVariance, got {self.variance!r}")

    def __str__(self) -> str:
        words = [f"gamma={self.gamma}"]
        words += [f"tremble={self.tremble}"] if self.tremble else []
        words += ["total variance"] if self.variance is RiskVariance.TOTAL else []
        return ", ".join(words)

    def gammas(self, num_players: int) -> FloatArray:
        """Risk aversion of each player, shape (num_players,)."""
        if not isinstance(self.gamma, tuple):
            return np.full(num_players, float(self.gamma))
        if len(self.gamma) != num_players:
            raise ValueError(
                f"gamma must hold one number per player: wanted {num_players}, got {len(self.gamma)}"
            )
        return np.array(self.gamma, dtype=np.float64)


def risk_moments(
    game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskAversion
) -> tuple[Moments, ...]:
    """Mean and covariance of every player's action payoffs against the trembled play of the others.

    The opponents' joint distribution is formed once per player, as large as one row of the payoffs; no
    array over pairs of actions and joint profiles is.
    """
    return _moments(game, as_profile(profile, game.num_actions), risk)


def _moments(game: NormalFormGame, strategies: Profile, risk: RiskAversion) -> tuple[Moments, ...]:
    believed = tremble_profile(strategies, risk.tremble) if risk.tremble else strategies
    moments = []
    for i, mean in enumerate(contract_payoffs(game, believed)):
        payoffs = np.moveaxis(game.payoffs[i], i, 0).reshape(mean.size, -1)
        # As a square, so that the covariance is symmetric positive semidefinite to rounding.
        root = (payoffs - mean[:, None]) * np.sqrt(_opponents_joint(believed, i))
        moments.append((mean, root @ root.T))
    return tuple(moments)


def risk_adjusted_payoffs(
    game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskAversion
) -> FloatArray:
    """Mean minus gamma times penalised variance of each player, shape (N,)."""
    means, variances = risk_figures(game, profile, risk)
    return means - risk.gammas(game.num_players) * variances


def risk_figures(
    game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskAversion
) -> tuple[FloatArray, FloatArray]:
    """Mean and penalised variance of each player's payoff as ``risk`` sees them, both of shape (N,)."""
    strategies = as_profile(profile, game.num_actions)
    moments = _moments(game, strategies, risk)
    means = np.array([s @ mean for s, (mean, _) in zip(strategies, moments, strict=True)])
    variances = [
        _variance(s, mean, covariance, risk.variance)
        for s, (mean, covariance) in zip(strategies, moments, strict=True)
    ]
    return means, np.array(variances)


def risk_regrets(game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskAversion) -> FloatArray:
    """Upper bounds on what each player could gain by the best deviation, shape (N,).

    With variance over the opponents the best deviation s* is found by a concave quadratic programme, and
    the bound is r(s*) + gap(s*) - r(x) with the first-order gap of s*, so it holds however well the
    programme was solved. With total variance the best of the pure deviations is exact.
    """
    strategies = as_profile(profile, game.num_actions)
    gammas = risk.gammas(game.num_players)
    bounds = np.zeros(game.num_players)
    for i, (mean, covariance) in enumerate(_moments(game, strategies, risk)):
        s, gamma = strategies[i], float(gammas[i])
        if gamma == 0.0:
            bounds[i] = mean.max() - s @ mean
            continue
        shifted = mean - mean.max()  # regrets ignore a common constant; a large one would cost digits
        if risk.variance is RiskVariance.TOTAL:
            best = float((shifted - gamma * np.diag(covariance)).max())
        else:
            _, value, gap = maximise_on_simplex(shifted, 2.0 * gamma * covariance)
            best = value + gap
        bounds[i] = best - (s @ shifted - gamma * _variance(s, shifted, covariance, risk.variance))
    return np.maximum(bounds, 0.0)  # non-negative but for rounding


def risk_nash_conv(game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskAversion) -> float:
    """Sum of the risk regrets: an upper bound that vanishes exactly at a risk-averse equilibrium.

    At gamma = 0 without trembles it is ``nash_conv``.
    """
    return float(risk_regrets(game, profile, risk).sum())


def _variance(s: FloatArray, mean: FloatArray, covariance: FloatArray, variance: RiskVariance) -> float:
    if variance is RiskVariance.TOTAL:
        return float(s @ (np.diag(covariance) + (mean - s @ mean) ** 2))
    return max(float(s @ covariance @ s), 0.0)


def _opponents_joint(profile: Profile, player: int) -> FloatArray:
    joint = np.ones(1)
    for j, x in enumerate(profile):
        if j != player:
            joint = np.multiply.outer(joint, x).ravel()
    return joint
