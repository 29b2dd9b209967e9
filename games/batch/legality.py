"""The check that batches make before they move."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.errors import IllegalActionError


def require_legal(player: int, actions: NDArray[np.int64], masks: NDArray[np.bool_]) -> None:
    """Check one player's actions in all lanes; where nothing is legal the player does not act.

    Args:
        player: who acts, for the message.
        actions: shape (lanes,).
        masks: legal actions, shape (lanes, num_actions).

    Raises:
        IllegalActionError: an action is outside its mask; the first lane is named.
    """
    lane = _first_illegal(actions, masks)
    if lane >= 0:
        raise IllegalActionError(f"action {actions[lane]} of player {player} in lane {lane} is not legal")


@njit(cache=True, nogil=True)
def _first_illegal(actions: NDArray[np.int64], masks: NDArray[np.bool_]) -> int:
    """The first lane whose action is outside a mask that allows any; -1 where there is none."""
    for k in range(actions.size):
        if not (0 <= actions[k] < masks.shape[1] and masks[k, actions[k]]) and masks[k].any():
            return k
    return -1
