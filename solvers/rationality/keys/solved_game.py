"""A game and what solvers know of it, computed when it is first asked for."""

from functools import cached_property
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame
from games.adapters.open_spiel_tree import compile_open_spiel
from games.adapters.tree_env import TreeEnv
from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.extensive.evaluation import behaviors_of_plans, nash_conv, split, uniform_behaviors
from games.extensive.folding import fold
from games.extensive.sequence_form import Behavior, SequenceForm
from solvers.psro.bilinear.game import BilinearGame, require_two_player_constant_sum
from solvers.psro.bilinear.linear_program import solve_by_lp
from solvers.rationality.keys.form_key import FormKey
from solvers.rationality.keys.graph_key import GraphKey
from solvers.rationality.keys.induction import induce, uniform_weights
from solvers.rationality.keys.opponents import Opponent
from solvers.rationality.keys.protocol import ActionKey
from solvers.rationality.keys.state_graph import StateGraph, graph_of_spiel, graph_of_tree


class SolvedGame:
    """Keys of one game; each is computed once, and those of one game share what they can.

    Args:
        game: what is played.
        name: how scenarios call it; the game's own name where empty, without empty brackets.
    """

    def __init__(self, game: OpenSpielGame | TreeEnv, name: str = "") -> None:
        self.game = game
        self.name = name or game.name.removesuffix("()")
        self._keys: dict[tuple[int, Opponent], ActionKey] = {}

    def against(self, seat: int, opponent: Opponent) -> ActionKey:
        """The key of a seat against an opponent.

        Raises:
            ValueError: the game has no such seat.
            UnsupportedGameError: the opponent does not play games of this kind, or the game is too large.
            SolveError: a solver broke down.
        """
        if not 0 <= seat < self.game.num_players:
            raise ValueError(f"seat must lie in range({self.game.num_players}), got {seat}")
        if (seat, opponent) not in self._keys:
            self._keys[seat, opponent] = self._key(seat, opponent)
        return self._keys[seat, opponent]

    @cached_property
    def is_open(self) -> bool:
        """Whether nothing is hidden from anybody, not even a move made at the same time."""
        if isinstance(self.game, TreeEnv):
            tree = self.game.tree
            return tree.num_infosets == int((tree.actor >= 0).sum())
        kind, types = self.game.spiel_game.get_type(), pyspiel.GameType
        return bool(
            kind.information == types.Information.PERFECT_INFORMATION
            and kind.dynamics == types.Dynamics.SEQUENTIAL
        )

    @cached_property
    def graph(self) -> StateGraph:
        """The graph of states of a game that is open; see `graph_of_spiel` and `graph_of_tree`."""
        if isinstance(self.game, TreeEnv):
            return graph_of_tree(self.game.tree)
        return graph_of_spiel(self.game)

    @cached_property
    def form(self) -> SequenceForm:
        """The sequence form."""
        if isinstance(self.game, TreeEnv):
            return fold(self.game.tree)
        return compile_open_spiel(self.game.spiel_game)

    @cached_property
    def payoff_range(self) -> float:
        """Greatest minus least payoff at any end, of any player."""
        return self.graph.payoff_range if self.is_open else self.form.payoff_range

    @cached_property
    def equilibrium(self) -> tuple[Behavior, ...]:
        """A Nash equilibrium of the sequence form, by linear programming.

        Raises:
            UnsupportedGameError: the game is not two-player constant-sum.
        """
        form = self.form
        require_two_player_constant_sum(form, "an equilibrium opponent")
        plans = solve_by_lp(BilinearGame(form.flat, form.sequences, form.payoff, form.payoff_range))
        return behaviors_of_plans(form, split(form, plans))

    @property
    def certificate(self) -> Certificate:
        """How far `equilibrium` is from one, recomputed from the game."""
        return Certificate("nash_conv", max(nash_conv(self.form, self.equilibrium), 0.0))

    def _key(self, seat: int, opponent: Opponent) -> ActionKey:
        if self.is_open:
            if opponent is Opponent.EQUILIBRIUM:
                raise UnsupportedGameError(f"{self.name} hides nothing; Opponent.MINIMAX plays it")
            return GraphKey(self.graph, seat, self._weights(opponent))
        if opponent is Opponent.MINIMAX:
            raise UnsupportedGameError(f"{self.name} hides something; Opponent.EQUILIBRIUM may play it")
        behaviors = self.equilibrium if opponent is Opponent.EQUILIBRIUM else uniform_behaviors(self.form)
        return FormKey(self.form, seat, behaviors, self._label_of)

    def _weights(self, opponent: Opponent) -> NDArray[np.float64]:
        uniform = uniform_weights(self.graph)
        if opponent is Opponent.UNIFORM:
            return uniform
        return induce(self.graph, uniform, tuple(range(self.game.num_players))).weights

    def _label_of(self, state: Any, player: int) -> str:  # noqa: ANN401
        if isinstance(self.game, TreeEnv):
            label: str = self.game.tree.infoset_labels[self.game.tree.infoset[state]]
            return label
        return str(state.information_state_string(player))
