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
from marl.oracles.episodes import Budget, Learner, explore
from marl.oracles.schedules import InverseVisits, LinearDecay, StepSize
from marl.oracles.valued_policy import ValuedPolicy, inherited_values
from marl.policies import TabularPolicy, observation_key
from marl.policies.tabular import KeyFunction


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
class WarmStart:
    """Begin with the action values of the policy that weighs most in what the learner plays now.

    In a population loop the opponents change little from one iteration to the next, so the values are nearly
    right already. Policies then carry their values with them, also into checkpoints.

    Attributes:
        visits: how many visits an inherited value counts for: the less, the sooner it is forgotten.
    """

    visits: int = 10

    def __post_init__(self) -> None:
        if self.visits < 1:
            raise ValueError(f"visits must be at least 1, got {self.visits}")


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
        warm: how to go on from what was learned before; afresh where None.
    """

    episodes: int = 20_000
    epsilon: LinearDecay = field(default_factory=LinearDecay)
    step: StepSize = field(default_factory=InverseVisits)
    early_stop: EarlyStop | None = None
    evaluation: int = 1_000
    key: KeyFunction = observation_key
    warm: WarmStart | None = None

    def __post_init__(self) -> None:
        Budget(self.episodes, self.evaluation, self.epsilon)

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return (
            f"tabular_q({self.episodes}, {self.epsilon}, {self.step}, {self.early_stop}, {self.evaluation}, "
            f"{self.key.__qualname__}, {self.warm})"
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
            opponents: one per player; the entry of ``player`` is what the learner plays now, and matters to
                a warm start alone.
            player: who learns.
            rng: source of all randomness of the answer.

        Raises:
            ValueError: the number of opponents is wrong, there is no such player, or an opponent gives no
                distribution.
        """
        known = {} if self.warm is None else inherited_values(opponents, player, self.key)
        trust = 0 if self.warm is None else self.warm.visits

        def make_row(key: bytes, legal: list[int]) -> _Row:
            return _Row(legal, known.get(key), trust)

        learner: Learner[_Row] = Learner(game, opponents, player, self.key, make_row, {})
        budget = Budget(self.episodes, self.evaluation, self.epsilon)
        rest, played, stopped = 0, 0, False
        for play in learner.episodes(budget, rng):
            payoff, ahead = play.payoff, 0.0
            for row, choice, before in reversed(play.path):
                row.update(choice, payoff - before + ahead, self.step)
                payoff, ahead = before, row.best
            played += 1
            if self.early_stop is not None and played % self.early_stop.every == 0:
                rest = rest + 1 if _moved(learner.rows) <= self.early_stop.share else 0
                stopped = rest >= self.early_stop.looks and played < self.episodes
            if stopped:
                break
        policy = TabularPolicy(learner.greedy(), self.key)
        if self.warm is not None:
            size = game.num_actions(player)
            held = {key: row.estimates(size) for key, row in learner.rows.items()}
            policy = ValuedPolicy(policy.table, self.key, {**known, **held})
        return learner.answer(policy, budget, rng, played=played, stopped=stopped)

    def pack(self, policy: TabularPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> TabularPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        kind = TabularPolicy if self.warm is None else ValuedPolicy
        return kind.restore(arrays, self.key)


class _Row:
    """Estimates at one key, over its legal actions."""

    __slots__ = ("best", "last", "legal", "new", "top", "values", "visits")

    def __init__(self, legal: list[int], known: NDArray[np.float64] | None, trust: int) -> None:
        self.legal = legal
        self.values = [0.0] * len(legal)
        self.visits = [0] * len(legal)
        self.best = 0.0  # the greatest value among the tried actions, at position top
        self.top = -1
        self.last = -1  # what top was when it was last looked at
        self.new = 0  # visits since then
        for k, action in enumerate(legal):
            if known is not None and not np.isnan(known[action]):
                self.values[k], self.visits[k] = float(known[action]), trust
                if self.top < 0 or self.values[k] > self.best:
                    self.best, self.top = self.values[k], k

    def choose(self, epsilon: float, rng: np.random.Generator) -> int:
        """Position of the action to play."""
        return explore(self.visits, self.top, epsilon, rng)

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

    def estimates(self, size: int) -> NDArray[np.float64]:
        """Value of every action of the game, NaN where it was not tried."""
        row = np.full(size, np.nan)
        for k, action in enumerate(self.legal):
            if self.visits[k]:
                row[action] = self.values[k]
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
