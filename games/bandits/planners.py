"""Several planners on shared arms.

Every planner chooses bits from a set of their own; a `Combine` makes one action of them, which moves the arms
as in `games.bandits.problem`. Each planner has rewards of their own for the states of all arms, so interests
may agree, differ or oppose.

`PlannersGame` is the problem as an `EnvGame` with simultaneous moves, for planners with few allowed actions,
which it numbers. `games.bandits.planners_env` is the PettingZoo environment, for sets of any size.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.adapters.moves import require_movers
from games.bandits.action_set import ActionSet, cardinality
from games.bandits.arms import RestlessArms
from games.bandits.effects import Effect, OneBitAnArm
from games.bandits.families import base_arms
from games.bandits.joint import allowed_actions
from games.bandits.problem import TRAINING_START, StartRule, start_states
from games.errors import IllegalActionError

Combine: TypeAlias = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
"""From the planners' actions, of shape (planners, N), to the action that is played, of shape (N,)."""


def union(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A bit is played if any planner sets it; setting it twice is effort lost."""
    return np.asarray(actions.any(axis=0))


def clash(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A bit is played if exactly one planner sets it; two get in each other's way."""
    return np.asarray(actions.sum(axis=0) == 1)


def agreement(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A bit is played only if all planners set it."""
    return np.asarray(actions.all(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class SharedBandit:
    """Arms that several planners act on.

    Attributes:
        arms: J arms; their own rewards are not read.
        effect: how the combined action reaches them.
        sets: the allowed actions of each planner.
        rewards: of the arms' states to each planner, of shape (planners, J, S).
        combine: makes one action of all.
        horizon: steps of an episode.
        name: for reports.

    Raises:
        ValueError: sizes disagree, there is no planner, a reward is not finite or ``horizon`` is below 1.
    """

    arms: RestlessArms
    effect: Effect
    sets: tuple[ActionSet, ...]
    rewards: NDArray[np.float64]
    combine: Combine = union
    horizon: int = 20
    name: str = "shared bandit"

    def __post_init__(self) -> None:
        rewards = np.array(self.rewards, dtype=np.float64)
        rewards.flags.writeable = False
        object.__setattr__(self, "rewards", rewards)
        shape = (len(self.sets), self.arms.count, self.arms.states)
        if not self.sets or rewards.shape != shape or not np.isfinite(rewards).all():
            raise ValueError(f"rewards must be finite, of shape {shape} with planners, got {rewards.shape}")
        if self.effect.arms != self.arms.count:
            raise ValueError(f"effect must reach {self.arms.count} arms, it reaches {self.effect.arms}")
        if any(one.size != self.effect.bits for one in self.sets):
            sizes = [one.size for one in self.sets]
            raise ValueError(f"sets must have {self.effect.bits} bits, they have {sizes}")
        if self.horizon < 1:
            raise ValueError(f"horizon must be at least 1, got {self.horizon}")

    def moves(self, states: NDArray[np.int64], actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Distributions of the next states, of shape (J, S).

        Args:
            states: of shape (J,).
            actions: of shape (planners, N).
        """
        return self.arms.moves(states, self.effect.shares(self.combine(actions)))

    def sample_next(
        self, states: NDArray[np.int64], actions: NDArray[np.bool_], *, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw the next states, of shape (J,); arguments as in `moves`."""
        return self.arms.sample(states, self.effect.shares(self.combine(actions)), rng=rng)

    def rewards_of(self, states: NDArray[np.int64]) -> NDArray[np.float64]:
        """What states, of shape (J,), are worth to each planner; shape (planners,)."""
        return np.asarray(self.rewards[:, np.arange(self.arms.count), states].sum(axis=1))


class PlannersState(NamedTuple):
    """A moment of the game.

    Attributes:
        step: steps made.
        arms: state of each arm.
        earned: by each planner so far.
    """

    step: int
    arms: tuple[int, ...]
    earned: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PlannersGame:
    """A shared bandit as an ``EnvGame``; action k of a planner is allowed action k of their set.

    Attributes:
        bandit: the problem; sets of at most 20 bits, as their allowed actions are enumerated.
        start: how episodes begin.
    """

    bandit: SharedBandit
    start: StartRule = TRAINING_START
    choices: tuple[NDArray[np.bool_], ...] = field(init=False, repr=False)
    """Allowed actions of each planner, of shape (num_actions(player), N)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "choices", tuple(allowed_actions(one) for one in self.bandit.sets))

    @property
    def name(self) -> str:
        """As the bandit's."""
        return self.bandit.name

    @property
    def num_players(self) -> int:
        """The planners."""
        return len(self.bandit.sets)

    @property
    def payoff_bounds(self) -> tuple[float, float]:
        """All arms in their worst or best states throughout."""
        rewards = self.bandit.rewards
        least, greatest = rewards.min(axis=2).sum(axis=1).min(), rewards.max(axis=2).sum(axis=1).max()
        return self.bandit.horizon * float(least), self.bandit.horizon * float(greatest)

    def num_actions(self, player: int) -> int:
        """Allowed actions."""
        return int(self.choices[player].shape[0])

    def observation_shape(self, player: int) -> tuple[int, ...]:
        """One number for each state of each arm, and the time left."""
        return (self.bandit.arms.count * self.bandit.arms.states + 1,)

    def initial(self, rng: np.random.Generator) -> PlannersState:
        """Draw the arms' states."""
        states = start_states(self.start, self.bandit.arms, 1, rng)[0]
        return PlannersState(0, tuple(states.tolist()), (0.0,) * self.num_players)

    def to_move(self, state: PlannersState) -> Sequence[int]:
        """All, until the horizon."""
        return () if state.step >= self.bandit.horizon else tuple(range(self.num_players))

    def legal_mask(self, state: PlannersState, player: int) -> NDArray[np.bool_]:
        """All numbered actions, until the horizon."""
        return np.full(self.num_actions(player), state.step < self.bandit.horizon)

    def observe(self, state: PlannersState, player: int) -> NDArray[np.float32]:
        """The arms' states, one-hot, and the share of steps left; the same for all planners."""
        one_hot = np.eye(self.bandit.arms.states, dtype=np.float32)[list(state.arms)].reshape(-1)
        return np.append(one_hot, np.float32(1.0 - state.step / self.bandit.horizon))

    def step(self, state: PlannersState, joint: Mapping[int, int], rng: np.random.Generator) -> PlannersState:
        """Combine the actions and move the arms.

        Raises:
            IllegalActionError: an action has no such number, or others than the players to move act.
        """
        require_movers(self.to_move(state), joint)
        for player, action in joint.items():
            if not 0 <= action < self.num_actions(player):
                raise IllegalActionError(
                    f"action {action} of player {player} is not legal, "
                    f"legal are 0..{self.num_actions(player) - 1}"
                )
        actions = np.stack([self.choices[player][joint[player]] for player in range(self.num_players)])
        states = self.bandit.sample_next(np.array(state.arms), actions, rng=rng)
        rewards = self.bandit.rewards_of(states)
        earned = tuple(before + float(now) for before, now in zip(state.earned, rewards, strict=True))
        return PlannersState(state.step + 1, tuple(states.tolist()), earned)

    def returns(self, state: PlannersState) -> NDArray[np.float64]:
        """What each planner has earned."""
        return np.array(state.earned)

    def describe(self, state: PlannersState) -> str:
        """Step, the arms' states and the earnings."""
        earned = ", ".join(f"{value:g}" for value in state.earned)
        return f"step {state.step} of {self.bandit.horizon}; arms {[*state.arms]}; earned {earned}"


def rival_planners(*, arms: int = 4, horizon: int = 6) -> PlannersGame:
    """Two planners with one pull each on paper-like arms; each owns half of the arms.

    A planner earns what their own arms pay and a quarter of what the other's pay. An arm pulled by both is
    not pulled at all. The arms are drawn from a fixed seed.

    Raises:
        ValueError: ``arms`` is below 2.
    """
    if arms < 2:
        raise ValueError(f"arms must be at least 2, got {arms}")
    drawn = base_arms(arms, 1, rng=np.random.default_rng(0))
    owner = np.arange(arms) % 2
    share = np.where(owner == np.arange(2)[:, None], 1.0, 0.25)
    bandit = SharedBandit(
        drawn,
        OneBitAnArm(arms),
        (cardinality(arms, 1), cardinality(arms, 1)),
        share[:, :, None] * drawn.rewards,
        combine=clash,
        horizon=horizon,
        name=f"rival-planners(arms={arms}, horizon={horizon})",
    )
    return PlannersGame(bandit)
