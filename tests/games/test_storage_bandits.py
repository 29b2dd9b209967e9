"""Bandits and action sets on disk: what comes back is what went in, and what no file can hold is refused."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits import (
    CoupledBandit,
    Family,
    Meeting,
    OneBitAnArm,
    StateSets,
    Variables,
    capacity,
    cardinality,
    corrected_instance,
    excluding,
    from_arrays,
    knapsack,
    paper_instance,
    partition,
    path,
    path_as_released,
    schedule,
    transversal,
)
from games.errors import FileFormatError
from games.storage.action_sets import decode_action_set, encode_action_set
from games.storage.bandits import decode_bandit, encode_bandit
from games.storage.fields import Fields
from games.storage.header import decode_header, encode_header

SIZE = 5
EVERYTHING = np.array(list(np.ndindex(*[2] * SIZE))) > 0
SMALL = st.integers(0, 5)


def through_the_header(header):
    return Fields(decode_header(encode_header(header), "file"), "file")


def lists(count, places):
    own = st.lists(st.integers(0, places - 1), unique=True, max_size=places)
    return st.lists(own, min_size=count, max_size=count)


def graphs():
    edges = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=9)

    def graph(made, directed, names):
        found = nx.DiGraph() if directed else nx.Graph()
        found.add_nodes_from(names)
        found.add_edges_from((names[v], names[w]) for v, w in made)
        return found

    return st.builds(graph, edges, st.booleans(), st.sampled_from(["vwxyz", (4, 3, 2, 1, 0)]))


def walks(graph, source, steps, most, some):
    nodes = [*graph]
    arms = [nodes[k] for k in some] if some else None
    return path(graph, nodes[source], steps=steps, most=most, arms=arms)


SETS = {
    "cardinality": st.builds(cardinality, st.just(SIZE), SMALL, exactly=st.booleans()),
    "capacity": st.builds(
        capacity,
        st.lists(st.integers(1, 6), min_size=SIZE, max_size=SIZE),
        st.lists(st.integers(0, 7), max_size=3),
        max_patterns=st.sampled_from([0, 2_000]),
    ),
    "schedule": st.builds(
        schedule,
        lists(3, 3),
        lists(SIZE, 3),
        slots=st.just(3),
        visits=st.integers(1, 2),
        most=st.none() | SMALL,
        meeting=st.sampled_from(Meeting),
    ),
    "path": st.builds(
        walks,
        graphs(),
        st.integers(0, SIZE - 1),
        st.integers(1, 6),
        st.none() | SMALL,
        st.none() | st.permutations(range(SIZE)),
    ),
    "released": st.builds(
        path_as_released,
        graphs().map(nx.convert_node_labels_to_integers),
        st.integers(0, 4),
        steps=st.integers(1, 4),
        most=SMALL,
    ),
    "knapsack": st.builds(
        lambda table, tops: knapsack(np.array(table), np.array(tops)),
        st.lists(st.lists(st.floats(0, 9), min_size=SIZE, max_size=SIZE), min_size=2, max_size=2),
        st.lists(st.floats(0, 20), min_size=2, max_size=2),
    ),
    "partition": st.builds(
        partition,
        st.lists(st.integers(0, 2), min_size=SIZE, max_size=SIZE),
        st.lists(SMALL, min_size=3, max_size=3),
    ),
    "transversal": st.builds(
        transversal, lists(SIZE, 3), st.lists(st.integers(0, 2), min_size=3, max_size=3)
    ),
    "rows": st.builds(
        lambda row, top: from_arrays(
            SIZE,
            [[*row, -0.25]],
            [-np.inf],
            [top],
            auxiliaries=Variables(np.zeros(1), np.full(1, 4.0), np.array([False])),
        ),
        st.lists(st.integers(-3, 9), min_size=SIZE, max_size=SIZE),
        SMALL,
    ),
}


@pytest.mark.parametrize("kind", SETS)
def test_sets_come_back_with_rows_and_test(kind):
    @settings(max_examples=15, deadline=None)
    @given(SETS[kind])
    def holds(action_set):
        header, arrays = encode_action_set(action_set)
        again = decode_action_set(through_the_header(header), arrays)
        assert (again.name, again.most, again.downward) == (
            action_set.name,
            action_set.most,
            action_set.downward,
        )
        np.testing.assert_array_equal(again.rows.toarray(), action_set.rows.toarray())
        for part in ("row_lower", "row_upper", "lower", "upper", "integral", "kinds"):
            np.testing.assert_array_equal(getattr(again, part), getattr(action_set, part))
        asked = EVERYTHING[:, : action_set.size]
        np.testing.assert_array_equal(again.contains(asked), action_set.contains(asked))

    holds()


def at_random(states, step):
    return cardinality(3, 1)


@pytest.mark.parametrize(
    ("action_set", "error", "words"),
    [
        (StateSets(3, at_random), TypeError, "function of the state"),
        (
            from_arrays(3, [[1.0, 1.0, 1.0]], [-np.inf], [2.0], membership=lambda a: a.sum(axis=1) <= 2),
            TypeError,
            "holds functions",
        ),
        (excluding(cardinality(3, 1), [np.zeros(3, dtype=bool)]), TypeError, "holds functions"),
        (
            replace(cardinality(3, 1), upper=np.array([1.0, 1.0, 0.0])),
            ValueError,
            "changed after it was built",
        ),
        (
            replace(cardinality(3, 1), membership=lambda a: a.sum(axis=1) <= 2),
            ValueError,
            "changed after it was built",
        ),
    ],
)
def test_what_no_file_can_hold_is_refused(action_set, error, words):
    with pytest.raises(error, match=words):
        encode_action_set(action_set)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("make", [corrected_instance, paper_instance])
def test_bandits_come_back(family, make):
    bandit = make(family, rng=np.random.default_rng(3), arms=5, budget=2)
    header, arrays = encode_bandit(bandit)
    again = decode_bandit(through_the_header(header), arrays)
    assert (again.name, again.horizon, again.discount) == (bandit.name, bandit.horizon, bandit.discount)
    actions = np.array(list(np.ndindex(*[2] * bandit.bits))) > 0
    states = np.random.default_rng(0).integers(bandit.arms.states, size=(len(actions), 5))
    np.testing.assert_array_equal(
        again.next_distributions(states, actions), bandit.next_distributions(states, actions)
    )
    np.testing.assert_array_equal(
        again.expected_reward(states, actions), bandit.expected_reward(states, actions)
    )
    np.testing.assert_array_equal(again.feasible.contains(actions), bandit.feasible.contains(actions))


class OwnEffect:
    bits = arms = 3

    def shares(self, actions):
        return actions.astype(np.float64)


def test_effects_of_ones_own_are_refused():
    arms = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(0), arms=3, budget=1).arms
    with pytest.raises(TypeError, match="effect must be OneBitAnArm or SigmoidLink"):
        encode_bandit(CoupledBandit(arms, OwnEffect(), cardinality(3, 1)))
    encode_bandit(CoupledBandit(arms, OneBitAnArm(3), cardinality(3, 1)))


@pytest.mark.parametrize(
    ("header", "arrays", "words"),
    [
        ({"kind": "ring"}, {}, "kind: wanted 'cardinality'"),
        ({"kind": "cardinality", "size": 3, "most": 1}, {}, "exactly: wanted true or false"),
        ({"kind": "cardinality", "size": 3, "most": 4, "exactly": False}, {}, "most must be in"),
        ({"kind": "cardinality", "size": 10**9, "most": 4, "exactly": False}, {}, "size: wanted an integer"),
        ({"kind": "knapsack", "colour": "red"}, {}, "colour: is no known key"),
        ({"kind": "knapsack"}, {"set_weights": np.ones((1, 3))}, "'set_limits' is missing"),
        (
            {"kind": "knapsack"},
            {"set_weights": np.full((1, 3), np.nan), "set_limits": np.ones(1)},
            "must be finite",
        ),
        (
            {"kind": "capacity", "max_patterns": 10**15},
            {"set_costs": np.arange(50, 90), "set_capacities": np.array([1200])},
            "max_patterns: wanted an integer in",
        ),
        (
            {"kind": "capacity", "max_patterns": 100_000},
            {"set_costs": np.arange(1, 301), "set_capacities": np.array([5000])},
            "entries of max_patterns patterns, at most",
        ),
        (
            {"kind": "capacity", "max_patterns": 0},
            {"set_costs": np.ones(9_999, dtype=np.int64), "set_capacities": np.ones(9_999, dtype=np.int64)},
            "pairs of a worker and an arm, at most",
        ),
        (
            {
                "kind": "path_as_released",
                "nodes": 5_000,
                "directed": False,
                "source": 0,
                "steps": 20_000,
                "most": 1,
            },
            {"set_arcs": np.array([[0, 1]])},
            "moves along arcs and nodes, at most",
        ),
        (
            {"kind": "path", "nodes": 3, "directed": False, "source": 0, "steps": -9, "most": 1},
            {"set_arcs": np.array([[0, 1]])},
            "steps: wanted an integer of at least 1",
        ),
        (
            {"kind": "schedule", "slots": 300, "visits": 1, "most": 1, "meeting": "distinct"},
            {
                "set_worker_slots": np.arange(300),
                "set_worker_slots_ends": np.arange(1, 301),
                "set_arm_slots": np.tile(np.arange(300), 30),
                "set_arm_slots_ends": 300 * np.arange(1, 31),
            },
            "classes of workers, at most",
        ),
        (
            {"kind": "knapsack"},
            {"set_weights": np.ones((1, 20_000)), "set_limits": np.ones(1)},
            "20000 action bits, at most",
        ),
        (
            {"kind": "partition"},
            {"set_groups": np.zeros(20_000, dtype=np.int64), "set_limits": np.ones(1, dtype=np.int64)},
            "20000 action bits, at most",
        ),
        ({"kind": "capacity", "max_patterns": 9}, {"set_costs": np.ones(3)}, "wanted int64"),
        (
            {"kind": "path", "nodes": 3, "directed": False, "source": 0, "steps": 2, "most": None},
            {"set_arcs": np.array([[0, 3]])},
            "pairs of nodes in range",
        ),
        (
            {"kind": "path", "nodes": 3, "directed": False, "source": 7, "steps": 2, "most": None},
            {"set_arcs": np.array([[0, 1]])},
            "source 7 is not a node",
        ),
        (
            {"kind": "transversal"},
            {"set_seats": np.array([1]), "set_reach": np.array([0]), "set_reach_ends": np.array([2])},
            "must rise to 1",
        ),
        (
            {"kind": "rows", "size": 1, "downward": False, "name": "x"},
            {
                "set_row_lower": np.zeros(1),
                "set_row_upper": np.ones(1),
                "set_lower": np.zeros(1),
                "set_upper": np.full(1, 2.0),
                "set_integral": np.array([True]),
                "set_entries": np.zeros((1, 2), dtype=np.int64),
                "set_values": np.ones(1),
            },
            "must be action bits",
        ),
    ],
)
def test_broken_sets_are_named(header, arrays, words):
    with pytest.raises(FileFormatError, match=words):
        decode_action_set(Fields(header, "file"), arrays)
