"""Playing behavior policies of an exact tree in the game it was expanded from."""

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from games.chance import ListsChance
from games.extensive.expand import Expansion
from games.extensive.sequence_form import Behavior, SequenceForm
from games.protocols import EnvGame

State = TypeVar("State")


class ListedGame(EnvGame[State], ListsChance[State], Protocol[State]):
    """A game played forward that lists its chance moves."""


class ExpandedGame(Generic[State]):
    """A game, its tree and its sequence form, walked together.

    A policy of the tree remembers what its player saw and did, so it cannot be asked about a state alone;
    here the node of the tree goes along with the state.

    Args:
        game: the game.
        expansion: its tree (``games.extensive.expand_env``).
        form: the tree, folded.
    """

    def __init__(self, game: ListedGame[State], expansion: Expansion[State], form: SequenceForm) -> None:
        tree = expansion.tree
        self._game, self._tree = game, tree
        # Preorder numbers siblings in the order of their moves, and a stable sort keeps them so.
        self._children = np.argsort(tree.parent, kind="stable")[1:]
        self._first = np.concatenate(([0], np.cumsum(np.bincount(tree.parent[1:], minlength=tree.num_nodes))))
        self._moves = np.empty((tree.num_infosets, 2), dtype=np.int64)
        for i, plex in enumerate(form.treeplexes):
            self._moves[tree.infoset_player == i] = np.column_stack((plex.start[:-1], plex.start[1:]))

    def play(self, behaviors: Sequence[Behavior], *, rng: np.random.Generator) -> tuple[State, ...]:
        """One episode with all its states, the start and the end among them.

        Args:
            behaviors: one per player, shape (S_i,).
            rng: all chance, that of the game and that of the policies.
        """
        node, state = self._arrive(0, self._game.start_outcomes(), rng)
        states = [state]
        while movers := self._game.to_move(state):
            joint = {}
            for player in movers:
                h = int(self._tree.infoset[node])
                start, end = self._moves[h]
                k = _draw(behaviors[player][start:end], rng)
                joint[player] = self._tree.infoset_action_ids[h][k]
                node = self._child(node, k)
            node, state = self._arrive(node, self._game.step_outcomes(state, joint), rng)
            states.append(state)
        return tuple(states)

    def _arrive(
        self, node: int, outcomes: Sequence[tuple[float, State]], rng: np.random.Generator
    ) -> tuple[int, State]:
        """The node and state that chance leads to; a sole outcome has no chance node."""
        if len(outcomes) == 1:
            return node, outcomes[0][1]
        k = _draw(np.array([p for p, _ in outcomes]), rng)
        return self._child(node, k), outcomes[k][1]

    def _child(self, node: int, k: int) -> int:
        return int(self._children[self._first[node] + k])


def _draw(weights: Behavior, rng: np.random.Generator) -> int:
    """An index by inversion; weights sum to one up to rounding."""
    below = np.cumsum(weights)
    return min(int(np.searchsorted(below, rng.random() * below[-1], side="right")), weights.size - 1)
