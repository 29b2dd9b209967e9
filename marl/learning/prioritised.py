"""Replay that draws what was predicted worst more often [1]_.

Record i with error e_i is drawn with probability p_i proportional to (|e_i| + eps)^alpha. What is drawn too
often counts less: its weight is (n p_i)^-beta, over the greatest weight in the draw.

.. [1] Schaul, Quan, Antonoglou, Silver (2016), Prioritized experience replay, ICLR.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


class SumTree:
    """Non-negative numbers that are drawn in proportion, each in O(log n).

    Node k is the sum of nodes 2k and 2k + 1; leaf i is node ``size`` + i.

    Args:
        count: how many numbers, zero at first.

    Raises:
        ValueError: ``count`` is below 1.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}")
        self._count = count
        self._size = 1 << (count - 1).bit_length()
        self._nodes = np.zeros(2 * self._size)

    @property
    def total(self) -> float:
        """Sum of all numbers."""
        return float(self._nodes[1])

    @property
    def leaves(self) -> NDArray[np.float64]:
        """The numbers, read-only."""
        view = self._nodes[self._size : self._size + self._count]
        view.flags.writeable = False
        return view

    def put(self, indices: NDArray[np.int64], numbers: ArrayLike) -> None:
        """Set numbers; of an index that comes repeatedly the last counts.

        Raises:
            ValueError: a number is negative or not finite.
        """
        given = np.asarray(numbers, dtype=np.float64)
        if not (np.isfinite(given).all() and (given >= 0).all()):
            raise ValueError("numbers must be finite and not negative")
        nodes = indices + self._size
        self._nodes[nodes] = given
        while self._size > 1 and nodes.size and nodes[0] > 1:
            nodes = np.unique(nodes // 2)
            self._nodes[nodes] = self._nodes[2 * nodes] + self._nodes[2 * nodes + 1]

    def find(self, masses: NDArray[np.float64]) -> NDArray[np.int64]:
        """For each mass in [0, total), the index up to which the numbers first exceed it in sum."""
        nodes = np.ones(masses.shape, dtype=np.int64)
        left = masses.copy()
        for _ in range(self._size.bit_length() - 1):
            nodes *= 2
            below = self._nodes[nodes]
            # Rounding may leave a little too much mass: never enter a branch without any.
            right = (left >= below) & (self._nodes[nodes + 1] > 0.0)
            left -= np.where(right, below, 0.0)
            nodes += right
        return nodes - self._size


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a record.

    Attributes:
        shape: of one record's entry.
        dtype: of its numbers.
    """

    shape: tuple[int, ...]
    dtype: DTypeLike


@dataclass(frozen=True, slots=True, eq=False)
class PrioritisedDraw:
    """Records drawn with replacement, m of them.

    Attributes:
        indices: their places, int64 (m,).
        weights: in (0, 1], float64 (m,).
        records: by column, each of shape (m, ...).
    """

    indices: NDArray[np.int64]
    weights: NDArray[np.float64]
    records: dict[str, NDArray[Any]]


class PrioritisedRing:
    """The latest records, drawn by priority.

    Args:
        capacity: records kept; the oldest goes first.
        columns: what a record holds.
        alpha: how much priorities count, in [0, 1]; 0 draws uniformly.
        least: eps, added to each error, positive.

    Raises:
        ValueError: an argument is out of range.
    """

    def __init__(
        self, capacity: int, columns: Mapping[str, Column], *, alpha: float = 0.6, least: float = 1e-6
    ) -> None:
        if not 0.0 <= alpha <= 1.0 or not 0.0 < least < np.inf:
            raise ValueError(f"need alpha in [0, 1] and a positive, finite least, got {alpha} and {least}")
        self._tree = SumTree(capacity)
        self._capacity = capacity
        self._alpha, self._least = alpha, least
        self._columns = {
            name: np.zeros((capacity, *column.shape), dtype=column.dtype) for name, column in columns.items()
        }
        self._added = 0
        self._greatest = 1.0

    def __len__(self) -> int:
        """Records held."""
        return min(self._added, self._capacity)

    def add(self, records: Mapping[str, NDArray[Any]]) -> None:
        """Put records in, with the greatest priority so far, so that each is drawn soon.

        Args:
            records: by column, each of shape (m, ...).

        Raises:
            ValueError: columns are missing, superfluous or of different lengths.
        """
        lengths = {len(array) for array in records.values()}
        if records.keys() != self._columns.keys() or len(lengths) != 1:
            raise ValueError(
                f"records must have the columns {sorted(self._columns)} of one length, got "
                f"{sorted(records)} of lengths {sorted(lengths)}"
            )
        count = lengths.pop()
        skipped = max(0, count - self._capacity)
        places = (self._added + np.arange(skipped, count)) % self._capacity
        for name, array in records.items():
            self._columns[name][places] = array[skipped:]
        self._tree.put(places, np.full(places.size, self._greatest))
        self._added += count

    def draw(self, size: int, *, beta: float, rng: np.random.Generator) -> PrioritisedDraw:
        """Draw records, one from each of ``size`` equal shares of the priorities.

        Args:
            size: how many.
            beta: how far weights undo the priorities, in [0, 1].
            rng: the draw.

        Raises:
            ValueError: there is no record, ``size`` is below 1, or ``beta`` is not in [0, 1].
        """
        if not 0.0 <= beta <= 1.0:
            raise ValueError(f"beta must be in [0, 1], got {beta}")
        if not self._added or size < 1:
            raise ValueError(f"need a record and a size of at least 1, got {len(self)} and {size}")
        total = self._tree.total
        masses = (np.arange(size) + rng.random(size)) / size * total
        indices = np.minimum(self._tree.find(masses), len(self) - 1)
        chances = self._tree.leaves[indices] / total
        weights = (len(self) * chances) ** -beta
        records = {name: array[indices] for name, array in self._columns.items()}
        return PrioritisedDraw(indices, weights / weights.max(), records)

    def reprioritise(self, indices: NDArray[np.int64], errors: ArrayLike) -> None:
        """Give records new priorities by their errors, of any sign.

        Raises:
            ValueError: an error is not finite, or an index is not that of a record held.
        """
        if indices.size and not 0 <= indices.min() <= indices.max() < len(self):
            raise ValueError(f"indices must be in 0..{len(self) - 1}, those of records held, got {indices}")
        priorities = (np.abs(np.asarray(errors, dtype=np.float64)) + self._least) ** self._alpha
        self._tree.put(indices, priorities)
        self._greatest = max(self._greatest, float(priorities.max(initial=0.0)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything for storage."""
        held = len(self)
        stored: dict[str, NDArray[Any]] = {
            f"column_{name}": array[:held].copy() for name, array in self._columns.items()
        }
        stored["priorities"] = self._tree.leaves[:held].copy()
        stored["added"] = np.array([self._added], dtype=np.int64)
        stored["greatest"] = np.array([self._greatest])
        return stored

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Put back what `arrays` gave, into a ring of the same capacity and columns.

        Raises:
            ValueError: an array is missing or has another shape.
        """
        try:
            added = int(arrays["added"][0])
            held = min(added, self._capacity)
            for name, column in self._columns.items():
                stored = arrays[f"column_{name}"]
                if stored.shape != (held, *column.shape[1:]):
                    raise ValueError(f"column {name} must hold {held} records, got shape {stored.shape}")
                column[:held] = stored
            if arrays["priorities"].shape != (held,):
                raise ValueError(f"need {held} priorities, got shape {arrays['priorities'].shape}")
            self._tree.put(np.arange(held), arrays["priorities"])
            self._added, self._greatest = added, float(arrays["greatest"][0])
        except KeyError as error:
            raise ValueError(f"arrays of a ring lack {error.args[0]}") from None
