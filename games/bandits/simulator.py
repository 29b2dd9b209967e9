"""Many episodes of a coupled bandit side by side, with common random numbers.

`draw_noise` fixes the starts and one uniform number for each (episode, step, arm). Arms move by inversion of
their distribution, so two policies that meet the same noise see the same luck, and differences between them
are paired. More episodes from the same seed extend the noise rather than change it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from games.bandits.arms import RestlessArms
from games.bandits.problem import EVALUATION_START, CoupledBandit, StartRule, start_states
from games.bandits.state_sets import allowed
from games.errors import IllegalActionError

BatchPolicy: TypeAlias = Callable[[NDArray[np.int64], int], NDArray[np.bool_]]
"""From states, of shape (episodes, J), and the step to action bits, of shape (episodes, N)."""


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """All chance of some episodes.

    Attributes:
        starts: states at the start, of shape (episodes, J).
        uniforms: in [0, 1), of shape (episodes, horizon, J).
    """

    starts: NDArray[np.int64]
    uniforms: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """What happened.

    Attributes:
        states: of shape (episodes, horizon + 1, J).
        actions: of shape (episodes, horizon, N).
        expected: expected reward of each step given state and action, of shape (episodes, horizon); its mean
            has less variance than that of the sampled rewards, and the same expectation.
        rewards: sampled rewards, likewise.
    """

    states: NDArray[np.int64]
    actions: NDArray[np.bool_]
    expected: NDArray[np.float64]
    rewards: NDArray[np.float64]

    @property
    def values(self) -> NDArray[np.float64]:
        """Mean expected reward a step of each episode, of shape (episodes,)."""
        return np.asarray(self.expected.mean(axis=1))

    def discounted(self, discount: float) -> NDArray[np.float64]:
        """Discounted expected rewards of each episode, of shape (episodes,)."""
        return np.asarray(self.expected @ discount ** np.arange(self.expected.shape[1]))


def draw_noise(
    bandit: CoupledBandit, episodes: int, *, rng: np.random.Generator, start: StartRule = EVALUATION_START
) -> Noise:
    """Draw the chance of ``episodes`` episodes.

    Raises:
        ValueError: ``episodes`` is below 1, or ``start`` gives states that the arms do not have.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    for_starts, for_moves = rng.spawn(2)
    return Noise(
        start_states(start, bandit.arms, episodes, for_starts),
        for_moves.random((episodes, bandit.horizon, bandit.num_arms)),
    )


def rollout(bandit: CoupledBandit, policy: BatchPolicy, noise: Noise, *, check: bool = True) -> Rollout:
    """Play all episodes of ``noise`` with a policy.

    Args:
        bandit: what is played.
        policy: sees and acts on all episodes at once.
        noise: from `draw_noise`, for arms and a horizon as the bandit's.
        check: ask the set of every action whether it is allowed.

    Raises:
        IllegalActionError: an action is not allowed.
        ValueError: the noise or an action has another shape, a start is no state, or an action holds other
            numbers than 0 and 1.
    """
    episodes, count = len(noise.starts), bandit.num_arms
    shape = noise.uniforms.shape
    if shape != (episodes, *shape[1:2], count) or shape[1] < bandit.horizon:
        raise ValueError(
            f"noise must cover {bandit.horizon} steps of {count} arms in {episodes} episodes, got {shape}"
        )
    # The kernel reads the arms' tables without looking at their ends.
    if noise.starts.shape != (episodes, count) or not bandit.arms.has(noise.starts):
        raise ValueError(
            f"starts of the noise must be states in 0..{bandit.arms.states - 1}, of shape {(episodes, count)}"
        )
    moves = BatchMoves(bandit.arms)
    states = np.empty((episodes, bandit.horizon + 1, count), dtype=np.int64)
    actions = np.empty((episodes, bandit.horizon, bandit.bits), dtype=np.bool_)
    expected, rewards = np.empty((2, episodes, bandit.horizon))
    now = noise.starts.astype(np.int64)
    states[:, 0] = now
    for step in range(bandit.horizon):
        chosen = np.asarray(policy(now.copy(), step))
        if chosen.shape != (episodes, bandit.bits):
            raise ValueError(
                f"policy must give actions of shape {(episodes, bandit.bits)}, got {chosen.shape}"
            )
        bits = chosen.astype(np.bool_)
        if chosen.dtype != np.bool_ and (chosen != bits).any():
            raise ValueError(f"policy must give actions of 0 and 1, got others at step {step}")
        if check:
            good = allowed(bandit.feasible, now, step, bits)
            if not good.all():
                first = int(np.argmin(good))
                raise IllegalActionError(
                    f"the action {np.flatnonzero(bits[first]).tolist()} of episode {first} at step "
                    f"{step} is not in {bandit.feasible.name}"
                )
        actions[:, step] = bits
        moves.advance(
            now, bandit.effect.shares(bits), noise.uniforms[:, step], expected[:, step], rewards[:, step]
        )
        states[:, step + 1] = now
    return Rollout(states, actions, expected, rewards)


class BatchMoves:
    """Moves many states at once by given uniform numbers.

    Args:
        arms: whose states.
    """

    def __init__(self, arms: RestlessArms) -> None:
        self._passive = _reached(arms.passive)
        self._active = _reached(arms.active)
        self._base, self._gain = arms.mean_rewards()
        self._rewards = arms.rewards

    def advance(
        self,
        states: NDArray[np.int64],
        shares: NDArray[np.float64],
        uniforms: NDArray[np.float64],
        expected: NDArray[np.float64],
        rewards: NDArray[np.float64],
    ) -> None:
        """Move states, of shape (episodes, J), by one step, in place.

        Args:
            states: which the arms have: the kernel reads tables without looking at their ends.
            shares: by how much each arm is acted on, of shape (episodes, J).
            uniforms: in [0, 1), likewise.
            expected: filled with the expected rewards, of shape (episodes,).
            rewards: filled with the sampled ones.
        """
        _advance(
            states, shares, uniforms, self._passive, self._active, self._base, self._gain, self._rewards,
            expected, rewards,
        )  # fmt: skip


def _reached(moves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulative distributions that are exactly one from the last state that can be reached."""
    sums = np.cumsum(moves, axis=2)
    after = np.cumsum(moves[:, :, ::-1], axis=2)[:, :, ::-1]  # mass from a state on
    last = np.concatenate([after[:, :, 1:], np.zeros((*moves.shape[:2], 1))], axis=2) <= 0.0
    return np.where(last, 1.0, np.minimum(sums, 1.0))


@numba.njit(cache=True, nogil=True)
def _advance(
    states: NDArray[np.int64],
    shares: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    passive: NDArray[np.float64],
    active: NDArray[np.float64],
    base: NDArray[np.float64],
    gain: NDArray[np.float64],
    arm_rewards: NDArray[np.float64],
    expected: NDArray[np.float64],
    rewards: NDArray[np.float64],
) -> None:
    """Move states, of shape (episodes, J), in place."""
    last = passive.shape[2] - 1
    for episode in range(states.shape[0]):
        mean, earned = 0.0, 0.0
        for arm in range(states.shape[1]):
            state, share, draw = states[episode, arm], shares[episode, arm], uniforms[episode, arm]
            mean += base[arm, state] + share * gain[arm, state]
            onward = 0
            while onward < last:
                low = passive[arm, state, onward]
                if draw < low + share * (active[arm, state, onward] - low):
                    break
                onward += 1
            states[episode, arm] = onward
            earned += arm_rewards[arm, onward]
        expected[episode] = mean
        rewards[episode] = earned
