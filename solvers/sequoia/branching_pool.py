"""The open nodes of a branch and bound as rows of arrays, and a heap of them."""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.sequoia.bounds_kernels import Floats, Signs


class Pool(NamedTuple):
    """Nodes of the tree, a row for each.

    Attributes:
        fixed: 0 or 1 where a bit is fixed, -1 where it is free; int8 (rows, N).
        split: 1 or -1 where a neuron's sign was branched on, else 0; int8 (rows, m).
        lower: bounds of neurons, of shape (rows, m).
        upper: likewise.
        alpha: slopes of lower lines, likewise.
        beta: multipliers of splits, likewise.
        bound: on Q, of shape (rows,).
        bit: to branch on, -1 for none; int64 (rows,).
        neuron: likewise.
        number: of the node in order of creation, int64 (rows,).
        dead: no allowed action is in the node, bool (rows,).
        heap: rows of open nodes, the greatest bound first; int64 (rows,).
        unused: rows to be had, int64 (rows,).
    """

    fixed: Signs
    split: Signs
    lower: Floats
    upper: Floats
    alpha: Floats
    beta: Floats
    bound: Floats
    bit: NDArray[np.int64]
    neuron: NDArray[np.int64]
    number: NDArray[np.int64]
    dead: NDArray[np.bool_]
    heap: NDArray[np.int64]
    unused: NDArray[np.int64]


class Questions(NamedTuple):
    """Actions whose membership only the caller can test.

    Attributes:
        action: bool (questions, N).
        row: of the node that dies if the action is not allowed, -1 for none; int64 (questions,).
        number: of that node.
    """

    action: NDArray[np.bool_]
    row: NDArray[np.int64]
    number: NDArray[np.int64]


def more_rows(pool: Pool, width: int, count: int) -> Pool:
    """The same nodes, of ``width`` neurons each, in a pool of twice as many rows.

    Args:
        pool: of which ``count`` rows are unused.
        width: neurons of a node.
        count: as above; it has to be raised by the number of rows.
    """
    rows = pool.bound.size
    more = pool_rows(2 * rows, width, pool.fixed.shape[1])
    for name in Pool._fields:
        first: NDArray[Any] = getattr(more, name)[:rows]
        first.reshape(-1)[:] = getattr(pool, name).reshape(-1)[: first.size]
    more.unused[count : count + rows] = np.arange(2 * rows - 1, rows - 1, -1)
    return more


@njit(nogil=True, cache=True, _nrt=False)
def narrower(pool: Pool, m: int) -> Pool:
    """The same room as rows of m neurons, at most as many as it was made for: for kernels alone.

    Python would get the arrays as they were made.
    """
    rows = pool.bound.size
    size = rows * m
    return Pool(
        pool.fixed,
        pool.split.reshape(-1)[:size].reshape(rows, m),
        pool.lower.reshape(-1)[:size].reshape(rows, m),
        pool.upper.reshape(-1)[:size].reshape(rows, m),
        pool.alpha.reshape(-1)[:size].reshape(rows, m),
        pool.beta.reshape(-1)[:size].reshape(rows, m),
        pool.bound,
        pool.bit,
        pool.neuron,
        pool.number,
        pool.dead,
        pool.heap,
        pool.unused,
    )


def questions_room(number: int, n: int) -> Questions:
    """Room for questions about actions of n bits; a node puts four at most."""
    return Questions(
        np.zeros((number, n), dtype=np.bool_),
        np.zeros(number, dtype=np.int64),
        np.zeros(number, dtype=np.int64),
    )


def pool_rows(rows: int, m: int, n: int) -> Pool:
    """An empty pool for m neurons and n bits."""
    return Pool(
        fixed=np.empty((rows, n), dtype=np.int8),
        split=np.zeros((rows, m), dtype=np.int8),
        lower=np.empty((rows, m)),
        upper=np.empty((rows, m)),
        alpha=np.empty((rows, m)),
        beta=np.zeros((rows, m)),
        bound=np.empty(rows),
        bit=np.empty(rows, dtype=np.int64),
        neuron=np.empty(rows, dtype=np.int64),
        number=np.zeros(rows, dtype=np.int64),
        dead=np.zeros(rows, dtype=np.bool_),
        heap=np.empty(rows, dtype=np.int64),
        unused=np.empty(rows, dtype=np.int64),
    )


@njit(nogil=True, cache=True, _nrt=False)
def push(bound: Floats, heap: NDArray[np.int64], size: int, k: int) -> None:
    """Add row ``k`` to a heap of ``size`` rows, the greatest bound first."""
    i = size
    while i > 0:
        up = (i - 1) // 2
        if bound[heap[up]] >= bound[k]:
            break
        heap[i] = heap[up]
        i = up
    heap[i] = k


@njit(nogil=True, cache=True, _nrt=False)
def pop(bound: Floats, heap: NDArray[np.int64], size: int) -> int:
    """Take the row of greatest bound from a heap of ``size`` rows."""
    top = heap[0]
    k = heap[size - 1]
    i = 0
    while True:
        down = 2 * i + 1
        if down >= size - 1:
            break
        if down + 1 < size - 1 and bound[heap[down + 1]] > bound[heap[down]]:
            down += 1
        if bound[k] >= bound[heap[down]]:
            break
        heap[i] = heap[down]
        i = down
    heap[i] = k
    return int(top)
