"""A PettingZoo environment as an `EnvGame`.

PettingZoo environments are mutable and can rarely be copied, so a state is the recipe that leads to it:
the seed of the reset, the joint actions since, and a view of what the environment showed there. One live
environment follows the newest state; stepping that state costs one step of the environment, stepping an
older one first replays its recipe and compares every view on the way.

All chance of an episode is fixed by the seed that `PettingZooGame.initial` draws, as the environment takes
no other: stepping one state twice with the same actions gives the same successor, whatever generator is
passed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space
from gymnasium.spaces.utils import flatdim, flatten
from numpy.typing import NDArray
from pettingzoo import AECEnv, ParallelEnv

from games.adapters.moves import require_movers
from games.errors import IllegalActionError, UnsupportedGameError

_LARGEST_SEED = 2**31 - 1  # many environments hand the seed on to code that reads 32-bit integers


class NotReproducibleError(RuntimeError):
    """An environment does not repeat itself from the same seed and actions, so old states are lost."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What the environment showed at one moment; arrays are read-only.

    Attributes:
        masks: legal actions of each player to move, by player, each of shape (num_actions(player),).
        observations: what each living player saw, by player.
        returns: rewards summed since the reset, shape (num_players,).
        truncated: players whose episode was cut short rather than ended.
        text: rendering, where the environment renders to text.
    """

    masks: Mapping[int, NDArray[np.bool_]]
    observations: Mapping[int, NDArray[np.float32]]
    returns: NDArray[np.float64]
    truncated: tuple[int, ...]
    text: str | None

    def same_as(self, other: "View") -> bool:
        """Whether both show the same."""
        return (
            _same_arrays(self.masks, other.masks)
            and _same_arrays(self.observations, other.observations)
            and np.array_equal(self.returns, other.returns, equal_nan=True)
            and self.truncated == other.truncated
        )


@dataclass(frozen=True, slots=True, eq=False)
class PettingZooState:
    """A moment of an episode: how to reach it, and what it looks like.

    Attributes:
        seed: of the environment's reset.
        previous: the state before; None at the start.
        joint: actions that led here, by player.
        view: what the environment showed.
    """

    seed: int
    previous: "PettingZooState | None"
    joint: Mapping[int, int]
    view: View

    def path(self) -> list["PettingZooState"]:
        """The states from the start to this one."""
        states = [self]
        while states[-1].previous is not None:
            states.append(states[-1].previous)
        return states[::-1]


class PettingZooGame:
    """A PettingZoo environment played forward; see `from_pettingzoo`."""

    def __init__(
        self,
        make_env: "Callable[[], AECEnv | ParallelEnv]",
        payoff_bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> None:
        if not payoff_bounds[0] <= payoff_bounds[1]:  # `not <=` also refuses NaN
            raise ValueError(f"payoff_bounds must be (least, greatest), got {payoff_bounds}")
        self._make_env = make_env
        self._payoff_bounds = payoff_bounds
        env = make_env()
        if not isinstance(env, AECEnv | ParallelEnv):
            raise TypeError(
                f"make_env must return a PettingZoo AECEnv or ParallelEnv, got {type(env).__name__}"
            )
        self._driver = (_AECDriver if isinstance(env, AECEnv) else _ParallelDriver)(env)
        self._live: PettingZooState | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return PettingZooGame, (self._make_env, self._payoff_bounds)

    def replica(self) -> "PettingZooGame":
        """The same game around another environment, for a play beside this one."""
        return PettingZooGame(self._make_env, self._payoff_bounds)

    @property
    def name(self) -> str:
        """The environment's own name."""
        return str(self._driver.env)

    @property
    def num_players(self) -> int:
        """Number of possible agents; player i is ``possible_agents[i]``."""
        return len(self._driver.agents)

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """As given: PettingZoo does not know them."""
        return self._payoff_bounds

    def num_actions(self, player: int) -> int:
        """Size of the agent's ``Discrete`` space."""
        return int(self._driver.action_spaces[player].n)

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """Shape of the agent's box; one axis where the space had to be flattened."""
        return self._driver.eyes[player].shape

    def initial(self, rng: np.random.Generator) -> PettingZooState:
        """Reset the environment with a seed drawn from ``rng``."""
        seed = int(rng.integers(_LARGEST_SEED))
        self._live = None  # should the reset fail, no state may take the environment for its own
        self._live = PettingZooState(seed, None, {}, self._driver.reset(seed))
        return self._live

    def to_move(self, state: PettingZooState) -> Sequence[int]:
        """The selected agent, or every living agent with a legal action where moves are parallel."""
        return tuple(state.view.masks)

    def legal_mask(self, state: PettingZooState, player: int) -> NDArray[np.bool_]:
        """The mask that the environment gave; all True where it gave none; all False if not to move."""
        mask = state.view.masks.get(player)
        return np.zeros(self.num_actions(player), dtype=np.bool_) if mask is None else mask

    def observe(self, state: PettingZooState, player: int) -> NDArray[np.float32]:
        """What the agent saw; zeros for an agent that is absent or done."""
        seen = state.view.observations.get(player)
        return np.zeros(self.observation_shape(player), dtype=np.float32) if seen is None else seen

    def step(
        self, state: PettingZooState, joint: Mapping[int, int], rng: np.random.Generator
    ) -> PettingZooState:
        """Step the environment, after a replay if it is not at ``state``; ``rng`` is not used.

        Raises:
            IllegalActionError: an action is outside its mask, or others than the players to move act.
            NotReproducibleError: the replay showed something else than the first time.
        """
        masks = state.view.masks
        require_movers(tuple(masks), joint)
        for player, action in joint.items():
            mask = masks[player]
            if not (0 <= action < mask.size and mask[action]):
                raise IllegalActionError(
                    f"action {action!r} of player {player} is not legal, "
                    f"legal are {np.flatnonzero(mask).tolist()}"
                )
        if self._live is not state:
            self._replay(state)
        self._live = None
        self._live = PettingZooState(state.seed, state, dict(joint), self._driver.step(joint))
        return self._live

    def _replay(self, state: PettingZooState) -> None:
        self._live = None
        for number, past in enumerate(state.path()):
            view = self._driver.step(past.joint) if past.previous else self._driver.reset(past.seed)
            if not view.same_as(past.view):
                raise NotReproducibleError(
                    f"{self.name} is not reproducible: replayed with seed {past.seed}, it shows something "
                    f"else after {number} steps, so only its newest state can be stepped"
                )
        self._live = state

    def returns(self, state: PettingZooState) -> NDArray[np.float64]:
        """Rewards summed since the reset, shape (num_players,)."""
        return state.view.returns.copy()

    def truncated(self, state: PettingZooState) -> tuple[int, ...]:
        """Players whose episode was cut short rather than ended."""
        return state.view.truncated

    def describe(self, state: PettingZooState) -> str:
        """The rendering where the environment renders to text, else the recipe of the state."""
        if state.view.text is not None:
            return state.view.text
        history = [dict(past.joint) for past in state.path()[1:]]
        return f"{self.name} with seed {state.seed} after {history}; returns {state.view.returns.tolist()}"


