"""An OpenSpiel game that is small enough to write down, as arrays.

The game is compiled once to its tree. What a player sees, which actions are legal and how they are numbered
is what `OpenSpielGame` shows, so a policy that reads observations and masks plays both.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from games.adapters.open_spiel import OpenSpielGame
from games.adapters.open_spiel_tree import tree_from_open_spiel
from games.batch.tree import TreeBatch, TreeTables, tree_tables
from games.errors import UnsupportedGameError

DEFAULT_MAX_HISTORIES = 300_000
"""Takes liar's dice; so many histories compile within seconds."""


def open_spiel_batch(
    game: OpenSpielGame,
    num_lanes: int,
    *,
    rng: np.random.Generator,
    max_histories: int = DEFAULT_MAX_HISTORIES,
) -> TreeBatch:
    """Many plays of an OpenSpiel game side by side.

    Args:
        game: the game.
        num_lanes: number of plays.
        rng: chance of the first plays.
        max_histories: refuse larger games.

    Raises:
        UnsupportedGameError: as `open_spiel_tables`.
        ValueError: there is not even one lane.

    Example:
        >>> from games.adapters.open_spiel import open_spiel_game
        >>> batch = open_spiel_batch(open_spiel_game("kuhn_poker"), 4, rng=np.random.default_rng(0))
        >>> batch.to_move(0).tolist(), batch.observe(0).shape
        ([True, True, True, True], (4, 11))
    """
    return TreeBatch(open_spiel_tables(game, max_histories=max_histories), num_lanes, rng=rng)


def open_spiel_tables(game: OpenSpielGame, *, max_histories: int = DEFAULT_MAX_HISTORIES) -> TreeTables:
    """Compile a game for batches; do it once for many of them.

    Simultaneous moves stay simultaneous.

    Raises:
        UnsupportedGameError: `tree_from_open_spiel` refuses the game, or it has more than ``max_histories``
            histories, shows no tensors, shows different ones at one information state, lists actions that
            it does not declare, or pays before its end.
    """
    shape = game.observation_shape(0)  # refuses games without tensors before the walk
    watch = _Watch(game)
    tree = tree_from_open_spiel(game.spiel_game, max_histories=max_histories, visitor=watch.visit)
    together = np.zeros(tree.num_nodes, dtype=np.bool_)
    together[tree.actor >= 0] = watch.together
    owners = tree.infoset_player
    seen = np.array(watch.seen, dtype=np.float32).reshape(tree.num_infosets, *shape)
    tables = tree_tables(
        tree,
        observations=[seen[owners == p] for p in range(tree.num_players)],
        actions=tree.infoset_action_ids,
        num_actions=[game.num_actions(p) for p in range(tree.num_players)],
        together=together,
    )
    stated = game.payoff_bounds
    bounds = stated if np.isfinite(stated).all() else tables.payoff_bounds
    return replace(tables, name=game.name, payoff_bounds=bounds)


class _Watch:
    """Collects what players see while a tree is walked."""

    def __init__(self, game: OpenSpielGame) -> None:
        self.seen: list[Any] = []
        self.together: list[bool] = []
        self._game = game

    def visit(self, state: Any, player: int, infoset: int, together: bool) -> None:  # noqa: ANN401
        game = self._game
        self.together.append(together)
        seen = game.observe(state, player)
        if infoset == len(self.seen):
            game.legal_mask(state, player)  # refuses actions beyond those that the game declares
            self.seen.append(seen)
        elif not np.array_equal(self.seen[infoset], seen):
            raise UnsupportedGameError(
                f"{game.name} shows player {player} different tensors at one information state, "
                f"{state.information_state_string(player)!r}"
            )
        if any(state.returns()):
            raise UnsupportedGameError(f"{game.name} pays before its end")
