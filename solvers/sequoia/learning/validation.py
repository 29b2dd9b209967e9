"""Looking at a policy on chance that stays the same, with what its returns vary by taken out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import CoupledBandit
from games.bandits.simulator import BatchPolicy, Noise, rollout
from solvers.sequoia.evaluation import episode_values
from solvers.sequoia.learning.value_base import ValueBase


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Scores of one policy, episode by episode.

    Attributes:
        scores: estimates of the mean reward a step, of shape (episodes,).
    """

    scores: NDArray[np.float64]

    @property
    def value(self) -> float:
        """Mean score."""
        return float(self.scores.mean())

    def gain(self, other: "Look") -> tuple[float, float]:
        """Mean difference from another look at the same chance, and its standard error."""
        difference = self.scores - other.scores
        if difference.size < 2:
            return float(difference.mean()), 0.0
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(difference.size))


def look_at(bandit: CoupledBandit, policy: BatchPolicy, noise: Noise, base: ValueBase) -> Look:
    """Play a policy and score its episodes.

    Without discount the base takes luck out of the scores; see `episode_values`.
    """
    played = rollout(bandit, policy, noise)
    return Look(episode_values(played, base if base.discount == 1.0 else None))
