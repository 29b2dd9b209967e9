"""Sets that the user writes: as a Pyomo block, as arrays, as a function of the state."""

import networkx as nx
import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings, strategies as st
from scipy import sparse

from games.bandits import (
    ActionSet,
    StateSets,
    Variables,
    allowed,
    capacity,
    cardinality,
    from_arrays,
    from_pyomo,
    knapsack,
    path,
    rows_allow,
    state_and_step,
)
from tests.games.bandits.enumeration import all_actions


def capacity_block(costs, capacities):
    """The assignment form, as a user would write it."""
    model = pyo.ConcreteModel(name="carrying")
    arms, workers = range(len(costs)), range(len(capacities))
    model.carry = pyo.Var(workers, arms, domain=pyo.Binary)
    model.pull = pyo.Var(arms, domain=pyo.Binary)
    model.room = pyo.Constraint(
        workers, rule=lambda m, i: sum(costs[j] * m.carry[i, j] for j in arms) <= capacities[i]
    )
    model.carried = pyo.Constraint(arms, rule=lambda m, j: m.pull[j] <= sum(m.carry[i, j] for i in workers))
    return model


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=5), st.lists(st.integers(1, 9), min_size=1, max_size=3)
)
def test_a_block_equals_the_built_in_capacity_set(costs, capacities):
    model = capacity_block(costs, capacities)
    block, built_in = from_pyomo(model, model.pull, downward=True), capacity(costs, capacities)
    actions = all_actions(len(costs))
    np.testing.assert_array_equal(block.contains(actions), built_in.contains(actions))
    assert (block.most, block.downward) == (built_in.most, True)


def test_a_block_equals_the_built_in_path_set():
    graph, steps = nx.cycle_graph(5), 5
    model = pyo.ConcreteModel()
    model.pull = pyo.Var(range(5), domain=pyo.Binary)
    model.at = pyo.Var(range(5), range(steps + 1), domain=pyo.Binary)
    model.once = pyo.Constraint(range(steps + 1), rule=lambda m, t: sum(m.at[v, t] for v in range(5)) == 1)
    model.ends = pyo.Constraint([0, steps], rule=lambda m, t: m.at[0, t] == 1)

    def move(m, v, t):
        stay = m.at[v, t] if v == 0 else 0
        return m.at[v, t + 1] <= stay + sum(m.at[w, t] for w in graph.neighbors(v))

    model.move = pyo.Constraint(range(5), range(steps), rule=move)
    model.seen = pyo.Constraint(
        range(5), rule=lambda m, v: m.pull[v] <= sum(m.at[v, t] for t in range(1, steps + 1))
    )
    actions = all_actions(5)
    np.testing.assert_array_equal(
        from_pyomo(model, model.pull).contains(actions), path(graph, 0, steps=steps).contains(actions)
    )


def test_all_of_pyomos_sides_are_read():
    model = pyo.ConcreteModel()
    model.part = pyo.Block()
    part = model.part
    part.free = pyo.Var()  # unbounded below and above
    part.whole = pyo.Var(domain=pyo.Integers, bounds=(-2, 2))
    part.a = pyo.Var(range(4), domain=pyo.Binary)
    part.unused = pyo.Var(domain=pyo.Binary)
    part.limit = pyo.Param(initialize=3, mutable=True)
    part.a[3].fix(1)
    part.between = pyo.Constraint(expr=pyo.inequality(1, part.a[0] + part.a[1] + part.free, 2))
    part.equal = pyo.Constraint(expr=part.free - part.whole == 0)
    part.top = pyo.Constraint(expr=sum(part.a[i] for i in range(4)) + 1 <= part.limit)
    part.off = pyo.Constraint(expr=part.a[0] >= 1)
    part.off.deactivate()
    part.cost = pyo.Objective(expr=part.a[0] - part.unused)
    action_set = from_pyomo(part, [part.unused, *part.a.values()])
    actions = all_actions(5)
    expected = actions[:, 4] & (actions[:, 1:].sum(axis=1) <= 2)
    np.testing.assert_array_equal(action_set.contains(actions), expected)
    assert action_set.most == 3
    # Compiled once: what changes in the block afterwards does not reach the set.
    part.limit = 1
    np.testing.assert_array_equal(action_set.contains(actions), expected)


