r"""Distances to equilibrium in normal-form games, from the payoffs alone.

With x a mixed profile and v_i(a) = u_i(a, x_{-i}) the payoff of deviating to action a,

.. math::
    \mathrm{regret}_i(x) = \max_a v_i(a) - x_i \cdot v_i, \qquad
    \mathrm{NashConv}(x) = \sum_i \mathrm{regret}_i(x).

For a joint distribution p over action profiles, the correlated-equilibrium gap sums over players the
best swap deviation, and the coarse correlated gap the best constant deviation.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form.game import NormalFormGame
from games.profiles import Profile, as_distribution, as_profile


def deviation_payoffs(game: NormalFormGame, profile: Sequence[ArrayLike]) -> tuple[NDArray[np.float64], ...]:
    """Payoff of each own action against the others' mixtures: entry i has shape (n_i,)."""
    return contract_payoffs(game, as_profile(profile, game.num_actions))


def contract_payoffs(game: NormalFormGame, strategies: Profile) -> tuple[NDArray[np.float64], ...]:
    """As ``deviation_payoffs``, for a profile that has been validated already."""
    payoffs = []
    for i in range(game.num_players):
        # Own actions first, so that what is left to contract is always the last axis.
        tensor = np.moveaxis(game.payoffs[i], i, 0)
        for j in range(game.num_players - 1, -1, -1):
            if j != i:
                tensor = tensor @ strategies[j]
        payoffs.append(np.asarray(tensor))
    return tuple(payoffs)


def expected_payoffs(game: NormalFormGame, profile: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Expected payoff of each player, shape (N,)."""
    strategies = as_profile(profile, game.num_actions)
    return np.array([x @ v for x, v in zip(strategies, contract_payoffs(game, strategies), strict=True)])


def payoff_variances(game: NormalFormGame, profile: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Variance of each player's realised payoff, own randomisation included, shape (N,)."""
    strategies = as_profile(profile, game.num_actions)
    means = expected_payoffs(game, strategies)
    centred = (game.payoffs - means.reshape(-1, *([1] * game.num_players))) ** 2
    for x in reversed(strategies):
        centred = centred @ x
    return np.asarray(centred)


def regrets(game: NormalFormGame, profile: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """What each player could gain by the best deviation, shape (N,)."""
    strategies = as_profile(profile, game.num_actions)
    payoffs = contract_payoffs(game, strategies)
    # max - mean is non-negative in exact arithmetic; rounding may dip below.
    return np.array([max(float(v.max() - x @ v), 0.0) for x, v in zip(strategies, payoffs, strict=True)])


def nash_conv(game: NormalFormGame, profile: Sequence[ArrayLike]) -> float:
    """Sum of the players' regrets; zero exactly at a Nash equilibrium."""
    return float(regrets(game, profile).sum())


def exploitability(game: NormalFormGame, profile: Sequence[ArrayLike]) -> float:
    """NashConv divided by the number of players, as OpenSpiel defines it."""
    return nash_conv(game, profile) / game.num_players


def ce_gap(game: NormalFormGame, joint: ArrayLike) -> float:
    """Distance of a joint distribution, shape (n_1, ..., n_N), from a correlated equilibrium.

    Sum over players i and recommended actions a of the best gain from answering a with another action.
    """
    p = _joint(game, joint)
    gap = 0.0
    for i, n in enumerate(game.num_actions):
        weights = np.moveaxis(p, i, 0).reshape(n, -1)
        payoffs = np.moveaxis(game.payoffs[i], i, 0).reshape(n, -1)
        gains = weights @ payoffs.T  # gains[a, b]: payoff of playing b whenever told a
        gap += float((gains.max(axis=1) - np.diag(gains)).sum())
    return max(gap, 0.0)


def cce_gap(game: NormalFormGame, joint: ArrayLike) -> float:
    """Distance of a joint distribution, shape (n_1, ..., n_N), from a coarse correlated equilibrium."""
    p = _joint(game, joint)
    gap = 0.0
    for i, n in enumerate(game.num_actions):
        marginal = np.moveaxis(p, i, 0).reshape(n, -1).sum(axis=0)
        payoffs = np.moveaxis(game.payoffs[i], i, 0).reshape(n, -1)
        gap += max(float((payoffs @ marginal).max() - (game.payoffs[i] * p).sum()), 0.0)
    return gap


def _joint(game: NormalFormGame, joint: ArrayLike) -> NDArray[np.float64]:
    p = np.asarray(joint, dtype=np.float64)
    if p.shape != game.num_actions:
        raise ValueError(f"joint must have shape {game.num_actions}, got {p.shape}")
    return as_distribution(p.ravel(), name="joint").reshape(p.shape)
