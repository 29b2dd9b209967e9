import dataclasses
import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits.action_set import cardinality
from solvers.sequoia import search_kernels
from solvers.sequoia.bounds import layer_bounds
from solvers.sequoia.branch_and_bound import node_limit, search
from solvers.sequoia.local_search import improve
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.prepared_set import prepare
from tests.solvers.sequoia.action_networks import allowed_actions, knapsack, random_network, scattered

TOL = 1e-7


def at_most(rng, size, most):
    return cardinality(size, most)


def exactly(rng, size, most):
    return cardinality(size, most, exactly=True)


def best_by_enumeration(network, action_set):
    actions = np.array(list(itertools.product((False, True), repeat=action_set.size)))
    actions = actions[action_set.contains(actions)]
    values = network.values(actions)
    return float(values.max()), actions[int(values.argmin())]


@st.composite
def problems(draw, most_bits=12):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, most_bits))
    hidden = draw(st.sampled_from(((6,), (8, 8), (4, 5, 4))))
    network = random_network(rng, size, hidden, draw(st.sampled_from((0.0, 0.2))), 2.5)
    family = draw(st.sampled_from((at_most, exactly, knapsack, scattered)))
    return network, family(rng, size, draw(st.integers(0, size)))


@settings(deadline=None, max_examples=150)
@given(problems())
def test_equals_enumeration(problem):
    network, action_set = problem
    best, worst = best_by_enumeration(network, action_set)
    start = float(network.values(worst[None])[0])
    result = search(network, action_set, worst, start, 200_000, TOL)
    assert result.closed
    assert action_set.contains(result.action)
    assert result.value == network.values(result.action[None])[0]
    assert best - TOL <= result.value <= best + 1e-9
    assert best <= result.upper + 1e-9
    assert result.upper <= result.value + TOL


@settings(deadline=None, max_examples=150)
@given(problems(9), st.integers(0, 40))
def test_the_bound_holds_wherever_the_search_is_stopped(problem, nodes):
    network, action_set = problem
    best, worst = best_by_enumeration(network, action_set)
    start = float(network.values(worst[None])[0])
    result = search(network, action_set, worst, start, nodes, TOL)
    assert result.nodes <= max(nodes, 1)
    assert action_set.contains(result.action)
    assert start - 1e-9 <= result.value <= best + 1e-9
    assert result.upper >= best - 1e-9
    assert result.closed == (result.upper <= result.value + TOL)


