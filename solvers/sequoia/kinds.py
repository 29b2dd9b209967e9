"""The relaxation that counts bits by kinds, in the form that kernels read.

Let a downward set be given by its maximal profiles p (see ``solvers.sequoia.profiles``). The greatest value
of a linear form over it is

    max_p sum_k (sum of the p_k greatest positive coefficients of kind k),

which is exact: there is no better bound to be had from the set, and all it takes are a sort and the profiles.
As profiles share beginnings, they are the leaves of a tree, in which each node costs one addition.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.profiles import Profiles


class Kinds(NamedTuple):
    """Kinds, maximal profiles and room to work; arrays of no entry where only the number of bits counts.

    A slot is a kind with a number n of set bits, 0 to its size.

    Attributes:
        order: bits by kinds, int64 (N,).
        begin: the first slot of each kind, int64 (K + 1,).
        before: the node before each, -1 for none; nodes by levels, one for each kind; int64 (T,).
        slot: of each node, int64 (T,).
        leaves: the first node of the last level.
        used: of each kind, bits fixed to 1; int64 (K,).
        worth: of each kind, free bits with a positive coefficient; int64 (K,).
        sorted: those bits of each kind, the greatest first, at the kind's places in ``order``; int64 (N,).
        prefix: of each slot, what the bits of the kind give at most; of shape (N + K,).
        best: of each slot, the greatest total of a profile with that slot; likewise.
        total: of each node, of shape (T,).
    """

    order: NDArray[np.int64]
    begin: NDArray[np.int64]
    before: NDArray[np.int64]
    slot: NDArray[np.int64]
    leaves: int
    used: NDArray[np.int64]
    worth: NDArray[np.int64]
    sorted: NDArray[np.int64]
    prefix: NDArray[np.float64]
    best: NDArray[np.float64]
    total: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class KindTree:
    """What of `Kinds` does not change, shared by threads.

    Attributes:
        order: as there.
        begin: as there.
        before: as there.
        slot: as there.
        leaves: as there.
    """

    order: NDArray[np.int64]
    begin: NDArray[np.int64]
    before: NDArray[np.int64]
    slot: NDArray[np.int64]
    leaves: int

    def workspace(self) -> Kinds:
        """With room to work of its own."""
        kinds, size, slots = self.begin.size - 1, self.order.size, int(self.begin[-1])
        return Kinds(
            self.order,
            self.begin,
            self.before,
            self.slot,
            self.leaves,
            np.empty(kinds, dtype=np.int64),
            np.empty(kinds, dtype=np.int64),
            np.empty(size, dtype=np.int64),
            np.empty(slots),
            np.empty(slots),
            np.empty(self.before.size),
        )


def kind_tree(profiles: Profiles) -> KindTree:
    """The tree of the maximal profiles of a downward set."""
    begin = np.concatenate(([0], np.cumsum(profiles.sizes + 1)))
    leaves = profiles.maximal()
    before, slot = [], []
    parent = np.full(len(leaves), -1)
    total = 0
    for k in range(profiles.sizes.size):
        level, where = np.unique(np.column_stack((parent, leaves[:, k])), axis=0, return_inverse=True)
        before.append(level[:, 0])
        slot.append(begin[k] + level[:, 1])
        parent = total + where.reshape(-1)
        total += len(level)
    return KindTree(
        order=np.argsort(profiles.kind, kind="stable"),
        begin=begin,
        before=np.concatenate(before),
        slot=np.concatenate(slot),
        leaves=total - len(before[-1]),
    )


_EMPTY = np.empty(0, dtype=np.int64)
NO_KINDS = KindTree(_EMPTY, np.zeros(1, dtype=np.int64), _EMPTY, _EMPTY, 0)
"""Only the number of bits counts."""
