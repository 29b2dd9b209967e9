"""One seat of a game as a Gymnasium environment, for learners of other libraries."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.protocols import EnvGame
from marl.learning.lanes import IDLE_PLAYS, finite_rows
from marl.policies import MixturePolicy, Policy, seat
from marl.policies.seating import check_learner
from marl.rollouts import draw_action


class SeatEnv(gymnasium.Env[NDArray[np.float32], np.int64]):  # type: ignore[misc]  # Gymnasium is untyped
    """The learner's decisions, with the others' moves in between.

    Observations are flattened. The reward of a decision is the payoff gained until the next one or the end.
    Plays in which the learner does not move at all are passed over, as there is nothing to learn from them.

    An illegal action is never played: a legal one drawn uniformly takes its place. So to a learner that knows
    no masks every illegal action is the uniform draw. One that does asks ``action_masks``.

    Attributes:
        returns: of the plays that ended, in their order.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  (as Gymnasium declares it)

    def __init__(
        self, game: EnvGame[Any], seats: Sequence[Policy[Any] | MixturePolicy[Any]], player: int
    ) -> None:
        """A seat at the table.

        Args:
            game: the game.
            seats: one per player; a mixture draws one of its policies per play, and the learner's own entry
                is not used.
            player: the learner.

        Raises:
            ValueError: not one seat per player, or no such player.
        """
        check_learner(game, seats, player)
        features = int(np.prod(game.observation_shape(player), dtype=np.int64))
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (features,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(game.num_actions(player))
        self.returns: list[float] = []
        self._game, self._player = game, player
        self._others = {p: occupant for p, occupant in enumerate(seats) if p != player}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a play and go to the learner's first decision.

        Raises:
            UnsupportedGameError: the learner does not seem to move at all.
            ValueError: an observation is not finite.
        """
        super().reset(seed=seed)
        rng = self.np_random
        for _ in range(IDLE_PLAYS):
            self._seated = dict(zip(self._others, seat(list(self._others.values()), rng), strict=True))
            self._state = self._game.initial(rng)
            if self._wait():
                return self._observation(), {}
        raise UnsupportedGameError(f"player {self._player} has not moved once in {IDLE_PLAYS} plays")

    def step(self, action: int | np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Move, and go to the next own decision or the end."""
        game, player, rng = self._game, self._player, self.np_random
        mask = game.legal_mask(self._state, player)
        if not mask[action]:
            action = rng.choice(np.flatnonzero(mask))
        before = self._payoff()
        self._advance({player: int(action)})
        moves_again = self._wait()
        reward = self._payoff() - before
        if not moves_again:
            self.returns.append(self._payoff())
        return self._observation(), reward, not moves_again, False, {}

    def action_masks(self) -> NDArray[np.bool_]:
        """Legal actions now, by the name that sb3-contrib asks for."""
        return self._game.legal_mask(self._state, self._player)

    def _wait(self) -> bool:
        """Let the others move until the learner does; False if the play ends first."""
        while movers := self._game.to_move(self._state):
            if self._player in movers:
                return True
            self._advance({})
        return False

    def _advance(self, joint: dict[int, int]) -> None:
        game, state, rng = self._game, self._state, self.np_random
        for p in game.to_move(state):
            if p != self._player:
                joint[p] = draw_action(self._seated[p].probabilities(game, state, p), p, rng)
        self._state = game.step(state, joint, rng)

    def _observation(self) -> NDArray[np.float32]:
        """Of the learner; zeros once the play is over."""
        if not self._game.to_move(self._state):
            return np.zeros(self.observation_space.shape or (), dtype=np.float32)
        seen = self._game.observe(self._state, self._player)
        (row,) = finite_rows(seen[None], self._game.name, self._player)
        flat: NDArray[np.float32] = row
        return flat

    def _payoff(self) -> float:
        return float(self._game.returns(self._state)[self._player])
