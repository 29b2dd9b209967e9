"""Games of perfect information as graphs of states: positions reached in several ways are one node."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame
from games.errors import UnsupportedGameError
from games.extensive.children import child_order
from games.extensive.tree import CHANCE, TERMINAL, TreeGame

DEFAULT_MAX_STATES = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class StateGraph:
    """M nodes, E edges, N players; node 0 is where a play begins. It may have cycles.

    Attributes:
        actor: int32 (M,), who moves, or CHANCE or TERMINAL.
        start: int64 (M + 1,), the edges of node m are ``start[m]:start[m + 1]``, in the order of the actions.
        child: int64 (E,), where each edge leads.
        chance: float64 (E,), probability of the edge at a chance node, 0 elsewhere.
        payoffs: float64 (M, N), at terminal nodes, zeros elsewhere.
        node_of: the node of a state.
    """

    actor: NDArray[np.int32]
    start: NDArray[np.int64]
    child: NDArray[np.int64]
    chance: NDArray[np.float64]
    payoffs: NDArray[np.float64]
    node_of: Callable[[Any], int]

    @property
    def num_players(self) -> int:
        """Number of players; chance is not one."""
        return len(self.payoffs[0])

    @property
    def payoff_range(self) -> float:
        """Greatest minus least payoff at the ends, the unit of tolerances."""
        ends = self.payoffs[self.actor == TERMINAL]
        return float(ends.max() - ends.min())


def graph_of_spiel(game: OpenSpielGame, *, max_states: int = DEFAULT_MAX_STATES) -> StateGraph:
    """Walk all states of a game of perfect information.

    States with one mover and one observation are taken for the same. That is so in games that show all that
    matters; where a game counts moves towards a limit that it does not show, as pig does, the graph has
    no such limit. States that are merged are checked to offer the same actions, and ends to pay the same.

    Args:
        game: sequential, of perfect information, with chance that it lists.
        max_states: refuse larger games; a state takes some 5 microseconds per action and 500 bytes.

    Raises:
        UnsupportedGameError: the game is of another kind, larger, or merges states that differ.
    """
    kind, types = game.spiel_game.get_type(), pyspiel.GameType
    if (
        kind.information != types.Information.PERFECT_INFORMATION
        or kind.dynamics != types.Dynamics.SEQUENTIAL
        or kind.chance_mode == types.ChanceMode.SAMPLED_STOCHASTIC
        or not kind.provides_observation_string
    ):
        raise UnsupportedGameError(
            f"{game.name} must be sequential, of perfect information, list its chance, and have observations"
        )
    walk = _Walk(game, max_states)
    walk.run()
    numbers = walk.numbers

    return walk.graph(lambda state: numbers[_identity(state)])


def graph_of_tree(tree: TreeGame) -> StateGraph:
    """A tree in which everybody sees everything, node by node.

    Raises:
        UnsupportedGameError: an information set has several nodes.
    """
    decisions = int((tree.actor >= 0).sum())
    if tree.num_infosets != decisions:
        raise UnsupportedGameError(
            f"{tree.name} hides something: {decisions} nodes, {tree.num_infosets} sets"
        )
    start, child = child_order(tree)
    payoffs = np.zeros((tree.num_nodes, tree.num_players))
    payoffs[tree.actor == TERMINAL] = tree.payoffs
    owner = np.repeat(tree.actor, np.diff(start))
    chance = np.where(owner == CHANCE, tree.chance[child], 0.0)
    return StateGraph(tree.actor, start.astype(np.int64), child.astype(np.int64), chance, payoffs, int)


def _identity(state: Any) -> Hashable:  # noqa: ANN401
    return state.current_player(), state.observation_string(0)


class _Walk:
    """Breadth-first; states are numbered when first met and expanded in that order."""

    def __init__(self, game: OpenSpielGame, max_states: int) -> None:
        self.game = game
        self.max_states = max_states
        self.numbers: dict[Hashable, int] = {}
        self.waiting: list[Any] = []
        self.legal: list[list[int]] = []
        self.actor: list[int] = []
        self.payoffs: list[list[float]] = []
        self.child: list[int] = []
        self.chance: list[float] = []

    def run(self) -> None:
        self._number(self.game.spiel_game.new_initial_state())
        for node, state in enumerate(self.waiting):  # grows while it is walked
            if self.actor[node] == CHANCE:
                outcomes = state.chance_outcomes()
            else:
                outcomes = [(action, 0.0) for action in self.legal[node]]
            for action, probability in outcomes:
                self.child.append(self._number(state.child(action)))
                self.chance.append(probability)
            self.waiting[node] = None  # states are large

    def _number(self, state: Any) -> int:  # noqa: ANN401
        identity = _identity(state)
        ended = state.is_terminal()
        legal = [] if ended else state.legal_actions()
        payoffs = state.returns() if ended else [0.0] * self.game.num_players
        number = self.numbers.get(identity)
        if number is not None:
            if self.legal[number] != legal or self.payoffs[number] != payoffs:
                raise UnsupportedGameError(
                    f"{self.game.name} shows different states alike: {identity!r} after {state.history()}"
                )
            return number
        if len(self.numbers) >= self.max_states:
            raise UnsupportedGameError(
                f"{self.game.name} has more than max_states={self.max_states} states; try a smaller board"
            )
        number = self.numbers[identity] = len(self.numbers)
        self.actor.append(TERMINAL if ended else CHANCE if state.is_chance_node() else state.current_player())
        self.legal.append(legal)
        self.payoffs.append(payoffs)
        self.waiting.append(state)
        return number

    def graph(self, node_of: Callable[[Any], int]) -> StateGraph:
        """The arrays of the finished walk."""
        return StateGraph(
            np.array(self.actor, np.int32),
            np.cumsum([0, *map(len, self.legal)], dtype=np.int64),
            np.array(self.child, np.int64),
            np.array(self.chance, np.float64),
            np.array(self.payoffs, np.float64),
            node_of,
        )
