r"""Checking a stored influence result: feasibility, spread and bound, on sets that no solver has seen.

Three things are looked at, with nothing but the problem and the choice in the file:

- whether adopters may invite whom they invite, within their capacities, and whether the claimed numbers fit
  one another;
- what the chosen seeds reach, by the share of fresh reverse-reachable sets they meet;
- what no choice can exceed: on further fresh sets the optimum meets at most
  :math:`\sum_r (1 - \alpha_r) + \max_S \sum_{v \in S} \sum_{r \ni v} \alpha_r` of them, for any
  :math:`\alpha \in [0, 1]` (``games.influence.certificate``). Multipliers start at 0 on the sets that some
  first seeds of the file meet and at 1 elsewhere, and follow subgradients from there [1]_.

The last two give a ratio of their own. The claim agrees if that ratio is at least the claimed one, up to
``RATIO_SLACK`` for noise and for what the descent leaves, and no fresh interval contradicts a claimed number.
Where the claim rests on a method's guarantee alone, this is more than the file itself could show. What
cannot be checked is what left no trace: how long the run took, and which sets it drew.

.. [1] Polyak (1969), Minimization of unsmooth functionals, USSR Comp. Math. Math. Phys. 9.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.checking import CheckReport
from games.influence.certificate import share_at_least, share_at_most
from games.influence.collection import ReverseSets, SetCollection, joined
from games.influence.families import Capacities, at_most, candidate_weights
from games.influence.problem import CapacityProblem
from games.influence.seeding import SeedProblem
from games.results import Status
from games.storage.influence import InfluenceAnswer, InfluenceProblem, StoredInfluence

Relaxed: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""The heaviest choice for given weights of the candidates."""

MEASURE = "optimality_gap"
RATIO_SLACK = 0.01
"""A proof on fresh sets that falls short of the claimed ratio by no more than this still confirms it."""

_ROUNDING = 1e-9
_FEWEST_SETS, _ENOUGH_SETS, _MOST_SETS = 1 << 14, 1 << 20, 1 << 22
_MORE_THAN_CLAIMED = 4  # times the sets of the run: less noise than it had
_MOST_MEMBERS = 100_000_000  # of stored sets, 400 megabytes
_STEPS, _FIRST_LENGTH, _LAST_LENGTH = 60, 2.0, 1.0


def check_influence(
    stored: StoredInfluence, *, num_sets: int | None = None, rng: np.random.Generator
) -> CheckReport:
    """Judge a stored result on fresh sets.

    Args:
        stored: what was loaded.
        num_sets: reverse-reachable sets in each of the two fresh streams; where None four times those of the
            run up to 2^20, as many as those of the run up to 2^22, and at least 2^14. Fewer are stored where
            they would take more than 400 megabytes.
        rng: source of the fresh sets. Whoever wrote the file must not have known it.

    Returns:
        The recomputed certificate is ``optimality_gap`` with the confidence that the file claims.

    Raises:
        ValueError: there is no certificate of that measure to check, or ``num_sets`` is below 1.
    """
    result = stored.result
    claimed = result.certificate
    if claimed is None or claimed.measure != MEASURE or result.solution is None:
        raise ValueError(
            f"the result of {result.solver} holds no certificate {MEASURE!r}, so there is nothing to check"
        )
    if num_sets is not None and num_sets < 1:
        raise ValueError(f"num_sets must be at least 1, got {num_sets}")
    answer = result.solution
    faults = list(_misfits(stored, answer, claimed))
    places, forbidden = _feasibility(stored.problem, answer)
    if forbidden:
        return CheckReport(
            claimed, Certificate(MEASURE, 1.0, claimed.confidence), False, (*faults, *forbidden)
        )
    fresh = _Fresh.draw(stored.problem, places, num_sets or _wanted(stored), 1.0 - claimed.confidence, rng)
    faults.extend(_contradictions(answer, fresh))
    if fresh.ratio < answer.ratio - RATIO_SLACK:
        faults.append(
            f"fresh sets prove a ratio of {fresh.ratio:.4f}, less than the {answer.ratio:.4f} claimed"
        )
    found = (
        f"{fresh.judges:,} fresh sets: the seeds reach {fresh.spread:.6g}, in {fresh.low:.6g} .. "
        f"{fresh.high:.6g}; {fresh.stored:,} more: no choice exceeds {fresh.optimum:.6g}"
    )
    recomputed = Certificate(MEASURE, 1.0 - fresh.ratio, claimed.confidence)
    return CheckReport(claimed, recomputed, not faults, (found, *faults))