def drawn(seed):
    """A problem of random size, depth, scale and kind of set, and a tolerance that is often loose."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 10))
    hidden = ((9,), (10, 10), (5, 5, 5))[seed % 3]
    network = random_network(rng, size, hidden, 0.0, float(rng.choice([1.6, 4.0])))
    most = int(rng.integers(1, size + 1))
    action_set = (at_most, exactly, knapsack, scattered)[seed // 3 % 4](rng, size, most)
    return network, action_set, float(rng.choice([1e-7, 0.1, 1.0, 3.0]))


# In the first three the bound misses the best action if what fixing bits leaves out is forgotten; in the last
# that action is lost if a node's only action left is not tested because a better one was met on the way.
TELLING = (255, 744, 1229, 2445)


@pytest.mark.parametrize("seed", [*TELLING, *range(40)])
def test_a_loose_tolerance_leaves_at_most_that_and_an_honest_bound(seed):
    network, action_set, tol = drawn(seed)
    best, worst = best_by_enumeration(network, action_set)
    start = float(network.values(worst[None])[0])
    result = search(network, action_set, worst, start, 100_000, tol)
    assert result.closed
    assert result.upper >= best - 1e-9 * max(1.0, abs(best))
    assert result.value >= best - tol - 1e-7


def hard_network(seed=3, size=16):
    return random_network(np.random.default_rng(seed), size, (16, 16), scale=2.0)


def test_more_nodes_never_loosen_the_bound():
    network, action_set = hard_network(), cardinality(16, 8)
    action, value = improve(network, np.zeros((1, 16)), action_set)
    results = [search(network, action_set, action, value, n, TOL) for n in (1, 3, 30, 300, 3000)]
    uppers = [result.upper for result in results]
    assert uppers == sorted(uppers, reverse=True)
    assert uppers[0] > uppers[2]
    best = network.values(allowed_actions(16, 8, np.full(16, -1), exactly=False)).max()
    assert results[-1].closed
    assert results[-1].value == pytest.approx(best, abs=TOL)


@pytest.mark.parametrize("family", [at_most, knapsack])
def test_room_for_nodes_does_not_matter(monkeypatch, family):
    network, action_set = hard_network(), family(np.random.default_rng(1), 16, 8)
    start = np.zeros(16, dtype=bool)
    value = float(network.values(start[None])[0])
    ample = search(network, action_set, start, value, 5000, TOL)
    monkeypatch.setattr(search_kernels, "_ROWS", 1)
    narrow = search(network, action_set, start, value, 5000, TOL)
    assert ample.nodes > 50
    assert (narrow.value, narrow.upper, narrow.nodes) == (ample.value, ample.upper, ample.nodes)


def test_order_of_the_arms_does_not_matter():
    network, action_set = hard_network(7), cardinality(16, 5)
    start = np.zeros(16, dtype=bool)
    value = float(network.values(start[None])[0])
    result = search(network, action_set, start, value, 200_000, TOL)
    order = np.random.default_rng(0).permutation(16)
    shuffled = ActionNetwork((network.weights[0][:, order], *network.weights[1:]), network.biases, (0.0, 0.0))
    other = search(shuffled, action_set, start, value, 200_000, TOL)
    assert result.closed
    assert other.closed
    assert other.value == pytest.approx(result.value, abs=TOL)


@pytest.mark.parametrize("family", [at_most, knapsack])
def test_repeats_exactly_also_in_threads_and_with_known_bounds(family):
    network = hard_network(4)
    action_set = family(np.random.default_rng(1), 16, 5)
    bounds = layer_bounds(network, 5)
    start = np.zeros(16, dtype=bool)
    value = float(network.values(start[None])[0])
    first = search(network, action_set, start, value, 400, TOL)
    assert not start.any()  # the caller's incumbent is left alone
    with ThreadPoolExecutor(4) as pool:
        runs = list(
            pool.map(lambda _: search(network, action_set, start, value, 400, TOL, bounds=bounds), range(8))
        )
    for run in runs:
        assert (run.value, run.upper, run.nodes) == (first.value, first.upper, first.nodes)
        assert (run.action == first.action).all()


def test_read_only_arrays_and_bits_fixed_by_the_set():
    network = hard_network(9, 10)
    for array in (*network.weights, *network.biases):
        array.flags.writeable = False
    base = cardinality(10, 4)
    lower, upper = base.lower.copy(), base.upper.copy()
    lower[3], upper[6] = 1.0, 0.0
    fixed = np.full(10, -1)
    fixed[3], fixed[6] = 1, 0
    action_set = dataclasses.replace(
        base, lower=lower, upper=upper, membership=lambda a: a[:, 3] & ~a[:, 6] & (a.sum(axis=1) <= 4)
    )
    start = np.arange(10) == 3
    result = search(network, action_set, start, float(network.values(start[None])[0]), 10_000, TOL)
    best = network.values(allowed_actions(10, 4, fixed, exactly=False)).max()
    assert result.closed
    assert result.value == pytest.approx(best, abs=TOL)
    assert action_set.contains(result.action)


def test_a_deadline_stops_it_with_a_valid_bound():
    network, action_set = hard_network(), cardinality(16, 8)
    start = np.zeros(16, dtype=bool)
    value = float(network.values(start[None])[0])
    result = search(network, action_set, start, value, 10**9, TOL, deadline=time.monotonic())
    full = search(network, action_set, start, value, 10**9, TOL, deadline=time.monotonic() + 60)
    assert result.nodes <= 64 + 1
    assert not result.closed
    assert full.closed
    assert result.upper >= full.value


def test_an_incumbent_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"incumbent must have shape \(16,\)"):
        search(hard_network(), cardinality(16, 2), np.zeros(3), 0.0, 10, TOL)


def test_more_nodes_are_worth_while_where_counting_is_all():
    network = hard_network()
    only_tested = knapsack(np.random.default_rng(0), 16, 4)
    assert node_limit(network, prepare(cardinality(16, 4))) > node_limit(network, prepare(only_tested)) > 0
