"""A coupled bandit as small processes that share nothing but the allowed actions.

Given the action, arms move on their own. A *factor* is a group of arms with the action bits that reach
them: it is a Markov decision process of its own, whose states are those of its arms together and whose
actions are the *patterns* of its bits. Factors of a bandit cover every arm once; only the set of allowed
actions, and bits that two factors share, tie them together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from games.bandits.effects import Effect, OneBitAnArm, SigmoidLink
from games.bandits.problem import CoupledBandit


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """Some arms as one process with n = S^(arms) states and P = 2^(bits) actions.

    Attributes:
        arms: their numbers, ascending; in a state's number the last arm changes fastest.
        bits: of the action that reach them, ascending; in a pattern's number the last bit changes fastest.
        arm_states: S.
        moves: transitions of each pattern, of shape (P, n, n).
        rewards: expected reward of a step, of shape (n, P).
    """

    arms: tuple[int, ...]
    bits: tuple[int, ...]
    arm_states: int
    moves: NDArray[np.float64]
    rewards: NDArray[np.float64]

    @property
    def states(self) -> int:
        """Joint states of the arms, n."""
        return int(self.rewards.shape[0])

    @property
    def patterns(self) -> int:
        """Patterns of the bits, P."""
        return int(self.rewards.shape[1])

    def state_numbers(self, states: ArrayLike) -> NDArray[np.int64]:
        """Numbers of the factor's states in states of all arms, of shape (..., J); shape (...)."""
        own = np.asarray(states)[..., list(self.arms)]
        return np.asarray(own @ self.arm_states ** np.arange(len(self.arms))[::-1], dtype=np.int64)

    def pattern_numbers(self, actions: ArrayLike) -> NDArray[np.int64]:
        """Numbers of the factor's patterns in actions, of shape (..., N); shape (...)."""
        own = np.asarray(actions)[..., list(self.bits)].astype(np.int64)
        return np.asarray(own @ 2 ** np.arange(len(self.bits))[::-1], dtype=np.int64)

    def action_values(self, values: NDArray[np.float64], discount: float = 1.0) -> NDArray[np.float64]:
        """q(t, s, u) = r(s, u) + discount E V(t + 1, s'), of shape (H, n, P), for V of shape (H + 1, n)."""
        return np.asarray(self.rewards + discount * np.einsum("pij,tj->tip", self.moves, values[1:]))

    def start(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distribution over the factor's states, of shape (n,), of independent arms' distributions (J, S)."""
        return np.asarray(reduce(np.kron, chances[list(self.arms)]))


def pattern_bits(count: int) -> NDArray[np.bool_]:
    """All patterns of ``count`` bits in the order of their numbers, of shape (2^count, count)."""
    return (np.arange(1 << count)[:, None] >> np.arange(count)[::-1] & 1).astype(np.bool_)


def incidence(effect: Effect) -> NDArray[np.bool_]:
    """Which bits can reach which arms, of shape (J, N); all of them where an effect does not tell."""
    if isinstance(effect, OneBitAnArm):
        return np.eye(effect.arms, dtype=np.bool_)
    if isinstance(effect, SigmoidLink):
        return np.asarray(effect.weights > 0)
    return np.ones((effect.arms, effect.bits), dtype=np.bool_)


def factors_of(
    bandit: CoupledBandit, *, most_states: int = 256, most_patterns: int = 256
) -> tuple[Factor, ...]:
    """Groups of arms connected by common bits, or single arms where a group is too large.

    Args:
        bandit: the problem.
        most_states: joint states that a group may have.
        most_patterns: patterns that a group may have.

    Raises:
        ValueError: a single arm has more states or patterns than that.
    """
    reach = incidence(bandit.effect)
    arms, bits = reach.shape
    graph = sparse.coo_array((np.ones(reach.sum()), np.nonzero(reach)), shape=(arms, bits))
    whole = sparse.block_array([[None, graph], [graph.T, None]])
    from scipy.sparse.csgraph import connected_components

    labels = connected_components(whole, directed=False)[1][:arms]
    groups: list[list[int]] = []
    for label in dict.fromkeys(labels.tolist()):
        members = np.flatnonzero(labels == label).tolist()
        many = 2 ** int(reach[members].any(axis=0).sum()) > most_patterns
        if many or bandit.arms.states ** len(members) > most_states:
            groups += [[arm] for arm in members]
        else:
            groups.append(members)
    for arm in range(arms):
        own = int(reach[arm].sum())
        if 2**own > most_patterns or bandit.arms.states > most_states:
            raise ValueError(
                f"arm {arm} of {bandit.name} has {bandit.arms.states} states and {own} bits; at most "
                f"{most_states} states and {most_patterns} patterns are written down"
            )
    return tuple(factor_of(bandit, members) for members in groups)


def factor_of(bandit: CoupledBandit, members: Sequence[int]) -> Factor:
    """The factor of some arms, with all bits that can reach them.

    Args:
        bandit: the problem.
        members: numbers of the arms, at least one.
    """
    members = sorted(members)
    own = np.flatnonzero(incidence(bandit.effect)[members].any(axis=0))
    patterns = pattern_bits(own.size)
    actions = np.zeros((len(patterns), bandit.bits), dtype=np.bool_)
    actions[:, own] = patterns
    # Bits that do not reach an arm do not change its share, so the others may as well be 0.
    shares = bandit.effect.shares(actions)[:, members]
    arms = bandit.arms
    size = arms.states
    moves = np.ones((len(patterns), 1, 1))
    rewards = np.zeros((1, len(patterns)))
    base, gain = arms.mean_rewards()
    for place, arm in enumerate(members):
        share = shares[:, place]
        step = arms.passive[arm] + share[:, None, None] * (arms.active[arm] - arms.passive[arm])
        states = moves.shape[1] * size
        moves = np.einsum("pij,pkl->pikjl", moves, step).reshape(len(patterns), states, states)
        earned = base[arm][:, None] + gain[arm][:, None] * share
        rewards = (rewards[:, None] + earned[None]).reshape(states, len(patterns))
    for table in (moves, rewards):
        table.flags.writeable = False
    return Factor(tuple(members), tuple(own.tolist()), size, moves, rewards)
