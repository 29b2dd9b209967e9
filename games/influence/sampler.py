"""Diffusion models made ready for reverse sampling, with some nodes taken out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from games.influence import reverse_kernels as rk
from games.influence.diffusion import Diffusion, IndependentCascade, LinearThreshold
from games.influence.graph import DirectedGraph
from games.influence.nodes import node_numbers, node_weights

_TABLE_MEAN = 4.0  # live arcs expected at a node above which jumps beat a table
_TABLE_LONGEST = 64  # at that mean more live arcs than this have a chance below 1e-40


@dataclass(frozen=True, slots=True, eq=False)
class ReverseModel:
    """A diffusion on the nodes that are left, numbered anew.

    Attributes:
        sampler: what the kernels read.
        nodes: number in the graph of each node that is left, int64 (n,).
        place: number here of each node of the graph, -1 where taken out, int64 (graph nodes,).
        total: what all nodes together are worth: their number, or the sum of their weights.
    """

    sampler: rk.Sampler
    nodes: NDArray[np.int64]
    place: NDArray[np.int64]
    total: float

    @property
    def num_nodes(self) -> int:
        """Number of nodes left."""
        return self.nodes.size

    @property
    def most_arcs(self) -> int:
        """Greatest number of in-arcs of a node, at least 1."""
        starts = np.append(self.sampler.node[:, rk.START], self.sampler.source.size)
        return max(1, int(np.diff(starts).max(initial=0)))


def reverse_model(
    diffusion: Diffusion, *, removed: ArrayLike = (), node_weight: ArrayLike | None = None
) -> ReverseModel:
    """Prepare a model.

    Args:
        diffusion: the model; probabilities and weights stay those of the whole graph.
        removed: numbers of nodes that neither count nor pass anything on.
        node_weight: what reaching each node of the graph is worth, non-negative, shape (graph nodes,); one
            each where None.

    Raises:
        ValueError: a removed node does not exist, nothing is left, or weights are out of range.
    """
    graph = diffusion.graph
    keep = np.ones(graph.num_nodes, dtype=np.bool_)
    keep[node_numbers(np.asarray(removed), graph, "removed")] = False
    nodes = np.flatnonzero(keep)
    if nodes.size == 0:
        raise ValueError("no node is left once the removed ones are gone")
    place = np.full(graph.num_nodes, -1, dtype=np.int64)
    place[nodes] = np.arange(nodes.size)
    root, total = _roots(node_weight, graph, nodes)
    steps = -1 if diffusion.max_steps is None else diffusion.max_steps
    target = graph.target
    arcs = np.flatnonzero(keep[graph.source] & keep[target])
    heads = place[target[arcs]]
    tails = place[graph.source[arcs]].astype(np.int32)
    if isinstance(diffusion, IndependentCascade):
        parts = _cascade(nodes.size, heads, tails, diffusion.probability[arcs])
    elif isinstance(diffusion, LinearThreshold):
        parts = _threshold(nodes.size, heads, tails, diffusion.weight[arcs])
    else:
        parts = _listed(diffusion, nodes, place)
    return ReverseModel(parts.sampler(root, steps), nodes, place, total)


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What the kernels read of the arcs; one entry per node unless said otherwise.

    Attributes:
        start: first in-arc.
        source: tail of each arc.
        kind: how the node draws.
        options: in-arcs, or triggering sets where they are listed.
        row: where its row begins.
        limit: rows of the counted nodes.
        table: rows of all others.
        cut: where the members of each triggering set end.
    """

    start: NDArray[np.int64]
    source: NDArray[np.int32]
    kind: NDArray[np.int64]
    options: NDArray[np.int64]
    row: NDArray[np.int64]
    limit: NDArray[np.uint64]
    table: NDArray[np.float64]
    cut: NDArray[np.int64]

    def sampler(self, root: NDArray[np.float64], max_steps: int) -> rk.Sampler:
        """Packed for the kernels."""
        shape = np.where(self.options > 0, self.options << rk.KIND_BITS | self.kind, 0)
        columns = (self.start, shape, self.row, np.zeros_like(shape))
        fits = max(int(column.max()) for column in columns) < 2**31
        packed = np.stack(columns, axis=1)
        node: rk.Numbers = packed.astype(np.int32) if fits else packed.astype(np.int64)
        return rk.Sampler(node, self.source, self.limit, self.table, self.cut, root, max_steps)


_NO_LIMITS = np.zeros(0, dtype=np.uint64)
_NO_CUTS = np.zeros(0, dtype=np.int64)
_GREATEST_WORD = np.uint64(2**64 - 1)


