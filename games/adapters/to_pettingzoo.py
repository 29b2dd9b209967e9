"""Any `EnvGame` as a PettingZoo environment.

Observations are dictionaries ``{"observation": float32 array, "action_mask": int8 array}``, as in
PettingZoo's classic environments; the mask is all zeros for an agent that is not to act. All agents stay
until the game ends, then all terminate at once.

A cycle is one step of every agent: `GameAECEnv` truncates after ``max_cycles`` times the number of agents
single moves, `GameParallelEnv` after ``max_cycles`` steps.
"""

import logging
import operator
from collections.abc import Mapping
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv

from games.adapters.cursor import Cursor, cursor_of
from games.errors import IllegalActionError, UnsupportedGameError
from games.protocols import EnvGame

Observation: TypeAlias = dict[str, NDArray[Any]]
"""``{"observation": float32, "action_mask": int8}``."""

_RENDER_MODES = ("ansi", "human")
_log = logging.getLogger(__name__)


class _Table:
    """What both kinds of environment share: agents, spaces, the cursor, chance and rendering."""

    def __init__(self, game: EnvGame[Any], render_mode: str | None, max_cycles: int | None) -> None:
        if render_mode is not None and render_mode not in _RENDER_MODES:
            raise ValueError(f"render_mode must be one of {_RENDER_MODES} or None, got {render_mode!r}")
        if max_cycles is not None and max_cycles < 1:
            raise ValueError(f"max_cycles must be at least 1 or None, got {max_cycles}")
        self.agents = [f"player_{player}" for player in range(game.num_players)]
        self.players = {agent: player for player, agent in enumerate(self.agents)}
        self.sizes = [game.num_actions(player) for player in range(game.num_players)]
        self.action_spaces = {a: Discrete(n) for a, n in zip(self.agents, self.sizes, strict=True)}
        self.observation_spaces = {
            agent: Dict(
                {
                    "observation": Box(-np.inf, np.inf, game.observation_shape(player), np.float32),
                    "action_mask": Box(0, 1, (self.sizes[player],), np.int8),
                }
            )
            for agent, player in self.players.items()
        }
        self.name = game.name
        self.cursor: Cursor = cursor_of(game)
        self.rng: np.random.Generator | None = None

    def reset(self, seed: int | None) -> None:
        """Start an episode; without a seed the generator of the episode before goes on."""
        if seed is not None or self.rng is None:
            self.rng = np.random.default_rng(seed)
        self.cursor.reset(self.rng)
        if not self.cursor.to_move:
            raise UnsupportedGameError(f"{self.name} ended before anybody moved")

    def legal_choice(self, player: int, action: Any, legal: list[int]) -> int:  # noqa: ANN401
        """``action`` as an integer, checked."""
        try:
            choice = operator.index(action)
        except TypeError:
            choice = -1
        if choice not in legal:
            raise IllegalActionError(f"action {action!r} of player_{player} is not legal, legal are {legal}")
        return choice

    def seen(self, player: int, legal: list[int]) -> Observation:
        """The observation with a mask of ``legal``; both arrays are the caller's to keep."""
        # Writing bytes and viewing them as an array is several times faster than indexing into an array.
        mask = bytearray(self.sizes[player])
        for action in legal:
            mask[action] = 1
        return {"observation": self.cursor.observe(player), "action_mask": np.frombuffer(mask, np.int8)}

    def render(self, mode: str | None) -> str | None:
        """The state as text for "ansi"; for "human" the text goes to this module's logger."""
        if mode is None:
            gymnasium.logger.warn("render() shows nothing unless the environment is made with a render_mode")
            return None
        if self.rng is None:
            raise RuntimeError("reset() must be called before render()")
        text = self.cursor.describe()
        if mode == "ansi":
            return text
        _log.info("%s\n%s", self.name, text)
        return None


