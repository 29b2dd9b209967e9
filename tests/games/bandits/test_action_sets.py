"""Every built-in set: its rows against its membership test, and both against brute force by the rules."""

import itertools
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits import (
    Meeting,
    capacity,
    cardinality,
    knapsack,
    most_allowed,
    partition,
    path,
    path_as_released,
    rows_allow,
    schedule,
    transversal,
)
from games.bandits.capacity_sets import _maximal_fillings, _PackingTest
from games.bandits.membership import one_by_one
from tests.games.bandits.enumeration import all_actions, subsets

SLOTS = 4
slot_lists = st.lists(st.integers(0, SLOTS - 1), max_size=3, unique=True)
small_graphs = st.builds(
    lambda n, p, seed, directed: nx.gnp_random_graph(n, p, seed=seed, directed=directed),
    st.integers(1, 6),
    st.floats(0.1, 0.8),
    st.integers(0, 10**6),
    st.booleans(),
)


@st.composite
def action_sets(draw, most_bits=7):
    """Any built-in set with few bits."""
    size = draw(st.integers(1, most_bits))
    ints = lambda low, high, n: draw(st.lists(st.integers(low, high), min_size=n, max_size=n))  # noqa: E731
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return cardinality(size, draw(st.integers(0, size)), exactly=draw(st.booleans()))
    if kind == 1:
        rows = draw(st.integers(1, 3))
        return knapsack(
            np.array(ints(0, 9, rows * size)).reshape(rows, size) / 7, np.array(ints(0, 30, rows)) / 7
        )
    if kind == 2:
        return partition(ints(0, 2, size), ints(0, 3, 3))
    if kind == 3:
        workers = draw(st.integers(0, 4))
        return capacity(ints(1, 6, size), ints(0, 9, workers), max_patterns=draw(st.sampled_from([0, 2000])))
    if kind == 4:
        return schedule(
            draw(st.lists(slot_lists, max_size=4)),
            draw(st.lists(slot_lists, min_size=size, max_size=size)),
            slots=SLOTS,
            visits=draw(st.integers(1, 3)),
            most=draw(st.none() | st.integers(0, size)),
            meeting=draw(st.sampled_from(Meeting)),
        )
    if kind == 5:  # eleven places are served by flows, four by subsets
        places = draw(st.sampled_from([SLOTS, 11]))
        reach = draw(st.lists(slot_lists, min_size=size, max_size=size))
        return transversal(reach, ints(0, 2, places))
    graph = draw(small_graphs)
    if kind == 6:
        return path(graph, 0, steps=draw(st.integers(1, 8)), most=draw(st.none() | st.integers(0, 6)))
    return path_as_released(graph, 0, steps=draw(st.integers(2, 4)), most=draw(st.integers(0, 6)))


@settings(max_examples=60, deadline=None)
@given(action_sets())
def test_rows_allow_what_membership_allows(action_set):
    actions = all_actions(action_set.size)
    allowed = action_set.contains(actions)
    np.testing.assert_array_equal(rows_allow(action_set, actions), allowed)
    assert action_set.most == actions[allowed].sum(axis=1).max()
    if action_set.downward:
        for bit in range(action_set.size):
            dropped = actions.copy()
            dropped[:, bit] = False
            assert not (allowed & ~action_set.contains(dropped)).any()


def _twelve_bits():
    rng = np.random.default_rng(3)
    slots = [rng.choice(5, 2, replace=False).tolist() for _ in range(12)]
    workers = [rng.choice(5, 3, replace=False).tolist() for _ in range(4)]
    costs = rng.integers(2, 7, 12)
    graph = nx.relabel_nodes(nx.grid_2d_graph(3, 4), lambda cell: 4 * cell[0] + cell[1])
    return [
        cardinality(12, 4),
        knapsack(rng.random((3, 12)), [2.0, 2.5, 3.0]),
        partition(rng.integers(0, 3, 12), [1, 2, 3]),
        capacity(costs, [5, 5, 7]),
        capacity(costs, [5, 5, 7], max_patterns=0),
        *(schedule(workers, slots, slots=5, most=4, meeting=meeting) for meeting in Meeting),
        transversal(slots, [1, 2, 0, 1, 1]),
        path(graph, 5, steps=8, most=5),
    ]


@pytest.mark.parametrize("action_set", _twelve_bits(), ids=lambda s: s.name)
def test_twelve_bits(action_set):
    # A sample where each action costs a feasibility problem; `test_twelve_bits_in_full` leaves none out.
    actions = all_actions(12)
    if action_set.variables > 12:
        actions = actions[np.random.default_rng(0).choice(4096, 300, replace=False)]
    allowed = action_set.contains(actions)
    np.testing.assert_array_equal(rows_allow(action_set, actions), allowed)
    assert 0 < allowed.sum() < len(allowed)


