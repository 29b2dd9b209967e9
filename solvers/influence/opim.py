r"""The paper's own algorithms on reverse-reachable sets: RR-OPIM+, RR-OPIM and MG-OPIM [1]_.

Sets are doubled until the ratio of a martingale lower bound on the chosen spread to a martingale upper bound
on the optimum reaches :math:`1/2 - \epsilon` (``solvers.influence.online``), at the latest at
:math:`\theta_{max}` sets, where that ratio holds with probability :math:`1 - \delta/3` in any case (Lemma
5.1):

.. math::
    \theta_{max} = \frac{2 n \bigl(\tfrac12 \sqrt{\ln(6/\delta)}
        + \sqrt{\tfrac12 (\sum_u \ln \binom{|C_u|}{k_u} + \ln(6/\delta))}\bigr)^2}{\epsilon^2 \chi},
    \qquad \theta_0 = \theta_{max} \epsilon^2 / n,

with n the number of nodes outside the adopters and :math:`\chi` the number of distinct seeds of some
invitation, a lower bound of the optimum. Where nodes have weights, their sums stand for n and :math:`\chi` in
:math:`\theta_{max}`. The plain algorithms bound what the best invitation meets by twice what was chosen; the
plus adds Lemma 5.3: what is covered after t rounds, and the k greatest gains of each adopter, at its least
over t. (The case t = k, which the paper leaves out, is as valid as the others.)

.. [1] Zhang, Guo, Yang, Fan, Chen (2023), Capacity constrained influence maximization in social networks,
   KDD.
"""

import math
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import gammaln

from games.certificates import Certificate
from games.influence.collection import ReverseSets
from games.influence.problem import CapacityProblem
from games.influence.seeding import node_worth
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult
from solvers.influence import selection_kernels as sk
from solvers.influence.filling import candidate_out_arcs, fill_rooms
from solvers.influence.invitations import Invitation, friends_of
from solvers.influence.limits import deadline_after
from solvers.influence.online import Choice, Plan, checked_delta, process_online
from solvers.influence.selection import CoverageIndex


@dataclass(frozen=True, slots=True)
class OnlineProcessing:
    """One of the three algorithms.

    Attributes:
        in_rounds: choose in rounds (RR), else by greatest gain (MG).
        tight: use Lemma 5.3 as well (the plus); only with ``in_rounds``.
    """

    in_rounds: bool = True
    tight: bool = True

    def __post_init__(self) -> None:
        if self.tight and not self.in_rounds:
            raise ValueError("the tight bound is that of greedy in rounds")

    @property
    def name(self) -> str:
        """As in the paper."""
        return ("rr_opim" if self.in_rounds else "mg_opim") + ("_plus" if self.tight else "")


