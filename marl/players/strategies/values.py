"""What each own action of a matrix game is worth, given what the player was told."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from games.text.situations import MatrixSituation
from marl.players.strategies.responses import with_ties


def utilities(situation: MatrixSituation) -> NDArray[np.float64]:
    """Worth of every joint action to the player in the seat, shape (n_own, n of each other in order).

    It is the own payoff, or what the stated desire makes of all payoffs.
    """
    game, seat = situation.game, situation.seat
    if situation.desire is None:
        worth = game.payoffs[seat]
    else:
        worth = situation.desire.utilities(np.moveaxis(game.payoffs, 0, -1), seat)
    return worth if seat == 0 else np.moveaxis(worth, seat, 0)


def others(situation: MatrixSituation) -> list[int]:
    """Players other than the one in the seat, in order."""
    return [player for player in range(situation.game.num_players) if player != situation.seat]


def told_action(situation: MatrixSituation, player: int) -> int | None:
    """The action that another player is known to take, or None."""
    return situation.told[player] if situation.told else None


def expected_utilities(
    situation: MatrixSituation, beliefs: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Worth of each own action, shape (n_own,), when the others draw independently.

    Args:
        situation: the game and the seat.
        beliefs: a distribution per other player, in the order of `others`.
    """
    worth = utilities(situation)
    values = worth
    for belief in reversed(beliefs):
        values = values @ belief
    return with_ties(values, float(np.abs(worth).max()))
