r"""Whittle's indices, for bandits with one bit an arm.

An arm alone gets a subsidy :math:`\lambda` for each step in which nothing is done for it. Its index in a
state is the subsidy at which it does not matter whether something is done now [1]_. An arm is *indexable*
when the states in which nothing should be done only grow with the subsidy. The policy plays the allowed
action of the greatest sum of indices of pulled arms; with at most B of them allowed, those are the B
greatest positive indices.

With a finite horizon the index also depends on the steps that are left. Indices are found by bisection, for
all arms, states and steps at once.

.. [1] Whittle (1988), Restless bandits: activity allocation in a changing world, J. Appl. Probab. 25.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.arms import RestlessArms
from games.bandits.effects import OneBitAnArm
from games.bandits.factors import factors_of
from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.policy import NamedPolicy, score_policy

_HALVINGS = 60
_SUBSIDIES = 257  # at which indexability is checked
_SLACK = 1e-9  # of the values compared, by which an action must be better
_ROUNDS = 100  # of policy iteration; a handful is needed

Advantages: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From subsidies, of shape (1, T, J, S), to what acting is worth more than not acting, likewise: each entry
is that of arm j in state s at step t under the subsidy of the same place."""


@dataclass(frozen=True, slots=True, eq=False)
class WhittleIndices:
    """Indices of all arms.

    Attributes:
        values: of shape (T, J, S): T is the horizon, or 1 where the step does not matter.
        indexable: of shape (J,); whether the check found nothing against it. It looks at 257 subsidies
            between the least and the greatest that could matter, so it can miss what happens between two.
    """

    values: NDArray[np.float64]
    indexable: NDArray[np.bool_]


def finite_horizon_indices(arms: RestlessArms, horizon: int) -> WhittleIndices:
    """Indices by the steps that are left, without discount.

    Raises:
        ValueError: ``horizon`` is below 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    base, gain = arms.mean_rewards()

    def advantages(subsidies: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.empty(subsidies.shape)
        # A chain of values of its own for each subsidy.
        ahead = np.zeros((*subsidies.shape, arms.states))
        for left in range(1, horizon + 1):
            step = horizon - left
            passive = base[:, None] + subsidies[..., None] + _after(arms.passive, ahead)
            active = (base + gain)[:, None] + _after(arms.active, ahead)
            found[:, step] = np.diagonal((active - passive)[:, step], axis1=-2, axis2=-1)
            ahead = np.maximum(passive, active)
        return found

    return _indices(arms, advantages, horizon, float(horizon))


def discounted_indices(arms: RestlessArms, discount: float) -> WhittleIndices:
    """Indices without a horizon, for discounted rewards.

    Raises:
        ValueError: ``discount`` is not in [0, 1).
    """
    if not 0 <= discount < 1:
        raise ValueError(f"discount must be in [0, 1), got {discount}")
    base, gain = arms.mean_rewards()
    eye = np.eye(arms.states)

    def advantages(subsidies: NDArray[np.float64]) -> NDArray[np.float64]:
        act = np.zeros((*subsidies.shape, arms.states), dtype=np.bool_)
        idle_rewards = base[:, None] + subsidies[..., None]
        for _ in range(_ROUNDS):
            moves = np.where(act[..., None], arms.active[:, None], arms.passive[:, None])
            rewards = np.where(act, (base + gain)[:, None], idle_rewards)
            solved = np.linalg.solve(eye - discount * moves, rewards[..., None])
            values: NDArray[np.float64] = np.asarray(solved[..., 0], dtype=np.float64)
            passive = idle_rewards + discount * _after(arms.passive, values)
            active = (base + gain)[:, None] + discount * _after(arms.active, values)
            more = active - passive
            # A choice changes only where that is better by more than rounding, so this ends.
            slack = _SLACK * np.abs(values).max(axis=-1, keepdims=True)
            change = np.where(act, more < -slack, more > slack)
            if not change.any():
                break
            act ^= change
        return np.asarray(np.diagonal(more, axis1=-2, axis2=-1))

    return _indices(arms, advantages, 1, 1.0 / (1.0 - discount))


def whittle(bandit: CoupledBandit, *, workers: int = 1) -> NamedPolicy:
    """The policy of finite-horizon indices; see the module.

    Raises:
        ValueError: the bandit has not one bit an arm.
    """
    return score_policy("Whittle", bandit, factors_of(bandit), whittle_scores(bandit), workers=workers)


def whittle_scores(bandit: CoupledBandit) -> tuple[NDArray[np.float64], ...]:
    """Finite-horizon indices as scores of the factors' patterns, each of shape (horizon, n, 2).

    Raises:
        ValueError: the bandit has not one bit an arm.
    """
    return _scores(bandit, finite_horizon_indices(_one_bit(bandit), bandit.horizon))


def discounted_whittle(bandit: CoupledBandit, *, workers: int = 1) -> NamedPolicy:
    """The policy of indices without a horizon, at the bandit's discount; see the module.

    Raises:
        ValueError: the bandit has not one bit an arm, or does not discount.
    """
    indices = discounted_indices(_one_bit(bandit), bandit.discount)
    scores = _scores(bandit, indices)
    return score_policy("Whittle, discounted", bandit, factors_of(bandit), scores, workers=workers)


def _one_bit(bandit: CoupledBandit) -> RestlessArms:
    if not isinstance(bandit.effect, OneBitAnArm):
        raise ValueError(
            f"Whittle's indices need one bit an arm; {bandit.name} has {type(bandit.effect).__name__}"
        )
    return bandit.arms


def _scores(bandit: CoupledBandit, indices: WhittleIndices) -> tuple[NDArray[np.float64], ...]:
    arms = [factor.arms[0] for factor in factors_of(bandit)]
    own = [indices.values[:, arm] for arm in arms]
    return tuple(np.stack([np.zeros_like(values), values], axis=2) for values in own)


def _after(moves: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Expected values after a move, by state, for values of shape (m, T, J, S, states)."""
    return np.asarray(np.einsum("jxy,itjsy->itjsx", moves, values, optimize=True))


def _indices(arms: RestlessArms, advantages: Advantages, steps: int, weight: float) -> WhittleIndices:
    """Bisect; ``weight`` is the sum of the weights of the steps."""
    shape = (1, steps, arms.count, arms.states)
    # Rewards of all steps cannot outweigh such a subsidy of one step.
    most = np.ptp(arms.rewards, axis=1)[:, None] * weight * (1.0 + 1e-6)
    low, high = np.broadcast_to(-most, shape).copy(), np.broadcast_to(most, shape).copy()
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        acts = advantages(middle) > 0.0
        low, high = np.where(acts, middle, low), np.where(acts, high, middle)
    values = 0.5 * (low + high)[0]
    slack = _SLACK * most
    acting = np.ones(shape, dtype=np.bool_)
    indexable = np.ones(arms.count, dtype=np.bool_)
    for share in np.linspace(-1.0, 1.0, _SUBSIDIES):
        more = advantages(np.broadcast_to(share * most, shape))
        # It must never be better to act again once it was better not to.
        indexable &= ~((more > slack) & ~acting).any(axis=(0, 1, 3))
        acting &= more >= -slack
    return WhittleIndices(values, indexable)
