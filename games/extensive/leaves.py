r"""The whole distribution of what players get in a tree, exactly: tails and events, not moments alone.

A leaf comes about with the product of the chances on its path and of every player's realization plan,

.. math::  P(\ell) = c(\ell) \prod_i r_i(s_i(\ell)),

so any statistic of the payoffs is a weighted sum over leaves, with nothing sampled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.extensive.sequence_form import Plan, SequenceForm
from games.extensive.tree import TERMINAL, TreeGame

_TOTAL_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class LeafTable:
    """The leaves of a tree, in node order; L leaves, N players.

    Attributes:
        sequences: each player's own sequence that leads to the leaf, in the numbering of the form, (N, L).
        chance: probability that chance allows the leaf, (L,).
        payoffs: shape (L, N).
    """

    sequences: NDArray[np.int64]
    chance: NDArray[np.float64]
    payoffs: NDArray[np.float64]

    @classmethod
    def of(cls, tree: TreeGame, form: SequenceForm) -> "LeafTable":
        """The leaves of ``tree``.

        Args:
            tree: the game.
            form: the same tree, folded (``games.extensive.fold``).

        Raises:
            ValueError: the form is of another tree.
        """
        first = np.empty(tree.num_infosets, dtype=np.int64)
        choices = np.array([len(actions) for actions in tree.infoset_actions], dtype=np.int64)
        owners = [np.flatnonzero(tree.infoset_player == i) for i in range(tree.num_players)]
        if form.num_players != tree.num_players or not all(
            np.array_equal(np.diff(plex.start), choices[mine])
            for mine, plex in zip(owners, form.treeplexes, strict=True)
        ):
            raise ValueError(f"{form.name} is not the form of the tree {tree.name}")
        for mine, plex in zip(owners, form.treeplexes, strict=True):
            first[mine] = plex.start[:-1]
        parent = tree.parent
        depth = np.zeros(tree.num_nodes, dtype=np.int64)
        for node, up in enumerate(parent[1:].tolist(), start=1):
            depth[node] = depth[up] + 1
        sequences = np.zeros((tree.num_players, tree.num_nodes), dtype=np.int64)
        chance = tree.chance.astype(np.float64)
        for level in range(1, int(depth.max()) + 1):
            nodes = np.flatnonzero(depth == level)
            up = parent[nodes]
            chance[nodes] *= chance[up]
            sequences[:, nodes] = sequences[:, up]
            chosen = tree.actor[up] >= 0
            movers, moved, above = tree.actor[up[chosen]], nodes[chosen], up[chosen]
            sequences[movers, moved] = first[tree.infoset[above]] + tree.move[moved]
        leaves = tree.actor == TERMINAL
        return cls(sequences[:, leaves], chance[leaves], tree.payoffs)

    def probabilities(self, plans: tuple[Plan, ...]) -> NDArray[np.float64]:
        """Probability of each leaf, shape (L,), under one realization plan per player."""
        reached = self.chance.copy()
        for plan, sequences in zip(plans, self.sequences, strict=True):
            reached *= plan[sequences]
        return reached


@dataclass(frozen=True, slots=True)
class ExactOutcome:
    """What one player's returns come to, exactly.

    Attributes:
        mean: in payoff units.
        variance: in squared payoff units.
        cvar: mean of the worst share ``level`` of the returns.
        level: that share.
        event: probability of the event asked about.
    """

    mean: float
    variance: float
    cvar: float
    level: float
    event: float


def exact_outcome(
    values: ArrayLike, probabilities: ArrayLike, events: ArrayLike, *, level: float
) -> ExactOutcome:
    """Statistics of a discrete distribution of returns.

    Args:
        values: returns, shape (K,).
        probabilities: of the returns, non-negative with a sum of one, shape (K,).
        events: where the event happened, Boolean, shape (K,).
        level: share of the worst returns that the conditional value at risk averages, in (0, 1].

    Raises:
        ValueError: shapes that differ, probabilities that make no distribution, events that are not Boolean,
            or a level out of range.
    """
    cvar = weighted_tail_mean(values, probabilities, level)
    worth = np.asarray(values, dtype=np.float64)
    chances = np.asarray(probabilities, dtype=np.float64)
    happened = np.asarray(events)
    if happened.dtype != np.bool_ or happened.shape != worth.shape:
        raise ValueError(
            f"events must be Boolean of shape {worth.shape}, got {happened.dtype} of shape {happened.shape}"
        )
    mean = float(chances @ worth)
    return ExactOutcome(
        mean, float(chances @ (worth - mean) ** 2), cvar, level, float(chances[happened].sum())
    )


def weighted_tail_mean(values: ArrayLike, probabilities: ArrayLike, level: float) -> float:
    """Conditional value at risk: mean of the worst share ``level`` of a discrete distribution.

    Args:
        values: shape (K,).
        probabilities: of the values, non-negative with a sum of one, shape (K,).
        level: in (0, 1]; the value at the boundary counts by its part.

    Raises:
        ValueError: shapes that differ, probabilities that make no distribution, or a level out of range.

    Example:
        >>> weighted_tail_mean([-10.0, 0.0, 5.0], [0.1, 0.4, 0.5], 0.2)
        -5.0
    """
    worth = np.asarray(values, dtype=np.float64)
    chances = np.asarray(probabilities, dtype=np.float64)
    if worth.ndim != 1 or worth.shape != chances.shape:
        raise ValueError(f"values and probabilities must share one axis, got {worth.shape}, {chances.shape}")
    if not (abs(chances.sum() - 1.0) <= _TOTAL_TOLERANCE and chances.min() >= 0):
        raise ValueError(f"probabilities must be non-negative and sum to one, got a sum of {chances.sum()!r}")
    if not 0 < level <= 1:
        raise ValueError(f"level must lie in (0, 1], got {level!r}")
    order = np.argsort(worth, kind="stable")
    before = np.concatenate(([0.0], np.cumsum(chances[order])[:-1]))
    weights = np.clip(level - before, 0.0, chances[order])
    return float(weights @ worth[order] / weights.sum())