class GameAECEnv(AECEnv):  # type: ignore[misc]  # PettingZoo is untyped here
    """A game whose agents act one at a time; simultaneous moves are collected before they are played.

    Rewards are the changes of the game's returns.

    Attributes:
        max_cycles: moves of every agent before truncation; None plays to the end.

    Args:
        game: the game.
        render_mode: ``"ansi"`` renders to a string, ``"human"`` to this module's logger at level INFO.
        max_cycles: as the attribute.
    """

    def __init__(
        self, game: EnvGame[Any], *, render_mode: str | None = None, max_cycles: int | None = None
    ) -> None:
        super().__init__()
        self._table = table = _Table(game, render_mode, max_cycles)
        self.metadata = {"render_modes": list(_RENDER_MODES), "name": game.name, "is_parallelizable": False}
        self.render_mode = render_mode
        self.max_cycles = max_cycles
        self.possible_agents = table.agents
        self.observation_spaces = table.observation_spaces
        self.action_spaces = table.action_spaces
        self.agents: list[str] = []
        self.agent_selection: str = self.possible_agents[0]
        self._cursor = table.cursor
        self._over = True  # until the first reset

    def observation_space(self, agent: str) -> Dict:
        """``Dict(observation=Box, action_mask=Box)``."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """``Discrete(number of actions)``."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Start an episode. Equal seeds, 0 among them, give equal chance moves."""
        self._table.reset(seed)
        self.agents = agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(agents, 0.0)
        self.terminations = dict.fromkeys(agents, False)
        self.truncations = dict.fromkeys(agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in agents}
        self._paid = [0.0] * len(agents)
        self._paying = False
        self._over = False
        self._moves = 0
        self._joint: dict[int, int] = {}
        self._select(self._cursor.to_move[0])

    def observe(self, agent: str) -> Observation:
        """What ``agent`` sees now; the mask is all zeros unless it is still to act."""
        player = self._table.players[agent]
        legal: list[int] = []
        if not self._over:
            if player == self._player:
                legal = self._legal
            elif player in self._cursor.to_move and player not in self._joint:
                legal = self._cursor.legal_actions(player)
        return self._table.seen(player, legal)

    def step(self, action: int | None) -> None:
        """Play ``action`` for ``agent_selection``, or None for an agent that is done.

        Raises:
            IllegalActionError: the action is outside the mask; the environment is left as it was.
            ValueError: an agent that is done acts.
        """
        if self._over:
            self._retire(action)
            return
        player, agent = self._player, self.agent_selection
        choice = self._table.legal_choice(player, action, self._legal)
        if self._paying:
            self.rewards = dict.fromkeys(self.agents, 0.0)
            self._paying = False
        self._cumulative_rewards[agent] = 0.0
        joint, cursor = self._joint, self._cursor
        joint[player] = choice
        self._moves += 1
        movers = cursor.to_move
        if len(joint) < len(movers):
            self._select(movers[len(joint)])
            return
        cursor.advance(joint)
        joint.clear()
        movers = cursor.to_move
        if not movers or not cursor.pays_at_end:
            self._pay()
        if not movers:
            self.terminations = dict.fromkeys(self.agents, True)
        elif self.max_cycles is not None and self._moves >= self.max_cycles * len(self.agents):
            self.truncations = dict.fromkeys(self.agents, True)
        else:
            self._select(movers[0])
            return
        self._over = True
        self.agent_selection = self.agents[0]

    def _select(self, player: int) -> None:
        self._player = player
        self._legal = self._cursor.legal_actions(player)
        self.agent_selection = self.possible_agents[player]

    def _pay(self) -> None:
        """Hand out what the returns have changed by."""
        returns = self._cursor.returns()
        for agent, now, before in zip(self.agents, returns, self._paid, strict=True):
            self.rewards[agent] = now - before
            self._cumulative_rewards[agent] += now - before
        self._paid = list(returns)
        self._paying = True

    def _retire(self, action: int | None) -> None:
        """Remove the selected agent after the end, as PettingZoo asks."""
        if not self.agents:
            raise ValueError("the episode is over: call reset()")
        if action is not None:
            raise ValueError(f"the episode is over for {self.agent_selection}: only None can be played")
        gone = self.agents.pop(0)
        for table in (self._cumulative_rewards, self.terminations, self.truncations, self.infos):
            del table[gone]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        if self.agents:
            self.agent_selection = self.agents[0]

    def render(self) -> str | None:
        """The state as text for "ansi"; for "human" the text goes to this module's logger."""
        return self._table.render(self.render_mode)

    def close(self) -> None:
        """Nothing is held that needs closing."""


class GameParallelEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo is untyped here
    """A game whose agents act at the same time.

    An agent that is not to move has an all-zero mask, and its entry among the actions is ignored or may be
    left out; so games that are simultaneous only in parts can be played too.

    Attributes:
        max_cycles: steps before truncation; None plays to the end.

    Args:
        game: the game.
        render_mode: ``"ansi"`` renders to a string, ``"human"`` to this module's logger at level INFO.
        max_cycles: as the attribute.
    """

    def __init__(
        self, game: EnvGame[Any], *, render_mode: str | None = None, max_cycles: int | None = None
    ) -> None:
        super().__init__()
        self._table = table = _Table(game, render_mode, max_cycles)
        self.metadata = {"render_modes": list(_RENDER_MODES), "name": game.name}
        self.render_mode = render_mode
        self.max_cycles = max_cycles
        self.possible_agents = table.agents
        self.observation_spaces = table.observation_spaces
        self.action_spaces = table.action_spaces
        self.agents: list[str] = []
        self._cursor = table.cursor

    def observation_space(self, agent: str) -> Dict:
        """``Dict(observation=Box, action_mask=Box)``."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """``Discrete(number of actions)``."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        """Start an episode. Equal seeds, 0 among them, give equal chance moves."""
        self._table.reset(seed)
        self.agents = list(self.possible_agents)
        self._paid = [0.0] * len(self.agents)
        self._steps = 0
        return self._look(over=False), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[
        dict[str, Observation],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Play the actions of the agents to move.

        Returns:
            Observations, rewards, terminations, truncations and infos; empty after the end.

        Raises:
            IllegalActionError: an action is outside its mask, or that of an agent to move is missing; the
                environment is left as it was.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        agents, cursor = self.agents, self._cursor
        cursor.advance(
            {
                player: self._table.legal_choice(
                    player, actions.get(self.possible_agents[player]), cursor.legal_actions(player)
                )
                for player in cursor.to_move
            }
        )
        self._steps += 1
        ended = not cursor.to_move
        truncated = not ended and self.max_cycles is not None and self._steps >= self.max_cycles
        returns = list(cursor.returns())
        rewards = {a: now - before for a, now, before in zip(agents, returns, self._paid, strict=True)}
        self._paid = returns
        observations = self._look(over=ended or truncated)
        if ended or truncated:
            self.agents = []
        infos: dict[str, dict[str, Any]] = {agent: {} for agent in agents}
        return observations, rewards, dict.fromkeys(agents, ended), dict.fromkeys(agents, truncated), infos

    def _look(self, *, over: bool) -> dict[str, Observation]:
        movers = () if over else self._cursor.to_move
        return {
            agent: self._table.seen(player, self._cursor.legal_actions(player) if player in movers else [])
            for agent, player in self._table.players.items()
        }

    def render(self) -> str | None:
        """The state as text for "ansi"; for "human" the text goes to this module's logger."""
        return self._table.render(self.render_mode)

    def close(self) -> None:
        """Nothing is held that needs closing."""
