"""What was seen to follow each action: the table of frequencies that count-based oracles solve."""

from collections.abc import Callable, Mapping
from typing import Self, TypeVar

import numpy as np

from marl.oracles.episodes import explore

_MAX_SWEEPS = 1_000  # reached only where observations forget, so that values feed back into themselves


class CountRow:
    """What followed each legal action at one key.

    Attributes:
        legal: the legal actions; everything else is by their positions.
        visits: how often each was taken.
        successors: per action, how often each row came next; None stands for the end.
        value: of the best action, as last backed up.
        top: its position.
    """

    __slots__ = ("legal", "successors", "top", "value", "visits")

    def __init__(self, key: bytes, legal: list[int]) -> None:
        self.legal = legal
        self.visits = [0] * len(legal)
        self.successors: list[dict[Self | None, int]] = [{} for _ in legal]
        self.value = 0.0
        self.top = 0

    def choose(self, epsilon: float, rng: np.random.Generator) -> int:
        """Position of the action to play."""
        return explore(self.visits, self.top, epsilon, rng)

    def count(self, choice: int, after: Self | None) -> None:
        """Record that ``after`` came next."""
        self.visits[choice] += 1
        self.successors[choice][after] = self.successors[choice].get(after, 0) + 1


R = TypeVar("R", bound=CountRow)


def sweep_backwards(rows: Mapping[bytes, R], back_up: Callable[[R], None]) -> None:
    """Update every row, the latest discovered first, until no value changes.

    Where observations remember the past, what was known first can lead to what was known later only, and the
    first sweep is exact.
    """
    order = list(rows.values())[::-1]
    for _ in range(_MAX_SWEEPS):
        before = [row.value for row in order]
        for row in order:
            back_up(row)
        if before == [row.value for row in order]:
            break
