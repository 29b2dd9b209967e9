"""The best profile for many weights at once, compiled and without the interpreter's lock."""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.profiles import Profiles


class Places(NamedTuple):
    """Profiles over bits in order of kind, so that a profile takes the first few of every kind.

    Attributes:
        kind: of each place, int64 of shape (N,).
        first: of each place the place where its kind begins, int64 of shape (N,).
        starts: where the entries of each profile begin in ``last``, int64 of shape (F + 1,).
        last: for each kind that a profile has bits of, the place of the last of them.
    """

    kind: NDArray[np.int64]
    first: NDArray[np.int64]
    starts: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def ranks(self) -> NDArray[np.int64]:
        """Of each place among those of its kind, from 0."""
        return np.asarray(np.arange(self.first.size) - self.first)


def places_of(found: Profiles) -> Places:
    """The places that profiles take."""
    begins = np.cumsum(found.sizes) - found.sizes
    kind = np.repeat(np.arange(found.sizes.size), found.sizes)
    some = found.counts > 0
    last = (begins + found.counts - 1)[some]  # row by row
    starts = np.concatenate([[0], np.cumsum(some.sum(axis=1))])
    return Places(kind, begins[kind], starts, last)


@numba.njit(cache=True, nogil=True)
def best_profiles(
    weights: NDArray[np.float64], places: Places, allowed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The allowed profile of greatest weight for each row; the first of them where several are equal.

    Args:
        weights: of shape (batch, N): bits by kind, those of greatest weight first.
        places: of the profiles.
        allowed: of shape (F,), true somewhere.
    """
    batch, bits = weights.shape
    first, starts, last = places.first, places.starts, places.last
    best = np.empty(batch, dtype=np.int64)
    sums = np.empty(bits)
    for row in range(batch):
        for place in range(bits):
            before = sums[place - 1] if place > first[place] else 0.0
            sums[place] = before + weights[row, place]
        winner, most = -1, -np.inf
        for profile in range(allowed.size):
            if not allowed[profile]:
                continue
            total = 0.0
            for entry in range(starts[profile], starts[profile + 1]):
                total += sums[last[entry]]
            if winner < 0 or total > most:
                winner, most = profile, total
        best[row] = winner
    return best
