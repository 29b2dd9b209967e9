"""Answer keys of games played move by move: what each move is worth, computed by solvers."""

from solvers.rationality.keys.opponents import Opponent as Opponent
from solvers.rationality.keys.protocol import ActionKey as ActionKey
from solvers.rationality.keys.solved_game import SolvedGame as SolvedGame
