r"""From episodes to records: returns over several steps, cut before actions that were explored [1]_.

After (s, a) at step t greedy actions follow up to step e, the first of: n steps on, the next explored action,
the end of the episode. With the additive values V and Q of `ValueBase`,

.. math::
    y = Q(s, a, t) + \sum_{k=t+1}^{e-1} \gamma^{k-t} (Q(s_k, a_k, k) - V(s_k, k))
        + \gamma^{e-t} E [\max_{a'} \hat Q(s_e, a', e) - V(s_e, e)]

is an estimate of what (s, a) is worth: unbiased if :math:`\hat Q` is, whatever V, and varying less the closer
V is to the truth. At the end of the episode nothing follows: the last expectation is left out. With V = 0 it
is the usual target, with expected rewards in the place of sampled ones. The expectation is over the state
after (s_{e-1}, a_{e-1}), whose law is known, so several states can be drawn for it.

.. [1] Watkins (1989), Learning from delayed rewards, thesis, Cambridge.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import CoupledBandit
from marl.learning.prioritised import Column
from solvers.sequoia.learning.value_base import ValueBase


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Episodes played side by side.

    Attributes:
        states: of shape (lanes, H + 1, J).
        actions: of shape (lanes, H, N).
        explored: whether an action was random, of shape (lanes, H).
    """

    states: NDArray[np.int64]
    actions: NDArray[np.bool_]
    explored: NDArray[np.bool_]


def backup_columns(bandit: CoupledBandit) -> dict[str, Column]:
    """What a record holds: row, action, the sum of what followed, and from where it is to be continued."""
    row, action = Column((bandit.num_arms + 1,), np.int64), Column((bandit.bits,), np.bool_)
    return {
        "row": row,
        "action": action,
        "followed": Column((), np.float64),
        "steps": Column((), np.int64),
        "last_row": row,
        "last_action": action,
        "next_row": row,
        "ended": Column((), np.bool_),
    }


def backups(episodes: Episodes, base: ValueBase, n_steps: int) -> dict[str, NDArray[Any]]:
    """Records of all decisions, by the columns of `backup_columns`; m = lanes * H of them.

    Args:
        episodes: what was played.
        base: what returns are measured against.
        n_steps: n, the greatest number of steps.
    """
    lanes, horizon, bits = episodes.actions.shape
    steps = np.broadcast_to(np.arange(horizon + 1), (lanes, horizon + 1))
    rows = np.concatenate([episodes.states, steps[:, :, None]], axis=2)
    flat = rows[:, :-1].reshape(lanes * horizon, -1)
    states, times = flat[:, :-1], flat[:, -1]
    advantages = base.action_value(states, times, episodes.actions.reshape(-1, bits))
    advantages = (advantages - base.value(states, times)).reshape(lanes, horizon)
    # The end e of each record, from the back: the next explored action or the end of the episode.
    nearest = np.full((lanes, horizon), horizon)
    for step in range(horizon - 2, -1, -1):
        nearest[:, step] = np.where(episodes.explored[:, step + 1], step + 1, nearest[:, step + 1])
    ends = np.minimum(nearest, np.arange(horizon) + n_steps)
    followed = np.zeros((lanes, horizon))
    for ahead in range(1, min(n_steps, horizon)):
        inside = np.arange(horizon) + ahead < ends
        shifted = np.zeros((lanes, horizon))
        shifted[:, :-ahead] = advantages[:, ahead:]
        followed += np.where(inside, base.discount**ahead * shifted, 0.0)
    lane = np.arange(lanes)[:, None]
    return {
        "row": flat,
        "action": episodes.actions.reshape(-1, bits),
        "followed": followed.reshape(-1),
        "steps": (ends - np.arange(horizon)).reshape(-1),
        "last_row": rows[lane, ends - 1].reshape(lanes * horizon, -1),
        "last_action": episodes.actions[lane, ends - 1].reshape(-1, bits),
        "next_row": rows[lane, ends].reshape(lanes * horizon, -1),
        "ended": (ends == horizon).reshape(-1),
    }
