"""What a player does: a distribution over actions in every state where it is to move."""

from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame

State = TypeVar("State")


class Policy(Protocol[State]):
    """A behaviour strategy for a game played forward.

    A policy holds no memory of its own: what it may depend on is in the state, and it should look at no
    more of it than ``game.observe(state, player)`` shows.
    """

    def probabilities(self, game: EnvGame[State], state: State, player: int) -> NDArray[np.float64]:
        """Shape (game.num_actions(player),): non-negative, sums to one, zero outside the legal mask."""


class UniformPolicy:
    """Every legal action with the same probability."""

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """One over the number of legal actions, inside the mask."""
        mask = game.legal_mask(state, player)
        return mask / np.count_nonzero(mask)

    def distributions(
        self, observations: NDArray[np.float32], masks: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """See ``marl.policies.batched.ObservationPolicy``."""
        rows: NDArray[np.float64] = masks / np.count_nonzero(masks, axis=1, keepdims=True)
        return rows
