"""An action set in which one bit is settled beforehand."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet


def fixing(action_set: ActionSet, bit: int, *, value: bool) -> ActionSet:
    """The allowed actions in which a bit has the given value; there may be none.

    Args:
        action_set: the set.
        bit: which, in 0..N-1.
        value: what it is to be.

    Raises:
        ValueError: there is no such bit.
    """
    if not 0 <= bit < action_set.size:
        raise ValueError(f"bit must be in 0..{action_set.size - 1}, got {bit}")
    lower, upper = action_set.lower.copy(), action_set.upper.copy()
    # A bit that the set itself forbids keeps its bound, and the crossed pair says that nothing is left.
    if value:
        lower[bit] = 1.0
    else:
        upper[bit] = 0.0

    def membership(asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.asarray(asked[:, bit] == value)
        if found.any():
            found[found] = action_set.membership(asked[found])
        return found

    return replace(
        action_set,
        lower=lower,
        upper=upper,
        membership=membership,
        downward=action_set.downward and not value,
        kinds=None,
        recipe=None,
        name=f"{action_set.name} with bit {bit} at {int(value)}",
    )
