"""The sequence form: what remains of a game tree once it is folded onto the players' own move sequences.

A sequence of player i is the list of their own moves on the way to a node; under perfect recall each
information set has exactly one parent sequence, and a strategy is a *realization plan* r_i with
r_i(empty) = 1 and, at each information set h, the plan's values over the actions of h adding up to the
value of h's parent sequence [1]_. Expected payoffs are multilinear in the plans:

    u_i(r) = sum over entries e of payoff[i, e] * prod_j r_j(sequences[j, e]).

.. [1] von Stengel (1996), Efficient computation of behavior strategies, Games and Economic Behavior 14.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Plan: TypeAlias = NDArray[np.float64]
"""Realization plan of one player, shape (S_i,), with plan[0] = 1."""

Behavior: TypeAlias = NDArray[np.float64]
"""Behavior policy of one player, shape (S_i,): entry s is the probability of the last move of sequence s
at its information set; entry 0 (the empty sequence) is 1."""


class Utility(StrEnum):
    """How the players' payoffs relate at every leaf."""

    ZERO_SUM = "zero-sum"
    CONSTANT_SUM = "constant-sum"
    COMMON = "common-payoff"
    GENERAL = "general-sum"


@dataclass(frozen=True, slots=True, eq=False)
class Treeplex:
    """The decision points of one player, in topological order.

    H information sets, S sequences; sequence 0 is the empty one.

    Attributes:
        parent: int32 (H,), the sequence that leads to each information set; it is smaller than ``start``.
        start: int32 (H + 1,), the actions of information set h are the sequences ``start[h]:start[h + 1]``.
        infosets: name of each information set.
        actions: action labels at each information set.
        action_ids: int64 (S,), the action as the integer of the source library; -1 at the empty sequence.
    """

    parent: NDArray[np.int32]
    start: NDArray[np.int32]
    infosets: tuple[str, ...]
    actions: tuple[tuple[str, ...], ...]
    action_ids: NDArray[np.int64]

    @property
    def num_infosets(self) -> int:
        """Number of information sets H."""
        return int(self.parent.size)

    @property
    def num_sequences(self) -> int:
        """Number of sequences S, the empty one included."""
        return int(self.start[-1])


class FlatTreeplexes(NamedTuple):
    """All treeplexes end to end, the shape the compiled kernels read.

    Sequences and information sets of player i occupy ``[offset[i], offset[i + 1])`` of the concatenation,
    and indices within it are global.

    Attributes:
        sequence_offset: int64 (N + 1,).
        infoset_offset: int64 (N + 1,).
        parent: int64 (sum H,), parent sequence of each information set.
        first: int64 (sum H,), first sequence of each information set.
        last: int64 (sum H,), one past its last sequence.
    """

    sequence_offset: NDArray[np.int64]
    infoset_offset: NDArray[np.int64]
    parent: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def _flatten(treeplexes: tuple[Treeplex, ...]) -> FlatTreeplexes:
    sequence_offset = np.cumsum([0] + [t.num_sequences for t in treeplexes])
    infoset_offset = np.cumsum([0] + [t.num_infosets for t in treeplexes])
    shifted = list(zip(treeplexes, sequence_offset[:-1], strict=True))
    return FlatTreeplexes(
        sequence_offset.astype(np.int64),
        infoset_offset.astype(np.int64),
        np.concatenate([t.parent + shift for t, shift in shifted]).astype(np.int64),
        np.concatenate([t.start[:-1] + shift for t, shift in shifted]).astype(np.int64),
        np.concatenate([t.start[1:] + shift for t, shift in shifted]).astype(np.int64),
    )


@dataclass(frozen=True, slots=True, eq=False)
class SequenceForm:
    """A game of perfect recall, folded onto sequences; E entries, N players.

    Attributes:
        name: how reports call the game.
        treeplexes: the decision points of each player.
        sequences: int32 (N, E), the players' sequences that lead to each entry; entries are distinct and
            sorted lexicographically.
        weight: float64 (E,), total chance probability of the leaves in the entry.
        payoff: float64 (N, E), sum over those leaves of chance probability times payoff.
        payoff_sq: float64 (N, E), the same with squared payoffs; variances need it.
        utility: how the payoffs relate, established from every leaf.
        payoff_bounds: least and greatest payoff at any leaf of any player.
        source: the string that loads the game again in the library it came from, "" where there is none.
        flat: the treeplexes end to end, derived.
    """

    name: str
    treeplexes: tuple[Treeplex, ...]
    sequences: NDArray[np.int32]
    weight: NDArray[np.float64]
    payoff: NDArray[np.float64]
    payoff_sq: NDArray[np.float64]
    utility: Utility
    payoff_bounds: tuple[float, float]
    source: str = ""
    flat: FlatTreeplexes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "flat", _flatten(self.treeplexes))

    @property
    def num_players(self) -> int:
        """Number of players N."""
        return len(self.treeplexes)

    @property
    def num_sequences(self) -> tuple[int, ...]:
        """Number of sequences of each player."""
        return tuple(t.num_sequences for t in self.treeplexes)

    @property
    def payoff_range(self) -> float:
        """Greatest minus least payoff: the unit in which tolerances are scaled."""
        return self.payoff_bounds[1] - self.payoff_bounds[0]
