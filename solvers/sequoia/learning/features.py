"""What a Q-network reads of the state: the arms' states, and how many steps are left."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import CoupledBandit


class StateFeatures(Protocol):
    """From states and steps to numbers."""

    def count(self, bandit: CoupledBandit) -> int:
        """F, how many."""

    def __call__(
        self, bandit: CoupledBandit, states: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Of states of shape (m, J) at steps of shape (m,); shape (m, F)."""


@dataclass(frozen=True, slots=True)
class RawIntegers:
    """The number of each arm's state over the greatest one, and the share of the horizon left."""

    def count(self, bandit: CoupledBandit) -> int:
        """See `StateFeatures`."""
        return bandit.num_arms + 1

    def __call__(
        self, bandit: CoupledBandit, states: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """See `StateFeatures`."""
        top = max(1, bandit.arms.states - 1)
        return np.concatenate([states / top, _left(bandit, steps)], axis=1)


@dataclass(frozen=True, slots=True)
class OneHot:
    """An indicator of each state of each arm, and the share of the horizon left."""

    def count(self, bandit: CoupledBandit) -> int:
        """See `StateFeatures`."""
        return bandit.num_arms * bandit.arms.states + 1

    def __call__(
        self, bandit: CoupledBandit, states: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """See `StateFeatures`."""
        indicators = np.eye(bandit.arms.states)[states].reshape(len(states), -1)
        return np.concatenate([indicators, _left(bandit, steps)], axis=1)


def _left(bandit: CoupledBandit, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    return ((bandit.horizon - steps) / bandit.horizon)[:, None]
