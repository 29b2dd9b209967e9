"""Classic games of three and more players."""

import numpy as np

from games.normal_form.game import NormalFormGame
from games.normal_form.sizes import equal_sizes


def three_player_matching_pennies() -> NormalFormGame:
    """Player 1 wants to match player 2, who wants to match player 3, who wants to mismatch player 1.

    A wish fulfilled pays 1, else -1. The unique equilibrium mixes evenly; fictitious play cycles.

    Source: Jordan (1993), Three problems in learning mixed-strategy Nash equilibria, Games and Economic
    Behavior 5.
    """
    side = 1.0 - 2.0 * np.indices((2, 2, 2))
    payoffs = np.stack([side[0] * side[1], side[1] * side[2], -side[2] * side[0]])
    return NormalFormGame(payoffs, (("heads", "tails"),) * 3, name="three-player-matching-pennies")


def minority_game(players: int = 3) -> NormalFormGame:
    """An odd number of players choose a side; those on the less crowded side get 1, the others 0.

    Source: Challet and Zhang (1997), Emergence of cooperation and organization in an evolutionary game,
    Physica A 246.

    Raises:
        ValueError: ``players`` is even, below three, or makes too large a table.
    """
    if players < 3 or players % 2 == 0:
        raise ValueError(f"players must be an odd number of at least 3, got {players!r}")
    sizes = equal_sizes(players, 2)
    side = np.indices(sizes)
    at_b = side.sum(axis=0)
    wins = np.where(side == 1, at_b < players / 2, at_b > players / 2)
    return NormalFormGame(wins.astype(np.float64), (("A", "B"),) * players, name="minority-game")


def public_goods(players: int = 4, multiplier: float = 2.0) -> NormalFormGame:
    """Everyone may contribute 1; contributions are multiplied and shared equally by all.

    For 1 < multiplier < players contributing is strictly dominated although it pays all together.

    Source: Isaac and Walker (1988), Group size effects in public goods provision, Quarterly Journal of
    Economics 103 (voluntary contribution mechanism).

    Raises:
        ValueError: unless players >= 2 and 1 < multiplier < players, or too large a table.
    """
    if players < 2 or not 1 < multiplier < players:
        raise ValueError(
            f"need players >= 2 and 1 < multiplier < players, got {players!r} and {multiplier!r}"
        )
    sizes = equal_sizes(players, 2)
    gives = np.indices(sizes).astype(np.float64)
    payoffs = multiplier / players * gives.sum(axis=0) - gives
    return NormalFormGame(payoffs, (("keep", "contribute"),) * players, name="public-goods")


def volunteers_dilemma(players: int = 3, benefit: float = 4.0, cost: float = 1.0) -> NormalFormGame:
    """All get ``benefit`` if anyone volunteers; each volunteer pays ``cost``.

    In the symmetric equilibrium everyone waits with probability (cost / benefit)^(1 / (players - 1)).

    Source: Diekmann (1985), Volunteer's dilemma, Journal of Conflict Resolution 29.

    Raises:
        ValueError: unless players >= 2 and 0 < cost < benefit, or too large a table.
    """
    if players < 2 or not 0 < cost < benefit:
        raise ValueError(
            f"need players >= 2 and 0 < cost < benefit, got {players!r}, {cost!r} and {benefit!r}"
        )
    sizes = equal_sizes(players, 2)
    waits = np.indices(sizes).astype(bool)
    payoffs = benefit * ~waits.all(axis=0) - cost * ~waits
    return NormalFormGame(payoffs, (("volunteer", "wait"),) * players, name="volunteers-dilemma")


def seltens_horse() -> NormalFormGame:
    """Normal form of Selten's horse.

    Player 1 goes down (L) or across (R), and then player 2; player 3 answers L or R to whoever went
    down without seeing who. Of its two components of equilibria the one around (L, R, R) is not
    trembling-hand perfect.

    Source: Selten (1975), Reexamination of the perfectness concept, International Journal of Game
    Theory 4, figure 1.
    """
    left, right = 0, 1
    payoffs = np.empty((3, 2, 2, 2))
    payoffs[:, left, :, left] = np.zeros((3, 1))
    payoffs[:, left, :, right] = [[3], [2], [2]]
    payoffs[:, right, left, left] = [0, 0, 1]
    payoffs[:, right, left, right] = [4, 4, 0]
    payoffs[:, right, right, :] = np.ones((3, 1))
    return NormalFormGame(payoffs, (("L", "R"),) * 3, name="seltens-horse")


def nau_irrational() -> NormalFormGame:
    """2x2x2 game with integer payoffs whose unique equilibrium is irrational.

    Player 3 plays the first action with probability z, the root of 2 z^2 + 23 z - 9 in (0, 1); then
    x = (3 - 2z) / (4 - z) and y = (2 - z) / (3 + z) for players 1 and 2.

    Source: Nau, Gomez Canovas and Hansen (2004), On the geometry of Nash equilibria and correlated
    equilibria, International Journal of Game Theory 32, section 4.
    """
    payoffs = np.empty((3, 2, 2, 2))
    payoffs[:, 0, 0, 0], payoffs[:, 1, 0, 0] = (3, 0, 2), (0, 1, 0)
    payoffs[:, 0, 1, 0], payoffs[:, 1, 1, 0] = (0, 2, 0), (1, 0, 0)
    payoffs[:, 0, 0, 1], payoffs[:, 1, 0, 1] = (1, 0, 0), (0, 3, 0)
    payoffs[:, 0, 1, 1], payoffs[:, 1, 1, 1] = (0, 1, 0), (2, 0, 3)
    labels = (("top", "bottom"), ("left", "right"), ("1", "2"))
    return NormalFormGame(payoffs, labels, name="nau-irrational")
