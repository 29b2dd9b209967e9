"""Preparing sets by their membership tests: profiles, tables, and what the stages make of them."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits.action_set import cardinality
from games.bandits.argmax_certificate import certify_argmax
from games.bandits.capacity_sets import capacity
from games.bandits.families import Family, corrected_instance, paper_instance
from games.bandits.joint import allowed_actions
from games.bandits.knapsack_sets import knapsack, partition
from games.bandits.schedule_sets import Meeting, schedule
from solvers.sequoia import (
    ActionNetwork,
    ArgmaxOracle,
    ArgmaxStatus,
    EmptySetError,
    Preparation,
    Stage,
    Tolerance,
)
from solvers.sequoia.bounds import layer_bounds, set_bounds
from solvers.sequoia.branch_and_bound import search
from solvers.sequoia.kinds_kernels import fix_by_kinds, greatest_by_kinds, maximise_by_kinds
from solvers.sequoia.local_search import improve
from solvers.sequoia.opening import openings
from solvers.sequoia.prepared_set import prepare
from solvers.sequoia.profiles import profiles
from tests.solvers.sequoia.nets import constant_encoder, random_network, random_q, row_set

STATE = np.zeros(1)
ALL = Preparation()
NO_TABLE = Preparation(actions=0)
NOTHING = Preparation(tests=0)


def _schedule(rng, bits):
    slots = 4
    arms = [rng.choice(slots, 2, replace=False).tolist() for _ in range(bits)]
    workers = [rng.choice(slots, 2, replace=False).tolist() for _ in range(3)]
    return schedule(workers, arms, slots=slots, most=4, meeting=list(Meeting)[int(rng.integers(3))])


KINDS = {
    "capacity": lambda rng, bits: capacity(rng.integers(1, 5, bits), rng.integers(1, 6, 3)),
    "knapsack": lambda rng, bits: knapsack(rng.integers(1, 4, (2, bits)).astype(float), [5.0, 6.0]),
    "partition": lambda rng, bits: partition(rng.integers(0, 3, bits), [1, 2, 1]),
    "schedule": _schedule,
}
OTHERS = {
    "rows": lambda rng, bits: row_set(rng, bits, 2),
    "twice": lambda rng, bits: _without_kinds(KINDS["capacity"](rng, bits)),
}


def _without_kinds(action_set):
    return dataclasses.replace(action_set, kinds=None)


def _family(build, family):
    bits = 12 if family is Family.CAPACITY else 10
    return lambda: build(family, rng=np.random.default_rng(2), arms=bits, budget=3).feasible


FAMILIES = {
    f"{build.__name__} {family.name}": _family(build, family)
    for build in (paper_instance, corrected_instance)
    for family in Family
}


@st.composite
def drawn(draw, builders):
    """A network and a set that is not empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = draw(st.integers(2, 8))
    hidden = draw(st.lists(st.integers(1, 8), min_size=0, max_size=3))
    network = random_network(rng, bits, hidden, draw(st.sampled_from([0.0, 0.1, 0.5])))
    for _ in range(100):
        action_set = builders[draw(st.sampled_from(sorted(builders)))](rng, bits)
        if action_set.contains(_all_actions(bits)).any():
            return network, action_set
    raise AssertionError


def _all_actions(bits):
    return np.array(list(itertools.product((False, True), repeat=bits)))


def _rows(actions):
    return {row.tobytes() for row in actions}


@given(drawn(KINDS | OTHERS))
@settings(max_examples=60, deadline=None)
def test_table_and_profiles_hold_exactly_the_allowed_actions(problem):
    _, action_set = problem
    prepared = prepare(action_set, ALL)
    if prepared.count.complete and not prepared.count.kinds.order.size:
        assert prepared.table is None  # counting bits is all there is to it
        return
    wanted = allowed_actions(action_set)
    table, seen = prepared.table, prepared.profiles
    listed = table.actions(np.arange(table.bit.size))
    assert _rows(listed[table.allowed]) == _rows(wanted)
    assert table.allowed.sum() == len(wanted)
    assert seen.actions == table.bit.size
    for place in range(0, table.bit.size, 7):
        np.testing.assert_array_equal(table.action(place), listed[place])
    for action in _all_actions(action_set.size):
        place = seen.of(action)
        assert (place >= 0 and seen.allowed[place]) == action_set.contains(action)
    if action_set.downward:
        counts = np.stack([np.bincount(seen.kind[a], minlength=seen.sizes.size) for a in wanted])
        assert {tuple(row) for row in seen.counts} == {tuple(row) for row in counts}
        above = (seen.maximal()[None] >= counts[:, None]).all(axis=2).any(axis=1)
        assert above.all()