def _wanted(stored: StoredInfluence) -> int:
    used = stored.result.info.get("sets")
    number = used if type(used) is int else 0
    more = min(_MORE_THAN_CLAIMED * number, _ENOUGH_SETS)
    return min(max(number, more, _FEWEST_SETS), _MOST_SETS)


def _misfits(stored: StoredInfluence, answer: InfluenceAnswer, claimed: Certificate) -> Iterator[str]:
    """Claimed numbers that do not fit one another."""
    low, high = answer.spread_interval
    total = stored.problem.model.total
    slack = _ROUNDING * total
    if not -slack <= low <= answer.spread + slack <= high + 2 * slack <= total + 3 * slack:
        yield f"the claimed spread {answer.spread:.6g} is not within its interval {low:.6g} .. {high:.6g}"
    if not 0.0 <= answer.ratio <= 1.0:
        yield f"the claimed ratio {answer.ratio:.6g} is no share"
    if abs(1.0 - answer.ratio - claimed.bound) > _ROUNDING:
        yield f"the certificate {claimed.bound:.6g} is not one minus the ratio {answer.ratio:.6g}"
    numbers = {"ratio": answer.ratio, "spread": answer.spread, "spread_low": low, "spread_high": high}
    for key, number in numbers.items():
        told = stored.result.info.get(key, number)
        if isinstance(told, str) or not math.isclose(told, number, rel_tol=_ROUNDING, abs_tol=slack):
            yield f"info says {key} {told}, the answer {number:.6g}"
    wanted = stored.settings.get("target_ratio")
    reached = stored.result.status is Status.CERTIFIED
    if reached and isinstance(wanted, float) and answer.ratio < wanted - _ROUNDING:
        yield f"the status is certified, but the ratio {answer.ratio:.6g} is below the target {wanted:.6g}"