def _cascade(
    n: int, heads: NDArray[np.int64], tails: NDArray[np.int32], chances: NDArray[np.float64]
) -> _Parts:
    possible = chances > 0  # dead arcs would only cost time
    heads, tails, chances = heads[possible], tails[possible], chances[possible]
    start = _starts(heads, n)
    degree = np.diff(start)
    least, greatest = _extremes(chances, start)
    even = least == greatest
    kind = np.full(n, rk.SORTED, dtype=np.int64)
    kind[even] = rk.SKIP
    kind[even & (degree * greatest <= _TABLE_MEAN)] = rk.COUNT
    kind[even & (greatest == 1.0)] = rk.ALL
    if not even.all():
        order = np.lexsort((-chances, heads))
        tails, chances = tails[order], chances[order]
    row = np.zeros(n, dtype=np.int64)
    counted = np.flatnonzero((kind == rk.COUNT) & (degree > 0))
    limit, row[counted] = _count_rows(degree[counted], greatest[counted])
    skipped = np.flatnonzero(kind == rk.SKIP)
    row[skipped] = np.arange(skipped.size)
    table = [_jump_scale(greatest[skipped])]
    sorted_nodes = np.flatnonzero(kind == rk.SORTED)
    width = 2 * degree[sorted_nodes]
    row[sorted_nodes] = skipped.size + np.cumsum(width) - width
    falling = chances[np.repeat(kind == rk.SORTED, degree)]
    table.append(np.stack([falling, _jump_scale(falling)], axis=1).ravel())
    return _Parts(start[:-1], tails, kind, degree, row, limit, np.concatenate(table), _NO_CUTS)


def _jump_scale(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(1 - uniform) times this is a geometric jump; a certain arc is never jumped."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1.0 / np.log1p(-chance)


def _count_rows(
    degree: NDArray[np.int64], chance: NDArray[np.float64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Binomial distribution functions in units of a word, a row per degree and chance; each node's row."""
    order = np.lexsort((chance, degree))
    new = np.ones(order.size, dtype=np.bool_)
    new[1:] = (np.diff(degree[order]) != 0) | (np.diff(chance[order]) != 0)
    pair = order[new]
    number = np.minimum(degree[pair], _TABLE_LONGEST)
    begin = np.cumsum(number) - number
    below = np.arange(number.sum()) - np.repeat(begin, number)
    row = bdtr(below, np.repeat(degree[pair], number), np.repeat(chance[pair], number))
    # The distribution rises to 1, so what is left of each row is its beginning.
    kept = row < 1.0
    width = np.add.reduceat(kept, begin, dtype=np.int64) + 1 if pair.size else number
    end = np.cumsum(width)
    limit = np.full(width.sum(), _GREATEST_WORD)
    inner = np.ones(limit.size, dtype=np.bool_)
    inner[end - 1] = False
    # A word at most w is drawn with probability (w + 1) / 2^64. Chances below that round up.
    limit[inner] = np.maximum((row[kept] * 2.0**64).astype(np.uint64), 1) - np.uint64(1)
    place = np.empty(order.size, dtype=np.int64)
    place[order] = (end - width)[np.cumsum(new) - 1]
    return limit, place


def _threshold(
    n: int, heads: NDArray[np.int64], tails: NDArray[np.int32], weights: NDArray[np.float64]
) -> _Parts:
    possible = weights > 0
    heads, tails, weights = heads[possible], tails[possible], weights[possible]
    start = _starts(heads, n)
    degree = np.diff(start)
    least, greatest = _extremes(weights, start)
    even = least == greatest
    kind = np.where(even, rk.ONE, rk.PICK)
    row = np.zeros(n, dtype=np.int64)
    row[even] = np.arange(np.count_nonzero(even))
    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1.0 / greatest[even]
    running = rk.running_sums(start, weights)[np.repeat(~even, degree)]
    width = degree[~even]
    row[~even] = inverse.size + np.cumsum(width) - width
    table = np.concatenate([inverse, running])
    return _Parts(start[:-1], tails, kind, degree, row, _NO_LIMITS, table, _NO_CUTS)


def _listed(diffusion: Diffusion, nodes: NDArray[np.int64], place: NDArray[np.int64]) -> _Parts:
    start, row, options = [], [], []
    members: list[int] = []
    table: list[float] = []
    cut: list[int] = []
    for v in nodes.tolist():
        start.append(len(members))
        row.append(len(table))
        running = 0.0
        for chance, group in diffusion.triggering_sets(v):
            running += chance
            members.extend(int(place[u]) for u in group if place[u] >= 0)
            table.append(running)
            cut.append(len(members))
        options.append(len(table) - row[-1])
    return _Parts(
        np.array(start, dtype=np.int64),
        np.array(members, dtype=np.int32),
        np.full(nodes.size, rk.SETS, dtype=np.int64),
        np.array(options, dtype=np.int64),
        np.array(row, dtype=np.int64),
        _NO_LIMITS,
        np.array(table),
        np.array(cut, dtype=np.int64),
    )


def _extremes(
    values: NDArray[np.float64], start: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest value over each node's arcs, 0 where it has none."""
    least, greatest = np.zeros(start.size - 1), np.zeros(start.size - 1)
    some = np.flatnonzero(np.diff(start) > 0)
    if some.size:
        least[some] = np.minimum.reduceat(values, start[some])
        greatest[some] = np.maximum.reduceat(values, start[some])
    return least, greatest


def _starts(heads: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(heads, minlength=n), out=start[1:])
    return start


def _roots(
    node_weight: ArrayLike | None, graph: DirectedGraph, nodes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    if node_weight is None:
        return np.zeros(0), float(nodes.size)
    running = np.cumsum(node_weights(node_weight, graph)[nodes])
    if not running[-1] > 0:
        raise ValueError("node_weight must be positive at some node that is not removed")
    return running, float(running[-1])
