"""Policies that read a Q-network without proving anything: greedy by bits, and local search."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.problem import CoupledBandit
from solvers.sequoia.baselines.greedy import greedy_action
from solvers.sequoia.baselines.policy import NamedPolicy, RememberedPolicy, each_state
from solvers.sequoia.local_search import improve
from solvers.sequoia.network import StateNetworks

StateReader: TypeAlias = Callable[[NDArray[np.int64], int], ArrayLike]
"""From states of the arms, of shape (J,), and the step to the state as a network reads it."""


def arm_states(states: NDArray[np.int64], step: int) -> NDArray[np.float64]:
    """The states of the arms and nothing else."""
    return states.astype(np.float64)


def iterative_network(
    network: StateNetworks, bandit: CoupledBandit, *, read: StateReader = arm_states, workers: int = 1
) -> NamedPolicy:
    """Add bits by the network's value (`greedy_action`): the iterative DQN of the paper, on the net itself.

    Args:
        network: Q.
        bandit: the problem.
        read: what the network sees.
        workers: threads.

    Raises:
        ValueError: the network has another number of bits.
    """
    _check(network, bandit)

    def decide(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        return greedy_action(network.at(read(states, step)).values, bandit.actions_at(states, step))

    return RememberedPolicy("iterative DQN", bandit.bits, each_state(decide, workers))


def local_search_network(
    network: StateNetworks, bandit: CoupledBandit, *, read: StateReader = arm_states, workers: int = 1
) -> NamedPolicy:
    """Go on from the greedy action by adding, dropping and swapping bits while the value rises.

    Args:
        network: Q.
        bandit: the problem.
        read: what the network sees.
        workers: threads.

    Raises:
        ValueError: the network has another number of bits.
    """
    _check(network, bandit)

    def decide(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        own = network.at(read(states, step))
        action_set = bandit.actions_at(states, step)
        return improve(own, greedy_action(own.values, action_set)[None], action_set)[0]

    return RememberedPolicy("local search DQN", bandit.bits, each_state(decide, workers))


def _check(network: StateNetworks, bandit: CoupledBandit) -> None:
    if network.size != bandit.bits:
        raise ValueError(f"network must have {bandit.bits} action bits, it has {network.size}")
