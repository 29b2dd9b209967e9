r"""Plain influence maximisation: OPIM-C [1]_ and HIST [2]_.

Both end once the spread of the seeds is proven to be :math:`1 - 1/e - \epsilon` of the optimum
(``solvers.influence.online``). The worst case of OPIM-C is

.. math::
    \theta_{max} = \frac{2 n \bigl((1 - \tfrac1e) \sqrt{\ln(6/\delta)}
        + \sqrt{(1 - \tfrac1e) (\ln \binom{c}{k} + \ln(6/\delta))}\bigr)^2}{\epsilon^2 k},
    \qquad \theta_0 = \theta_{max} \epsilon^2 k / n,

for k seeds among c candidates. The optimum meets at most :math:`\Lambda(S_i)` sets and the k greatest gains
after that, at its least over the prefixes :math:`S_i` of the greedy order.

HIST first settles a few sentinels, for good, and then draws sets that end where they meet one
(``games.influence.sentinel``). The greedy order then begins with the sentinels, and prefixes shorter than
them give no bound, as what else is in a set that was cut short is unknown.

Reverse sets are drawn in time proportional to their live arcs, not to all arcs, in every solver here: that is
the other part of [2]_, SUBSIM (``games.influence.reverse_kernels``).

.. [1] Tang, Tang, Xiao, Yuan (2018), Online processing algorithms for influence maximization, SIGMOD.
.. [2] Guo, Wang, Wei, Chen (2020), Influence maximization revisited: efficient reverse reachable set
   generation with bound tightened, SIGMOD.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from games.certificates import Certificate
from games.influence.collection import ReverseSets, joined
from games.influence.martingale import hits_at_least, hits_at_most
from games.influence.seeding import SeedProblem
from games.influence.sentinel import SentinelSets
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult
from solvers.influence.cover_kernels import greedy_of_size
from solvers.influence.filling import out_arcs
from solvers.influence.limits import deadline_after
from solvers.influence.online import Choice, Outcome, Plan, checked_delta, process_online
from solvers.influence.seeds import Seeds
from solvers.influence.selection import CoverageIndex

GREEDY_SHARE = 1.0 - math.exp(-1.0)
_NONE = np.zeros(0, dtype=np.int32)


def solve_opim_c(
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
    """OPIM-C.

    Args:
        problem: candidates, number of seeds, diffusion.
        eps: slack below 1 - 1/e, in (0, 1 - 1/e).
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
    began = time.perf_counter()
    delta = checked_plain(problem.model.num_nodes, eps, delta, max_sets)
    plan = _plan(problem, eps, delta, max_sets, deadline_after(time_limit))
    source = ReverseSets(problem.model, problem.model.place[problem.candidates], threads=threads)

    def choose(index: CoverageIndex) -> Choice[NDArray[np.int64]]:
        chosen, _, bound = cover_greedily(problem, index)
        return Choice(chosen, problem.marked(chosen), bound)

    rng = np.random.default_rng(0) if rng is None else rng
    found = process_online(source, source, choose, plan, rng=rng, progress=progress)
    return _result(problem, found, delta, "opim_c", began, {})


@dataclass(frozen=True, slots=True)
class Sentinels:
    """How HIST settles sentinels.

    Attributes:
        share: most of the seeds that become sentinels, in (0, 1).
        max_sets: sets after which it settles for what there is.

    Raises:
        ValueError: a setting is out of range.
    """

    share: float = 0.25
    max_sets: int = 1 << 14

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share must lie in (0, 1), got {self.share!r}")
        if self.max_sets < 1:
            raise ValueError(f"max_sets must be at least 1, got {self.max_sets}")


