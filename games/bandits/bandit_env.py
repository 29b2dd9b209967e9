"""A coupled bandit as a Gymnasium environment.

Observations are the states of the arms, ``MultiDiscrete``; actions are bits, ``MultiBinary``. The reward is
that of the sampled next state. Every ``info`` holds

- ``feasible``: whether the action sent is allowed (True after a reset),
- ``expected_reward``: of the step, given state and action (0 after a reset).

Episodes are truncated at the horizon; they never terminate.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium.spaces import MultiBinary, MultiDiscrete
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.problem import TRAINING_START, CoupledBandit, StartRule, start_states
from games.errors import IllegalActionError

Remedy: TypeAlias = Callable[[ActionSet, NDArray[np.bool_]], NDArray[np.bool_]]
"""What is played for an action, of shape (N,), outside the set; what it returns is played as it is."""


def do_nothing(action_set: ActionSet, action: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Play no bit at all, even where the set does not allow that."""
    return np.zeros_like(action)


def refuse(action_set: ActionSet, action: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Raise an error.

    Raises:
        IllegalActionError: always.
    """
    raise IllegalActionError(f"the action {np.flatnonzero(action).tolist()} is not in {action_set.name}")


class BanditEnv(gymnasium.Env[NDArray[np.int64], NDArray[np.int8]]):  # type: ignore[misc]  # untyped here
    """See the module.

    Args:
        bandit: what is played.
        start: how episodes begin.
        remedy: what happens to actions outside the set.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  (Gymnasium's own name and type)

    def __init__(
        self, bandit: CoupledBandit, *, start: StartRule = TRAINING_START, remedy: Remedy = do_nothing
    ) -> None:
        self.bandit = bandit
        self.render_mode = None
        self.observation_space = MultiDiscrete(np.full(bandit.num_arms, bandit.arms.states))
        self.action_space = MultiBinary(bandit.bits)
        self._start = start
        self._remedy = remedy
        self._states = np.zeros(bandit.num_arms, dtype=np.int64)
        self._step = bandit.horizon  # over until the first reset

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.int64], dict[str, Any]]:
        """Start an episode.

        Raises:
            ValueError: the rule for starts gives states that the arms do not have.
        """
        super().reset(seed=seed)
        self._states = start_states(self._start, self.bandit.arms, 1, self.np_random)[0]
        self._step = 0
        return self._states.copy(), {"feasible": True, "expected_reward": 0.0}

    def step(self, action: NDArray[np.int8]) -> tuple[NDArray[np.int64], float, bool, bool, dict[str, Any]]:
        """Play one action.

        Raises:
            ValueError: it is not a vector of N bits.
            RuntimeError: the episode is over.
        """
        bandit = self.bandit
        if self._step >= bandit.horizon:
            raise RuntimeError("reset() must be called before step(), and after each episode")
        played, feasible = self.allowed_action(action)
        expected = float(bandit.expected_reward(self._states, played))
        self._states = bandit.sample_next(self._states, played, rng=self.np_random)
        self._step += 1
        reward = float(bandit.arms.rewards[np.arange(bandit.num_arms), self._states].sum())
        info = {"feasible": feasible, "expected_reward": expected}
        return self._states.copy(), reward, False, self._step >= bandit.horizon, info

    def allowed_action(self, action: NDArray[np.int8]) -> tuple[NDArray[np.bool_], bool]:
        """What is played for an action now, and whether that is the action itself."""
        bits = np.asarray(action)
        if bits.shape != (self.bandit.bits,):
            raise ValueError(f"action must have shape ({self.bandit.bits},), got {bits.shape}")
        action_set = self.current_set()
        feasible = bool(action_set.contains(bits))
        chosen = bits.astype(np.bool_)
        return (chosen, True) if feasible else (self._remedy(action_set, chosen), False)

    def current_set(self) -> ActionSet:
        """The actions allowed now."""
        return self.bandit.actions_at(self._states, self._step)
