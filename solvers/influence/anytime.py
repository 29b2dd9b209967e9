"""Certified influence maximisation under capacities, as good as the time allows.

Two streams of reverse-reachable sets are drawn: invitations are chosen on the first, and judged on the
second, which they never saw. Each round doubles both, lets every selector choose, and judges the choice that
meets most. The certified ratio divides the best lower bound on a spread by the least upper bound on the
optimum. What costs more, the other choices, a linear program, a descent on the bound, is left to rounds where
the number of sets could reach the target, and to the last one.

All bounds of all rounds hold together with the stated confidence: round i may fail with probability delta /
(i (i + 1)), which sums to delta, shared evenly by the upper bound and the bounds on every choice from both
sides.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from games.certificates import Certificate
from games.influence.certificate import coverage_bound, share_at_least, share_at_most
from games.influence.collection import ReverseSets, joined
from games.influence.problem import CapacityProblem
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.dual import DualDescent
from solvers.influence.invitations import Invitation, friends_of
from solvers.influence.judging import spread_on
from solvers.influence.limits import check_anytime, deadline_after, fits_twice
from solvers.influence.relaxation import LinearRelaxation
from solvers.influence.selection import CoverageIndex, GainGreedy, RoundsGreedy, Selection, Selector


def solve_capacity(
    problem: CapacityProblem,
    *,
    target_ratio: float = 0.85,
    confidence: float = 0.99,
    first_sets: int = 4096,
    max_sets: int = 1 << 22,
    time_limit: float | None = None,
    selectors: Sequence[Selector] = (RoundsGreedy(), GainGreedy()),
    relaxation: LinearRelaxation | None = None,
    dual: DualDescent | None = DualDescent(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """Choose whom to invite.

    Args:
        problem: adopters, capacities, diffusion.
        target_ratio: stop once this share of the optimum is certified, in (0, 1].
        confidence: of everything certified, in (0, 1).
        first_sets: sets in each stream in the first round, or ``max_sets`` if that is less.
        max_sets: most sets in each stream.
        time_limit: in seconds; a round that will likely not end in time is not started.
        selectors: rules that choose; each must be a function of its arguments alone.
        relaxation: linear program for a better bound, and a further choice, where it is small enough; none if
            None.
        dual: descent that lowers the best bound of the selectors; none if None.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each round with ``ratio`` and ``spread``.

    Returns:
        The certificate ``optimality_gap`` is one minus the certified ratio. ``info`` holds the ratio, the
        sets drawn in each stream, the selector that chose, and the one whose bound was used.

    Raises:
        ValueError: an argument is out of range.
    """
    check_anytime(target_ratio, confidence, first_sets, max_sets, selectors)
    began = round_began = time.perf_counter()
    deadline = deadline_after(time_limit)
    rng = np.random.default_rng(0) if rng is None else rng
    choose_seed, judge_seed = (int(s) for s in rng.integers(2**63, size=2))
    source = ReverseSets(problem.model, problem.model.place[problem.candidates], threads=threads)
    sets = source.make(choose_seed, 0, min(first_sets, max_sets))
    known = _Known(problem, source, judge_seed, problem.model.total)
    judged = len(selectors) + (relaxation is not None)
    rounds = 0
    while True:
        rounds += 1
        known.number = sets.num_sets
        known.failure = (1.0 - confidence) / (rounds * (rounds + 1)) / (1 + 2 * judged)
        index = CoverageIndex.of(sets)
        found = [_Found(s.name, s.select(problem, index)) for s in selectors]
        # Ties go to the rule named first.
        found.sort(key=lambda one: -one.selection.covered)
        known.judge(found[0])
        known.bound(min(found, key=lambda one: one.selection.bound))
        last = 2 * sets.num_sets > max_sets or not fits_twice(round_began, deadline)
        if known.ratio < target_ratio and (last or known.noise_allows(target_ratio, found[0])):
            _work_harder(known, index, found, target_ratio, relaxation, dual, last, deadline)
        best = known.best
        progress(rounds, None, ratio=known.ratio, spread=best.mean)
        if known.ratio >= target_ratio or last:
            break
        round_began = time.perf_counter()
        sets = joined(sets, source.make(choose_seed, sets.num_sets, 2 * sets.num_sets))
    ratio = known.ratio
    return SolveResult(
        Invitation(
            friends_of(problem, best.selection.owner), best.mean, (best.low, best.high), known.optimum, ratio
        ),
        Status.CERTIFIED if ratio >= target_ratio else Status.LIMIT,
        Certificate("optimality_gap", 1.0 - ratio, confidence),
        "capacity_constrained_influence",
        rounds,
        time.perf_counter() - began,
        {
            "ratio": ratio,
            "spread": best.mean,
            "spread_low": best.low,
            "spread_high": best.high,
            "sets": sets.num_sets,
            "chosen_by": best.name,
            "bounded_by": known.bounded_by,
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A selection and who made it."""

    name: str
    selection: Selection


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """A selection and what fresh sets say of its spread."""

    name: str
    selection: Selection
    low: float
    mean: float
    high: float


