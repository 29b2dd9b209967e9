r"""Best response to mean minus priced variance of the return, by an auxiliary target and counts.

The objective is not linear in the distribution of the return R, so no Bellman equation holds for it. It
becomes linear at the price of a target c [1]_:

.. math::
    \max_\pi \operatorname{E} R - \gamma \operatorname{Var} R
    = \max_c \max_\pi \operatorname{E}\bigl[ R - \gamma (R - c)^2 \bigr], \qquad c^* = \operatorname{E} R ,

and for fixed c the inner problem is an ordinary best response to a payoff at the end. Taking turns, c to the
mean of the response and the response to c, never lowers the objective and ends where neither changes; as a
function of c it is a concave parabola plus a convex piecewise linear function and may have several such
points, so the turns start from several targets.

The variance is the whole one: who the opponents turn out to be, chance, and their moves (by the law of
total variance, between and within the cells of an empirical game together). The learner counts what follows
what it tries and how episodes ended; of the endings, count, sum and sum of squares suffice for every c, so
one set of episodes serves all targets. What was gained before a decision must be part of what is known there
(it is where observations remember the past, and where payoffs come at the end).

.. [1] Xie et al. (2018), A block coordinate ascent algorithm for mean-variance optimization, NeurIPS; the
   identity is that of the variance as the least mean squared distance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.oracles.answers import Opponent, OracleAnswer
from marl.oracles.episodes import Budget, Learner
from marl.oracles.frequencies import CountRow, sweep_backwards
from marl.oracles.schedules import LinearDecay
from marl.policies import TabularPolicy, observation_key
from marl.policies.tabular import KeyFunction

_MAX_TURNS = 100


@dataclass(frozen=True, slots=True)
class MeanVarianceResponse:
    """A deterministic response of greatest E R - gamma Var R by the frequencies seen; see the module.

    Attributes:
        gamma: price of variance, in units of one over payoff, at least 0.
        episodes: budget.
        epsilon: probability of a uniformly random legal action, by the share of the budget spent.
        solves: how often the frequencies are solved, at even distances.
        targets: from how many targets, spread evenly over the payoffs seen, the turns start at the end.
        evaluation: episodes played with the response to estimate its return and variance, at least 2.
        key: names what the learner knows.
    """

    gamma: float
    episodes: int = 10_000
    epsilon: LinearDecay = field(default_factory=LinearDecay)
    solves: int = 20
    targets: int = 9
    evaluation: int = 1_000
    key: KeyFunction = observation_key

    def __post_init__(self) -> None:
        Budget(self.episodes, self.evaluation, self.epsilon)
        if not (math.isfinite(self.gamma) and self.gamma >= 0):
            raise ValueError(f"gamma must be finite and at least 0, got {self.gamma!r}")
        if self.solves < 1 or self.targets < 1:
            raise ValueError(f"solves and targets must be at least 1, got {self.solves} and {self.targets}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return (
            f"mean_variance({self.gamma}, {self.episodes}, {self.epsilon}, {self.solves}, {self.targets}, "
            f"{self.evaluation}, {self.key.__qualname__})"
        )

    def respond(
        self,
        game: EnvGame[Any],
        opponents: Sequence[Opponent],
        player: int,
        *,
        rng: np.random.Generator,
    ) -> OracleAnswer[TabularPolicy]:
        """Learn a response of ``player``; see ``TabularQ.respond``."""
        learner: Learner[_Row] = Learner(game, opponents, player, self.key, _Row, {})
        budget = Budget(self.episodes, self.evaluation, self.epsilon)
        model = _Model(learner.rows, self.gamma)
        stride = -(-self.episodes // self.solves)
        target = 0.0
        for played, play in enumerate(learner.episodes(budget, rng), start=1):
            model.count(play.path, play.payoff)
            if played % stride == 0:
                target = model.take_turns(target)[1]
        starts = [target, *np.linspace(model.least, model.greatest, self.targets).tolist()]
        ends = [model.take_turns(start) for start in starts]
        model.respond(max(ends)[1])
        policy = TabularPolicy(learner.greedy(), self.key)
        return learner.answer(policy, budget, rng, played=self.episodes)

    def pack(self, policy: TabularPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> TabularPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        return TabularPolicy.restore(arrays, self.key)


class _Ending:
    """Count, sum and sum of squares of the returns of episodes that ended after one choice."""

    __slots__ = ("number", "squares", "total")

    def __init__(self) -> None:
        self.number, self.total, self.squares = 0, 0.0, 0.0

    def add(self, payoff: float) -> None:
        self.number += 1
        self.total += payoff
        self.squares += payoff * payoff

    def worth(self, gamma: float, target: float) -> float:
        """Sum of R - gamma (R - target)^2."""
        spread = self.squares - 2.0 * target * self.total + self.number * target * target
        return self.total - gamma * spread


class _Row(CountRow):
    """Counts and endings; ``value`` is of the transformed payoff, ``mean`` of the plain one."""

    __slots__ = ("endings", "mean")

    def __init__(self, key: bytes, legal: list[int]) -> None:
        super().__init__(key, legal)
        self.endings = [_Ending() for _ in legal]
        self.mean = 0.0

    def back_up(self, gamma: float, target: float) -> None:
        """Set value, mean and best action from those of the successors."""
        best = -np.inf
        for k, n in enumerate(self.visits):
            if not n:
                continue
            value, mean = self.endings[k].worth(gamma, target), self.endings[k].total
            for row, times in self.successors[k].items():
                if row is not None:
                    value += times * row.value
                    mean += times * row.mean
            if value / n > best:
                best, self.top, self.mean = value / n, k, mean / n
        self.value = best


class _Model:
    """The frequencies of a learner; payoffs are kept as differences from the first, to lose no digits."""

    def __init__(self, rows: dict[bytes, _Row], gamma: float) -> None:
        self.rows, self.gamma = rows, gamma
        self.origin: float | None = None
        self.least = self.greatest = 0.0
        self.begun: dict[_Row, int] = {}
        self.idle = _Ending()  # episodes in which the learner never moved
        self.episodes = 0

    def count(self, path: list[tuple[_Row, int, float]], payoff: float) -> None:
        """Record one episode."""
        if self.origin is None:
            self.origin = payoff
        payoff -= self.origin
        self.episodes += 1
        self.least, self.greatest = min(self.least, payoff), max(self.greatest, payoff)
        (path[-1][0].endings[path[-1][1]] if path else self.idle).add(payoff)
        after: _Row | None = None
        for row, choice, _ in reversed(path):
            row.count(choice, after)
            after = row
        if after is not None:
            self.begun[after] = self.begun.get(after, 0) + 1

    def respond(self, target: float) -> tuple[float, float]:
        """Best response to a target: its transformed worth and its mean."""
        sweep_backwards(self.rows, lambda row: row.back_up(self.gamma, target))
        worth, mean = self.idle.worth(self.gamma, target), self.idle.total
        for row, times in self.begun.items():
            worth += times * row.value
            mean += times * row.mean
        return worth / self.episodes, mean / self.episodes

    def take_turns(self, target: float) -> tuple[float, float]:
        """Worth and target where response and target agree, from ``target`` on."""
        worth = -math.inf
        for _ in range(_MAX_TURNS):
            better, mean = self.respond(target)
            if better <= worth:
                break
            worth, target = better, mean
        return worth, target
