"""Reverse sets and simulation against enumeration, and every way to draw live arcs by its distribution."""

import itertools

import networkx as nx
import numpy as np
import pytest
from scipy.stats import binom, chisquare

from games.errors import UnsupportedGameError
from games.influence import reverse_kernels as rk
from games.influence.collection import ReverseSets, SetCollection, joined
from games.influence.diffusion import (
    IndependentCascade,
    LinearThreshold,
    Triggering,
    trivalency_cascade,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.exact import exact_spread
from games.influence.graph import graph_from_arcs
from games.influence.sampler import reverse_model
from games.influence.simulation import simulate_spread

SETS = 200_000
# 0 -> 1 -> 2 -> 3 -> 0 and chords; 6 is isolated, 5 has no in-arcs.
ARCS = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2], [5, 2], [5, 3], [1, 3], [3, 4], [2, 4], [4, 1]])
GRAPH = graph_from_arcs(ARCS[:, 0], ARCS[:, 1], num_nodes=7)


def _arbitrary():
    chances = np.random.default_rng(5).random(GRAPH.num_arcs)
    chances[:3] = [0.0, 1.0, 0.5]
    return IndependentCascade(GRAPH, chances)


def _unequal_threshold(max_steps=None):
    shares = np.random.default_rng(6).random(GRAPH.num_arcs)
    sums = np.bincount(GRAPH.target, weights=shares, minlength=7)
    return LinearThreshold(GRAPH, 0.9 * shares / sums[GRAPH.target], max_steps)


def _triggering():
    sets = {
        1: [(0.25, (0, 4)), (0.5, ()), (0.25, (4,))],
        2: [(0.7, (0, 1, 5)), (0.3, (1,))],
        3: [(1.0, (2,))],
    }
    return Triggering(GRAPH, {**sets, 0: [(0.4, (3,)), (0.6, ())]})


MODELS = {
    "weighted cascade": weighted_cascade(GRAPH),
    "uniform": uniform_cascade(GRAPH, 0.3),
    "certain": uniform_cascade(GRAPH, 1.0),
    "impossible": uniform_cascade(GRAPH, 0.0),
    "trivalency": trivalency_cascade(GRAPH, rng=np.random.default_rng(2), levels=(0.8, 0.4, 0.1)),
    "arbitrary": _arbitrary(),
    "equal thresholds": uniform_threshold(GRAPH),
    "thresholds": _unequal_threshold(),
    "triggering": _triggering(),
    "cascade in 2 steps": weighted_cascade(GRAPH, max_steps=2),
    "cascade in 0 steps": weighted_cascade(GRAPH, max_steps=0),
    "thresholds in 1 step": _unequal_threshold(max_steps=1),
    "triggering in 2 steps": Triggering(GRAPH, _triggering().sets, 2),
}
WEIGHT = np.array([1.0, 0.0, 2.5, 1.0, 3.0, 0.5, 0.25])


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("removed", [(), (2,), (0, 5)])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["counted", "weighted"])
def test_reverse_sets_and_simulation_estimate_the_exact_spread(name, removed, weight):
    diffusion = MODELS[name]
    seeds = {1, 5} - set(removed)
    exact = exact_spread(diffusion, seeds, removed=removed, node_weight=weight)
    model = reverse_model(diffusion, removed=removed, node_weight=weight)
    source = ReverseSets(model, np.arange(model.num_nodes))
    marked = np.zeros(model.num_nodes, dtype=np.bool_)
    marked[model.place[list(seeds)]] = True
    share = source.hits(7, 0, SETS, marked) / SETS
    truth = exact / model.total
    # 78 tests with fixed seeds: five standard errors are passed by chance with probability below 1e-4 in all.
    assert abs(share - truth) <= 5 * np.sqrt(truth * (1 - truth) / SETS) + 1e-12
    runs = 2_000 if name.startswith("triggering") else 20_000
    rng = np.random.default_rng(11)
    found = simulate_spread(diffusion, seeds, runs, rng=rng, removed=removed, node_weight=weight)
    assert abs(found.mean - exact) <= 5 * found.standard_error + 1e-9
    assert found.simulations == runs


