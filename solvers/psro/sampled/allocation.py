"""How many episodes each cell of an empirical game gets."""

import heapq
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.empirical import EmpiricalGame
from games.profiles import Profile


class Allocation(Protocol):
    """Spends simulations on cells; a function of its arguments alone."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    @property
    def initial(self) -> int:
        """Episodes that a new cell gets before it is used, at least 2."""

    @property
    def rounds(self) -> int:
        """How often per iteration the profile is solved for and further episodes are spent."""

    def extra(self, game: EmpiricalGame, profile: Profile) -> NDArray[np.int64]:
        """Further episodes of each cell, shape (n_1, ..., n_N), given the mixtures of the moment."""


@dataclass(frozen=True, slots=True)
class UniformAllocation:
    """The same number of episodes in every cell.

    Attributes:
        initial: that number.
    """

    initial: int = 500

    def __post_init__(self) -> None:
        _check_initial(self.initial)

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"uniform({self.initial})"

    @property
    def rounds(self) -> int:
        """None."""
        return 0

    def extra(self, game: EmpiricalGame, profile: Profile) -> NDArray[np.int64]:
        """Nothing."""
        return np.zeros(game.sizes, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class AdaptiveAllocation:
    r"""More episodes where the mixtures meet and the returns vary.

    The cell of policies (a, b) enters player i's regrets with the probability w that the others play their
    part of it; w is the greatest of these over the players. The sampling variance that the regrets carry is
    then about :math:`\sum w^2 v / n`, and batches go one by one to the cell where they lower it most; in the
    limit n is in proportion to :math:`w \sqrt v` (Neyman's allocation [1]_). The mixtures move with the
    episodes, so the budget is spent in rounds with a new solve after each. Exact cells and cells without
    variance get nothing.

    Attributes:
        initial: episodes of a new cell.
        budget: further episodes per iteration, in all cells together.
        rounds: parts in which they are spent.
        batch: episodes per batch, at least 2.

    .. [1] Neyman (1934), On the two different aspects of the representative method, JRSS 97.
    """

    initial: int = 200
    budget: int = 4_000
    rounds: int = 2
    batch: int = 100

    def __post_init__(self) -> None:
        _check_initial(self.initial)
        if self.rounds < 1 or self.batch < 2:
            raise ValueError(
                f"rounds must be at least 1 and batch at least 2, got {self.rounds} and {self.batch}"
            )
        if self.budget < self.rounds * self.batch:
            raise ValueError(f"budget must hold a batch per round, got {self.budget}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"adaptive({self.initial}, {self.budget}, {self.rounds}, {self.batch})"

    def extra(self, game: EmpiricalGame, profile: Profile) -> NDArray[np.int64]:
        """See ``Allocation.extra``."""
        noise = (meeting_weights(profile) ** 2 * game.variance.max(axis=0)).ravel()
        counts = game.counts.ravel().copy()
        plan = np.zeros(counts.size, dtype=np.int64)
        batch = self.batch

        def gain(cell: int) -> float:
            return float(noise[cell] * batch / (counts[cell] * (counts[cell] + batch)))

        useful = np.flatnonzero((noise > 0) & np.isfinite(counts)).tolist()
        heap = [(-gain(cell), cell) for cell in useful]
        heapq.heapify(heap)
        for _ in range(self.budget // (self.rounds * batch) if heap else 0):
            cell = heap[0][1]
            plan[cell] += batch
            counts[cell] += batch
            heapq.heapreplace(heap, (-gain(cell), cell))
        return plan.reshape(game.sizes)


def meeting_weights(profile: Profile) -> NDArray[np.float64]:
    """Per cell, the greatest probability over players i that the others play their part of it."""
    num_players = len(profile)
    weights = np.zeros(tuple(x.size for x in profile))
    for i in range(num_players):
        others = np.ones((1,) * num_players)
        for j, x in enumerate(profile):
            if j != i:
                others = others * x.reshape([-1 if k == j else 1 for k in range(num_players)])
        weights = np.maximum(weights, others)
    return weights


def _check_initial(initial: int) -> None:
    if initial < 2:
        raise ValueError(f"initial must be at least 2, as a variance is estimated, got {initial}")
