"""A game tree as a batch: a lane's state is the number of a node, and compiled loops move all lanes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.batch.legality import require_legal
from games.batch.tree_kernels import (
    Nodes,
    find_infosets,
    play_chance,
    play_moves,
    write_masks,
    write_one_hot,
    write_returns,
    write_rows,
)
from games.extensive.children import child_order
from games.extensive.tree import CHANCE, TERMINAL, TreeGame


@dataclass(frozen=True, slots=True, eq=False)
class TreeTables:
    """What all batches of one tree share; see `tree_tables`.

    Attributes:
        name: how reports call the game.
        payoff_bounds: least and greatest payoff.
        num_actions: size of each player's action space.
        observation_shapes: shape of one observation, per player.
        observations: per player float32 (H_i, d_i), what is seen at each information set; None for one-hot.
        nodes: the tree as the compiled loops read it.
    """

    name: str
    payoff_bounds: tuple[float, float]
    num_actions: tuple[int, ...]
    observation_shapes: tuple[tuple[int, ...], ...]
    observations: tuple[NDArray[np.float32], ...] | None
    nodes: Nodes


def tree_tables(
    tree: TreeGame,
    *,
    observations: Sequence[ArrayLike] | None = None,
    actions: Sequence[Sequence[int]] | None = None,
    num_actions: Sequence[int] | None = None,
    together: ArrayLike | None = None,
) -> TreeTables:
    """Lay a tree out for `TreeBatch`.

    Args:
        tree: the game.
        observations: per player, what they see at each of their information sets in order of the numbers of
            these, shape (H_i, *observation shape). None shows the information set one-hot.
        actions: per information set the numbers of its actions, in the order of its edges; None numbers them
            from 0.
        num_actions: size of each player's action space; None takes the least that holds all actions.
        together: Boolean (M,), marks decision nodes whose move is made in the same step as the move that
            leads there. None marks none. Those who move together stand in the order of their numbers and do
            not see each other's moves.

    Raises:
        ValueError: an argument has another shape, an action is numbered twice or outside its space, or
            moves marked as made together are not, as one player sees what another does.
    """
    owners, players = tree.infoset_player, range(tree.num_players)
    if actions is None:
        actions = [range(len(labels)) for labels in tree.infoset_actions]
    if len(actions) != tree.num_infosets:
        raise ValueError(f"actions must be given for {tree.num_infosets} infosets, got {len(actions)}")
    if num_actions is None:
        num_actions = [
            max((max(ids) + 1 for ids, i in zip(actions, owners, strict=True) if i == p), default=1)
            for p in players
        ]
    rank = np.zeros(tree.num_infosets, dtype=np.int32)
    for p in players:
        rank[owners == p] = np.arange(np.count_nonzero(owners == p))
    first, children = child_order(tree)
    shared = np.zeros(tree.num_nodes, dtype=np.bool_)
    if together is not None:
        shared = _checked_together(tree, np.asarray(together))
    nodes = Nodes(
        actor=tree.actor,
        infoset=tree.infoset,
        together=shared,
        first=first,
        children=children,
        below=_cumulative_chance(tree, first, children),
        leaf=(np.cumsum(tree.actor == TERMINAL) - 1).astype(np.int32),
        payoffs=np.ascontiguousarray(tree.payoffs),
        edge=_edges(tree, actions, num_actions),
        rank=rank,
    )
    counts = np.bincount(owners, minlength=tree.num_players).tolist()
    shapes: tuple[tuple[int, ...], ...] = tuple((n,) for n in counts)
    tables = None
    if observations is not None:
        seen = [np.asarray(table, dtype=np.float32) for table in observations]
        if [t.shape[:1] for t in seen] != [(n,) for n in counts]:
            raise ValueError(
                f"observations must hold one row per information set of each player, wanted {counts}, got "
                f"shapes {[t.shape for t in seen]}"
            )
        shapes = tuple(t.shape[1:] for t in seen)
        tables = tuple(np.ascontiguousarray(t.reshape(n, -1)) for t, n in zip(seen, counts, strict=True))
    bounds = float(tree.payoffs.min()), float(tree.payoffs.max())
    return TreeTables(tree.name, bounds, tuple(num_actions), shapes, tables, nodes)


class TreeBatch:
    """A `BatchGame` over a tree.

    Attributes:
        tables: the tree, laid out; batches may share them.
        nodes: where each lane stands, int32 (num_lanes,); read it, do not write it.
    """

    def __init__(self, tables: TreeTables, num_lanes: int, *, rng: np.random.Generator) -> None:
        """Begin a play in every lane.

        Raises:
            ValueError: there is not even one lane.
        """
        if num_lanes < 1:
            raise ValueError(f"num_lanes must be at least 1, got {num_lanes}")
        self.tables = tables
        self.nodes = np.zeros(num_lanes, dtype=np.int32)
        num_players = len(tables.num_actions)
        self._infosets = np.empty((num_players, num_lanes), dtype=np.int32)
        self._masks = [np.empty((num_lanes, n), dtype=np.bool_) for n in tables.num_actions]
        self._seen = [np.empty((num_lanes, *shape), dtype=np.float32) for shape in tables.observation_shapes]
        self._returns = np.empty((num_players, num_lanes))
        self.reset(np.ones(num_lanes, dtype=np.bool_), rng)

    @property
    def name(self) -> str:
        """Name of the tree."""
        return self.tables.name

    @property
    def num_players(self) -> int:
        """Number of players; chance is not one."""
        return len(self.tables.num_actions)

    @property
    def num_lanes(self) -> int:
        """Number of plays side by side."""
        return self.nodes.size

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """Least and greatest payoff."""
        return self.tables.payoff_bounds

    def num_actions(self, player: int) -> int:
        """Size of the player's action space."""
        return self.tables.num_actions[player]

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of one observation of the player."""
        return self.tables.observation_shapes[player]

    def reset(self, lanes: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """See `BatchGame.reset`."""
        self.nodes[lanes] = 0
        self._arrive(int(np.count_nonzero(self.tables.nodes.actor[self.nodes] == CHANCE)), rng)

    def to_move(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.to_move`."""
        movers: NDArray[np.bool_] = self._infosets[player] >= 0
        return movers

    def finished(self) -> NDArray[np.bool_]:
        """See `BatchGame.finished`."""
        over: NDArray[np.bool_] = self.tables.nodes.actor[self.nodes] == TERMINAL
        return over

    def legal_mask(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.legal_mask`."""
        return self._masks[player]

    def observe(self, player: int) -> NDArray[np.float32]:
        """See `BatchGame.observe`; zeros where the player is not to move."""
        tables, seen = self.tables, self._seen[player]
        flat = seen.reshape(self.num_lanes, -1)
        if tables.observations is None:
            write_one_hot(tables.nodes, self._infosets[player], flat)
        else:
            write_rows(tables.nodes, tables.observations[player], self._infosets[player], flat)
        return seen

    def step(self, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
        """See `BatchGame.step`."""
        for player, mask in enumerate(self._masks):
            require_legal(player, actions[player], mask)
        self._arrive(play_moves(self.tables.nodes, actions, self.nodes), rng)

    def returns(self) -> NDArray[np.float64]:
        """See `BatchGame.returns`; zeros before the end."""
        write_returns(self.tables.nodes, self.nodes, self._returns)
        return self._returns

    def _arrive(self, waiting: int, rng: np.random.Generator) -> None:
        """Play chance in the ``waiting`` lanes that stand at it, then look who moves where."""
        tree = self.tables.nodes
        while waiting:
            waiting = play_chance(tree, rng.random(waiting), self.nodes)
        find_infosets(tree, self.nodes, self._infosets)
        for player, mask in enumerate(self._masks):
            write_masks(tree, self._infosets[player], mask)


def _cumulative_chance(
    tree: TreeGame, first: NDArray[np.int64], children: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Running sums over the outcomes of each chance node, (M - 1,); zeros elsewhere."""
    below = np.zeros(children.size)
    for node in np.flatnonzero(tree.actor == CHANCE).tolist():
        edges = slice(first[node], first[node + 1])
        np.cumsum(tree.chance[children[edges]], out=below[edges])
    return below


def _edges(tree: TreeGame, actions: Sequence[Sequence[int]], num_actions: Sequence[int]) -> NDArray[np.int32]:
    """Which edge each action follows at each information set, (H, A), -1 where it is not legal."""
    if len(num_actions) != tree.num_players:
        raise ValueError(f"num_actions must be given for {tree.num_players} players, got {num_actions}")
    edge = np.full((tree.num_infosets, max(num_actions)), -1, dtype=np.int32)
    for h, (ids, labels) in enumerate(zip(actions, tree.infoset_actions, strict=True)):
        size = num_actions[tree.infoset_player[h]]
        if len(ids) != len(labels) or len({*ids}) < len(ids) or not all(0 <= a < size for a in ids):
            raise ValueError(
                f"actions of information set {h} must be {len(labels)} different numbers below {size}, got "
                f"{tuple(ids)}"
            )
        edge[h, list(ids)] = np.arange(len(ids))
    return edge


def _checked_together(tree: TreeGame, together: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if together.dtype != np.bool_ or together.shape != (tree.num_nodes,):
        raise ValueError(
            f"together must be Boolean of shape ({tree.num_nodes},), got {together.dtype} of shape "
            f"{together.shape}"
        )
    marked = np.flatnonzero(together)
    before = tree.parent[marked]
    movers, movers_before = tree.actor[marked], tree.actor[before]
    if (before < 0).any() or not ((movers_before >= 0) & (movers > movers_before)).all():
        raise ValueError(f"moves made together in {tree.name} must follow those of players of lower numbers")
    # Which node each chain of such moves begins at, and how far down it a node stands.
    start, level = np.arange(tree.num_nodes), np.zeros(tree.num_nodes, dtype=np.int64)
    for _ in range(tree.num_players - 1):
        start[marked], level[marked] = start[before], level[before] + 1
    goes_on = np.bincount(before, minlength=tree.num_nodes)
    partly = (goes_on > 0) & (goes_on < np.bincount(tree.parent[1:], minlength=tree.num_nodes))
    order = marked[np.lexsort((level[marked], start[marked]))]
    one, next_one = order[:-1], order[1:]
    same_place = (start[one] == start[next_one]) & (level[one] == level[next_one])
    seen = (tree.infoset[one] != tree.infoset[next_one]) | ((goes_on[one] > 0) != (goes_on[next_one] > 0))
    if partly.any() or (same_place & seen).any():
        raise ValueError(f"moves made together in {tree.name} must not depend on each other")
    return together
