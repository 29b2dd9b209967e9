"""What every learner with a network does alike."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from games.errors import UnsupportedGameError
from marl.learning.budgets import Budget, Plateau, PlateauWatch
from marl.learning.dense import DenseNetwork, Torso, fits
from marl.learning.lanes import IDLE_PLAYS, Decisions, Endings, LearnerLanes
from marl.learning.neural_policy import NeuralPolicy


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What a learner ends with.

    Attributes:
        policy: what it learned, with arrays of its own.
        steps: own decisions it was learned from.
        episodes: whole plays among them.
        stopped_early: it came to rest before its budget was spent.
    """

    policy: NeuralPolicy
    steps: int
    episodes: int
    stopped_early: bool


class Learner(Protocol):
    """Learns by playing; frozen settings, so that its ``repr`` names it."""

    @property
    def num_lanes(self) -> int:
        """Plays side by side."""

    def learn(self, lanes: LearnerLanes, start: NeuralPolicy | None, *, rng: np.random.Generator) -> Learned:
        """Learn a policy.

        Args:
            lanes: where to play.
            start: whose weights to start from; fresh ones where None.
            rng: initial weights, exploration and samples.

        Raises:
            ValueError: ``start`` has networks of other sizes or another form.
            UnsupportedGameError: the learner never moves.
            ValueError: the budget ends before the first update.
        """


class Tally:
    """Counts what has been played, and tells when to end.

    Attributes:
        steps: own decisions.
        episodes: whole plays.
        updates: rounds of learning from them; counted by the learner.
    """

    def __init__(self, budget: Budget, rule: Plateau | None) -> None:
        self.steps = self.episodes = self.updates = 0
        self.watch = PlateauWatch(rule)
        self._budget = budget

    def add(self, decisions: Decisions, endings: Endings) -> None:
        """Take note of one tick.

        Raises:
            UnsupportedGameError: the learner does not seem to move at all.
        """
        self.steps += decisions.lanes.size
        self.episodes += endings.lanes.size
        if not self.steps and self.episodes > IDLE_PLAYS:
            raise self._idle()

    @property
    def progress(self) -> float:
        """Share of the budget spent, at most 1."""
        return min(self._budget.progress(self.steps, self.episodes), 1.0)

    @property
    def running(self) -> bool:
        """Whether there is more to learn."""
        return not self.watch.resting and self.progress < 1.0

    def finish(self, policy: NeuralPolicy) -> Learned:
        """The answer.

        Raises:
            UnsupportedGameError: the learner never moved.
            ValueError: the budget was spent before anything could be learned.
        """
        if not self.steps:
            raise self._idle()
        if not self.updates:
            raise ValueError(
                f"{self._budget} ended before the first update, after {self.steps} decisions "
                f"and {self.episodes} plays"
            )
        return Learned(policy, self.steps, self.episodes, self.watch.resting and self.progress < 1.0)

    def _idle(self) -> UnsupportedGameError:
        return UnsupportedGameError(f"the learner has not moved once in {self.episodes} plays")


def warm_network(network: DenseNetwork, lanes: LearnerLanes, torso: Torso, outputs: int) -> DenseNetwork:
    """A copy of a network to go on from.

    Raises:
        ValueError: it is not of the form that the learner makes.
    """
    if not fits(network, lanes.num_features, torso, outputs):
        raise ValueError(
            f"cannot start from a network of sizes {network.sizes} with {network.activation.name}: "
            f"the learner has {lanes.num_features} inputs, {torso} and {outputs} outputs"
        )
    return network.copy()


def check_counts(**counts: int) -> None:
    """Refuse settings below 1, by name."""
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
