"""Restless arms: Markov chains whose transitions depend on how much is done for them.

Arm j in state s moves by

    P_j(. | s, m) = (1 - m) * passive_j(. | s) + m * active_j(. | s),

where m in [0, 1] is the *share* of action that reaches the arm. With one bit an arm, m is that bit; effects
such as the sigmoid of several interventions give values between (`games.bandits.effects`). An arm earns the
reward of the state that it moves to.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SUM_SLACK = 1e-9  # how far rows of given transition matrices may be from one


@dataclass(frozen=True, slots=True, eq=False)
class RestlessArms:
    """J arms with S states each; arms with fewer are padded with states that are never reached.

    Attributes:
        passive: transitions where nothing is done, of shape (J, S, S); row s is the distribution after s.
        active: transitions where everything is done, likewise.
        rewards: of the states, of shape (J, S).

    Raises:
        ValueError: shapes disagree, a row is no distribution, or a reward is not finite.
    """

    passive: NDArray[np.float64]
    active: NDArray[np.float64]
    rewards: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("passive", "active", "rewards"):
            values = np.array(getattr(self, name), dtype=np.float64)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        shape = self.rewards.shape
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"rewards must have shape (J, S), got {shape}")
        for name, table in (("passive", self.passive), ("active", self.active)):
            if table.shape != (*shape, shape[1]):
                raise ValueError(f"{name} must have shape {(*shape, shape[1])}, got {table.shape}")
            if not ((table >= 0).all() and np.allclose(table.sum(axis=2), 1.0, rtol=0, atol=_SUM_SLACK)):
                raise ValueError(f"{name} must hold distributions in its rows")
        if not np.isfinite(self.rewards).all():
            raise ValueError("rewards must be finite")

    @property
    def count(self) -> int:
        """J."""
        return int(self.rewards.shape[0])

    @property
    def states(self) -> int:
        """S."""
        return int(self.rewards.shape[1])

    def has(self, states: ArrayLike) -> bool:
        """Whether all these are whole numbers in 0..S-1."""
        given = np.asarray(states)
        if not np.issubdtype(given.dtype, np.integer):
            return False
        return not given.size or bool(given.min() >= 0 and given.max() < self.states)

    def moves(self, states: ArrayLike, shares: ArrayLike) -> NDArray[np.float64]:
        """Distributions of the next states, arm by arm.

        Args:
            states: of shape (..., J).
            shares: of shape (..., J).

        Returns:
            Shape (..., J, S).

        Raises:
            ValueError: ``states`` are not of that shape, or not all in 0..S-1.
        """
        arm = np.arange(self.count)
        now = np.asarray(states)
        if now.ndim == 0 or now.shape[-1] != self.count or not self.has(now):
            raise ValueError(
                f"states must be whole numbers in 0..{self.states - 1}, of shape (..., {self.count}), "
                f"got {now}"
            )
        share = np.asarray(shares, dtype=np.float64)[..., None]
        passive, active = self.passive[arm, now], self.active[arm, now]
        return np.asarray(passive + share * (active - passive))

    def sample(self, states: ArrayLike, shares: ArrayLike, *, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw next states, of shape (..., J), by inversion with one uniform number an arm."""
        reached = np.cumsum(self.moves(states, shares), axis=-1)
        # Rounding may leave the last sum off one; scaled draws still stay below it.
        draws = rng.random(reached.shape[:-1]) * reached[..., -1]
        return np.asarray((draws[..., None] >= reached).sum(axis=-1), dtype=np.int64)

    def mean_rewards(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Expected rewards of a move: without action, of shape (J, S), and what full action adds."""
        base = np.einsum("jst,jt->js", self.passive, self.rewards)
        return base, np.einsum("jst,jt->js", self.active, self.rewards) - base


def ladder_arms(up_passive: ArrayLike, up_active: ArrayLike, rewards: ArrayLike) -> RestlessArms:
    """Arms that climb a ladder of states: one up with a probability, else one down, staying at the ends.

    Args:
        up_passive: probability of going up where nothing is done, of shape (J,).
        up_active: where everything is done, likewise.
        rewards: of shape (J, S).

    Raises:
        ValueError: a probability is outside [0, 1], or shapes disagree.
    """
    table = np.asarray(rewards, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"rewards must have shape (J, S), got {table.shape}")
    count, states = table.shape
    moves = []
    for name, up in (("up_passive", up_passive), ("up_active", up_active)):
        chance = np.asarray(up, dtype=np.float64)
        if chance.shape != (count,) or not ((chance >= 0) & (chance <= 1)).all():
            raise ValueError(f"{name} must hold {count} probabilities, got {chance}")
        matrix = np.zeros((count, states, states))
        for state in range(states):
            matrix[:, state, min(state + 1, states - 1)] += chance
            matrix[:, state, max(state - 1, 0)] += 1.0 - chance
        moves.append(matrix)
    return RestlessArms(moves[0], moves[1], table)
