"""Maximin over several ends by a double oracle: our matrix solver against weighted coverage greedy.

Seed sets found so far play against ends in a small matrix game, which ``solve_zero_sum`` solves. Greedy
answers the adversary's mixture; its choice joins the game, and what the family can meet at most under that
mixture bounds the value from above. It ends when greedy adds nothing. Payoffs on the sets are exact, so all
noise is in the certificate.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.influence.collection import ReverseSets, SetCollection, joined
from games.influence.maximin import MaximinProblem, end_means, maximin_at_most, mean_at_least
from games.normal_form import NormalFormGame
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.equilibrium.zero_sum import solve_zero_sum
from solvers.influence.family_selection import (
    BoundDescent,
    FamilyChoice,
    FamilyGreedy,
    FamilySelector,
    filled,
)
from solvers.influence.filling import out_arcs
from solvers.influence.limits import deadline_after
from solvers.influence.selection import CoverageIndex


@dataclass(frozen=True, slots=True, eq=False)
class MaximinSeeds:
    """A mixture of seed sets, and the best single one of them.

    Attributes:
        mixture: chances and labels of the seed sets that are played.
        ends: per end its estimate under the mixture and a lower bound.
        value_interval: the least end under the mixture is at least the first; no mixture's exceeds the
            second.
        single: labels of the seed set whose least end is greatest, played for sure.
        single_ends: per end its estimate and a lower bound under ``single``.
        adversary: the adversary's mixture over ends in the matrix game.
    """

    mixture: tuple[tuple[float, tuple[Hashable, ...]], ...]
    ends: dict[Hashable, tuple[float, float]]
    value_interval: tuple[float, float]
    single: tuple[Hashable, ...]
    single_ends: dict[Hashable, tuple[float, float]]
    adversary: dict[Hashable, float]


def solve_maximin(
    problem: MaximinProblem,
    *,
    tol: float = 0.05,
    confidence: float = 0.99,
    sets: int = 1 << 14,
    max_rounds: int = 200,
    time_limit: float | None = None,
    selector: FamilySelector = FamilyGreedy(),  # noqa: B008  (frozen)
    descent: BoundDescent = BoundDescent(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[MaximinSeeds]:
    """Choose a mixture of seed sets.

    Args:
        problem: the ends.
        tol: gap, in units of the ends, still reported CERTIFIED.
        confidence: of everything certified, in (0, 1).
        sets: drawn per end to choose on, and again to judge on.
        max_rounds: most answers to the adversary.
        time_limit: seconds after which no further answer is sought.
        selector: finds answers.
        descent: lowers upper bounds.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each round with ``value`` on the sets chosen on, and its ``bound``.

    Returns:
        The certificate ``maximin_gap`` bounds how far the mixture's least end is below the game's value,
        with the confidence asked for. ``info`` holds the value on the sets, and the gap of the single seed
        set, which is also measured against the best mixture.

    Raises:
        ValueError: an argument is out of range.
    """
    if not tol >= 0:
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    if sets < 1 or max_rounds < 1:
        raise ValueError(f"sets and max_rounds must be at least 1, got {sets} and {max_rounds}")
    began = time.perf_counter()
    deadline = deadline_after(time_limit)
    rng = np.random.default_rng(0) if rng is None else rng
    chosen_on = _drawn(problem, sets, threads, rng)
    judged_on = _drawn(problem, sets, threads, rng)
    game = _CoverageGame(problem, chosen_on, selector)
    # Every end may stray above for the bound, and below for the mixture and for the single seed set.
    failure = (1.0 - confidence) / (3 * len(problem.names))
    bound = float(problem.scale.min())
    even = 1.0 / problem.scale
    weight = even / even.sum()
    chance, value, rounds, settled = np.ones(1), 0.0, 0, False
    while rounds < max_rounds and not settled:
        rounds += 1
        worth = game.worth(weight)
        choice = selector.select(problem.problem.family, game.index, worth)
        met = descent.bound(problem.problem.family, game.index, worth, choice)
        bound = min(bound, maximin_at_most(problem, weight, met, sets, failure))
        settled = rounds > 1 and choice.worth <= value + 1e-9 * float(problem.scale.max())
        if not settled:
            game.add(choice)
            chance, weight, value = game.solve()
        progress(rounds, max_rounds, value=value, bound=bound)
        if time.perf_counter() >= deadline:
            break
    single = int(game.payoffs.min(axis=1).argmax())
    pure = np.zeros(len(game.members))
    pure[single] = 1.0
    mixed_ends = _judged(problem, judged_on, game.members, chance, failure)
    single_ends = _judged(problem, judged_on, game.members, pure, failure)
    low = min(least for _, least in mixed_ends.values())
    single_low = min(least for _, least in single_ends.values())
    gap = max(0.0, bound - low)
    labels = [problem.problem.labels(member) for member in game.members]
    answer = MaximinSeeds(
        tuple((p, labels[k]) for k, p in enumerate(chance.tolist()) if p > 0),
        mixed_ends,
        (low, bound),
        labels[single],
        single_ends,
        dict(zip(problem.names, weight.tolist(), strict=True)),
    )
    stopped = Status.STATIONARY if settled else Status.LIMIT
    return SolveResult(
        answer,
        Status.CERTIFIED if gap <= tol else stopped,
        Certificate("maximin_gap", gap, confidence),
        "maximin_influence",
        rounds,
        time.perf_counter() - began,
        {"value": value, "single_gap": max(0.0, bound - single_low), "sets": sets},
    )


class _CoverageGame:
    """Seed sets against ends, on one collection of all ends' sets end to end."""

    def __init__(
        self, problem: MaximinProblem, collections: list[SetCollection], selector: FamilySelector
    ) -> None:
        self._problem, self._collections = problem, collections
        self._score = out_arcs(problem.models[0])[problem.problem.places].astype(np.float64)
        together = collections[0]
        for further in collections[1:]:
            together = joined(together, further)
        self.index = CoverageIndex.of(together)
        self.members: list[NDArray[np.int64]] = []
        self.payoffs = np.zeros((0, len(collections)))
        # The best answers to single ends, so that the first mixtures are not far off.
        for g in range(len(collections)):
            alone = np.zeros(len(collections))
            alone[g] = 1.0
            self.add(selector.select(problem.problem.family, self.index, self.worth(alone)))

    def worth(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """What meeting each set is worth against the adversary's mixture."""
        each = weight * self._problem.scale / self._collections[0].num_sets
        return np.repeat(each, self._collections[0].num_sets)

    def add(self, choice: FamilyChoice) -> None:
        """Let a seed set in, filled up with those of most out-arcs."""
        member = filled(self._problem.problem.family, choice.chosen, self._score)
        means = end_means(self._problem, self._collections, [member], np.ones(1))
        self.members.append(member)
        self.payoffs = np.vstack([self.payoffs, self._problem.scale * means])

    def solve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        """Mixtures of the leader and of the adversary, and what the leader's is sure of."""
        leader, adversary = solve_zero_sum(NormalFormGame.zero_sum(self.payoffs)).unwrap()
        return np.asarray(leader), np.asarray(adversary), float((leader @ self.payoffs).min())


def _drawn(
    problem: MaximinProblem, number: int, threads: int, rng: np.random.Generator
) -> list[SetCollection]:
    seeds = rng.integers(2**63, size=len(problem.models)).tolist()
    places = problem.problem.places
    return [
        ReverseSets(model, places, threads=threads).make(seed, 0, number)
        for model, seed in zip(problem.models, seeds, strict=True)
    ]


def _judged(
    problem: MaximinProblem,
    fresh: list[SetCollection],
    members: list[NDArray[np.int64]],
    chance: NDArray[np.float64],
    failure: float,
) -> dict[Hashable, tuple[float, float]]:
    """Per end, estimate and lower bound on sets that the mixture never saw."""
    means = end_means(problem, fresh, members, chance)
    trials = fresh[0].num_sets
    return {
        name: (scale * mean, scale * mean_at_least(mean, trials, failure))
        for name, scale, mean in zip(problem.names, problem.scale.tolist(), means.tolist(), strict=True)
    }
