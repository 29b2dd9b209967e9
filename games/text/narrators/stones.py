"""Tic-tac-toe, connect four and nim in words, from the board that both players see."""

from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.text.narrators.people import grid, history, listed, you_are

_STONES = "xo"


class TicTacToe:
    """``tic_tac_toe``."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        return (
            "Tic-tac-toe on a board of 3 rows and 3 columns. Players take turns, player 1 first: player 1 "
            "puts an x, player 2 an o, on a free cell. Row 1 is at the top, column 1 at the left. Who first "
            "has three in a line, along a row, a column or a diagonal, wins, which ends the game: the "
            "winner's payoff is 1, the loser's is -1. When the board is full without such a line the game "
            "ends, and both get 0.\n" + you_are(seat, f" and put {_STONES[seat]}")
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        past = ((k % 2, _cell(action)) for k, action in enumerate(state.history()))
        board = grid(state.observation_string(seat).split(), range(1, 4), range(1, 4))
        return f"{history(past, seat, 2)}\n{_legend(seat)}\n{board}"

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _cell(action)


def _cell(action: int) -> str:
    return f"row {action // 3 + 1} column {action % 3 + 1}"


def _legend(seat: int) -> str:
    own, other = _STONES[seat], _STONES[1 - seat]
    return f"Board, rows and columns numbered; {own} is yours, {other} the opponent's, . free:"


class ConnectFour:
    """``connect_four`` on a board of any size."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        given = game.spiel_game.get_parameters()
        rows, columns, run = given["rows"], given["columns"], given["x_in_row"]
        return (
            f"A game of {run} in a row on an upright board of {rows} rows and {columns} columns. Players "
            "take turns, player 1 first: player 1 drops an x, player 2 an o, into a column that is not full, "
            "where it falls to the lowest free cell. Row 1 is at the bottom, column 1 at the left. Who first "
            f"has {run} next to each other in a line, along a row, a column or a diagonal, wins, which ends "
            "the game: the winner's payoff is 1, the loser's is -1. When the board is full without such a "
            "line the game "
            "ends, and both get 0.\n" + you_are(seat, f" and drop {_STONES[seat]}")
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        past = ((k % 2, _column(action)) for k, action in enumerate(state.history()))
        rows = state.observation_string(seat).split()
        board = grid(rows, range(len(rows), 0, -1), range(1, len(rows[0]) + 1))
        return f"{history(past, seat, 2)}\n{_legend(seat)}\n{board}"

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _column(action)


def _column(action: int) -> str:
    return f"column {action + 1}"


class Nim:
    """``nim`` with any piles, with the last object to win or to lose."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        given = game.spiel_game.get_parameters()
        last = "loses" if given["is_misere"] else "wins"
        piles = given["pile_sizes"].split(";")
        return (
            f"Nim with {len(piles)} piles of objects, which hold {listed(piles)} at the beginning. Players "
            "take turns, player 1 first, and must take one or more objects, all from the same pile. Who "
            f"takes the last object of all {last}, and the game is over: the winner's payoff is 1, the "
            "loser's is -1.\n" + you_are(seat)
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        past = ((k % 2, _take(game, action)) for k, action in enumerate(state.history()))
        _, *left = state.observation_string(seat).split()
        piles = listed(f"pile {k} holds {size}" for k, size in enumerate(left, 1))
        return f"{history(past, seat, 2)}\nNow {piles}."

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _take(game, action)


def _take(game: OpenSpielGame, action: int) -> str:
    piles = game.spiel_game.get_parameters()["pile_sizes"].count(";") + 1
    return f"take {action // piles + 1} from pile {action % piles + 1}"
