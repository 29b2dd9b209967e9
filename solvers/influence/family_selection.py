"""Greedy choice and falling upper bounds for any family of seed sets, on sets that may differ in worth.

Gains only fall as the choice grows, so a candidate whose gain was computed for the present choice and still
leads is the best one [1]_; and who does not fit once never fits again, since families are closed under
leaving out.

.. [1] Minoux (1978), Accelerated greedy algorithms for maximizing submodular set functions.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.influence.families import Family, candidate_weights, family_bound
from games.influence.intersection import SplitWeights, parts_of
from solvers.influence import weighted_kernels as wk
from solvers.influence.selection import CoverageIndex

_FREE = 1e-12  # share of a budget below which a price is no price


@dataclass(frozen=True, slots=True, eq=False)
class FamilyChoice:
    """A member of a family, chosen on a collection.

    Attributes:
        chosen: candidates in the order in which they were taken, int64.
        worth: of the sets that they meet.
        covered: which sets they meet, bool (sets,).
    """

    chosen: NDArray[np.int64]
    worth: float
    covered: NDArray[np.bool_]


class FamilySelector(Protocol):
    """A rule that chooses a member of a family."""

    @property
    def name(self) -> str:
        """What results call the rule."""

    def select(self, family: Family, index: CoverageIndex, worth: NDArray[np.float64]) -> FamilyChoice:
        """Choose for sets of the given worth, shape (sets,); a function of its arguments alone."""


@dataclass(frozen=True, slots=True)
class FamilyGreedy:
    """The candidate of greatest gain that fits, again and again.

    On an intersection of p matroids the worth is at least 1 / (p + 1) of the greatest [1]_.

    .. [1] Fisher, Nemhauser, Wolsey (1978), An analysis of approximations for maximizing submodular set
       functions II.
    """

    @property
    def name(self) -> str:
        """See ``FamilySelector``."""
        return "gain"

    def select(self, family: Family, index: CoverageIndex, worth: NDArray[np.float64]) -> FamilyChoice:
        """See ``FamilySelector``."""
        everyone = np.arange(family.num_candidates)
        return _completed(family, index, worth, np.ones(family.num_candidates), (), everyone)


@dataclass(frozen=True, slots=True)
class BudgetedGreedy:
    """The candidate of greatest gain per price that fits, after every affordable start of a few candidates.

    On one knapsack, starts of up to three give 1 - 1/e of the greatest worth [1]_; starts of one, which
    hold the best single candidate, at least half of that [2]_. A start is a run of greedy, so three are for
    small problems.

    Attributes:
        starts: greatest number of candidates in a start, 0 to 3.

    .. [1] Sviridenko (2004), A note on maximizing a submodular set function subject to a knapsack constraint.
    .. [2] Khuller, Moss, Naor (1999), The budgeted maximum coverage problem.
    """

    starts: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.starts <= 3:
            raise ValueError(f"starts must lie in 0..3, got {self.starts}")

    @property
    def name(self) -> str:
        """See ``FamilySelector``."""
        return f"gain_per_price_{self.starts}"

    def select(self, family: Family, index: CoverageIndex, worth: NDArray[np.float64]) -> FamilyChoice:
        """See ``FamilySelector``."""
        price = np.maximum(family.price, _FREE)
        everyone = np.arange(family.num_candidates)
        best = _completed(family, index, worth, price, (), everyone)
        for size in range(1, self.starts + 1):
            for start in combinations(range(family.num_candidates), size):
                if _allowed(family, start):
                    found = _completed(family, index, worth, price, start, everyone)
                    if found.worth > best.worth:
                        best = found
        return best


@dataclass(frozen=True, slots=True, eq=False)
class StagedGreedy:
    """One stage after the other, each by greatest gain: within-round greedy of several rounds [1]_.

    Where each stage has a quota of its own, the worth is at least 1 - exp(-(1 - 1/e)), about .46, of the
    greatest.

    Attributes:
        stage: of each candidate, from 0, shape (c,).

    .. [1] Sun, Huang, Yu, Chen (2018), Multi-round influence maximization, KDD.
    """

    stage: NDArray[np.int64]

    @property
    def name(self) -> str:
        """See ``FamilySelector``."""
        return "stages"

    def select(self, family: Family, index: CoverageIndex, worth: NDArray[np.float64]) -> FamilyChoice:
        """See ``FamilySelector``."""
        chosen: list[int] = []
        price = np.ones(family.num_candidates)
        for stage in np.unique(self.stage).tolist():
            found = _completed(family, index, worth, price, chosen, np.flatnonzero(self.stage == stage))
            chosen = found.chosen.tolist()
        return found


def filled(family: Family, chosen: NDArray[np.int64], score: NDArray[np.float64]) -> NDArray[np.int64]:
    """The chosen, and as many more as the family allows, by falling score: one more never harms.

    On few sets most candidates add nothing that can be seen.

    Args:
        family: what may be chosen together.
        chosen: a member, in the order in which it was taken.
        score: who comes first, shape (c,).
    """
    choice = family.empty()
    for c in chosen.tolist():
        choice.admit(c)
    taken = set(chosen.tolist())
    more = [c for c in np.argsort(-score, kind="stable").tolist() if c not in taken and choice.admit(c)]
    return np.concatenate([chosen, np.array(more, dtype=np.int64)])


def _allowed(family: Family, start: Sequence[int]) -> bool:
    choice = family.empty()
    return all(choice.admit(c) for c in start)


def _completed(
    family: Family,
    index: CoverageIndex,
    worth: NDArray[np.float64],
    price: NDArray[np.float64],
    start: Sequence[int],
    among: NDArray[np.int64],
) -> FamilyChoice:
    """Greedy by gain per price among some candidates, from a start that the family allows."""
    covered = np.zeros(index.sets.num_sets, dtype=np.bool_)
    choice = family.empty()
    chosen: list[int] = []
    total = 0.0

    def take(c: int) -> None:
        nonlocal total
        total += wk.worth_gained(c, index.begin, index.holder, worth, covered)
        wk.cover_all(c, index.begin, index.holder, covered)
        chosen.append(c)

    for c in start:
        choice.admit(c)
        take(c)
    gains = candidate_weights(index.sets, np.where(covered, 0.0, worth)) / price
    # Entries: minus the gain, the candidate, and how many were chosen when the gain was computed.
    heap = [(-float(gains[c]), c, len(chosen)) for c in among.tolist() if gains[c] > 0]
    heapq.heapify(heap)
    taken = set(start)
    while heap:
        _, c, when = heapq.heappop(heap)
        if c in taken:
            continue
        if when < len(chosen):
            gain = wk.worth_gained(c, index.begin, index.holder, worth, covered) / price[c]
            if gain > 0:
                heapq.heappush(heap, (-gain, c, len(chosen)))
        elif choice.admit(c):
            take(c)
    return FamilyChoice(np.array(chosen, dtype=np.int64), total, covered)


@dataclass(frozen=True, slots=True)
class BoundDescent:
    r"""Settings of a subgradient method that lowers the bound of ``games.influence.families.family_bound``.

    The bound is convex in :math:`\alpha`; where y is the best relaxed point for the weights that it gives,
    worth times
    :math:`\sum_{v \in r} y_v - 1` is a subgradient at r. Steps are Polyak's [1]_ towards the worth already
    reached. Where several families hold at once (``games.influence.intersection``), the weights :math:`w_i`
    that the parts answer for fall along what each part's point has beyond the mean of all, in steps by the
    same rule.

    Attributes:
        steps: how many.
        length: of the first step, in Polyak's; those between the parts are half as long.
        shrink: of the length from step to step, as nobody may reach the bound.
        momentum: share of the last direction between the parts that is kept, in [0, 1).

    Raises:
        ValueError: a setting is out of range.

    .. [1] Polyak (1969), Minimization of unsmooth functionals, USSR Comp. Math. Math. Phys. 9.
    """

    steps: int = 60
    length: float = 0.7
    shrink: float = 0.98
    momentum: float = 0.5

    def __post_init__(self) -> None:
        if self.steps < 0 or not (self.length > 0 and 0 < self.shrink <= 1 and 0 <= self.momentum < 1):
            raise ValueError(
                f"need steps >= 0, length > 0, shrink in (0, 1] and momentum in [0, 1), got {self}"
            )

    def bound(
        self, family: Family, index: CoverageIndex, worth: NDArray[np.float64], choice: FamilyChoice
    ) -> float:
        """Least bound found on the worth of sets that a member of the family can meet."""
        sets = index.sets
        first = family_bound(family, sets, np.where(choice.covered, 0.0, 1.0), worth)
        # From ones: nothing is given away, and every set counts as often as it is met.
        best = alpha = np.ones(sets.num_sets)
        weight = candidate_weights(sets, alpha * worth)
        split = best_split = _tightest_alone(family, weight)
        met_once = np.where(np.diff(sets.start) > 0, worth, 0.0)
        least, length = np.inf, self.length
        turn, apart = np.empty(sets.num_sets), np.zeros((len(split.parts), sets.num_candidates))
        for _ in range(self.steps):
            points = split.points(weight)
            mixed = np.sum(split.share * points, axis=0)
            value = float((1.0 - alpha) @ met_once + weight @ mixed)
            if value < least:
                least, best, best_split = value, alpha, split
            square = wk.slack_of_sets(sets.start, sets.member, mixed, worth, turn)
            apart = self.momentum * apart + points - points.mean(axis=0)
            between = float(np.sum(apart * apart))
            if square + between == 0.0 or value <= choice.worth:
                break
            gap = length * (value - choice.worth)
            length *= self.shrink
            if between > 0.0:
                split = _moved(split, weight, 0.5 * gap / between * apart)
            if square > 0.0:
                alpha = np.clip(alpha - gap / square * turn, 0.0, 1.0)
                weight = candidate_weights(sets, alpha * worth)
        return min(first, family_bound(best_split, sets, best, worth))


def _tightest_alone(family: Family, weight: NDArray[np.float64]) -> SplitWeights:
    """All weight on the part of the family that allows least."""
    parts = parts_of(family)
    bounds = [float(weight @ part.relaxed_best(weight)) for part in parts]
    share = np.zeros((len(parts), family.num_candidates))
    share[int(np.argmin(bounds))] = 1.0
    return SplitWeights(parts, share)


def _moved(split: SplitWeights, weight: NDArray[np.float64], change: NDArray[np.float64]) -> SplitWeights:
    """Less of ``change`` in the weights that the parts answer for."""
    load = np.maximum(split.share * weight - change, 0.0)
    total = load.sum(axis=0)
    return SplitWeights(split.parts, np.where(total > 0, load / np.where(total > 0, total, 1.0), split.share))