@pytest.mark.parametrize(
    "name", ["weighted cascade", "arbitrary", "thresholds", "triggering", "cascade in 2 steps"]
)
def test_stored_sets_hold_what_streaming_hits(name):
    model = reverse_model(MODELS[name], removed=[3])
    candidates = np.array([4, 0, 2])
    source = ReverseSets(model, candidates)
    sets = source.make(3, 100, 5100)
    assert sets.num_sets == 5000
    assert sets.nodes >= sets.member.size
    for c, node in enumerate(candidates):
        marked = np.zeros(model.num_nodes, dtype=np.bool_)
        marked[node] = True
        assert source.hits(3, 100, 5100, marked) == np.count_nonzero(sets.member == c)


def test_sets_do_not_depend_on_threads_blocks_or_company(monkeypatch):
    graph = graph_from_arcs(*np.random.default_rng(0).integers(300, size=(2, 3000)), num_nodes=300)
    model = reverse_model(weighted_cascade(graph))
    candidates = np.arange(0, 300, 2)
    marked = np.arange(300) % 37 == 0
    whole = ReverseSets(model, candidates).make(9, 0, 3000)
    hits = ReverseSets(model, candidates).hits(9, 0, 3000, marked)
    for threads, block in [(1, 7), (2, 100), (4, 64), (4, 10_000)]:
        monkeypatch.setattr("games.influence.collection._BLOCK", block)
        source = ReverseSets(model, candidates, threads=threads)
        for _ in range(2):  # warm buffers make the same
            made = source.make(9, 0, 3000)
            np.testing.assert_array_equal(made.start, whole.start)
            np.testing.assert_array_equal(made.member, whole.member)
            assert made.nodes == whole.nodes
            assert source.hits(9, 0, 3000, marked) == hits
        halves = joined(source.make(9, 0, 1234), source.make(9, 1234, 3000))
        np.testing.assert_array_equal(halves.start, whole.start)
        np.testing.assert_array_equal(halves.member, whole.member)
    assert not np.array_equal(ReverseSets(model, candidates).make(10, 0, 3000).member, whole.member)


def test_a_failing_thread_is_heard(monkeypatch):
    monkeypatch.setattr("games.influence.collection._BLOCK", 8)
    model = reverse_model(weighted_cascade(GRAPH))
    source = ReverseSets(model, np.arange(7), threads=3)

    def broken(*_):
        raise MemoryError("no room")

    with monkeypatch.context() as patched:
        patched.setattr("games.influence.collection.Workspace.epochs", broken)
        with pytest.raises(MemoryError):
            source.make(0, 0, 100)
    assert source.make(0, 0, 100).num_sets == 100


def test_stamps_start_over_when_they_run_out(monkeypatch):
    model = reverse_model(weighted_cascade(GRAPH))
    whole = ReverseSets(model, np.arange(7)).make(4, 0, 900)
    monkeypatch.setattr("games.influence.collection._STAMPS", 1000)
    source = ReverseSets(model, np.arange(7))
    for _ in range(3):
        np.testing.assert_array_equal(source.make(4, 0, 900).member, whole.member)


def test_no_sets():
    made = ReverseSets(reverse_model(weighted_cascade(GRAPH)), np.arange(7)).make(0, 5, 5)
    assert isinstance(made, SetCollection)
    assert made.num_sets == made.member.size == 0


def _star(degree):
    """All of 1..degree point to node 0."""
    return graph_from_arcs(np.arange(1, degree + 1), np.zeros(degree, dtype=int), num_nodes=degree + 1)


def _live(diffusion, number):
    """Live in-arcs of node 0 in ``number`` sets whose root it is: a bool array (number, degree)."""
    n = diffusion.graph.num_nodes
    model = reverse_model(diffusion, node_weight=np.eye(n)[0])
    sets = ReverseSets(model, np.arange(1, n)).make(1, 0, number)
    table = np.zeros((number, n - 1), dtype=np.bool_)
    table[np.repeat(np.arange(number), np.diff(sets.start)), sets.member] = True
    assert table.sum() == sets.member.size  # no arc twice
    kind = int(model.sampler.node[0, rk.SHAPE]) & ((1 << rk.KIND_BITS) - 1)
    return table, kind


