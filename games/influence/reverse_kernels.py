"""Compiled reverse-reachable sets.

Set number k of a seed draws from its own stream, a function of (seed, k) alone, so sets are the same whoever
makes them, in whatever order and number of threads. Streams are those of splitmix64 [1]_.

A node draws its live in-arcs in one of several ways that agree in distribution; which is decided once per
node, by what is fastest there:

- ``ALL``: every in-arc is certain;
- ``COUNT``: in-arcs of equal probability, few of them live: their number by inversion of a table of the
  binomial distribution, then as many distinct positions;
- ``SKIP``: in-arcs of equal probability, many live: geometric jumps from one to the next;
- ``SORTED``: unequal ones, falling: geometric jumps at the greatest probability left, then accepted with the
  ratio [2]_;
- ``ONE``: at most one is live, all of equal weight; ``PICK``: of unequal weight, by bisection;
- ``SETS``: one of the listed triggering sets, by bisection.

All that a visit needs of a node, and the mark of the visit itself, lie side by side: a set costs one cache
miss per node and one per live arc.

.. [1] Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators, OOPSLA.
.. [2] Guo, Wang, Wei, Chen (2020), Influence maximization revisited: efficient reverse reachable set
   generation with bound tightened, SIGMOD.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

NONE, ALL, COUNT, SKIP, SORTED, ONE, PICK, SETS = range(8)

START, SHAPE, ROW, STAMP = range(4)
KIND_BITS = 3

STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_TO_UNIT = 2.0**-53
_NOTHING = np.zeros(0, dtype=np.bool_)

Numbers: TypeAlias = NDArray[np.int32] | NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


class Sampler(NamedTuple):
    """A diffusion model ready for reverse sampling; n nodes, m arcs.

    Attributes:
        node: (n, 4), int32 where everything fits, else int64. Per node: ``START``, its first in-arc;
            ``SHAPE``, its kind in the low ``KIND_BITS`` bits, above them how many in-arcs it has (``SETS``:
            how many sets), 0 for a node without any; ``ROW``, where its row begins in ``limit`` or ``table``;
            ``STAMP``, the last set that held it, which every thread keeps in a copy of its own.
        source: int32 (m,), tails, per node in the order that its kind asks for.
        limit: uint64, rows of ``COUNT``: greatest word drawn for at most 0, 1, ... live arcs; the last of a
            row is the greatest word.
        table: float64, rows of the other kinds. ``SKIP``: 1 / log(1 - p); ``SORTED``: p and 1 / log(1 - p) in
            turn; ``ONE``: one over the weight of each arc; ``PICK``, ``SETS``: running sums of weights or
            chances.
        cut: int64, ``SETS``: where the members of each set end, one entry per entry of ``table``; else empty.
        root: float64 (n,), running sums of the chances of being a root; empty if all are equal.
        max_steps: most steps, -1 for no limit.
    """

    node: Numbers
    source: NDArray[np.int32]
    limit: NDArray[np.uint64]
    table: Floats
    cut: Ints
    root: Floats
    max_steps: int


@njit(nogil=True, cache=True, inline="always")
def mix(z: np.uint64) -> np.uint64:
    """The output function of splitmix64."""
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    mixed: np.uint64 = z ^ (z >> np.uint64(31))
    return mixed


@njit(nogil=True, cache=True, inline="always")
def stream(seed: np.uint64, index: int) -> np.uint64:
    """State of the stream of set ``index``, itself a uniform word."""
    state: np.uint64 = mix(mix(np.uint64(seed)) + np.uint64(index) * STEP)
    return state


@njit(nogil=True, cache=True, inline="always")
def unit(z: np.uint64) -> float:
    """Uniform in [0, 1) from 64 bits."""
    return float(z >> np.uint64(11)) * _TO_UNIT


@njit(nogil=True, cache=True, inline="always")
def below(z: np.uint64, bound: int) -> int:
    """Uniform in range(bound) from the high 32 bits; its relative bias is at most bound / 2^32."""
    return int(np.int64(((z >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)))


# Arrays are passed one by one and the helpers compiled into their callers: reaching into a tuple counts
# references, which cost more than the sampling itself.
@njit(nogil=True, cache=True, inline="always")
def live_arcs(
    node: Numbers,
    limit: NDArray[np.uint64],
    table: Floats,
    cut: Ints,
    v: int,
    state: np.uint64,
    picks: Ints,
) -> tuple[int, np.uint64]:
    """Draw the live in-arcs of ``v`` into ``picks``; returns their number and the next state."""
    shape, lo, row = int(node[v, SHAPE]), int(node[v, START]), int(node[v, ROW])
    kind = shape & ((1 << KIND_BITS) - 1)
    degree = shape >> KIND_BITS
    count = 0
    if kind == COUNT:
        state += STEP
        z = mix(state)
        while z > limit[row + count]:  # the last entry is the greatest word
            count += 1
        if count == 1:
            # Given the count, the low half of the word is still uniform.
            picks[0] = lo + np.int64(((z & _LOW) * np.uint64(degree)) >> np.uint64(32))
        elif count == degree:
            for j in range(degree):
                picks[j] = lo + j
        else:
            # Floyd's algorithm: a uniform subset of ``count`` positions without repetition.
            for k in range(count):
                state += STEP
                top = degree - count + k
                j = lo + below(mix(state), top + 1)
                for i in range(k):
                    if picks[i] == j:
                        j = lo + top
                        break
                picks[k] = j
    elif kind == ALL:
        for j in range(degree):
            picks[j] = lo + j
        count = degree
    elif kind == SKIP:
        scale = table[row]
        j = lo
        hi = lo + degree
        while True:
            state += STEP
            jump = np.log(1.0 - unit(mix(state))) * scale
            if not jump < hi - j:
                break
            j += int(jump)
            picks[count] = j
            count += 1
            j += 1
    elif kind == SORTED:
        j = 0
        while j < degree:
            p = table[row + 2 * j]
            state += STEP
            jump = np.log(1.0 - unit(mix(state))) * table[row + 2 * j + 1]
            if not jump < degree - j:
                break
            j += int(jump)
            state += STEP
            if unit(mix(state)) * p < table[row + 2 * j]:
                picks[count] = lo + j
                count += 1
            j += 1
    elif kind == ONE:
        state += STEP
        place = unit(mix(state)) * table[row]
        if place < degree:
            picks[0] = lo + np.int64(place)
            count = 1
    elif kind == PICK:
        state += STEP
        j = int(np.searchsorted(table[row : row + degree], unit(mix(state)), side="right"))
        if j < degree:
            picks[0] = lo + j
            count = 1
    elif kind == SETS:
        state += STEP
        # Running sums may end a rounding error below one.
        j = int(np.searchsorted(table[row : row + degree], unit(mix(state)), side="right"))
        j = min(j, degree - 1)
        for k in range(lo if j == 0 else cut[row + j - 1], cut[row + j]):
            picks[count] = k
            count += 1
    return count, state


@njit(nogil=True, cache=True, inline="always")
def draw_root(n: int, root: Floats, z: np.uint64) -> int:
    """The root of a set from a uniform word."""
    if root.size == 0:
        return int(unit(z) * n)
    return min(int(np.searchsorted(root, unit(z) * root[n - 1], side="right")), n - 1)


@njit(nogil=True, cache=True, inline="always")
def _reverse_set(
    node: Numbers,
    source: NDArray[np.int32],
    limit: NDArray[np.uint64],
    table: Floats,
    cut: Ints,
    root: Floats,
    max_steps: int,
    state: np.uint64,
    epoch: int,
    queue: NDArray[np.int32],
    picks: Ints,
    stopping: bool,
    marked: NDArray[np.bool_],
) -> int:
    """One set into ``queue``; its size, negated where it was left at a marked node."""
    begin = draw_root(node.shape[0], root, state)
    node[begin, STAMP] = epoch
    queue[0] = begin
    size = 1
    if stopping and marked[begin]:
        return -1
    head, steps = 0, -1
    level_end = -1 if max_steps < 0 else 0
    while head < size:
        if head == level_end:
            steps += 1
            if steps == max_steps:
                break
            level_end = size
        v = queue[head]
        head += 1
        if node[v, SHAPE] == 0:
            continue
        count, state = live_arcs(node, limit, table, cut, v, state, picks)
        for k in range(count):
            w = source[picks[k]]
            if node[w, STAMP] != epoch:
                node[w, STAMP] = epoch
                queue[size] = w
                size += 1
                if stopping and marked[w]:
                    return -size
    return size


# Numba counts references to arrays at every inlined call, which costs more than the sampling itself. These
# two neither allocate nor return arrays, and callers hold what they pass, so nothing need be counted.
@njit(nogil=True, cache=True, _nrt=False)
def fill_sets(
    s: Sampler,
    node: Numbers,
    seed: np.uint64,
    lo: int,
    hi: int,
    wanted: NDArray[np.int32],
    epoch: int,
    queue: NDArray[np.int32],
    picks: Ints,
    sizes: NDArray[np.int32],
    members: NDArray[np.int32],
    nodes: Ints,
) -> tuple[int, int]:
    """Sets number ``lo`` to ``hi`` - 1, cut down to wanted nodes, end to end.

    Args:
        s: the model.
        node: the caller's own copy of ``s.node``; stamps are changed.
        seed: of all streams.
        lo: first set.
        hi: end of the sets.
        wanted: int32 (n,), number under which a node is kept, -1 where it is not.
        epoch: greatest stamp so far.
        queue: int32 (n,), workspace.
        picks: int64 (greatest in-degree,), workspace.
        sizes: int32 (hi - lo,), filled: members of each set.
        members: int32, filled.
        nodes: int64 (1,), grows by the nodes visited.

    Returns:
        How many sets were made before ``members`` was full, and how many members were written.
    """
    _, source, limit, table, cut, root, max_steps = s
    used = visited = 0
    for k in range(lo, hi):
        size = _reverse_set(
            node,
            source,
            limit,
            table,
            cut,
            root,
            max_steps,
            stream(seed, k),
            epoch + 1 + k - lo,
            queue,
            picks,
            False,
            _NOTHING,
        )
        begin = used
        for j in range(size):
            c = wanted[queue[j]]
            if c >= 0:
                if used == members.size:
                    nodes[0] += visited
                    return k - lo, begin
                members[used] = c
                used += 1
        visited += size
        sizes[k - lo] = used - begin
    nodes[0] += visited
    return hi - lo, used


@njit(nogil=True, cache=True, _nrt=False)
def count_hits(
    s: Sampler,
    node: Numbers,
    seed: np.uint64,
    lo: int,
    hi: int,
    marked: NDArray[np.bool_],
    epoch: int,
    queue: NDArray[np.int32],
    picks: Ints,
) -> int:
    """How many of the sets ``lo`` to ``hi`` - 1 hold a marked node; each is left at the first one."""
    _, source, limit, table, cut, root, max_steps = s
    hits = 0
    for k in range(lo, hi):
        size = _reverse_set(
            node,
            source,
            limit,
            table,
            cut,
            root,
            max_steps,
            stream(seed, k),
            epoch + 1 + k - lo,
            queue,
            picks,
            True,
            marked,
        )
        if size < 0:
            hits += 1
    return hits


@njit(nogil=True, cache=True)
def running_sums(start: Ints, values: Floats) -> Floats:
    """Sum of the values so far within each range ``start[v] : start[v + 1]``, float64 of their shape.

    Sums start afresh at every range: differences of one long sum would lose digits.
    """
    sums = np.empty(values.size)
    for v in range(start.size - 1):
        total = 0.0
        for k in range(start[v], start[v + 1]):
            total += values[k]
            sums[k] = total
    return sums