class _Eye:
    """Turns an agent's observations into float32 arrays of one shape."""

    def __init__(self, agent: object, space: "Space[Any]") -> None:
        self._inner = isinstance(space, Dict) and "observation" in space.spaces
        self._space = space["observation"] if self._inner else space
        if isinstance(self._space, Box):
            self.shape = tuple(self._space.shape)
            return
        try:
            self.shape = (int(flatdim(self._space)),)
        except (ValueError, NotImplementedError) as error:
            raise UnsupportedGameError(
                f"observations of agent {agent!r} have no fixed size: {self._space}"
            ) from error

    def see(self, observation: Any) -> NDArray[np.float32]:  # noqa: ANN401  (whatever the space holds)
        raw = observation["observation"] if self._inner else observation
        flat = raw if isinstance(self._space, Box) else flatten(self._space, raw)
        return _frozen(np.array(flat, dtype=np.float32).reshape(self.shape))


class _Driver:
    """What both kinds of environment share; players are positions among the possible agents."""

    def __init__(self, env: Any) -> None:  # noqa: ANN401  (untyped library)
        if not getattr(env, "possible_agents", None):
            raise UnsupportedGameError(f"{env} names no possible_agents, so its players cannot be numbered")
        self.env = env
        self.agents = list(env.possible_agents)
        self.players = {agent: player for player, agent in enumerate(self.agents)}
        self.action_spaces = [env.action_space(agent) for agent in self.agents]
        for agent, space in zip(self.agents, self.action_spaces, strict=True):
            if not isinstance(space, Discrete):
                raise UnsupportedGameError(
                    f"agent {agent!r} of {env} acts in {space}; only Discrete action spaces are supported"
                )
        self.eyes = [_Eye(agent, env.observation_space(agent)) for agent in self.agents]

    def start(self) -> None:
        self.totals = np.zeros(len(self.agents))
        self.truncated: set[int] = set()

    def collect(self, rewards: Mapping[Any, float]) -> None:
        for agent, reward in rewards.items():
            self.totals[self.player(agent)] += float(reward)

    def player(self, agent: object) -> int:
        if agent not in self.players:
            raise UnsupportedGameError(f"agent {agent!r} of {self.env} is not among its possible_agents")
        return self.players[agent]

    def action(self, player: int, choice: int) -> int:
        """Our actions count from 0, those of a ``Discrete`` space from its start."""
        return int(self.action_spaces[player].start) + choice

    def mask(self, player: int, observation: Any, info: Mapping[str, Any]) -> NDArray[np.bool_]:  # noqa: ANN401
        size = int(self.action_spaces[player].n)
        mask = info.get("action_mask")
        if mask is None and isinstance(observation, Mapping):
            mask = observation.get("action_mask")
        if mask is None:
            return _frozen(np.ones(size, dtype=np.bool_))
        mask = np.array(mask, dtype=np.bool_)
        if mask.shape != (size,):
            raise UnsupportedGameError(
                f"the action mask of agent {self.agents[player]!r} must have shape ({size},), "
                f"got {mask.shape}"
            )
        return _frozen(mask)

    def view(self, observations: Mapping[Any, Any], masks: Mapping[int, NDArray[np.bool_]]) -> View:
        if not masks and self.env.agents:
            raise UnsupportedGameError(f"{self.env} goes on, but offers no legal action to anybody")
        seen = {
            self.player(agent): self.eyes[self.player(agent)].see(observations[agent])
            for agent in self.env.agents
            if observations.get(agent) is not None
        }
        text = self.env.render() if getattr(self.env, "render_mode", None) == "ansi" else None
        return View(masks, seen, _frozen(self.totals.copy()), tuple(sorted(self.truncated)), text)