@pytest.mark.parametrize(
    ("degree", "chance", "kind"),
    [
        (1000, 0.001, rk.COUNT),
        (300, 0.013, rk.COUNT),
        (5, 0.5, rk.COUNT),
        (1000, 0.01, rk.SKIP),
        (12, 0.9, rk.SKIP),
    ],
)
def test_equal_arcs_are_live_in_the_right_numbers_and_places(degree, chance, kind):
    live, drawn = _live(uniform_cascade(_star(degree), chance), 40_000)
    assert drawn == kind
    numbers = np.bincount(live.sum(axis=1), minlength=degree + 1)
    expected = binom.pmf(np.arange(degree + 1), degree, chance) * len(live)
    often = expected >= 10
    observed = np.append(numbers[often], numbers[~often].sum())
    wanted = np.append(expected[often], len(live) - expected[often].sum())
    kept = wanted > 5
    observed, wanted = observed[kept], wanted[kept]
    assert chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > 1e-3
    assert chisquare(live.sum(axis=0)).pvalue > 1e-3


@pytest.mark.parametrize("count", [2, 3])
def test_given_their_number_all_subsets_are_equally_likely(count):
    live, drawn = _live(uniform_cascade(_star(6), 0.4), 60_000)
    assert drawn == rk.COUNT
    rows = live[live.sum(axis=1) == count]
    code = rows @ (1 << np.arange(6))
    subsets = [sum(1 << i for i in group) for group in itertools.combinations(range(6), count)]
    assert chisquare([np.count_nonzero(code == s) for s in subsets]).pvalue > 1e-3


@pytest.mark.parametrize("degree", [3, 400])
def test_unequal_arcs_are_live_each_with_its_chance_and_independently(degree):
    rng = np.random.default_rng(4)
    chances = rng.random(degree) ** 3
    chances[rng.integers(degree)] = 1.0
    live, drawn = _live(IndependentCascade(_star(degree), chances), 40_000)
    assert drawn == rk.SORTED
    z = (live.mean(axis=0) - chances) / np.sqrt(np.maximum(chances * (1 - chances), 1e-9) / len(live))
    assert np.abs(z).max() < 4.5
    assert np.mean(z**2) < 1.5
    spread = live.sum(axis=1).var() / (chances * (1 - chances)).sum()
    assert spread == pytest.approx(1.0, abs=0.04)  # covariances would show here


def test_certain_arcs_are_all_live():
    live, drawn = _live(uniform_cascade(_star(500), 1.0), 50)
    assert drawn == rk.ALL
    assert live.all()


@pytest.mark.parametrize("equal", [True, False])
def test_thresholds_draw_one_arc_or_none(equal):
    degree = 200
    weights = np.full(degree, 0.8 / degree)
    if not equal:
        weights = np.random.default_rng(8).random(degree)
        weights *= 0.8 / weights.sum()
    live, drawn = _live(LinearThreshold(_star(degree), weights), 60_000)
    assert drawn == (rk.ONE if equal else rk.PICK)
    assert live.sum(axis=1).max() == 1
    observed = np.append(live.sum(axis=0), np.count_nonzero(~live.any(axis=1)))
    assert chisquare(observed, np.append(weights, 0.2) * len(live)).pvalue > 1e-3


def test_listed_sets_are_drawn_whole():
    chances = np.random.default_rng(1).dirichlet(np.ones(40))
    groups = [tuple(range(1 + k, 100, 40)) for k in range(40)]
    groups[7] = ()
    listed = list(zip(chances.tolist(), groups, strict=True))
    live, drawn = _live(Triggering(_star(100), {0: listed}), 40_000)
    assert drawn == rk.SETS
    names = {tuple((np.flatnonzero(row) + 1).tolist()): 0 for row in live}
    for row in live:
        names[tuple((np.flatnonzero(row) + 1).tolist())] += 1
    assert set(names) <= set(groups)
    assert chisquare([names.get(g, 0) for g in groups], chances * len(live)).pvalue > 1e-3


def test_roots_are_drawn_by_weight():
    weight = np.random.default_rng(3).random(50)
    weight[:5] = 0.0
    graph = graph_from_arcs([], [], num_nodes=50)
    for worth in (weight, None):
        model = reverse_model(weighted_cascade(graph), node_weight=worth)
        sets = ReverseSets(model, np.arange(50)).make(2, 0, 50_000)
        wanted = np.full(50, 1 / 50) if worth is None else weight / weight.sum()
        drawn = np.bincount(sets.member, minlength=50)
        assert not drawn[wanted == 0].any()
        assert chisquare(drawn[wanted > 0], wanted[wanted > 0] * 50_000).pvalue > 1e-3


