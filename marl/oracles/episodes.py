"""What tabular oracles share: one learner among opponents that keep to their policies, and its answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.oracles.answers import Opponent, OracleAnswer
from marl.oracles.schedules import LinearDecay
from marl.policies import TabularPolicy, UniformPolicy, seat
from marl.policies.seating import check_learner
from marl.policies.tabular import KeyFunction
from marl.rollouts import draw_action, estimate_returns


class Row(Protocol):
    """What a learner keeps under one key."""

    @property
    def legal(self) -> list[int]:
        """The legal actions."""

    @property
    def top(self) -> int:
        """Position, among the legal actions, of the one held best."""

    def choose(self, epsilon: float, rng: np.random.Generator) -> int:
        """Position, among the legal actions, of the one to play when exploring with ``epsilon``."""


R = TypeVar("R", bound=Row)
T = TypeVar("T", bound=TabularPolicy)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tabular oracle may spend, and how it explores.

    Attributes:
        episodes: to learn from, at least 1.
        evaluation: to estimate return and variance of the answer, at least 2.
        epsilon: probability of a uniformly random legal action, by the share of the episodes played.

    Raises:
        ValueError: a number is out of range.
    """

    episodes: int
    evaluation: int
    epsilon: LinearDecay

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")


@dataclass(frozen=True, slots=True)
class Play(Generic[R]):
    """One episode as its learner saw it.

    Attributes:
        path: the learner's decisions: row, position chosen, and own payoff gained before it.
        payoff: the learner's final payoff.
    """

    path: list[tuple[R, int, float]]
    payoff: float


@dataclass(frozen=True, slots=True)
class Learner(Generic[R]):
    """A learner at the table.

    Attributes:
        game: the game.
        opponents: one per player; the entry of ``player`` is not played.
        player: who learns.
        key: names what the learner knows.
        make_row: a row from its key and legal actions.
        rows: what is kept, by key; filled as the episodes go.

    Raises:
        ValueError: the number of opponents is wrong, or there is no such player.
    """

    game: EnvGame[Any]
    opponents: Sequence[Opponent]
    player: int
    key: KeyFunction
    make_row: Callable[[bytes, list[int]], R]
    rows: dict[bytes, R]

    def __post_init__(self) -> None:
        check_learner(self.game, self.opponents, self.player)

    def episodes(self, budget: Budget, rng: np.random.Generator) -> Iterator[Play[R]]:
        """Play the budget, one episode per step; opponents that are mixtures draw anew in each."""
        seats = self._with(UniformPolicy())  # somebody to draw; the learner's own seat is never asked
        for played in range(budget.episodes):
            yield self._play(seats, budget.epsilon(played / budget.episodes), rng)

    def answer(
        self, policy: T, budget: Budget, rng: np.random.Generator, *, played: int, stopped: bool = False
    ) -> OracleAnswer[T]:
        """The policy, with its returns against the opponents from fresh episodes."""
        estimate = estimate_returns(self.game, self._with(policy), budget.evaluation, rng=rng)
        return OracleAnswer(policy, estimate, played, stopped)

    def greedy(self) -> dict[bytes, NDArray[np.float64]]:
        """The action held best under every key, as a distribution over the actions of the game."""
        actions = np.eye(self.game.num_actions(self.player))
        return {key: actions[row.legal[row.top]].copy() for key, row in self.rows.items()}

    def _with(self, own: Opponent) -> list[Opponent]:
        return [own if i == self.player else p for i, p in enumerate(self.opponents)]

    def _play(self, seats: Sequence[Opponent], epsilon: float, rng: np.random.Generator) -> Play[R]:
        game, player, key = self.game, self.player, self.key
        others = seat(seats, rng)
        path: list[tuple[R, int, float]] = []
        state = game.initial(rng)
        while movers := game.to_move(state):
            joint: dict[int, int] = {}
            for p in movers:
                if p != player:
                    joint[p] = draw_action(others[p].probabilities(game, state, p), p, rng)
                    continue
                name = key(game, state, player)
                row = self.rows.get(name)
                if row is None:
                    legal = np.flatnonzero(game.legal_mask(state, player)).tolist()
                    row = self.rows[name] = self.make_row(name, legal)
                choice = row.choose(epsilon, rng)
                path.append((row, choice, float(game.returns(state)[player])))
                joint[p] = row.legal[choice]
            state = game.step(state, joint, rng)
        return Play(path, float(game.returns(state)[player]))


def explore(visits: Sequence[int], top: int, epsilon: float, rng: np.random.Generator) -> int:
    """An action not tried yet where there is one; else a random one with probability epsilon, or the top."""
    if 0 in visits:
        untried = [k for k, n in enumerate(visits) if n == 0]
        return untried[int(rng.random() * len(untried))]
    if rng.random() < epsilon:
        return int(rng.random() * len(visits))
    return top
