"""Compiled steps of regret matching+ and of fictitious play; see ``solvers.equilibrium.learning``.

Payoffs are one row-major matrix per player (own actions by the others' joint actions), one after the other;
mixtures hold the players one after the other. Players move in turn, each against the others' newest play.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.equilibrium.risk_kernels import apply, joint_of_others

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True)
def match_regrets(
    payoffs: FloatArray,
    sizes: IntArray,
    regrets: FloatArray,
    x: FloatArray,
    sums: FloatArray,
    done: int,
    steps: int,
) -> None:
    """``steps`` rounds of regret matching+ after the first ``done``, in place.

    ``regrets`` are the clipped regrets, ``x`` the strategies they give, ``sums`` the strategies weighted by
    the number of their round.
    """
    cells = np.prod(sizes)
    for t in range(done + 1, done + steps + 1):
        offset = 0
        for i in range(sizes.size):
            n = sizes[i]
            width = cells // n
            matrix = payoffs[i * cells : (i + 1) * cells].reshape(n, width)
            value = apply(matrix, joint_of_others(x, sizes, i, width))
            own = x[offset : offset + n]
            mean = np.dot(own, value)
            total = 0.0
            for a in range(n):
                regrets[offset + a] = max(regrets[offset + a] + value[a] - mean, 0.0)
                total += regrets[offset + a]
            for a in range(n):
                own[a] = regrets[offset + a] / total if total > 0.0 else 1.0 / n
            offset += n
        for k in range(x.size):
            sums[k] += t * x[k]


@njit(cache=True, nogil=True)
def answer_averages(
    payoffs: FloatArray,
    sizes: IntArray,
    last: FloatArray,
    averages: FloatArray,
    slack: float,
    done: int,
    steps: int,
) -> None:
    """``steps`` rounds of fictitious play after the first ``done``, in place.

    ``averages`` are the average mixtures, which the players answer, and ``last`` their latest pure answers;
    the first of the actions within ``slack`` of the best is played.
    """
    cells = np.prod(sizes)
    for t in range(done + 1, done + steps + 1):
        offset = 0
        for i in range(sizes.size):
            n = sizes[i]
            width = cells // n
            matrix = payoffs[i * cells : (i + 1) * cells].reshape(n, width)
            value = apply(matrix, joint_of_others(averages, sizes, i, width))
            best = value.max()
            played = 0
            while value[played] < best - slack:
                played += 1
            # The start counts as round zero, so that the first answer already meets full support.
            for a in range(n):
                last[offset + a] = 1.0 if a == played else 0.0
                averages[offset + a] += (last[offset + a] - averages[offset + a]) / (t + 1)
            offset += n
