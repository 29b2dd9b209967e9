r"""A best response learned in steps: conservative policy iteration [1]_ on the tree.

One step mixes, at every information set, a share of the action that is best when the own policy is followed
afterwards:

.. math::  b(h) \leftarrow (1 - \eta)\, b(h) + \eta\, e_{a^*(h)}, \qquad a^*(h) \in \arg\max_a Q_b(h, a) .

No step lowers the payoff against a fixed opponent, and the gap to a best response shrinks to zero. It stands
for what a learner with a limited budget finds, without its noise.

.. [1] S. Kakade, J. Langford, "Approximately optimal approximate reinforcement learning", ICML 2002.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.sequence_form import FlatTreeplexes, Plan, SequenceForm

FloatArray = NDArray[np.float64]


@njit(cache=True, nogil=True)
def _improve(
    player: int, flat: FlatTreeplexes, gradient: FloatArray, rate: float, steps: int, behaviors: FloatArray
) -> None:
    """``steps`` steps against values ``gradient`` (S_player,); ``behaviors`` (S_player,) changes in place."""
    shift = flat.sequence_offset[player]
    for _ in range(steps):
        values = gradient.copy()
        for h in range(flat.infoset_offset[player + 1] - 1, flat.infoset_offset[player] - 1, -1):
            first, last = flat.first[h] - shift, flat.last[h] - shift
            best = first
            value = 0.0
            for s in range(first, last):
                value += behaviors[s] * values[s]
                if values[s] > values[best]:
                    best = s
            values[flat.parent[h] - shift] += value
            total = 0.0
            for s in range(first, last):
                behaviors[s] *= 1.0 - rate
                if s == best:
                    behaviors[s] += rate
                total += behaviors[s]
            for s in range(first, last):  # rounding must not add up over many steps
                behaviors[s] /= total


def improved_response(
    form: SequenceForm, plans: FloatArray, player: int, *, rate: float, steps: int
) -> tuple[Plan, float]:
    """Improve the policy of ``player`` against what the others play.

    Args:
        form: the game.
        plans: realization plans of all players end to end, shape (S,); not validated.
        player: who improves.
        rate: the share, in (0, 1].
        steps: how many steps.

    Returns:
        The new plan, shape (S_player,), and how much better a best response is.
    """
    flat = form.flat
    own = slice(int(flat.sequence_offset[player]), int(flat.sequence_offset[player + 1]))
    behaviors = np.empty_like(plans)
    kernels.behaviors_from_plans(flat, plans, behaviors)
    gradient = np.zeros(form.num_sequences[player])
    kernels.add_gradient(player, form.sequences, form.payoff[player], flat, plans, gradient)
    _improve(player, flat, gradient, rate, steps, behaviors[own])
    improved = np.empty_like(plans)
    kernels.plans_from_behaviors(flat, behaviors, improved)
    plan = improved[own].copy()
    value = float(gradient @ plan)
    return plan, max(float(kernels.maximise(player, flat, gradient)) - value, 0.0)
