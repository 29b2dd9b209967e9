"""Checking a stored policy of a coupled bandit, with nothing of what trained it.

The policy plays, and what it plays is judged from the file's arrays:

- the decisions recorded in the file: the actions are allowed by the set's membership test, have the Q on
  record, and are played again, or others that are as good within the tolerance of the file;
- fresh episodes: every action is allowed, and their mean return does not contradict the claimed one;
- some decisions of these episodes: Q of the action by numpy, and what no allowed action exceeds, by trying
  all of them or by a mixed-integer program of this package (`games.bandits.q_bound`);
- the bound on the return of any policy, worked out anew from the prices in the file.

What cannot be checked is what left no trace, such as how the policy was trained.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.problem import EVALUATION_START
from games.bandits.q_bound import QWitness, spread
from games.bandits.q_functions import LocalQ
from games.bandits.return_bound import ReturnBound, lagrangian_bound, starting_at_random
from games.bandits.simulator import BatchPolicy, Rollout, draw_noise, rollout
from games.certificates import Certificate
from games.checking import CheckReport
from games.errors import IllegalActionError
from games.storage.bandit_policies import PlainPolicy, StoredBanditPolicy

MEASURE = "argmax_gap"
CONFIDENCE = 0.9999
"""Of the comparison of returns; a true claim is rejected in one of ten thousand checks."""

_ERRORS = 4.0  # standard errors by which a mean may exceed a bound by chance
_ROUNDING = 1e-9  # of the numbers compared, whatever their units
_PROGRAM_ROUNDING = 1e-6  # likewise; feasibility tolerances of HiGHS
_SPREAD_SLACK = 2.0  # other bounds of how far apart two Q can lie may be this much wider


@dataclass(frozen=True, slots=True)
class CheckEffort:
    """How much a check may cost.

    Attributes:
        episodes: played, at least 2.
        decisions: whose greatest Q is found anew.
        seconds: for each of them, where a program is needed.
    """

    episodes: int = 200
    decisions: int = 6
    seconds: float = 20.0

    def __post_init__(self) -> None:
        if self.episodes < 2 or self.decisions < 1 or not 0.0 < self.seconds < math.inf:
            raise ValueError(
                f"need episodes >= 2, decisions >= 1 and positive seconds, got {self.episodes}, "
                f"{self.decisions} and {self.seconds}"
            )


def check_bandit_policy(
    stored: StoredBanditPolicy,
    policy: BatchPolicy,
    *,
    effort: CheckEffort | None = None,
    rng: np.random.Generator,
) -> CheckReport:
    """Judge a stored policy.

    Args:
        stored: what was loaded.
        policy: plays it; its actions are judged, and nothing that it says of them is heard.
        effort: how much the check may cost.
        rng: source of the fresh episodes. Whoever wrote the file must not have known it.

    Returns:
        The recomputed certificate is the greatest argmax gap of the fresh decisions that were settled.

    Raises:
        ValueError: there is no certificate of that measure to check.
    """
    result, effort = stored.result, effort or CheckEffort()
    claimed = result.certificate
    if claimed is None or claimed.measure != MEASURE:
        raise ValueError(
            f"the result of {result.solver} holds no certificate {MEASURE!r}, so there is nothing to check"
        )
    plain, bandit = result.unwrap(), stored.bandit
    faults = [*_recorded(stored, plain, policy)]
    noise = draw_noise(bandit, effort.episodes, rng=rng)
    try:
        played = rollout(bandit, policy, noise)
    except IllegalActionError as error:
        return CheckReport(claimed, Certificate(MEASURE, math.inf), False, (*faults, str(error)))
    told, bad = _returns(stored, played)
    notes = [told]
    faults += bad
    bound = _bound(stored, plain)
    if bound is not None:
        told, bad = _bounded(stored, bound)
        notes.append(told)
        faults += bad
    worst, told, bad = _gaps(stored, plain, played, claimed, effort, rng)
    notes.append(told)
    faults += bad
    return CheckReport(claimed, Certificate(MEASURE, worst), not faults, (*notes, *faults))


def _recorded(stored: StoredBanditPolicy, plain: PlainPolicy, policy: BatchPolicy) -> Iterator[str]:
    kept = stored.decisions
    for step in range(stored.bandit.horizon):
        replayed = np.asarray(policy(kept.states[step].copy(), step))
        yield from _step_faults(stored, plain, step, replayed)


def _step_faults(
    stored: StoredBanditPolicy, plain: PlainPolicy, step: int, replayed: NDArray[np.bool_]
) -> Iterator[str]:
    kept, bandit = stored.decisions, stored.bandit
    for place, (states, action, value) in enumerate(
        zip(kept.states[step], kept.actions[step], kept.values[step].tolist(), strict=True)
    ):
        where = f"decision {place} on record at step {step}"
        action_set = bandit.actions_at(states, step)
        if not bool(action_set.contains(action)):
            yield f"{where}: the action is not in {action_set.name}"
            continue
        local = plain.q.at(states, step)
        own, again = local.values(np.stack([action, replayed[place]])).tolist()
        width = spread(local, action_set.most)
        rounding = _ROUNDING * _scale(local, value, width)
        if abs(own - value) > rounding:
            yield f"{where}: its Q is {own:.9g} by the weights in the file, {value:.9g} on record"
        if abs(own - again) > _allowed(plain, width) + rounding:
            yield f"{where}: another action is played, whose Q is {again:.9g} rather than {own:.9g}"


def _scale(local: LocalQ, value: float, width: float) -> float:
    """The size of the numbers that a Q was added up from."""
    return max(abs(local.constant), abs(value), width)


def _allowed(plain: PlainPolicy, width: float) -> float:
    return max(plain.absolute, _SPREAD_SLACK * plain.relative * width)


def _returns(stored: StoredBanditPolicy, played: Rollout) -> tuple[str, list[str]]:
    from scipy.special import stdtrit  # the t quantile, without the slow scipy.stats

    values, claim = played.values, stored.claim
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    # Three events that would each reject a true claim.
    certain = 1.0 - (1.0 - CONFIDENCE) / 3.0
    quantile, theirs = (float(stdtrit(count - 1, certain)) for count in (values.size, claim.episodes))
    radius = 1.96 * deviation / math.sqrt(values.size)
    told = (
        f"{values.size} fresh episodes: {mean:.6g} ± {radius:.2g} a step; claimed {claim.mean:.6g} "
        f"± {1.96 * claim.error:.2g} over {claim.episodes}"
    )
    faults = []
    # What few episodes may be off by, from the spread of the fresh ones; but no more than is admitted.
    slack = min(
        quantile * deviation * math.sqrt(1.0 / values.size + 1.0 / claim.episodes),
        quantile * deviation / math.sqrt(values.size) + theirs * claim.error,
    )
    if claim.mean - mean > slack + _ROUNDING * max(abs(mean), abs(claim.mean)):
        faults.append(f"the claimed return {claim.mean:.6g} is too high: it exceeds {mean + slack:.6g}")
    return told, faults


def _bound(stored: StoredBanditPolicy, plain: PlainPolicy) -> ReturnBound | None:
    if plain.prices is None or stored.claim.bound is None:
        return None
    bandit = stored.bandit
    groups = [factor.arms for factor in plain.q.base.factors]
    start = starting_at_random(bandit, EVALUATION_START)
    return lagrangian_bound(bandit, groups, plain.prices, start)


def _bounded(stored: StoredBanditPolicy, bound: ReturnBound) -> tuple[str, list[str]]:
    claim = stored.claim
    assert claim.bound is not None  # only worked out where there is one
    told = f"no policy earns more than {bound.per_step:.6g} a step, by the prices in the file"
    faults = []
    if bound.total > claim.bound + _PROGRAM_ROUNDING * max(abs(bound.total), abs(claim.bound)):
        faults.append(
            f"the prices prove {bound.total:.9g} an episode, not the {claim.bound:.9g} that is claimed"
        )
    if claim.mean > bound.per_step + _ERRORS * claim.error + _ROUNDING * abs(claim.mean):
        faults.append(f"the claimed return {claim.mean:.6g} exceeds that bound")
    return told, faults


def _gaps(
    stored: StoredBanditPolicy,
    plain: PlainPolicy,
    played: Rollout,
    claimed: Certificate,
    effort: CheckEffort,
    rng: np.random.Generator,
) -> tuple[float, str, list[str]]:
    """The greatest settled gap, what was done, and what contradicts the claim."""
    action_set = stored.bandit.feasible
    assert isinstance(action_set, ActionSet)  # others are not stored
    witness = QWitness(action_set)
    episodes, horizon = played.expected.shape
    chosen = rng.choice(episodes * horizon, size=min(effort.decisions, episodes * horizon), replace=False)
    worst, settled, open_gap = 0.0, 0, 0.0
    faults = []
    for number in np.sort(chosen).tolist():
        episode, step = divmod(number, horizon)
        local = plain.q.at(played.states[episode, step], step)
        action = played.actions[episode, step]
        value = float(local.values(action[None])[0])
        bound = witness.bound(local, seconds=effort.seconds)
        gap = max(0.0, bound.upper - value)
        if not bound.settled:
            open_gap = max(open_gap, gap)
            continue
        settled += 1
        worst = max(worst, gap)
        width = spread(local, action_set.most)
        slack = _ROUNDING if witness.tries_all else _PROGRAM_ROUNDING
        if gap > max(claimed.bound, _allowed(plain, width)) + slack * _scale(local, value, width):
            faults.append(
                f"at step {step} of fresh episode {episode} the action's Q is {gap:.3g} below the greatest, "
                "more than is claimed and than the tolerance in the file allows"
            )
    how = "trying all actions" if witness.tries_all else "a mixed-integer program"
    told = f"{settled} of {chosen.size} fresh decisions settled by {how}"
    if settled < chosen.size:
        told += f"; the others are not proven here: within {open_gap:.3g} after {effort.seconds:g} s each"
    if worst > claimed.bound and not faults:
        told += f"; within {worst:.3g}, by the tolerance in the file and not by the gap claimed"
    return worst if settled else math.inf, told, faults
