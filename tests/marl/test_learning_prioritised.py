"""Prioritised replay: the tree against sums, draws against their probabilities, storage."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from marl.learning.prioritised import Column, PrioritisedRing, SumTree


def ring(capacity=8, **options):
    return PrioritisedRing(capacity, {"x": Column((), np.int64), "y": Column((2,), np.bool_)}, **options)


def records(numbers):
    numbers = np.asarray(numbers)
    return {"x": numbers, "y": np.stack([numbers % 2 == 0, numbers > 3], axis=1)}


@given(st.lists(st.floats(0.0, 10.0), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_tree_finds_what_cumulative_sums_find(numbers, random):
    tree = SumTree(len(numbers))
    order = list(range(len(numbers)))
    random.shuffle(order)
    for index in order:  # one by one and out of order
        tree.put(np.array([index]), [numbers[index]])
    assert tree.total == pytest.approx(sum(numbers))
    np.testing.assert_array_equal(tree.leaves, numbers)
    ends = np.cumsum(numbers)
    # Away from the ends, where rounding decides.
    masses = np.array([e - n / 2 for e, n in zip(ends, numbers, strict=True) if n > 1e-6])
    wanted = np.array([k for k, n in enumerate(numbers) if n > 1e-6], dtype=np.int64)
    np.testing.assert_array_equal(tree.find(masses), wanted)


def test_what_has_no_mass_is_never_found():
    tree = SumTree(5)
    tree.put(np.array([1, 3]), [0.1, 0.2])
    assert set(tree.find(np.linspace(0.0, tree.total, 1000)).tolist()) == {1, 3}


@pytest.mark.parametrize("number", [-1.0, np.nan, np.inf])
def test_tree_refuses_what_is_no_mass(number):
    with pytest.raises(ValueError, match="finite and not negative"):
        SumTree(3).put(np.array([0]), [number])


def test_records_are_drawn_by_priority_and_weighted_back():
    replay = ring(4, alpha=0.5, least=1e-9)
    replay.add(records([0, 1, 2, 3]))
    replay.reprioritise(np.arange(4), [1.0, 4.0, -9.0, 16.0])
    draw = replay.draw(10_000, beta=1.0, rng=np.random.default_rng(0))
    shares = np.bincount(draw.indices, minlength=4) / 10_000
    np.testing.assert_allclose(shares, [0.1, 0.2, 0.3, 0.4], atol=2e-3)  # one from each equal share
    # Weighted back every record counts alike.
    totals = np.bincount(draw.indices, draw.weights)
    np.testing.assert_allclose(totals / totals.sum(), 0.25, atol=5e-3)
    assert draw.weights.max() == 1.0
    np.testing.assert_array_equal(draw.records["x"], draw.indices)
    np.testing.assert_array_equal(draw.records["y"], records(draw.indices)["y"])


def test_without_alpha_draws_are_uniform_whatever_the_errors():
    replay = ring(4, alpha=0.0)
    replay.add(records([0, 1, 2, 3]))
    replay.reprioritise(np.arange(4), [0.0, 1.0, 10.0, 1000.0])
    draw = replay.draw(400, beta=0.7, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(draw.indices), [100] * 4)
    np.testing.assert_allclose(draw.weights, 1.0)


def test_new_records_come_first_and_old_ones_go():
    replay = ring(4)
    replay.add(records([0, 1, 2]))
    replay.reprioritise(np.arange(3), [50.0, 1e-3, 1e-3])
    replay.add(records([3, 4]))  # the second takes the oldest place
    assert len(replay) == 4
    draw = replay.draw(1000, beta=0.4, rng=np.random.default_rng(0))
    shares = np.bincount(draw.records["x"], minlength=5) / 1000
    assert shares[0] == 0.0  # gone
    assert shares[3] > 0.4
    assert shares[4] > 0.4
    replay.add(records(range(10, 20)))  # more than there is room for: the last remain
    kept = replay.draw(1000, beta=0.4, rng=np.random.default_rng(0)).records["x"]
    assert set(kept.tolist()) == {16, 17, 18, 19}


def test_a_stored_ring_goes_on_identically():
    first, second = ring(), ring()
    first.add(records(range(11)))
    first.reprioritise(np.array([1, 4]), [3.0, 0.1])
    second.restore(first.arrays())
    for replay in (first, second):
        replay.add(records([20, 21]))
    draws = [replay.draw(50, beta=0.5, rng=np.random.default_rng(1)) for replay in (first, second)]
    np.testing.assert_array_equal(draws[0].indices, draws[1].indices)
    np.testing.assert_array_equal(draws[0].weights, draws[1].weights)
    np.testing.assert_array_equal(draws[0].records["x"], draws[1].records["x"])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="alpha"):
        ring(alpha=2.0)
    with pytest.raises(ValueError, match="count"):
        ring(0)
    replay = ring()
    with pytest.raises(ValueError, match="need a record"):
        replay.draw(1, beta=1.0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="columns"):
        replay.add({"x": np.arange(3)})
    with pytest.raises(ValueError, match="lack"):
        replay.restore({})
    other = PrioritisedRing(8, {"x": Column((3,), np.int64), "y": Column((2,), np.bool_)})
    replay.add(records([1]))
    with pytest.raises(ValueError, match="column x"):
        other.restore(replay.arrays())


def test_what_would_spoil_a_draw_is_refused():
    ring = PrioritisedRing(3, {"x": Column((), np.float64)})
    ring.add({"x": np.arange(2.0)})
    rng = np.random.default_rng(0)
    for beta in (-1.0, 2.0, float("nan")):
        with pytest.raises(ValueError, match=r"beta must be in \[0, 1\]"):
            ring.draw(2, beta=beta, rng=rng)
    for index in (-1, 2):  # places that hold nothing yet
        with pytest.raises(ValueError, match=r"indices must be in 0\.\.1"):
            ring.reprioritise(np.array([index]), [5.0])
    with pytest.raises(ValueError, match="finite least"):
        PrioritisedRing(3, {}, least=float("inf"))
