from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits.action_set import cardinality
from games.bandits.knapsack_sets import knapsack as counted_knapsack
from solvers.sequoia import branch_and_bound
from solvers.sequoia.bounds import set_core
from solvers.sequoia.branch_and_bound import search
from solvers.sequoia.counting import counting
from solvers.sequoia.cutoff_kernels import narrow
from solvers.sequoia.dual_kernels import Work, value_of
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import Preparation, prepare
from tests.solvers.sequoia.action_networks import allowed_actions, knapsack, random_network, scattered

TOL = 1e-7


def work_for(stack):
    m, n = stack.neurons, stack.bits
    room = [np.zeros(m) for _ in range(7)] + [np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int64)]
    return Work(*room, *(np.zeros(n, dtype=np.bool_) for _ in range(3)), np.zeros(m))


def neurons_of(stack, actions):
    """Values before activation, of shape (actions, m), layer after layer."""
    x = actions @ stack.outer.T + stack.constant
    for u in range(stack.neurons + 1):
        before = x[:, : stack.first[u]]
        x[:, u] += (
            np.maximum(before, stack.slope[: stack.first[u]] * before) @ stack.inner[u, : stack.first[u]]
        )
    return x[:, :-1], x[:, -1]


@st.composite
def cut_problems(draw):
    """A network over a counting set with some signs branched on, and a value that some actions may beat."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(2, 9))
    hidden = draw(st.sampled_from(((6,), (8, 8), (4, 5, 4))))
    slope, scale = draw(st.sampled_from((0.0, 0.2))), draw(st.sampled_from((1.6, 4.0)))
    network = random_network(rng, size, hidden, slope, scale)
    exactly = draw(st.booleans())
    action_set = cardinality(size, draw(st.integers(1, size)), exactly=exactly)
    return rng, network, action_set, exactly, draw(st.floats(0.0, 1.0)), draw(st.integers(0, 2))


@settings(deadline=None, max_examples=150)
@given(cut_problems())
def test_no_action_that_beats_the_value_is_outside_the_narrowed_bounds(problem):
    rng, network, action_set, exactly, share, splits = problem
    count = counting(action_set)
    stack, lower, upper, output = set_core(network, count, None)
    actions = allowed_actions(action_set.size, count.most, np.full(action_set.size, -1), exactly)
    x, values = neurons_of(stack, actions)
    np.testing.assert_allclose(values, network.values(actions), atol=1e-9)
    goal = float(np.quantile(values, share))
    split = np.zeros(stack.neurons, dtype=np.int8)
    beats = values > goal
    for v in rng.permutation(stack.neurons)[:splits]:
        split[v] = rng.choice([-1, 1])
        beats &= split[v] * x[:, v] >= 0.0
        if split[v] > 0:
            lower[v] = 0.0
        else:
            upper[v] = 0.0
    alpha = rng.uniform(stack.slope, 1.0)
    beta = rng.exponential(size=stack.neurons) * (split != 0)
    left = narrow(
        stack,
        count.fixed,
        count.left,
        exactly,
        count.kinds.workspace(),
        split,
        lower,
        upper,
        alpha,
        beta,
        goal,
        max(output - goal, 1e-3),
        work_for(stack),
    )
    if left:
        assert (x[beats] >= lower - 1e-9).all()
        assert (x[beats] <= upper + 1e-9).all()
    else:
        assert not beats.any()


def test_bounds_narrow_where_little_is_left():
    # Q = relu(a1 + a2 + a3 - 1/2), two bits at most: to beat 1.2, one takes x > 1.2, so the neuron is on.
    network = ActionNetwork((np.ones((1, 3)), np.ones((1, 1))), (np.array([-0.5]), np.zeros(1)), (0.0,))
    count = counting(cardinality(3, 2))
    stack, lower, upper, output = set_core(network, count, None)
    assert (lower[0], upper[0]) == (pytest.approx(-0.5), pytest.approx(1.5))
    none = np.zeros(1, dtype=np.int8)
    rest = (np.zeros(1), np.zeros(1), 1.2, output - 1.2, work_for(stack))
    assert narrow(stack, count.fixed, 2, False, count.kinds.workspace(), none, lower, upper, *rest)
    assert 0.0 <= lower[0] <= 1.2 + 1e-9
    assert not narrow(
        stack,
        count.fixed,
        2,
        False,
        count.kinds.workspace(),
        none,
        np.array([-0.5]),
        np.array([1.5]),
        np.zeros(1),
        np.zeros(1),
        9.0,
        0.1,
        work_for(stack),
    )  # nothing beats 9


def test_value_of_is_the_networks():
    rng = np.random.default_rng(1)
    network = random_network(rng, 9, (7, 6), 0.1)
    stack, *_ = set_core(network, counting(cardinality(9, 4)), None)
    work = work_for(stack)
    for _ in range(20):
        work.action[:] = False
        work.action[rng.permutation(9)[:4]] = True
        assert value_of(stack, work) == pytest.approx(network.values(work.action[None])[0], abs=1e-12)


def at_most(rng, size, most):
    return cardinality(size, most)


def exactly_many(rng, size, most):
    return cardinality(size, most, exactly=True)


@pytest.mark.parametrize("restarts", [(1,), (1, 3, 9, 27), (5, 6)])
@pytest.mark.parametrize("seed", range(36))
def test_beginning_again_loses_nothing(restarts, seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 11))
    hidden = ((9,), (10, 10), (5, 5, 5))[seed % 3]
    network = random_network(rng, size, hidden, 0.0, float(rng.choice([1.6, 4.0])))
    most = int(rng.integers(1, size + 1))
    action_set = (at_most, exactly_many, knapsack, scattered)[seed // 3 % 4](rng, size, most)
    tol = float(rng.choice([TOL, 0.1, 1.0]))
    actions = allowed_actions(size, size, np.full(size, -1), exactly=False)
    actions = actions[action_set.contains(actions)]
    values = network.values(actions)
    worst, best = int(values.argmin()), float(values.max())
    with mock.patch.object(branch_and_bound, "_RESTARTS", restarts):
        uppers = []
        for nodes in (1, 20, 50, 100, 50_000):
            result = search(network, action_set, actions[worst], float(values[worst]), nodes, tol)
            assert result.nodes <= nodes
            assert action_set.contains(result.action)
            assert result.value == network.values(result.action[None])[0]
            assert result.upper >= best - 1e-9 * max(1.0, abs(best))
            uppers.append(result.upper)
    assert result.closed
    assert result.value >= best - tol - 1e-9
    assert uppers[-1] <= min(uppers) + tol


def test_beginning_again_with_kinds_loses_nothing():
    rng = np.random.default_rng(5)
    costs = rng.integers(1, 4, 10)
    action_set = counted_knapsack(costs, 7)
    count = prepare(action_set, Preparation(actions=0)).count
    assert count.kinds.order.size
    actions = allowed_actions(10, 10, np.full(10, -1), exactly=False)
    actions = actions[action_set.contains(actions)]
    with mock.patch.object(branch_and_bound, "_RESTARTS", (1, 5, 20)):
        for _ in range(10):
            network = random_network(rng, 10, (12, 12), scale=2.5)
            values = network.values(actions)
            worst = int(values.argmin())
            result = search(
                network, action_set, actions[worst], float(values[worst]), 50_000, TOL, count=count
            )
            assert result.closed
            assert result.value == pytest.approx(values.max(), abs=TOL)


def test_beginning_again_saves_nodes():
    rng = np.random.default_rng(4)
    network, action_set = random_network(rng, 60, (16, 16), scale=1.4), cardinality(60, 12)
    start = np.zeros(60, dtype=np.bool_)
    value = float(network.values(start[None])[0])
    again = search(network, action_set, start, value, 50_000, TOL)
    with mock.patch.object(branch_and_bound, "_RESTARTS", ()):
        once = search(network, action_set, start, value, 2 * again.nodes, TOL)
    assert again.closed
    assert not once.closed