@pytest.mark.slow
@pytest.mark.parametrize("action_set", _twelve_bits(), ids=lambda s: s.name)
def test_twelve_bits_in_full(action_set):
    actions = all_actions(12)
    allowed = action_set.contains(actions)
    # One program over the rows excludes all that is longer, so these need no problem of their own.
    most, lengths = most_allowed(action_set), actions.sum(axis=1)
    assert most == lengths[allowed].max()
    asked = lengths <= most
    if dropping_keeps_rows(action_set):
        # Then the greatest allowed actions and the least forbidden ones speak for all.
        neighbours = np.arange(4096)[:, None] ^ (1 << np.arange(12))
        larger = neighbours > np.arange(4096)[:, None]
        assert not (allowed[:, None] & ~larger & ~allowed[neighbours]).any()
        greatest = allowed & ~(larger & allowed[neighbours]).any(axis=1)
        least = ~allowed & (larger | allowed[neighbours]).all(axis=1)
        asked &= greatest | least
    np.testing.assert_array_equal(rows_allow(action_set, actions[asked]), allowed[asked])


def dropping_keeps_rows(action_set):
    """Whether no row can break when a bit falls, as its signs show."""
    bits = action_set.rows.tocsc()[:, : action_set.size].toarray()
    rising = (bits > 0).any(axis=1) & np.isfinite(action_set.row_lower)
    falling = (bits < 0).any(axis=1) & np.isfinite(action_set.row_upper)
    return not (rising | falling).any() and not action_set.lower[: action_set.size].any()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=6),
    st.lists(st.integers(0, 9), max_size=3),
    st.sampled_from([0, 2000]),
)
def test_capacity_is_bin_packing(costs, capacities, max_patterns):
    def packs(arms):
        return any(
            all(
                sum(costs[a] for a, w in zip(arms, carriers, strict=True) if w == worker) <= room
                for worker, room in enumerate(capacities)
            )
            for carriers in itertools.product(range(len(capacities)), repeat=len(arms))
        )

    action_set = capacity(costs, capacities, max_patterns=max_patterns)
    np.testing.assert_array_equal(action_set.contains(all_actions(len(costs))), subsets(len(costs), packs))


def test_patterns_replace_a_hundred_binaries_by_twenty_counts():
    rng = np.random.default_rng(20)
    costs, capacities = rng.integers(2, 7, 20), rng.integers(2, 8, 5)
    patterns, assignment = capacity(costs, capacities), capacity(costs, capacities, max_patterns=0)
    assert patterns.variables - 20 <= 20 < 60 <= assignment.variables - 20
    assert patterns.most == assignment.most


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 40), st.data())
def test_maximal_fillings_are_all_those_nothing_can_be_added_to(costs, room, data):
    kinds = sorted(set(costs))
    supply = data.draw(st.lists(st.integers(0, 3), min_size=len(kinds), max_size=len(kinds)))
    expected = set()
    for counts in itertools.product(*(range(n + 1) for n in supply)):
        space = room - sum(c * n for c, n in zip(kinds, counts, strict=True))
        more = [c for c, n, most in zip(kinds, counts, supply, strict=True) if n < most]
        if 0 <= space < min(more, default=room + 1):
            expected.add(counts)
    found = [*_maximal_fillings(kinds, supply, room)]
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_forty_costs_and_one_wide_worker_have_one_pattern():
    # All fillings would be 2^40.
    costs = np.arange(1, 41)
    patterns = capacity(costs, [1000])
    assert patterns.variables == 41
    assert patterns.most == 40
    for action_set in (patterns, capacity(costs, [400, 1000], max_patterns=0)):
        assert action_set.contains(np.ones(40))


def test_a_packing_that_stays_open_is_refused(monkeypatch):
    # Even costs waste one unit in each odd worker, so no half fits, and only all fillings show it.
    monkeypatch.setattr("games.bandits.capacity_sets._FILLINGS_LIMIT", 2_000)
    action_set = _unsettled()
    with pytest.raises(ValueError, match=r"after 2000 fillings .* from_arrays"):
        action_set.contains(np.ones(40))
    assert action_set.contains(np.arange(40) < 39)


def _unsettled():
    costs = 2 * np.arange(1, 41)
    return replace(cardinality(40, 40), membership=one_by_one(_PackingTest(costs, np.arange(40), [819, 821])))


