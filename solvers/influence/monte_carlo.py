r"""The paper's greedy algorithms by simulation [1]_: MG-Greedy and RR-Greedy.

Gains are measured on r live-arc graphs drawn beforehand (``games.influence.live_arcs``), r = 10,000 in the
paper. MG-Greedy takes the adopter and friend of greatest gain, again and again; in each round of RR-Greedy
every adopter in turn takes its best friend still free. On the simulations both reach half of the optimum; of
the spread itself they reach that up to the error of the simulations.

Both are lazy (CELF): gains never rise, so one measured earlier is a bound, and only the friend who leads is
measured anew. As gains on fixed simulations are exactly submodular, the choice is the same as without; ties
go to the first candidate.

.. [1] Zhang, Guo, Yang, Fan, Chen (2023), Capacity constrained influence maximization in social networks,
   KDD.
"""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from games.influence.live_arcs import LiveArcs, SharedSimulations
from games.influence.problem import CapacityProblem
from games.influence.seeding import node_worth
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.filling import fill_rooms
from solvers.influence.invitations import Invitation, friends_by_adopter
from solvers.influence.judging import FreshSets, judged
from solvers.influence.limits import deadline_after

_CHUNK = 64  # candidates measured between two looks at the clock


def solve_rr_greedy(
    problem: CapacityProblem,
    *,
    simulations: int = 10_000,
    lazy: bool = True,
    time_limit: float | None = None,
    fresh: FreshSets = FreshSets(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """RR-Greedy.

    Args:
        problem: adopters, capacities, diffusion.
        simulations: live-arc graphs; one bit per node is kept for each.
        lazy: measure no more than needed (CELF); the choice is the same without.
        time_limit: seconds after which no gain is measured any more; places then left go by the gains last
            measured, or by out-degree.
        fresh: sets by which the invitation is judged; it does not depend on them.
        threads: that measure gains at the start and draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each choice with ``spread``.

    Returns:
        Status STATIONARY, or LIMIT where time ran out. ``info`` holds the ratio, the spread with its
        interval, the gains ``measured``, and ``simulated_spread``, which is biased upwards: the seeds were
        chosen on the same simulations.

    Raises:
        ValueError: an argument is out of range.
    """
    return _solve(problem, True, "rr_greedy", simulations, lazy, time_limit, fresh, threads, rng, progress)


def solve_mg_greedy(
    problem: CapacityProblem,
    *,
    simulations: int = 10_000,
    lazy: bool = True,
    time_limit: float | None = None,
    fresh: FreshSets = FreshSets(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """MG-Greedy; arguments and result as for ``solve_rr_greedy``."""
    return _solve(problem, False, "mg_greedy", simulations, lazy, time_limit, fresh, threads, rng, progress)


class _Gains:
    """Gains of the candidates, measured as late as possible.

    Attributes:
        bound: greatest gain each candidate can still have, shape (c,); that of invited ones is -1.
        measured: how many gains were measured.
        late: the time is over.
    """

    def __init__(
        self, problem: CapacityProblem, simulated: SharedSimulations, lazy: bool, deadline: float
    ) -> None:
        self._nodes, self._simulated, self._lazy, self._deadline = (
            problem.candidates,
            simulated,
            lazy,
            deadline,
        )
        self.bound = np.zeros(problem.num_candidates)
        self._known = np.zeros(
            problem.num_candidates, dtype=np.int64
        )  # seeds there were when it was measured
        self._seeds = 0
        self.measured = 0
        self.late = False
        self._measure(np.arange(problem.num_candidates))

    def best(self, free: NDArray[np.int64] | NDArray[np.int32]) -> int:
        """The candidate of greatest gain among some not invited, the first where equal; -1 if late."""
        if not self._lazy:
            self._measure(free[self._known[free] < self._seeds])
        while not self.late:
            leader = int(free[np.argmax(self.bound[free])])
            if self._known[leader] == self._seeds:
                return leader
            self._measure(np.array([leader]))
        return -1

    def invite(self, candidate: int) -> None:
        """Make it a seed."""
        self._simulated.add(int(self._nodes[candidate]))
        self.bound[candidate] = -1.0
        self._seeds += 1

    def _measure(self, which: NDArray[np.int64] | NDArray[np.int32]) -> None:
        for k in range(0, which.size, _CHUNK):
            if time.perf_counter() >= self._deadline:
                self.late = True
                return
            part = which[k : k + _CHUNK]
            self.bound[part] = self._simulated.gains(self._nodes[part])
            self._known[part] = self._seeds
            self.measured += part.size


def _solve(
    problem: CapacityProblem,
    in_rounds: bool,
    name: str,
    simulations: int,
    lazy: bool,
    time_limit: float | None,
    fresh: FreshSets,
    threads: int,
    rng: np.random.Generator | None,
    progress: ProgressCallback,
) -> SolveResult[Invitation]:
    began = time.perf_counter()
    deadline = deadline_after(time_limit)
    simulation_rng, judge_rng = (np.random.default_rng(0) if rng is None else rng).spawn(2)
    worth = np.zeros(problem.diffusion.graph.num_nodes)
    worth[problem.model.nodes] = node_worth(problem.model)
    arcs = LiveArcs.of(problem.diffusion, problem.adopters.tolist())
    simulated = SharedSimulations(arcs, worth, simulations, threads=threads, rng=simulation_rng)
    gains = _Gains(problem, simulated, lazy, deadline)
    choose = _in_rounds if in_rounds else _by_gain
    owner = np.full(problem.num_candidates, -1, dtype=np.int32)
    chosen = choose(problem, gains, owner, simulated, progress)
    # Only time that ran out leaves places to fill; the latest gains are the best guess then.
    fill_rooms(problem, owner, gains.bound if gains.measured else None)
    result = judged(
        problem,
        friends_by_adopter(problem, owner),
        fresh,
        status=Status.LIMIT if gains.late else Status.STATIONARY,
        name=name,
        steps=chosen,
        began=began,
        threads=threads,
        rng=judge_rng,
    )
    info = {**result.info, "measured": gains.measured, "simulated_spread": simulated.spread}
    return replace(result, info=info)


def _in_rounds(
    problem: CapacityProblem,
    gains: _Gains,
    owner: NDArray[np.int32],
    simulated: SharedSimulations,
    progress: ProgressCallback,
) -> int:
    chosen, room = 0, np.minimum(problem.capacity, np.diff(problem.first))
    for number in range(int(room.max())):
        for u in np.flatnonzero(room > number).tolist():
            known = problem.friend[problem.first[u] : problem.first[u + 1]]
            free = known[owner[known] < 0]
            if free.size == 0:
                continue
            best = gains.best(free)
            if best < 0:
                return chosen
            owner[best] = u
            gains.invite(best)
            chosen += 1
            progress(chosen, int(room.sum()), spread=simulated.spread)
    return chosen


def _by_gain(
    problem: CapacityProblem,
    gains: _Gains,
    owner: NDArray[np.int32],
    simulated: SharedSimulations,
    progress: ProgressCallback,
) -> int:
    chosen, room = 0, np.minimum(problem.capacity, np.diff(problem.first))
    places = int(room.sum())
    while True:
        # A candidate is feasible while an inviter has room; the first of these gets it.
        usable = room[problem.inviter] > 0
        feasible = np.logical_or.reduceat(usable, problem.start[:-1]) & (owner < 0)
        free = np.flatnonzero(feasible)
        best = gains.best(free) if free.size else -1
        if best < 0:
            return chosen
        inviters = problem.inviter[problem.start[best] : problem.start[best + 1]]
        inviter = int(inviters[room[inviters] > 0][0])
        owner[best] = inviter
        room[inviter] -= 1
        gains.invite(best)
        chosen += 1
        progress(chosen, places, spread=simulated.spread)
