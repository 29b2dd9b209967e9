"""Classic two-player zero-sum games; matrices hold the payoffs of the row player."""

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame


def matching_pennies() -> NormalFormGame:
    """The row player wins 1 when the coins match, else loses 1.

    Source: von Neumann and Morgenstern (1944), Theory of Games and Economic Behavior, section 17.2.
    """
    labels = ("heads", "tails")
    return NormalFormGame.zero_sum([[1, -1], [-1, 1]], actions=(labels, labels), name="matching-pennies")


def odd_or_even() -> NormalFormGame:
    """Both call one or two; the sum goes to the row player if odd, else to the column player.

    Value 1/12, both call one with probability 7/12.

    Source: Ferguson, Game Theory, part II, section 1.2.
    """
    labels = ("one", "two")
    return NormalFormGame.zero_sum([[-2, 3], [3, -4]], actions=(labels, labels), name="odd-or-even")


def rock_paper_scissors() -> NormalFormGame:
    """Paper beats rock, scissors beat paper, rock beats scissors; a win is worth 1.

    Source: folk game; von Neumann and Morgenstern (1944), section 17.1.
    """
    return _cyclic("rock-paper-scissors", 1.0, 1.0, 1.0)


def weighted_rock_paper_scissors(
    paper_on_rock: float = 1.0, scissors_on_paper: float = 3.0, rock_on_scissors: float = 2.0
) -> NormalFormGame:
    """Rock-paper-scissors whose three kinds of win are worth different amounts.

    Each action is played in proportion to the win of which it is no part: the default wins 1, 3 and 2
    give (1/2, 1/3, 1/6). The value is 0.

    Source: Kaplansky (1945), A contribution to von Neumann's theory of games, Annals of Mathematics 46
    (completely mixed skew-symmetric games).

    Raises:
        ValueError: a win is not positive.
    """
    if not min(paper_on_rock, scissors_on_paper, rock_on_scissors) > 0:
        raise ValueError(
            f"wins must be positive, got {paper_on_rock!r}, {scissors_on_paper!r}, {rock_on_scissors!r}"
        )
    return _cyclic("weighted-rock-paper-scissors", paper_on_rock, scissors_on_paper, rock_on_scissors)


def rock_paper_scissors_lizard_spock() -> NormalFormGame:
    """Five actions on a circle, each beating two and losing to two; the equilibrium is uniform.

    Source: Kass and Bryla (1998); the regular tournament on five vertices.
    """
    # In this order every action loses to the next one and to the third after it.
    labels = ("rock", "paper", "scissors", "spock", "lizard")
    gap = (np.arange(5)[:, None] - np.arange(5)[None, :]) % 5
    wins = np.isin(gap, (1, 3)).astype(np.float64)
    return NormalFormGame.zero_sum(
        wins - wins.T, actions=(labels, labels), name="rock-paper-scissors-lizard-spock"
    )


def oneill() -> NormalFormGame:
    """O'Neill's card game: a joker (first action) and three number cards, a win is worth 1.

    The row player wins with two jokers or two different numbers. Both play (2/5, 1/5, 1/5, 1/5), the
    value is -1/5.

    Source: O'Neill (1987), Nonmetric test of the minimax theory of two-person zerosum games, PNAS 84
    (there in stakes of 5 cents).
    """
    rows = 1.0 - 2.0 * np.eye(4)
    rows[0], rows[:, 0] = -1.0, -1.0
    rows[0, 0] = 1.0
    labels = ("joker", "ace", "two", "three")
    return NormalFormGame.zero_sum(rows, actions=(labels, labels), name="oneill")


def rapoport_boebel() -> NormalFormGame:
    """5x5 game in which the row player wins 10 or loses 6; both play (3, 2, 1, 1, 1) / 8, value 0.

    Source: Rapoport and Boebel (1992), Mixed strategies in strictly competitive games, Games and
    Economic Behavior 4, first experiment.
    """
    wins = np.array(
        [[1, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 1, 0, 0, 1], [0, 1, 0, 1, 0], [0, 1, 1, 0, 0]], dtype=float
    )
    labels = (tuple(f"A{k}" for k in range(1, 6)), tuple(f"B{k}" for k in range(1, 6)))
    return NormalFormGame.zero_sum(16.0 * wins - 6.0, actions=labels, name="rapoport-boebel")