def test_small_weights_are_held_to_small_limits():
    # Rows may be missed by 1e-6, so rows of 1e-8 must be enlarged, whatever a forbidden bit weighs.
    for weights in ([1e-8, 1e-8, 1e-8], [1e-8, 1e-8, 1.0]):
        action_set = knapsack(weights, 1e-8)
        assert action_set.most == 1
        actions = all_actions(3)
        np.testing.assert_array_equal(rows_allow(action_set, actions), action_set.contains(actions))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(slot_lists, min_size=1, max_size=3),
    st.lists(slot_lists, min_size=1, max_size=4),
    st.sampled_from(Meeting),
)
def test_schedule_is_what_its_rule_says(workers, arms, meeting):
    def serves(left, used):
        if not left:
            return True
        arm, *others = left
        visits = [
            (worker, slot)
            for worker, free in enumerate(workers)
            for slot in set(free) & set(arms[arm])
            if (worker, slot) not in used
        ]
        for first, second in itertools.combinations(visits, 2):
            if meeting is Meeting.DISTINCT and first[0] == second[0]:
                continue
            if meeting is Meeting.TOGETHER and first[1] != second[1]:
                continue
            if serves(others, used | {first, second}):
                return True
        return False

    action_set = schedule(workers, arms, slots=SLOTS, meeting=meeting)
    expected = subsets(len(arms), lambda chosen: serves(list(chosen), frozenset()))
    np.testing.assert_array_equal(action_set.contains(all_actions(len(arms))), expected)


def test_one_worker_cannot_be_two_people():
    one, two = [[0, 1]], [[0, 1], [0, 1]]
    assert schedule(one, [[0, 1]], slots=2, meeting=Meeting.ANYHOW).contains([1])
    alone = schedule(one, [[0, 1]], slots=2, meeting=Meeting.DISTINCT)
    assert not alone.contains([1])
    assert not rows_allow(alone, [[1]]).any()
    assert alone.most == 0
    assert schedule(two, [[0, 1], [0, 1]], slots=2, meeting=Meeting.DISTINCT).contains([1, 1])
    # Different workers at different slots will do, unless they must come together.
    assert schedule([[0], [1]], [[0, 1]], slots=2, meeting=Meeting.DISTINCT).contains([1])
    assert not schedule([[0], [1]], [[0, 1]], slots=2, meeting=Meeting.TOGETHER).contains([1])


def test_batches_keep_their_shape_and_remember_answers():
    action_set = capacity([2, 3, 4], [5])
    actions = all_actions(3).reshape(2, 4, 3)
    first = action_set.contains(actions)
    assert first.shape == (2, 4)
    np.testing.assert_array_equal(action_set.contains(actions), first)


def test_most_needs_a_non_empty_set():
    empty = cardinality(3, 2, exactly=True)
    contradiction = np.array([3.0])
    with pytest.raises(ValueError, match="is empty"):
        most_allowed(replace(empty, row_lower=contradiction, row_upper=contradiction, upper=np.zeros(3)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: knapsack([[1.0, -1.0]], [1.0]), "weights must be finite and not negative"),
        (lambda: knapsack([[1.0, 1.0]], [1.0, 2.0]), r"got \(1, 2\) and \(2,\)"),
        (lambda: knapsack([[1.0, np.nan]], [1.0]), "weights must be finite"),
        (lambda: partition([0, 3], [1, 1]), "groups must be in 0..1"),
        (lambda: partition([0, 1], [1, -1]), "limits must be whole numbers"),
        (lambda: capacity([1.5], [2]), "costs must be a list of whole numbers of at least 1"),
        (lambda: capacity([0], [2]), "costs must be"),
        (lambda: capacity([1], [-2]), "capacities must be"),
        (lambda: capacity([2], [np.inf]), "capacities must be a list of whole numbers"),
        (lambda: capacity([2.0**60], [3]), r"at most 2\*\*53"),
        (lambda: cardinality(3, 1.5), "most must be a whole number of at least 0, got 1.5"),
        (lambda: cardinality(3, 4), "most must be in 0..3, got 4"),
        (lambda: cardinality(0, 0), "size must be a whole number of at least 1, got 0"),
        (lambda: capacity([], [3]), "costs must hold the cost of at least one arm"),
        (lambda: knapsack(np.zeros((1, 0)), [1.0]), "weights must have at least one column"),
        (lambda: partition([], [1]), "groups must have at least one entry"),
        (lambda: schedule([[0]], [], slots=1), "arm_slots must hold the slots of at least one arm"),
        (lambda: schedule([[0]], [[0]], slots=1, visits=1.5), "visits must be a whole number"),
        (lambda: schedule([[5]], [[0]], slots=2), r"worker_slots\[0\] must name places in 0..1"),
        (lambda: schedule([[0]], [[-1]], slots=2), r"arm_slots\[0\]"),
        (
            lambda: schedule([[0]], [[1]], slots=2, visits=0),
            "visits must be a whole number of at least 1, got 0",
        ),
        (
            lambda: schedule([[0]], [[1]], slots=2, most=-1),
            "most must be a whole number of at least 0, got -1",
        ),
        (lambda: transversal([[0]], [-1]), "seats must be whole numbers, none negative"),
        (lambda: transversal([[0]], [1.5]), "seats must be whole numbers"),
        (lambda: transversal([[0.5]], [1]), r"reach\[0\] must name places"),
        (lambda: transversal([[1]], [1]), r"reach\[0\]"),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
