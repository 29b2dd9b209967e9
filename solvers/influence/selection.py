"""Choosing an invitation on a collection of reverse-reachable sets."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.influence.certificate import coverage_bound
from games.influence.collection import SetCollection
from games.influence.problem import CapacityProblem
from solvers.influence import selection_kernels as sk
from solvers.influence.filling import fill_rooms


@dataclass(frozen=True, slots=True, eq=False)
class CoverageIndex:
    """A collection, and which of its sets hold each candidate.

    Attributes:
        sets: the collection.
        begin: int64 (c + 1,), range of each candidate in ``holder``.
        holder: int32, numbers of sets.
    """

    sets: SetCollection
    begin: NDArray[np.int64]
    holder: NDArray[np.int32]

    @classmethod
    def of(cls, sets: SetCollection) -> "CoverageIndex":
        """Index a collection."""
        return cls(sets, *sk.index_sets(sets.start, sets.member, sets.num_candidates))


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """An invitation found on a collection.

    Attributes:
        owner: int32 (c,), inviter of each candidate, -1 where not invited.
        covered: how many sets it meets.
        alpha: multipliers that prove a bound (``games.influence.certificate``), shape (sets,).
        bound: proven upper bound on what any invitation meets.
    """

    owner: NDArray[np.int32]
    covered: int
    alpha: NDArray[np.float64]
    bound: float

    @property
    def chosen(self) -> NDArray[np.int64]:
        """The invited candidates."""
        return np.flatnonzero(self.owner >= 0)


class Selector(Protocol):
    """A rule that chooses on a collection."""

    @property
    def name(self) -> str:
        """Registered name."""

    def select(self, problem: CapacityProblem, index: CoverageIndex) -> Selection:
        """Choose, and bound what could have been chosen; a function of its arguments alone."""


@dataclass(frozen=True, slots=True)
class RoundsGreedy:
    """In each round every adopter takes its best friend still free; at least half of the optimum [1]_.

    .. [1] Zhang et al. (2023), Capacity constrained influence maximization in social networks, KDD.
    """

    @property
    def name(self) -> str:
        """Registered name."""
        return "rounds"

    def select(self, problem: CapacityProblem, index: CoverageIndex) -> Selection:
        """See ``Selector.select``."""
        sets = index.sets
        room = np.minimum(problem.capacity, np.diff(problem.first))
        rounds = int(room.max())
        covered = np.zeros(sets.num_sets, dtype=np.bool_)
        count = np.diff(index.begin)
        owner = np.full(problem.num_candidates, -1, dtype=np.int32)
        who = (problem.first, problem.friend, room)
        arrays = (sets.start, sets.member, index.begin, index.holder, covered, count)
        met = 0
        open_sets = np.ones(sets.num_sets)  # also where there is no round at all
        for t in range(rounds):
            met += sk.round_of_greedy(*who, *arrays, t, owner)
            # Bounds fall with the rounds up to a point near the middle, then rise.
            if t + 1 == max(1, rounds // 2):
                open_sets = (~covered).astype(np.float64)
        fill_rooms(problem, owner)
        return Selection(owner, int(met), open_sets, coverage_bound(problem, sets, open_sets))


@dataclass(frozen=True, slots=True)
class GainGreedy:
    """The friend of greatest gain whom the adopters can still cover, re-assigning others; at least half.

    What the adopters can cover is a transversal matroid, on which greedy has that guarantee [1]_.

    .. [1] Fisher, Nemhauser, Wolsey (1978), An analysis of approximations for maximizing submodular set
       functions II.
    """

    @property
    def name(self) -> str:
        """Registered name."""
        return "gain"

    def select(self, problem: CapacityProblem, index: CoverageIndex) -> Selection:
        """See ``Selector.select``."""
        sets = index.sets
        places = problem.places()
        covered = np.zeros(sets.num_sets, dtype=np.bool_)
        arrays = (sets.start, sets.member, index.begin, index.holder, covered, np.diff(index.begin))
        met, _ = sk.greedy_by_gain(places, *arrays, True)
        open_sets = (~covered).astype(np.float64)
        fill_rooms(problem, places.owner)
        return Selection(places.owner, int(met), open_sets, coverage_bound(problem, sets, open_sets))
