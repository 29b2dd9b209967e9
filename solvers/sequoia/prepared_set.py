"""What can be worked out of an action set once, for all the networks that are maximised over it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.errors import SolveError
from solvers.sequoia.action_table import ActionTable, action_table
from solvers.sequoia.counting import Counting, counting
from solvers.sequoia.kinds import kind_tree
from solvers.sequoia.profiles import Profiles, profiles


class EmptySetError(SolveError):
    """An action set allows no action at all."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How much may be spent on a set once, for all the networks that are maximised over it.

    The numbers are of things counted, not of seconds, so that the same set is prepared alike everywhere.

    Attributes:
        tests: membership tests, each of some microseconds to a third of a millisecond; 0: nothing here.
        actions: of a table; each takes 9 bytes. Of every decision each takes about two nanoseconds, and of a
            deep network that its linear bound does not settle some hundreds: so beyond this, branching wins.
        leaves: greatest number of maximal profiles for the bounds to use; each takes about two nanoseconds of
            every bound.
    """

    tests: int = 20_000
    actions: int = 200_000
    leaves: int = 2_000

    def __post_init__(self) -> None:
        for name in ("tests", "actions", "leaves"):
            number = getattr(self, name)
            if number < 0:
                raise ValueError(f"{name} must be 0 or more, got {number}")


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSet:
    """An action set with its rows as solvers read them.

    Attributes:
        action_set: the set.
        starts: where each row's entries start, and their number; int32 of shape (rows + 1,).
        indices: columns of the entries, int32.
        values: the entries.
        count: what counting says of it.
        has_none: whether the action without any set bit is allowed.
        slack: greatest change of an objective when every reduced cost and every price is wrong by 1.
        profiles: of the set, or None where there are too many, or counting bits is all there is to it.
        table: all actions, or None where there are too many.
    """

    action_set: ActionSet
    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: NDArray[np.float64]
    count: Counting
    has_none: bool
    slack: float
    profiles: Profiles | None
    table: ActionTable | None


def prepare(action_set: ActionSet, effort: Preparation | None = None) -> PreparedSet:
    """Read a set's rows, and find out what membership tests tell of it.

    Args:
        action_set: the set.
        effort: what may be spent; None: no membership tests.

    Raises:
        EmptySetError: the bounds of the variables and the number of bits alone leave no action.
    """
    try:
        count = counting(action_set)
    except ValueError as error:
        raise EmptySetError(str(error)) from error
    if (action_set.lower > action_set.upper).any():
        raise EmptySetError(f"{action_set.name} allows no action: a variable has its bounds crossed")
    rows = action_set.rows.tocsr()
    widths = action_set.upper - action_set.lower
    finite = np.isfinite(widths)
    reach = abs(rows) @ np.where(finite, widths, 0.0)
    effort = Preparation(tests=0) if effort is None else effort
    seen = profiles(action_set, effort.tests) if effort.tests and not count.complete else None
    if seen is not None and action_set.downward and action_set.kinds is not None:
        tree = kind_tree(seen)
        if tree.slot.size - tree.leaves <= effort.leaves:
            count = replace(count, kinds=tree, complete=True)
    few = seen is not None and seen.actions <= effort.actions
    has_none = bool(action_set.contains(np.zeros(action_set.size, dtype=np.bool_)))
    inequality = action_set.row_lower < action_set.row_upper
    return PreparedSet(
        action_set=action_set,
        starts=rows.indptr.astype(np.int32),
        indices=rows.indices.astype(np.int32),
        values=rows.data.astype(np.float64),
        count=count,
        has_none=has_none,
        slack=float(widths[finite].sum() + reach[inequality].sum()),
        profiles=seen,
        table=action_table(seen) if seen is not None and few else None,
    )
