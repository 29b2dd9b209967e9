r"""IMM [1]_: as many reverse-reachable sets as theory asks for, found by halving guesses of the optimum.

With :math:`L = \ln(1/\delta)` for the probability of failure (the paper's :math:`\ell \ln n`, raised by ln 2
for its two phases), c candidates, k seeds and :math:`\epsilon' = \sqrt 2 \epsilon`:

.. math::
    \theta_x = \frac{n}{\epsilon'^2 x} (2 + \tfrac23 \epsilon')
        \bigl(\ln \binom ck + L + \ln 2 + \ln \log_2 n\bigr),
    \qquad
    \theta = \frac{2 n \bigl((1 - \tfrac1e) \alpha + \beta\bigr)^2}{\epsilon^2 \mathrm{LB}},
    \qquad \alpha^2 = L + 2 \ln 2, \quad \beta^2 = (1 - \tfrac1e) \bigl(\ln \tbinom ck + \alpha^2\bigr).

Guesses x = n/2, n/4, ... are tried on :math:`\theta_x` sets each until greedy seeds reach
:math:`(1 + \epsilon') x` there; what they reach over :math:`1 + \epsilon'` is LB. The last collection is
drawn afresh, since sets that decided on their own number are biased [2]_.

.. [1] Tang, Shi, Xiao (2015), Influence maximization in near-linear time: a martingale approach, SIGMOD.
.. [2] Chen (2018), An issue in the martingale analysis of the influence maximization algorithm IMM, arXiv
   1808.09363.
"""

import math
import time

import numpy as np

from games.certificates import Certificate
from games.influence.certificate import share_at_most
from games.influence.collection import ReverseSets, joined
from games.influence.seeding import SeedProblem
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.judging import spread_on
from solvers.influence.limits import deadline_after
from solvers.influence.plain import GREEDY_SHARE, checked_plain, cover_greedily, log_choices
from solvers.influence.seeds import Seeds
from solvers.influence.selection import CoverageIndex


def solve_imm(
    problem: SeedProblem,
    *,
    eps: float = 0.1,
    delta: float | None = None,
    max_sets: int = 1 << 24,
    time_limit: float | None = None,
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Seeds]:
    """IMM, and what fresh sets say of its seeds.

    Args:
        problem: candidates, number of seeds, diffusion.
        eps: slack below 1 - 1/e, in (0, 1 - 1/e).
        delta: probability of failure, one over the number of nodes where None; half of it is the algorithm's,
            half that of the bounds from fresh sets.
        max_sets: most sets in a collection; what is chosen on fewer than wanted lacks the guarantee of the
            theory.
        time_limit: seconds after which no further guess is tried and the last collection is no larger than
            the one before.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each guess with its ``sets``.

    Returns:
        Certified with probability 1 - delta: by the bounds, or by the theory where they fall short of it.
        ``info`` holds the ratio, the spread with its interval, and the sets of the last collection.

    Raises:
        ValueError: an argument is out of range.
    """
    began = time.perf_counter()
    delta = checked_plain(problem.model.num_nodes, eps, delta, max_sets)
    deadline = deadline_after(time_limit)
    rng = np.random.default_rng(0) if rng is None else rng
    guess_seed, choose_seed, judge_seed = (int(s) for s in rng.integers(2**63, size=3))
    total = problem.model.total
    source = ReverseSets(problem.model, problem.model.place[problem.candidates], threads=threads)
    least = problem.least_optimum
    guesses = max(1, math.ceil(math.log2(max(2, problem.model.num_nodes))) - 1)
    sets = source.make(guess_seed, 0, 0)
    tried = 0
    whole = True
    for tried in range(1, guesses + 1):
        wanted = math.ceil(guess_sets(problem, eps, delta / 2, total / 2**tried))
        if wanted > max_sets or time.perf_counter() >= deadline:
            whole = False
            break
        sets = joined(sets, source.make(guess_seed, sets.num_sets, wanted))
        _, met, _ = cover_greedily(problem, CoverageIndex.of(sets))
        reached = total * float(met[-1]) / sets.num_sets
        progress(tried, guesses, sets=sets.num_sets)
        if reached >= (1 + math.sqrt(2) * eps) * total / 2**tried:
            least = max(least, reached / (1 + math.sqrt(2) * eps))
            break
    final = final_sets(problem, eps, delta / 2, least) if least > 0 else math.inf
    if time.perf_counter() >= deadline:
        final = min(final, max(1, sets.num_sets))
        whole = False
    whole = whole and final <= max_sets
    number = math.ceil(min(final, max_sets))
    sets = source.make(choose_seed, 0, number)
    chosen, _, bound = cover_greedily(problem, CoverageIndex.of(sets))
    failure = delta / 4
    low, spread, high = spread_on(source, judge_seed, number, problem.marked(chosen), failure)
    optimum = total * share_at_most(bound, number, failure)
    ratio = min(1.0, low / optimum)
    if whole:
        ratio = max(ratio, GREEDY_SHARE - eps)
    graph = problem.diffusion.graph
    labels = tuple(graph.label(int(v)) for v in problem.candidates[chosen])
    return SolveResult(
        Seeds(labels, spread, (low, high), optimum, ratio),
        Status.CERTIFIED if ratio >= GREEDY_SHARE - eps else Status.LIMIT,
        Certificate("optimality_gap", 1.0 - ratio, 1.0 - delta),
        "imm",
        tried,
        time.perf_counter() - began,
        {"ratio": ratio, "spread": spread, "spread_low": low, "spread_high": high, "sets": number},
    )


def guess_sets(problem: SeedProblem, eps: float, delta: float, guess: float) -> float:
    """Sets on which the guess that the optimum is ``guess`` is tried."""
    wide = math.sqrt(2) * eps
    rounds = math.log(math.log2(max(2, problem.model.num_nodes)))
    logs = log_choices(problem) + math.log(2 / delta) + rounds
    return (2 + 2 * wide / 3) * logs * problem.model.total / (wide**2 * guess)


def final_sets(problem: SeedProblem, eps: float, delta: float, least: float) -> float:
    """Sets that are enough where the optimum is at least ``least``."""
    alpha = math.log(4 / delta)
    beta = math.sqrt(GREEDY_SHARE * (log_choices(problem) + alpha))
    return 2 * problem.model.total * (GREEDY_SHARE * math.sqrt(alpha) + beta) ** 2 / (eps**2 * least)
