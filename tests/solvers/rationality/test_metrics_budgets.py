"""Revealed preference: the axiom, its indices and their power."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from solvers.rationality.metrics.preference_repairs import houtman_maks, money_pump
from solvers.rationality.metrics.revealed_preference import (
    bronars_power,
    closure,
    critical_cost_efficiency,
    garp_violations,
)

RNG = np.random.default_rng(0)


def _random_buyer(rng, count, goods=2):
    prices = 1 / rng.uniform(10, 100, size=(count, goods))
    return prices, rng.dirichlet(np.ones(goods), size=count) / prices


@st.composite
def purchases(draw, count=4, goods=2):
    """Small integers: ties and equal ratios are frequent on purpose."""
    size = draw(st.integers(2, count))
    prices = draw(st.lists(st.integers(1, 4), min_size=size * goods, max_size=size * goods))
    bundles = draw(st.lists(st.integers(0, 4), min_size=size * goods, max_size=size * goods))
    x = np.array(bundles, dtype=float).reshape(size, goods)
    x[x.sum(axis=1) == 0, 0] = 1.0
    return np.array(prices, dtype=float).reshape(size, goods), x


def _cycles(size):
    for length in range(2, size + 1):
        for subset in itertools.combinations(range(size), length):
            for rest in itertools.permutations(subset[1:]):
                yield (subset[0], *rest)


def _steps(cycle):
    return list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))


def _violates(ratios, efficiency=1.0):
    """By listing all cycles."""
    for cycle in _cycles(len(ratios)):
        values = [ratios[t, s] for t, s in _steps(cycle)]
        if max(values) <= efficiency + 1e-12 and min(values) < efficiency - 1e-12:
            return True
    return False


def _ratios(prices, bundles):
    costs = prices @ bundles.T
    return costs / costs.diagonal()[:, None]


@settings(deadline=None)
@given(purchases())
def test_indices_match_lists_of_all_cycles(data):
    prices, bundles = data
    ratios = _ratios(prices, bundles)
    violated = _violates(ratios)
    assert (garp_violations(prices, bundles) > 0) == violated
    # Efficiency: the largest share, of all at which anything changes, just below which nothing is violated.
    index = critical_cost_efficiency(prices, bundles)
    assert not _violates(ratios, index - 1e-6)
    assert index == 1.0 or _violates(ratios, index + 1e-6)
    # Houtman and Maks: all subsets.
    size = len(prices)
    largest = max(
        len(kept)
        for length in range(size + 1)
        for kept in itertools.combinations(range(size), length)
        if not _violates(ratios[np.ix_(kept, kept)])
    )
    found = houtman_maks(prices, bundles)
    assert len(found.kept) == found.bound == largest
    assert found.exact
    assert not _violates(ratios[np.ix_(found.kept, found.kept)])
    # Money pump: all cycles of revealed preference.
    spent = (prices * bundles).sum(axis=1)
    pumps = [0.0]
    for cycle in _cycles(size):
        if all(ratios[t, s] <= 1 + 1e-12 for t, s in _steps(cycle)):
            lost = sum(spent[t] * (1 - ratios[t, s]) for t, s in _steps(cycle))
            pumps.append(lost / sum(spent[t] for t in cycle))
    assert money_pump(prices, bundles) == pytest.approx(max(pumps), abs=1e-9)


def test_three_goods_need_cycles_of_three():
    """With three goods a cycle may have no violating pair within it."""
    prices, bundles = np.array([[1, 0.5, 2], [2, 1, 0.5], [0.5, 2, 1]]), np.eye(3)
    for left_out in range(3):
        pair = [k for k in range(3) if k != left_out]
        assert garp_violations(prices[pair], bundles[pair]) == 0
    assert garp_violations(prices, bundles) == 3
    assert critical_cost_efficiency(prices, bundles) == 0.5
    assert houtman_maks(prices, bundles).index == pytest.approx(2 / 3)
    assert money_pump(prices, bundles) == pytest.approx(0.5)


@pytest.mark.parametrize("goods", [2, 4])
def test_utility_maximisers_are_consistent(goods):
    rng = np.random.default_rng(2)
    prices, _ = _random_buyer(rng, 50, goods)
    shares = rng.dirichlet(np.ones(goods))
    substitution = prices**-1.5 / (prices**-0.5).sum(axis=1, keepdims=True)  # constant elasticity
    for bundles in (shares / prices, substitution):
        assert garp_violations(prices, bundles) == 0
        assert critical_cost_efficiency(prices, bundles) == 1.0
        assert money_pump(prices, bundles) == 0.0
        assert houtman_maks(prices, bundles).index == 1.0


def test_random_buyers_are_caught():
    """Mean efficiency of random buyers at 25 two-good budgets is about .7, and hardly ever above .95."""
    rng = np.random.default_rng(3)
    prices = 1 / rng.uniform(10, 100, size=(25, 2))
    power = bronars_power(prices, np.ones(25), rng=rng, draws=400)
    assert power.violating > 0.99
    assert 0.62 <= power.mean <= 0.78
    assert np.mean(power.efficiencies > 0.95) < 0.03
    one = [critical_cost_efficiency(*_random_buyer(rng, 25)) for _ in range(200)]
    assert np.mean(one) == pytest.approx(power.mean, abs=0.08)
    assert bronars_power(prices[:1], [1.0], rng=rng, draws=5).violating == 0.0


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_indices_have_no_units_and_no_order(scale):
    rng = np.random.default_rng(4)
    prices, bundles = _random_buyer(rng, 20)
    way = rng.permutation(20)
    for measure in (critical_cost_efficiency, garp_violations, money_pump):
        before = measure(prices, bundles)
        assert measure(scale * prices[way], bundles[way]) == pytest.approx(before, rel=1e-9)
        assert measure(prices, scale * bundles) == pytest.approx(before, rel=1e-9)
    assert houtman_maks(prices[way], scale * bundles[way]).index == houtman_maks(prices, bundles).index


def test_a_limit_keeps_a_consistent_set():
    prices, bundles = _random_buyer(np.random.default_rng(5), 60)
    hurried = houtman_maks(prices, bundles, time_limit=0.0)
    kept = list(hurried.kept)
    assert garp_violations(prices[kept], bundles[kept]) == 0
    assert hurried.bound >= len(houtman_maks(prices, bundles).kept) >= len(kept)


def test_closure_is_transitive_and_smallest():
    relation = RNG.random((12, 12)) < 0.12
    reach = closure(relation)
    power, sum_of_powers = relation.copy(), relation.copy()
    for _ in range(12):
        power = (power.astype(int) @ relation) > 0
        sum_of_powers |= power
    np.testing.assert_array_equal(reach, sum_of_powers)


def test_a_hundred_choices_take_less_than_ten_milliseconds():
    prices, bundles = _random_buyer(np.random.default_rng(6), 100)

    def seconds(measure):
        began = time.perf_counter()
        measure(prices, bundles)
        return time.perf_counter() - began

    for measure in (garp_violations, critical_cost_efficiency):
        assert min(seconds(measure) for _ in range(5)) < 0.01


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: garp_violations([[1.0, 1.0]], [[1.0]]), "prices"),
        (lambda: garp_violations([[0.0, 1.0]], [[1.0, 1.0]]), "prices"),
        (lambda: critical_cost_efficiency([[1.0, 1.0]], [[0.0, 0.0]]), "bundles"),
        (lambda: houtman_maks([[1.0]], [[1.0]], time_limit=-1.0), "time_limit"),
        (lambda: bronars_power([[1.0]], [1.0, 2.0], rng=RNG), "incomes"),
        (lambda: bronars_power([[1.0]], [0.0], rng=RNG), "incomes"),
        (lambda: bronars_power([[1.0]], [1.0], rng=RNG, draws=0), "draws"),
    ],
)
def test_bad_input_names_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()
