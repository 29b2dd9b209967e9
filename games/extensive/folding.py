"""From a game tree to its sequence form, with the properties the form relies on proved on the way."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.extensive.checks import validate_tree
from games.extensive.sequence_form import SequenceForm, Treeplex, Utility
from games.extensive.tree import TERMINAL, TreeGame


def fold(tree: TreeGame, *, source: str = "") -> SequenceForm:
    """Fold a tree onto the players' sequences.

    Time and memory are linear in the nodes, but for one sort of the leaves.

    Args:
        tree: the game.
        source: string that loads the game again in the library it came from.

    Raises:
        ValueError: the tree is malformed.
        UnsupportedGameError: some player forgets an own move or what they knew (imperfect recall), so no
            sequence form exists.
    """
    validate_tree(tree)
    counts = np.fromiter((len(a) for a in tree.infoset_actions), np.int64, tree.num_infosets)
    first = _first_sequences(tree, counts)
    sequences, parent_sequence, offender = _walk(
        tree.parent, tree.move, tree.actor, tree.infoset, first, tree.num_infosets, tree.num_players
    )
    if offender >= 0:
        h = int(tree.infoset[offender])
        raise UnsupportedGameError(
            f"{tree.name} has imperfect recall: player {int(tree.infoset_player[h])} reaches one information "
            f"set by two different sequences of own moves (node {offender}): {tree.infoset_labels[h]!r}"
        )
    treeplexes = tuple(
        _treeplex(tree, np.flatnonzero(tree.infoset_player == i), counts, parent_sequence)
        for i in range(tree.num_players)
    )
    reach = _chance_reach(tree.parent, tree.chance)
    leaves = tree.actor == TERMINAL
    entries, weight, payoff, payoff_sq = _merge_leaves(sequences[:, leaves], reach[leaves], tree.payoffs)
    return SequenceForm(
        tree.name,
        treeplexes,
        entries,
        weight,
        payoff,
        payoff_sq,
        utility_of(tree.payoffs),
        (float(tree.payoffs.min()), float(tree.payoffs.max())),
        source,
    )


def utility_of(payoffs: NDArray[np.float64]) -> Utility:
    """How the players' payoffs, shape (leaves, N), relate at every leaf; sums are compared to rounding."""
    slack = 1e-12 * payoffs.shape[1] * float(np.abs(payoffs).max())
    totals = payoffs.sum(axis=1)
    if payoffs.shape[1] > 1 and float(np.abs(totals).max()) <= slack:
        return Utility.ZERO_SUM
    if payoffs.shape[1] > 1 and float(np.ptp(payoffs, axis=1).max()) <= slack:
        return Utility.COMMON
    return Utility.CONSTANT_SUM if float(np.ptp(totals)) <= slack else Utility.GENERAL


def _first_sequences(tree: TreeGame, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """First sequence of each information set in its player's own numbering, shape (H,)."""
    first = np.empty(tree.num_infosets, np.int64)
    for i in range(tree.num_players):
        mine = np.flatnonzero(tree.infoset_player == i)
        first[mine] = 1 + np.concatenate(([0], np.cumsum(counts[mine])[:-1])) if mine.size else 1
    return first


def _treeplex(
    tree: TreeGame, mine: NDArray[np.int64], counts: NDArray[np.int64], parent_sequence: NDArray[np.int32]
) -> Treeplex:
    ids = np.fromiter((a for h in mine for a in tree.infoset_action_ids[h]), np.int64)
    return Treeplex(
        parent=parent_sequence[mine],
        start=np.concatenate(([1], 1 + np.cumsum(counts[mine]))).astype(np.int32),
        infosets=tuple(tree.infoset_labels[h] for h in mine),
        actions=tuple(tree.infoset_actions[h] for h in mine),
        action_ids=np.concatenate((np.array([-1], np.int64), ids)),
    )


@njit(cache=True, nogil=True)
def _walk(
    parent: NDArray[np.int32],
    move: NDArray[np.int32],
    actor: NDArray[np.int32],
    infoset: NDArray[np.int32],
    first: NDArray[np.int64],
    num_infosets: int,
    num_players: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32], int]:
    """Sequences (N, M) at each node, parent sequence (H,) of each infoset, first node that breaks recall."""
    num_nodes = parent.size
    sequences = np.zeros((num_players, num_nodes), np.int32)
    parent_sequence = np.full(num_infosets, -1, np.int32)
    for k in range(num_nodes):
        up = parent[k]
        if up >= 0:
            for i in range(num_players):
                sequences[i, k] = sequences[i, up]
            if actor[up] >= 0:
                sequences[actor[up], k] = first[infoset[up]] + move[k]
        if actor[k] >= 0:
            h = infoset[k]
            own = sequences[actor[k], k]
            if parent_sequence[h] < 0:
                parent_sequence[h] = own
            elif parent_sequence[h] != own:
                return sequences, parent_sequence, k
    return sequences, parent_sequence, -1


@njit(cache=True, nogil=True)
def _chance_reach(parent: NDArray[np.int32], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability that chance allows each node, shape (M,)."""
    reach = np.ones(parent.size)
    for k in range(1, parent.size):
        reach[k] = reach[parent[k]] * chance[k]
    return reach


def _merge_leaves(
    sequences: NDArray[np.int32], reach: NDArray[np.float64], payoffs: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Add up the leaves (N, L) that share all players' sequences; sorted lexicographically."""
    order = np.lexsort(sequences[::-1])
    ordered = sequences[:, order]
    new = np.ones(order.size, np.bool_)
    new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    starts = np.flatnonzero(new)
    weighted = (reach[:, None] * payoffs)[order].T
    squared = (reach[:, None] * payoffs**2)[order].T
    return (
        np.ascontiguousarray(ordered[:, starts]),
        np.add.reduceat(reach[order], starts),
        np.ascontiguousarray(np.add.reduceat(weighted, starts, axis=1)),
        np.ascontiguousarray(np.add.reduceat(squared, starts, axis=1)),
    )
