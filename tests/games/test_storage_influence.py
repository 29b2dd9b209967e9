"""Influence results on disk: what goes in comes out, and broken files are named."""

import json
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
import pytest

from games.certificates import Certificate
from games.errors import FileFormatError
from games.influence.diffusion import (
    IndependentCascade,
    LinearThreshold,
    Triggering,
    trivalency_cascade,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.graph import as_graph, graph_from_arcs, read_edge_list
from games.influence.problem import capacity_problem
from games.influence.seeding import node_worth, seed_problem
from games.results import SolveResult, Status
from games.storage import influence_graphs, read_bundle, read_schema, write_bundle
from games.storage.influence import SCHEMA, VERSION, load_influence, save_influence
from games.storage.influence_graphs import GraphFile, digest_of

ARCS = np.array([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2), (0, 2), (1, 4)]).T


@dataclass(frozen=True)
class Answer:
    """As solvers give it: friends per adopter, or nodes."""

    friends: dict = field(default_factory=dict)
    nodes: tuple = ()
    spread: float = 3.0
    spread_interval: tuple = (2.5, 3.5)
    optimum_bound: float = 4.0
    ratio: float = 0.625


def result_of(answer, **info):
    certificate = Certificate("optimality_gap", 1.0 - answer.ratio, 0.99)
    return SolveResult(answer, Status.CERTIFIED, certificate, "by hand", 3, 0.5, info)


def circle(labels=None, weight=None):
    return graph_from_arcs(*ARCS, labels=labels, weight=weight)


def saved(path, problem, answer=None, **options):
    if answer is None:
        names = problem.diffusion.graph.label
        answer = Answer(nodes=(names(0),)) if hasattr(problem, "size") else Answer({names(0): (names(2),)})
    save_influence(path, problem, result_of(answer, sets=100, chosen_by="rounds"), **options)
    return load_influence(path)


