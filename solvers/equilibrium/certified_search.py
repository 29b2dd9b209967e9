"""What searches for an equilibrium share: limits, and the best profile so far by its certificate."""

import math
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form import NormalFormGame
from games.profiles import Profile, as_profile, uniform_profile
from games.progress import ProgressCallback


def onto_simplices(blocks: Iterable[NDArray[np.float64]]) -> Profile:
    """One vector per player, nearly a distribution each, brought exactly onto the simplices."""
    clipped = (np.maximum(block, 0.0) for block in blocks)
    return tuple(block / block.sum() for block in clipped)


class CertifiedSearch:
    """The state of a solve: where the dynamics stand, the best profile so far, and the limits.

    Args:
        game: the game.
        certify: bounds how far a profile is from what is sought, in payoff units.
        start: where the dynamics begin; uniform where None.
        tol: bound that ends the search, in units of the payoff range.
        max_steps: most steps.
        time_limit: seconds, or None.
        progress: called by ``report``.

    Raises:
        ValueError: an argument out of its range, or a start that does not fit the game.
    """

    def __init__(
        self,
        game: NormalFormGame,
        certify: Callable[[Profile], float],
        start: Sequence[ArrayLike] | None,
        tol: float,
        max_steps: int,
        time_limit: float | None,
        progress: ProgressCallback,
    ) -> None:
        if not (math.isfinite(tol) and tol > 0):
            raise ValueError(f"tol must be finite and positive, got {tol!r}")
        if max_steps < 1:
            raise ValueError(f"max_steps must be at least 1, got {max_steps}")
        if time_limit is not None and not time_limit > 0:
            raise ValueError(f"time_limit must be positive, got {time_limit!r}")
        self.began = time.perf_counter()
        self.deadline = math.inf if time_limit is None else self.began + time_limit
        self.game, self.certify, self.progress, self.max_steps = game, certify, progress, max_steps
        sizes = game.num_actions
        profile = uniform_profile(sizes) if start is None else as_profile(start, sizes)
        self.x = np.concatenate(profile)
        self.tol = tol
        self.goal = tol * game.payoff_range
        self.steps = 0
        self.best, self.stage = profile, "start"
        self.bound = certify(profile)

    @property
    def certified(self) -> bool:
        """Whether the best profile is good enough."""
        return self.bound <= self.goal

    @property
    def limited(self) -> bool:
        """Whether steps or time are spent."""
        return self.steps >= self.max_steps or time.perf_counter() >= self.deadline

    def over(self) -> bool:
        """Whether to stop."""
        return self.certified or self.limited

    def offer(self, flat: NDArray[np.float64], stage: str) -> float:
        """Keep a profile, given end to end, if it is better than the best so far; return its bound."""
        profile = onto_simplices(np.split(flat, np.cumsum(self.game.num_actions)[:-1]))
        bound = self.certify(profile)
        if bound < self.bound:
            self.bound, self.best, self.stage = bound, profile, stage
        return bound

    def report(self, taken: int) -> None:
        """Count steps and report the best certificate."""
        self.steps += taken
        self.progress(self.steps, self.max_steps, certificate=self.bound)
