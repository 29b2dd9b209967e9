"""Questions that the tests of players ask."""

import asyncio

import numpy as np

from games.normal_form.game import NormalFormGame
from games.text import Aspect, MatrixSituation, Question

RING = NormalFormGame.bimatrix(
    [[40, 5], [0, 15]], [[0, 10], [7, 8]], actions=(("U", "V"), ("X", "Y")), name="ring"
)
DILEMMA = NormalFormGame.bimatrix(
    [[3, 0], [5, 1]], [[3, 5], [0, 1]], actions=(("C", "D"), ("C", "D")), name="dilemma"
)


def about(game, *, seat=0, seed=0, **fields):
    return Question(MatrixSituation(game, seat, **fields), seed=seed)


def belief_about(game, player, *, seat=0, seed=0, **fields):
    return Question(MatrixSituation(game, seat, **fields), seed, Aspect.BELIEF, player)


def permuted(game, own, other):
    """The game with actions in another order: place k holds what was in place own[k] or other[k]."""
    payoffs = game.payoffs[:, own][:, :, other]
    labels = (
        tuple(game.actions[0][k] for k in own),
        tuple(game.actions[1][k] for k in other),
    )
    return NormalFormGame(payoffs, labels)


def random_game(rng, shape):
    return NormalFormGame(rng.integers(-9, 10, (len(shape), *shape)).astype(np.float64))


def decide(player, question):
    return asyncio.run(player.decide(question))


def weigh(player, question):
    return asyncio.run(player.weigh(question))