def solve_opim(
    problem: CapacityProblem,
    method: OnlineProcessing = OnlineProcessing(),
    *,
    eps: float = 0.1,
    delta: float | None = None,
    max_sets: int = 1 << 24,
    time_limit: float | None = None,
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """Run an algorithm of the paper with its own stopping rule.

    Args:
        problem: adopters, capacities, diffusion.
        method: which.
        eps: slack below one half, in (0, 1/2).
        delta: probability of failure; one over the number of nodes where None.
        max_sets: most sets in each of the two streams.
        time_limit: in seconds; a round that will likely not end in time is not started.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each round with ``ratio`` and ``spread``.

    Returns:
        Certified by the martingale bounds with probability 1 - delta. ``info`` holds the ratio, the spread
        with its interval, and the sets drawn in each stream.

    Raises:
        ValueError: an argument is out of range.
    """
    if not 0 < eps < 0.5:
        raise ValueError(f"eps must lie in (0, 1/2), got {eps!r}")
    if max_sets < 1:
        raise ValueError(f"max_sets must be at least 1, got {max_sets}")
    began = time.perf_counter()
    delta = checked_delta(delta, problem.model.num_nodes)
    source = ReverseSets(problem.model, problem.model.place[problem.candidates], threads=threads)
    score = candidate_out_arcs(problem)

    def choose(index: CoverageIndex) -> Choice[NDArray[np.int32]]:
        owner, met_at_most = _choose(problem, index, method)
        fill_rooms(problem, owner, score)
        return Choice(owner, problem.marked(np.flatnonzero(owner >= 0)), met_at_most)

    plan = Plan(
        first_sets(problem, delta),
        worst_case_sets(problem, eps, delta),
        0.5 - eps,
        delta,
        max_sets,
        deadline_after(time_limit),
    )
    rng = np.random.default_rng(0) if rng is None else rng
    found = process_online(source, source, choose, plan, rng=rng, progress=progress)
    return SolveResult(
        Invitation(
            friends_of(problem, found.answer), found.spread, found.interval, found.optimum, found.ratio
        ),
        found.status,
        Certificate("optimality_gap", 1.0 - found.ratio, 1.0 - delta),
        method.name,
        found.rounds,
        time.perf_counter() - began,
        {
            "ratio": found.ratio,
            "spread": found.spread,
            "spread_low": found.interval[0],
            "spread_high": found.interval[1],
            "sets": found.sets,
        },
    )


solve_rr_opim_plus = partial(solve_opim, method=OnlineProcessing(in_rounds=True, tight=True))
solve_rr_opim = partial(solve_opim, method=OnlineProcessing(in_rounds=True, tight=False))
solve_mg_opim = partial(solve_opim, method=OnlineProcessing(in_rounds=False, tight=False))


def worst_case_sets(problem: CapacityProblem, eps: float, delta: float) -> float:
    """Lemma 5.1: so many sets make greedy one half less eps with probability 1 - delta / 3."""
    taken = _some_invitation(problem)
    worth = node_worth(problem.model)[problem.model.place[problem.candidates[taken]]].sum()
    if (
        worth == 0.0
    ):  # those who can be invited weigh nothing themselves, and no bound of the optimum is known
        return math.inf
    return problem.model.total * _root(problem, delta) / (eps**2 * float(worth))


def first_sets(problem: CapacityProblem, delta: float) -> int:
    """The paper's theta_0, at least 1."""
    return max(1, math.ceil(_root(problem, delta) / _some_invitation(problem).size))


def _root(problem: CapacityProblem, delta: float) -> float:
    degree = np.diff(problem.first).astype(np.float64)
    room = np.minimum(problem.capacity, degree)
    ways = float((gammaln(degree + 1) - gammaln(room + 1) - gammaln(degree - room + 1)).sum())
    logs = math.log(6.0 / delta)
    return 2.0 * (0.5 * math.sqrt(logs) + math.sqrt(0.5 * (ways + logs))) ** 2


def _some_invitation(problem: CapacityProblem) -> NDArray[np.int64]:
    """Candidates of one invitation: the first friends of each adopter still free."""
    owner = np.full(problem.num_candidates, -1, dtype=np.int32)
    _first_free(problem.first, problem.friend, problem.capacity, owner)
    return np.flatnonzero(owner >= 0)


@njit(nogil=True, cache=True)
def _first_free(
    first: NDArray[np.int64], friend: NDArray[np.int32], capacity: NDArray[np.int64], owner: NDArray[np.int32]
) -> None:
    for u in range(capacity.size):
        room = capacity[u]
        for k in range(first[u], first[u + 1]):
            if room > 0 and owner[friend[k]] < 0:
                owner[friend[k]] = u
                room -= 1


def _choose(
    problem: CapacityProblem, index: CoverageIndex, method: OnlineProcessing
) -> tuple[NDArray[np.int32], float]:
    """Owners, and the paper's bound on what any invitation meets."""
    sets = index.sets
    covered = np.zeros(sets.num_sets, dtype=np.bool_)
    count = np.diff(index.begin)
    arrays = (sets.start, sets.member, index.begin, index.holder, covered, count)
    if not method.in_rounds:
        places = problem.places()
        met, _ = sk.greedy_by_gain(places, *arrays, False)
        return places.owner, 2.0 * met
    owner = np.full(problem.num_candidates, -1, dtype=np.int32)
    room = np.minimum(problem.capacity, np.diff(problem.first))
    who = (problem.first, problem.friend, room)
    rounds = int(room.max())
    bound = math.inf
    total = 0
    for t in range(rounds + 1):
        if method.tight:
            bound = min(bound, total + _best_per_adopter(*who, count))
        if t < rounds:
            total += sk.round_of_greedy(*who, *arrays, t, owner)
    return owner, min(2.0 * total, bound)


@njit(nogil=True, cache=True)
def _best_per_adopter(
    first: NDArray[np.int64], friend: NDArray[np.int32], capacity: NDArray[np.int64], count: NDArray[np.int64]
) -> int:
    """Sum over adopters of their greatest gains, each adopter on its own (Lemma 5.3)."""
    total = 0
    leaders = np.empty(capacity.max(), dtype=np.int64)
    for u in range(capacity.size):
        size = 0  # of the leaders so far, greatest first
        for k in range(first[u], first[u + 1]):
            gain = count[friend[k]]
            if gain == 0 or (size == capacity[u] and (size == 0 or gain <= leaders[size - 1])):
                continue
            size = min(size + 1, capacity[u])
            j = size - 1
            while j > 0 and leaders[j - 1] < gain:
                leaders[j] = leaders[j - 1]
                j -= 1
            leaders[j] = gain
        for j in range(size):
            total += leaders[j]
    return total
