"""Budget lines: whole numbers that cost the income, and menus that any utility passes."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.social.budgets import BudgetLine, chosen_ratios, menu_ratios, random_lines


def drawn(count=25, options=11, seed=0):
    return random_lines(count, rng=np.random.default_rng(seed), options=options)


def bottleneck(ratios):
    """CCEI by bisection over the share at which no cycle of preference has a strict step."""
    levels = np.unique(np.append(np.minimum(ratios, 1.0), 1.0))
    best = 0.0
    for level in levels:
        weak, strict = ratios <= level + 1e-12, ratios < level - 1e-12
        reach = weak.copy()
        for k in range(len(ratios)):
            reach |= reach[:, k, None] & reach[k]
        if not (reach & strict.T).any():
            best = max(best, float(level))
    return best


@pytest.mark.parametrize("options", [2, 5, 11, 21])
def test_bundles_cost_the_income_and_are_whole(options):
    lines = drawn(options=options, count=10)
    assert len({(tuple(line.prices.tolist()), line.income) for line in lines}) == 10
    for line in lines:
        np.testing.assert_array_equal(line.bundles @ line.prices, line.income)
        np.testing.assert_array_equal(line.bundles, np.round(line.bundles))
        assert len(line.bundles) == options
        ends = np.diag(line.bundles[[-1, 0]])
        np.testing.assert_array_equal(ends, line.income / line.prices)
        assert ends.min() >= 20
        assert ends.max() <= 120


def test_equal_seeds_draw_equal_lines():
    first, again, other = drawn(), drawn(), drawn(seed=1)
    assert [line.income for line in first] == [line.income for line in again]
    assert [line.income for line in first] != [line.income for line in other]


@given(
    seed=st.integers(0, 10**6),
    weight=st.floats(0.05, 0.95),
    power=st.sampled_from([-3.0, -0.5, 0.5, 1.0, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_whoever_maximises_a_growing_utility_is_perfectly_consistent(seed, weight, power):
    """Of constant elasticity: complements, substitutes, linear and even convex utilities."""
    lines = drawn(options=6, count=12, seed=seed)
    menus = np.stack([line.bundles for line in lines]) + 1.0
    utilities = np.sign(power) * (menus**power @ [weight, 1 - weight])
    ratios = chosen_ratios(menu_ratios(lines), utilities.argmax(axis=1))
    assert bottleneck(ratios) == 1.0


def test_fine_menus_come_near_to_lines():
    lines = (BudgetLine.of(1, 2, 1, options=401), BudgetLine.of(3, 2, 1, options=401))
    ratios = menu_ratios(lines)
    bundles = np.stack([line.bundles for line in lines])
    costs = np.stack([bundles @ line.prices / line.income for line in lines])
    assert (ratios >= costs - 1e-12).all()
    inside = (bundles > 40).all(axis=-1)
    np.testing.assert_allclose(np.where(inside, ratios / costs, 1.0), 1.0, rtol=0.03)


def test_ratios_by_hand():
    """Half of the first menu's middle bundle (4, 4) has as much as (2, 1) of the second."""
    lines = (BudgetLine.of(1, 1, 4, options=3), BudgetLine.of(1, 2, 1, options=3))
    np.testing.assert_array_equal(lines[0].bundles, [[0, 8], [4, 4], [8, 0]])
    np.testing.assert_array_equal(lines[1].bundles, [[0, 2], [2, 1], [4, 0]])
    np.testing.assert_allclose(menu_ratios(lines)[0, 1], [2 / 8, 2 / 4, 4 / 8])
    np.testing.assert_allclose(menu_ratios(lines)[0, 0], [1, 1, 1])
    np.testing.assert_allclose(chosen_ratios(menu_ratios(lines), [[1, 1], [0, 2]])[:, 0, 1], [0.5, 0.5])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BudgetLine.of(0, 1, 1), "prices"),
        (lambda: BudgetLine.of(1, 1, 1, options=1), "options"),
        (lambda: drawn(count=0), "count"),
        (lambda: random_lines(100, rng=np.random.default_rng(0), dearest=2), "of 100 lines"),
        (lambda: menu_ratios((*drawn(2), *drawn(2, options=5))), "same number"),
        (lambda: chosen_ratios(menu_ratios(drawn(3)), [0, 1]), "shape"),
        (lambda: chosen_ratios(menu_ratios(drawn(2)), [0, 11]), "range"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
