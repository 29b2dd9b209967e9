"""Targets of double Q-learning: the online network chooses the next action, the target network values it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.problem import CoupledBandit
from marl.learning.prioritised import PrioritisedDraw
from solvers.sequoia.learning.model import ActionValueModel
from solvers.sequoia.learning.value_base import ValueBase
from solvers.sequoia.result import ArgmaxResult

_LEAST_FACTOR = 1e-12  # of a discount, so that none divides by zero

Maxima: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.float64] | None], tuple[ArgmaxResult, ...]]
"""From rows, and for each the value that need not be exceeded if any, to the best actions."""


@dataclass(frozen=True, slots=True, eq=False)
class TargetSource:
    """What targets are made from.

    Attributes:
        bandit: the problem.
        base: what returns are measured against.
        online: the network under training.
        target: the network that values, which moves.
        maxima: by the online network.
        next_samples: next states for each expectation.
        dual_filter: whether records are left out whose error is proven not to be positive.
    """

    bandit: CoupledBandit
    base: ValueBase
    online: ActionValueModel
    target: ActionValueModel
    maxima: Maxima
    next_samples: int
    dual_filter: bool


class Targets:
    """Targets of drawn records: maxima are solved once, and evaluated by the target network as it moves.

    Args:
        source: what they are made from.
        drawn: the records.
        rng: draws next states.

    Attributes:
        results: the maxima, record by record.
        counted: 1 for records that count in the loss, else 0; of shape (m,).
    """

    def __init__(self, source: TargetSource, drawn: PrioritisedDraw, *, rng: np.random.Generator) -> None:
        records = drawn.records
        self._source = source
        rows = records["row"]
        base = source.base
        self._fixed = base.action_value(rows[:, :-1], rows[:, -1], records["action"]) + records["followed"]
        self._factor = base.discount ** records["steps"]
        count = source.next_samples
        self._open = np.flatnonzero(~records["ended"])
        self._place = np.full(len(rows), -1)
        self._place[self._open] = np.arange(self._open.size)
        self._next = self._next_rows(records, count, rng)
        flat = self._next.reshape(-1, rows.shape[1])
        self._after = base.value(flat[:, :-1], flat[:, -1]).reshape(-1, count)
        self.results: list[ArgmaxResult] = []
        self.counted = np.ones(len(rows))
        if self._open.size:
            enough = self._enough(rows, records["action"]) if source.dual_filter else None
            self.results = [*source.maxima(flat, enough)]
            if enough is not None:
                below = np.array([result.upper for result in self.results]) <= enough
                self.counted[self._open] = ~below.reshape(-1, count).all(axis=1)
        self._actions = np.array([result.action for result in self.results]).reshape(
            self._open.size, count, source.bandit.bits
        )

    def _next_rows(
        self, records: dict[str, NDArray[Any]], count: int, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """States to go on from, of shape (open, count, J + 1): the one that came, others that might have."""
        bandit = self._source.bandit
        came = records["next_row"][self._open]
        found = np.repeat(came[:, None], count, axis=1)
        last, action = records["last_row"][self._open], records["last_action"][self._open]
        for k in range(1, count):
            found[:, k, :-1] = bandit.sample_next(last[:, :-1], action, rng=rng)
        return found

    def _enough(self, rows: NDArray[np.int64], actions: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The maximum at which a record's error is zero, were it that of all its next states."""
        predicted = self._source.online.values(rows[self._open], actions[self._open])
        left = (predicted - self._fixed[self._open]) / np.maximum(self._factor[self._open], _LEAST_FACTOR)
        return np.asarray((left[:, None] + self._after).reshape(-1))

    def of(self, own: NDArray[np.int64]) -> NDArray[np.float64]:
        """Targets of some of the drawn records, with the target network as it is."""
        found = self._fixed[own].copy()
        followed = np.flatnonzero(self._place[own] >= 0)
        if followed.size:
            places = self._place[own[followed]]
            rows, actions = self._next[places], self._actions[places]
            flat = rows.reshape(-1, rows.shape[2]), actions.reshape(-1, actions.shape[2])
            ahead = self._source.target.values(*flat).reshape(rows.shape[:2]) - self._after[places]
            found[followed] += self._factor[own[followed]] * ahead.mean(axis=1)
        return np.asarray(found)
