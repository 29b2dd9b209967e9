r"""The linear relaxation of coverage: a bound far below the greedy ones, and an invitation by rounding.

.. math:: \max \sum_r w_r z_r \quad z_r \le \sum_{v \in r} y_v,\; z_r \le 1,\; y_v = \sum_u x_{uv} \le 1,\;
   \sum_v x_{uv} \le k_u .

Sets with the same members are one row of weight w. The bound used is not the solver's value but what its
multipliers prove (``games.influence.certificate.coverage_bound``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_array

from games.influence.assignment_kernels import Places, admit
from games.influence.certificate import coverage, coverage_bound
from games.influence.families import candidate_weights
from games.influence.problem import CapacityProblem
from solvers.influence import selection_kernels as sk
from solvers.influence.filling import fill_rooms
from solvers.influence.rounding import pipage
from solvers.influence.selection import CoverageIndex, Selection


@dataclass(frozen=True, slots=True)
class LinearRelaxation:
    """The linear program by HiGHS; of pipage rounding and greedy among what it likes, the better.

    Attributes:
        max_nonzeros: larger programs are not solved; the caller falls back.
        time_limit: seconds for HiGHS.

    Raises:
        ValueError: a setting is out of range.
    """

    max_nonzeros: int = 100_000
    time_limit: float = 60.0

    def __post_init__(self) -> None:
        if self.max_nonzeros < 0 or not self.time_limit >= 0:
            raise ValueError(f"need max_nonzeros >= 0 and time_limit >= 0, got {self}")

    @property
    def name(self) -> str:
        """Registered name."""
        return "relaxation"

    def select(self, problem: CapacityProblem, index: CoverageIndex) -> Selection | None:
        """Solve and round; None where the program is too large or HiGHS did not finish."""
        sets = index.sets
        rows, which, weight = _distinct(sets.start, sets.member)
        sizes = np.diff(rows[0])
        arcs = problem.friend.size
        nonzeros = int(sizes.sum()) * 2 + 2 * arcs
        if nonzeros > self.max_nonzeros:
            return None
        c, d, m = problem.num_candidates, problem.adopters.size, sizes.size
        # Columns: z (m), y (c), x (arcs); x only meets y and its inviter.
        r = np.repeat(np.arange(m), sizes)
        who = np.repeat(np.arange(d), np.diff(problem.first))
        upper = coo_array(
            (
                np.concatenate([np.ones(m), -np.ones(r.size), np.ones(arcs)]),
                (
                    np.concatenate([np.arange(m), r, m + who]),
                    np.concatenate([np.arange(m), m + rows[1], m + c + np.arange(arcs)]),
                ),
            ),
            shape=(m + d, m + c + arcs),
        )
        equal = coo_array(
            (
                np.concatenate([np.ones(c), -np.ones(arcs)]),
                (np.concatenate([np.arange(c), problem.friend]), m + np.arange(c + arcs)),
            ),
            shape=(c, m + c + arcs),
        )
        found = linprog(
            np.concatenate([-weight, np.zeros(c + arcs)]),
            A_ub=upper.tocsr(),
            b_ub=np.concatenate([np.zeros(m), problem.capacity.astype(np.float64)]),
            A_eq=equal.tocsr(),
            b_eq=np.zeros(c),
            bounds=np.array([[0.0, 1.0]] * (m + c + arcs)),
            method="highs",
            options={"time_limit": self.time_limit},
        )
        if found.status != 0:
            return None
        alpha = np.ones(sets.num_sets)
        multiplier = np.clip(-found.ineqlin.marginals[:m] / weight, 0.0, 1.0)
        held = which >= 0
        alpha[held] = multiplier[which[held]]
        owner, met = max(
            (
                _rounded(problem, index, found.x[m : m + c]),
                _piped(problem, index, np.clip(found.x[m + c :], 0.0, 1.0)),
            ),
            key=lambda pair: pair[1],
        )
        return Selection(owner, met, alpha, coverage_bound(problem, sets, alpha))


def _distinct(
    start: NDArray[np.int64], member: NDArray[np.int32]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int32]], NDArray[np.int64], NDArray[np.float64]]:
    """Distinct non-empty sets (ranges, members), which each set is (-1 if empty), how often each occurs.

    Sets are told apart by the sum of 64-bit words of their members. Were two ever taken for one, the program
    would be a little wrong, but not the bound: that holds whatever the multipliers are.
    """
    full = np.flatnonzero(np.diff(start) > 0)
    words = np.random.SeedSequence(0).generate_state(int(member.max(initial=0)) + 1, np.uint64)
    keys = np.add.reduceat(words[member], start[full]) if full.size else words[:0]
    _, first, which, times = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    begin = start[full[first]]
    size = start[full[first] + 1] - begin
    ranges = np.zeros(first.size + 1, dtype=np.int64)
    np.cumsum(size, out=ranges[1:])
    flat = member[np.repeat(begin - ranges[:-1], size) + np.arange(ranges[-1])]
    number = np.full(start.size - 1, -1, dtype=np.int64)
    number[full] = which
    return (ranges, flat), number, times.astype(np.float64)


def _rounded(
    problem: CapacityProblem, index: CoverageIndex, liked: NDArray[np.float64]
) -> tuple[NDArray[np.int32], int]:
    """Greedy by gain among the candidates the program gives weight, then among all."""
    sets = index.sets
    places = problem.places()
    covered = np.zeros(sets.num_sets, dtype=np.bool_)
    first = np.where(liked > 1e-6, np.diff(index.begin), 0)
    # The others look worthless here; what the cover takes off them is put right afterwards.
    sk.greedy_by_gain(places, sets.start, sets.member, index.begin, index.holder, covered, first, True)
    return _filled(problem, places, index, covered)


def _piped(
    problem: CapacityProblem, index: CoverageIndex, share: NDArray[np.float64]
) -> tuple[NDArray[np.int32], int]:
    """Pipage rounding, which keeps 1 - 1/e of the program's value, then greedy by gain in the places left."""
    sets = index.sets
    places = problem.places()
    covered = np.zeros(sets.num_sets, dtype=np.bool_)
    nothing = np.zeros(problem.num_candidates, dtype=np.int64)
    for c in np.flatnonzero(pipage(problem, index, share) >= 0).tolist():
        if admit(places, c):
            sk.cover(c, sets.start, sets.member, index.begin, index.holder, covered, nothing)
    return _filled(problem, places, index, covered)


def _filled(
    problem: CapacityProblem, places: Places, index: CoverageIndex, covered: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], int]:
    """Greedy by gain from where an assignment stands; inviters, and how many sets they meet."""
    sets = index.sets
    left = candidate_weights(sets, (~covered).astype(np.float64)).astype(np.int64)
    sk.greedy_by_gain(places, sets.start, sets.member, index.begin, index.holder, covered, left, True)
    fill_rooms(problem, places.owner)
    return places.owner, coverage(sets, np.flatnonzero(places.owner >= 0))
