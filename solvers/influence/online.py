r"""Online processing of reverse-reachable sets [1]_: double until what was chosen is proven good.

Answers are chosen on one stream of sets and judged on another. After each round the spread of the answer is
bounded below by the second, the optimum above by the first, and the run ends once their ratio reaches the
goal. At :math:`\theta_{max}` sets the goal is met with probability :math:`1 - \delta/3` whatever the bounds
say, so the last round draws that many. (The published loop stops at the last power of two before.) The other
two thirds of :math:`\delta` are shared evenly by the bounds from both sides in all rounds.

.. [1] Tang, Tang, Xiao, Yuan (2018), Online processing algorithms for influence maximization, SIGMOD.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.influence.collection import ReverseSets, joined
from games.influence.martingale import hits_at_least, hits_at_most
from games.progress import ProgressCallback
from games.results import Status
from solvers.influence.limits import fits_twice
from solvers.influence.selection import CoverageIndex

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Plan:
    r"""How long to go on.

    Attributes:
        first: sets in each stream in the first round.
        worst: :math:`\theta_{max}`, sets at which the goal is met in any case; infinite if unknown.
        goal: ratio to prove.
        delta: probability of failure.
        max_sets: most sets in each stream.
        deadline: value of ``time.perf_counter`` by which the last round should end.
    """

    first: int
    worst: float
    goal: float
    delta: float
    max_sets: int
    deadline: float

    @property
    def rounds(self) -> int:
        """Most rounds, fixed before any set is drawn."""
        most = self.worst if math.isfinite(self.worst) else self.max_sets
        return max(1, math.ceil(math.log2(most / self.first)))

    @property
    def log_failure(self) -> float:
        """Minus the logarithm of the failure probability of each bound."""
        return math.log(3 * self.rounds / self.delta)

    def sets_in(self, number: int) -> float:
        """Sets in each stream in round ``number``, from 1."""
        return self.first * 2.0 ** (number - 1) if number < self.rounds else max(self.first, self.worst)


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Generic[A]):
    """What was chosen on a collection.

    Attributes:
        answer: in the caller's own form.
        seeds: mask over the nodes of the model.
        met_at_most: bound on how many sets of the collection the best answer meets.
    """

    answer: A
    seeds: NDArray[np.bool_]
    met_at_most: float


@dataclass(frozen=True, slots=True, eq=False)
class Outcome(Generic[A]):
    """The last round.

    Attributes:
        answer: chosen in it.
        spread: estimate on the second stream, in units of node weight.
        interval: what the spread lies between, with probability 1 - delta.
        optimum: what no answer exceeds.
        ratio: certified, with probability 1 - delta.
        sets: in each stream.
        rounds: how many.
        status: CERTIFIED if the goal was reached.
    """

    answer: A
    spread: float
    interval: tuple[float, float]
    optimum: float
    ratio: float
    sets: int
    rounds: int
    status: Status


def process_online(
    choosing: ReverseSets,
    judging: ReverseSets,
    choose: Callable[[CoverageIndex], Choice[A]],
    plan: Plan,
    *,
    rng: np.random.Generator,
    progress: ProgressCallback,
) -> Outcome[A]:
    """Run the rounds.

    Args:
        choosing: where sets to choose on come from.
        judging: where sets to judge on come from; may be the same.
        choose: the rule; a function of its argument alone.
        plan: when to stop.
        rng: source of the seeds of both streams.
        progress: called after each round with ``ratio`` and ``spread``.
    """
    choose_seed, judge_seed = (int(s) for s in rng.integers(2**63, size=2))
    total, a = choosing.model.total, plan.log_failure
    sets = choosing.make(choose_seed, 0, math.ceil(min(plan.sets_in(1), plan.max_sets)))
    number = 0
    began = time.perf_counter()
    while True:
        number += 1
        choice = choose(CoverageIndex.of(sets))
        hits = judging.hits(judge_seed, 0, sets.num_sets, choice.seeds)
        scale = total / sets.num_sets
        low = hits_at_least(hits, a) * scale
        high = min(total, hits_at_most(hits, a) * scale)
        optimum = min(total, hits_at_most(choice.met_at_most, a) * scale)
        ratio = min(1.0, low / optimum)
        if sets.num_sets >= plan.worst:
            ratio = max(ratio, plan.goal)
        progress(number, plan.rounds, ratio=ratio, spread=hits * scale)
        late = not fits_twice(began, plan.deadline)
        if ratio >= plan.goal or number == plan.rounds or sets.num_sets >= plan.max_sets or late:
            break
        began = time.perf_counter()
        more = math.ceil(min(plan.sets_in(number + 1), plan.max_sets))
        sets = joined(sets, choosing.make(choose_seed, sets.num_sets, more))
    return Outcome(
        choice.answer,
        hits * scale,
        (low, high),
        optimum,
        ratio,
        sets.num_sets,
        number,
        Status.CERTIFIED if ratio >= plan.goal else Status.LIMIT,
    )


def checked_delta(delta: float | None, num_nodes: int) -> float:
    """``delta``, one over the number of nodes where None, checked to lie in (0, 1)."""
    if delta is None:
        return 1.0 / max(num_nodes, 2)
    if not 0 < delta < 1:
        raise ValueError(f"delta must lie in (0, 1), got {delta!r}")
    return delta
