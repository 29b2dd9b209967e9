import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits.action_set import cardinality
from solvers.sequoia.bounds import layer_bounds
from solvers.sequoia.local_search import improve
from tests.solvers.sequoia.action_networks import knapsack, random_network, scattered


def at_most(rng, size, most):
    return cardinality(size, most)


def exactly(rng, size, most):
    return cardinality(size, most, exactly=True)


def moves(action):
    size = action.size
    flips = [np.flatnonzero([j == i for j in range(size)]) for i in range(size)]
    swaps = [np.array(p) for p in itertools.combinations(range(size), 2) if action[p[0]] != action[p[1]]]
    for places in flips + swaps:
        changed = action.copy()
        changed[places] ^= True
        yield changed


def allowed(action_set):
    actions = np.array(list(itertools.product((False, True), repeat=action_set.size)))
    return actions[action_set.contains(actions)]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from((at_most, exactly, knapsack, scattered)),
    st.sampled_from(((5,), (6, 5), (4, 4, 4))),
    st.sampled_from((0.0, 0.2)),
)
def test_ends_in_a_local_optimum_of_the_network(seed, family, hidden, slope):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 9))
    network = random_network(rng, size, hidden, slope)
    action_set = family(rng, size, int(rng.integers(0, size + 1)))
    starts = rng.choice(allowed(action_set), size=3)
    action, value = improve(network, starts, action_set)
    assert action_set.contains(action)
    assert value == network.values(action[None])[0]
    assert value >= network.values(starts).max() - 1e-12
    near = np.array(list(moves(action)))
    near = near[action_set.contains(near)]
    if near.size:
        assert network.values(near).max() <= value + 1e-9


@pytest.mark.parametrize("family", [at_most, exactly, knapsack, scattered])
def test_fixed_bits_stay(family):
    rng = np.random.default_rng(5)
    network = random_network(rng, 8, (10,))
    base = family(rng, 8, 4)
    actions = allowed(base)
    start = actions[actions[:, 2].argmax()]
    lower, upper = base.lower.copy(), base.upper.copy()
    lower[2], upper[5] = start[2], start[5]
    within = base.membership
    action_set = dataclasses.replace(
        base,
        lower=lower,
        upper=upper,
        membership=lambda a: within(a) & (a >= lower).all(axis=1) & (a <= upper).all(axis=1),
    )
    action, _ = improve(network, start[None], action_set)
    assert action_set.contains(action)


def test_a_linear_network_is_solved():
    rng = np.random.default_rng(0)
    for family, most in ((at_most, 4), (exactly, 4)):
        network = random_network(rng, 12, ())
        action_set = family(rng, 12, most)
        start = np.arange(12) < 4
        _, value = improve(network, start[None], action_set)
        assert value == pytest.approx(network.values(allowed(action_set)).max(), abs=1e-12)


def test_limit_is_the_number_of_moves():
    network = random_network(np.random.default_rng(1), 10, (8, 8))
    action_set, start = cardinality(10, 10), np.zeros((1, 10), dtype=bool)
    assert not improve(network, start, action_set, limit=0)[0].any()
    assert improve(network, start, action_set, limit=1)[0].sum() <= 1


def test_known_bounds_and_threads_change_nothing():
    rng = np.random.default_rng(2)
    network = random_network(rng, 30, (16, 16))
    action_set = cardinality(30, 8)
    starts = np.array([rng.permutation(np.arange(30) < 8) for _ in range(4)])
    action, value = improve(network, starts, action_set)
    bounds = layer_bounds(network, 8)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: improve(network, starts, action_set, bounds=bounds), range(12)))
    assert all(v == value and (a == action).all() for a, v in again)


@pytest.mark.parametrize("starts", [np.zeros(4), np.zeros((0, 4)), np.zeros((1, 3))])
def test_starts_of_another_shape_are_refused(starts):
    network = random_network(np.random.default_rng(0), 4, (3,))
    with pytest.raises(ValueError, match="starts must have shape"):
        improve(network, starts, cardinality(4, 2))


def test_starts_outside_the_set_are_refused():
    network = random_network(np.random.default_rng(0), 4, (3,))
    with pytest.raises(ValueError, match=r"rows \[1\] are not"):
        improve(network, [[0, 0, 0, 0], [1, 1, 1, 0]], cardinality(4, 2))