@given(drawn(KINDS), st.integers(0, 2**32))
@settings(max_examples=120, deadline=None)
def test_greatest_value_by_kinds_is_exact_and_fixing_loses_nothing(problem, seed):
    network, action_set = problem
    prepared = prepare(action_set, ALL)
    rng = np.random.default_rng(seed)
    bits = network.size
    coef = rng.normal(size=bits).round(1)
    fixed = rng.choice([-1, -1, -1, 0, 1], bits).astype(np.int8)
    if not prepared.count.kinds.order.size:
        return
    kinds = prepared.count.kinds.workspace()
    actions = allowed_actions(action_set)
    left = actions[((actions == fixed) | (fixed < 0)).all(axis=1)]
    found = greatest_by_kinds(coef, fixed, kinds)
    if not len(left):
        assert found == -np.inf
        return
    values = left @ coef
    assert found == pytest.approx(values.max(), abs=1e-12)
    action = np.empty(bits, dtype=bool)
    assert maximise_by_kinds(coef, fixed, kinds, action) == found
    assert (left == action).all(axis=1).any()
    assert action @ coef == pytest.approx(found, abs=1e-12)
    goal = found - rng.uniform(0.01, 1.5)
    after = fixed.copy()
    _, excluded = fix_by_kinds(coef, after, kinds, action, float(coef[fixed == 1].sum()), goal)
    lost = values[~((left == after) | (after < 0)).all(axis=1)]
    assert lost.max(initial=-np.inf) <= excluded + 1e-12
    assert excluded <= goal
    for bit in np.flatnonzero(fixed < 0):
        other = values[left[:, bit] != action[bit]].max(initial=-np.inf)
        assert (after[bit] >= 0) == (other <= goal) or abs(other - goal) < 1e-9


@given(drawn(KINDS | OTHERS))
@settings(max_examples=60, deadline=None)
def test_bounds_hold_and_are_no_looser_than_by_the_number_of_bits(problem):
    network, action_set = problem
    count = prepare(action_set, ALL).count
    bounds = set_bounds(network, count)
    plain = layer_bounds(network, count.most, count.fixed, count.exactly)
    actions = allowed_actions(action_set)
    values = network.values(actions)
    for each in (bounds, plain):
        assert (values <= actions @ each.output_coefficients + each.output_constant).all()
        assert values.max() <= each.output_upper
    if count.kinds.order.size and network.slopes:
        slack = 1e-9 * (1 + np.abs(plain.upper[0]).max())
        assert (bounds.upper[0] <= plain.upper[0] + slack).all()
        first = actions @ network.weights[0].T + network.biases[0]
        np.testing.assert_allclose(bounds.upper[0], first.max(axis=0), atol=slack, rtol=0)
        np.testing.assert_allclose(bounds.lower[0], first.min(axis=0), atol=slack, rtol=0)
        assert action_set.contains(bounds.maximiser)


@given(drawn(KINDS | OTHERS), st.sampled_from([0.0, 0.3]))
@settings(max_examples=80, deadline=None)
def test_all_ways_equal_enumeration(problem, allowed):
    network, action_set = problem
    values = network.values(allowed_actions(action_set))
    best, scale = float(values.max()), 1.0 + float(np.abs(values).max())
    tolerance = Tolerance(absolute=allowed)
    for effort, stages in ((ALL, None), (NO_TABLE, (Stage.ROOT, Stage.BRANCHING)), (NOTHING, None)):
        answer = ArgmaxOracle(
            constant_encoder(network), action_set, effort=effort, tolerance=tolerance
        ).solve(STATE)
        assert answer.status is ArgmaxStatus.OPTIMAL
        assert action_set.contains(answer.action)
        assert best - allowed - 1e-5 * scale <= answer.value <= best + 1e-12 * scale
        assert best - 1e-12 * scale <= answer.upper
        if stages and prepare(action_set, effort).count.complete:
            assert answer.stage in stages
        certificate = certify_argmax(
            network.weights, network.biases, network.slopes, action_set, answer.action, answer.upper
        )
        assert certificate.bound == pytest.approx(answer.gap, abs=1e-9 * scale)


