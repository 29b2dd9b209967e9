"""The oracle against enumeration on awkward networks and sets, whatever stage has to answer."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits import (
    capacity,
    cardinality,
    certify_argmax,
    excluding,
    from_arrays,
    knapsack,
    partition,
    transversal,
)
from solvers.sequoia import (
    ArgmaxOracle,
    ArgmaxStatus,
    EmptySetError,
    Enumeration,
    LinearEncoder,
    Preparation,
    Tolerance,
    q_network,
)

EFFORTS = [
    None,
    Preparation(tests=0),
    Preparation(actions=0),
    Preparation(actions=0, leaves=0),
]
TOLERANCES = [None, Tolerance(1e-3), Tolerance(0.0, 0.1)]
NODES = [None, lambda network, prepared: 0, lambda network, prepared: 3]
HERE = np.zeros(1)


def every(bits):
    return (np.arange(1 << bits)[:, None] >> np.arange(bits) & 1).astype(bool)


def fixed_bits(rng, base):
    """A set with some bits fixed to 0 or 1, which may leave nothing."""
    signs = rng.integers(-1, 2, base.size) * (rng.random(base.size) < 0.5)
    lower, upper = base.lower.copy(), base.upper.copy()
    lower[signs == 1], upper[signs == -1] = 1.0, 0.0

    def membership(actions):
        return base.membership(actions) & (actions <= upper).all(axis=1) & (actions >= lower).all(axis=1)

    return replace(base, lower=lower, upper=upper, membership=membership, downward=False, recipe=None)


@st.composite
def action_sets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = draw(st.sampled_from([1, 2, 4, 7]))
    most = int(rng.integers(bits + 1))
    unit = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    makers = {
        "at most": lambda: cardinality(bits, most),
        "exactly": lambda: cardinality(bits, most, exactly=True),
        "at least": lambda: from_arrays(bits, np.ones((1, bits)), [float(most)], [float(bits)]),
        "everything": lambda: from_arrays(bits, np.zeros((0, bits)), [], []),
        "fixed": lambda: fixed_bits(rng, cardinality(bits, most, exactly=bool(rng.integers(2)))),
        "without some": lambda: excluding(
            cardinality(bits, most), [*(rng.random((3, bits)) < 0.3), np.zeros(bits, dtype=bool)]
        ),
        "knapsack": lambda: knapsack(unit * rng.integers(0, 6, (2, bits)), unit * rng.integers(0, 12, 2)),
        "partition": lambda: partition(rng.integers(0, 2, bits), rng.integers(0, 4, 2)),
        "capacity": lambda: capacity(rng.integers(1, 6, bits), rng.integers(0, 9, 2)),
        "transversal": lambda: transversal(
            [np.flatnonzero(rng.random(3) < 0.5).tolist() for _ in range(bits)], rng.integers(0, 3, 3)
        ),
    }
    return makers[draw(st.sampled_from(sorted(makers)))]()


@st.composite
def networks(draw, bits):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = [bits, *draw(st.lists(st.integers(1, 8), max_size=3)), 1]
    style = draw(
        st.sampled_from(["plain", "whole", "sparse", "units", "equal", "nothing", "negative", "far"])
    )
    weights, biases = [], []
    for wide, tall in pairwise(sizes):
        weight, bias = rng.normal(size=(tall, wide)), 0.3 * rng.normal(size=tall)
        if style == "whole":
            weight, bias = rng.integers(-2, 3, (tall, wide)), rng.integers(-2, 3, tall)
        elif style == "sparse":
            weight, bias = weight * (rng.random((tall, wide)) < 0.3), np.zeros(tall)
        elif style == "units":
            unit = 10.0 ** rng.integers(-9, 10)
            weight, bias = unit * weight, unit * bias
        elif style == "equal":
            weight = np.repeat(weight[:, :1], wide, axis=1)
        elif style == "nothing":
            weight = 0.0 * weight
        elif style == "negative":
            weight, bias = -np.abs(weight), -np.abs(bias)
        elif style == "far":
            bias = bias + 1e3
        weights.append(weight)
        biases.append(bias)
    encoder = LinearEncoder(np.zeros((sizes[1], 1)))
    slope = draw(st.sampled_from([0.0, 0.1, 0.99]))
    return q_network(encoder, tuple(weights), tuple(biases), (slope,) * (len(sizes) - 2))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_every_route_is_right_and_proves_no_more_than_holds(data):
    feasible = data.draw(action_sets())
    network = data.draw(networks(feasible.size))
    nodes = data.draw(st.sampled_from(NODES))
    tolerance = data.draw(st.sampled_from(TOLERANCES))
    oracle = ArgmaxOracle(
        network,
        feasible,
        exact=Enumeration(),
        effort=data.draw(st.sampled_from(EFFORTS)),
        tolerance=tolerance,
        **({} if nodes is None else {"nodes": nodes}),
    )
    actions = every(feasible.size)
    actions = actions[feasible.contains(actions)]
    if not len(actions):
        with pytest.raises(EmptySetError):
            oracle.solve(HERE)
        return
    here = network.at(HERE)
    values = here.values(actions)
    summed = np.ones(feasible.size)
    for weight, bias in zip(here.weights, here.biases, strict=True):
        summed = np.abs(weight) @ summed + np.abs(bias)
    rounding = 1e-13 * summed[0]
    # The greatest gap that the tolerance may allow: its width is at most the sum of all magnitudes, twice.
    wanted = Tolerance() if tolerance is None else tolerance
    allowed = wanted.allowed(2.0 * float(summed[0])) + rounding

    def holds(answer, among, enough=-np.inf):
        assert feasible.contains(answer.action)
        assert answer.value == pytest.approx(here.values(answer.action[None])[0], abs=rounding)
        assert answer.upper >= among.max() - rounding
        if answer.status is ArgmaxStatus.OPTIMAL:
            assert among.max() - answer.value <= allowed
        elif answer.status is ArgmaxStatus.ENOUGH:
            assert among.max() <= enough + allowed
        certify_argmax(here.weights, here.biases, here.slopes, feasible, answer.action, answer.upper)

    enough = data.draw(st.sampled_from([-np.inf, float(values.max()), float(np.median(values)), np.inf]))
    holds(oracle.solve(HERE, enough=enough), values, enough)
    holds(oracle.solve(HERE), values)
    count = data.draw(st.integers(1, 4))
    best = oracle.topk(HERE, count)
    assert len(best) == min(count, len(actions))
    left = np.ones(len(actions), dtype=bool)
    for answer in best:
        holds(answer, values[left])
        this = (actions == answer.action).all(axis=1)
        assert left[this].all()
        left &= ~this
