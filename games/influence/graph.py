"""Directed graphs as flat arrays, from the forms in which people hold them."""

import gzip
import os
import warnings
import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import FileFormatError

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_NODES = 2**31 - 1  # node numbers are int32 in the kernels
_EXACT = 2**53  # floating point holds every integer up to here


@dataclass(frozen=True, slots=True, eq=False)
class DirectedGraph:
    """A simple directed graph; an arc u -> v lets u influence v.

    Arcs are kept sorted by target, then source; arc k goes from ``source[k]`` to the node whose range
    ``in_start[v] : in_start[v + 1]`` holds k. Loops and repeated arcs are not kept, since neither changes
    whom a cascade can reach; ``multiplicity`` remembers repetition for models that count it.

    Attributes:
        in_start: int64 (n + 1,), first in-arc of each node.
        source: int32 (m,), tail of each arc.
        weight: float64 (m,), what the user's data say of each arc, summed over repeated arcs; None without.
        multiplicity: int64 (m,), how often the arc was given.
        labels: names of the nodes, in order; None if they are the numbers themselves.
    """

    in_start: NDArray[np.int64]
    source: NDArray[np.int32]
    weight: NDArray[np.float64] | None
    multiplicity: NDArray[np.int64]
    labels: tuple[Hashable, ...] | None = None
    _numbers: dict[Hashable, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for array in (self.in_start, self.source, self.weight, self.multiplicity):
            if array is not None:
                array.flags.writeable = False

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.in_start.size - 1

    @property
    def num_arcs(self) -> int:
        """Number of distinct arcs."""
        return self.source.size

    @property
    def target(self) -> NDArray[np.int32]:
        """Head of each arc, int32 (m,)."""
        return np.repeat(np.arange(self.num_nodes, dtype=np.int32), np.diff(self.in_start))

    @property
    def in_degree(self) -> NDArray[np.int64]:
        """Distinct in-arcs per node."""
        return np.diff(self.in_start)

    def number(self, node: Hashable) -> int:
        """Number of a node given by its label.

        Raises:
            ValueError: there is no such node.
        """
        if self.labels is None:
            if isinstance(node, int | np.integer) and 0 <= node < self.num_nodes:
                return int(node)
            raise ValueError(f"node must be a number in range({self.num_nodes}), got {node!r}")
        if not self._numbers:
            self._numbers.update({label: k for k, label in enumerate(self.labels)})
        try:
            return self._numbers[node]
        except (KeyError, TypeError):
            raise ValueError(f"the graph has no node {node!r}") from None

    def label(self, number: int) -> Hashable:
        """Label of a node given by its number."""
        return number if self.labels is None else self.labels[number]

    def successors(self) -> "tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]":
        """The out-arcs: start int64 (n + 1,), heads int32 (m,), and which arc each is, int64 (m,)."""
        order = np.argsort(self.source, kind="stable")
        start = np.zeros(self.num_nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.source, minlength=self.num_nodes), out=start[1:])
        return start, self.target[order], order


