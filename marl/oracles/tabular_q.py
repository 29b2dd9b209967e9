r"""Best response by tabular Q-learning [1]_ against opponents that keep to their policies.

While the opponents stay as they are, the learner faces a Markov decision process over what it knows, provided
its observations remember the past (as OpenSpiel's information states do). A mixture of opponents draws one
policy per episode; what the learner has seen then tells it about the draw, and the table may use that.

After every episode the learner's decisions are updated from the last to the first,

.. math::  Q(o, a) \leftarrow Q(o, a) + \alpha_n \bigl(r + \max_{a'} Q(o', a') - Q(o, a)\bigr),

with r the payoff gained between two own decisions, no discount, and :math:`\alpha_n` the step at the n-th
visit. Going backwards carries a payoff through the whole episode at once. Actions not tried yet are tried
before others, and the maximum runs over the tried ones, so no initial value enters and payoffs may have any
unit.

.. [1] Watkins, Dayan (1992), Q-learning, Machine Learning 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.oracles.answers import Opponent, OracleAnswer
from marl.oracles.episodes import check_seats, learner_episode
from marl.oracles.schedules import InverseVisits, LinearDecay, StepSize
from marl.policies import TabularPolicy, observation_key
from marl.policies.tabular import KeyFunction
from marl.rollouts import estimate_returns


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """Stop when the greedy policy has come to rest.

    Attributes:
        every: episodes between looks.
        looks: how many looks in a row must find it at rest.
        share: it is at rest when at most this share of the decisions since the last look were made where the
            greedy action has changed since then.
    """

    every: int = 2_000
    looks: int = 3
    share: float = 0.0

    def __post_init__(self) -> None:
        if self.every < 1 or self.looks < 1:
            raise ValueError(f"every and looks must be at least 1, got {self.every} and {self.looks}")
        if not 0 <= self.share < 1:
            raise ValueError(f"share must lie in [0, 1), got {self.share!r}")


@dataclass(frozen=True, slots=True)
class TabularQ:
    """Q-learning with a table; see the module.

    Attributes:
        episodes: budget.
        epsilon: probability of a uniformly random legal action, by the share of the budget spent.
        step: step sizes.
        early_stop: when to stop before the budget is spent; never where None.
        evaluation: episodes played with the greedy policy to estimate its return and variance, at least 2.
        key: names what the learner knows.
    """

    episodes: int = 20_000
    epsilon: LinearDecay = field(default_factory=LinearDecay)
    step: StepSize = field(default_factory=InverseVisits)
    early_stop: EarlyStop | None = None
    evaluation: int = 1_000
    key: KeyFunction = observation_key

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return (
            f"tabular_q({self.episodes}, {self.epsilon}, {self.step}, {self.early_stop}, {self.evaluation}, "
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
        """Learn a response of ``player``; a deterministic policy, uniform where it has never been.

        Args:
            game: the game.
            opponents: one per player; the entry of ``player`` is not used.
            player: who learns.
            rng: source of all randomness of the answer.

        Raises:
            ValueError: the number of opponents is wrong, there is no such player, or an opponent gives no
                distribution.
        """
        seats = check_seats(game, opponents, player)
        rows: dict[bytes, _Row] = {}
        rest, played, stopped = 0, 0, False
        while played < self.episodes and not stopped:
            epsilon = self.epsilon(played / self.episodes)
            path, payoff = learner_episode(
                game, seats, player, rows, _Row, self.key, epsilon=epsilon, rng=rng
            )
            ahead = 0.0
            for row, choice, before in reversed(path):
                row.update(choice, payoff - before + ahead, self.step)
                payoff, ahead = before, row.best
            played += 1
            if self.early_stop is not None and played % self.early_stop.every == 0:
                rest = rest + 1 if _moved(rows) <= self.early_stop.share else 0
                stopped = rest >= self.early_stop.looks and played < self.episodes
        size = game.num_actions(player)
        policy = TabularPolicy({key: row.greedy(size) for key, row in rows.items()}, self.key)
        seated = [policy if i == player else p for i, p in enumerate(opponents)]
        estimate = estimate_returns(game, seated, self.evaluation, rng=rng)
        return OracleAnswer(policy, estimate, played, stopped)

    def pack(self, policy: TabularPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> TabularPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        return TabularPolicy.restore(arrays, self.key)


class _Row:
    """Estimates at one key, over its legal actions."""

    __slots__ = ("best", "last", "legal", "new", "top", "values", "visits")

    def __init__(self, legal: list[int]) -> None:
        self.legal = legal
        self.values = [0.0] * len(legal)
        self.visits = [0] * len(legal)
        self.best = 0.0  # the greatest value among the tried actions, at position top
        self.top = -1
        self.last = -1  # what top was when it was last looked at
        self.new = 0  # visits since then

    def choose(self, epsilon: float, rng: np.random.Generator) -> int:
        """Position of the action to play."""
        if 0 in self.visits:
            untried = [k for k, n in enumerate(self.visits) if n == 0]
            return untried[int(rng.random() * len(untried))]
        if rng.random() < epsilon:
            return int(rng.random() * len(self.legal))
        return self.top

    def update(self, choice: int, target: float, step: StepSize) -> None:
        self.visits[choice] += 1
        self.new += 1
        value = self.values[choice] + step(self.visits[choice]) * (target - self.values[choice])
        self.values[choice] = value
        if self.top < 0 or value > self.best:
            self.best, self.top = value, choice
        elif choice == self.top:
            tried = [k for k, n in enumerate(self.visits) if n]
            self.top = max(tried, key=self.values.__getitem__)
            self.best = self.values[self.top]

    def greedy(self, size: int) -> NDArray[np.float64]:
        """The greedy action as a distribution over ``size`` actions."""
        row = np.zeros(size)
        row[self.legal[self.top]] = 1.0
        return row


def _moved(rows: Mapping[bytes, _Row]) -> float:
    """Share of the decisions since the last look that were made where the greedy action has changed."""
    total = changed = 0
    for row in rows.values():
        total += row.new
        if row.top != row.last:
            changed += row.new
        row.last, row.new = row.top, 0
    return changed / max(total, 1)
