"""The one call, on every form in which people hold graphs."""

import gzip

import igraph
import networkx as nx
import numpy as np
import pytest
from scipy.sparse import coo_array

import solvers
from games.influence import DirectedGraph, as_graph, exact_spread, uniform_threshold, weighted_cascade
from games.results import Status
from solvers.influence import solve

KARATE = nx.karate_club_graph()


def forms(folder):
    both = nx.to_scipy_sparse_array(KARATE, weight=None)
    plain, zipped = folder / "karate.txt", folder / "karate.txt.gz"
    text = "# both ways\n" + "".join(f"{u}\t{v}\n{v}\t{u}\n" for u, v in KARATE.edges)
    plain.write_text(text)
    zipped.write_bytes(gzip.compress(text.encode()))
    return {
        "networkx": KARATE,
        "directed networkx": KARATE.to_directed(),
        "igraph": igraph.Graph(KARATE.number_of_nodes(), list(KARATE.edges)),
        "scipy": both,
        "coo": coo_array(both),
        "own": as_graph(KARATE),
        "path": plain,
        "text path": str(plain),
        "gzip": zipped,
    }


def test_every_form_of_one_graph_gives_one_answer(tmp_path):
    answers = {name: solve(graph, [0, 33], 2).unwrap() for name, graph in forms(tmp_path).items()}
    first = answers["networkx"]
    assert first.ratio >= 0.85
    for answer in answers.values():
        assert answer.friends == first.friends
        assert answer.spread == first.spread
        assert answer.spread_interval == first.spread_interval


def test_what_comes_back():
    result = solve(KARATE, [0, 33], {0: 1, 33: 3}, target_ratio=0.8, confidence=0.95, threads=2)
    found = result.unwrap()
    assert result.status is Status.CERTIFIED
    assert result.certificate.measure == "optimality_gap"
    assert result.certificate.bound == pytest.approx(1 - found.ratio)
    assert result.certificate.confidence == 0.95
    assert set(found.friends) == {0, 33}
    assert len(found.friends[0]) <= 1
    assert len(found.friends[33]) <= 3
    assert all(KARATE.has_edge(u, v) for u, vs in found.friends.items() for v in vs)
    low, high = found.spread_interval
    assert low <= found.spread <= high
    assert low / found.optimum_bound == pytest.approx(found.ratio)
    assert {"sets", "bounded_by", "chosen_by"} <= result.info.keys()


def test_names_and_another_model():
    graph = nx.DiGraph([("ann", "bob"), ("ann", "cy"), ("cy", "dee"), ("dee", "eve"), ("bob", "fay")])
    for model in (weighted_cascade, uniform_threshold):
        found = solve(graph, ["ann"], 1, diffusion=model, target_ratio=0.99).unwrap()
        # Every node has one in-neighbour, so each arc is certain.
        assert found.friends == {"ann": ("cy",)}
        numbers = [list(graph.nodes).index(v) for v in found.seeds]
        assert exact_spread(model(as_graph(graph)), numbers, removed=[0]) == 3.0
        assert found.spread == pytest.approx(3.0, rel=0.05)
        assert found.spread_interval[0] <= 3.0 <= found.spread_interval[1]


def test_those_named_by_weight_are_the_target():
    """Ann's friend bob reaches three, but only dee, whom cy reaches, is worth anything."""
    graph = nx.DiGraph([("ann", "bob"), ("ann", "cy"), ("bob", "x"), ("bob", "y"), ("cy", "dee")])
    names = list(graph.nodes)
    array = [5.0 if name == "dee" else 0.0 for name in names]
    for stopping in ({"target_ratio": 0.95}, {"eps": 0.1, "confidence": 0.99}):
        assert solve(graph, ["ann"], 1, **stopping).unwrap().friends == {"ann": ("bob",)}
        named = solve(graph, ["ann"], 1, node_weight={"dee": 5.0}, **stopping).unwrap()
        assert named.friends == {"ann": ("cy",)}
        assert named.spread_interval[0] <= 5.0 <= named.spread_interval[1]
        assert named.optimum_bound >= 5.0
        listed = solve(graph, ["ann"], 1, node_weight=array, **stopping).unwrap()
        assert listed.friends == named.friends
        assert listed.spread_interval == named.spread_interval


