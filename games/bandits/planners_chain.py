"""Planners on few shared arms, written down in full: what Markov policies earn, exactly.

A *table* holds what a Markov policy of planner i does at each step in each joint state: probabilities of
shape (horizon, n, A_i). Joint actions are numbered with the last planner's changing fastest.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.joint import JointProcess
from games.bandits.planners import PlannersGame
from games.bandits.problem import BernoulliStart

_MAX_ENTRIES = 20_000_000  # of an array over joint states and joint actions
_SUM_SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class PlannersChain:
    """The Markov chain that joint actions steer.

    Attributes:
        processes: one for each planner, alike but for the rewards; their actions are those that are played
            when joint actions are combined, of shape (C, N).
        sizes: allowed actions of each planner; their product is C.
        earned: by each planner for arriving in a joint state, of shape (planners, n).
        start: chances of the joint states at the start, of shape (n,).
    """

    processes: tuple[JointProcess, ...]
    sizes: tuple[int, ...]
    earned: NDArray[np.float64]
    start: NDArray[np.float64]

    @property
    def horizon(self) -> int:
        """Steps of an episode."""
        return self.processes[0].horizon

    @property
    def states(self) -> NDArray[np.int64]:
        """Joint states, of shape (n, J)."""
        return self.processes[0].states

    def onward(self, player: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Reward of a step and what follows, of shape (n, *sizes), for values of shape (n,)."""
        process = self.processes[player]
        worth = process.rewards + process.expectations(values)
        return np.asarray(worth.reshape(-1, *self.sizes))

    def values(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Expected rewards still to come when all planners play tables; shape (planners, horizon + 1, n)."""
        found = np.zeros((len(self.sizes), self.horizon + 1, len(self.start)))
        for step in range(self.horizon - 1, -1, -1):
            joint = joint_play([table[step] for table in tables])
            for player in range(len(self.sizes)):
                worth = self.onward(player, found[player, step + 1]).reshape(len(joint), -1)
                found[player, step] = (joint * worth).sum(axis=1)
        return found

    def returns(self, tables: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Expected return of each planner, of shape (planners,)."""
        return np.asarray(self.values(tables)[:, 0] @ self.start)

    def moments(
        self, tables: Sequence[NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance of each planner's return, of shape (planners,) each."""
        values = self.values(tables)
        means = values[:, 0] @ self.start
        squares = np.zeros((len(self.sizes), len(self.start)))
        for step in range(self.horizon - 1, -1, -1):
            joint = joint_play([table[step] for table in tables])
            for player, earned in enumerate(self.earned):
                # (r + R)^2 = r^2 + 2 r R + R^2 with r earned on arrival and R what follows it.
                after = earned**2 + 2.0 * earned * values[player, step + 1] + squares[player]
                squares[player] = (joint * self.processes[player].expectations(after)).sum(axis=1)
        return means, np.maximum(squares @ self.start - means**2, 0.0)

    def check(self, player: int, table: NDArray[np.float64]) -> None:
        """Refuse what is no table of a planner.

        Raises:
            ValueError: wrong shape, or a row that is no distribution.
        """
        shape = (self.horizon, len(self.start), self.sizes[player])
        sums = table.sum(axis=-1) if table.shape == shape else np.zeros(1)
        if not ((table >= 0).all() and np.allclose(sums, 1.0, rtol=0, atol=_SUM_SLACK)):
            raise ValueError(
                f"a table of planner {player} must hold distributions in shape {shape}, got {table.shape}"
            )


def joint_play(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Chances of joint actions, of shape (n, product of A_i), where each planner plays rows (n, A_i)."""
    joint = np.ones((len(rows[0]), 1)) if rows else np.ones((1, 1))
    for row in rows:
        joint = (joint[:, :, None] * row[:, None, :]).reshape(len(row), -1)
    return joint


def planners_chain(game: PlannersGame) -> PlannersChain:
    """Write a game down.

    Raises:
        ValueError: there are too many joint states and actions, or the start is not a `BernoulliStart`.
    """
    bandit = game.bandit
    arms = bandit.arms
    sizes = tuple(game.num_actions(player) for player in range(game.num_players))
    entries = arms.states**arms.count * math.prod(sizes)
    if entries > _MAX_ENTRIES:
        raise ValueError(
            f"{game.name} has {entries} pairs of a joint state and a joint action; at most {_MAX_ENTRIES} "
            "are written down"
        )
    if not isinstance(game.start, BernoulliStart):
        raise ValueError(f"start must be a BernoulliStart, whose law is known, got {game.start!r}")
    numbers = np.indices(sizes).reshape(len(sizes), -1).T
    played = np.array(
        [
            bandit.combine(np.stack([game.choices[i][k] for i, k in enumerate(joint)]))
            for joint in numbers.tolist()
        ],
        dtype=np.bool_,
    )
    states = np.indices((arms.states,) * arms.count).reshape(arms.count, -1).T.astype(np.int64)
    shares = bandit.effect.shares(played)
    factors = arms.passive + shares[:, :, None, None] * (arms.active - arms.passive)
    arm = np.arange(arms.count)
    arrivals = bandit.rewards[:, arm, states].sum(axis=2)
    processes = []
    for rewards in bandit.rewards:
        expected = np.einsum("cjst,jt->cjs", factors, rewards)
        earned = expected[:, arm, states].sum(axis=2).T
        processes.append(JointProcess(states, played, factors, earned, 1.0, bandit.horizon))
    return PlannersChain(tuple(processes), sizes, arrivals, start_law(game.start, arms.states, states))


def start_law(start: BernoulliStart, arm_states: int, states: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chances of joint states, of shape (n, J), at the start; shape (n,).

    Raises:
        ValueError: arms have one state only.
    """
    return np.asarray(start.law(arm_states)[states].prod(axis=1))
