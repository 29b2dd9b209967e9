"""Best responses that a network learns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.learning.lanes import LearnerLanes
from marl.learning.learners import Learner
from marl.learning.neural_policy import NeuralPolicy
from marl.learning.ppo import PPO
from marl.learning.starts import FreshStart, Start
from marl.oracles.answers import Opponent, OracleAnswer
from marl.rollouts.batched import estimate_returns_batched


@dataclass(frozen=True, slots=True)
class DeepOracle:
    """A learner as an oracle.

    Attributes:
        learner: how and how long to learn: `DQN`, or `PPO` with any of its objectives.
        start: what to start from.
        evaluation: episodes played with the response to estimate its return and variance, at least 2.
    """

    learner: Learner = field(default_factory=PPO)
    start: Start = field(default_factory=FreshStart)
    evaluation: int = 1_000

    def __post_init__(self) -> None:
        if self.evaluation < 2:
            raise ValueError(f"evaluation must be at least 2 episodes, got {self.evaluation}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"deep({self.learner}, {self.start}, {self.evaluation})"

    def respond(
        self,
        game: EnvGame[Any],
        opponents: Sequence[Opponent],
        player: int,
        *,
        rng: np.random.Generator,
    ) -> OracleAnswer[NeuralPolicy]:
        """Learn a response of ``player``.

        Args:
            game: the game.
            opponents: one per player; the entry of ``player`` may be None, or its own mixture, from which
                warm starts pick.
            player: who learns.
            rng: source of all randomness of the answer.

        Raises:
            ValueError: the number of opponents is wrong, there is no such player, an opponent gives no
                distribution, or the picked start has networks of another form.
            UnsupportedGameError: the player never moves.
        """
        play, learn = rng.spawn(2)
        lanes = LearnerLanes(game, opponents, player, self.learner.num_lanes, rng=play)
        learned = self.learner.learn(lanes, self.start.pick(opponents[player]), rng=learn)
        seated = [learned.policy if i == player else p for i, p in enumerate(opponents)]
        estimate = estimate_returns_batched(game, seated, self.evaluation, rng=rng)
        return OracleAnswer(learned.policy, estimate, learned.episodes, learned.stopped_early)

    def pack(self, policy: NeuralPolicy) -> dict[str, NDArray[Any]]:
        """A policy of this oracle as arrays."""
        return policy.arrays()

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> NeuralPolicy:
        """The policy that gave the arrays; ValueError if they are not of one."""
        return NeuralPolicy.restore(arrays)
