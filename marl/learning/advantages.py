r"""How much better decisions turned out than expected.

Generalised advantage estimation [1]_ without discount: with :math:`\delta_t = r_t + V_{t+1} - V_t`,

.. math::  A_t = \delta_t + \lambda A_{t+1},

where V and A are zero after the end of a play.

.. [1] Schulman et al. (2016), High-dimensional continuous control using generalized advantage estimation,
   ICLR.
"""

import numpy as np
from numpy.typing import NDArray


def generalized_advantages(
    rewards: NDArray[np.float64],
    values: NDArray[np.float64],
    ended: NDArray[np.bool_],
    lengths: NDArray[np.int64],
    trace: float,
) -> NDArray[np.float64]:
    """Advantages of the first ``lengths`` decisions of each lane; zero elsewhere.

    Args:
        rewards: shape (rows, lanes).
        values: expected rewards from each decision on, shape (rows + 1, lanes); where the last decision of a
            lane did not end its play, the next row holds the value that follows.
        ended: whether the decision was the last of its play, shape (rows, lanes).
        lengths: decisions per lane, shape (lanes,).
        trace: lambda, in [0, 1].
    """
    rows = len(rewards)
    advantages = np.zeros((rows + 1, rewards.shape[1]))
    for t in range(rows - 1, -1, -1):
        ahead = np.where(ended[t], 0.0, values[t + 1] + trace * advantages[t + 1])
        advantages[t] = np.where(t < lengths, rewards[t] + ahead - values[t], 0.0)
    return advantages[:-1]


class RewardSums:
    """Sums of rewards per play, over batches."""

    def __init__(self, lanes: int) -> None:
        self._running = np.zeros(lanes)

    def add(
        self, rewards: NDArray[np.float64], ended: NDArray[np.bool_], lengths: NDArray[np.int64]
    ) -> list[float]:
        """The sums of the plays that ended, in the order of rows; arguments as of the advantages."""
        sums: list[float] = []
        for t in range(int(lengths.max(initial=0))):
            inside = t < lengths
            self._running += np.where(inside, rewards[t], 0.0)
            over = inside & ended[t]
            sums.extend(self._running[over].tolist())
            self._running[over] = 0.0
        return sums
