"""Graphs and diffusion models as header objects and arrays.

Up to ``LARGEST_WHOLE`` arcs a graph lies in the file whole: four bytes an arc, and eight more where arcs have
weights, were repeated, or have probabilities that no rule gives. So the claim can be checked for as long as
the file exists, whatever becomes of the edge list. A larger graph that was read from a file is named
instead, with a digest of its arcs: a copy of it beside each result would soon fill a disk, and the digest
tells any other graph. Only the name without folders is kept, so a result cannot make its reader open files
elsewhere.
"""

import hashlib
import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.influence.diffusion import (
    Diffusion,
    IndependentCascade,
    LinearThreshold,
    Triggering,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.graph import DirectedGraph, read_edge_list
from games.storage.fields import Arrays, Fields, array_of
from games.storage.labels import decode_labels, encode_labels

Encoded: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[Any]]]

LARGEST_WHOLE = 1 << 22
"""Arcs up to which a graph is stored even if it came from a file."""


@dataclass(frozen=True, slots=True)
class GraphFile:
    """The edge list a graph was read from.

    Attributes:
        path: the file.
        directed: whether its lines are arcs one way.
    """

    path: Path
    directed: bool = True


def encode_graph(graph: DirectedGraph, source: GraphFile | None) -> Encoded:
    """Header object and arrays of a graph.

    Args:
        graph: the graph.
        source: where it was read from; None for graphs that are in no file.

    Raises:
        TypeError: labels are neither all whole numbers nor all words.
    """
    header: dict[str, Any] = {"nodes": graph.num_nodes, "arcs": graph.num_arcs}
    if source is not None and graph.num_arcs > LARGEST_WHOLE:
        return header | {
            "kind": "file",
            "file": source.path.name,
            "directed": source.directed,
            "sha256": digest_of(graph),
        }, {}
    header |= {"kind": "arrays", "labels": "none"}
    arrays: dict[str, NDArray[Any]] = {"in_start": graph.in_start, "source": graph.source}
    if graph.weight is not None:
        arrays["arc_weight"] = graph.weight
    if (graph.multiplicity > 1).any():
        arrays["multiplicity"] = graph.multiplicity
    if graph.labels is not None:
        header["labels"], held = _encode_names(graph.labels)
        arrays |= held
    return header, arrays


def decode_graph(fields: Fields, arrays: Arrays, folder: Path, graph_file: Path | None) -> DirectedGraph:
    """The graph that ``encode_graph`` wrote.

    Args:
        fields: its header object.
        arrays: of the bundle.
        folder: where the result lies, and a named graph too unless ``graph_file`` says otherwise.
        graph_file: the edge list, wherever it is; None to look beside the result.

    Raises:
        FileFormatError: a part is missing, breaks a rule, or the named graph is another one.
        FileNotFoundError: the named graph is not there.
    """
    kind = fields.text("kind")
    if kind == "arrays":
        return _decode_arrays(fields, arrays)
    if kind != "file":
        raise fields.error("kind", "'arrays' or 'file'")
    name, directed = fields.text("file"), fields.values.get("directed")
    if not name or name != os.path.basename(name) or name in (".", ".."):
        raise fields.error("file", "a file name without folders")
    if not isinstance(directed, bool):
        raise fields.error("directed", "true or false")
    place = folder / name if graph_file is None else graph_file
    if not place.is_file():
        raise FileNotFoundError(f"{fields.place}: the graph is in {name}, wanted at {place} or named")
    graph = read_edge_list(place, directed=directed)
    if digest_of(graph) != fields.text("sha256"):
        raise FileFormatError(f"{place}: is not the graph that {fields.place} is about (SHA-256)")
    return graph


def digest_of(graph: DirectedGraph) -> str:
    """SHA-256 of nodes, arcs, weights and labels, whatever file they came from."""
    digest = hashlib.sha256()
    for array in (graph.in_start, graph.source, graph.multiplicity):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(b"" if graph.weight is None else graph.weight.tobytes())
    digest.update(repr(graph.labels).encode())
    return digest.hexdigest()


def _encode_names(labels: Sequence[object]) -> tuple[str, dict[str, NDArray[Any]]]:
    if all(isinstance(label, Integral) and not isinstance(label, bool) for label in labels):
        numbers = [int(label) for label in labels if isinstance(label, Integral)]
        return "numbers", {"node_labels": np.array(numbers, dtype=np.int64)}
    if all(isinstance(label, str) for label in labels):
        return "words", {**encode_labels("node_labels", map(str, labels))}
    strange = next(label for label in labels if not isinstance(label, str))
    raise TypeError(f"labels of nodes must be all whole numbers or all words to be saved, got {strange!r}")


def _decode_arrays(fields: Fields, arrays: Arrays) -> DirectedGraph:
    place = fields.place
    in_start = array_of(arrays, "in_start", np.int64, 1, place)
    source = array_of(arrays, "source", np.int32, 1, place)
    n, m = in_start.size - 1, source.size
    if n != fields.integer("nodes") or m != fields.integer("arcs"):
        raise FileFormatError(f"{place}: the arrays hold {n} nodes and {m} arcs, the header says otherwise")
    if n < 1 or in_start[0] != 0 or in_start[-1] != m or (np.diff(in_start) < 0).any():
        raise FileFormatError(f"{place}: array 'in_start' must rise from 0 to {m}")
    target = np.repeat(np.arange(n, dtype=np.int64), np.diff(in_start))
    inside = m == 0 or (source.min() >= 0 and source.max() < n)
    if not inside or (source == target).any() or (np.diff(target * n + source) <= 0).any():
        raise FileFormatError(f"{place}: array 'source' must hold distinct other nodes, rising per target")
    weight = multiplicity = None
    if "arc_weight" in arrays:
        weight = array_of(arrays, "arc_weight", np.float64, 1, place)
        if weight.shape != (m,) or not np.isfinite(weight).all():
            raise FileFormatError(f"{place}: array 'arc_weight' must hold {m} finite numbers")
    if "multiplicity" in arrays:
        multiplicity = array_of(arrays, "multiplicity", np.int64, 1, place)
        if multiplicity.shape != (m,) or (multiplicity < 1).any():
            raise FileFormatError(f"{place}: array 'multiplicity' must hold {m} positive numbers")
    times = np.ones(m, dtype=np.int64) if multiplicity is None else multiplicity
    return DirectedGraph(in_start, source, weight, times, _decode_names(fields, arrays, n))