def solve_hist(
    problem: SeedProblem,
    *,
    eps: float = 0.1,
    delta: float | None = None,
    sentinels: Sentinels = Sentinels(),
    max_sets: int = 1 << 24,
    time_limit: float | None = None,
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Seeds]:
    r"""HIST; pays where reverse sets are huge.

    The first phase ends once the first b seeds are proven to reach :math:`1 - (1 - 1/k)^b - \epsilon / 2` of
    the optimum. The second draws its sets afresh, so its certificate holds whatever the sentinels are. No
    worst case is known for a first phase that ended at its limit, so the second has none: it ends by its
    bounds or at ``max_sets``.

    Args:
        problem: candidates, number of seeds, diffusion.
        eps: slack below 1 - 1/e, in (0, 1 - 1/e).
        delta: probability of failure; one over the number of nodes where None.
        sentinels: settings of the first phase.
        max_sets: most sets in each of the two streams.
        time_limit: in seconds; a round that will likely not end in time is not started.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each round of the second phase with ``ratio`` and ``spread``.

    Returns:
        As ``solve_opim_c``; ``info`` also holds the number of ``sentinels``.

    Raises:
        ValueError: an argument is out of range.
    """
    began = time.perf_counter()
    delta = checked_plain(problem.model.num_nodes, eps, delta, max_sets)
    deadline = deadline_after(time_limit)
    rng = np.random.default_rng(0) if rng is None else rng
    place = problem.model.place[problem.candidates]
    source = ReverseSets(problem.model, place, threads=threads)
    first = min(math.ceil(3 * math.log(1 / delta)) + 1, max_sets)
    allowed = replace(sentinels, max_sets=min(sentinels.max_sets, max_sets))
    settled = _settle(problem, source, allowed, eps / 2, delta, first, deadline, rng)
    cut_short = SentinelSets(problem.model, place, problem.marked(settled), threads=threads)
    together = np.array([problem.candidates.size], dtype=np.int32)

    def choose(index: CoverageIndex) -> Choice[NDArray[np.int64]]:
        rest, _, bound = cover_greedily(problem, index, settled=settled, stand_in=together)
        chosen = np.concatenate([settled, rest])
        return Choice(chosen, problem.marked(chosen), bound)

    plan = Plan(first, math.inf, GREEDY_SHARE - eps, delta, max_sets, deadline)
    found = process_online(cut_short, source, choose, plan, rng=rng, progress=progress)
    return _result(problem, found, delta, "hist", began, {"sentinels": int(settled.size)})


def cover_greedily(
    problem: SeedProblem,
    index: CoverageIndex,
    *,
    settled: NDArray[np.int64] | None = None,
    stand_in: NDArray[np.int32] = _NONE,
) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """Seeds by greedy coverage, all of the wanted number.

    Args:
        problem: candidates, number of seeds.
        index: the collection.
        settled: seeds chosen beforehand; none where None.
        stand_in: the candidate of the collection that stands for them.

    Returns:
        The further seeds in order; sets covered once each is in; a bound on what the best seeds cover. Where
        no candidate adds anything to be seen, those with most out-arcs come first.
    """
    sets = index.sets
    before = np.zeros(0, dtype=np.int64) if settled is None else settled
    wanted = problem.size - before.size
    covered, count = np.zeros(sets.num_sets, dtype=np.bool_), np.diff(index.begin)
    chosen, met, bound = greedy_of_size(
        stand_in, wanted, problem.size, sets.start, sets.member, index.begin, index.holder, covered, count
    )
    seeds = chosen.astype(np.int64)
    if seeds.size < wanted:
        score = out_arcs(problem.model)[problem.model.place[problem.candidates]]
        score[before] = -1
        score[seeds] = -1
        seeds = np.concatenate([seeds, np.argsort(-score, kind="stable")[: wanted - seeds.size]])
    return seeds, met, float(bound)


def checked_plain(num_nodes: int, eps: float, delta: float | None, max_sets: int) -> float:
    """``delta``, one over the number of nodes where None; refuses what is out of range."""
    if not 0 < eps < GREEDY_SHARE:
        raise ValueError(f"eps must lie in (0, 1 - 1/e), got {eps!r}")
    if max_sets < 1:
        raise ValueError(f"max_sets must be at least 1, got {max_sets}")
    return checked_delta(delta, num_nodes)


