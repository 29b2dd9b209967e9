"""How the episodes of a cell are played."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from games.batch.choose import HasBatch
from games.empirical import Moments
from games.protocols import EnvGame
from marl.oracles import Opponent
from marl.rollouts import estimate_returns, estimate_returns_batched


class Simulator(Protocol):
    """Plays episodes; a function of its arguments alone."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    @property
    def largest(self) -> int:
        """Most episodes to be asked for at once; longer ones are split, so that several processes share."""

    def moments(
        self, game: EnvGame[Any], policies: Sequence[Opponent], episodes: int, *, rng: np.random.Generator
    ) -> Moments:
        """Moments of the returns of independent episodes, at least 2."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Episodes one after the other: right for every game.

    Attributes:
        largest: see ``Simulator``.
    """

    largest: int = 256

    def __post_init__(self) -> None:
        _check_at_least("largest", self.largest, 4)

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"one_by_one({self.largest})"

    def moments(
        self, game: EnvGame[Any], policies: Sequence[Opponent], episodes: int, *, rng: np.random.Generator
    ) -> Moments:
        """See ``Simulator.moments``."""
        estimate = estimate_returns(game, policies, episodes, rng=rng)
        return Moments.of_variance(estimate.episodes, estimate.mean, estimate.variance)


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Episodes side by side in a batch: faster where the game has one of its own.

    Attributes:
        lanes: how many at a time.
        largest: see ``Simulator``.
    """

    lanes: int = 1024
    largest: int = 4096

    def __post_init__(self) -> None:
        _check_at_least("lanes", self.lanes, 1)
        _check_at_least("largest", self.largest, 4)

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"side_by_side({self.lanes}, {self.largest})"

    def moments(
        self, game: EnvGame[Any], policies: Sequence[Opponent], episodes: int, *, rng: np.random.Generator
    ) -> Moments:
        """See ``Simulator.moments``."""
        estimate = estimate_returns_batched(game, policies, episodes, rng=rng, num_lanes=self.lanes)
        return Moments.of_variance(estimate.episodes, estimate.mean, estimate.variance)


def simulator_for(game: EnvGame[Any]) -> Simulator:
    """Side by side where the game has a batch of its own, else one by one."""
    return SideBySide() if isinstance(game, HasBatch) else OneByOne()


def _check_at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