def _decode_names(fields: Fields, arrays: Arrays, n: int) -> tuple[Hashable, ...] | None:
    kind = fields.text("labels")
    names: tuple[Hashable, ...]
    if kind == "none":
        return None
    if kind == "numbers":
        names = tuple(array_of(arrays, "node_labels", np.int64, 1, fields.place).tolist())
    elif kind == "words":
        names = decode_labels(arrays, "node_labels", fields.place)
    else:
        raise fields.error("labels", "'none', 'numbers' or 'words'")
    if len(set(names)) != n or len(names) != n:
        raise FileFormatError(f"{fields.place}: wanted {n} distinct labels, got {len(names)}")
    return names


def encode_diffusion(diffusion: Diffusion) -> Encoded:
    """Header object and arrays of a model; probabilities that a rule gives are left to the rule.

    Raises:
        TypeError: a model that is not of this package.
    """
    graph = diffusion.graph
    header: dict[str, Any] = {"max_steps": None if diffusion.max_steps is None else int(diffusion.max_steps)}
    if isinstance(diffusion, IndependentCascade):
        values, ready = diffusion.probability, weighted_cascade(graph).probability
        header["kind"] = "independent_cascade"
    elif isinstance(diffusion, LinearThreshold):
        values, ready = diffusion.weight, uniform_threshold(graph).weight
        header["kind"] = "linear_threshold"
    elif isinstance(diffusion, Triggering):
        return header | {"kind": "triggering"}, _encode_sets(diffusion)
    else:
        raise TypeError(f"diffusion must be a model of games.influence, got {type(diffusion).__name__}")
    if np.array_equal(values, ready):
        return header | {"arcs": "one over in-degree"}, {}
    if values.size and header["kind"] == "independent_cascade" and (values == values[0]).all():
        return header | {"arcs": "alike", "probability": float(values[0])}, {}
    return header | {"arcs": "each"}, {"arc_chance": values}


def decode_diffusion(fields: Fields, arrays: Arrays, graph: DirectedGraph) -> Diffusion:
    """The model that ``encode_diffusion`` wrote.

    Raises:
        FileFormatError: a part is missing, of another kind, or out of its range.
    """
    kind, steps = fields.text("kind"), None
    if fields.values.get("max_steps") is not None:
        steps = fields.integer("max_steps")
    try:
        if kind == "triggering":
            return _decode_sets(fields, arrays, graph, steps)
        if kind not in ("independent_cascade", "linear_threshold"):
            raise fields.error("kind", "'independent_cascade', 'linear_threshold' or 'triggering'")
        cascade, arcs = kind == "independent_cascade", fields.text("arcs")
        if arcs == "one over in-degree":
            ready = weighted_cascade if cascade else uniform_threshold
            return ready(graph, max_steps=steps)
        if arcs == "alike" and cascade:
            return uniform_cascade(graph, fields.number("probability"), max_steps=steps)
        if arcs == "each":
            values = array_of(arrays, "arc_chance", np.float64, 1, fields.place)
            model = IndependentCascade if cascade else LinearThreshold
            return model(graph, values, steps)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error
    raise fields.error("arcs", "'one over in-degree', 'alike' or 'each'")


def _encode_sets(diffusion: Triggering) -> dict[str, NDArray[Any]]:
    """Per option its node, chance and where its members end."""
    options = [(v, p, members) for v, held in diffusion.sets.items() for p, members in held]
    ends = np.cumsum([len(members) for *_, members in options])
    return {
        "set_node": np.array([v for v, *_ in options], dtype=np.int64),
        "set_chance": np.array([p for _, p, _ in options], dtype=np.float64),
        "set_ends": ends.astype(np.int64),
        "set_member": np.array([u for *_, members in options for u in members], dtype=np.int64),
    }


def _decode_sets(fields: Fields, arrays: Arrays, graph: DirectedGraph, steps: int | None) -> Triggering:
    node, ends, member = (
        array_of(arrays, name, np.int64, 1, fields.place) for name in ("set_node", "set_ends", "set_member")
    )
    chance = array_of(arrays, "set_chance", np.float64, 1, fields.place)
    bounds = np.concatenate([[0], ends])
    if not node.size == ends.size == chance.size or (np.diff(bounds) < 0).any() or bounds[-1] != member.size:
        raise FileFormatError(f"{fields.place}: the arrays of triggering sets do not fit each other")
    sets: dict[int, list[tuple[float, tuple[int, ...]]]] = {}
    for k, (v, p) in enumerate(zip(node.tolist(), chance.tolist(), strict=True)):
        sets.setdefault(v, []).append((p, tuple(member[bounds[k] : bounds[k + 1]].tolist())))
    return Triggering(graph, sets, steps)
