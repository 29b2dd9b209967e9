"""Any game as a batch, one lane after another."""

from collections.abc import Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from games.batch.of_game import BatchOfGame
from games.errors import IllegalActionError
from games.protocols import EnvGame


@runtime_checkable
class HasReplica(Protocol):
    """A game that follows one play at a time cheaply, such as one around a live simulator."""

    def replica(self) -> Self:
        """The same game with a simulator of its own; it can play on from any state."""


class LoopedBatch(BatchOfGame[EnvGame[Any]]):
    """A `BatchGame` over any `EnvGame`: as fast as its steps, since they are made one by one.

    What is gained is on the side of the policy, which answers for all lanes in one call. Every lane of a game
    that has replicas owns one, so that lanes do not take the simulator from each other.

    Attributes:
        game: the game.
        states: state of every lane; also for policies that read states.
    """

    def __init__(self, game: EnvGame[Any], num_lanes: int, *, rng: np.random.Generator) -> None:
        """Begin a play in every lane.

        Raises:
            ValueError: there is not even one lane.
        """
        super().__init__(game, num_lanes)
        self._games = [game.replica() if isinstance(game, HasReplica) else game for _ in range(num_lanes)]
        self.states = [own.initial(rng) for own in self._games]
        self._movers: list[Sequence[int]] = [game.to_move(state) for state in self.states]

    def reset(self, lanes: NDArray[np.bool_], rng: np.random.Generator) -> None:
        """See `BatchGame.reset`."""
        for k in np.flatnonzero(lanes).tolist():
            self._put(k, self._games[k].initial(rng))

    def to_move(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.to_move`."""
        return np.array([player in movers for movers in self._movers])

    def finished(self) -> NDArray[np.bool_]:
        """See `BatchGame.finished`."""
        return np.array([not movers for movers in self._movers])

    def legal_mask(self, player: int) -> NDArray[np.bool_]:
        """See `BatchGame.legal_mask`."""
        return np.array([self.game.legal_mask(state, player) for state in self.states])

    def observe(self, player: int) -> NDArray[np.float32]:
        """See `BatchGame.observe`."""
        seen = np.zeros((self.num_lanes, *self.observation_shape(player)), dtype=np.float32)
        for k, (state, movers) in enumerate(zip(self.states, self._movers, strict=True)):
            if player in movers:
                seen[k] = self.game.observe(state, player)
        return seen

    def step(self, actions: NDArray[np.int64], rng: np.random.Generator) -> None:
        """See `BatchGame.step`."""
        for p in range(self.num_players):
            where = np.flatnonzero(self.to_move(p))
            mask, chosen = self.legal_mask(p)[where], actions[p, where]
            inside = (chosen >= 0) & (chosen < mask.shape[1])
            legal = inside & mask[np.arange(where.size), np.where(inside, chosen, 0)]
            if not legal.all():
                lane = int(where[~legal][0])
                raise IllegalActionError(
                    f"action {actions[p, lane]} of player {p} in lane {lane} is not legal"
                )
        for k, movers in enumerate(self._movers):
            if movers:
                joint = {p: int(actions[p, k]) for p in movers}
                self._put(k, self._games[k].step(self.states[k], joint, rng))

    def returns(self) -> NDArray[np.float64]:
        """See `BatchGame.returns`."""
        return np.array([self.game.returns(state) for state in self.states]).T

    def _put(self, lane: int, state: Any) -> None:  # noqa: ANN401  (states are opaque)
        self.states[lane] = state
        self._movers[lane] = self.game.to_move(state)
