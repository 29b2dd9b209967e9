"""Coupled restless bandits: arms, what an action does to them, and which actions are allowed.

The state is the vector of the arms' states, the reward of a step the sum over arms of the reward of the state
each moves to. Given the action, arms move independently; the action couples them [1]_.

.. [1] Xu, Wilder, Khalil, Tambe (2025), Reinforcement learning with combinatorial actions for coupled
   restless bandits, ICLR.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from games.bandits.arms import RestlessArms
from games.bandits.effects import Effect
from games.bandits.state_sets import Feasible, set_at


class StartRule(Protocol):
    """How episodes begin."""

    def draw(self, arms: int, episodes: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Start states, of shape (episodes, arms)."""


@dataclass(frozen=True, slots=True)
class BernoulliStart:
    """Each arm begins in state 1 with a probability, else in state 0.

    Attributes:
        probability: of state 1.

    Raises:
        ValueError: it is outside [0, 1].
    """

    probability: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be in [0, 1], got {self.probability}")

    def draw(self, arms: int, episodes: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """See `StartRule`."""
        return (rng.random((episodes, arms)) < self.probability).astype(np.int64)

    def law(self, arm_states: int) -> NDArray[np.float64]:
        """Distribution of one arm's state, of shape (arm_states,).

        Raises:
            ValueError: arms have one state only.
        """
        if arm_states < 2:
            raise ValueError(f"arms need two states for {self!r}, they have {arm_states}")
        chances = np.zeros(arm_states)
        chances[:2] = 1.0 - self.probability, self.probability
        return chances


TRAINING_START = BernoulliStart(0.5)
EVALUATION_START = BernoulliStart(0.2)


def start_states(
    start: StartRule, arms: RestlessArms, episodes: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """What ``start`` draws, of shape (episodes, J), checked against the arms.

    Raises:
        ValueError: the rule gives another shape, or states that the arms do not have.
    """
    states = np.asarray(start.draw(arms.count, episodes, rng))
    if states.shape != (episodes, arms.count) or not arms.has(states):
        raise ValueError(
            f"start must give states in 0..{arms.states - 1}, of shape {(episodes, arms.count)}; "
            f"{start!r} gave shape {states.shape}, up to {states.max(initial=0)}"
        )
    return states.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class CoupledBandit:
    """Arms under one action vector from a constrained set.

    Attributes:
        arms: J arms.
        effect: how N action bits reach them.
        feasible: the allowed actions, for all states or by state and step.
        horizon: steps of an episode.
        discount: of later rewards, for those who discount.
        name: for reports.

    Raises:
        ValueError: sizes disagree, ``horizon`` is below 1 or ``discount`` outside [0, 1].
    """

    arms: RestlessArms
    effect: Effect
    feasible: Feasible
    horizon: int = 20
    discount: float = 0.99
    name: str = "coupled bandit"

    def __post_init__(self) -> None:
        if self.effect.arms != self.arms.count:
            raise ValueError(f"effect must reach {self.arms.count} arms, it reaches {self.effect.arms}")
        if self.feasible.size != self.effect.bits:
            raise ValueError(f"feasible must have {self.effect.bits} bits, it has {self.feasible.size}")
        if self.horizon < 1 or not 0.0 <= self.discount <= 1.0:
            raise ValueError(
                f"need horizon >= 1 and discount in [0, 1], got {self.horizon} and {self.discount}"
            )

    @property
    def bits(self) -> int:
        """N, the length of an action."""
        return self.effect.bits

    @property
    def num_arms(self) -> int:
        """J."""
        return self.arms.count

    def actions_at(self, states: NDArray[np.int64], step: int) -> ActionSet:
        """The allowed actions in states of shape (J,), at a step."""
        return set_at(self.feasible, states, step)

    def next_distributions(self, states: ArrayLike, actions: ArrayLike) -> NDArray[np.float64]:
        """Exact distributions of the next states, arm by arm.

        Args:
            states: of shape (..., J).
            actions: bits, of shape (..., N); not checked against the allowed ones.

        Returns:
            Shape (..., J, S).
        """
        return self.arms.moves(states, self._shares(actions))

    def expected_reward(self, states: ArrayLike, actions: ArrayLike) -> NDArray[np.float64]:
        """Expected reward of one step, of shape (...); arguments as in `next_distributions`."""
        moves = self.next_distributions(states, actions)
        return np.asarray(np.einsum("...js,js->...", moves, self.arms.rewards))

    def sample_next(
        self, states: ArrayLike, actions: ArrayLike, *, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw next states, of shape (..., J); arguments as in `next_distributions`."""
        return self.arms.sample(states, self._shares(actions), rng=rng)

    def _shares(self, actions: ArrayLike) -> NDArray[np.float64]:
        bits = np.asarray(actions)
        if bits.ndim == 0 or bits.shape[-1] != self.bits:
            raise ValueError(f"actions must have {self.bits} bits, got shape {bits.shape}")
        return self.effect.shares(bits.astype(np.bool_))
