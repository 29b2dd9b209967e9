r"""Which candidates may be chosen together: downward-closed families behind one small protocol.

A family says two things. Whether one more candidate fits, which is all that a greedy method asks; and, for
given weights, the best point of some polytope that holds every member of the family, which is all that an
upper bound on coverage asks (``games.influence.certificate``). For matroids greedy finds that point and it
is a member itself [1]_; for a knapsack it is the fractional one [2]_; intersections have a file of their own
(``games.influence.intersection``).

.. [1] Edmonds (1971), Matroids and the greedy algorithm, Mathematical Programming 1.
.. [2] Dantzig (1957), Discrete-variable extremum problems, Operations Research 5.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from games.influence.assignment_kernels import admit, heaviest
from games.influence.collection import SetCollection
from games.influence.nodes import whole_numbers
from games.influence.problem import CapacityProblem

_ROUNDING = 1e-12  # costs are summed in floating point


class Choice(Protocol):
    """A growing member of a family."""

    def admit(self, candidate: int) -> bool:
        """Take the candidate, which is not in yet, if the family allows it; True if it does."""

    def undo(self) -> None:
        """Give back the candidate that ``admit`` has just taken: that call was the last one, and true."""


class Relaxation(Protocol):
    """A polytope that holds every member of a family; all that a bound asks."""

    @property
    def num_candidates(self) -> int:
        """How many candidates there are."""

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """A point y of [0, 1]^c with ``weight @ y`` at least the weight of every member; weights are >= 0."""


class Family(Relaxation, Protocol):
    """Sets of candidates, closed under leaving candidates out."""

    @property
    def price(self) -> NDArray[np.float64]:
        """Share of the budgets that each candidate uses up, shape (c,); zeros where nothing is priced."""

    def empty(self) -> Choice:
        """The empty set, ready to grow."""


def family_bound(
    family: Relaxation, sets: SetCollection, alpha: NDArray[np.float64], worth: ArrayLike = 1.0
) -> float:
    r"""Upper bound on the worth of the sets that a member of the family can meet.

    For any :math:`\alpha_r \in [0, 1]` a met set counts at most :math:`(1 - \alpha_r)` plus
    :math:`\alpha_r` per member of it that is chosen, as in ``games.influence.certificate``.

    Args:
        family: what may be chosen, or just its polytope.
        sets: cut down to the family's candidates.
        alpha: one number in [0, 1] per set, shape (sets,); any gives a valid bound.
        worth: what meeting each set is worth, non-negative, one number or shape (sets,).

    Raises:
        ValueError: shapes do not fit, ``alpha`` leaves [0, 1], or a worth is negative.
    """
    if sets.num_candidates != family.num_candidates:
        raise ValueError(f"sets hold {sets.num_candidates} candidates, the family {family.num_candidates}")
    if alpha.shape != (sets.num_sets,) or not ((alpha >= 0) & (alpha <= 1)).all():
        raise ValueError(
            f"alpha must hold one number in [0, 1] per set, shape ({sets.num_sets},), got {alpha.shape}"
        )
    values = np.broadcast_to(np.asarray(worth, dtype=np.float64), alpha.shape)
    if not (values >= 0).all():
        raise ValueError("worth must be at least 0 for every set")
    sizes = np.diff(sets.start)
    weight = candidate_weights(sets, alpha * values)
    best = float(weight @ family.relaxed_best(weight))
    return float(np.sum(((1.0 - alpha) * values)[sizes > 0])) + best


def candidate_weights(sets: SetCollection, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the sets that hold each candidate of a number per set, shape (c,)."""
    each: NDArray[np.float64] = np.bincount(
        sets.member, weights=np.repeat(value, np.diff(sets.start)), minlength=sets.num_candidates
    ).astype(np.float64)
    return each