class _AECDriver(_Driver):
    def reset(self, seed: int) -> View:
        self.env.reset(seed=seed)
        self.start()
        return self.look()

    def step(self, joint: Mapping[int, int]) -> View:
        ((player, choice),) = joint.items()
        self.env.step(self.action(player, choice))
        self.collect(self.env.rewards)
        return self.look()

    def look(self) -> View:
        env = self.env
        # Agents that are done must be stepped out with None before others can go on; each step removes one.
        for _ in range(len(env.agents)):
            agent = env.agent_selection
            if not (env.terminations[agent] or env.truncations[agent]):
                break
            if env.truncations[agent]:
                self.truncated.add(self.player(agent))
            env.step(None)
            if not env.agents:
                break
        if not env.agents:
            return self.view({}, {})
        agent = env.agent_selection
        if env.terminations[agent] or env.truncations[agent]:
            raise UnsupportedGameError(f"{env} does not remove agent {agent!r} though it is done")
        observations = {other: env.observe(other) for other in env.agents}
        player = self.player(agent)
        mask = self.mask(player, observations[agent], env.infos[agent])
        return self.view(observations, {player: mask} if mask.any() else {})


class _ParallelDriver(_Driver):
    def reset(self, seed: int) -> View:
        observations, infos = self.env.reset(seed=seed)
        self.start()
        return self.look(observations, infos)

    def step(self, joint: Mapping[int, int]) -> View:
        # A living agent without a legal action still needs an entry in many environments: the first action.
        actions = {
            agent: self.action(self.player(agent), joint.get(self.player(agent), 0))
            for agent in self.env.agents
        }
        observations, rewards, _, truncations, infos = self.env.step(actions)
        self.collect(rewards)
        self.truncated |= {self.player(agent) for agent, cut in truncations.items() if cut}
        return self.look(observations, infos)

    def look(self, observations: Mapping[Any, Any], infos: Mapping[Any, Mapping[str, Any]]) -> View:
        masks = {
            self.player(agent): self.mask(self.player(agent), observations.get(agent), infos.get(agent, {}))
            for agent in self.env.agents
        }
        return self.view(observations, {player: mask for player, mask in sorted(masks.items()) if mask.any()})


def from_pettingzoo(
    make_env: "Callable[[], AECEnv | ParallelEnv]",
    *,
    payoff_bounds: tuple[float, float] = (-np.inf, np.inf),
) -> PettingZooGame:
    """Bring a PettingZoo environment to the `EnvGame` protocol.

    Action masks are read from ``info["action_mask"]``, else ``observation["action_mask"]``; without either
    every action is legal. Dictionary observations with an entry ``"observation"`` show that entry; boxes
    keep their shape, other spaces are flattened.

    Args:
        make_env: makes an AEC or parallel environment; called once, once more per process the game is sent
            to, and per play that goes on beside others. Environments must be reproducible by seed for any
            but the newest state to be stepped.
        payoff_bounds: least and greatest return of any player, by the caller's word; without them no finite
            certificate can be given for play by samples.

    Raises:
        TypeError: ``make_env`` returns something else.
        ValueError: ``payoff_bounds`` are not in order.
        UnsupportedGameError: an action space is not ``Discrete``, an observation space has no fixed size, or
            the possible agents are not known.
    """
    return PettingZooGame(make_env, payoff_bounds)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


def _same_arrays(first: Mapping[int, NDArray[Any]], second: Mapping[int, NDArray[Any]]) -> bool:
    return first.keys() == second.keys() and all(
        np.array_equal(first[k], second[k], equal_nan=True) for k in first
    )
