"""Every adopter solves its own problem of plain influence maximisation: local OPIM-C and local IMM [1]_.

Adopter u picks k_u seeds among its candidates as if nobody else invited; some are then invited twice and
count once. Each run is certified among the adopter's own candidates, which says nothing of all together: the
result's certificate comes from fresh sets.

.. [1] Zhang, Guo, Yang, Fan, Chen (2023), Capacity constrained influence maximization in social networks,
   KDD.
"""

import math
import time
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.influence.problem import CapacityProblem
from games.influence.seeding import SeedProblem
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.filling import candidate_out_arcs
from solvers.influence.imm import solve_imm
from solvers.influence.invitations import Invitation
from solvers.influence.judging import FreshSets, judged
from solvers.influence.limits import deadline_after
from solvers.influence.plain import checked_plain, solve_opim_c
from solvers.influence.seeds import Seeds


class _PlainSolver(Protocol):
    def __call__(
        self,
        problem: SeedProblem,
        *,
        eps: float,
        max_sets: int,
        time_limit: float | None,
        threads: int,
        rng: np.random.Generator,
    ) -> SolveResult[Seeds]: ...


def solve_opim_c_local(
    problem: CapacityProblem,
    *,
    eps: float = 0.1,
    max_sets: int = 1 << 22,
    time_limit: float | None = None,
    fresh: FreshSets = FreshSets(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """One run of OPIM-C per adopter.

    Args:
        problem: adopters, capacities, diffusion.
        eps: slack of each run below 1 - 1/e.
        max_sets: most sets in each stream of a run.
        time_limit: seconds, shared by the adopters; those whom it leaves without a run invite by out-degree.
        fresh: sets by which the invitation is judged; it does not depend on them.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each adopter.

    Returns:
        Status STATIONARY, or LIMIT where a run met one. ``info`` holds the ratio, the spread with its
        interval, and the ``run_sets`` of all runs together.

    Raises:
        ValueError: an argument is out of range.
    """
    return _each(
        problem, solve_opim_c, "opim_c_local", eps, max_sets, time_limit, fresh, threads, rng, progress
    )


def solve_imm_local(
    problem: CapacityProblem,
    *,
    eps: float = 0.1,
    max_sets: int = 1 << 22,
    time_limit: float | None = None,
    fresh: FreshSets = FreshSets(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """One run of IMM per adopter; arguments and result as for ``solve_opim_c_local``."""
    return _each(problem, solve_imm, "imm_local", eps, max_sets, time_limit, fresh, threads, rng, progress)


def _each(
    problem: CapacityProblem,
    solve: _PlainSolver,
    name: str,
    eps: float,
    max_sets: int,
    time_limit: float | None,
    fresh: FreshSets,
    threads: int,
    rng: np.random.Generator | None,
    progress: ProgressCallback,
) -> SolveResult[Invitation]:
    began = time.perf_counter()
    # Arguments are checked also where nobody has a choice to make, and no run is made.
    checked_plain(problem.model.num_nodes, eps, None, max_sets)
    deadline = deadline_after(time_limit)
    judge_rng, *children = (np.random.default_rng(0) if rng is None else rng).spawn(problem.adopters.size + 1)
    score = candidate_out_arcs(problem)
    friends: list[NDArray[np.int64]] = []
    status, run_sets, runs = Status.STATIONARY, 0, 0
    for u, child in enumerate(children):
        known = problem.friend[problem.first[u] : problem.first[u + 1]].astype(np.int64)
        room = min(int(problem.capacity[u]), known.size)
        left = deadline - time.perf_counter()
        if room in (0, known.size):
            friends.append(known[:room])
        elif left <= 0:
            status = Status.LIMIT
            friends.append(known[np.argsort(-score[known], kind="stable")[:room]])
        else:
            own = SeedProblem(problem.diffusion, room, problem.candidates[known], problem.model)
            found = solve(
                own,
                eps=eps,
                max_sets=max_sets,
                time_limit=left if math.isfinite(left) else None,
                threads=threads,
                rng=child,
            )
            runs += 1
            run_sets += int(found.info["sets"])
            if found.status is not Status.CERTIFIED:
                status = Status.LIMIT
            numbers = [problem.diffusion.graph.number(label) for label in found.unwrap().nodes]
            friends.append(np.searchsorted(problem.candidates, numbers))
        progress(u + 1, len(children))
    result = judged(
        problem,
        friends,
        fresh,
        status=status,
        name=name,
        steps=runs,
        began=began,
        threads=threads,
        rng=judge_rng,
    )
    return replace(result, info={**result.info, "run_sets": run_sets})
