"""Preference games from symmetric zero-sum games, and back.

A symmetric zero-sum game has an antisymmetric payoff matrix A to the row player; with payoffs divided by the
largest of their absolute values it is the preference game P = (1 + A) / 2, with the same equilibria.
"""

import numpy as np

from games.empirical.empirical_game import EmpiricalGame
from games.errors import UnsupportedGameError
from games.normal_form.game import NormalFormGame
from games.preference.game import PreferenceGame

_ANTISYMMETRY = 1e-12  # of the largest absolute payoff


def from_matrix_game(game: NormalFormGame, *, tau: float = 0.0) -> PreferenceGame:
    """The preference game of a symmetric two-player zero-sum game; payoffs that are all 0 make all tied.

    Raises:
        UnsupportedGameError: not two players, not zero-sum, or the payoffs are not antisymmetric.
    """
    if game.num_players != 2 or not game.is_zero_sum():
        raise UnsupportedGameError(f"need a two-player zero-sum game, {game.name!r} is none")
    payoffs = game.payoffs[0]
    if payoffs.shape[0] != payoffs.shape[1]:
        raise UnsupportedGameError(
            f"need as many actions of one player as of the other, {game.name!r} has {payoffs.shape}"
        )
    largest = float(np.abs(payoffs).max())
    excess = float(np.abs(payoffs + payoffs.T).max())
    if excess > _ANTISYMMETRY * largest:
        raise UnsupportedGameError(
            f"need antisymmetric payoffs A = -A^T, those of {game.name!r} differ by {excess:g}"
        )
    scaled = payoffs / largest if largest > 0.0 else payoffs
    return PreferenceGame(0.5 + 0.25 * (scaled - scaled.T), tau=tau, name=game.name)


def from_empirical(game: EmpiricalGame, *, tau: float = 0.0) -> PreferenceGame:
    """The preference game of the mean payoffs of a symmetric two-player zero-sum empirical game.

    Raises:
        UnsupportedGameError: see ``from_matrix_game``; sampled tables must have been made antisymmetric.
        ValueError: a cell holds no episode.
    """
    if not (game.counts > 0).all():
        raise ValueError(f"every cell of {game.name!r} must hold an episode, some hold none")
    return from_matrix_game(NormalFormGame(game.means, name=game.name), tau=tau)


def to_matrix_game(game: PreferenceGame, *, scale: float = 1.0) -> NormalFormGame:
    """The zero-sum game with payoffs ``scale`` * (2 P - 1) to the row player, without the regularisation.

    Raises:
        ValueError: ``game`` is a batch, or ``scale`` is not positive.
    """
    if game.batch_shape:
        raise ValueError(
            f"game must be one context, got a batch of shape {game.batch_shape}; take context(i) of it"
        )
    if not scale > 0.0:
        raise ValueError(f"scale must be positive, got {scale!r}")
    return NormalFormGame.zero_sum(2.0 * scale * game.margins, name=game.name)
