"""Graphs from every form in which people hold them, and diffusion models that refuse bad numbers."""

import gzip

import igraph
import networkx as nx
import numpy as np
import pytest
from scipy.sparse import coo_array, csr_matrix

from games.errors import FileFormatError
from games.influence.diffusion import (
    IndependentCascade,
    LinearThreshold,
    Triggering,
    uniform_cascade,
    weighted_cascade,
)
from games.influence.exact import exact_spread
from games.influence.graph import as_graph, graph_from_arcs, read_edge_list


def _arcs(graph):
    return list(zip(graph.source.tolist(), graph.target.tolist(), strict=True))


def test_duplicates_are_merged_and_loops_dropped():
    graph = graph_from_arcs([0, 0, 1, 2, 0], [1, 1, 1, 0, 2], weight=[1.0, 2.5, 9.0, 4.0, 8.0])
    assert graph.num_nodes == 3
    assert _arcs(graph) == [(2, 0), (0, 1), (0, 2)]
    assert graph.weight is not None
    np.testing.assert_array_equal(graph.weight, [4.0, 3.5, 8.0])
    np.testing.assert_array_equal(graph.multiplicity, [1, 2, 1])
    np.testing.assert_array_equal(graph.in_degree, [1, 1, 1])


def test_undirected_entries_are_arcs_both_ways():
    graph = graph_from_arcs([0, 1], [1, 2], directed=False, num_nodes=4)
    assert _arcs(graph) == [(1, 0), (0, 1), (2, 1), (1, 2)]
    start, head, arc = graph.successors()
    assert [head[start[v] : start[v + 1]].tolist() for v in range(4)] == [[1], [0, 2], [1], []]
    np.testing.assert_array_equal(graph.target[arc], head)


def test_arrays_cannot_be_changed():
    graph = graph_from_arcs([0], [1])
    with pytest.raises(ValueError, match="read-only"):
        graph.source[0] = 1


def test_labels():
    graph = graph_from_arcs([0], [1], labels=["ann", "bob"])
    assert graph.number("bob") == 1
    assert graph.label(0) == "ann"
    for unknown in ("cid", ["ann"], 0):
        with pytest.raises(ValueError, match="the graph has no node"):
            graph.number(unknown)
    plain = graph_from_arcs([0], [1])
    assert plain.number(np.int64(1)) == 1
    for unknown in (2, -1, "1"):
        with pytest.raises(ValueError, match=r"node must be a number in range\(2\)"):
            plain.number(unknown)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [1, 2]), "one shape"),
        (([0.5], [1]), "source must be a vector of integers"),
        (([[0]], [[1]]), "source must be a vector of integers"),
        (([-1], [1]), "must lie in range"),
    ],
)
def test_bad_arcs(arguments, message):
    with pytest.raises(ValueError, match=message):
        graph_from_arcs(*arguments)


def test_bad_extras():
    with pytest.raises(ValueError, match="must lie in range"):
        graph_from_arcs([0], [5], num_nodes=3)
    with pytest.raises(ValueError, match="one finite number per arc"):
        graph_from_arcs([0], [1], weight=[np.nan])
    with pytest.raises(ValueError, match="one finite number per arc"):
        graph_from_arcs([0], [1], weight=[1.0, 2.0])
    with pytest.raises(ValueError, match="labels must hold 2 distinct names"):
        graph_from_arcs([0], [1], labels=["a", "a"])


def test_empty_graph():
    graph = graph_from_arcs([], [], num_nodes=3)
    assert graph.num_arcs == 0
    assert exact_spread(weighted_cascade(graph), [0, 2]) == 2.0
    assert graph_from_arcs([], []).num_nodes == 0


@pytest.mark.parametrize("kind", [nx.DiGraph, nx.Graph, nx.MultiDiGraph])
def test_networkx(kind):
    theirs = kind()
    theirs.add_nodes_from("dcba")
    theirs.add_weighted_edges_from([("a", "b", 1.0), ("b", "c", 2.0), ("c", "c", 9.0)])
    if kind is nx.MultiDiGraph:
        theirs.add_edge("a", "b", weight=4.0)
    graph = as_graph(theirs)
    assert graph.labels == tuple("dcba")
    named = {
        (graph.label(u), graph.label(v)): w
        for (u, v), w in zip(_arcs(graph), graph.weight.tolist(), strict=True)
    }
    wanted = {("a", "b"): 5.0 if kind is nx.MultiDiGraph else 1.0, ("b", "c"): 2.0}
    if kind is nx.Graph:
        wanted |= {(v, u): w for (u, v), w in wanted.items()}
    assert named == wanted


def test_networkx_with_plain_numbers_and_missing_weights():
    theirs = nx.DiGraph([(0, 1), (1, 2)])
    theirs.edges[0, 1]["weight"] = 3.0
    graph = as_graph(theirs)
    assert graph.labels is None
    assert graph.weight is None
    assert as_graph(graph) is graph
    assert as_graph(nx.DiGraph()).num_nodes == 0