def log_choices(problem: SeedProblem) -> float:
    """Logarithm of the number of seed sets."""
    c, k = problem.candidates.size, problem.size
    return float(gammaln(c + 1) - gammaln(k + 1) - gammaln(c - k + 1))


def worst_case_sets(problem: SeedProblem, eps: float, delta: float) -> float:
    """Sets that make greedy 1 - 1/e - eps with probability 1 - delta / 3; infinite if seeds weigh nothing."""
    least = problem.least_optimum
    return problem.model.total * first_sets(problem, delta) / (eps**2 * least) if least > 0 else math.inf


def first_sets(problem: SeedProblem, delta: float) -> float:
    """OPIM-C's theta_0, not rounded."""
    logs = math.log(6.0 / delta)
    root = GREEDY_SHARE * math.sqrt(logs) + math.sqrt(GREEDY_SHARE * (log_choices(problem) + logs))
    return 2.0 * root**2


def _plan(problem: SeedProblem, eps: float, delta: float, max_sets: int, deadline: float) -> Plan:
    first = math.ceil(first_sets(problem, delta))
    return Plan(first, worst_case_sets(problem, eps, delta), GREEDY_SHARE - eps, delta, max_sets, deadline)


def _settle(
    problem: SeedProblem,
    source: ReverseSets,
    settings: Sentinels,
    eps: float,
    delta: float,
    first: int,
    deadline: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """The first phase: a prefix of the greedy order, as long as it is proven to be good."""
    k = problem.size
    if k == 1:
        return np.zeros(0, dtype=np.int64)
    # Fewer sentinels than ``least`` are good whatever they are, so nothing would be proven of them.
    least = math.floor(math.log1p(-eps) / math.log1p(-1.0 / k)) + 1
    most = max(least, int(k * settings.share))
    choose_seed, judge_seed = (int(s) for s in rng.integers(2**63, size=2))
    rounds = max(1, math.ceil(math.log2(max(2, settings.max_sets / first))))
    a = math.log(3 * rounds / delta)
    lengths = np.arange(least, most + 1)
    wanted = 1.0 - (1.0 - 1.0 / k) ** lengths - eps
    sets = source.make(choose_seed, 0, first)
    while True:
        chosen, reached, bound = cover_greedily(problem, CoverageIndex.of(sets))
        optimum = hits_at_most(bound, a)
        # The longest prefix that looks good on the sets it was chosen from is tried on fresh ones.
        looks = [
            hits_at_least(reached[b - 1], a) >= w * optimum for b, w in zip(lengths, wanted, strict=True)
        ]
        place = int(np.flatnonzero(looks)[-1]) if any(looks) else 0
        length = int(lengths[place])
        hits = source.hits(judge_seed, 0, sets.num_sets, problem.marked(chosen[:length]))
        good = hits_at_least(hits, a) >= wanted[place] * optimum
        if good or 2 * sets.num_sets > settings.max_sets or time.perf_counter() >= deadline:
            return chosen[:length]
        sets = joined(sets, source.make(choose_seed, sets.num_sets, 2 * sets.num_sets))


def _result(
    problem: SeedProblem,
    found: Outcome[NDArray[np.int64]],
    delta: float,
    name: str,
    began: float,
    more: dict[str, int],
) -> SolveResult[Seeds]:
    graph = problem.diffusion.graph
    labels = tuple(graph.label(int(v)) for v in problem.candidates[found.answer])
    return SolveResult(
        Seeds(labels, found.spread, found.interval, found.optimum, found.ratio),
        found.status,
        Certificate("optimality_gap", 1.0 - found.ratio, 1.0 - delta),
        name,
        found.rounds,
        time.perf_counter() - began,
        {
            "ratio": found.ratio,
            "spread": found.spread,
            "spread_low": found.interval[0],
            "spread_high": found.interval[1],
            "sets": found.sets,
            **more,
        },
    )
