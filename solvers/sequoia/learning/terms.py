"""Tables over the factors of a bandit as set functions of the action bits.

A table q_f(u) over the patterns u of a factor's bits (`games.bandits.factors`) is, by Moebius inversion,

    q_f(a) = sum over subsets T of the bits of m_T prod_{i in T} a_i,
    m_T    = sum over subsets U of T of (-1)^(|T| - |U|) q_f(1_U),

and a product of bits is max(0, sum_{i in T} a_i - |T| + 1): a single neuron. So tables embed exactly into
networks.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.factors import Factor

Scores: TypeAlias = tuple[NDArray[np.float64], ...]
"""Tables q_f, one a factor, of shape (H, states of f, patterns of f)."""

TABULATED_BITS = 6
"""Bits that a factor may have."""
_MOST_ENTRIES = 20_000_000


class TermLayout:
    """Where the coefficients m_T of one table a factor, step and state lie in a flat array.

    Args:
        factors: of a bandit.
        horizon: H, steps of an episode.

    Attributes:
        factors: as given.
        horizon: H.
        entries: length of the flat array.
        single_bits: the action bits of the terms of one bit; a bit that several factors share comes
            repeatedly.
        products: the subsets of two bits or more, as tuples of action bits.

    Raises:
        ValueError: a factor has more than 6 bits, or the tables more than 20 million entries.
    """

    def __init__(self, factors: Sequence[Factor], horizon: int) -> None:
        self.factors = tuple(factors)
        self.horizon = horizon
        widest = max(len(factor.bits) for factor in factors)
        sizes = [horizon * factor.states * factor.patterns for factor in factors]
        self.entries = sum(sizes)
        if widest > TABULATED_BITS or self.entries > _MOST_ENTRIES:
            raise ValueError(
                f"factors have up to {widest} bits and {self.entries} table entries; at most "
                f"{TABULATED_BITS} bits and {_MOST_ENTRIES} entries are tabulated"
            )
        self._offsets = np.cumsum([0, *sizes[:-1]])
        self._states = np.array([factor.states for factor in factors])
        self._patterns = np.array([factor.patterns for factor in factors])
        arms = sum(len(factor.arms) for factor in factors)
        self._weights = np.zeros((arms, len(factors)), dtype=np.int64)
        singles: list[tuple[tuple[int, ...], int, int]] = []
        products: list[tuple[tuple[int, ...], int, int]] = []
        for place, factor in enumerate(factors):
            powers = factor.arm_states ** np.arange(len(factor.arms))[::-1]
            self._weights[list(factor.arms), place] = powers
            for subset in range(1, factor.patterns):
                bits = tuple(bit for k, bit in enumerate(reversed(factor.bits)) if subset >> k & 1)
                (singles if len(bits) == 1 else products).append((bits, place, subset))
        self.single_bits = np.array([bits[0] for bits, _, _ in singles], dtype=np.int64)
        self.products = tuple(bits for bits, _, _ in products)
        self._single = np.array([term[1:] for term in singles], dtype=np.int64).reshape(-1, 2)
        self._product = np.array([term[1:] for term in products], dtype=np.int64).reshape(-1, 2)

    def numbers(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """The factors' state numbers, of shape (m, factors), of states of shape (m, J)."""
        return np.asarray(states @ self._weights)

    def positions(
        self, states: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Where the terms of states of shape (m, J) at steps of shape (m,) lie in the flat array.

        Returns:
            Of the constants, of shape (m, factors); of the single bits, in the order of ``single_bits``; of
            the products, in theirs.
        """
        constants = self._offsets + (steps[:, None] * self._states + self.numbers(states)) * self._patterns
        singles = constants[:, self._single[:, 0]] + self._single[:, 1]
        products = constants[:, self._product[:, 0]] + self._product[:, 1]
        return constants, singles, products

    def flat(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Coefficients of tables q_f, each of shape (H, states of f, patterns of f)."""
        return np.concatenate([_moebius(table).reshape(-1) for table in tables])

    def tables(self, flat: NDArray[np.float64]) -> Scores:
        """The tables q_f of coefficients."""
        parts = np.split(flat, self._offsets[1:])
        return tuple(
            _moebius(part.reshape(self.horizon, factor.states, factor.patterns), sign=1.0)
            for part, factor in zip(parts, self.factors, strict=True)
        )


def _moebius(table: NDArray[np.float64], sign: float = -1.0) -> NDArray[np.float64]:
    """Moebius inversion along the last axis, whose length is a power of two; with sign 1, undone."""
    found = np.array(table, dtype=np.float64)
    patterns = np.arange(found.shape[-1])
    step = 1
    while step < patterns.size:
        with_bit = (patterns & step) > 0
        found[..., with_bit] += sign * found[..., ~with_bit]
        step *= 2
    return found
