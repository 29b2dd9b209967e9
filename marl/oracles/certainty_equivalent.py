r"""Best response by certainty equivalence: count what happens, and respond exactly to the counts.

The learner keeps, per thing it knows and action tried, how often it was tried, the payoff that followed and
what it knew next, and solves the decision process that these frequencies make [1]_,

.. math::
    V(o) = \max_a \frac{1}{n(o, a)} \Bigl( r(o, a) + \sum_{o'} n(o, a, o') V(o') \Bigr),

with r the sum of the payoffs gained until the next own decision. Each solve uses every episode at its full
worth, where Q-learning has moved past most of them, so fewer episodes do; it costs memory for the counts.
Where the observations remember the past, what was known first can lead to what was known later only, and one
sweep backwards in the order of discovery is exact.

.. [1] Kumar, Varaiya (1986), Stochastic Systems, on certainty equivalence; for learning see Kaelbling,
   Littman, Moore (1996), Reinforcement learning: a survey, JAIR 4, section 5.1.
"""

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


@dataclass(frozen=True, slots=True)
class CertaintyEquivalent:
    """The exact response to the frequencies seen; see the module.

    Attributes:
        episodes: budget.
        epsilon: probability of a uniformly random legal action, by the share of the budget spent.
        solves: how often the frequencies are solved, at even distances; between solves the learner explores
            around the last one.
        evaluation: episodes played with the response to estimate its return and variance, at least 2.
        key: names what the learner knows.
    """

    episodes: int = 10_000
    epsilon: LinearDecay = field(default_factory=LinearDecay)
    solves: int = 20
    evaluation: int = 1_000
    key: KeyFunction = observation_key

    def __post_init__(self) -> None:
        Budget(self.episodes, self.evaluation, self.epsilon)
        if self.solves < 1:
            raise ValueError(f"solves must be at least 1, got {self.solves}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return (
            f"certainty_equivalent({self.episodes}, {self.epsilon}, {self.solves}, {self.evaluation}, "
            f"{self.key.__qualname__})"
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
        stride = -(-self.episodes // self.solves)
        for played, play in enumerate(learner.episodes(budget, rng), start=1):
            payoff, after = play.payoff, None
            for row, choice, before in reversed(play.path):
                row.count(choice, after)
                row.payoffs[choice] += payoff - before
                payoff, after = before, row
            if played % stride == 0:
                sweep_backwards(learner.rows, _Row.back_up)
        sweep_backwards(learner.rows, _Row.back_up)
        policy = TabularPolicy(learner.greedy(), self.key)
        return learner.answer(policy, budget, rng, played=self.episodes)

    def pack(self, policy: TabularPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> TabularPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        return TabularPolicy.restore(arrays, self.key)


class _Row(CountRow):
    """Counts, and the payoffs gained until the next own decision."""

    __slots__ = ("payoffs",)

    def __init__(self, key: bytes, legal: list[int]) -> None:
        super().__init__(key, legal)
        self.payoffs = [0.0] * len(legal)

    def back_up(self) -> None:
        """Set value and best action from those of the successors."""
        best = -np.inf
        for k, n in enumerate(self.visits):
            if n:
                ahead = sum(m * row.value for row, m in self.successors[k].items() if row is not None)
                value = (self.payoffs[k] + ahead) / n
                if value > best:
                    best, self.top = value, k
        self.value = best
