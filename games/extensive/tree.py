"""Extensive-form games as flat arrays.

Nodes are numbered in depth-first preorder (node 0 is the root, a parent precedes its children), so a
forward loop visits nodes top-down and a backward loop bottom-up. Simultaneous moves are written as
consecutive moves of players who do not see each other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANCE = -1
TERMINAL = -2


@dataclass(frozen=True, slots=True, eq=False)
class TreeGame:
    """A finite game tree.

    M nodes, H information sets, L leaves, N players.

    Attributes:
        name: how reports call the game; for OpenSpiel games the string that loads it again.
        num_players: N.
        parent: int32 (M,), parent of each node, -1 at the root; ``parent[k] < k``.
        move: int32 (M,), index of the edge from the parent among the parent's edges, -1 at the root.
        chance: float64 (M,), probability of the edge from the parent where that is a chance node, else 1.
        actor: int32 (M,), the player to move, or CHANCE or TERMINAL.
        infoset: int32 (M,), information set of a decision node, else -1; numbered over all players in order
            of first appearance.
        payoffs: float64 (L, N), payoffs at the terminal nodes, in node order.
        infoset_player: int32 (H,), who moves there.
        infoset_labels: name of each information set.
        infoset_actions: labels of the actions at each information set.
        infoset_action_ids: the same actions as the integers of the library the game came from.
        chance_labels: outcome labels per chance node, in node order; () where unlabelled.
        players: labels of the players.
    """

    name: str
    num_players: int
    parent: NDArray[np.int32]
    move: NDArray[np.int32]
    chance: NDArray[np.float64]
    actor: NDArray[np.int32]
    infoset: NDArray[np.int32]
    payoffs: NDArray[np.float64]
    infoset_player: NDArray[np.int32]
    infoset_labels: tuple[str, ...]
    infoset_actions: tuple[tuple[str, ...], ...]
    infoset_action_ids: tuple[tuple[int, ...], ...]
    chance_labels: tuple[tuple[str, ...], ...] = ()
    players: tuple[str, ...] = ()

    @property
    def num_nodes(self) -> int:
        """Histories in the tree, terminal ones included."""
        return int(self.parent.size)

    @property
    def num_infosets(self) -> int:
        """Information sets of all players."""
        return len(self.infoset_labels)
