"""Policies asked for many plays at once.

A policy that reads observations and masks answers for all lanes of a batch in one call. One that reads states
can be asked where a batch has states, lane by lane.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.batch.looped import LoopedBatch
from games.protocols import BatchGame
from marl.policies.mixture import MixturePolicy
from marl.policies.tabular import TabularPolicy, observation_key
from marl.policies.uniform import Policy

SUM_TOLERANCE = 1e-6


@runtime_checkable
class ObservationPolicy(Protocol):
    """A policy that sees observations and masks, never states."""

    def distributions(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """What the player does at each of m observations.

        Args:
            observations: shape (m, *observation shape); not kept.
            masks: legal actions, shape (m, A), at least one in each row; not kept.

        Returns:
            Shape (m, A): distributions, zero outside the masks.
        """


def reads_observations(policy: object) -> TypeGuard[ObservationPolicy]:
    """Whether a policy can play from observations alone.

    A table can where it is keyed by the observation.
    """
    if isinstance(policy, TabularPolicy):
        return policy.key is observation_key
    return isinstance(policy, ObservationPolicy)


def lane_distributions(
    policy: Policy[Any] | ObservationPolicy, batch: BatchGame, player: int, lanes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What a player does in some lanes of a batch.

    Args:
        policy: the player's.
        batch: the plays; a policy that reads states needs a `LoopedBatch`.
        player: who is to move in all these lanes.
        lanes: increasing, shape (m,).

    Returns:
        Shape (m, A): distributions, zero outside the masks.

    Raises:
        TypeError: the policy reads states, and the batch has none.
    """
    if not reads_observations(policy):
        return _by_states(policy, batch, player, lanes)
    seen, masks = batch.observe(player), batch.legal_mask(player)
    if lanes.size < batch.num_lanes:
        seen, masks = seen[lanes], masks[lanes]
    return policy.distributions(seen, masks)


def draw_lane_actions(
    distributions: NDArray[np.float64], player: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """One action per row, by inversion; an action of zero probability is never drawn.

    Args:
        distributions: shape (m, A).
        player: whose, for the message.
        rng: one number is drawn per row.

    Raises:
        ValueError: a row is no distribution.
    """
    cumulative = np.cumsum(distributions, axis=1)
    total = cumulative[:, -1]
    # `not <=` also catches NaN.
    if not (np.abs(total - 1.0) <= SUM_TOLERANCE).all() or distributions.min(initial=0.0) < 0.0:
        wrong = ~(np.abs(total - 1.0) <= SUM_TOLERANCE) | (distributions < 0.0).any(axis=1)
        raise ValueError(
            f"the policy of player {player} must give distributions, got {distributions[wrong][0]}"
        )
    # The largest draw is 1 - 2^-53, so its product with a total near one stays below the total.
    points = rng.random(len(total)) * total
    actions: NDArray[np.int64] = np.count_nonzero(cumulative <= points[:, None], axis=1)
    return actions


class LaneSeat:
    """Who plays one player's part, lane by lane: one policy, or a mixture that draws one for each play.

    Attributes:
        player: whose part.
        policies: those that may sit here.
        who: int64 (num_lanes,), which of them plays in each lane; read it, do not write it.
    """

    def __init__(
        self, player: int, occupant: Policy[Any] | ObservationPolicy | MixturePolicy[Any], num_lanes: int
    ) -> None:
        self.player = player
        self.policies: Sequence[Policy[Any] | ObservationPolicy] = (
            occupant.policies if isinstance(occupant, MixturePolicy) else (occupant,)
        )
        self.who = np.zeros(num_lanes, dtype=np.int64)
        self._cumulative = np.cumsum(occupant.weights) if isinstance(occupant, MixturePolicy) else None

    def draw(self, lanes: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Who plays the next play of these lanes; only a mixture draws, one number per lane."""
        if self._cumulative is not None:
            points = rng.random(lanes.size) * self._cumulative[-1]
            self.who[lanes] = self._cumulative.searchsorted(points, side="right")

    def act(self, batch: BatchGame, joint: NDArray[np.int64], rng: np.random.Generator) -> None:
        """Draw actions wherever the player is to move, one number per lane.

        Args:
            batch: the plays.
            joint: int64 (num_players, num_lanes); the player's row is written where the player is to move.
            rng: the draws.

        Raises:
            TypeError: a policy reads states, and the batch has none.
            ValueError: a policy gives no distribution.
        """
        lanes = np.flatnonzero(batch.to_move(self.player))
        if lanes.size:
            joint[self.player, lanes] = draw_lane_actions(self._ask(batch, lanes), self.player, rng)

    def _ask(self, batch: BatchGame, lanes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distributions of whoever plays in each of these lanes, shape (m, A)."""
        if len(self.policies) == 1:
            return lane_distributions(self.policies[0], batch, self.player, lanes)
        who, masks = self.who[lanes], batch.legal_mask(self.player)[lanes]
        # A batch writes observations anew each time it is asked, so it is asked once for all policies.
        seen = batch.observe(self.player)[lanes] if any(map(reads_observations, self.policies)) else None
        chances = np.empty(masks.shape)
        for k in np.unique(who).tolist():
            rows, policy = np.flatnonzero(who == k), self.policies[k]
            if seen is not None and reads_observations(policy):
                chances[rows] = policy.distributions(seen[rows], masks[rows])
            else:
                chances[rows] = _by_states(policy, batch, self.player, lanes[rows])
        return chances


def _by_states(
    policy: object, batch: BatchGame, player: int, lanes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Ask a policy lane by lane."""
    ask = getattr(policy, "probabilities", None)
    if ask is None or not isinstance(batch, LoopedBatch):
        raise TypeError(
            f"{type(policy).__name__} of player {player} does not play from observations alone, and "
            f"{type(batch).__name__} has no states to show it; play LoopedBatch(game, num_lanes, rng=rng)"
        )
    return np.array([ask(batch.game, batch.states[k], player) for k in lanes.tolist()])
