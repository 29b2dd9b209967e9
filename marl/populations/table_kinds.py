"""Matrix games and trees in population files: whole, so that nothing else is needed to play them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.adapters.normal_form_env import JointAction, NormalFormEnv
from games.adapters.tree_env import TreeEnv
from games.errors import FileFormatError, UnsupportedGameError
from games.extensive.efg import format_efg, parse_efg
from games.extensive.fingerprint import fingerprint
from games.extensive.folding import fold
from games.extensive.normal_form import from_normal_form
from games.normal_form.game import NormalFormGame
from games.storage.fields import Arrays, Fields, array_of
from games.storage.problems import decode_problem, encode_problem
from marl.populations.compiled import CompiledGame

_LARGEST_TREE = 200_000


class NormalFormKind:
    """See ``GameKind``."""

    def encode(self, game: NormalFormEnv) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The payoffs and labels."""
        header, arrays = encode_problem(game.game)
        return {"problem": header}, arrays

    def decode(self, fields: Fields, arrays: Arrays) -> NormalFormEnv:
        """The payoffs and labels."""
        problem = decode_problem(fields.fields("problem"), arrays)
        if not isinstance(problem, NormalFormGame):
            raise fields.error("problem", "a normal-form game")
        return NormalFormEnv(problem)

    def compile(self, game: NormalFormEnv, max_histories: int) -> CompiledGame:
        """Consecutive moves of players who do not see each other."""
        if game.game.payoffs.size > max_histories:
            raise UnsupportedGameError(f"{game.name} has more than max_histories={max_histories} cells")
        form = fold(from_normal_form(game.game))
        states: tuple[tuple[JointAction, ...], ...] = (((),),) * game.num_players
        return CompiledGame(game, form, states, tuple(plex.action_ids for plex in form.treeplexes))

    def information_label(self, game: NormalFormEnv, state: JointAction, player: int) -> str:
        """The player's label, as in the tree."""
        return game.game.players[player]

    def action_label(self, game: NormalFormEnv, state: JointAction, player: int, action: int) -> str:
        """The action's label."""
        return game.game.actions[player][action]

    def view(self, game: NormalFormEnv, state: JointAction, player: int) -> str:
        """That the game is to be played."""
        return f"{game.describe(state)} by {game.game.players[player]}"


class TreeKind:
    """See ``GameKind``."""

    def encode(self, game: TreeEnv) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """The tree in Gambit's format, where it comes back as it was."""
        if game.tree.num_nodes > _LARGEST_TREE:
            return None
        text = format_efg(game.tree)
        try:
            same = fingerprint(fold(parse_efg(text))) == fingerprint(fold(game.tree))
        except ValueError:  # imperfect recall, or labels that the format does not hold
            return None
        return ({}, {"tree_text": np.frombuffer(text.encode(), np.uint8)}) if same else None

    def decode(self, fields: Fields, arrays: Arrays) -> TreeEnv:
        """Parse the tree."""
        text = array_of(arrays, "tree_text", np.uint8, 1, fields.place).tobytes()
        try:
            return TreeEnv(parse_efg(text.decode()))
        except ValueError as error:
            raise FileFormatError(f"{fields.place}: array 'tree_text': {error}") from error

    def compile(self, game: TreeEnv, max_histories: int) -> CompiledGame:
        """Fold the tree."""
        tree = game.tree
        if tree.num_nodes > max_histories:
            raise UnsupportedGameError(f"{game.name} has more than max_histories={max_histories} histories")
        form = fold(tree)
        infosets, nodes = np.unique(tree.infoset, return_index=True)
        first = dict(zip(infosets.tolist(), nodes.tolist(), strict=True))
        states = tuple(
            tuple(first[h] for h in np.flatnonzero(tree.infoset_player == i).tolist())
            for i in range(tree.num_players)
        )
        actions = tuple(
            # The environment numbers the actions of each information set from zero.
            np.concatenate([[-1], *(np.arange(n) for n in np.diff(plex.start))]).astype(np.int64)
            for plex in form.treeplexes
        )
        return CompiledGame(game, form, states, actions)

    def information_label(self, game: TreeEnv, state: int, player: int) -> str:
        """Label of the information set."""
        return game.tree.infoset_labels[int(game.tree.infoset[state])]

    def action_label(self, game: TreeEnv, state: int, player: int, action: int) -> str:
        """Label of the action."""
        return game.tree.infoset_actions[int(game.tree.infoset[state])][action]

    def view(self, game: TreeEnv, state: int, player: int) -> str:
        """Label of the information set."""
        return f"{game.name}: at {self.information_label(game, state, player)}"