def lieberman() -> NormalFormGame:
    """3x3 game with the saddle point (A3, B3) of value 0.

    Source: Lieberman (1960), Human behavior in a strictly determined 3x3 matrix game, Behavioral
    Science 5.
    """
    labels = (("A1", "A2", "A3"), ("B1", "B2", "B3"))
    return NormalFormGame.zero_sum([[15, 0, -2], [0, -15, -1], [1, 2, 0]], actions=labels, name="lieberman")


def penalty_kick() -> NormalFormGame:
    """Scoring probabilities of professional penalties, kicker's natural side being right.

    Source: Palacios-Huerta (2003), Professionals play minimax, Review of Economic Studies 70.
    """
    labels = ("left", "right")
    return NormalFormGame.zero_sum(
        [[0.5830, 0.9497], [0.9291, 0.6992]], actions=(labels, labels), name="penalty-kick"
    )


def two_finger_morra() -> NormalFormGame:
    """Both show one or two fingers and guess the other's; a lone right guess wins all fingers shown.

    The optimal strategies mix "show 1, guess 2" with probability 4/7 to 3/5 and "show 2, guess 1".

    Source: Dresher (1961), Games of Strategy; Dantzig (1963), Linear Programming and Extensions.
    """
    moves = [(show, guess) for show in (1, 2) for guess in (1, 2)]
    rows = np.zeros((4, 4))
    for k, (show, guess) in enumerate(moves):
        for m, (other_show, other_guess) in enumerate(moves):
            rows[k, m] = (show + other_show) * (int(guess == other_show) - int(other_guess == show))
    labels = tuple(f"show {show}, guess {guess}" for show, guess in moves)
    return NormalFormGame.zero_sum(rows, actions=(labels, labels), name="two-finger-morra")


def colonel_blotto(regiments: int = 4, enemies: int = 3) -> NormalFormGame:
    """Colonel Blotto (rows) and his enemy divide their regiments between two posts.

    At each post the larger force wins the post, worth 1, and each regiment beaten there, worth 1 too.
    With 4 against 3 regiments the value is 14/9.

    Source: McDonald and Tukey (1949), Colonel Blotto: a problem of military strategy, Fortune; Dresher
    (1961), Games of Strategy.

    Raises:
        ValueError: a side has fewer than one regiment.
    """
    if min(regiments, enemies) < 1:
        raise ValueError(f"both sides need at least one regiment, got {regiments!r} and {enemies!r}")
    first, second = _two_posts(regiments), _two_posts(enemies)
    own, other = first[:, None, :], second[None, :, :]
    rows = np.sign(own - other) * (np.minimum(own, other) + 1)
    labels = tuple(tuple(f"{a}-{b}" for a, b in side) for side in (first, second))
    return NormalFormGame.zero_sum(rows.sum(axis=2), actions=labels, name="colonel-blotto")


def _two_posts(total: int) -> NDArray[np.int64]:
    """All divisions of ``total`` between two posts, shape (total + 1, 2), the first post strongest first."""
    at_first = np.arange(total, -1, -1, dtype=np.int64)
    return np.stack([at_first, total - at_first], axis=1)


def _cyclic(
    name: str, paper_on_rock: float, scissors_on_paper: float, rock_on_scissors: float
) -> NormalFormGame:
    labels = ("rock", "paper", "scissors")
    rows = [
        [0.0, -paper_on_rock, rock_on_scissors],
        [paper_on_rock, 0.0, -scissors_on_paper],
        [-rock_on_scissors, scissors_on_paper, 0.0],
    ]
    return NormalFormGame.zero_sum(rows, actions=(labels, labels), name=name)
