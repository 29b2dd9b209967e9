"""Certified influence maximisation over any family of seed sets: budgets, categories, matroids, targets.

The scheme is that of ``solvers.influence.anytime``: seeds are chosen on one stream of reverse-reachable
sets and judged on another; both double until the certified ratio is reached. The upper bound is that of the
family's polytope (``games.influence.families``). Targets are node weights of the problem.
"""

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.influence.certificate import share_at_most
from games.influence.collection import ReverseSets, joined
from games.influence.family_problems import FamilyProblem
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.family_selection import BoundDescent, FamilyGreedy, FamilySelector, filled
from solvers.influence.filling import out_arcs
from solvers.influence.judging import spread_on
from solvers.influence.limits import check_anytime, deadline_after, fits_twice
from solvers.influence.selection import CoverageIndex


@dataclass(frozen=True, slots=True, eq=False)
class FamilySeeds:
    """A seed set, and what is known of it.

    Attributes:
        seeds: labels of the chosen nodes.
        chosen: the same by number among the candidates, int64.
        spread: estimate of what they reach, in units of node weight.
        spread_interval: what it lies between, with the confidence of the result's certificate.
        optimum_bound: what no member of the family exceeds, with the same confidence.
        ratio: certified: the lower end of the interval over ``optimum_bound``.
    """

    seeds: tuple[Hashable, ...]
    chosen: NDArray[np.int64]
    spread: float
    spread_interval: tuple[float, float]
    optimum_bound: float
    ratio: float


def solve_family(
    problem: FamilyProblem,
    *,
    target_ratio: float = 0.85,
    confidence: float = 0.99,
    first_sets: int = 4096,
    max_sets: int = 1 << 20,
    time_limit: float | None = None,
    selectors: Sequence[FamilySelector] = (FamilyGreedy(),),
    descent: BoundDescent = BoundDescent(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[FamilySeeds]:
    """Choose seeds.

    Args:
        problem: candidates, family, diffusion.
        target_ratio: stop once this share of the optimum is certified, in (0, 1].
        confidence: of everything certified, in (0, 1).
        first_sets: sets in each stream in the first round, or ``max_sets`` if that is less.
        max_sets: most sets in each stream.
        time_limit: in seconds; a round that will likely not end in time is not started.
        selectors: rules that choose; with a budget add ``BudgetedGreedy``.
        descent: lowers the upper bound.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each round with ``ratio`` and ``spread``.

    Returns:
        The certificate ``optimality_gap`` is one minus the certified ratio.

    Raises:
        ValueError: an argument is out of range.
    """
    check_anytime(target_ratio, confidence, first_sets, max_sets, selectors)
    began = round_began = time.perf_counter()
    deadline = deadline_after(time_limit)
    rng = np.random.default_rng(0) if rng is None else rng
    choose_seed, judge_seed = (int(s) for s in rng.integers(2**63, size=2))
    source = ReverseSets(problem.model, problem.places, threads=threads)
    sets = source.make(choose_seed, 0, min(first_sets, max_sets))
    total = problem.model.total
    score = out_arcs(problem.model)[problem.places].astype(np.float64)
    optimum = total
    judged: list[tuple[str, FamilySeeds]] = []
    rounds = 0
    while True:
        rounds += 1
        number = sets.num_sets
        index = CoverageIndex.of(sets)
        worth = np.ones(number)
        found = [(s.name, s.select(problem.family, index, worth)) for s in selectors]
        # One bound on the optimum and one from each side on every selection, over all rounds.
        failure = (1.0 - confidence) / (rounds * (rounds + 1)) / (1 + 2 * len(selectors))
        leading = max((choice for _, choice in found), key=lambda choice: choice.worth)
        met_at_most = descent.bound(problem.family, index, worth, leading)
        optimum = min(optimum, total * share_at_most(met_at_most, number, failure))
        for rule, choice in found:
            chosen = filled(problem.family, choice.chosen, score)
            low, mean, high = spread_on(source, judge_seed, number, problem.marked(chosen), failure)
            judged.append(
                (rule, FamilySeeds(problem.labels(chosen), chosen, mean, (low, high), optimum, 0.0))
            )
        name, best = max(judged, key=lambda pair: pair[1].spread_interval[0])
        ratio = min(1.0, best.spread_interval[0] / optimum)
        progress(rounds, None, ratio=ratio, spread=best.spread)
        if ratio >= target_ratio or 2 * number > max_sets or not fits_twice(round_began, deadline):
            break
        round_began = time.perf_counter()
        sets = joined(sets, source.make(choose_seed, number, 2 * number))
    answer = replace(best, optimum_bound=optimum, ratio=ratio)
    return SolveResult(
        answer,
        Status.CERTIFIED if ratio >= target_ratio else Status.LIMIT,
        Certificate("optimality_gap", 1.0 - ratio, confidence),
        "family_influence",
        rounds,
        time.perf_counter() - began,
        {"ratio": ratio, "spread": answer.spread, "sets": sets.num_sets, "chosen_by": name},
    )
