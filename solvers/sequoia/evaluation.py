"""Policies compared on the same luck, beside an upper bound on what any policy can earn.

All policies meet the same starts and the same uniform numbers (`games.bandits.simulator`), so their
differences are paired: the interval of a difference is that of the mean of one number for each episode, by
Student's t. The value of an episode is its mean expected reward a step; with a control variate what it owes
to luck is taken out, which leaves the expectation as it is and makes intervals several times narrower.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import EVALUATION_START, CoupledBandit, StartRule
from games.bandits.return_bound import ReturnBound
from games.bandits.simulator import Noise, Rollout, draw_noise, rollout
from solvers.sequoia.baselines.policy import NamedPolicy


@runtime_checkable
class CountsCertified(Protocol):
    """A policy that knows which of its decisions were proven to be the best by its own measure."""

    @property
    def certified_share(self) -> float:
        """Of the decisions since it was made, in [0, 1]."""


class ControlVariate(Protocol):
    """Values V(s, t) without discount, zero after the last step, and Q(s, a, t) = r(s, a) + E V(s', t + 1).

    Any values serve, as long as the expectation is exact; `solvers.sequoia.learning.value_base` makes them.
    """

    def value(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """V of states of shape (m, J) at steps of shape (m,)."""

    def action_value(
        self, states: NDArray[np.int64], steps: NDArray[np.int64], actions: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Q of actions of shape (m, N)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and what it lies between.

    Attributes:
        mean: of the sample.
        low: end of the confidence interval; -inf for a single number.
        high: likewise, inf.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class PolicyScore:
    """What one policy did.

    Attributes:
        name: of the policy.
        values: mean expected reward a step of each episode, of shape (episodes,).
        reward: their mean with its interval.
        difference: from the reference policy, paired by episode.
        seconds_per_decision: wall-clock time of the policy over episodes times steps; decisions that it
            remembered count as well.
        certified: share of decisions that the policy says are proven best; None where it does not say.
    """

    name: str
    values: NDArray[np.float64]
    reward: Interval
    difference: Interval
    seconds_per_decision: float
    certified: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Scores of several policies on the same episodes.

    Attributes:
        scores: in the order given.
        reference: name of the policy that differences are from.
        confidence: of each interval by itself.
        bound: on the expectation of any policy, if known. The mean of a sample may exceed it by chance.
    """

    scores: tuple[PolicyScore, ...]
    reference: str
    confidence: float
    bound: ReturnBound | None

    def __getitem__(self, name: str) -> PolicyScore:
        """The score of a policy.

        Raises:
            KeyError: there is none of that name.
        """
        for score in self.scores:
            if score.name == name:
                return score
        raise KeyError(f"no policy is called {name!r}; there are {[score.name for score in self.scores]}")

    def share_below(self, name: str) -> float:
        """By which share of the bound a policy's mean stays below it; 0.02 reads "within 2 % of the bound".

        Raises:
            KeyError: there is no such policy.
            ValueError: there is no bound, or it is not positive.
        """
        if self.bound is None or not self.bound.per_step > 0:
            raise ValueError(f"a positive bound is needed for shares of it, got {self.bound}")
        return 1.0 - self[name].reward.mean / self.bound.per_step


def evaluate(
    bandit: CoupledBandit,
    policies: Sequence[NamedPolicy],
    *,
    episodes: int = 50,
    rng: np.random.Generator,
    bound: ReturnBound | None = None,
    start: StartRule = EVALUATION_START,
    reference: str | None = None,
    confidence: float = 0.95,
    control: ControlVariate | None = None,
) -> Evaluation:
    """Play all policies on the same luck.

    Args:
        bandit: the problem.
        policies: with different names.
        episodes: how many.
        rng: draws the luck; the first episodes do not depend on their number.
        bound: an upper bound for the same starts, as from `games.bandits.return_bound`.
        start: how episodes begin.
        reference: name of the policy that differences are from; the first one where None.
        confidence: of the intervals.
        control: for `episode_values`.

    Raises:
        ValueError: there are no policies, two have one name, the reference is none of them, or
            ``confidence`` is not in (0, 1).
        IllegalActionError: a policy plays an action that is not allowed.
    """
    names = [policy.name for policy in policies]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"policies must have different names, at least one, got {names}")
    against = names[0] if reference is None else reference
    if against not in names:
        raise ValueError(f"reference must be one of {names}, got {reference!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")
    noise = draw_noise(bandit, episodes, rng=rng, start=start)
    played = [_play(bandit, policy, noise, control) for policy in policies]
    base = played[names.index(against)][0]
    scores = tuple(
        PolicyScore(
            policy.name,
            values,
            mean_interval(values, confidence),
            mean_interval(values - base, confidence),
            seconds / (episodes * bandit.horizon),
            policy.certified_share if isinstance(policy, CountsCertified) else None,
        )
        for policy, (values, seconds) in zip(policies, played, strict=True)
    )
    return Evaluation(scores, against, confidence, bound)


def episode_values(played: Rollout, control: ControlVariate | None) -> NDArray[np.float64]:
    r"""What each episode is worth a step, of shape (episodes,).

    Without a control variate this is the mean of its expected rewards. With one it is

    .. math::  \frac1H \Big( V(s_0, 0) + \sum_t (Q(s_t, a_t, t) - V(s_t, t)) \Big),

    which differs by terms :math:`E V(s_{t+1}) - V(s_{t+1})` of mean zero, and varies the less the nearer V is
    to what the policy earns.
    """
    if control is None:
        return played.values
    episodes, horizon = played.expected.shape
    promised = control.value(played.states[:, 0], np.zeros(episodes, dtype=np.int64))
    total = promised + gains_over(control, played)
    return np.asarray(total / horizon)


def gains_over(values: ControlVariate, played: Rollout, discount: float = 1.0) -> NDArray[np.float64]:
    """sum_t gamma^t (Q(s_t, a_t, t) - V(s_t, t)) of each episode, of shape (episodes,).

    Args:
        values: V and Q.
        played: the episodes.
        discount: gamma, which Q must count with as well.
    """
    episodes, horizon = played.expected.shape
    total = np.zeros(episodes)
    for step in range(horizon):
        steps, states = np.full(episodes, step), played.states[:, step]
        gains = values.action_value(states, steps, played.actions[:, step]) - values.value(states, steps)
        total += discount**step * gains
    return total


def mean_interval(sample: NDArray[np.float64], confidence: float) -> Interval:
    """The mean of independent numbers with its interval by Student's t.

    Args:
        sample: of shape (n,), at least one.
        confidence: in (0, 1).
    """
    from scipy.special import stdtrit  # the t quantile, without the slow scipy.stats

    mean = float(sample.mean())
    if sample.size < 2:
        return Interval(mean, -math.inf, math.inf)
    quantile = float(stdtrit(sample.size - 1, 0.5 + confidence / 2.0))
    radius = quantile * float(sample.std(ddof=1)) / math.sqrt(sample.size)
    return Interval(mean, mean - radius, mean + radius)


def _play(
    bandit: CoupledBandit, policy: NamedPolicy, noise: Noise, control: ControlVariate | None
) -> tuple[NDArray[np.float64], float]:
    seconds = 0.0

    def timed(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        nonlocal seconds
        begin = time.perf_counter()
        actions = policy(states, step)
        seconds += time.perf_counter() - begin
        return actions

    values = episode_values(rollout(bandit, timed, noise), control)
    return values, seconds