def test_an_own_membership_test_is_used():
    model = capacity_block([2, 3], [4])
    witness = capacity([2, 3], [4]).membership
    assert from_pyomo(model, model.pull, membership=witness).membership is witness


def _nonlinear():
    model = capacity_block([2, 3], [4])
    model.product = pyo.Constraint(expr=model.pull[0] * model.pull[1] <= 0)
    return model, model.pull


def _ordered_set():
    model = capacity_block([2, 3], [4])
    model.ladder = pyo.SOSConstraint(var=model.pull, sos=1)
    return model, model.pull


def _impossible():
    model = capacity_block([2, 3], [4])
    model.both = pyo.Constraint(expr=model.pull[0] + model.pull[1] == 2)
    return model, model.pull


def _constant():
    model = capacity_block([2, 3], [4])
    model.pull[0].fix(0)
    model.never = pyo.Constraint(expr=model.pull[0] >= 1)
    return model, model.pull


def _continuous():
    model = pyo.ConcreteModel()
    model.level = pyo.Var(range(2), bounds=(0, 1))
    return model, model.level


def _twice():
    model = capacity_block([2, 3], [4])
    return model, [model.pull[0], model.pull[0]]


def _abstract():
    model = pyo.AbstractModel(name="outline")
    model.pull = pyo.Var([0], domain=pyo.Binary)
    other = pyo.ConcreteModel()
    other.pull = pyo.Var([0], domain=pyo.Binary)
    return model, other.pull


def _deactivated():
    model = capacity_block([2, 3], [4])
    model.deactivate()
    return model, model.pull


def _indexed():
    model = capacity_block([2, 3], [4])
    model.parts = pyo.Block([0, 1])
    return model.parts, model.pull


def _fixed_without_value():
    model = capacity_block([2, 3], [4])
    model.loose = pyo.Var([0], domain=pyo.Binary)
    model.loose[0].fixed = True
    return model, [*model.pull.values(), model.loose[0]]


def _expression():
    model = capacity_block([2, 3], [4])
    return model, [model.pull[0], 1 - model.pull[1]]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_deactivated, "carrying.* is deactivated"),
        (_indexed, "parts.* is indexed"),
        (_fixed_without_value, r"variable loose\[0\] is fixed, but has no value"),
        (_expression, "action_vars must be Pyomo variables, got 1 - pull"),
        (_nonlinear, r"cannot be compiled to linear rows: .*\(product\)"),
        (_ordered_set, "(?s)cannot be compiled to linear rows: .*ladder"),
        (_impossible, r"pyomo\(carrying\) is empty"),
        (_constant, "is empty: .*never"),
        (_continuous, r"action variable level\[0\] must be binary, got Reals"),
        (_twice, "none twice"),
        (_abstract, "is not constructed"),
        (lambda: (capacity_block([2], [4]), []), "at least one variable"),
        (lambda: (capacity_block([2], [4]), 3), "action_vars must be Pyomo variables"),
    ],
)
def test_what_is_no_set_is_refused_by_name(build, message):
    block, variables = build()
    with pytest.raises(ValueError, match=message):
        from_pyomo(block, variables)


def test_arrays_equal_the_built_in_set():
    rng = np.random.default_rng(0)
    weights, limits = rng.random((2, 6)), np.array([1.0, 1.5])
    built_in = knapsack(weights, limits)
    for rows in (weights, sparse.csc_array(weights)):
        given_rows = from_arrays(6, rows, [-np.inf, -np.inf], limits, downward=True)
        actions = all_actions(6)
        np.testing.assert_array_equal(given_rows.contains(actions), built_in.contains(actions))
        assert given_rows.most == built_in.most


def test_arrays_are_copied():
    rows, low, high = sparse.csr_array(np.ones((1, 2))), np.array([-np.inf]), np.array([1.0])
    action_set = from_arrays(2, rows, low, high)
    rows.data[:], low[:], high[:] = 0.0, 0.5, 9.0
    np.testing.assert_array_equal(action_set.contains(all_actions(2)), [True, True, True, False])


