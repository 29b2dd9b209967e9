"""A collection kept up to date equals one drawn anew on the changed graph, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.influence.certificate import coverage
from games.influence.diffusion import (
    IndependentCascade,
    LinearThreshold,
    Triggering,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.dynamic import refreshed, track_sets
from games.influence.exact import exact_spread
from games.influence.families import at_most
from games.influence.graph import graph_from_arcs
from solvers.influence.family_selection import FamilyGreedy
from solvers.influence.selection import CoverageIndex


def random_graph(rng, n, arcs):
    return graph_from_arcs(rng.integers(n, size=arcs), rng.integers(n, size=arcs), num_nodes=n)


def changed_graph(graph, rng, drop=2, add=2):
    """Some arcs fewer and some arcs more."""
    keep = np.ones(graph.num_arcs, dtype=bool)
    keep[rng.choice(graph.num_arcs, size=min(drop, graph.num_arcs), replace=False)] = False
    n = graph.num_nodes
    tails = np.concatenate([graph.source[keep], rng.integers(n, size=add)])
    heads = np.concatenate([graph.target[keep], rng.integers(n, size=add)])
    return graph_from_arcs(tails, heads, num_nodes=n)


def unequal_cascade(graph):
    return IndependentCascade(graph, (1 + graph.source * 7 % 5 + graph.target % 3) / 10)


def unequal_threshold(graph):
    share = 1.0 + graph.source % 4
    total = np.bincount(graph.target, weights=share, minlength=graph.num_nodes)
    return LinearThreshold(graph, share / total[graph.target])


def listed(graph):
    sets = {}
    for v in range(graph.num_nodes):
        near = graph.source[graph.in_start[v] : graph.in_start[v + 1]].tolist()
        if near:
            sets[v] = [(0.5, near), (0.25, near[:1]), (0.25, [])]
    return Triggering(graph, sets)


MODELS = {
    "weighted": weighted_cascade,
    "uniform": lambda g: uniform_cascade(g, 0.3),
    "certain": lambda g: uniform_cascade(g, 1.0),
    "timed": lambda g: weighted_cascade(g, max_steps=2),
    "unequal": unequal_cascade,
    "even threshold": uniform_threshold,
    "threshold": unequal_threshold,
    "listed": listed,
}


def same(first, second):
    np.testing.assert_array_equal(first.start, second.start)
    np.testing.assert_array_equal(first.member, second.member)
    assert first.nodes == second.nodes


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_kept_sets_equal_sets_drawn_anew(name, seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, 60, 150)
    weight = rng.integers(0, 4, size=60).astype(float)
    options = {"removed": [3, 17], "node_weight": weight if seed % 2 else None}
    tracked = track_sets(MODELS[name](graph), 3000, rng=np.random.default_rng(9), **options)
    for _ in range(3):  # changes on top of changes
        graph = changed_graph(graph, rng)
        after = MODELS[name](graph)
        refresh = refreshed(tracked, after)
        tracked = refresh.tracked
        same(tracked.sets, track_sets(after, 3000, rng=np.random.default_rng(9), **options).sets)
        assert 0 < refresh.share < 1
        assert refresh.share == refresh.redrawn / 3000


@given(st.integers(0, 10_000), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_any_change_is_followed(seed, drop, add):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng, 12, 25)
    after = changed_graph(graph, rng, drop, add)
    tracked = track_sets(weighted_cascade(graph), 200, rng=np.random.default_rng(1))
    refresh = refreshed(tracked, weighted_cascade(after))
    same(refresh.tracked.sets, track_sets(weighted_cascade(after), 200, rng=np.random.default_rng(1)).sets)
    # Nodes whose in-arcs differ, counted from scratch.
    near = [
        [set(g.source[g.in_start[v] : g.in_start[v + 1]].tolist()) for v in range(12)] for g in (graph, after)
    ]
    assert refresh.changed.tolist() == [v for v in range(12) if near[0][v] != near[1][v]]


def test_nothing_changed_redraws_nothing_and_another_kind_everything():
    graph = random_graph(np.random.default_rng(2), 30, 80)
    tracked = track_sets(weighted_cascade(graph), 500, rng=np.random.default_rng(0))
    unchanged = refreshed(tracked, weighted_cascade(graph))
    assert unchanged.redrawn == 0
    same(unchanged.tracked.sets, tracked.sets)
    assert refreshed(tracked, uniform_threshold(graph)).share == 1.0
    timed = refreshed(tracked, weighted_cascade(graph, max_steps=1))
    assert timed.share == 1.0
    same(
        timed.tracked.sets,
        track_sets(weighted_cascade(graph, max_steps=1), 500, rng=np.random.default_rng(0)).sets,
    )


def test_a_far_arc_touches_few_sets():
    """On a path of certain arcs, a new arc into node v concerns the sets of roots at or after v alone."""
    n = 100
    arcs = np.arange(n - 1)
    before = uniform_cascade(graph_from_arcs(arcs, arcs + 1, num_nodes=n), 1.0)
    graph = graph_from_arcs(np.append(arcs, 0), np.append(arcs + 1, 90), num_nodes=n)
    refresh = refreshed(track_sets(before, 5000, rng=np.random.default_rng(4)), uniform_cascade(graph, 1.0))
    assert refresh.changed.tolist() == [90]
    assert refresh.share == pytest.approx(0.1, abs=0.02)


def test_sets_cut_to_candidates_serve_selection():
    rng = np.random.default_rng(3)
    graph = random_graph(rng, 8, 12)
    diffusion = uniform_cascade(graph, 0.5)
    tracked = refreshed(
        track_sets(uniform_cascade(changed_graph(graph, rng), 0.5), 40_000, rng=rng, removed=[0]), diffusion
    ).tracked
    candidates = np.array([1, 4, 6])
    sets = tracked.among(candidates)
    for k, v in enumerate(candidates.tolist()):
        estimate = 7 * coverage(sets, np.array([k])) / sets.num_sets
        assert estimate == pytest.approx(exact_spread(diffusion, [v], removed=[0]), abs=0.1)
    best = FamilyGreedy().select(at_most(1, 3), CoverageIndex.of(sets), np.ones(sets.num_sets))
    spreads = [exact_spread(diffusion, [v], removed=[0]) for v in candidates.tolist()]
    assert spreads[best.chosen[0]] >= max(spreads) - 0.1
    with pytest.raises(ValueError, match="removed"):
        tracked.among(np.array([0]))


def test_bad_changes_are_refused():
    diffusion = uniform_cascade(graph_from_arcs([0], [1]), 0.5)
    with pytest.raises(ValueError, match="number"):
        track_sets(diffusion, 0, rng=np.random.default_rng(0))
    tracked = track_sets(diffusion, 5, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="nodes must stay"):
        refreshed(tracked, uniform_cascade(graph_from_arcs([0], [2]), 0.5))
