"""Breakthrough in words, each player's own side of the board shown below."""

import re
from string import ascii_lowercase
from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.text.narrators.people import grid, history, you_are

_MOVE = re.compile(r"([a-z]\d+)([a-z]\d+)(\*?)")
_PIECES = "bw"


class Breakthrough:
    """``breakthrough`` on a board of any size."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        rows, columns = _size(game)
        return (
            f"Breakthrough on a board of {rows} rows, numbered 1 to {rows}, and {columns} columns, lettered "
            f"a to {ascii_lowercase[columns - 1]}. Player 1 has the black pieces, b, which begin on rows "
            f"{rows} and {rows - 1} and move towards row 1; player 2 has the white pieces, w, which begin on "
            f"rows 1 and 2 and move towards row {rows}. Players take turns, player 1 first, and must move "
            "one own piece one step forward, straight or diagonally. Straight ahead the cell must be free. "
            "Diagonally ahead it may be free or hold a piece of the opponent, which is captured and leaves "
            f"the board. Who first gets a piece to the last row ahead (row 1 for player 1, row {rows} for "
            "player 2), or captures all pieces of the opponent, wins, which ends the game: the winner's "
            "payoff is 1, the loser's is -1.\n"
            + you_are(seat, f" and have the {('black', 'white')[seat]} pieces")
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        rows, columns = _size(game)
        past = [(k % 2, _move(state, k % 2, action)) for k, action in enumerate(state.history())]
        lines = state.observation_string(seat).split("\n")[:rows]
        cells = [line[-columns:] for line in lines]
        numbers, letters = list(range(rows, 0, -1)), list(ascii_lowercase[:columns])
        if seat == 0:
            cells = [line[::-1] for line in reversed(cells)]
            numbers, letters = numbers[::-1], letters[::-1]
        return (
            f"{history(past, seat, 2)}\nBoard, your side below; {_PIECES[seat]} is yours, "
            f"{_PIECES[1 - seat]} the opponent's, . free:\n{grid(cells, numbers, letters)}"
        )

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _move(state, seat, action)


def _size(game: OpenSpielGame) -> tuple[int, int]:
    given = game.spiel_game.get_parameters()
    return given["rows"], given["columns"]


def _move(state: Any, player: int, action: int) -> str:  # noqa: ANN401
    """Where from and to; OpenSpiel's text of a move is the same on every board."""
    found = _MOVE.fullmatch(state.action_to_string(player, action))
    if found is None:
        raise ValueError(f"not a move of breakthrough: {state.action_to_string(player, action)!r}")
    return f"{found[1]} to {found[2]}"
