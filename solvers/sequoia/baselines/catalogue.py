"""Baselines by name, all made in the same way: from a bandit, a generator and a number of threads."""

import numpy as np

from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.dynamic_programming import ExactPolicy, exact
from solvers.sequoia.baselines.greedy import iterative_myopic
from solvers.sequoia.baselines.lagrange_policy import LagrangePolicy, lagrange
from solvers.sequoia.baselines.one_step import myopic
from solvers.sequoia.baselines.policy import NamedPolicy
from solvers.sequoia.baselines.ppo import projected_ppo
from solvers.sequoia.baselines.simple import RandomPolicy, SamplingPolicy, idle
from solvers.sequoia.baselines.whittle_indices import discounted_whittle, whittle


def null_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> NamedPolicy:
    """See `idle`."""
    return idle(bandit, workers=workers)


def random_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> NamedPolicy:
    """See `RandomPolicy`."""
    return RandomPolicy(bandit, rng=rng, workers=workers)


def sampling_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> NamedPolicy:
    """See `SamplingPolicy`; 100 samples."""
    return SamplingPolicy(bandit, rng=rng, workers=workers)


def myopic_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> NamedPolicy:
    """See `myopic`."""
    return myopic(bandit, workers=workers)


def iterative_myopic_baseline(
    bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1
) -> NamedPolicy:
    """See `iterative_myopic`."""
    return iterative_myopic(bandit, workers=workers)


def whittle_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> NamedPolicy:
    """See `whittle`."""
    return whittle(bandit, workers=workers)


def discounted_whittle_baseline(
    bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1
) -> NamedPolicy:
    """See `discounted_whittle`."""
    return discounted_whittle(bandit, workers=workers)


def lagrange_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> LagrangePolicy:
    """See `lagrange`."""
    return lagrange(bandit, workers=workers)


def exact_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> ExactPolicy:
    """See `exact`."""
    return exact(bandit)


def ppo_baseline(bandit: CoupledBandit, *, rng: np.random.Generator, workers: int = 1) -> NamedPolicy:
    """See `projected_ppo`."""
    return projected_ppo(bandit, rng=rng, workers=workers)
