"""Telling games apart that are only played forward, by how they play."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from games.protocols import EnvGame
from marl.policies import UniformPolicy
from marl.populations.population import Population
from marl.rollouts.rollout import draw_action

_EPISODES = 16
_STEPS = 64  # in all, as a simulator may take its time


def play_fingerprint(game: EnvGame[Any]) -> str:
    """SHA-256 of how a few episodes of uniform play go: moves, legal actions, rounded payoffs.

    Two games that differ in rules or payoffs that these episodes meet have different ones; equality is
    evidence, not proof, of the same game. Names do not count.
    """
    digest = hashlib.sha256()
    rng = np.random.default_rng(0)
    players = range(game.num_players)
    digest.update(repr([(game.num_actions(i), _shape(game, i)) for i in players]).encode())
    left = _STEPS
    for _ in range(_EPISODES):
        state = game.initial(rng)
        while left and (movers := game.to_move(state)):
            left -= 1
            joint = {}
            for i in movers:
                digest.update(bytes([i % 256]) + game.legal_mask(state, i).tobytes())
                joint[i] = draw_action(UniformPolicy().probabilities(game, state, i), i, rng)
            state = game.step(state, joint, rng)
        # Other machines may round the last digits in other ways.
        digest.update("".join(f"{v:.6e} " for v in game.returns(state) + 0.0).encode())
    return digest.hexdigest()


def stable_fingerprint(game: EnvGame[Any]) -> str | None:
    """`play_fingerprint`, or None where the game does not repeat itself from the same generator."""
    first, again = play_fingerprint(game), play_fingerprint(game)
    return first if first == again else None


def _shape(game: EnvGame[Any], player: int) -> tuple[int, ...] | None:
    try:
        return tuple(game.observation_shape(player))
    except ValueError:  # games without observations
        return None


def common_game(populations: Sequence[Population]) -> EnvGame[Any]:
    """The game in which all of these populations can meet.

    Where some are behaviors over a tree, it is the guise whose states remember what the tree tells apart.
    Games that do not repeat themselves cannot be told apart by play, and pass for one.

    Raises:
        UnsupportedGameError: the game of one is not at hand.
        ValueError: they are for different games.
    """
    games = [population.playable() for population in populations]
    prints = [stable_fingerprint(game) for game in games]
    for population, found in zip(populations, prints, strict=True):
        if found != prints[0]:
            raise ValueError(
                f"populations must be for one game, got {populations[0].game_name} and "
                f"{population.game_name}, which play differently"
            )
    return next((p.playable() for p in populations if p.form is not None), games[0])