def greedy_point(family: Family, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The heaviest member of a matroid, as a point of 0 and 1: greedy by falling weight is exact there."""
    choice = family.empty()
    point = np.zeros(weight.size)
    for c in np.argsort(-weight, kind="stable").tolist():
        if weight[c] <= 0:
            break
        point[c] = choice.admit(c)
    return point


@dataclass(frozen=True, slots=True, eq=False)
class Capacities:
    """What the adopters of a problem can cover within their capacities: a transversal matroid."""

    problem: CapacityProblem

    @property
    def num_candidates(self) -> int:
        """See ``Family``."""
        return self.problem.num_candidates

    @property
    def price(self) -> NDArray[np.float64]:
        """See ``Family``."""
        return np.zeros(self.num_candidates)

    def empty(self) -> "_CoveredChoice":
        """See ``Family``."""
        return _CoveredChoice(self.problem)

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Family``."""
        places = self.problem.places()
        heaviest(places, np.argsort(-weight, kind="stable"), weight)
        return (places.owner >= 0).astype(np.float64)


class _CoveredChoice:
    def __init__(self, problem: CapacityProblem) -> None:
        self.places = problem.places()
        self._last = -1

    def admit(self, candidate: int) -> bool:
        self._last = candidate
        return bool(admit(self.places, candidate))

    def undo(self) -> None:
        # The one taken last sits with an inviter that a search reached, so none that is known to be closed
        # reopens.
        p, u = self.places, int(self.places.owner[self._last])
        p.used[u] -= 1
        begin, end = int(p.first[u]), int(p.first[u] + p.used[u])
        place = begin + int(np.flatnonzero(p.held[begin : end + 1] == self._last)[0])
        p.held[place] = p.held[end]
        p.owner[self._last] = -1


@dataclass(frozen=True, slots=True, eq=False)
class Quotas:
    """At most so many of each group; groups are disjoint or one within the other (a laminar matroid).

    Attributes:
        members: which candidates each group holds, bool (groups, c).
        limit: how many of each may be chosen, int64 (groups,).

    Raises:
        ValueError: shapes do not fit, a limit is negative, or two groups cross.
    """

    members: NDArray[np.bool_]
    limit: NDArray[np.int64]
    _begin: NDArray[np.int64] = field(init=False, repr=False)  # range of each candidate in ``_group``
    _group: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        members, limit = np.array(self.members, dtype=np.bool_), whole_numbers(self.limit, "limit")
        if members.ndim != 2 or limit.shape != members.shape[:1] or limit.min(initial=0) < 0:
            raise ValueError(
                f"need members (groups, candidates) and a limit >= 0 each, got {members.shape} and {limit}"
            )
        counts = members.astype(np.int64)
        common, size = counts @ counts.T, counts.sum(axis=1)
        crossing = (common > 0) & (common < np.minimum.outer(size, size))
        if crossing.any():
            first, second = np.argwhere(crossing)[0].tolist()
            raise ValueError(f"groups {first} and {second} cross: quotas need groups disjoint or nested")
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "limit", limit)
        begin = np.zeros(members.shape[1] + 1, dtype=np.int64)
        np.cumsum(counts.sum(axis=0), out=begin[1:])
        object.__setattr__(self, "_begin", begin)
        object.__setattr__(self, "_group", np.nonzero(members.T)[1].astype(np.int64))

    @property
    def num_candidates(self) -> int:
        """See ``Family``."""
        return int(self.members.shape[1])

    @property
    def price(self) -> NDArray[np.float64]:
        """See ``Family``."""
        return np.zeros(self.num_candidates)

    def empty(self) -> "_CountedChoice":
        """See ``Family``."""
        return _CountedChoice(self)

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Family``."""
        order = np.argsort(-weight, kind="stable")
        point: NDArray[np.float64] = _heaviest_within(
            order, weight, self._begin, self._group, self.limit.copy()
        )
        return point


@njit(nogil=True, cache=True)
def _heaviest_within(
    order: NDArray[np.int64],
    weight: NDArray[np.float64],
    begin: NDArray[np.int64],
    group: NDArray[np.int64],
    room: NDArray[np.int64],
) -> NDArray[np.float64]:
    """``greedy_point`` under quotas; ``room`` is used up."""
    point = np.zeros(weight.size)
    for c in order:
        if weight[c] <= 0.0:
            break
        groups = group[begin[c] : begin[c + 1]]
        fits = True
        for g in groups:
            fits = fits and room[g] > 0
        if fits:
            point[c] = 1.0
            for g in groups:
                room[g] -= 1
    return point


class _CountedChoice:
    def __init__(self, quotas: Quotas) -> None:
        self._begin, self._group = quotas._begin.tolist(), quotas._group.tolist()
        self._room = quotas.limit.tolist()
        self._last = -1

    def admit(self, candidate: int) -> bool:
        groups = self._groups(candidate)
        if any(self._room[g] <= 0 for g in groups):
            return False
        for g in groups:
            self._room[g] -= 1
        self._last = candidate
        return True

    def undo(self) -> None:
        for g in self._groups(self._last):
            self._room[g] += 1

    def _groups(self, candidate: int) -> list[int]:
        found: list[int] = self._group[self._begin[candidate] : self._begin[candidate + 1]]
        return found


def at_most(number: int, num_candidates: int) -> Quotas:
    """Any ``number`` of the candidates: plain influence maximisation."""
    return Quotas(np.ones((1, num_candidates), dtype=np.bool_), np.array([number]))


@dataclass(frozen=True, slots=True, eq=False)
class Knapsack:
    """Costs that must not exceed a budget.

    Attributes:
        cost: of each candidate, finite and non-negative, shape (c,).
        budget: positive and finite, in the same units.

    Raises:
        ValueError: a number is out of range.
    """

    cost: NDArray[np.float64]
    budget: float

    def __post_init__(self) -> None:
        cost = np.array(self.cost, dtype=np.float64)
        if cost.ndim != 1 or not (np.isfinite(cost) & (cost >= 0)).all():
            raise ValueError("cost must hold one finite non-negative number per candidate")
        if not (self.budget > 0 and np.isfinite(self.budget)):
            raise ValueError(f"budget must be positive and finite, got {self.budget!r}")
        object.__setattr__(self, "cost", cost)

    @property
    def num_candidates(self) -> int:
        """See ``Family``."""
        return self.cost.size

    @property
    def price(self) -> NDArray[np.float64]:
        """See ``Family``."""
        return self.cost / self.budget

    def empty(self) -> "_PaidChoice":
        """See ``Family``."""
        return _PaidChoice(self)

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Family``; one candidate at most is taken in part."""
        room = self.budget * (1 + _ROUNDING)
        # One that costs more than everything there is can be in no member.
        useful = np.flatnonzero((weight > 0) & (self.cost <= room))
        with np.errstate(divide="ignore", over="ignore"):
            order = useful[np.argsort(-weight[useful] / self.cost[useful], kind="stable")]
        spent = np.cumsum(self.cost[order])
        left = room - (spent - self.cost[order])
        share = np.ones(order.size)
        paid = self.cost[order] > 0
        cost = self.cost[order][paid]
        share[paid] = np.clip(left[paid], 0.0, cost) / cost
        point = np.zeros(weight.size)
        point[order] = share
        return point


