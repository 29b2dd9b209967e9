"""An action set without some of its actions."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet


def excluding(action_set: ActionSet, actions: Sequence[NDArray[np.bool_]]) -> ActionSet:
    """The set without the given actions.

    Each excluded action e adds the row sum_{e_i = 0} a_i - sum_{e_i = 1} a_i >= 1 - |e|, which e alone
    violates.

    Args:
        action_set: the set.
        actions: bits of shape (N,) each; they need not be in the set.

    Raises:
        ValueError: an action has not N bits, or entries other than 0 and 1.
    """
    if not actions:
        return action_set
    if any(np.shape(action) != (action_set.size,) for action in actions):
        raise ValueError(
            f"actions must have shape ({action_set.size},), got {[np.shape(a) for a in actions]}"
        )
    if not np.isin(actions, (0, 1)).all():
        raise ValueError(f"actions must hold only 0 and 1, got {[np.asarray(a).tolist() for a in actions]}")
    bits = np.array(actions, dtype=np.bool_)
    cuts = np.zeros((len(bits), action_set.variables))
    cuts[:, : action_set.size] = np.where(bits, -1.0, 1.0)
    without = {row.tobytes() for row in np.packbits(bits, axis=1)}

    def membership(asked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        kept = [row.tobytes() not in without for row in np.packbits(asked, axis=1)]
        return np.asarray(action_set.membership(asked), dtype=np.bool_) & np.array(kept, dtype=np.bool_)

    return replace(
        action_set,
        rows=sparse.csr_array(sparse.vstack([action_set.rows, sparse.csr_array(cuts)])),
        row_lower=np.concatenate((action_set.row_lower, 1.0 - bits.sum(axis=1))),
        row_upper=np.concatenate((action_set.row_upper, np.full(len(bits), np.inf))),
        membership=membership,
        downward=False,
        kinds=None,
        recipe=None,
        name=f"{action_set.name} without {len(bits)} actions",
    )
