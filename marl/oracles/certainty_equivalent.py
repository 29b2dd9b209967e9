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
from marl.oracles.episodes import check_seats, learner_episode
from marl.oracles.schedules import LinearDecay
from marl.policies import TabularPolicy, observation_key
from marl.policies.tabular import KeyFunction
from marl.rollouts import estimate_returns

_MAX_SWEEPS = 1_000  # reached only where observations forget, so that values feed back into themselves


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
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")
        if self.solves < 1:
            raise ValueError(f"solves must be at least 1, got {self.solves}")
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")

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
        seats = check_seats(game, opponents, player)
        rows: dict[bytes, _Counts] = {}
        stride = -(-self.episodes // self.solves)
        for played in range(self.episodes):
            if played % stride == 0:
                _solve(rows)
            epsilon = self.epsilon(played / self.episodes)
            path, payoff = learner_episode(
                game, seats, player, rows, _Counts, self.key, epsilon=epsilon, rng=rng
            )
            after: _Counts | None = None
            for row, choice, before in reversed(path):
                row.visits[choice] += 1
                row.payoffs[choice] += payoff - before
                row.successors[choice][after] = row.successors[choice].get(after, 0) + 1
                payoff, after = before, row
        _solve(rows)
        size = game.num_actions(player)
        policy = TabularPolicy({key: row.greedy(size) for key, row in rows.items()}, self.key)
        seated = [policy if i == player else p for i, p in enumerate(opponents)]
        estimate = estimate_returns(game, seated, self.evaluation, rng=rng)
        return OracleAnswer(policy, estimate, self.episodes, False)

    def pack(self, policy: TabularPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> TabularPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        return TabularPolicy.restore(arrays, self.key)


class _Counts:
    """What followed each legal action at one key."""

    __slots__ = ("legal", "payoffs", "successors", "top", "value", "visits")

    def __init__(self, legal: list[int]) -> None:
        self.legal = legal
        self.visits = [0] * len(legal)
        self.payoffs = [0.0] * len(legal)
        self.successors: list[dict[_Counts | None, int]] = [{} for _ in legal]
        self.value = 0.0
        self.top = 0

    def choose(self, epsilon: float, rng: np.random.Generator) -> int:
        """Position of the action to play: one not tried yet where there is one."""
        if 0 in self.visits:
            untried = [k for k, n in enumerate(self.visits) if n == 0]
            return untried[int(rng.random() * len(untried))]
        return int(rng.random() * len(self.legal)) if rng.random() < epsilon else self.top

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

    def greedy(self, size: int) -> NDArray[np.float64]:
        """The best action as a distribution over ``size`` actions."""
        row = np.zeros(size)
        row[self.legal[self.top]] = 1.0
        return row


def _solve(rows: Mapping[bytes, _Counts]) -> None:
    """Sweep backwards until nothing changes."""
    order = list(rows.values())[::-1]
    for _ in range(_MAX_SWEEPS):
        before = [row.value for row in order]
        for row in order:
            row.back_up()
        if before == [row.value for row in order]:
            break