def _feasibility(
    problem: InfluenceProblem, answer: InfluenceAnswer
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The chosen candidates, each once, and what is not allowed about them."""
    place = np.full(problem.diffusion.graph.num_nodes, -1, dtype=np.int64)
    place[problem.candidates] = np.arange(problem.candidates.size)
    chosen = place[answer.invited]
    if (chosen < 0).any():
        strange = problem.diffusion.graph.label(int(answer.invited[chosen < 0][0]))
        return chosen, (f"{strange!r} is chosen, but nobody may choose it",)
    if isinstance(problem, SeedProblem):
        if np.unique(chosen).size < chosen.size or chosen.size > problem.size:
            return chosen, (f"seeds must be at most {problem.size} distinct nodes, got {chosen.size}",)
        return chosen, ()
    names = problem.diffusion.graph
    pairs = answer.inviter * problem.num_candidates + chosen
    allowed = np.repeat(np.arange(problem.adopters.size), np.diff(problem.first))
    strange_pairs = ~np.isin(pairs, allowed * problem.num_candidates + problem.friend)
    if strange_pairs.any():
        k = int(strange_pairs.argmax())
        who, whom = problem.adopters[answer.inviter[k]], answer.invited[k]
        return chosen, (f"{names.label(int(whom))!r} is no friend of adopter {names.label(int(who))!r}",)
    if np.unique(pairs).size < pairs.size:
        return chosen, ("an adopter invites the same friend twice",)
    number = np.bincount(answer.inviter, minlength=problem.adopters.size)
    if (number > problem.capacity).any():
        k = int((number > problem.capacity).argmax())
        who = names.label(int(problem.adopters[k]))
        return chosen, (f"adopter {who!r} invites {number[k]}, its capacity is {problem.capacity[k]}",)
    return np.unique(chosen), ()


@dataclass(frozen=True, slots=True)
class _Fresh:
    """What fresh sets say.

    Attributes:
        judges: sets that judged the seeds.
        stored: sets that bounded the optimum.
        low: the seeds reach at least this.
        spread: estimate.
        high: and at most this.
        optimum: what no choice exceeds.
    """

    judges: int
    stored: int
    low: float
    spread: float
    high: float
    optimum: float

    @property
    def ratio(self) -> float:
        """Proven share of the optimum."""
        return min(1.0, self.low / self.optimum)

    @classmethod
    def draw(
        cls,
        problem: InfluenceProblem,
        chosen: NDArray[np.int64],
        number: int,
        failure: float,
        rng: np.random.Generator,
    ) -> "_Fresh":
        """Both streams; their three bounds share the probability of failure."""
        judge_seed, bound_seed = (int(s) for s in rng.integers(2**63, size=2))
        source = ReverseSets(problem.model, problem.model.place[problem.candidates])
        sets = source.make(bound_seed, 0, min(number, _FEWEST_SETS))
        while sets.num_sets < number and 2 * sets.member.size <= _MOST_MEMBERS:
            sets = joined(sets, source.make(bound_seed, sets.num_sets, min(number, 2 * sets.num_sets)))
        most = _least_bound(sets, chosen, _relaxed(problem))
        hits = source.hits(judge_seed, 0, number, problem.marked(chosen))
        each, total = failure / 3.0, problem.model.total
        return cls(
            number,
            sets.num_sets,
            total * share_at_least(hits, number, each),
            total * hits / number,
            total * share_at_most(hits, number, each),
            total * share_at_most(most, sets.num_sets, each),
        )


def _contradictions(answer: InfluenceAnswer, fresh: _Fresh) -> Iterator[str]:
    """Claimed numbers that the fresh sets rule out."""
    low, high = answer.spread_interval
    if fresh.high < low or fresh.low > high:
        found = f"{fresh.low:.6g} .. {fresh.high:.6g}"
        yield f"the seeds reach {found}, outside the claimed {low:.6g} .. {high:.6g}"
    if answer.optimum_bound < fresh.low:
        yield (
            f"no choice is claimed to exceed {answer.optimum_bound:.6g}, but the file's own seeds reach "
            f"{fresh.low:.6g}"
        )


def _relaxed(problem: InfluenceProblem) -> Relaxed:
    """Finds the heaviest choice for given weights, as a point of 0 and 1."""
    if isinstance(problem, CapacityProblem):
        return Capacities(problem).relaxed_best
    return at_most(problem.size, problem.candidates.size).relaxed_best


def _least_bound(
    sets: SetCollection,
    chosen: NDArray[np.int64],
    heaviest: Relaxed,
) -> float:
    """Upper bound on how many of the sets a choice can meet, lowered step by step."""
    row = np.repeat(np.arange(sets.num_sets), np.diff(sets.start))
    full = np.diff(sets.start) > 0  # nobody meets the others

    def met(point: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.bincount(row, weights=point[sets.member], minlength=sets.num_sets).astype(np.int64)

    def bound_of(alpha: NDArray[np.float64]) -> tuple[float, NDArray[np.int64]]:
        weight = candidate_weights(sets, alpha)
        point = heaviest(weight)
        return float((1.0 - alpha)[full].sum() + weight @ point), met(point)

    def without(number: int) -> NDArray[np.float64]:
        prefix = np.zeros(sets.num_candidates)
        prefix[chosen[:number]] = 1.0
        spared: NDArray[np.float64] = (met(prefix) == 0).astype(np.float64)
        return spared

    lengths = [0, *(1 << k for k in range(chosen.size.bit_length())), chosen.size]
    alpha = min(map(without, lengths), key=lambda start: bound_of(start)[0])
    least, reached, length = math.inf, sets.num_sets - float(without(chosen.size).sum()), _FIRST_LENGTH
    for _ in range(_STEPS):
        bound, times = bound_of(alpha)
        least = min(least, bound)
        # The heaviest choice may be made too, so what it meets is a floor under all bounds.
        reached = max(reached, float(np.count_nonzero(times)))
        slope = np.where(full, times - 1.0, 0.0)
        square = float(slope @ slope)
        if least - reached < 1.0 or square == 0.0:
            break
        alpha = np.clip(alpha - length * (bound - reached) / square * slope, 0.0, 1.0)
        length *= (_LAST_LENGTH / _FIRST_LENGTH) ** (1.0 / _STEPS)
    return least
