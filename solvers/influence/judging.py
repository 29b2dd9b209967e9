"""What fresh reverse-reachable sets say of an invitation, however it was found.

Methods without bounds of their own end here. Their spread is bounded from both sides on one stream of sets;
the optimum is bounded above on another, by the greedy selectors. Each of the three bounds has a third of the
failure probability.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.influence.certificate import share_at_least, share_at_most
from games.influence.collection import ReverseSets
from games.influence.problem import CapacityProblem
from games.results import SolveResult, Status
from solvers.influence.invitations import Invitation, named_friends
from solvers.influence.selection import CoverageIndex, GainGreedy, RoundsGreedy


@dataclass(frozen=True, slots=True)
class FreshSets:
    """How an invitation is judged.

    Attributes:
        number: sets in each of the two streams, at least 1.
        confidence: of the interval, and of the ratio, in (0, 1).
    """

    number: int = 1 << 15
    confidence: float = 0.99

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"number must be at least 1, got {self.number}")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie in (0, 1), got {self.confidence!r}")


def spread_on(
    source: ReverseSets, seed: int, number: int, seeds: NDArray[np.bool_], failure: float
) -> tuple[float, float, float]:
    """Lower bound, estimate and upper bound of a spread, by sets that the seeds were not chosen on.

    Args:
        source: of the sets.
        seed: of their stream.
        number: how many of them, from the first.
        seeds: mask over the nodes of the model.
        failure: probability with which each of the two bounds may fail.
    """
    hits, total = source.hits(seed, 0, number, seeds), source.model.total
    low, high = share_at_least(hits, number, failure), share_at_most(hits, number, failure)
    return total * low, total * hits / number, total * high


def judged(
    problem: CapacityProblem,
    friends: Sequence[NDArray[np.int64]],
    fresh: FreshSets,
    *,
    status: Status,
    name: str,
    steps: int,
    began: float,
    threads: int,
    rng: np.random.Generator,
) -> SolveResult[Invitation]:
    """The result of a method, with a certificate of its invitation.

    Args:
        problem: adopters, capacities, diffusion.
        friends: per adopter the candidates invited, numbered as in ``problem.candidates``.
        fresh: how it is judged.
        status: why the method stopped.
        name: of the method.
        steps: as it counts them.
        began: value of ``time.perf_counter`` at its start.
        threads: that draw sets.
        rng: source of all randomness; used for nothing before.
    """
    choose_seed, judge_seed = (int(s) for s in rng.integers(2**63, size=2))
    source = ReverseSets(problem.model, problem.model.place[problem.candidates], threads=threads)
    index = CoverageIndex.of(source.make(choose_seed, 0, fresh.number))
    bound = min(rule.select(problem, index).bound for rule in (RoundsGreedy(), GainGreedy()))
    chosen = np.unique(np.concatenate([*friends, np.zeros(0, dtype=np.int64)]))
    failure = (1.0 - fresh.confidence) / 3
    low, spread, high = spread_on(source, judge_seed, fresh.number, problem.marked(chosen), failure)
    optimum = problem.model.total * share_at_most(bound, fresh.number, failure)
    ratio = min(1.0, low / optimum)
    return SolveResult(
        Invitation(named_friends(problem, friends), spread, (low, high), optimum, ratio),
        status,
        Certificate("optimality_gap", 1.0 - ratio, fresh.confidence),
        name,
        steps,
        time.perf_counter() - began,
        {"ratio": ratio, "spread": spread, "spread_low": low, "spread_high": high, "sets": fresh.number},
    )
