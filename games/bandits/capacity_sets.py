"""Capacity sets: every pulled arm is carried by one worker, whose capacity holds the costs of all it carries.

With cost c_j of arm j and capacity b_i of worker i, the set is that of all a for which the pulled arms can be
packed into the workers, a multiple knapsack. Two formulations project to it:

- *assignment*: binaries x_ij with sum_i x_ij = a_j and sum_j c_j x_ij <= b_i; workers of equal capacity carry
  falling loads, which removes their symmetry;
- *patterns* [1]_: for each capacity b, integer counts y_bp of the workers that carry the multiset p of costs,
  sum_p y_bp <= workers of capacity b, and of each cost no more arms are pulled than the patterns hold. Only
  maximal patterns are needed. Workers and arms of equal size are not told apart, the relaxation is tighter,
  and with costs 2..6 and capacities 2..7 there are about twenty counts, where assignment has a hundred
  binaries.

The membership test packs worker by worker: some packing fills each worker in turn as far as what is left
allows, so an exact search needs only maximal fillings, and remembers what it has left.

.. [1] Gilmore, Gomory (1961), A linear programming approach to the cutting-stock problem, Oper. Res. 9.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from games.bandits.membership import one_by_one
from games.bandits.rows import Logic, RowBuilder, tightened


def capacity(costs: ArrayLike, capacities: ArrayLike, *, max_patterns: int = 2_000) -> ActionSet:
    """Arms that the workers can carry together.

    Args:
        costs: of the arms, positive whole numbers, of shape (N,).
        capacities: of the workers, non-negative whole numbers, of shape (workers,).
        max_patterns: with more maximal patterns than this, rows are those of the assignment; 0 forces them.

    Raises:
        ValueError: ``costs`` or ``capacities`` is no list of such numbers.
    """
    sizes, tops = _whole("costs", costs, 1), _whole("capacities", capacities, 0)
    kinds, kind_of_arm, supply = np.unique(sizes, return_inverse=True, return_counts=True)
    builder = RowBuilder(sizes.size)
    for bit in np.flatnonzero(sizes > tops.max(initial=0)):
        builder.forbid(int(bit))
    patterns = _maximal_patterns(kinds, supply, tops, max_patterns)
    if patterns is None:
        _assignment_rows(builder, sizes, tops)
    else:
        _pattern_rows(builder, kind_of_arm, patterns, kinds.size)
    name = f"capacity(size={sizes.size}, workers={tops.size})"
    packs = _PackingTest(kinds, kind_of_arm, tops)
    return tightened(builder.build(Logic(one_by_one(packs), sizes.size, True, name, kind_of_arm)))


def _whole(name: str, values: ArrayLike, least: int) -> NDArray[np.int64]:
    given = np.asarray(values)
    if given.ndim != 1 or not np.array_equal(given, np.floor(given)) or (given < least).any():
        raise ValueError(f"{name} must be a list of whole numbers of at least {least}, got {given.tolist()}")
    return given.astype(np.int64)


def _maximal_patterns(
    kinds: NDArray[np.int64], supply: NDArray[np.int64], tops: NDArray[np.int64], limit: int
) -> list[tuple[int, list[list[int]]]] | None:
    """Workers and maximal patterns of each capacity that carries anything; None beyond ``limit``."""
    found = []
    left = limit
    for top, workers in zip(*np.unique(tops, return_counts=True), strict=True):
        if kinds.size == 0 or top < kinds[0]:
            continue
        patterns: list[list[int]] = []
        # The largest costs first; each entry is (counts so far, capacity left).
        waiting: list[tuple[list[int], int]] = [([], int(top))]
        while waiting:
            counts, room = waiting.pop()
            kind = kinds.size - 1 - len(counts)
            if kind < 0:
                pattern = counts[::-1]
                if all(pattern[k] == supply[k] or kinds[k] > room for k in range(kinds.size)):
                    patterns.append(pattern)
                    if len(patterns) > left:
                        return None
                continue
            cost = int(kinds[kind])
            waiting += [
                ([*counts, n], room - n * cost) for n in range(min(int(supply[kind]), room // cost) + 1)
            ]
        left -= len(patterns)
        found.append((int(workers), patterns))
    return found


def _pattern_rows(
    builder: RowBuilder,
    kind_of_arm: NDArray[np.int64],
    patterns: list[tuple[int, list[list[int]]]],
    kinds: int,
) -> None:
    columns, table = [], []
    for workers, rows in patterns:
        counts = builder.variables(np.full(len(rows), float(workers)), integral=True)
        builder.row(counts, 1.0, (-np.inf, float(workers)))
        columns.append(counts)
        table.append(np.array(rows, dtype=np.float64))
    used = np.concatenate([*columns, np.empty(0, dtype=np.int64)])
    held = np.concatenate([*table, np.empty((0, kinds))])
    for kind in range(kinds):
        arms = np.flatnonzero(kind_of_arm == kind)
        holds = np.flatnonzero(held[:, kind])
        values = np.concatenate([np.ones(arms.size), -held[holds, kind]])
        builder.row(np.concatenate([arms, used[holds]]), values, (-np.inf, 0.0))


def _assignment_rows(builder: RowBuilder, sizes: NDArray[np.int64], tops: NDArray[np.int64]) -> None:
    ordered = np.sort(tops)
    carried = []
    for top in ordered:
        arms = np.flatnonzero(sizes <= top)
        carried.append((arms, builder.variables(np.ones(arms.size), integral=True)))
    for arm in range(sizes.size):
        bits = [int(columns[arms == arm][0]) for arms, columns in carried if (arms == arm).any()]
        builder.row([arm, *bits], [-1.0, *[1.0] * len(bits)], (0.0, 0.0))
    for worker, (arms, columns) in enumerate(carried):
        load = sizes[arms].astype(np.float64)
        builder.row(columns, load, (-np.inf, float(ordered[worker])))
        if worker and ordered[worker] == ordered[worker - 1]:
            before = carried[worker - 1][1]
            builder.row(np.concatenate([before, columns]), np.concatenate([load, -load]), (0.0, np.inf))


class _PackingTest:
    """Whether arms, given by their indices, can be packed."""

    def __init__(
        self, kinds: NDArray[np.int64], kind_of_arm: NDArray[np.int64], tops: NDArray[np.int64]
    ) -> None:
        self._costs = tuple(int(c) for c in kinds)
        self._kind_of_arm = kind_of_arm
        # Small workers have few fillings, so the search branches little at first.
        self._tops = tuple(sorted(int(t) for t in tops))
        self._room = tuple(sum(self._tops[i:]) for i in range(len(self._tops) + 1))
        self._packs = lru_cache(maxsize=1 << 18)(self._search)

    def __call__(self, arms: NDArray[np.int64]) -> bool:
        counts = np.bincount(self._kind_of_arm[arms], minlength=len(self._costs))
        return self._packs(0, tuple(counts.tolist()))

    def _search(self, worker: int, counts: tuple[int, ...]) -> bool:
        """Whether workers from ``worker`` on can carry so many arms of each cost."""
        if not any(counts):
            return True
        load = sum(cost * count for cost, count in zip(self._costs, counts, strict=True))
        if worker == len(self._tops) or load > self._room[worker]:
            return False
        # The largest that is left must fit the largest worker, which comes last.
        if max(cost for cost, count in zip(self._costs, counts, strict=True) if count) > self._tops[-1]:
            return False
        return any(self._packs(worker + 1, rest) for rest in self._fillings(self._tops[worker], counts))

    def _fillings(self, room: int, counts: tuple[int, ...]) -> list[tuple[int, ...]]:
        """What is left after each maximal filling of one worker, largest costs packed first."""
        rests: list[tuple[int, ...]] = []

        def fill(kind: int, space: int, rest: tuple[int, ...]) -> None:
            if kind < 0:
                smallest = min(
                    (c for c, left in zip(self._costs, rest, strict=True) if left), default=space + 1
                )
                if smallest > space:
                    rests.append(rest)
                return
            for n in range(min(rest[kind], space // self._costs[kind]), -1, -1):
                fill(
                    kind - 1, space - n * self._costs[kind], (*rest[:kind], rest[kind] - n, *rest[kind + 1 :])
                )

        fill(len(counts) - 1, room, counts)
        return rests
