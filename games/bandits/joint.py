"""A coupled bandit with few arms as one Markov decision process, for exact dynamic programming.

The joint state space has S^J states. Given an action arms move independently, so the joint transition matrix
is a Kronecker product and expectations need only its factors: S^(J+1) * J multiplications for an action
instead of S^(2J).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.problem import CoupledBandit

_MAX_STATES = 1 << 16
_MAX_BITS = 20
_MAX_ENTRIES = 50_000_000  # of an array: 400 MB


@dataclass(frozen=True, slots=True, eq=False)
class JointProcess:
    """The process that a coupled bandit is.

    Attributes:
        states: of shape (n, J); state i is row i, the last arm changes fastest.
        actions: the allowed actions, of shape (A, N).
        factors: of each action the transitions of each arm, of shape (A, J, S, S).
        rewards: expected rewards, of shape (n, A).
        discount: as the bandit's.
        horizon: as the bandit's.
    """

    states: NDArray[np.int64]
    actions: NDArray[np.bool_]
    factors: NDArray[np.float64]
    rewards: NDArray[np.float64]
    discount: float
    horizon: int

    def expectations(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected value of the next state, of shape (n, A), for ``values`` of shape (n,)."""
        count, size = self.states.shape
        arm_states = self.factors.shape[2]
        found = np.empty((count, self.actions.shape[0]))
        for index, matrices in enumerate(self.factors):
            tensor = values.reshape((arm_states,) * size)
            for arm, matrix in enumerate(matrices):
                tensor = np.moveaxis(np.tensordot(matrix, tensor, axes=(1, arm)), 0, arm)
            found[:, index] = tensor.reshape(-1)
        return found

    def transitions(self) -> NDArray[np.float64]:
        """Dense transition probabilities, of shape (A, n, n).

        Raises:
            ValueError: they would have more than 50 million entries; use `expectations`.
        """
        count = self.states.shape[0]
        if self.actions.shape[0] * count**2 > _MAX_ENTRIES:
            raise ValueError(
                f"transitions of {self.actions.shape[0]} actions on {count} states are too many for an "
                "array; use expectations"
            )
        dense = np.empty((self.actions.shape[0], count, count))
        for index, matrices in enumerate(self.factors):
            product = np.ones((1, 1))
            for matrix in matrices:
                product = np.kron(product, matrix)
            dense[index] = product
        return dense

    def index(self, states: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of states of shape (..., J)."""
        weights = self.factors.shape[2] ** np.arange(self.states.shape[1])[::-1]
        return np.asarray(states @ weights, dtype=np.int64)


def joint_process(bandit: CoupledBandit) -> JointProcess:
    """Write the bandit down in full.

    Raises:
        ValueError: its set depends on the state, it has more than 20 bits or 65,536 joint states, these and
            the allowed actions have more than 50 million pairs, or no action is allowed.
    """
    arms = bandit.arms
    if not isinstance(bandit.feasible, ActionSet):
        raise ValueError(f"the actions of {bandit.name} depend on the state; a joint process needs one set")
    count = arms.states**arms.count
    if count > _MAX_STATES or bandit.bits > _MAX_BITS:
        raise ValueError(
            f"{bandit.name} has {count} joint states and {bandit.bits} bits; at most {_MAX_STATES} and "
            f"{_MAX_BITS} are written down"
        )
    actions = allowed_actions(bandit.feasible)
    if count * len(actions) > _MAX_ENTRIES:
        raise ValueError(
            f"{bandit.name} has {count} joint states and {len(actions)} actions; at most {_MAX_ENTRIES} "
            "pairs are written down"
        )
    states = np.indices((arms.states,) * arms.count).reshape(arms.count, -1).T.astype(np.int64)
    shares = bandit.effect.shares(actions)[:, :, None, None]
    base, gain = arms.mean_rewards()
    arm = np.arange(arms.count)
    return JointProcess(
        states=np.ascontiguousarray(states),
        actions=actions,
        factors=arms.passive + shares * (arms.active - arms.passive),
        rewards=base[arm, states].sum(axis=1)[:, None] + gain[arm, states] @ shares[:, :, 0, 0].T,
        discount=bandit.discount,
        horizon=bandit.horizon,
    )


def allowed_actions(action_set: ActionSet) -> NDArray[np.bool_]:
    """All allowed actions by the membership test, of shape (A, N), in counting order of their bits.

    Raises:
        ValueError: there are more than 20 bits, or no action is allowed.
    """
    size = action_set.size
    if size > _MAX_BITS:
        raise ValueError(f"{action_set.name} has {size} bits; at most {_MAX_BITS} are enumerated")
    numbers = np.arange(1 << size)
    bits = (numbers[:, None] >> np.arange(size)[::-1] & 1).astype(np.bool_)
    few = bits[bits.sum(axis=1) <= action_set.most]
    found = few[action_set.contains(few)]
    if not found.size:
        raise ValueError(f"{action_set.name} is empty: no action is allowed")
    return np.asarray(found)
