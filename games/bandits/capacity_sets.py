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
allows, so an exact search needs only maximal fillings, and remembers what it has left. Packing is NP-hard:
with many distinct costs that nearly fill the workers, the search stops with an error after a stated number
of fillings.

.. [1] Gilmore, Gomory (1961), A linear programming approach to the cutting-stock problem, Oper. Res. 9.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, islice
from math import inf
from threading import local

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.action_set import ActionSet
from games.bandits.membership import one_by_one
from games.bandits.recipes import CapacityRecipe
from games.bandits.rows import Logic, RowBuilder, tightened

# Beyond these, the membership of one action is refused; some seconds.
_FILLINGS_LIMIT = 200_000
_GREATEST = 2**53  # whole numbers beyond it are no longer exact as floats, which the rows are


def capacity(costs: ArrayLike, capacities: ArrayLike, *, max_patterns: int = 2_000) -> ActionSet:
    """Arms that the workers can carry together.

    Args:
        costs: of the arms, positive whole numbers, of shape (N,).
        capacities: of the workers, non-negative whole numbers, of shape (workers,).
        max_patterns: with more maximal patterns than this, rows are those of the assignment; 0 forces them.

    Raises:
        ValueError: there is no arm, or ``costs`` or ``capacities`` is no list of such numbers. The set's
            ``contains`` raises it too where 200,000 fillings of workers do not settle whether arms can be
            packed; for such sets give `from_arrays` rows and a membership test.
    """
    sizes, tops = _whole("costs", costs, 1), _whole("capacities", capacities, 0)
    if not sizes.size:
        raise ValueError("costs must hold the cost of at least one arm, got none")
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
    recipe = CapacityRecipe(sizes, tops, max_patterns)
    return tightened(builder.build(Logic(one_by_one(packs), sizes.size, True, name, kind_of_arm, recipe)))


def _whole(name: str, values: ArrayLike, least: int) -> NDArray[np.int64]:
    given = np.asarray(values)
    whole = given.ndim == 1 and given.dtype.kind in "iuf" and np.array_equal(given, np.floor(given))
    # Infinity is its own floor.
    if not whole or not ((given >= least) & (given <= _GREATEST)).all():
        raise ValueError(
            f"{name} must be a list of whole numbers of at least {least} and at most 2**53, "
            f"got {given.tolist()}"
        )
    return given.astype(np.int64)


def _maximal_fillings(costs: Sequence[int], supply: Sequence[int], room: int) -> Iterator[tuple[int, ...]]:
    """Each maximal filling of one worker, as counts of each cost; costs rise, the largest are packed first.

    Costs decided so far are larger than those still open. If all that is open fits, taking all of it is the
    only filling, and maximal if the least cost left behind does not fit either. If not all fits, every
    maximal filling by the open ones leaves one of them behind for want of room, hence the larger ones too.
    So no branch but a last one ends without a maximal filling.
    """
    loads = [0, *accumulate(cost * count for cost, count in zip(costs, supply, strict=True))]
    # Counts decided, room left, least cost left behind; none is infinitely dear.
    waiting: list[tuple[tuple[int, ...], int, float]] = [((), room, inf)]
    while waiting:
        counts, space, least = waiting.pop()
        kind = len(costs) - len(counts)
        if loads[kind] <= space:
            if space - loads[kind] < least:
                yield (*supply[:kind], *counts)
            continue
        cost, most = costs[kind - 1], supply[kind - 1]
        waiting += [
            ((n, *counts), space - n * cost, cost if n < most else least)
            for n in range(min(most, space // cost) + 1)
        ]


def _maximal_patterns(
    kinds: NDArray[np.int64], supply: NDArray[np.int64], tops: NDArray[np.int64], limit: int
) -> list[tuple[int, list[tuple[int, ...]]]] | None:
    """Workers and maximal patterns of each capacity that carries anything; None beyond ``limit``."""
    found = []
    left = limit
    for top, workers in zip(*np.unique(tops, return_counts=True), strict=True):
        if top < kinds[0]:
            continue
        fillings = _maximal_fillings(kinds.tolist(), supply.tolist(), int(top))
        patterns = [*islice(fillings, left + 1)]
        if len(patterns) > left:
            return None
        left -= len(patterns)
        found.append((int(workers), patterns))
    return found


def _pattern_rows(
    builder: RowBuilder,
    kind_of_arm: NDArray[np.int64],
    patterns: list[tuple[int, list[tuple[int, ...]]]],
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
        self._tried = local()  # fillings, for the action that this thread asks about
        self._packs = lru_cache(maxsize=1 << 18)(self._search)

    def __call__(self, arms: NDArray[np.int64]) -> bool:
        counts = np.bincount(self._kind_of_arm[arms], minlength=len(self._costs))
        self._tried.fillings = 0
        return self._packs(0, tuple(counts.tolist()))

    def _search(self, worker: int, counts: tuple[int, ...]) -> bool:
        """Whether workers from ``worker`` on can carry so many arms of each cost."""
        load = sum(cost * count for cost, count in zip(self._costs, counts, strict=True))
        if worker == len(self._tops) or load > self._room[worker]:
            return load == 0
        # The largest worker comes last, and may carry all that is left, or must carry the largest of it.
        if load <= self._tops[-1]:
            return True
        if max(cost for cost, count in zip(self._costs, counts, strict=True) if count) > self._tops[-1]:
            return False
        for filling in _maximal_fillings(self._costs, counts, self._tops[worker]):
            self._tried.fillings += 1
            if self._tried.fillings > _FILLINGS_LIMIT:
                raise ValueError(
                    f"whether the arms of the capacity set with costs {[*self._costs]} can be packed is not "
                    f"settled after {_FILLINGS_LIMIT} fillings of single workers; make costs coarser, or "
                    "build the set by from_arrays with a membership test of its own"
                )
            if self._packs(
                worker + 1, tuple(have - took for have, took in zip(counts, filling, strict=True))
            ):
                return True
        return False