def test_capacities_may_differ_and_exceed_every_degree():
    both = solve(KARATE, [0, 33], {0: 10**15, 33: 2}).unwrap()
    assert len(both.friends[0]) == KARATE.degree(0)
    assert len(both.friends[33]) == 2
    paper = solve(KARATE, [0, 33], {0: 10**15, 33: 2}, eps=0.1).unwrap()
    assert len(paper.friends[0]) >= KARATE.degree(0) - 2


def test_the_papers_rule_and_the_limits():
    paper = solve(KARATE, [0, 33], 2, eps=0.1)
    assert paper.solver == "rr_opim_plus"
    assert paper.unwrap().ratio >= 0.4
    assert paper.certificate.confidence == pytest.approx(1 - 1 / 32)
    short = solve(KARATE, [0, 33], 2, target_ratio=0.999, max_sets=512)
    assert short.status is Status.LIMIT
    assert short.info["sets"] <= 512
    assert len(short.unwrap().seeds) > 0
    hurried = solve(KARATE, [0, 33], 2, target_ratio=0.999, max_seconds=0.0)
    assert hurried.status is Status.LIMIT
    assert hurried.steps == 1


def test_seeds_and_threads_decide_nothing_else():
    one = solve(KARATE, [0, 33], 2, rng=np.random.default_rng(7)).unwrap()
    two = solve(KARATE, [0, 33], 2, rng=np.random.default_rng(7), threads=3).unwrap()
    assert one.friends == two.friends
    assert one.spread_interval == two.spread_interval


def test_progress_is_reported():
    seen = []
    result = solve(KARATE, [0], 2, progress=lambda step, total, **figures: seen.append((step, figures)))
    assert len(seen) == result.steps
    assert seen[-1][1]["ratio"] == result.unwrap().ratio


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((object(), [0], 1), {}, TypeError, "DirectedGraph, networkx or igraph"),
        ((KARATE, [], 1), {}, ValueError, "at least one"),
        ((KARATE, [99], 1), {}, ValueError, "no node 99|range"),
        ((KARATE, [0, 0], 1), {}, ValueError, "distinct"),
        ((KARATE, [0], -1), {}, ValueError, "capacity"),
        ((KARATE, [0], {1: 1}), {}, ValueError, "capacity lacks"),
        ((KARATE, [0], 1), {"target_ratio": 1.5}, ValueError, "target_ratio"),
        ((KARATE, [0], 1), {"eps": 0.7}, ValueError, "eps"),
        ((KARATE, [0], 1), {"eps": 0.1, "target_ratio": 0.5}, ValueError, "not both"),
        ((KARATE, [0], 1), {"max_sets": 0}, ValueError, "max_sets must be at least 1"),
        ((KARATE, [0], 1), {"max_seconds": -1.0}, ValueError, "max_seconds"),
        ((KARATE, [0], 1), {"max_seconds": np.nan, "eps": 0.1}, ValueError, "max_seconds"),
        ((KARATE, [0], 1), {"confidence": 0.0, "eps": 0.1}, ValueError, "confidence"),
        ((KARATE, [0], 1), {"node_weight": {99: 1.0}}, ValueError, "no node 99|range"),
        ((KARATE, [0], 1), {"node_weight": {1: -1.0}}, ValueError, "node_weight"),
        ((KARATE, [0], 1), {"node_weight": [1.0]}, ValueError, "node_weight"),
        ((KARATE, [0], 1), {"node_weight": {}}, ValueError, "node_weight"),
        ((KARATE, [0], 1), {"confidence": 1.0}, ValueError, "confidence"),
        ((KARATE, [0], 1), {"threads": 0}, ValueError, "threads"),
        (("no-such-file.txt", [0], 1), {}, FileNotFoundError, "no-such-file"),
    ],
)
def test_bad_input_is_named(arguments, options, error, words):
    with pytest.raises(error, match=words):
        solve(*arguments, **options)


def test_the_package_is_reached_from_the_top():
    assert solvers.influence.solve is solve
    assert isinstance(as_graph(KARATE), DirectedGraph)
