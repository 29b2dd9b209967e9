"""Several planners on shared arms as a PettingZoo parallel environment.

All planners see the states of the arms. An agent's ``info`` says whether its action was ``feasible``; what is
played for one that is not is up to the remedy, as in `games.bandits.bandit_env`. How the planners' actions
combine is declared by the bandit (`games.bandits.planners.Combine`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import MultiBinary, MultiDiscrete
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from games.bandits.bandit_env import Remedy, do_nothing
from games.bandits.planners import SharedBandit
from games.bandits.problem import TRAINING_START, StartRule, start_states


class PlannersEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo is untyped here
    """See the module.

    Args:
        bandit: what is played.
        start: how episodes begin.
        remedy: what happens to actions outside a planner's set.
    """

    def __init__(
        self, bandit: SharedBandit, *, start: StartRule = TRAINING_START, remedy: Remedy = do_nothing
    ) -> None:
        self.bandit = bandit
        self.metadata = {"render_modes": [], "name": bandit.name}
        self.render_mode = None
        self.possible_agents = [f"planner_{index}" for index in range(len(bandit.sets))]
        self.agents: list[str] = []
        arms = bandit.arms
        self.observation_spaces = {
            agent: MultiDiscrete(np.full(arms.count, arms.states)) for agent in self.possible_agents
        }
        self.action_spaces = {agent: MultiBinary(bandit.effect.bits) for agent in self.possible_agents}
        self._start = start
        self._remedy = remedy
        self._rng: np.random.Generator | None = None
        self._states = np.zeros(arms.count, dtype=np.int64)
        self._step = 0

    def observation_space(self, agent: str) -> MultiDiscrete:
        """The arms' states."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> MultiBinary:
        """N bits."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.int64]], dict[str, dict[str, Any]]]:
        """Start an episode; without a seed the generator of the episode before goes on.

        Raises:
            ValueError: the rule for starts gives states that the arms do not have.
        """
        if seed is not None or self._rng is None:
            self._rng = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self._states = start_states(self._start, self.bandit.arms, 1, self._rng)[0]
        self._step = 0
        return self._seen(), {agent: {"feasible": True} for agent in self.agents}

    def step(
        self, actions: Mapping[str, NDArray[np.int8]]
    ) -> tuple[
        dict[str, NDArray[np.int64]],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Play one action of every planner.

        Raises:
            RuntimeError: the episode is over.
            ValueError: a planner is missing, or an action is not a vector of N bits.
        """
        if self._rng is None or not self.agents:
            raise RuntimeError("reset() must be called before step(), and after each episode")
        if set(actions) != set(self.agents):
            raise ValueError(f"actions must be given for {self.agents}, got {sorted(actions)}")
        played = np.zeros((len(self.agents), self.bandit.effect.bits), dtype=np.bool_)
        infos: dict[str, dict[str, Any]] = {}
        for index, (agent, action_set) in enumerate(zip(self.agents, self.bandit.sets, strict=True)):
            bits = np.asarray(actions[agent])
            if bits.shape != (action_set.size,):
                raise ValueError(f"action of {agent} must have shape ({action_set.size},), got {bits.shape}")
            feasible = bool(action_set.contains(bits))
            chosen = bits.astype(np.bool_)
            played[index] = chosen if feasible else self._remedy(action_set, chosen)
            infos[agent] = {"feasible": feasible}
        self._states = self.bandit.sample_next(self._states, played, rng=self._rng)
        self._step += 1
        worth = self.bandit.rewards_of(self._states).tolist()
        rewards = dict(zip(self.agents, worth, strict=True))
        over = self._step >= self.bandit.horizon
        seen = self._seen()
        ended = dict.fromkeys(self.agents, False)
        cut = dict.fromkeys(self.agents, over)
        if over:
            self.agents = []
        return seen, rewards, ended, cut, infos

    def _seen(self) -> dict[str, NDArray[np.int64]]:
        return {agent: self._states.copy() for agent in self.agents}
