r"""Regret matching on treeplexes: predictive CFR+ [1]_ between two players.

At every information set h a player keeps clipped regrets z. When the opponent's plan gives the sequence
values g (own gradient plus the values of what follows), with the behavior b at h,

.. math::  r = g - \langle b, g \rangle, \qquad z \leftarrow [z + r]^+, \qquad b \propto [z + r]^+ ,

so the next behavior is what regret matching+ would play if the same values came again. Players move in
turns, and the answer is the average of their plans with weights t^2.

.. [1] G. Farina, C. Kroer, T. Sandholm, "Faster game solving via predictive Blackwell approachability:
   connecting regret matching and mirror descent", AAAI 2021.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.sequence_form import FlatTreeplexes
from solvers.psro.bilinear.game import BilinearGame

FloatArray = NDArray[np.float64]


@njit(cache=True, nogil=True)
def observe(
    player: int,
    flat: FlatTreeplexes,
    gradient: FloatArray,
    regrets: FloatArray,
    behaviors: FloatArray,
    predict: bool,
) -> None:
    """One step of ``player``: regrets (S,) and behaviors (S,), end to end, change in place.

    ``gradient`` (S_player,) becomes the sequence values. Without ``predict`` the step is that of CFR+.
    """
    shift = flat.sequence_offset[player]
    for h in range(flat.infoset_offset[player + 1] - 1, flat.infoset_offset[player] - 1, -1):
        first, last = flat.first[h], flat.last[h]
        value = 0.0
        for s in range(first, last):
            value += behaviors[s] * gradient[s - shift]
        gradient[flat.parent[h] - shift] += value
        total = 0.0
        for s in range(first, last):
            regret = gradient[s - shift] - value
            regrets[s] = max(regrets[s] + regret, 0.0)
            behaviors[s] = max(regrets[s] + regret, 0.0) if predict else regrets[s]
            total += behaviors[s]
        for s in range(first, last):
            behaviors[s] = behaviors[s] / total if total > 0.0 else 1.0 / (last - first)


@njit(cache=True, nogil=True)
def _sweeps(
    sequences: NDArray[np.int32],
    payoff: FloatArray,
    flat: FlatTreeplexes,
    first: int,
    count: int,
    regrets: FloatArray,
    behaviors: FloatArray,
    plans: FloatArray,
    average: FloatArray,
) -> None:
    """Rounds ``first`` to ``first + count - 1`` of alternating steps; the last four change in place."""
    for t in range(first, first + count):
        for i in range(2):
            begin, end = flat.sequence_offset[i], flat.sequence_offset[i + 1]
            gradient = np.zeros(end - begin)
            kernels.add_gradient(i, sequences, payoff[i], flat, plans, gradient)
            observe(i, flat, gradient, regrets, behaviors, True)
            plans[begin] = 1.0
            for h in range(flat.infoset_offset[i], flat.infoset_offset[i + 1]):
                reach = plans[flat.parent[h]]
                for s in range(flat.first[h], flat.last[h]):
                    plans[s] = reach * behaviors[s]
        # Sum over u <= t of u^2 is t (t + 1) (2 t + 1) / 6.
        share = 6.0 * t / ((t + 1.0) * (2.0 * t + 1.0))
        for s in range(plans.size):
            average[s] += share * (plans[s] - average[s])


def solve_by_regret_matching(
    game: BilinearGame, *, tolerance: float, max_sweeps: int
) -> tuple[FloatArray, float, int]:
    """Plans of small NashConv.

    Args:
        game: the game.
        tolerance: NashConv, in payoff units, at which to stop.
        max_sweeps: most rounds.

    Returns:
        The best average plans seen, end to end, shape (S,), their NashConv, and the rounds it took.
    """
    flat = game.flat
    size = int(flat.sequence_offset[-1])
    behaviors, plans = np.empty(size), np.empty(size)
    kernels.behaviors_from_plans(flat, np.zeros(size), behaviors)  # uniform
    kernels.plans_from_behaviors(flat, behaviors, plans)
    regrets, average = np.zeros(size), np.zeros(size)
    done, gap = 0, game.gap(plans)
    best = plans.copy()
    chunk = 16
    while done < max_sweeps and gap > tolerance:
        count = min(chunk, max_sweeps - done)
        _sweeps(game.sequences, game.payoff, flat, done + 1, count, regrets, behaviors, plans, average)
        done += count
        # Looking costs as much as a round, so it becomes rarer as rounds go by.
        chunk = max(16, done // 8)
        now = game.gap(average)
        if now < gap:
            best, gap = average.copy(), now
    return best, gap, done