@pytest.mark.parametrize("scale", [1e-12, 1e-8, 0.3, 1.0, 1e4])
def test_units_of_rows_do_not_matter(scale):
    # Of 1e-8 everywhere, solvers would let any sum pass.
    rows, sides = np.array([[2.0, 3.0, 4.0], [0.0, 0.0, 0.0]]), np.array([5.0, 1.0])
    action_set = from_arrays(3, scale * rows, [-np.inf, -np.inf], scale * sides)
    np.testing.assert_array_equal(
        action_set.contains(all_actions(3)), all_actions(3) @ np.array([2, 3, 4]) <= 5
    )
    assert action_set.most == 2


def test_arrays_with_auxiliaries():
    # Both bits or neither: a0 + a1 = 2 w.
    extra = Variables(np.zeros(1), np.ones(1), np.ones(1, dtype=bool))
    action_set = from_arrays(2, [[1.0, 1.0, -2.0]], [0.0], [0.0], auxiliaries=extra)
    np.testing.assert_array_equal(action_set.contains(all_actions(2)), [True, False, False, True])
    assert not action_set.downward
    assert isinstance(action_set, ActionSet)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, [[1.0]], [0.0], [1.0]), "size must be at least 1"),
        ((2, [[1.0]], [0.0], [1.0]), "rows must have 2 columns"),
        ((1, [[1.0]], [0.0, 0.0], [1.0]), r"row_lower of arrays must have shape \(1,\), got \(2,\)"),
        ((1, [[np.nan]], [0.0], [1.0]), "rows of arrays must be finite"),
        ((1, [[1.0]], [2.0], [1.0]), "at most its upper side"),
        ((1, [[1.0]], [np.nan], [1.0]), "at most its upper side"),
        ((1, [[1.0]], [2.0], [3.0]), "arrays is empty"),
    ],
)
def test_bad_arrays_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(*arguments)


def test_sets_follow_the_state_and_are_built_once():
    built = []

    def build(states, step):
        built.append((tuple(states), step))
        return cardinality(3, int(states.sum()))

    sets = StateSets(3, build)
    low, high = np.array([0, 1]), np.array([1, 2])
    assert sets.at(low, 0).most == 1
    assert sets.at(low, 5) is sets.at(low, 0)
    assert sets.at(high, 0).most == 3
    assert len(built) == 2
    timed = StateSets(3, build, key=state_and_step, remembered=1)
    assert timed.at(low, 0) is not timed.at(low, 1)
    # Only one set is kept, so that of step 0 is built again.
    before = len(built)
    timed.at(low, 1)
    timed.at(low, 0)
    assert len(built) == before + 1
    states, actions = np.array([low, high]), np.array([[1, 1, 0], [1, 1, 0]], dtype=bool)
    np.testing.assert_array_equal(allowed(sets, states, 0, actions), [False, True])


def test_a_block_for_each_state():
    def build(states, step):
        model = capacity_block([2, 3, 4], [int(states.sum())])
        return from_pyomo(model, model.pull)

    sets = StateSets(3, build)
    np.testing.assert_array_equal(
        sets.at(np.array([2, 3]), 0).contains([[1, 1, 0], [1, 0, 1]]), [True, False]
    )


def test_sets_of_the_wrong_size_are_refused():
    with pytest.raises(ValueError, match="must give sets of 3 bits, got 2"):
        StateSets(3, lambda states, step: cardinality(2, 1)).at(np.array([0]), 0)
    with pytest.raises(ValueError, match="at least 1"):
        StateSets(0, lambda states, step: cardinality(2, 1))


def test_rows_that_nobody_checks_apart_still_check_rounding():
    # The membership of a set given by rows alone is a feasibility problem over these rows.
    action_set = from_arrays(2, [[1.0, 1.0]], [-np.inf], [1.0])
    np.testing.assert_array_equal(action_set.contains(all_actions(2)), rows_allow(action_set, all_actions(2)))
