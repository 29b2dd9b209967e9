"""Best plans of all factors at given prices, factors of equal size side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.factors import Factor


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """One deterministic plan for each of F factors.

    Attributes:
        values: rewards less prices, of shape (F,).
        rewards: expected total reward without prices, of shape (F,).
        uses: how often each pattern is played at each step, of shape (horizon, sum over factors of P).
    """

    values: NDArray[np.float64]
    rewards: NDArray[np.float64]
    uses: NDArray[np.float64]


class PlanSolver:
    """Backward induction for all factors at once.

    Args:
        factors: of a bandit.
        start: distributions of the arms at the start, of shape (J, S).
    """

    def __init__(self, factors: Sequence[Factor], start: NDArray[np.float64]) -> None:
        ends = np.cumsum([factor.patterns for factor in factors])
        self._count = len(factors)
        self._groups: list[_Group] = []
        sizes = [(factor.states, factor.patterns) for factor in factors]
        for states, patterns in dict.fromkeys(sizes):
            members = [place for place, size in enumerate(sizes) if size == (states, patterns)]
            own = [factors[place] for place in members]
            self._groups.append(
                _Group(
                    np.array(members),
                    np.stack([np.arange(ends[place] - patterns, ends[place]) for place in members]),
                    np.stack([factor.moves for factor in own]),
                    np.stack([factor.rewards for factor in own]),
                    np.stack([factor.start(start) for factor in own]),
                )
            )

    @property
    def price_scale(self) -> float:
        """Twice the widest range of a factor's reward: the scale at which prices begin to stop all action."""
        return max(float(np.ptp(group.rewards)) for group in self._groups) * 2.0

    def best(self, prices: NDArray[np.float64]) -> Plans:
        """Plans of greatest reward less prices, where prices have shape (horizon, sum over factors of P)."""
        values, rewards = np.zeros(self._count), np.zeros(self._count)
        uses = np.zeros(prices.shape)
        for group in self._groups:
            # (horizon, members, P)
            own = prices[:, group.columns]
            values[group.members], rewards[group.members], uses[:, group.columns] = group.solve(own)
        return Plans(values, rewards, uses)


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """m factors with n states and P patterns each.

    Attributes:
        members: numbers of the factors, of shape (m,).
        columns: of their prices, of shape (m, P).
        moves: of shape (m, P, n, n).
        rewards: of shape (m, n, P).
        start: of shape (m, n).
    """

    members: NDArray[np.int64]
    columns: NDArray[np.int64]
    moves: NDArray[np.float64]
    rewards: NDArray[np.float64]
    start: NDArray[np.float64]

    def solve(
        self, prices: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Values and rewards of shape (m,), uses of shape (horizon, m, P)."""
        horizon = len(prices)
        count, states, patterns = self.rewards.shape
        ahead = np.zeros((count, states))
        choices = np.empty((horizon, count, states), dtype=np.int64)
        for step in range(horizon - 1, -1, -1):
            onward = np.matmul(self.moves, ahead[:, None, :, None])[..., 0].transpose(0, 2, 1)
            scores = self.rewards + onward - prices[step][:, None, :]
            choices[step] = scores.argmax(axis=2)
            ahead = np.take_along_axis(scores, choices[step][..., None], axis=2)[..., 0]
        values = (self.start * ahead).sum(axis=1)
        uses = np.zeros((horizon, count, patterns))
        rewards = np.zeros(count)
        now = self.start
        member, state = np.indices((count, states))
        for step in range(horizon):
            choice = choices[step]
            rewards += (now * np.take_along_axis(self.rewards, choice[..., None], axis=2)[..., 0]).sum(axis=1)
            np.add.at(uses[step], (member, choice), now)
            now = (now[:, None, :] @ self.moves[member, choice, state])[:, 0]
        return values, rewards, uses