@given(drawn(KINDS | OTHERS), st.floats(-1.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_table_stage_needs_no_tolerance_and_heeds_thresholds(problem, beyond):
    network, action_set = problem
    prepared = prepare(action_set, ALL)
    if prepared.table is None:
        return
    values = network.values(allowed_actions(action_set))

    def best_in_table(enough):
        nodes = np.zeros(1, np.int64)
        opened = openings([network], prepared, np.array([enough]), Tolerance(0.0), search=True, nodes=nodes)
        return opened[0].best

    found = best_in_table(-np.inf)
    assert found.value == pytest.approx(values.max(), abs=1e-12 * (1 + np.abs(values).max()))
    assert found.value == network.values(found.action[None])[0]
    assert found.upper == found.value
    enough = float(values.max()) + beyond
    some = best_in_table(enough)
    assert values.max() - 1e-9 <= some.upper <= max(some.value, enough)
    if beyond < 0:
        assert some.value == found.value


@given(drawn(KINDS), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_search_by_kinds_is_honest_wherever_it_stops(problem, nodes):
    network, action_set = problem
    count = prepare(action_set, ALL).count
    actions = allowed_actions(action_set)
    values = network.values(actions)
    worst = int(values.argmin())
    result = search(network, action_set, actions[worst], float(values[worst]), nodes, 1e-7, count=count)
    assert action_set.contains(result.action)
    assert result.upper >= values.max() - 1e-9
    full = search(network, action_set, actions[worst], float(values[worst]), 100_000, 1e-7, count=count)
    assert full.closed
    assert full.value == pytest.approx(values.max(), abs=1e-6)


@given(drawn(KINDS | OTHERS))
@settings(max_examples=40, deadline=None)
def test_local_search_by_profiles_ends_where_no_move_helps(problem):
    network, action_set = problem
    prepared = prepare(action_set, ALL)
    if prepared.profiles is None:
        return
    start = allowed_actions(action_set)[:1]
    bounds = set_bounds(network, prepared.count)
    known = {"bounds": bounds, "count": prepared.count, "profiles": prepared.profiles}
    action, value = improve(network, start, action_set, **known)
    assert action_set.contains(action)
    assert value == network.values(action[None])[0]
    one = np.eye(action.size, dtype=bool)
    flips = action ^ one
    swaps = np.array(
        [action ^ one[i] ^ one[j] for i in np.flatnonzero(action) for j in np.flatnonzero(~action)]
    )
    moves = np.concatenate((flips, swaps.reshape(-1, action.size)))
    moves = moves[action_set.contains(moves)]
    assert network.values(moves).max(initial=-np.inf) <= value + 1e-9


@pytest.mark.parametrize("build", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("effort", [ALL, NO_TABLE], ids=["table", "kinds"])
def test_families_equal_enumeration_on_any_number_of_workers(build, effort):
    action_set = build()
    rng = np.random.default_rng(1)
    network = random_q(rng, action_set.size, (8, 8))
    states = rng.normal(size=(4, 3))
    actions = allowed_actions(action_set)
    answers = ArgmaxOracle(network, action_set, effort=effort).solve_batch(states)
    for state, answer in zip(states, answers, strict=True):
        assert answer.status is ArgmaxStatus.OPTIMAL
        assert answer.value == pytest.approx(network.at(state).values(actions).max(), abs=1e-6)
    again = ArgmaxOracle(network, action_set, effort=effort).solve_batch(states, workers=2)
    for one, other in zip(answers, again, strict=True):
        assert (one.value, one.upper, one.stage) == (other.value, other.upper, other.stage)
        np.testing.assert_array_equal(one.action, other.action)


@pytest.mark.parametrize("effort", [ALL, NO_TABLE], ids=["table", "kinds"])
def test_order_of_the_arms_does_not_matter(effort):
    rng = np.random.default_rng(5)
    costs, tops = rng.integers(2, 7, 14), [4, 5, 7]
    network = random_network(rng, 14, (12, 12))
    order = rng.permutation(14)
    shuffled = ActionNetwork(
        (network.weights[0][:, order], *network.weights[1:]), network.biases, network.slopes
    )
    one = ArgmaxOracle(constant_encoder(network), capacity(costs, tops), effort=effort).solve(STATE)
    other = ArgmaxOracle(constant_encoder(shuffled), capacity(costs[order], tops), effort=effort).solve(STATE)
    assert other.value == pytest.approx(one.value, abs=1e-5)


@pytest.mark.parametrize("name", [*KINDS, *OTHERS])
def test_the_next_best_come_from_the_same_table(name):
    rng = np.random.default_rng(6)
    action_set = (KINDS | OTHERS)[name](rng, 7)
    network = random_network(rng, 7, (6, 5))
    wanted = np.sort(network.values(allowed_actions(action_set)))[::-1]
    for effort in (ALL, NO_TABLE):
        answers = ArgmaxOracle(constant_encoder(network), action_set, effort=effort).topk(STATE, 5)
        np.testing.assert_allclose([a.value for a in answers], wanted[:5], atol=1e-6)
        assert len({a.action.tobytes() for a in answers}) == min(5, wanted.size)


def test_topk_of_a_small_table_ends():
    action_set = knapsack([2.0, 3.0], 4.0)
    network = constant_encoder(random_network(np.random.default_rng(7), 2, (3,)))
    assert len(ArgmaxOracle(network, action_set).topk(STATE, 9)) == 3


def test_limits_are_respected():
    calls = []
    base = capacity([2, 3, 2, 3, 4, 2], [4, 5])

    def counted(actions):
        calls.append(len(actions))
        return base.membership(actions)

    action_set = dataclasses.replace(base, membership=counted)
    whole = profiles(action_set, 1000)
    assert whole is not None
    spent = sum(calls)
    assert spent < 30  # three costs, 6 arms: each profile, and those just beyond
    calls.clear()
    assert profiles(action_set, spent - 1) is None
    assert sum(calls) < spent
    assert prepare(base, Preparation(actions=whole.actions)).table is not None
    narrow = prepare(base, Preparation(actions=whole.actions - 1))
    assert narrow.table is None
    assert narrow.count.kinds.order.size
    assert not prepare(base, Preparation(leaves=1)).count.kinds.order.size
    idle = prepare(base)
    assert idle.table is None
    assert idle.profiles is None
    # What has too many profiles by its sizes alone is not tested at all.
    calls.clear()
    equation = dataclasses.replace(row_set(np.random.default_rng(0), 40, 1), membership=counted)
    assert profiles(equation, 20_000) is None
    assert not calls
    with pytest.raises(ValueError, match="tests must be 0 or more, got -1"):
        Preparation(tests=-1)


def test_sets_that_depend_on_the_state_are_not_tested_beforehand_unless_asked():
    action_set = capacity([2, 3, 2, 3, 4, 2], [4, 5])
    network = random_q(np.random.default_rng(8), 6, (7, 7))
    state = np.zeros(3)
    idle = ArgmaxOracle(network, lambda _: action_set).solve(state)
    eager = ArgmaxOracle(network, lambda _: action_set, effort=ALL).solve(state)
    assert eager.value == pytest.approx(idle.value, abs=1e-6)
    assert idle.stage is not Stage.TABLE
    assert eager.stage in (Stage.TABLE, Stage.ROOT)


def test_an_empty_set_is_still_found_out():
    none = dataclasses.replace(
        row_set(np.random.default_rng(0), 4, 1), row_lower=np.array([-50.0]), row_upper=np.array([-50.0])
    )
    none = dataclasses.replace(none, membership=lambda actions: np.zeros(len(actions), dtype=bool))
    network = constant_encoder(random_network(np.random.default_rng(9), 4, (3,)))
    with pytest.raises(EmptySetError):
        ArgmaxOracle(network, none).solve(STATE)


def test_counting_alone_needs_no_table():
    prepared = prepare(cardinality(8, 3), ALL)
    assert prepared.table is None
    assert prepared.count.complete


def test_a_set_too_large_for_a_table_is_branched():
    rng = np.random.default_rng(11)
    action_set = _without_kinds(capacity(rng.integers(2, 7, 14), [4, 5, 7]))
    network = constant_encoder(random_network(rng, 14, (6,)))
    effort = Preparation(tests=20)
    assert prepare(action_set, effort).table is None
    answer = ArgmaxOracle(network, action_set, effort=effort).solve(STATE)
    assert answer.status is ArgmaxStatus.OPTIMAL
    assert answer.stage is Stage.BRANCHING
    assert answer.value == pytest.approx(
        network.at(STATE).values(allowed_actions(action_set)).max(), abs=1e-6
    )
