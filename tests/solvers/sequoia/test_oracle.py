"""The oracle: all stages together, batches, memory, limits."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits.action_set import cardinality
from games.bandits.argmax_certificate import certify_argmax, enumerated_argmax, forward_value
from games.bandits.exclusion import excluding
from games.bandits.families import Family, corrected_instance, paper_instance
from games.bandits.joint import allowed_actions
from games.bandits.knapsack_sets import knapsack, partition
from solvers.sequoia import (
    ActionNetwork,
    ArgmaxOracle,
    ArgmaxStatus,
    EmptySetError,
    Enumeration,
    ShrinkingTolerance,
    Stage,
    Tolerance,
    q_network,
)
from tests.solvers.sequoia.nets import constant_encoder, problems, random_network, random_q, row_set

STATE = np.zeros(1)


def no_nodes(network, action_set):
    return 0


def _witness(network, action_set):
    return enumerated_argmax(network.weights, network.biases, network.slopes, action_set)[1]


@given(problems(most_bits=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_answers_equal_enumeration(problem, branching):
    network, action_set = problem
    oracle = (
        ArgmaxOracle(constant_encoder(network), action_set)
        if branching
        else ArgmaxOracle(constant_encoder(network), action_set, nodes=no_nodes)
    )
    if not action_set.contains(_all_actions(action_set.size)).any():
        with pytest.raises(EmptySetError):
            oracle.solve(STATE)
        return
    best = _witness(network, action_set)
    answer = oracle.solve(STATE)
    scale = 1.0 + abs(best)
    assert answer.status is ArgmaxStatus.OPTIMAL
    assert answer.value == pytest.approx(best, abs=1e-5 * scale)
    assert answer.upper >= best - 1e-12 * scale
    certificate = certify_argmax(
        network.weights, network.biases, network.slopes, action_set, answer.action, answer.upper
    )
    assert certificate.measure == answer.certificate.measure
    assert certificate.bound == pytest.approx(answer.gap, abs=1e-9 * scale)


def _all_actions(size):
    return (np.arange(1 << size)[:, None] >> np.arange(size) & 1).astype(bool)


def _instance(build, family):
    bits = 12 if family is Family.CAPACITY else 10
    return build(family, rng=np.random.default_rng(0), arms=bits, budget=3).feasible


SETS = {
    "knapsack": lambda: knapsack(np.random.default_rng(0).integers(1, 6, (2, 10)).astype(float), [9.0, 12.0]),
    "partition": lambda: partition([0, 0, 0, 1, 1, 1, 2, 2, 2, 2], [1, 2, 2]),
    **{
        f"{build.__name__} {family.name}": functools.partial(_instance, build, family)
        for build in (paper_instance, corrected_instance)
        for family in Family
    },
}


@pytest.mark.parametrize("build", SETS.values(), ids=SETS)
@pytest.mark.parametrize("nodes", [None, no_nodes], ids=["branching", "program"])
def test_coupled_sets_equal_enumeration(build, nodes):
    action_set = build()
    rng = np.random.default_rng(1)
    for hidden in ((8,), (6, 6)):
        network = random_q(rng, action_set.size, hidden)
        oracle = ArgmaxOracle(network, action_set, **({} if nodes is None else {"nodes": nodes}))
        states = rng.normal(size=(3, 3))
        for state, answer in zip(states, oracle.solve_batch(states), strict=True):
            assert answer.status is ArgmaxStatus.OPTIMAL
            assert answer.value == pytest.approx(_witness(network.at(state), action_set), abs=1e-6)


def test_topk_equals_enumeration():
    rng = np.random.default_rng(3)
    for action_set in (cardinality(7, 3), cardinality(7, 3, exactly=True), row_set(rng, 7, 1)):
        network = random_network(rng, 7, (6, 5))
        wanted = np.sort(network.values(allowed_actions(action_set)))[::-1]
        answers = ArgmaxOracle(constant_encoder(network), action_set).topk(STATE, 6)
        np.testing.assert_allclose([a.value for a in answers], wanted[:6], atol=1e-6)
        assert len({a.action.tobytes() for a in answers}) == 6
        assert all(a.status is ArgmaxStatus.OPTIMAL and action_set.contains(a.action) for a in answers)
    network = random_network(rng, 3, (4,))
    few = ArgmaxOracle(constant_encoder(network), cardinality(3, 1)).topk(STATE, 9)
    assert [a.value for a in few] == pytest.approx(
        np.sort(network.values(allowed_actions(cardinality(3, 1))))[::-1], abs=1e-9
    )


def test_excluding_takes_out_what_it_is_told():
    base = cardinality(4, 2)
    gone = [np.array([1, 1, 0, 0], dtype=bool), np.zeros(4, dtype=bool)]
    rest = excluding(base, gone)
    kept = {a.tobytes() for a in allowed_actions(rest)}
    assert kept == {a.tobytes() for a in allowed_actions(base)} - {a.tobytes() for a in gone}
    rows = _all_actions(4) @ rest.rows.toarray().T
    by_rows = ((rows >= rest.row_lower) & (rows <= rest.row_upper)).all(axis=1)
    np.testing.assert_array_equal(by_rows, rest.contains(_all_actions(4)))
    assert excluding(base, []) is base
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        excluding(base, [np.zeros(3, dtype=bool)])


@pytest.mark.parametrize("nodes", [None, no_nodes], ids=["branching", "program"])
def test_batches_equal_single_solves_on_any_number_of_workers(nodes):
    rng = np.random.default_rng(4)
    network = random_q(rng, 12, (10, 10))
    states = rng.normal(size=(10, 3))[[0, 1, 2, 3, 1, 4, 5, 0, 6, 7]]
    options = {} if nodes is None else {"nodes": nodes}
    single = [ArgmaxOracle(network, cardinality(12, 5), **options).solve(state) for state in states]
    for workers in (1, 2):
        batch = ArgmaxOracle(network, cardinality(12, 5), **options).solve_batch(states, workers=workers)
        for one, other in zip(single, batch, strict=True):
            np.testing.assert_array_equal(one.action, other.action)
            assert (one.value, one.upper, one.stage) == (other.value, other.upper, other.stage)
        assert batch[4] is batch[1]
    assert ArgmaxOracle(network, cardinality(12, 5)).solve_batch(np.zeros((0, 3))) == ()


def test_sets_may_depend_on_the_state():
    network = random_q(np.random.default_rng(5), 6, (5,))
    sets = [cardinality(6, 1, exactly=True), cardinality(6, 4, exactly=True)]
    oracle = ArgmaxOracle(network, lambda state: sets[int(state[0])])
    states = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert [a.action.sum() for a in oracle.solve_batch(states)] == [1, 4, 1]
    with pytest.raises(ValueError, match="6 action bits"):
        ArgmaxOracle(network, lambda state: cardinality(5, 1)).solve(states[0])


def test_answers_are_remembered_until_the_weights_change():
    rng = np.random.default_rng(6)
    calls = []

    def counted(network, action_set):
        calls.append(1)
        return 0

    network, other = random_q(rng, 12, (12, 12)), random_q(rng, 12, (12, 12))
    oracle = ArgmaxOracle(network, cardinality(12, 4), nodes=counted)
    state = rng.normal(size=3)
    first = oracle.solve(state)
    asked = len(calls)
    assert asked == 1
    assert oracle.solve(state) is first
    oracle.update(q_network(network.encoder, network.weights, network.biases, network.slopes))
    assert oracle.solve(state) is first
    assert len(calls) == asked
    oracle.update(other)
    changed = oracle.solve(state)
    assert changed.value == pytest.approx(_witness(other.at(state), cardinality(12, 4)), abs=1e-6)
    assert changed.value != first.value
    oracle.update(network)
    again = oracle.solve(state)
    assert again is not first
    assert again.value == first.value
    with pytest.raises(ValueError, match="12 action bits"):
        oracle.update(random_q(rng, 11, (12,)))
    forgetful = ArgmaxOracle(network, cardinality(12, 4), remembered=0)
    assert forgetful.solve(state) is not forgetful.solve(state)


def test_a_loose_answer_is_not_taken_for_a_tight_one():
    rng = np.random.default_rng(7)
    network = random_q(rng, 12, (12, 12))
    oracle = ArgmaxOracle(network, cardinality(12, 4))
    state = rng.normal(size=3)
    best = _witness(network.at(state), cardinality(12, 4))
    loose = oracle.solve(state, tolerance=Tolerance(absolute=100.0))
    assert loose.status is ArgmaxStatus.OPTIMAL
    assert loose.stage is Stage.ROOT
    assert loose.upper >= best
    tight = oracle.solve(state)
    assert tight.value == pytest.approx(best, abs=1e-6)
    assert tight.gap < loose.gap
    assert oracle.solve(state, tolerance=Tolerance(absolute=100.0)) is tight
    shrinking = ShrinkingTolerance(1.0, 0.5, Tolerance(absolute=0.1))
    assert [shrinking.at(step).absolute for step in (0, 1, 2, 9)] == [1.0, 0.5, 0.25, 0.1]


@pytest.mark.parametrize("nodes", [None, no_nodes], ids=["branching", "program"])
def test_a_threshold_ends_the_search_only_when_it_is_proven(nodes):
    rng = np.random.default_rng(8)
    network = random_q(rng, 12, (12, 12))
    states = rng.normal(size=(4, 3))
    best = np.array([_witness(network.at(state), cardinality(12, 4)) for state in states])
    options = {} if nodes is None else {"nodes": nodes}
    above = ArgmaxOracle(network, cardinality(12, 4), **options).solve_batch(states, enough=best + 0.05)
    for answer, value in zip(above, best, strict=True):
        assert answer.status in (ArgmaxStatus.ENOUGH, ArgmaxStatus.OPTIMAL)
        assert value - 1e-9 <= answer.upper <= value + 0.05 + 1e-4
    below = ArgmaxOracle(network, cardinality(12, 4), **options).solve_batch(states, enough=best - 0.05)
    assert all(answer.status is ArgmaxStatus.OPTIMAL for answer in below)
    np.testing.assert_allclose([answer.value for answer in below], best, atol=1e-5)
    twice = np.repeat(states[:1], 2, axis=0)
    both = ArgmaxOracle(network, cardinality(12, 4)).solve_batch(twice, enough=[best[0] + 9, best[0] - 1])
    assert both[0] is both[1]
    assert both[0].status is ArgmaxStatus.OPTIMAL


def test_a_time_limit_keeps_the_best_action_and_its_bound():
    rng = np.random.default_rng(9)
    network = random_network(rng, 60, (40, 40))
    oracle = ArgmaxOracle(constant_encoder(network), cardinality(60, 20), nodes=no_nodes, time_limit=1e-3)
    answer = oracle.solve(STATE)
    assert answer.status is ArgmaxStatus.LIMIT
    assert answer.gap > 0
    assert cardinality(60, 20).contains(answer.action)
    assert answer.value == pytest.approx(
        forward_value(network.weights, network.biases, network.slopes, answer.action), abs=1e-9
    )
    draws = np.zeros((500, 60), dtype=bool)
    for row in draws:
        row[rng.choice(60, 20, replace=False)] = True
    assert network.values(draws).max() <= answer.value <= answer.upper
    assert oracle.solve(STATE) is not answer  # an open answer is not remembered
    small = random_network(rng, 16, (30, 30))
    quick = ArgmaxOracle(
        constant_encoder(small), cardinality(16, 8), nodes=no_nodes, exact=Enumeration(), time_limit=1e-9
    ).solve(STATE)
    assert quick.status is ArgmaxStatus.LIMIT


@given(st.integers(0, 2**32), st.sampled_from([1e-4, 1.0, 1e5]))
@settings(max_examples=15, deadline=None)
def test_permuting_arms_and_scaling_weights(seed, factor):
    rng = np.random.default_rng(seed)
    network = random_network(rng, 11, (9, 9))
    order = rng.permutation(11)
    changed = ActionNetwork(
        (network.weights[0][:, order], network.weights[1], factor * network.weights[2]),
        (*network.biases[:2], factor * network.biases[2]),
        network.slopes,
    )
    one = ArgmaxOracle(constant_encoder(network), cardinality(11, 4)).solve(STATE)
    other = ArgmaxOracle(constant_encoder(changed), cardinality(11, 4)).solve(STATE)
    assert one.status is other.status is ArgmaxStatus.OPTIMAL
    assert other.value == pytest.approx(factor * one.value, rel=1e-5, abs=1e-5 * factor)
    back = np.zeros(11, dtype=bool)
    back[order] = other.action
    assert network.values(back[None])[0] == pytest.approx(one.value, abs=1e-5)


def test_stages_name_who_certified():
    rng = np.random.default_rng(10)
    network = constant_encoder(random_network(rng, 12, (12, 12)))
    action_set = cardinality(12, 5)
    stages = [
        ArgmaxOracle(network, action_set, nodes=lambda *_: 10_000).solve(STATE).stage,
        ArgmaxOracle(network, action_set, nodes=no_nodes).solve(STATE).stage,
        ArgmaxOracle(network, action_set, nodes=no_nodes, exact=Enumeration()).solve(STATE).stage,
        ArgmaxOracle(constant_encoder(random_network(rng, 12, ())), action_set).solve(STATE).stage,
    ]
    assert stages == [Stage.BRANCHING, Stage.PROGRAM, Stage.ENUMERATION, Stage.ROOT]


def test_bad_questions():
    network = random_q(np.random.default_rng(11), 5, (4,))
    oracle = ArgmaxOracle(network, cardinality(5, 2))
    with pytest.raises(ValueError, match="network's 5 action bits, but cardinality"):
        ArgmaxOracle(network, cardinality(6, 2))
    with pytest.raises(ValueError, match="time_limit must be positive, got 0"):
        ArgmaxOracle(network, cardinality(5, 2), time_limit=0)
    with pytest.raises(ValueError, match="workers must be at least 1"):
        oracle.solve_batch(np.zeros((2, 3)), workers=0)
    with pytest.raises(ValueError, match="enough must hold 2 numbers"):
        oracle.solve_batch(np.zeros((2, 3)), enough=[1.0])
    with pytest.raises(ValueError, match="k must be at least 1"):
        oracle.topk(np.zeros(3), 0)
    with pytest.raises(ValueError, match="relative must be a finite number"):
        Tolerance(relative=-1.0)
    with pytest.raises(ValueError, match="factor must lie in"):
        ShrinkingTolerance(1.0, 2.0)
    with pytest.raises(ValueError, match="the action is not in"):
        certify_argmax((np.ones((1, 2)),), (np.zeros(1),), (), cardinality(2, 1), [1, 1], 9.0)
    with pytest.raises(ValueError, match=r"at least the action's own value 1\.0"):
        certify_argmax((np.ones((1, 2)),), (np.zeros(1),), (), cardinality(2, 1), [0, 1], 0.5)
