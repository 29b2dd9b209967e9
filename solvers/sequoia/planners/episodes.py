"""Episodes of several planners, many side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.bandits.planners import PlannersGame, PlannersState
from games.bandits.problem import start_states
from marl.oracles import Opponent
from marl.policies import Policy, seat
from marl.rollouts import draw_action

OwnPlay: TypeAlias = Callable[[NDArray[np.int64], int], NDArray[np.bool_]]
"""From states, of shape (lanes, J), and the step to own bits, of shape (lanes, N)."""


@runtime_checkable
class ActsInBatches(Protocol):
    """A policy that gives its bits for many states at once."""

    def bits(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """Of shape (m, N), for states of shape (m, J)."""


@dataclass(frozen=True, slots=True, eq=False)
class PlannersEpisodes:
    """What happened.

    Attributes:
        states: of shape (lanes, horizon + 1, J).
        bits: what each planner chose, of shape (lanes, horizon, planners, N).
        shares: what reached the arms, of shape (lanes, horizon, J).
    """

    states: NDArray[np.int64]
    bits: NDArray[np.bool_]
    shares: NDArray[np.float64]


def play_planners(
    game: PlannersGame,
    opponents: Sequence[Opponent],
    lanes: int,
    *,
    rng: np.random.Generator,
    player: int | None = None,
    own: OwnPlay | None = None,
) -> PlannersEpisodes:
    """Play episodes side by side; every mixture draws a policy for each of them.

    From equal generators two calls meet the same starts, opponents and luck of the arms, whatever ``own``
    does: luck is drawn apart from what the opponents draw.

    Args:
        game: the game.
        opponents: one for each planner.
        lanes: episodes.
        rng: all chance.
        player: the planner whose bits ``own`` gives instead; nobody where None.
        own: how that planner plays.

    Raises:
        ValueError: ``lanes`` is below 1, or the start gives states that the arms do not have.
    """
    if lanes < 1:
        raise ValueError(f"lanes must be at least 1, got {lanes}")
    bandit = game.bandit
    for_start, for_seats, for_play, for_luck = rng.spawn(4)
    seated = [seat(opponents, for_seats) for _ in range(lanes)]
    count, horizon = bandit.arms.count, bandit.horizon
    states = np.empty((lanes, horizon + 1, count), dtype=np.int64)
    bits = np.zeros((lanes, horizon, game.num_players, bandit.effect.bits), dtype=np.bool_)
    shares = np.empty((lanes, horizon, count))
    states[:, 0] = start_states(game.start, bandit.arms, lanes, for_start)
    for step in range(horizon):
        now = states[:, step]
        for planner in range(game.num_players):
            if planner == player and own is not None:
                bits[:, step, planner] = own(now.copy(), step)
            else:
                policies = [policy[planner] for policy in seated]
                bits[:, step, planner] = _bits_of(game, policies, planner, now, step, for_play)
        combined = np.array([bandit.combine(chosen) for chosen in bits[:, step]])
        shares[:, step] = bandit.effect.shares(combined)
        states[:, step + 1] = bandit.arms.sample(now, shares[:, step], rng=for_luck)
    return PlannersEpisodes(states, bits, shares)


def _bits_of(
    game: PlannersGame,
    policies: Sequence[Policy[Any]],
    planner: int,
    states: NDArray[np.int64],
    step: int,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    found = np.zeros((len(states), game.bandit.effect.bits), dtype=np.bool_)
    nothing = (0.0,) * game.num_players
    for policy in {id(policy): policy for policy in policies}.values():
        lanes = [lane for lane, own in enumerate(policies) if own is policy]
        if isinstance(policy, ActsInBatches):
            found[lanes] = policy.bits(states[lanes], step)
            continue
        for lane in lanes:
            state = PlannersState(step, tuple(states[lane].tolist()), nothing)
            row = policy.probabilities(game, state, planner)
            found[lane] = game.choices[planner][draw_action(row, planner, rng)]
    return found
