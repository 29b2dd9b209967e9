"""Two-player games with one, completely mixed equilibrium that people have played in laboratories.

How they played is in ``games.normal_form.observed``.
"""

from games.normal_form.game import NormalFormGame

# Payoffs (row, column) of the cells up-left, up-right, down-left, down-right.
_Cells = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]


def _selten_chmura(number: int, cells: _Cells) -> NormalFormGame:
    rows, columns = ([[cells[0][i], cells[1][i]], [cells[2][i], cells[3][i]]] for i in (0, 1))
    labels = (("up", "down"), ("left", "right"))
    return NormalFormGame.bimatrix(rows, columns, actions=labels, name=f"selten-chmura-{number}")


def selten_chmura_1() -> NormalFormGame:
    """Game 1 of twelve: constant sum, equilibrium (1/11, 10/11) of up and left.

    Source: Selten and Chmura (2008), Stationary concepts for experimental 2x2-games, American Economic
    Review 98. Games 1 to 6 have constant sums; games 7 to 12 add to a payoff what the player's own action
    cannot change, so that best replies are those of games 1 to 6, and sums vary.
    """
    return _selten_chmura(1, ((10, 8), (0, 18), (9, 9), (10, 8)))


def selten_chmura_2() -> NormalFormGame:
    """Game 2 of twelve: constant sum, equilibrium (2/11, 8/11). Source: see ``selten_chmura_1``."""
    return _selten_chmura(2, ((9, 4), (0, 13), (6, 7), (8, 5)))


def selten_chmura_3() -> NormalFormGame:
    """Game 3 of twelve: constant sum, equilibrium (3/11, 10/11). Source: see ``selten_chmura_1``."""
    return _selten_chmura(3, ((8, 6), (0, 14), (7, 7), (10, 4)))


def selten_chmura_4() -> NormalFormGame:
    """Game 4 of twelve: constant sum, equilibrium (4/11, 9/11). Source: see ``selten_chmura_1``."""
    return _selten_chmura(4, ((7, 4), (0, 11), (5, 6), (9, 2)))


def selten_chmura_5() -> NormalFormGame:
    """Game 5 of twelve: constant sum, equilibrium (4/11, 8/11). Source: see ``selten_chmura_1``."""
    return _selten_chmura(5, ((7, 2), (0, 9), (4, 5), (8, 1)))


def selten_chmura_6() -> NormalFormGame:
    """Game 6 of twelve: constant sum, equilibrium (5/11, 7/11). Source: see ``selten_chmura_1``."""
    return _selten_chmura(6, ((7, 1), (1, 7), (3, 5), (8, 0)))


def selten_chmura_7() -> NormalFormGame:
    """Game 7 of twelve: best replies of game 1. Source: see ``selten_chmura_1``."""
    return _selten_chmura(7, ((10, 12), (4, 22), (9, 9), (14, 8)))


def selten_chmura_8() -> NormalFormGame:
    """Game 8 of twelve: best replies of game 2. Source: see ``selten_chmura_1``."""
    return _selten_chmura(8, ((9, 7), (3, 16), (6, 7), (11, 5)))


def selten_chmura_9() -> NormalFormGame:
    """Game 9 of twelve: best replies of game 3. Source: see ``selten_chmura_1``."""
    return _selten_chmura(9, ((8, 9), (3, 17), (7, 7), (13, 4)))


def selten_chmura_10() -> NormalFormGame:
    """Game 10 of twelve: best replies of game 4. Source: see ``selten_chmura_1``."""
    return _selten_chmura(10, ((7, 6), (2, 13), (5, 6), (11, 2)))


def selten_chmura_11() -> NormalFormGame:
    """Game 11 of twelve: best replies of game 5. Source: see ``selten_chmura_1``."""
    return _selten_chmura(11, ((7, 4), (2, 11), (4, 5), (10, 1)))


def selten_chmura_12() -> NormalFormGame:
    """Game 12 of twelve: best replies of game 6. Source: see ``selten_chmura_1``."""
    return _selten_chmura(12, ((7, 3), (3, 9), (3, 5), (10, 0)))


def goeree_holt_palfrey_4() -> NormalFormGame:
    """Asymmetric matching pennies, game 4: the second row pays 370 or 10, the first 200 or 160.

    The equilibrium plays the first row with probability 17/32 and the first column with 15/32; people chose
    the first row a little less often than that, and the first column far more often.

    Source: Goeree, Holt and Palfrey (2003), Risk averse behavior in generalized matching pennies games, Games
    and Economic Behavior 45; payoffs as in the code to Mazumdar, Panaganti and Shi (2025).
    """
    labels = (("safe", "risky"), ("left", "right"))
    return NormalFormGame.bimatrix(
        [[200, 160], [370, 10]], [[160, 10], [200, 370]], actions=labels, name="goeree-holt-palfrey-4"
    )
