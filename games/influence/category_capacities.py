"""Capacities per adopter and, within them, per category: still a matroid.

Adopter u may invite at most k_u friends, at most q of any one category. Sets that can be covered are those
from which units flow through cells (adopter, category) and adopters to a sink; by Menger's theorem they
form a gammoid [1]_. A candidate fits if an augmenting path is found.

.. [1] Mason (1972), On a class of matroids arising from paths in graphs, Proc. London Math. Soc. 25.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.influence.families import greedy_point
from games.influence.nodes import whole_numbers
from games.influence.problem import CapacityProblem


@dataclass(frozen=True, slots=True, eq=False)
class CategoryCapacities:
    """What the adopters can cover within their capacities and their quotas per category.

    Attributes:
        problem: adopters, candidates, capacities.
        category: of each candidate, from 0, int64 (c,).
        quota: most friends of each category that each adopter may invite, int64 (d, categories).

    Raises:
        ValueError: shapes do not fit, or a number is out of range.
    """

    problem: CapacityProblem
    category: NDArray[np.int64]
    quota: NDArray[np.int64]

    def __post_init__(self) -> None:
        category, quota = whole_numbers(self.category, "category"), whole_numbers(self.quota, "quota")
        d, c = self.problem.adopters.size, self.problem.num_candidates
        if category.shape != (c,) or quota.ndim != 2 or quota.shape[0] != d or quota.min(initial=0) < 0:
            raise ValueError(
                f"need a category per candidate ({c},) and quotas >= 0 ({d}, categories), "
                f"got {category.shape} and {quota.shape}"
            )
        if category.min(initial=0) < 0 or category.max(initial=-1) >= quota.shape[1]:
            raise ValueError(f"category must lie in range({quota.shape[1]})")
        object.__setattr__(self, "category", category)
        object.__setattr__(self, "quota", quota)

    @property
    def num_candidates(self) -> int:
        """See ``Family``."""
        return self.problem.num_candidates

    @property
    def price(self) -> NDArray[np.float64]:
        """See ``Family``."""
        return np.zeros(self.num_candidates)

    def empty(self) -> "CellChoice":
        """See ``Family``."""
        return CellChoice(self)

    def relaxed_best(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Family``."""
        return greedy_point(self, weight)


class CellChoice:
    """A growing assignment of candidates to cells (adopter, category)."""

    def __init__(self, family: CategoryCapacities) -> None:
        problem = family.problem
        self._inviters = [
            problem.inviter[problem.start[c] : problem.start[c + 1]].tolist()
            for c in range(problem.num_candidates)
        ]
        self._category = family.category.tolist()
        self._quota = family.quota.tolist()
        self._room = problem.capacity.tolist()
        # Dictionaries keep the order in which candidates came, so that runs repeat.
        self._cells: list[list[dict[int, None]]] = [[{} for _ in row] for row in self._quota]
        self._last = -1
        self.owner = np.full(problem.num_candidates, -1, dtype=np.int32)

    def admit(self, candidate: int) -> bool:
        """See ``Choice``: breadth-first search for room, along moves of those already in."""
        led_by: dict[tuple[int, int], int] = {}  # the candidate that would enter each cell reached
        freed_by: dict[int, tuple[int, int]] = {}  # the cell whose entrant a candidate would make room for
        full: set[int] = set()  # adopters already found to have no room
        queue: deque[tuple[int, int]] = deque()

        def offer(mover: int) -> None:
            for u in self._inviters[mover]:
                cell = (u, self._category[mover])
                if cell not in led_by:
                    led_by[cell] = mover
                    queue.append(cell)

        offer(candidate)
        while queue:
            u, kind = cell = queue.popleft()
            if len(self._cells[u][kind]) >= self._quota[u][kind]:
                leaving = list(self._cells[u][kind])
            elif u in full:
                continue
            elif self._room[u] > 0:
                self._room[u] -= 1
                self._shift(cell, candidate, led_by, freed_by)
                self._last = candidate
                return True
            else:
                full.add(u)
                leaving = [x for held in self._cells[u] for x in held]
            for x in leaving:
                if x not in freed_by:
                    freed_by[x] = cell
                    offer(x)
        return False

    def undo(self) -> None:
        """See ``Choice``."""
        u = int(self.owner[self._last])
        del self._cells[u][self._category[self._last]][self._last]
        self.owner[self._last] = -1
        self._room[u] += 1

    def _shift(
        self,
        cell: tuple[int, int],
        candidate: int,
        led_by: dict[tuple[int, int], int],
        freed_by: dict[int, tuple[int, int]],
    ) -> None:
        """Walk the path back: everyone on it enters the cell that it was led to."""
        while True:
            mover = led_by[cell]
            if mover != candidate:
                del self._cells[self.owner[mover]][self._category[mover]][mover]
            self._cells[cell[0]][cell[1]][mover] = None
            self.owner[mover] = cell[0]
            if mover == candidate:
                return
            cell = freed_by[mover]
