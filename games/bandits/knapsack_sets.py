"""Action sets without auxiliary variables: knapsacks and partition matroids."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet
from games.bandits.recipes import KnapsackRecipe, PartitionRecipe
from games.bandits.rows import Logic, RowBuilder, enlarged, tightened

# Sums of weights that ought to meet a limit exactly may miss it by rounding.
_ROUNDING = 1e-9


def knapsack(weights: ArrayLike, limits: ArrayLike) -> ActionSet:
    """Actions a with W a <= limits, for non-negative weights: one row for each resource.

    Sums may exceed a limit by 1e-9 of it, for rounding.

    Args:
        weights: W, of shape (resources, N), or (N,) for one resource.
        limits: of shape (resources,), or a scalar for one resource.

    Raises:
        ValueError: there is no arm, shapes disagree, an entry is negative or not finite.
    """
    table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    tops = np.atleast_1d(np.asarray(limits, dtype=np.float64))
    if table.ndim != 2 or tops.shape != (table.shape[0],):
        raise ValueError(
            f"weights must have shape (resources, N) and limits (resources,), got {table.shape} "
            f"and {tops.shape}"
        )
    for name, values in (("weights", table), ("limits", tops)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name} must be finite and not negative")
    size = table.shape[1]
    if not size:
        raise ValueError(f"weights must have at least one column, one for each arm, got shape {table.shape}")

    def membership(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        sums = np.einsum("bn,rn->br", actions.astype(np.float64), table)
        return np.asarray((sums <= tops * (1.0 + _ROUNDING)).all(axis=1))

    builder = RowBuilder(size)
    forbidden = (table > tops[:, None] * (1.0 + _ROUNDING)).any(axis=0)
    for bit in np.flatnonzero(forbidden):
        builder.forbid(int(bit))
    # Rows leave out forbidden bits, whose great weights would keep small ones from being enlarged.
    rest = sparse.csr_array(np.where(forbidden, 0.0, table))
    rows, low, high = enlarged(rest, np.full(tops.size, -np.inf), tops)
    for row, sides in zip(rows.toarray(), zip(low.tolist(), high.tolist(), strict=True), strict=True):
        where = np.flatnonzero(row)
        builder.row(where, row[where], sides)
    # Bits of equal weights are of one kind.
    kinds = np.unique(table, axis=1, return_inverse=True)[1].reshape(size).astype(np.int64)
    name = f"knapsack(size={size}, resources={tops.size})"
    logic = Logic(membership, size, True, name, kinds, KnapsackRecipe(table.copy(), tops.copy()))
    return tightened(builder.build(logic))


def partition(groups: Sequence[int], limits: ArrayLike) -> ActionSet:
    """A partition matroid: at most ``limits[g]`` bits of group g.

    Args:
        groups: the group of each bit, of shape (N,), whole numbers from 0.
        limits: of shape (groups,), whole numbers.

    Raises:
        ValueError: there is no arm, a group has no limit, or a limit is negative or no whole number.
    """
    labels = np.asarray(groups)
    tops = np.asarray(limits)
    whole = np.issubdtype(labels.dtype, np.integer) or not labels.size
    if labels.ndim != 1 or not whole or tops.ndim != 1:
        raise ValueError(
            f"groups and limits must be lists of whole numbers, got shapes {labels.shape}, {tops.shape}"
        )
    if not labels.size:
        raise ValueError("groups must have at least one entry, one for each arm, got none")
    if not np.issubdtype(tops.dtype, np.integer) or (tops < 0).any():
        raise ValueError(f"limits must be whole numbers, none negative, got {tops.tolist()}")
    if not (labels.min() >= 0 and labels.max() < tops.size):
        raise ValueError(f"groups must be in 0..{tops.size - 1}, as there are {tops.size} limits")

    def membership(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        counts = np.stack([actions[:, labels == group].sum(axis=1) for group in range(tops.size)], axis=1)
        return np.asarray((counts <= tops).all(axis=1))

    builder = RowBuilder(labels.size)
    for group, top in enumerate(tops):
        builder.row(np.flatnonzero(labels == group), 1.0, (-np.inf, float(top)))
    most = int(np.minimum(np.bincount(labels, minlength=tops.size), tops).sum())
    name = f"partition(size={labels.size}, groups={tops.size})"
    kinds = labels.astype(np.int64)
    recipe = PartitionRecipe(kinds, tops.astype(np.int64))
    return builder.build(Logic(membership, most, True, name, kinds, recipe))