@pytest.mark.slow  # compiles the kernels once more
def test_large_graphs_are_packed_wide(monkeypatch):
    chances = np.linspace(0.1, 0.9, GRAPH.num_arcs)
    narrow = reverse_model(IndependentCascade(GRAPH, chances))
    assert narrow.sampler.node.dtype == np.int32
    wide = narrow.sampler._replace(node=narrow.sampler.node.astype(np.int64))
    object.__setattr__(narrow, "sampler", wide)
    again = ReverseSets(narrow, np.arange(7)).make(0, 0, 500)
    first = ReverseSets(reverse_model(IndependentCascade(GRAPH, chances)), np.arange(7)).make(0, 0, 500)
    np.testing.assert_array_equal(first.member, again.member)


def test_simulation_agrees_with_reverse_sets_on_a_larger_graph():
    arcs = np.array(nx.gnp_random_graph(400, 0.02, seed=1, directed=True).edges)
    graph = graph_from_arcs(arcs[:, 0], arcs[:, 1], num_nodes=400)
    seeds = list(range(0, 400, 40))
    for diffusion in (weighted_cascade(graph), uniform_cascade(graph, 0.1), uniform_threshold(graph)):
        model = reverse_model(diffusion)
        marked = np.isin(np.arange(400), seeds)
        share = ReverseSets(model, np.arange(400)).hits(5, 0, SETS, marked) / SETS
        found = simulate_spread(diffusion, seeds, 5000, rng=np.random.default_rng(0))
        error = np.hypot(found.standard_error, 400 * np.sqrt(share * (1 - share) / SETS))
        assert abs(found.mean - 400 * share) < 5 * error


def test_bad_input():
    with pytest.raises(ValueError, match="threads must be at least 1"):
        ReverseSets(reverse_model(weighted_cascade(GRAPH)), np.arange(7), threads=0)
    with pytest.raises(ValueError, match=r"marked must hold one entry per node, shape \(7,\)"):
        ReverseSets(reverse_model(weighted_cascade(GRAPH)), np.arange(7)).hits(
            0, 0, 1, np.zeros(3, dtype=bool)
        )
    with pytest.raises(ValueError, match=r"removed must lie in range\(7\)"):
        reverse_model(weighted_cascade(GRAPH), removed=[7])
    with pytest.raises(ValueError, match="no node is left"):
        reverse_model(weighted_cascade(GRAPH), removed=range(7))
    with pytest.raises(ValueError, match="node_weight must hold one non-negative"):
        reverse_model(weighted_cascade(GRAPH), node_weight=-WEIGHT)
    with pytest.raises(ValueError, match="node_weight must be positive at some node"):
        reverse_model(weighted_cascade(GRAPH), node_weight=np.zeros(7))
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="simulations must be at least 2"):
        simulate_spread(weighted_cascade(GRAPH), [0], 1, rng=rng)
    with pytest.raises(ValueError, match=r"seeds must lie in range\(7\)"):
        simulate_spread(weighted_cascade(GRAPH), [0, 7], 10, rng=rng)
    with pytest.raises(ValueError, match=r"removed must lie in range\(7\)"):
        simulate_spread(weighted_cascade(GRAPH), [0], 10, rng=rng, removed=[-1])
    with pytest.raises(ValueError, match="node_weight must hold one non-negative number per node"):
        simulate_spread(weighted_cascade(GRAPH), [0], 10, rng=rng, node_weight=np.ones(3))
    big = graph_from_arcs(np.arange(30), np.full(30, 30), num_nodes=31)
    with pytest.raises(UnsupportedGameError, match="node 30 has 30 uncertain in-arcs, too many"):
        exact_spread(uniform_cascade(big, 0.5), [0])
    assert exact_spread(uniform_cascade(big, 1.0), [0]) == 2.0
    ring = graph_from_arcs(np.arange(24), (np.arange(24) + 1) % 24)
    with pytest.raises(UnsupportedGameError, match="live-edge graphs are too many to enumerate"):
        exact_spread(uniform_cascade(ring, 0.5), [0])