def same_graph(one, two):
    for name in ("in_start", "source", "multiplicity"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        assert getattr(one, name).dtype == getattr(two, name).dtype
    assert (one.weight is None) == (two.weight is None)
    if one.weight is not None:
        np.testing.assert_array_equal(one.weight, two.weight)
    assert one.labels == two.labels
    assert digest_of(one) == digest_of(two)


@pytest.mark.parametrize("labels", [None, [10, 11, 12, 13, -5], ["ann", "bób", "c", "", "e"]])
@pytest.mark.parametrize("weight", [None, np.linspace(0.1, 0.4, 8)])
def test_graphs_come_back(tmp_path, labels, weight):
    graph = circle(labels, weight)
    stored = saved(tmp_path / "r.json", capacity_problem(weighted_cascade(graph), [graph.label(0)], 2))
    same_graph(stored.problem.diffusion.graph, graph)
    assert stored.chosen == {graph.label(0): (graph.label(2),)}
    assert graph.multiplicity.max() == 2


def models(graph):
    sets = {2: [(0.25, [0, 1]), (0.5, [1]), (0.25, [])], 0: [(1.0, [4])]}
    return {
        "wc": weighted_cascade(graph, max_steps=3),
        "lt": uniform_threshold(graph),
        "uniform": uniform_cascade(graph, 0.3),
        "zero": uniform_cascade(graph, 0.0, max_steps=0),
        "trivalency": trivalency_cascade(graph, rng=np.random.default_rng(1)),
        "cascade": IndependentCascade(graph, np.linspace(0, 1, graph.num_arcs)),
        "threshold": LinearThreshold(graph, np.linspace(0, 0.3, graph.num_arcs)),
        "triggering": Triggering(graph, sets, 2),
    }


@pytest.mark.parametrize("name", list(models(circle())))
def test_models_come_back(tmp_path, name):
    model = models(circle())[name]
    again = saved(tmp_path / "r.json", seed_problem(model, 1)).problem.diffusion
    assert type(again) is type(model)
    assert again.max_steps == model.max_steps
    for attribute in ("probability", "weight"):
        if hasattr(model, attribute):
            np.testing.assert_array_equal(getattr(again, attribute), getattr(model, attribute))
    for node in range(5):
        assert again.triggering_sets(node) == model.triggering_sets(node)
    header, arrays = read_bundle(tmp_path / "r.json", schema=SCHEMA, version=VERSION)
    # What a rule gives takes no room.
    assert ("arc_chance" in arrays) == (name in ("trivalency", "cascade", "threshold"))
    assert header["problem"]["diffusion"]["max_steps"] == model.max_steps


@pytest.mark.parametrize("worth", [None, [0.0, 1.5, 2.0, 0.25, 4.0]])
def test_problems_claims_and_settings_come_back(tmp_path, worth):
    model = weighted_cascade(circle(list("abcde")))
    problem = capacity_problem(model, ["b", "a"], {"a": 0, "b": 2}, node_weight=worth)
    answer = Answer({"b": ("c", "e"), "a": ()})
    stored = saved(
        tmp_path / "deep" / "r.json", problem, answer, settings={"target_ratio": 0.85, "model": "wc", "n": 3}
    )
    again = stored.problem
    for name in ("adopters", "capacity", "candidates", "first", "friend", "start", "inviter"):
        np.testing.assert_array_equal(getattr(again, name), getattr(problem, name))
    np.testing.assert_allclose(node_worth(again.model), node_worth(problem.model), rtol=1e-14)
    assert again.model.total == pytest.approx(problem.model.total)
    assert stored.chosen == {"b": ("c", "e"), "a": ()}
    assert dict(stored.settings) == {"target_ratio": 0.85, "model": "wc", "n": 3}
    assert dict(stored.result.info) == {"sets": 100, "chosen_by": "rounds"}
    claim = stored.result.unwrap()
    assert (claim.spread, claim.spread_interval, claim.optimum_bound, claim.ratio) == (
        3,
        (2.5, 3.5),
        4,
        0.625,
    )
    assert stored.result.certificate == Certificate("optimality_gap", 0.375, 0.99)
    assert (stored.result.steps, stored.result.seconds, stored.result.solver) == (3, 0.5, "by hand")
    plain = seed_problem(model, 2, candidates=["d", "a", "c"], node_weight=worth)
    stored = saved(tmp_path / "p.json", plain, Answer(nodes=("c", "d")))
    assert stored.chosen == ("c", "d")
    assert stored.problem.size == 2
    np.testing.assert_array_equal(stored.problem.candidates, [3, 0, 2])
    assert read_schema(tmp_path / "p.json") == SCHEMA


def test_a_large_graph_is_named_not_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(influence_graphs, "LARGEST_WHOLE", 5)
    edges = tmp_path / "club.txt"
    edges.write_text("".join(f"{u} {v}\n" for u, v in nx.karate_club_graph().edges))
    graph = read_edge_list(edges, directed=False)
    problem = capacity_problem(weighted_cascade(graph), [0], 2)
    answer = Answer({0: (1,)})
    source = GraphFile(edges, directed=False)
    path = tmp_path / "r.json"
    same_graph(saved(path, problem, answer, graph_file=source).problem.diffusion.graph, graph)
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    assert header["problem"]["graph"]["file"] == "club.txt"  # and no folder
    assert "source" not in arrays
    other = tmp_path / "elsewhere" / "moved.txt"
    other.parent.mkdir()
    edges.rename(other)
    with pytest.raises(FileNotFoundError, match=r"club\.txt"):
        load_influence(path)
    same_graph(load_influence(path, graph_file=other).problem.diffusion.graph, graph)
    other.write_text(other.read_text() + "0 33\n")
    with pytest.raises(FileFormatError, match="not the graph"):
        load_influence(path, graph_file=other)
    # Graphs that are in no file are kept whole, however large.
    save_influence(path, problem, result_of(answer))
    same_graph(load_influence(path).problem.diffusion.graph, graph)


def test_what_cannot_be_saved_is_refused_and_nothing_is_written(tmp_path):
    path = tmp_path / "r.json"
    problem = capacity_problem(weighted_cascade(circle()), [0], 1)
    seeds = seed_problem(weighted_cascade(circle()), 1)
    mixed = graph_from_arcs(*ARCS, labels=[0, "a", 2, 3, 4])
    unnamed = seed_problem(weighted_cascade(mixed), 1)
    one, nothing = result_of(Answer({0: (1,)})), result_of(Empty())
    failed = SolveResult(None, Status.FAILED, None, "x", 0, 0.0)
    for place, what, result, words in (
        (path, problem, failed, "no solution"),
        (path, problem, result_of(Answer({1: (2,)})), "invited by adopters"),
        (path, problem, result_of(Answer({0: (9,)})), "node must"),
        (path, problem, nothing, "friends per adopter"),
        (path, seeds, nothing, "name seeds"),
        (path, unnamed, result_of(Answer(nodes=(0,))), "all whole numbers or all words"),
        (tmp_path / "r.txt", problem, one, "json"),
        (path, problem, result_of(Answer({0: (1,)}), odd=[1]), "info must hold"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            save_influence(place, what, result)
    assert not list(tmp_path.iterdir())


class Empty:
    """A solution of another kind."""

    ratio = 0.5


def graph_of(header):
    return header["problem"]["graph"]


def header_with(path, change):
    header = json.loads(path.read_text())
    change(header)
    path.write_text(json.dumps(header))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: h.pop("problem"), "problem"),
        (lambda h: h["problem"].update(kind="both"), "'capacity' or 'seeds'"),
        (lambda h: h["problem"]["graph"].update(kind="cloud"), "'arrays' or 'file'"),
        (lambda h: graph_of(h).update(kind="file", file="/etc/passwd", directed=True), "without folders"),
        (lambda h: graph_of(h).update(kind="file", file="../up.txt", directed=True), "without folders"),
        (lambda h: graph_of(h).update(kind="file", file="a.txt", directed="yes"), "true or false"),
        (lambda h: h["problem"]["graph"].update(nodes=7), "header says otherwise"),
        (lambda h: h["problem"]["graph"].update(labels="emoji"), "'words'"),
        (lambda h: h["problem"]["diffusion"].update(kind="sir"), "linear_threshold"),
        (lambda h: h["problem"]["diffusion"].update(arcs="some"), "'alike'"),
        (lambda h: h["problem"]["diffusion"].update(arcs="alike", probability=2.0), "probability"),
        (lambda h: h["problem"]["diffusion"].update(max_steps=-1), "max_steps"),
        (lambda h: h["problem"]["diffusion"].update(arcs="each"), "arc_chance"),
        (lambda h: h["answer"].update(spread_interval=[1.0]), "two numbers"),
        (lambda h: h["answer"].update(ratio="most"), "ratio"),
        (lambda h: h["answer"].pop("optimum_bound"), "optimum_bound"),
        (lambda h: h["result"].update(status="perfect"), "status"),
        (lambda h: h["result"]["certificate"].update(confidence=2.0), "confidence"),
        (lambda h: h.update(settings=[]), "settings"),
        (lambda h: h.update(created="yesterday"), "created"),
        (lambda h: h.update(version=99), "newer"),
        (lambda h: h.update(schema="counterplay.result"), "schema"),
    ],
)  # fmt: skip
def test_broken_headers_are_named(tmp_path, change, words):
    path = tmp_path / "r.json"
    saved(path, capacity_problem(weighted_cascade(circle()), [0], 1))
    header_with(path, change)
    with pytest.raises(FileFormatError, match=words):
        load_influence(path)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("source", np.array([4, 0, 0, 1, 2, 1, 9], dtype=np.int32), "source"),
        ("source", np.array([4, 0, 0, 1, 2, 1, 4], dtype=np.int32), "source"),  # a loop
        ("source", np.array([4, 0, 1, 0, 2, 1, 3], dtype=np.int32), "source"),  # not rising
        ("source", np.array([4.0]), "source"),
        ("in_start", np.array([0, 5, 2, 4, 5, 7]), "in_start"),
        ("multiplicity", np.zeros(7, dtype=np.int64), "multiplicity"),
        ("adopters", np.array([0, 99]), "range"),
        ("adopters", np.array([0, 0]), "problem"),
        ("capacity", np.array([-1]), "at least 0"),
        ("invited", np.array([-1]), "invited"),
        ("inviter", np.array([5]), "inviter"),
        ("inviter", np.array([0, 0]), "inviter"),
    ],
)
def test_broken_arrays_are_named(tmp_path, name, array, words):
    path = tmp_path / "r.json"
    saved(path, capacity_problem(weighted_cascade(circle()), [0], 1))
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    write_bundle(path, header, arrays | {name: array})
    with pytest.raises(FileFormatError, match=words):
        load_influence(path)


def test_changed_arrays_are_seen_by_their_digest(tmp_path):
    saved(tmp_path / "r.json", capacity_problem(weighted_cascade(circle()), [0], 1))
    (arrays,) = tmp_path.glob("*.npz")
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 1
    arrays.write_bytes(content)
    with pytest.raises(FileFormatError, match="SHA-256"):
        load_influence(tmp_path / "r.json")


def test_labels_of_networkx_nodes_come_back(tmp_path):
    graph = as_graph(nx.les_miserables_graph())
    problem = capacity_problem(weighted_cascade(graph), ["Valjean"], 1)
    stored = saved(tmp_path / "r.json", problem, Answer({"Valjean": ("Javert",)}))
    assert stored.chosen == {"Valjean": ("Javert",)}