class _PaidChoice:
    def __init__(self, knapsack: Knapsack) -> None:
        self._cost = knapsack.cost
        self._limit = knapsack.budget * (1 + _ROUNDING)
        self._spent = self._before = 0.0

    def admit(self, candidate: int) -> bool:
        spent = self._spent + float(self._cost[candidate])
        if spent > self._limit:
            return False
        self._before, self._spent = self._spent, spent
        return True

    def undo(self) -> None:
        self._spent = self._before


@dataclass(frozen=True, slots=True, eq=False)
class Matroid:
    """Any matroid, given by its independence oracle.

    Attributes:
        independent: says of a set of candidates whether it may be chosen. It must be that of a matroid:
            bounds rest on it, and it is not checked.
        num_candidates: how many candidates there are.
    """

    independent: Callable[[frozenset[int]], bool]
    num_candidates: int

    @property
    def price(self) -> NDArray[np.float64]:
        """See ``Family``."""
        return np.zeros(self.num_candidates)

    def empty(self) -> "_AskedChoice":
        """See ``Family``."""
        return _AskedChoice(self.independent)

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Family``."""
        return greedy_point(self, weight)


class _AskedChoice:
    def __init__(self, independent: Callable[[frozenset[int]], bool]) -> None:
        self._independent = independent
        self._taken: frozenset[int] = frozenset()
        self._before = self._taken

    def admit(self, candidate: int) -> bool:
        grown = self._taken | {candidate}
        if not self._independent(grown):
            return False
        self._before, self._taken = self._taken, grown
        return True

    def undo(self) -> None:
        self._taken = self._before