def graph_from_arcs(
    source: ArrayLike,
    target: ArrayLike,
    *,
    num_nodes: int | None = None,
    weight: ArrayLike | None = None,
    directed: bool = True,
    labels: Sequence[Hashable] | None = None,
) -> DirectedGraph:
    """A graph from its arcs by node number.

    Args:
        source: tails, integers of shape (m,).
        target: heads, integers of shape (m,).
        num_nodes: how many nodes there are; one more than the greatest number where None.
        weight: finite number per arc.
        directed: False makes every entry an arc both ways.
        labels: a distinct name per node.

    Raises:
        ValueError: shapes do not fit, a number is out of range, or labels repeat.
    """
    tails, heads = _integers(source, "source"), _integers(target, "target")
    if tails.shape != heads.shape:
        raise ValueError(f"source and target must have one shape, got {tails.shape} and {heads.shape}")
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    if weights is not None and (weights.shape != tails.shape or not np.isfinite(weights).all()):
        raise ValueError(
            f"weight must hold one finite number per arc, shape {tails.shape}, got {weights.shape}"
        )
    greatest = int(max(tails.max(initial=-1), heads.max(initial=-1)))
    n = greatest + 1 if num_nodes is None else num_nodes
    if not greatest < n <= _MAX_NODES or min(tails.min(initial=0), heads.min(initial=0)) < 0:
        raise ValueError(f"nodes of arcs must lie in range({n}), at most {_MAX_NODES} nodes")
    if labels is not None and (len(labels) != n or len(set(labels)) != n):
        raise ValueError(f"labels must hold {n} distinct names, got {len(labels)}")
    if not directed:
        tails, heads = np.concatenate([tails, heads]), np.concatenate([heads, tails])
        weights = None if weights is None else np.concatenate([weights, weights])
    keep = tails != heads
    key = heads[keep] * n + tails[keep]
    summed: NDArray[np.float64] | None = None
    if weights is None:
        arcs, times = np.unique(key, return_counts=True)
    else:
        arcs, place, times = np.unique(key, return_inverse=True, return_counts=True)
        summed = np.bincount(place, weights=weights[keep], minlength=arcs.size).astype(np.float64)
        if not np.isfinite(summed).all():
            raise ValueError("weight must have finite sums over repeated arcs")
    start = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(arcs // max(n, 1), minlength=n), out=start[1:])
    names = None if labels is None else tuple(labels)
    return DirectedGraph(start, (arcs % max(n, 1)).astype(np.int32), summed, times.astype(np.int64), names)


def as_graph(graph: Any, *, weight: str = "weight") -> DirectedGraph:  # noqa: ANN401  (many libraries)
    """A graph of networkx, igraph or scipy.sparse as ours; ours as it is.

    Args:
        graph: ``networkx`` (Di)Graph, ``igraph.Graph``, or a square scipy sparse array whose entry (u, v) is
            the weight of the arc u -> v. Undirected graphs get arcs both ways.
        weight: name of the arc attribute that holds weights, where all arcs have it.

    Raises:
        TypeError: it is none of these.
        ValueError: a sparse array is not square, or weights are not finite.
    """
    if isinstance(graph, DirectedGraph):
        return graph
    kind = type(graph)
    # Told by what they offer, so that none of these libraries is imported for the sake of a test.
    if hasattr(graph, "tocoo") and hasattr(graph, "shape"):
        if len(graph.shape) != 2 or graph.shape[0] != graph.shape[1]:
            raise ValueError(f"a sparse graph must be square, got shape {graph.shape}")
        entries = graph.tocoo()
        return graph_from_arcs(entries.row, entries.col, num_nodes=graph.shape[0], weight=entries.data)
    if hasattr(graph, "get_edgelist") and hasattr(graph, "vcount"):
        pairs = np.array(graph.get_edgelist(), dtype=np.int64).reshape(-1, 2)
        held = graph.es[weight] if weight in graph.es.attributes() else None
        names = graph.vs["name"] if "name" in graph.vs.attributes() else None
        return graph_from_arcs(
            pairs[:, 0],
            pairs[:, 1],
            num_nodes=graph.vcount(),
            weight=None if held is None or None in held else held,
            directed=graph.is_directed(),
            labels=names,
        )
    if hasattr(graph, "edges") and hasattr(graph, "nodes") and hasattr(graph, "is_directed"):
        names = list(graph.nodes)
        numbers = {name: k for k, name in enumerate(names)}
        arcs = list(graph.edges(data=weight))
        held = [w for *_, w in arcs]
        return graph_from_arcs(
            np.array([numbers[arc[0]] for arc in arcs], dtype=np.int64),
            np.array([numbers[arc[1]] for arc in arcs], dtype=np.int64),
            num_nodes=len(names),
            weight=None if not held or None in held else held,
            directed=graph.is_directed(),
            labels=None if names == list(range(len(names))) else names,
        )
    raise TypeError(
        f"graph must be a DirectedGraph, networkx or igraph graph or a scipy sparse array, got "
        f"{kind.__name__}; read files with read_edge_list"
    )


def read_edge_list(path: str | os.PathLike[str], *, directed: bool = True) -> DirectedGraph:
    """Read lines ``u v`` or ``u v weight``, plain or gzip, as SNAP and KONECT write them.

    Lines that begin with ``#`` or ``%`` are comments. Node names are integers and are renumbered in
    increasing order where they are not 0, 1, ..., n - 1; the names then are the labels.

    Args:
        path: the file.
        directed: False makes every line an arc both ways.

    Raises:
        FileFormatError: a line is not of that form.
        OSError: the file cannot be read.
    """
    place = os.fspath(path)
    with Path(path).open("rb") as raw:
        zipped = raw.read(2) == _GZIP_MAGIC
    try:
        with gzip.open(path, "rb") if zipped else Path(path).open("rb") as file:
            text = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{place}: broken gzip file: {error}") from None
    table = _table(text, place)
    if not np.isfinite(table).all():
        raise FileFormatError(f"{place}: numbers must be finite")
    ends = table[:, :2].astype(np.int64)
    if (ends != table[:, :2]).any() or np.abs(table[:, :2]).max() > _EXACT:
        raise FileFormatError(f"{place}: node names must be integers of at most 2^53")
    width = table.shape[1]
    names, numbers = _renumbered(ends)
    return graph_from_arcs(
        numbers[:, 0],
        numbers[:, 1],
        num_nodes=names.size,
        weight=table[:, 2] if width == 3 else None,
        directed=directed,
        labels=None if names[0] == 0 and names[-1] == names.size - 1 else names.tolist(),
    )


def _table(text: bytes, place: str) -> NDArray[np.int64] | NDArray[np.float64]:
    """The numbers of a file, one row per line: whole where there are no weights."""
    lines = [line for raw in text.splitlines() if (line := raw.strip()) and line[0] not in b"#%"]
    if not lines:
        raise FileFormatError(f"{place}: holds no arcs")
    width = len(lines[0].split())
    if width not in (2, 3):
        raise FileFormatError(f"{place}: a line must hold u v or u v weight, got {lines[0][:80]!r}")
    flat = b"\n".join(lines)
    letters = np.frombuffer(flat, dtype=np.uint8)
    blank = letters <= ord(" ")
    words = np.flatnonzero(~blank & np.append(True, blank[:-1]))  # where each begins
    begins = np.append(0, np.flatnonzero(letters == ord("\n")) + 1)
    odd = np.flatnonzero(np.diff(np.append(np.searchsorted(words, begins), words.size)) != width)
    if odd.size:
        raise FileFormatError(f"{place}: every line must hold {width} numbers, got {lines[odd[0]][:80]!r}")
    values: NDArray[np.int64] | NDArray[np.float64]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # numpy's word for text that is no number
        try:
            values = (
                np.fromstring(flat, dtype=np.float64, sep=" ")
                if width == 3
                else np.fromstring(flat, dtype=np.int64, sep=" ")
            )
        except (DeprecationWarning, ValueError):
            values = np.zeros(0)
    if values.size != words.size:
        raise FileFormatError(f"{place}: every line must hold {width} numbers and nothing else")
    return values.reshape(len(lines), width)


def _renumbered(ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct names, rising, and every end by its place among them."""
    lowest, highest = int(ends.min()), int(ends.max())
    if highest - lowest < 4 * ends.size:  # close enough for a table, which is faster than sorting
        present = np.zeros(highest - lowest + 1, dtype=np.bool_)
        present[ends.ravel() - lowest] = True
        place = np.cumsum(present) - 1
        return np.flatnonzero(present) + lowest, place[ends - lowest]
    names, numbers = np.unique(ends, return_inverse=True)
    return names, numbers.reshape(ends.shape)


def _integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(f"{name} must be a vector of integers, got {array.dtype} of shape {array.shape}")
    return array.astype(np.int64)
