"""A game tree as a turn-based `EnvGame`."""

import operator
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.errors import IllegalActionError
from games.extensive.children import child_order
from games.extensive.tree import CHANCE, TERMINAL, TreeGame

if TYPE_CHECKING:
    from games.batch.tree import TreeBatch


class TreeEnv:
    """Plays a `TreeGame`, one node after another; a state is the number of a node.

    Players see which of their information sets they are at, one-hot; zeros when they are not to move.
    Simultaneous moves, which a tree writes as consecutive ones, are played one after another, and the
    observation hides what the tree hides.

    Attributes:
        tree: the game.
    """

    def __init__(self, tree: TreeGame) -> None:
        self.tree = tree
        self._first, self._children = child_order(tree)
        self._leaf = np.cumsum(tree.actor == TERMINAL) - 1
        counts = np.array([len(actions) for actions in tree.infoset_actions], dtype=np.int64)
        owners = tree.infoset_player
        self._num_actions = [int(counts[owners == i].max(initial=1)) for i in range(tree.num_players)]
        self._counts = counts
        self._num_own = np.bincount(owners, minlength=tree.num_players)
        self._rank = np.zeros(counts.size, dtype=np.int64)
        for i in range(tree.num_players):
            self._rank[owners == i] = np.arange(self._num_own[i])

    @property
    def name(self) -> str:
        """Name of the tree."""
        return self.tree.name

    @property
    def num_players(self) -> int:
        """Number of players; chance is not one."""
        return self.tree.num_players

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest payoff at any leaf."""
        return float(self.tree.payoffs.min()), float(self.tree.payoffs.max())

    def num_actions(self, player: int) -> int:
        """The most actions the player has at any information set."""
        return self._num_actions[player]

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """One number per own information set."""
        return (int(self._num_own[player]),)

    def initial(self, rng: np.random.Generator) -> int:
        """The root, or the node that chance leads to from there."""
        return self._past_chance(0, rng)

    def to_move(self, state: int) -> Sequence[int]:
        """The one who moves at the node."""
        actor = int(self.tree.actor[state])
        return () if actor == TERMINAL else (actor,)

    def legal_mask(self, state: int, player: int) -> NDArray[np.bool_]:
        """The first actions, as many as the information set has."""
        legal = self._num_legal(state) if self.tree.actor[state] == player else 0
        return np.arange(self._num_actions[player]) < legal

    def observe(self, state: int, player: int) -> NDArray[np.float32]:
        """One-hot over the player's information sets."""
        seen = np.zeros(int(self._num_own[player]), dtype=np.float32)
        if self.tree.actor[state] == player:
            seen[self._rank[self.tree.infoset[state]]] = 1.0
        return seen

    def step(self, state: int, joint: Mapping[int, int], rng: np.random.Generator) -> int:
        """Follow the move, and chance after it.

        Raises:
            IllegalActionError: the game is over, another player acts, or there is no such move.
        """
        movers = self.to_move(state)
        require_movers(movers, joint)
        action = operator.index(joint[movers[0]])
        if not 0 <= action < self._num_legal(state):
            raise IllegalActionError(
                f"action {action} of player {movers[0]} is outside range({self._num_legal(state)})"
            )
        return self._past_chance(int(self._children[self._first[state] + action]), rng)

    def returns(self, state: int) -> NDArray[np.float64]:
        """Payoffs at a leaf, zeros before."""
        if self.tree.actor[state] != TERMINAL:
            return np.zeros(self.tree.num_players)
        payoffs: NDArray[np.float64] = self.tree.payoffs[self._leaf[state]]
        return payoffs.copy()

    def describe(self, state: int) -> str:
        """The node and what may be done there."""
        actor = int(self.tree.actor[state])
        if actor == TERMINAL:
            return f"{self.name}: over; payoffs {self.returns(state).tolist()}"
        h = int(self.tree.infoset[state])
        return (
            f"{self.name}: player {actor} at {self.tree.infoset_labels[h]!r} chooses among "
            f"{', '.join(self.tree.infoset_actions[h])}"
        )

    def batch(self, num_lanes: int, *, rng: np.random.Generator) -> "TreeBatch":
        """See `games.batch.choose.HasBatch`."""
        from games.batch.tree import TreeBatch, tree_tables  # compiles, so only when asked for

        return TreeBatch(tree_tables(self.tree), num_lanes, rng=rng)

    def _num_legal(self, state: int) -> int:
        return int(self._counts[self.tree.infoset[state]])

    def _past_chance(self, node: int, rng: np.random.Generator) -> int:
        while self.tree.actor[node] == CHANCE:
            children = self._children[self._first[node] : self._first[node + 1]]
            # By inversion; the last outcome takes what rounding leaves of the sum.
            point = rng.random()
            below = np.cumsum(self.tree.chance[children])
            node = int(children[min(int(np.searchsorted(below, point, side="right")), children.size - 1)])
        return node
