"""One learner among opponents that keep to their policies, in many plays side by side.

Every tick moves all lanes by one step of the game. The learner decides in the lanes where it is to move,
which need not be all: in a lane where others move for some ticks it waits. A play that ends begins anew at
once, with opponents drawn anew.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.batch.choose import batch_of
from games.batch.looped import LoopedBatch
from games.protocols import EnvGame
from marl.learning.dense import flatten
from marl.policies import LaneSeat, MixturePolicy, Policy, reads_observations
from marl.policies.batched import draw_lane_actions
from marl.policies.seating import check_learner

IDLE_PLAYS = 10_000  # plays without a single own decision after which a learner gives up


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Where the learner is to move now.

    Attributes:
        lanes: int64 (m,), increasing.
        observations: float32 (m, features), flattened.
        masks: Boolean (m, actions), legal actions.
        payoffs: float64 (m,), what the learner has gained so far in each play.
    """

    lanes: NDArray[np.int64]
    observations: NDArray[np.float32]
    masks: NDArray[np.bool_]
    payoffs: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Endings:
    """Plays that the last tick ended.

    Attributes:
        lanes: int64 (k,), increasing.
        returns: float64 (k,), of the learner.
    """

    lanes: NDArray[np.int64]
    returns: NDArray[np.float64]


class LearnerLanes:
    """Plays of one game with a learner in one seat.

    Attributes:
        num_lanes: plays side by side.
        num_actions: of the learner.
        num_features: numbers in one of its observations.
    """

    def __init__(
        self,
        game: EnvGame[Any],
        seats: Sequence[Policy[Any] | MixturePolicy[Any]],
        player: int,
        num_lanes: int,
        *,
        rng: np.random.Generator,
    ) -> None:
        """Begin a play in every lane.

        Args:
            game: the game.
            seats: one per player; a mixture draws one of its policies per play, and the learner's own entry
                is not used.
            player: the learner.
            num_lanes: plays side by side.
            rng: all chance, that of the game and that of the opponents.

        Raises:
            ValueError: there is not even one lane, not one seat per player, or no such player.
        """
        check_learner(game, seats, player)
        self.num_lanes = num_lanes
        self.num_actions = game.num_actions(player)
        self.num_features = math.prod(game.observation_shape(player))
        self._others = [LaneSeat(p, seats[p], num_lanes) for p in range(game.num_players) if p != player]
        # Policies that read states need a batch that has some.
        by_arrays = all(reads_observations(policy) for other in self._others for policy in other.policies)
        self._batch = (batch_of if by_arrays else LoopedBatch)(game, num_lanes, rng=rng)
        self._player, self._rng = player, rng
        for other in self._others:
            other.draw(np.arange(num_lanes), rng)

    def decisions(self) -> Decisions:
        """Where the learner is to move; it may be nowhere.

        Raises:
            ValueError: an observation is not finite.
        """
        batch, player = self._batch, self._player
        lanes = np.flatnonzero(batch.to_move(player))
        return Decisions(
            lanes,
            finite_rows(batch.observe(player)[lanes], batch.name, player),
            batch.legal_mask(player)[lanes],
            batch.returns()[player, lanes],
        )

    def choose(self, chances: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the learner's actions, shape (m,), from distributions, shape (m, actions)."""
        return draw_lane_actions(chances, self._player, rng)

    def step(self, lanes: NDArray[np.int64], actions: NDArray[np.int64]) -> Endings:
        """Move every lane by one step.

        Args:
            lanes: those of ``decisions``.
            actions: the learner's, shape (len(lanes),).

        Returns:
            The plays that ended; they have begun anew.

        Raises:
            IllegalActionError: an action is not legal.
            ValueError: an opponent gives no distribution.
        """
        batch = self._batch
        joint = np.zeros((batch.num_players, self.num_lanes), dtype=np.int64)
        joint[self._player, lanes] = actions
        for other in self._others:
            other.act(batch, joint, self._rng)
        batch.step(joint, self._rng)
        over = batch.finished()
        ended = np.flatnonzero(over)
        returns = batch.returns()[self._player, ended]
        if ended.size:
            batch.reset(over, self._rng)
            for other in self._others:
                other.draw(ended, self._rng)
        return Endings(ended, returns)


def finite_rows(observations: NDArray[np.float32], game: str, player: int) -> NDArray[np.float32]:
    """Observations, shape (m, ...), as float32 rows, shape (m, features).

    Raises:
        ValueError: one is not finite, from which no network could learn; ``game`` and ``player`` are named.
    """
    rows = flatten(observations)
    if not np.isfinite(rows).all():
        raise ValueError(f"{game} shows player {player} an observation that is not finite")
    return rows
