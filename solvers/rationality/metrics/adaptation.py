r"""How soon a player does the right thing and goes on doing it.

Of hits h_0, ..., h_{T-1}, one per round, the rounds to settle are T minus the length of the last run of
hits: 0 when all are hits, T when the last is none. A player whose hits are independent with probabilities p_t
settles after :math:`T - \sum_{j=1}^{T} \prod_{t=T-j}^{T-1} p_t` rounds on average, because the last run is
at least j long exactly when the last j rounds are hits.
"""

import numpy as np
from numpy.typing import ArrayLike


def rounds_to_settle(hits: ArrayLike) -> int:
    """Rounds before the last run of hits begins; the number of rounds where the last is no hit.

    Args:
        hits: bool, shape (T,), in the order of rounds.

    Raises:
        ValueError: not a vector.

    Example:
        >>> rounds_to_settle([True, False, True, True])
        2
    """
    row = np.asarray(hits, dtype=np.bool_)
    if row.ndim != 1:
        raise ValueError(f"hits must have shape (T,), got {row.shape}")
    misses = np.flatnonzero(~row)
    return int(misses[-1]) + 1 if misses.size else 0


def chance_rounds_to_settle(probabilities: ArrayLike) -> float:
    """Mean rounds to settle where each round is a hit on its own.

    Args:
        probabilities: of a hit in each round, shape (T,).

    Raises:
        ValueError: not a vector of probabilities.
    """
    row = np.asarray(probabilities, dtype=np.float64)
    if row.ndim != 1 or not ((row >= 0) & (row <= 1)).all():
        raise ValueError(f"probabilities must be a vector of numbers in [0, 1], got {probabilities!r}")
    return float(row.size - np.cumprod(row[::-1]).sum())
