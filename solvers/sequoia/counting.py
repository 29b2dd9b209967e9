"""What counting bits, in all or by kinds, says of an action set, and which of them are fixed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from solvers.sequoia.kinds import NO_KINDS, KindTree


@dataclass(frozen=True, slots=True, eq=False)
class Counting:
    """The relaxation {a : sum a <= most, or = most, some bits fixed} of an action set.

    Attributes:
        most: greatest number of bits set.
        exactly: exactly so many are set in every action.
        fixed: 0 or 1 where a bit is fixed, -1 where it is free; int8 of shape (N,).
        complete: the set is nothing but this, so no action need be tested.
        kinds: a further relaxation by the numbers of bits of each kind, or none.
    """

    most: int
    exactly: bool
    fixed: NDArray[np.int8]
    complete: bool
    kinds: KindTree = NO_KINDS

    @property
    def left(self) -> int:
        """How many free bits may be set."""
        return self.most - int((self.fixed == 1).sum())


def counting(action_set: ActionSet) -> Counting:
    """Read the counting relaxation off a set.

    Raises:
        ValueError: no action is left in it.
    """
    size = action_set.size
    fixed = np.full(size, -1, dtype=np.int8)
    fixed[action_set.upper[:size] < 1.0] = 0
    fixed[action_set.lower[:size] > 0.0] = 1
    exactly = complete = False
    if action_set.rows.shape == (1, size) and (action_set.rows.toarray() == 1.0).all():
        low, high = float(action_set.row_lower[0]), float(action_set.row_upper[0])
        exactly = low == high == action_set.most
        complete = exactly or (low <= (fixed == 1).sum() and np.floor(high) == action_set.most)
    result = Counting(action_set.most, exactly, fixed, complete)
    if result.left < 0 or (exactly and result.left > int((fixed < 0).sum())):
        raise ValueError(f"{action_set.name} has no action with its fixed bits and most={action_set.most}")
    return result
