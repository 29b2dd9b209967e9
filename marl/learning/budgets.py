"""When learning ends: budgets, and coming to rest before they are spent."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Budget(Protocol):
    """How much a learner may play."""

    def progress(self, steps: int, episodes: int) -> float:
        """Share spent after so many own decisions and whole episodes; learning ends at 1."""


@dataclass(frozen=True, slots=True)
class StepBudget:
    """So many decisions of the learner."""

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")

    def progress(self, steps: int, episodes: int) -> float:
        """See ``Budget``."""
        return steps / self.steps


@dataclass(frozen=True, slots=True)
class EpisodeBudget:
    """So many episodes."""

    episodes: int

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")

    def progress(self, steps: int, episodes: int) -> float:
        """See ``Budget``."""
        return episodes / self.episodes


@dataclass(frozen=True, slots=True)
class Plateau:
    """Stop when the worth of episodes no longer grows.

    Attributes:
        every: episodes between looks; each look averages those since the last one. At least 2.
        looks: how many looks in a row must find no growth.
        errors: growth is what exceeds the best look so far by this many standard errors, at least 0.
    """

    every: int = 1_000
    looks: int = 5
    errors: float = 1.0

    def __post_init__(self) -> None:
        if self.every < 2 or self.looks < 1:
            raise ValueError(f"need every >= 2 and looks >= 1, got {self.every} and {self.looks}")
        if not (math.isfinite(self.errors) and self.errors >= 0):
            raise ValueError(f"errors must be finite and at least 0, got {self.errors!r}")


class PlateauWatch:
    """Follows one run of a learner.

    Attributes:
        resting: whether the plateau is reached; never where there is no rule.
    """

    def __init__(self, rule: Plateau | None) -> None:
        self.resting = False
        self._rule = rule
        self._window: list[float] = []
        self._best = -math.inf
        self._without_growth = 0

    def add(self, worths: Sequence[float] | NDArray[np.float64]) -> None:
        """Take note of episodes, in the order in which they ended."""
        if self._rule is None:
            return
        for worth in worths:
            self._window.append(float(worth))
            if len(self._window) == self._rule.every:
                self._look(self._rule)

    def _look(self, rule: Plateau) -> None:
        mean = float(np.mean(self._window))
        error = float(np.std(self._window, ddof=1)) / math.sqrt(len(self._window))
        if mean > self._best + rule.errors * error:
            self._best, self._without_growth = mean, 0
        else:
            self._without_growth += 1
        self.resting = self._without_growth >= rule.looks
        self._window.clear()
