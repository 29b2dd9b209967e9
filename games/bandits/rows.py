"""Building the rows of an action set column by column, and asking what the rows themselves say.

`most_allowed` and `rows_allow` solve mixed-integer programs over the rows. They are for set-up and for tests;
a membership test written from them is no independent witness, and sets that have no other say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet, Membership
from games.bandits.recipes import SetRecipe

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

# How far the solver may miss a row; HiGHS's own feasibility tolerance.
ROW_TOLERANCE = 1e-6
_INFEASIBLE = 2  # of scipy.optimize.milp


@dataclass(frozen=True, slots=True)
class Logic:
    """What a builder cannot read off the rows.

    Attributes:
        membership: the test of the set that is written independently of the rows.
        most: an upper bound on the bits set in an allowed action.
        downward: dropping set bits from an allowed action always leaves an allowed one.
        name: for messages.
        kinds: of bits that may be exchanged, as in `ActionSet`.
        recipe: what the set is built from, as in `ActionSet`.
    """

    membership: Membership
    most: int
    downward: bool
    name: str
    kinds: NDArray[np.int64] | None = None
    recipe: SetRecipe | None = None


class RowBuilder:
    """Collects variables and rows; the action bits are variables 0..size-1."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lower: list[NDArray[np.float64]] = [np.zeros(size)]
        self._upper: list[NDArray[np.float64]] = [np.ones(size)]
        self._integral: list[NDArray[np.bool_]] = [np.ones(size, dtype=np.bool_)]
        self._variables = size
        self._columns: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.float64]] = []
        self._sides: list[tuple[float, float]] = []

    def variables(self, upper: ArrayLike, *, integral: bool) -> NDArray[np.int64]:
        """Add variables within 0..``upper``, of shape (count,), and return their columns."""
        top = np.asarray(upper, dtype=np.float64)
        self._lower.append(np.zeros(top.size))
        self._upper.append(top)
        self._integral.append(np.full(top.size, integral))
        first, self._variables = self._variables, self._variables + top.size
        return np.arange(first, self._variables)

    def forbid(self, bit: int) -> None:
        """Fix an action bit to 0."""
        self._upper[0][bit] = 0.0

    def row(
        self, columns: Sequence[int] | NDArray[np.int64], values: ArrayLike, sides: tuple[float, float]
    ) -> None:
        """Add sides[0] <= sum of values * columns <= sides[1]; a scalar value serves all columns."""
        where = np.asarray(columns, dtype=np.int64)
        self._columns.append(where)
        self._values.append(np.broadcast_to(np.asarray(values, dtype=np.float64), where.shape))
        self._sides.append(sides)

    def build(self, logic: Logic) -> ActionSet:
        """The finished set."""
        lengths = [columns.size for columns in self._columns]
        numbers = np.repeat(np.arange(len(lengths)), lengths)
        columns = np.concatenate([*self._columns, np.empty(0, dtype=np.int64)])
        values = np.concatenate([*self._values, np.empty(0)])
        sides = np.array(self._sides, dtype=np.float64).reshape(-1, 2)
        return ActionSet(
            size=self.size,
            rows=sparse.csr_array(
                sparse.coo_array((values, (numbers, columns)), shape=(len(lengths), self._variables))
            ),
            row_lower=sides[:, 0].copy(),
            row_upper=sides[:, 1].copy(),
            lower=np.concatenate(self._lower),
            upper=np.concatenate(self._upper),
            integral=np.concatenate(self._integral),
            membership=logic.membership,
            most=logic.most,
            downward=logic.downward,
            name=logic.name,
            kinds=logic.kinds,
            recipe=logic.recipe,
        )


def enlarged(
    table: sparse.csr_array, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[sparse.csr_array, NDArray[np.float64], NDArray[np.float64]]:
    """The same rows, those with small numbers multiplied by powers of two until the greatest is about one.

    Solvers allow rows to be missed by 1e-6, whatever their numbers: one of 1e-8 everywhere would allow all.
    """
    greatest = abs(table).max(axis=1).toarray() if table.nnz else np.zeros(table.shape[0])
    small = (greatest > 0) & (greatest < 1)
    factors = np.ones(table.shape[0])
    factors[small] = np.exp2(np.ceil(-np.log2(greatest[small])))
    return sparse.csr_array(sparse.diags_array(factors) @ table), low * factors, high * factors


def most_allowed(action_set: ActionSet, *, node_limit: int | None = None) -> int:
    """The largest number of bits that the rows allow.

    Where ``node_limit`` stops the search, an upper bound on it.

    Raises:
        ValueError: no action satisfies the rows.
    """
    cost = np.zeros(action_set.variables)
    cost[: action_set.size] = -1.0
    options = {} if node_limit is None else {"node_limit": node_limit}
    result = _solve(action_set, cost, action_set.lower, action_set.upper, options)
    if result.status == _INFEASIBLE:
        raise ValueError(f"{action_set.name} is empty: no action satisfies its rows")
    bound = result.mip_dual_bound
    if bound is None or not np.isfinite(bound):
        return action_set.most
    return min(action_set.most, int(np.floor(-bound + ROW_TOLERANCE)))


def tightened(action_set: ActionSet, *, node_limit: int | None = None) -> ActionSet:
    """The set with ``most`` from `most_allowed`.

    Raises:
        ValueError: no action satisfies the rows.
    """
    return replace(action_set, most=most_allowed(action_set, node_limit=node_limit))


def rows_allow(action_set: ActionSet, actions: ArrayLike) -> NDArray[np.bool_]:
    """Which actions the rows allow, up to `ROW_TOLERANCE`: one feasibility problem each, with the bits fixed.

    Args:
        action_set: whose membership test is not asked.
        actions: bits, of shape (batch, N).
    """
    bits = np.asarray(actions, dtype=np.float64)
    size = action_set.size
    within = (bits >= action_set.lower[:size]) & (bits <= action_set.upper[:size])
    allowed: NDArray[np.bool_] = np.asarray(within.all(axis=1))
    if action_set.variables == size:
        sums = bits @ action_set.rows.T
        low = sums >= action_set.row_lower - ROW_TOLERANCE
        return np.asarray(allowed & (low & (sums <= action_set.row_upper + ROW_TOLERANCE)).all(axis=1))
    cost = np.zeros(action_set.variables)
    for index in np.flatnonzero(allowed):
        lower, upper = action_set.lower.copy(), action_set.upper.copy()
        lower[:size] = upper[:size] = bits[index]
        result = _solve(action_set, cost, lower, upper, {})
        allowed[index] = result.status != _INFEASIBLE
    return allowed


def _solve(
    action_set: ActionSet,
    cost: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    options: dict[str, int],
) -> "OptimizeResult":
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import, and needed at set-up only

    rows = LinearConstraint(action_set.rows, action_set.row_lower, action_set.row_upper)
    return milp(
        cost,
        integrality=action_set.integral.astype(np.int64),
        bounds=Bounds(lower, upper),
        constraints=[rows] if action_set.rows.shape[0] else [],
        options=options,
    )
