"""Sets of combinatorial actions, written as mixed-integer linear rows and checked apart from them.

An action is a vector of bits a in {0, 1}^N. A set of them is given twice:

- by rows, for solvers: a is allowed if auxiliary variables w exist with l <= A (a, w) <= u, each variable
  within its bounds, and integral where marked;
- by a membership test written independently of the rows, for checking what solvers return.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from games.bandits.recipes import CardinalityRecipe, SetRecipe

Membership: TypeAlias = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
"""Which rows of a batch of actions, of shape (batch, N), belong to the set; returns shape (batch,)."""


@dataclass(frozen=True, slots=True, eq=False)
class ActionSet:
    """Allowed actions {a in {0, 1}^N : there is w with l <= A (a, w) <= u}.

    Attributes:
        size: N, the number of action bits; they are the first N variables.
        rows: A, of shape (rows, variables).
        row_lower: l, of shape (rows,); -inf where a row has no lower side.
        row_upper: u, likewise.
        lower: of the variables, of shape (variables,).
        upper: likewise.
        integral: which variables must be whole; the action bits always.
        membership: the independent test.
        most: an upper bound on the number of bits set in any allowed action; tight where cheap to know.
        downward: dropping set bits from an allowed action always leaves an allowed one.
        name: for messages.
        kinds: of the bits, int64 of shape (N,), or None. Exchanging two bits of one kind takes allowed
            actions to allowed ones, so only the number of set bits of each kind counts. Who replaces the
            rows or the membership of a set must replace these too.
        recipe: what the set was built from, if that can be written down; likewise.
    """

    size: int
    rows: sparse.csr_array
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integral: NDArray[np.bool_]
    membership: Membership
    most: int
    downward: bool
    name: str
    kinds: NDArray[np.int64] | None = None
    recipe: SetRecipe | None = None

    @property
    def variables(self) -> int:
        """Bits and auxiliaries."""
        return int(self.lower.size)

    @property
    def within_most(self) -> int:
        """How many actions set at most ``most`` bits: at least as many as are allowed."""
        return sum(math.comb(self.size, count) for count in range(self.most + 1))

    def contains(self, actions: ArrayLike) -> NDArray[np.bool_]:
        """Which actions are allowed, by the independent test.

        Args:
            actions: bits, of shape (..., N).

        Raises:
            ValueError: the last axis is not N long, or there are entries other than 0 and 1.
        """
        bits = np.asarray(actions)
        if bits.ndim == 0 or bits.shape[-1] != self.size:
            raise ValueError(f"actions of {self.name} must have {self.size} bits, got shape {bits.shape}")
        if bits.dtype != np.bool_ and not np.isin(bits, (0, 1)).all():
            raise ValueError(f"actions of {self.name} must hold only 0 and 1")
        flat = bits.reshape(-1, self.size).astype(np.bool_)
        return np.asarray(self.membership(flat), dtype=np.bool_).reshape(bits.shape[:-1])


def whole_number(name: str, value: int, least: int) -> int:
    """The argument ``name`` as an int.

    Raises:
        ValueError: it is no whole number of at least ``least``.
    """
    message = f"{name} must be a whole number of at least {least}, got {value!r}"
    try:
        number = index(value)
    except TypeError as error:
        raise ValueError(message) from error
    if number < least:
        raise ValueError(message)
    return number


def cardinality(size: int, most: int, *, exactly: bool = False) -> ActionSet:
    """At most, or exactly, so many of ``size`` bits.

    Raises:
        ValueError: ``size`` is below 1, ``most`` is not in 0..``size``, or one of them is not whole.
    """
    size, most = whole_number("size", size, 1), whole_number("most", most, 0)
    if most > size:
        raise ValueError(f"most must be in 0..{size}, got {most}")

    def membership(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        counts = actions.sum(axis=1)
        return np.asarray(counts == most if exactly else counts <= most)

    return ActionSet(
        size=size,
        rows=sparse.csr_array(np.ones((1, size))),
        row_lower=np.array([float(most) if exactly else -np.inf]),
        row_upper=np.array([float(most)]),
        lower=np.zeros(size),
        upper=np.ones(size),
        integral=np.ones(size, dtype=np.bool_),
        membership=membership,
        most=most,
        downward=not exactly,
        name=f"cardinality(size={size}, most={most})",
        recipe=CardinalityRecipe(size, most, exactly),
    )
