"""Path sets against walks that are enumerated, and the released rows that constrain nothing."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits import path, path_as_released, planar_graph, rows_allow
from tests.games.bandits.enumeration import all_actions, subsets


def visited_sets(graph, source, steps):
    """All sets of nodes on a closed walk from the source, found move by move."""
    at = {(source, frozenset([source]))}
    for _ in range(steps):
        onward = {(w, seen | {w}) for v, seen in at for w in graph.neighbors(v)}
        at = onward | {(v, seen) for v, seen in at if v == source}
    return {seen for v, seen in at if v == source}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 6),
    st.floats(0.2, 0.8),
    st.integers(0, 10**6),
    st.booleans(),
    st.integers(1, 7),
    st.integers(1, 6),
)
def test_allowed_are_the_parts_of_walks(nodes, density, seed, directed, steps, most):
    graph = nx.gnp_random_graph(nodes, density, seed=seed, directed=directed)
    walks = visited_sets(graph, 1, steps)
    expected = subsets(nodes, lambda arms: len(arms) <= most and any(walk.issuperset(arms) for walk in walks))
    action_set = path(graph, 1, steps=steps, most=most)
    np.testing.assert_array_equal(action_set.contains(all_actions(nodes)), expected)


def test_twenty_stations():
    graph = planar_graph(20, 29, rng=np.random.default_rng(0))
    walks = visited_sets(graph, 0, 8)
    action_set = path(graph, 0, steps=8, most=4)
    chosen = [c for k in (1, 2, 3) for c in itertools.combinations(range(20), k)]
    actions = np.zeros((len(chosen), 20), dtype=bool)
    for action, nodes in zip(actions, chosen, strict=True):
        action[list(nodes)] = True
    expected = [any(walk.issuperset(nodes) for walk in walks) for nodes in chosen]
    np.testing.assert_array_equal(action_set.contains(actions), expected)
    assert 20 < sum(expected) < len(expected)
    few = np.random.default_rng(1).choice(len(chosen), 100, replace=False)
    np.testing.assert_array_equal(rows_allow(action_set, actions[few]), np.array(expected)[few])


def test_three_far_arms_are_pulled_by_the_released_rows_only():
    # Three legs of five stations from the source, and four stations next to it: twenty in all. The ends of
    # the legs are ten moves there and back, and a walk of six moves reaches none of them.
    graph = nx.Graph([(0, near) for near in range(16, 20)])
    for leg in range(3):
        nx.add_path(graph, [0, *range(1 + 5 * leg, 6 + 5 * leg)])
    order = [*graph.nodes]
    far = [order.index(node) for node in (5, 10, 15)]
    action = np.zeros((1, 20), dtype=bool)
    action[0, far] = True
    released = path_as_released(graph, 0, steps=6, most=3)
    assert rows_allow(released, action).all()
    assert released.contains(action).all()
    real = path(graph, 0, steps=6, most=3)
    for size in (1, 2, 3):
        for some in itertools.combinations(far, size):
            pulled = np.zeros((1, 20), dtype=bool)
            pulled[0, list(some)] = True
            assert not real.contains(pulled).any()
            assert not rows_allow(real, pulled).any()
    # Variables of stations that no walk reaches are fixed, so their bound is known to every solver.
    assert (real.upper[far] == 0).all()


def test_arms_may_be_some_of_the_nodes_in_any_order():
    graph = nx.path_graph(4)
    action_set = path(graph, 0, steps=4, arms=[3, 2, 1])
    np.testing.assert_array_equal(action_set.contains([[0, 1, 1], [1, 0, 0], [0, 0, 1]]), [True, False, True])
    assert action_set.most == 2


def test_pruning_leaves_a_third_of_the_variables():
    graph = planar_graph(20, 29, rng=np.random.default_rng(20))
    assert path_as_released(graph, 0, steps=10, most=5).variables == 20 + 10 * (2 * 29 + 20)
    assert path(graph, 0, steps=10, most=5).variables < 20 + 10 * (2 * 29 + 20) / 2


def test_long_tours_are_searched_exactly():
    # Where cheapest insertion finds no tour that is short enough, subsets are searched.
    graph = nx.cycle_graph(8)
    action = np.ones((1, 8), dtype=bool)
    assert path(graph, 0, steps=8).contains(action).all()
    assert not path(graph, 0, steps=7).contains(action).any()
    star = nx.star_graph(6)
    assert not path(star, 0, steps=11).contains(np.ones((1, 7), dtype=bool)).any()
    assert path(star, 0, steps=12).contains(np.ones((1, 7), dtype=bool)).all()


def test_what_cannot_be_decided_is_said():
    grid = nx.convert_node_labels_to_integers(nx.grid_2d_graph(5, 5))
    with pytest.raises(ValueError, match="at most 22 are searched"):
        path(grid, 0, steps=25).contains(np.ones((1, 25), dtype=bool))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda g: path(g, 9, steps=3), "source 9 is not a node"),
        (lambda g: path(g, 0, steps=0), "steps must be in"),
        (lambda g: path(g, 0, steps=3, most=-1), "most must be None or not negative"),
        (lambda g: path(g, 0, steps=3, arms=[0, 7]), r"missing are \[7\]"),
        (lambda g: path(g, 0, steps=3, arms=[0, 0]), "distinct"),
        (lambda g: planar_graph(4, 2, rng=np.random.default_rng(0)), "edges >= nodes - 1"),
        (lambda g: planar_graph(4, 9, rng=np.random.default_rng(0)), "edges must be at most"),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build(nx.path_graph(3))


@pytest.mark.parametrize(("nodes", "edges"), [(1, 0), (2, 1), (3, 3), (20, 29), (100, 133)])
def test_generated_graphs_are_connected_and_planar(nodes, edges):
    graph = planar_graph(nodes, edges, rng=np.random.default_rng(4))
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (nodes, edges)
    assert nx.is_connected(graph)
    assert nx.check_planarity(graph)[0]
    assert [*graph.nodes] == [*range(nodes)]
