"""The best policy over the horizon by backward induction on the joint process; for few arms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.joint import JointProcess, joint_process
from games.bandits.problem import CoupledBandit
from games.bandits.simulator import BatchPolicy


@dataclass(frozen=True, slots=True, eq=False)
class ExactPolicy:
    """An optimal policy and its values.

    Attributes:
        process: the joint process.
        values: greatest expected reward still to come, of shape (horizon + 1, n); the last row is 0.
        choices: numbers of the actions played, of shape (horizon, n); of equally good ones the first.
        name: for tables.
    """

    process: JointProcess
    values: NDArray[np.float64]
    choices: NDArray[np.int64]
    name: str = "exact"

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """See `NamedPolicy`."""
        return np.asarray(self.process.actions[self.choices[step, self.process.index(states)]])

    def per_step(self, start: NDArray[np.float64]) -> float:
        """Greatest mean expected reward a step.

        Args:
            start: distributions of the arms at the start, of shape (J, S).
        """
        chances = start[np.arange(start.shape[0]), self.process.states].prod(axis=1)
        return float(chances @ self.values[0]) / self.process.horizon


def exact(bandit: CoupledBandit) -> ExactPolicy:
    """Solve a bandit exactly.

    Raises:
        ValueError: as for `games.bandits.joint.joint_process`.
    """
    process = joint_process(bandit)
    count = len(process.states)
    values = np.zeros((bandit.horizon + 1, count))
    choices = np.empty((bandit.horizon, count), dtype=np.int64)
    for step in range(bandit.horizon - 1, -1, -1):
        worth = process.rewards + process.expectations(values[step + 1])
        choices[step] = worth.argmax(axis=1)
        values[step] = worth[np.arange(count), choices[step]]
    return ExactPolicy(process, values, choices)


def exact_value(process: JointProcess, policy: BatchPolicy) -> NDArray[np.float64]:
    """Expected reward still to come under a policy, of shape (horizon + 1, n), without sampling.

    Args:
        process: the joint process.
        policy: asked once at each step, for all states.

    Raises:
        ValueError: the policy plays an action that is not allowed.
    """
    numbers = {action.tobytes(): number for number, action in enumerate(process.actions)}
    count = len(process.states)
    values = np.zeros((process.horizon + 1, count))
    for step in range(process.horizon - 1, -1, -1):
        played = np.asarray(policy(process.states.copy(), step), dtype=np.bool_)
        try:
            choices = [numbers[action.tobytes()] for action in played]
        except KeyError:
            raise ValueError(f"policy must play allowed actions, but does not at step {step}") from None
        worth = process.rewards + process.expectations(values[step + 1])
        values[step] = worth[np.arange(count), choices]
    return values
