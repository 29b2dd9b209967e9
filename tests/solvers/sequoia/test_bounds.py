import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from solvers.sequoia.bounds import layer_bounds, stack_bounds
from solvers.sequoia.counting import Counting
from solvers.sequoia.network import ActionNetwork
from solvers.sequoia.stack import core, stacked
from tests.solvers.sequoia.action_networks import allowed_actions, random_network


def activations(network, actions):
    x, out = np.asarray(actions, dtype=float), []
    for weight, bias, slope in zip(network.weights[:-1], network.biases[:-1], network.slopes, strict=True):
        x = x @ weight.T + bias
        out.append(x)
        x = np.maximum(x, slope * x)
    return out


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(1, 12))
    hidden = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3))
    network = random_network(
        rng, size, hidden, draw(st.sampled_from((0.0, 0.1, 0.5))), draw(st.sampled_from((0.3, 1.6, 50.0)))
    )
    fixed = rng.choice([-1, -1, 0, 1], size=size) if draw(st.booleans()) else np.full(size, -1)
    ones, free = int((fixed == 1).sum()), int((fixed < 0).sum())
    return network, ones + draw(st.integers(0, free)), fixed, draw(st.booleans())


@settings(deadline=None, max_examples=150)
@given(cases())
def test_bounds_hold_for_every_action(case):
    network, most, fixed, exactly = case
    actions = allowed_actions(network.size, most, fixed, exactly)
    bounds = layer_bounds(network, most, fixed, exactly)
    for x, lower, upper in zip(activations(network, actions), bounds.lower, bounds.upper, strict=True):
        assert (lower <= x.min(axis=0)).all()
        assert (x.max(axis=0) <= upper).all()
    assert network.values(actions).max() <= bounds.output_upper
    assert (actions == bounds.maximiser).all(axis=1).any()


@settings(deadline=None, max_examples=100)
@given(cases())
def test_bounds_are_exact_in_the_first_layer_and_never_looser_than_interval_arithmetic(case):
    network, most, fixed, exactly = case
    actions = allowed_actions(network.size, most, fixed, exactly)
    bounds = layer_bounds(network, most, fixed, exactly)
    first = activations(network, actions)[0]
    lower, upper = first.min(axis=0), first.max(axis=0)
    slack = 1e-10 * max(1.0, *(float(np.abs(b).max()) for b in bounds.upper + bounds.lower))
    np.testing.assert_allclose(bounds.lower[0], lower, atol=slack, rtol=0)
    np.testing.assert_allclose(bounds.upper[0], upper, atol=slack, rtol=0)
    for k, slope in enumerate(network.slopes):
        assert (bounds.lower[k] >= lower - slack).all()
        assert (bounds.upper[k] <= upper + slack).all()
        below, above = np.maximum(lower, slope * lower), np.maximum(upper, slope * upper)
        weight, bias = network.weights[k + 1], network.biases[k + 1]
        plus, minus = np.maximum(weight, 0), np.minimum(weight, 0)
        lower, upper = plus @ below + minus @ above + bias, plus @ above + minus @ below + bias
        slack *= 10 * max(1.0, float(np.abs(weight).sum(axis=1).max()))
    assert bounds.output_upper <= upper[0] + slack


@settings(deadline=None, max_examples=100)
@given(cases())
def test_the_core_is_the_same_function_on_the_set(case):
    network, most, fixed, exactly = case
    actions = allowed_actions(network.size, most, fixed, exactly)
    whole = stacked(network)
    lower, upper, *_ = stack_bounds(whole, Counting(most, exactly, fixed.astype(np.int8), complete=False))
    small = core(whole, lower, upper)
    assert small.neurons == ((lower < 0) & (upper > 0)).sum()
    for stack in (whole, small):
        after = np.zeros((len(actions), stack.neurons))
        for u in range(stack.neurons):
            x = actions @ stack.outer[u] + after @ stack.inner[u] + stack.constant[u]
            after[:, u] = np.maximum(x, stack.slope[u] * x)
        value = actions @ stack.outer[-1] + after @ stack.inner[-1] + stack.constant[-1]
        assert np.abs(value - network.values(actions)).max() <= stack.margin[-1]


def test_without_unstable_neurons_the_output_bound_is_attained():
    network = ActionNetwork(
        (np.array([[1.0, 2.0, 3.0]]), np.array([[2.0]])), (np.array([0.5]), np.array([1.0])), (0.0,)
    )
    bounds = layer_bounds(network, 2)
    assert bounds.output_upper == pytest.approx(2 * 5.5 + 1, abs=1e-12)
    assert bounds.maximiser.tolist() == [False, True, True]
    assert layer_bounds(network, 2, [-1, 0, -1]).maximiser.tolist() == [True, False, True]


def test_an_exact_count_also_takes_bits_that_hurt():
    network = ActionNetwork((np.array([[-1.0, -2.0, -3.0]]),), (np.array([0.0]),), ())
    assert layer_bounds(network, 2).output_upper == pytest.approx(0, abs=1e-12)
    assert layer_bounds(network, 2, exactly=True).output_upper == pytest.approx(-3, abs=1e-12)


@pytest.mark.parametrize(
    ("most", "fixed", "exactly", "message"),
    [
        (1, [0, 1], False, "fixed must hold 3"),
        (1, [0, 1, 2], False, "fixed must hold 3"),
        (1, [1, 1, -1], False, "no action"),
        (3, [0, -1, -1], True, "no action"),
    ],
)
def test_bad_input_is_named(most, fixed, exactly, message):
    network = random_network(np.random.default_rng(0), 3, (2,))
    with pytest.raises(ValueError, match=message):
        layer_bounds(network, most, fixed, exactly)
