"""The fastest batch that a game offers."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from games.batch.looped import LoopedBatch
from games.protocols import BatchGame, EnvGame


@runtime_checkable
class HasBatch(Protocol):
    """A game with a faster way of many plays side by side than one after another."""

    def batch(self, num_lanes: int, *, rng: np.random.Generator) -> BatchGame:
        """The game as a batch, a play begun in every lane; it shows what the game shows.

        Args:
            num_lanes: number of plays, at least 1.
            rng: chance of the first plays.

        Raises:
            ValueError: there is not even one lane.
        """


def batch_of(game: EnvGame[Any], num_lanes: int, *, rng: np.random.Generator) -> BatchGame:
    """A batch of the game: its own where it has one, else a `LoopedBatch`.

    Args:
        game: the game.
        num_lanes: number of plays side by side, at least 1.
        rng: chance of the first plays.

    Raises:
        ValueError: there is not even one lane.

    Example:
        >>> from games.gridworlds.trust_dilemma import TrustDilemma
        >>> batch = batch_of(TrustDilemma(), 3, rng=np.random.default_rng(0))
        >>> type(batch).__name__, batch.observe(0).shape
        ('TrustDilemmaBatch', (3, 5, 5, 5))
    """
    if isinstance(game, HasBatch):
        return game.batch(num_lanes, rng=rng)
    return LoopedBatch(game, num_lanes, rng=rng)