@pytest.mark.parametrize("kind", [csr_matrix, coo_array])
def test_scipy(kind):
    dense = np.array([[0.0, 2.0, 0.0], [0.0, 7.0, 3.0], [1.0, 0.0, 0.0]])
    graph = as_graph(kind(dense))
    assert _arcs(graph) == [(2, 0), (0, 1), (1, 2)]
    np.testing.assert_array_equal(graph.weight, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="must be square"):
        as_graph(csr_matrix(np.ones((2, 3))))


def test_igraph():
    theirs = igraph.Graph([(0, 1), (1, 2)], directed=False)
    theirs.vs["name"] = ["x", "y", "z"]
    theirs.es["weight"] = [1.0, 2.0]
    graph = as_graph(theirs)
    assert graph.labels == ("x", "y", "z")
    assert _arcs(graph) == [(1, 0), (0, 1), (2, 1), (1, 2)]


def test_other_things_are_no_graphs():
    with pytest.raises(TypeError, match="read files with read_edge_list"):
        as_graph("graph.txt")


@pytest.mark.parametrize("opener", [open, gzip.open], ids=["plain", "gzip"])
def test_files(tmp_path, opener):
    path = tmp_path / "graph.txt"
    with opener(path, "wb") as file:
        file.write(b"# a comment\n% another\n\n10\t30\n30  20 \r\n\n 10 30\n# between\n20 20\n")
    graph = read_edge_list(path)
    assert graph.labels == (10, 20, 30)
    assert [(graph.label(u), graph.label(v)) for u, v in _arcs(graph)] == [(30, 20), (10, 30)]
    assert graph.weight is None
    assert read_edge_list(path, directed=False).num_arcs == 4


def test_files_with_weights_and_distant_names(tmp_path):
    path = tmp_path / "graph.txt"
    path.write_bytes(b"5 9000000000 0.5\n9000000000 -3 1e-3")
    graph = read_edge_list(path)
    assert graph.labels == (-3, 5, 9_000_000_000)
    np.testing.assert_array_equal(graph.weight, [1e-3, 0.5])


def test_names_that_are_numbers_in_order_are_no_labels(tmp_path):
    path = tmp_path / "graph.txt"
    path.write_bytes(b"2 0\n0 1")
    assert read_edge_list(path).labels is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"# only words\n",
        b"1\n2\n",
        b"1 2 3 4\n",
        b"1 2\n3\n",
        b"1 2\n3 4 5\n6\n",
        b"1 2\n3 x\n",
        b"1 2\n3 4.5\n",
        b"1 2\n3 4-5\n",
        b"1.5 2 1.0\n",
        b"1 2 weight\n",
        b"1 2 nan\n",
        b"a b\n",
        b"1 99999999999999999999\n",
        b"1 2 3\n4 99999999999999999 1\n",
    ],
)
def test_bad_files(tmp_path, text):
    path = tmp_path / "graph.txt"
    path.write_bytes(text)
    with pytest.raises((FileFormatError, ValueError)):
        read_edge_list(path)


def test_broken_gzip(tmp_path):
    path = tmp_path / "graph.gz"
    whole = gzip.compress(b"0 1\n" * 1000)
    for broken in (whole[:-12], whole[:20] + b"\xff" * 8 + whole[28:]):
        path.write_bytes(broken)
        with pytest.raises(FileFormatError, match="broken gzip"):
            read_edge_list(path)
    with pytest.raises(FileNotFoundError):
        read_edge_list(tmp_path / "absent")


def test_models_refuse_bad_numbers():
    graph = graph_from_arcs([0, 1], [2, 2])
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\]"):
        uniform_cascade(graph, 1.5)
    with pytest.raises(ValueError, match="probability must hold one finite number per arc"):
        IndependentCascade(graph, np.array([0.5]))
    with pytest.raises(ValueError, match="weight must be at least 0"):
        LinearThreshold(graph, np.array([0.5, -0.1]))
    with pytest.raises(ValueError, match="weights into node 2 sum to"):
        LinearThreshold(graph, np.array([0.6, 0.6]))
    with pytest.raises(ValueError, match="max_steps must be at least 0"):
        weighted_cascade(graph, max_steps=-1)
    with pytest.raises(ValueError, match="must sum to 1"):
        Triggering(graph, {2: [(0.5, (0,))]})
    with pytest.raises(ValueError, match="do not point to node 2"):
        Triggering(graph, {2: [(1.0, (2,))]})
    with pytest.raises(ValueError, match=r"node must lie in range\(3\)"):
        Triggering(graph, {3: [(1.0, ())]})


def test_every_model_lists_a_distribution():
    graph = graph_from_arcs([0, 1, 2], [3, 3, 3])
    for diffusion in (
        weighted_cascade(graph),
        uniform_cascade(graph, 1.0),
        LinearThreshold(graph, np.array([0.2, 0.3, 0.5])),
        Triggering(graph, {}),
    ):
        for node in range(4):
            assert sum(p for p, _ in diffusion.triggering_sets(node)) == pytest.approx(1.0)
    assert weighted_cascade(graph).triggering_sets(0) == [(1.0, ())]
