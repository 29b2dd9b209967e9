"""An action set from rows that the user already has as arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet, Membership
from games.bandits.recipes import RowsRecipe
from games.bandits.rows import enlarged, rows_allow, tightened


@dataclass(frozen=True, slots=True, eq=False)
class Variables:
    """Bounds and kinds of all variables, the action bits first.

    Attributes:
        lower: of shape (variables,), -inf where there is no bound.
        upper: likewise, inf.
        integral: which must be whole; bits always are.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integral: NDArray[np.bool_]


def from_arrays(
    size: int,
    rows: ArrayLike | sparse.sparray,
    row_lower: ArrayLike,
    row_upper: ArrayLike,
    *,
    auxiliaries: Variables | None = None,
    membership: Membership | None = None,
    downward: bool = False,
    name: str = "arrays",
) -> ActionSet:
    """Actions for which some auxiliary variables w satisfy l <= A (a, w) <= u.

    ``most`` comes from one mixed-integer program.

    Args:
        size: N, the number of action bits.
        rows: A, dense or sparse, of shape (rows, N + auxiliaries); the bits come first.
        row_lower: l, of shape (rows,), -inf where a row has no lower side.
        row_upper: u, likewise.
        auxiliaries: bounds of the columns behind the bits; None if there are none.
        membership: a test written apart from the rows. Without one, membership is a feasibility problem over
            the rows with the bits fixed: it checks how an answer was rounded, but not how the rows were
            written.
        downward: dropping set bits always leaves an allowed action; the caller knows.
        name: for messages.

    Raises:
        ValueError: shapes disagree, a number is NaN, a bound is crossed, or the set is empty.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    extra = auxiliaries or Variables(np.empty(0), np.empty(0), np.empty(0, dtype=np.bool_))
    count = size + extra.lower.size
    bounds = Variables(
        np.concatenate([np.zeros(size), np.asarray(extra.lower, dtype=np.float64)]),
        np.concatenate([np.ones(size), np.asarray(extra.upper, dtype=np.float64)]),
        np.concatenate([np.ones(size, dtype=np.bool_), np.asarray(extra.integral, dtype=np.bool_)]),
    )
    table = sparse.csr_array(
        rows if sparse.issparse(rows) else np.atleast_2d(np.asarray(rows, dtype=np.float64))
    )
    low, high = (np.atleast_1d(np.array(side, dtype=np.float64)) for side in (row_lower, row_upper))
    if table.shape[1] != count:
        raise ValueError(
            f"rows must have {count} columns, {size} bits and the auxiliaries, got {table.shape}"
        )
    return compiled(size, (table.copy(), low, high), bounds, (membership, downward, name))


def compiled(
    size: int,
    rows: tuple[sparse.csr_array, NDArray[np.float64], NDArray[np.float64]],
    variables: Variables,
    logic: tuple[Membership | None, bool, str],
) -> ActionSet:
    """The checked set; see `from_arrays`. Bounds cover the bits too.

    Raises:
        ValueError: as there.
    """
    table, low, high = rows
    membership, downward, name = logic
    for label, values, length in (
        ("row_lower", low, table.shape[0]),
        ("row_upper", high, table.shape[0]),
        ("lower", variables.lower, table.shape[1]),
        ("upper", variables.upper, table.shape[1]),
        ("integral", variables.integral, table.shape[1]),
    ):
        if values.shape != (length,):
            raise ValueError(f"{label} of {name} must have shape ({length},), got {values.shape}")
    if not np.isfinite(table.data).all():
        raise ValueError(f"rows of {name} must be finite")
    # `not <=` also catches NaN.
    if not (low <= high).all() or not (variables.lower <= variables.upper).all():
        raise ValueError(f"each lower side of {name} must be at most its upper side")
    table, low, high = enlarged(table, low, high)
    rows_only = ActionSet(
        size=size,
        rows=table,
        row_lower=low,
        row_upper=high,
        lower=variables.lower,
        upper=variables.upper,
        integral=variables.integral,
        membership=_unasked,
        most=size,
        downward=downward,
        name=name,
    )
    test: Callable[[NDArray[np.bool_]], NDArray[np.bool_]] = membership or partial(rows_allow, rows_only)
    recipe = RowsRecipe() if membership is None else None  # a test of the caller's is a function
    return tightened(replace(rows_only, membership=test, recipe=recipe))


def _unasked(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    raise NotImplementedError("a set that is only its rows has no membership test")
