r"""Upper bounds on coverage by a subgradient method: what the linear relaxation proves, without solving it.

The bound of ``games.influence.certificate.coverage_bound`` is convex and piecewise linear in :math:`\alpha`.
Where S is the best coverable set for the weights that :math:`\alpha` gives, :math:`|S \cap r| - 1` is a
subgradient at every set r. Steps follow Polyak's rule [1]_ towards the coverage already reached, below which
no bound can fall; longer ones at first.

.. [1] Polyak (1969), Minimization of unsmooth functionals, USSR Comp. Math. Math. Phys. 9.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.assignment_kernels import heaviest
from games.influence.certificate import weigh
from games.influence.collection import SetCollection
from games.influence.problem import CapacityProblem


@dataclass(frozen=True, slots=True)
class DualDescent:
    """Settings.

    Attributes:
        steps: how many.
        first: length of the first steps, in Polyak's.
        last: and of the last ones, between which lengths fall geometrically.

    Raises:
        ValueError: a setting is out of range.
    """

    steps: int = 60
    first: float = 2.0
    last: float = 0.2

    def __post_init__(self) -> None:
        if self.steps < 0 or not (self.first > 0 and self.last > 0):
            raise ValueError(f"need steps >= 0, first > 0 and last > 0, got {self}")

    def improve(
        self,
        problem: CapacityProblem,
        sets: SetCollection,
        alpha: NDArray[np.float64],
        reached: int,
        enough: float = 0.0,
        deadline: float = math.inf,
    ) -> NDArray[np.float64]:
        """Multipliers whose bound is at most that of ``alpha``.

        Args:
            problem: adopters, candidates, capacities.
            sets: the collection.
            alpha: where to start, shape (sets,).
            reached: coverage of some invitation.
            enough: a bound at or below this ends the descent.
            deadline: value of ``time.perf_counter`` after which no further step is made.
        """
        multipliers = alpha.copy()
        best, least = alpha.copy(), np.inf
        direction = np.zeros_like(alpha)
        weight = np.empty(sets.num_candidates)
        fall = (self.last / self.first) ** (1.0 / max(self.steps - 1, 1))
        length = self.first
        for _ in range(self.steps):
            slack = weigh(sets.start, sets.member, multipliers, weight)
            places = problem.places()
            bound = slack + heaviest(places, np.argsort(-weight, kind="stable"), weight)
            if bound < least:
                least = bound
                best[:] = multipliers
            if time.perf_counter() >= deadline:
                break
            if bound <= enough or bound - reached < 1.0:  # within one set, no invitation meets more
                break
            square = _turn(sets.start, sets.member, places.owner, direction)
            if square == 0.0:
                break
            _move(multipliers, direction, length * (bound - reached) / square)
            length *= fall
        return best


@njit(nogil=True, cache=True)
def _turn(
    start: NDArray[np.int64],
    member: NDArray[np.int32],
    owner: NDArray[np.int32],
    direction: NDArray[np.float64],
) -> float:
    """The subgradient, in place; its squared length."""
    square = 0.0
    for r in range(direction.size):
        if start[r + 1] > start[r]:
            met = -1.0
            for k in range(start[r], start[r + 1]):
                if owner[member[k]] >= 0:
                    met += 1.0
            direction[r] = met
            square += met * met
    return square


@njit(nogil=True, cache=True)
def _move(alpha: NDArray[np.float64], direction: NDArray[np.float64], length: float) -> None:
    for r in range(alpha.size):
        alpha[r] = min(1.0, max(0.0, alpha[r] - length * direction[r]))