@dataclass(slots=True, eq=False)
class _Known:
    """What is proven so far.

    Attributes:
        problem: adopters, capacities, diffusion.
        source: of the sets.
        seed: of the sets that judge.
        optimum: what no invitation exceeds.
        bounded_by: whose bound that is.
        number: sets in each stream.
        failure: probability with which one bound of this round may fail.
        judged: the selection with the best lower bound on its spread.
    """

    problem: CapacityProblem
    source: ReverseSets
    seed: int
    optimum: float
    bounded_by: str = "all"
    number: int = 0
    failure: float = 0.0
    judged: _Judged | None = None

    @property
    def best(self) -> _Judged:
        """The best selection; there is one from the first round on."""
        if self.judged is None:
            raise RuntimeError("nothing was judged yet")
        return self.judged

    @property
    def ratio(self) -> float:
        """The certified ratio."""
        return min(1.0, self.best.low / self.optimum)

    def judge(self, found: _Found) -> None:
        """Let fresh sets judge a selection."""
        seeds = self.problem.marked(found.selection.chosen)
        low, mean, high = spread_on(self.source, self.seed, self.number, seeds, self.failure)
        if self.judged is None or low > self.judged.low:
            self.judged = _Judged(found.name, found.selection, low, mean, high)

    def bound(self, found: _Found, met_at_most: float | None = None) -> None:
        """Use that no invitation meets more sets than the selection's bound, or than ``met_at_most``."""
        most = found.selection.bound if met_at_most is None else met_at_most
        bound = self.problem.model.total * share_at_most(most, self.number, self.failure)
        if bound < self.optimum:
            self.optimum, self.bounded_by = bound, found.name

    def noise_allows(self, target: float, found: _Found) -> bool:
        """Whether so many sets could certify ``target`` at all, were ``found`` best on both streams."""
        met = found.selection.covered
        low = share_at_least(met, self.number, self.failure)
        return low >= target * share_at_most(met, self.number, self.failure)

    def enough(self, target: float, least: int, most: float) -> int | None:
        """Greatest bound on the sets met, in ``least`` to ``most``, that proves ``target``; None if none."""
        share = self.best.low / (target * self.problem.model.total)
        below, above = least - 1, int(most)
        while below < above:
            middle = (below + above + 1) // 2
            if share_at_most(middle, self.number, self.failure) <= share:
                below = middle
            else:
                above = middle - 1
        return None if below < least else below


def _work_harder(
    known: _Known,
    index: CoverageIndex,
    found: list[_Found],
    target: float,
    relaxation: LinearRelaxation | None,
    dual: DualDescent | None,
    last: bool,
    deadline: float,
) -> None:
    """What costs more than greedy, one by one until the target is reached, as far as there is time."""
    left = deadline - time.perf_counter()
    solved = None
    if relaxation is not None and left > 0:
        solved = replace(relaxation, time_limit=min(relaxation.time_limit, left)).select(known.problem, index)
    if relaxation is not None and solved is not None:
        found = [_Found(relaxation.name, solved), *found]
        known.bound(found[0])
        known.judge(found[0])
    for other in found[1:]:
        if known.ratio >= target:
            return
        known.judge(other)
    least = min(found, key=lambda one: one.selection.bound)
    # The program's own multipliers are the best there are.
    if known.ratio >= target or dual is None or least.selection is solved:
        return
    reached = max(one.selection.covered for one in found)
    enough = known.enough(target, reached, least.selection.bound)
    if enough is not None or last:
        sets, alpha = index.sets, least.selection.alpha
        alpha = dual.improve(known.problem, sets, alpha, reached, 0.0 if enough is None else enough, deadline)
        known.bound(least, coverage_bound(known.problem, sets, alpha))
