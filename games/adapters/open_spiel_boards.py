"""OpenSpiel's games of stones in a row as arrays: connect four, too large to compile, and tic-tac-toe.

The rules are written here anew; the tests play them against OpenSpiel's own, move by move.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame
from games.batch.legality import require_legal
from games.batch.of_game import BatchOfGame

_NOBODY = -1
_DRAW = 2


class BoardRules(NamedTuple):
    """What tells these games apart.

    Attributes:
        rows: of the board; stones fall to row 0.
        columns: of the board.
        run: stones in a row that win.
        falls: an action is a column, and a stone falls to its lowest free cell; else an action is a cell.
        planes: int64 (2, 3), per observer the plane of stones of player 0, of player 1, and of free cells.
    """

    rows: int
    columns: int
    run: int
    falls: bool
    planes: NDArray[np.int64]


def board_rules(game: OpenSpielGame) -> BoardRules | None:
    """The rules of a game of stones in a row, None for any other game."""
    spiel = game.spiel_game
    match spiel.get_type().short_name:
        case "tic_tac_toe":
            return BoardRules(3, 3, 3, False, np.array([[2, 1, 0], [2, 1, 0]]))
        case "connect_four":
            given = spiel.get_parameters()
            # OpenSpiel puts the observer's own stones second where the tensor depends on the observer.
            planes = [[1, 0, 2], [0, 1, 2]] if given["egocentric_obs_tensor"] else [[0, 1, 2], [0, 1, 2]]
            return BoardRules(given["rows"], given["columns"], given["x_in_row"], True, np.array(planes))
        case _:
            return None


class BoardBatch(BatchOfGame[OpenSpielGame]):
    """A `BatchGame` of stones in a row.

    Attributes:
        game: the game that all lanes play.
        rules: its rules.
    """

    def __init__(self, game: OpenSpielGame, rules: BoardRules, num_lanes: int) -> None:
        """Clear the board of every lane; nothing is drawn.

        Raises:
            ValueError: there is not even one lane.
        """
        super().__init__(game, num_lanes)
        self.rules = rules
        self._cells = np.full((num_lanes, rules.rows * rules.columns), _NOBODY, dtype=np.int8)
        self._moves = np.zeros(num_lanes, dtype=np.int32)
        self._winner = np.full(num_lanes, _NOBODY, dtype=np.int8)
        self._masks = np.empty((2, num_lanes, game.num_actions(0)), dtype=np.bool_)
        self._seen = np.empty((2, num_lanes, *game.observation_shape(0)), dtype=np.float32)
        _write_masks(rules, self._cells, self._moves, self._winner, self._masks)

    def reset(self, lanes: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """See `BatchGame.reset`; nothing is drawn."""
        self._cells[lanes] = _NOBODY
        self._moves[lanes] = 0
        self._winner[lanes] = _NOBODY
        _write_masks(self.rules, self._cells, self._moves, self._winner, self._masks)

    def to_move(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.to_move`."""
        movers: NDArray[np.bool_] = (self._winner == _NOBODY) & (self._moves % 2 == player)
        return movers

    def finished(self) -> NDArray[np.bool_]:
        """See `BatchGame.finished`."""
        over: NDArray[np.bool_] = self._winner != _NOBODY
        return over

    def legal_mask(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.legal_mask`."""
        mask: NDArray[np.bool_] = self._masks[player]
        return mask

    def observe(self, player: int) -> NDArray[np.float32]:
        """One-hot planes, as OpenSpiel's tensor."""
        seen: NDArray[np.float32] = self._seen[player]
        _write_seen(self.rules, self._cells, player, seen.reshape(self.num_lanes, 3, -1))
        return seen

    def step(self, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
        """See `BatchGame.step`; nothing is drawn."""
        for player, mask in enumerate(self._masks):
            require_legal(player, actions[player], mask)
        _place(self.rules, actions, self._cells, self._moves, self._winner)
        _write_masks(self.rules, self._cells, self._moves, self._winner, self._masks)

    def returns(self) -> NDArray[np.float64]:
        """One to the winner, minus one to the other, zeros for a draw and before the end."""
        won, lost = (self._winner == player for player in (0, 1))
        payoffs: NDArray[np.float64] = np.array([won, lost], dtype=np.float64) - np.array([lost, won])
        return payoffs


@njit(cache=True, nogil=True)
def _place(
    rules: BoardRules,
    actions: NDArray[np.int64],
    cells: NDArray[np.int8],
    moves: NDArray[np.int32],
    winner: NDArray[np.int8],
) -> None:
    """A legal move (2, K) in every lane that is not over; cells (K, rows * columns)."""
    for k in range(moves.size):
        if winner[k] != _NOBODY:
            continue
        player = moves[k] % 2
        cell = actions[player, k]
        if rules.falls:
            while cells[k, cell] != _NOBODY:
                cell += rules.columns
        cells[k, cell] = player
        moves[k] += 1
        if _wins(rules, cells[k], cell):
            winner[k] = player
        elif moves[k] == cells.shape[1]:
            winner[k] = _DRAW


@njit(cache=True, nogil=True)
def _wins(rules: BoardRules, board: NDArray[np.int8], cell: int) -> bool:
    """Whether the stone on a cell is part of a run."""
    row, column = cell // rules.columns, cell % rules.columns
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        stones = 1
        for sign in (-1, 1):
            r, c = row + sign * down, column + sign * right
            while (
                0 <= r < rules.rows and 0 <= c < rules.columns and board[r * rules.columns + c] == board[cell]
            ):
                stones += 1
                r += sign * down
                c += sign * right
        if stones >= rules.run:
            return True
    return False


@njit(cache=True, nogil=True)
def _write_masks(
    rules: BoardRules,
    cells: NDArray[np.int8],
    moves: NDArray[np.int32],
    winner: NDArray[np.int8],
    out: NDArray[np.bool_],
) -> None:
    """Free cells, or columns whose top is free, for the player to move; out (2, K, actions)."""
    top = (rules.rows - 1) * rules.columns if rules.falls else 0
    for k in range(moves.size):
        player = moves[k] % 2
        for a in range(out.shape[2]):
            out[player, k, a] = winner[k] == _NOBODY and cells[k, top + a] == _NOBODY
            out[1 - player, k, a] = False


@njit(cache=True, nogil=True)
def _write_seen(rules: BoardRules, cells: NDArray[np.int8], player: int, out: NDArray[np.float32]) -> None:
    """Who holds each cell, one-hot; out (K, 3, cells)."""
    out[:] = 0.0
    for k in range(cells.shape[0]):
        for cell in range(cells.shape[1]):
            holder = cells[k, cell] if cells[k, cell] != _NOBODY else 2
            out[k, rules.planes[player, holder], cell] = 1.0
