"""Policies that know nothing of the future: idle, random, and the best of random samples."""

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.policy import (
    Maximisers,
    NamedPolicy,
    RememberedPolicy,
    each_state,
)
from solvers.sequoia.baselines.separable import SeparableMaximiser

_POOL = 1_024


def idle(bandit: CoupledBandit, *, workers: int = 1) -> NamedPolicy:
    """Do nothing; where that is not allowed, play a fixed action with as few bits as possible."""
    maximisers = Maximisers(bandit, [(bit,) for bit in range(bandit.bits)], workers)
    nothing = np.zeros(bandit.bits, dtype=np.bool_)
    price = np.array([[0.0, -1.0]])

    def decide(state: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        if bool(bandit.actions_at(state, step).contains(nothing)):
            return nothing
        return np.asarray(maximisers.best(state[None], step, [price] * bandit.bits)[0])

    return RememberedPolicy("null", bandit.bits, each_state(decide, 1))


def random_actions(
    action_set: ActionSet, count: int, *, rng: np.random.Generator, workers: int = 1
) -> NDArray[np.bool_]:
    """Draw allowed actions, of shape (count, N), that leave nothing undone.

    Where bits may always be dropped, bits are tried in a random order and set if the action stays allowed,
    so no further bit could be set. Other sets: the action of greatest sum of weights that are uniform in
    [0, 1] for each bit, which is a uniform draw where exactly so many bits are to be set.

    Args:
        action_set: the allowed actions.
        count: how many.
        rng: draws the orders or the weights.
        workers: threads.
    """
    size = action_set.size
    draws = rng.random((count, size))
    if not action_set.downward:
        tables = [np.stack([np.zeros(count), draws[:, bit]], axis=1) for bit in range(size)]
        return SeparableMaximiser(action_set, [(bit,) for bit in range(size)], workers=workers).best(tables)
    actions = np.zeros((count, size), dtype=np.bool_)
    rows = np.arange(count)
    for bits in draws.argsort(axis=1).T:
        more = actions.copy()
        more[rows, bits] = True
        good = action_set.contains(more)
        actions[good] = more[good]
    return actions


class _RandomSource:
    """Random actions that depend on the seed, the step and the place in the batch, and on nothing else.

    Sets that hold in all states are drawn from once, into a pool; the draws pick from it.
    """

    def __init__(self, bandit: CoupledBandit, rng: np.random.Generator, workers: int, pool: int) -> None:
        pool_rng, self._key = rng.spawn(1)[0], int(rng.integers(1 << 62))
        self._bandit = bandit
        feasible = bandit.feasible
        self._pool: NDArray[np.bool_] | None = None
        if isinstance(feasible, ActionSet):
            self._pool = random_actions(feasible, pool, rng=pool_rng, workers=workers)

    def draw(self, states: NDArray[np.int64], step: int, count: int) -> NDArray[np.bool_]:
        """``count`` actions for each state, of shape (batch, count, N)."""
        rng = np.random.default_rng([self._key, step])
        if self._pool is not None:
            return self._pool[rng.integers(len(self._pool), size=(len(states), count))]
        sets = [self._bandit.actions_at(state, step) for state in states]
        return np.array([random_actions(own, count, rng=rng) for own in sets])


class RandomPolicy:
    """A random allowed action (`random_actions`) for each episode and step.

    The same episode gets the same action whenever it is asked at a step: the policy has no memory.

    Args:
        bandit: the problem.
        rng: all randomness.
        workers: threads while actions are drawn.
        pool: how many actions are drawn to pick from, where the set does not depend on the state.
    """

    def __init__(
        self, bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1, pool: int = _POOL
    ) -> None:
        self.name = "random"
        self._source = _RandomSource(bandit, rng, workers, pool)

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """See `NamedPolicy`."""
        return self._source.draw(states, step, 1)[:, 0]


class SamplingPolicy:
    """Of so many random allowed actions, the one of greatest expected reward of the next step.

    Args:
        bandit: the problem.
        samples: how many; the paper has 100.
        rng: all randomness.
        workers: threads while actions are drawn.
        pool: how many actions are drawn to pick from, where the set does not depend on the state.

    Raises:
        ValueError: ``samples`` is below 1.
    """

    def __init__(
        self,
        bandit: CoupledBandit,
        *,
        samples: int = 100,
        rng: np.random.Generator,
        workers: int = 1,
        pool: int = _POOL,
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples must be at least 1, got {samples}")
        self.name = f"sampling-{samples}"
        self._samples = samples
        self._bandit = bandit
        self._source = _RandomSource(bandit, rng, workers, pool)

    def __call__(self, states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        """See `NamedPolicy`."""
        actions = self._source.draw(states, step, self._samples)
        rewards = self._bandit.expected_reward(states[:, None], actions)
        return np.asarray(actions[np.arange(len(states)), rewards.argmax(axis=1)])
