"""Distributions over leaves: against moments of the sequence form, sums by hand, and forward play."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.driving.merge import expand_merge, small_merge
from games.errors import UnsupportedGameError
from games.extensive import TREES, expected_values, fold, payoff_variances, realization_plans
from games.extensive.leaves import LeafTable, exact_outcome, weighted_tail_mean
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame
from marl.rollouts import conditional_value_at_risk
from solvers.psro.starts import random_behaviors


@pytest.fixture(scope="module")
def late_merge():
    expansion = expand_merge(replace(small_merge(), late=0.05))
    form = fold(expansion.tree)
    return expansion.tree, form, LeafTable.of(expansion.tree, form)


@pytest.mark.parametrize("seed", range(3))
def test_moments_are_those_of_the_sequence_form(late_merge, seed):
    tree, form, leaves = late_merge
    behaviors = random_behaviors(form, rng=np.random.default_rng(seed))
    reached = leaves.probabilities(realization_plans(form, behaviors))
    assert reached.sum() == pytest.approx(1.0, abs=1e-12)
    means = reached @ tree.payoffs
    np.testing.assert_allclose(means, expected_values(form, behaviors), atol=1e-12)
    np.testing.assert_allclose(
        reached @ (tree.payoffs - means) ** 2, payoff_variances(form, behaviors), atol=1e-9
    )


def test_crash_probability_is_the_mean_of_a_game_that_pays_for_crashes(late_merge):
    tree, form, leaves = late_merge
    crashed = tree.payoffs.max(axis=1) < 0
    behaviors = random_behaviors(form, rng=np.random.default_rng(5))
    paid = fold(replace(tree, payoffs=np.column_stack([crashed, crashed]).astype(float)))
    reached = leaves.probabilities(realization_plans(form, behaviors))
    event = exact_outcome(tree.payoffs[:, 0], reached, crashed, level=0.1).event
    assert 0.01 < event < 1.0
    assert event == pytest.approx(expected_values(paid, behaviors)[0], abs=1e-12)


def test_leaves_of_every_catalogue_tree_sum_to_one():
    folded = 0
    for entry in TREES:
        tree = entry.load()()
        try:
            form = fold(tree)
        except UnsupportedGameError:  # imperfect recall
            continue
        folded += 1
        plans = realization_plans(form, random_behaviors(form, rng=np.random.default_rng(0)))
        assert LeafTable.of(tree, form).probabilities(plans).sum() == pytest.approx(1.0)
    assert folded > 5


def test_a_form_of_another_tree_is_refused(late_merge):
    other = expand_merge(small_merge()).tree
    with pytest.raises(ValueError, match="is not the form of the tree"):
        LeafTable.of(other, late_merge[1])
    wide, narrow = (from_normal_form(NormalFormGame.zero_sum(np.zeros(shape))) for shape in ((3, 2), (2, 3)))
    for tree, strange in ((wide, narrow), (narrow, wide)):
        with pytest.raises(ValueError, match="is not the form of the tree"):
            LeafTable.of(tree, fold(strange))
    three = from_normal_form(NormalFormGame(np.zeros((3, 3, 2, 2))))
    for tree, strange in ((wide, three), (three, wide)):
        with pytest.raises(ValueError, match="is not the form of the tree"):
            LeafTable.of(tree, fold(strange))


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=30),
    st.floats(0.01, 1.0),
    st.sampled_from([1e-3, 1.0, 1e6]),
)
def test_the_tail_of_equal_weights_is_the_sample_tail(values, level, scale):
    worth = scale * np.array(values, dtype=float)
    got = weighted_tail_mean(worth, np.full(worth.size, 1.0 / worth.size), level)
    assert got == pytest.approx(conditional_value_at_risk(worth, level), abs=1e-6 * scale)
    assert worth.min() - 1e-9 * scale <= got <= worth.mean() + 1e-9 * scale


def test_figures_by_hand():
    outcome = exact_outcome([-10.0, 0.0, 5.0], [0.1, 0.4, 0.5], np.array([True, False, False]), level=0.2)
    assert outcome.mean == pytest.approx(1.5)
    assert outcome.variance == pytest.approx(0.1 * 100 + 0.5 * 25 - 1.5**2)
    assert outcome.cvar == pytest.approx(-5.0)
    assert outcome.event == pytest.approx(0.1)


def test_bad_input_is_refused():
    for values, chances, level in [
        ([1.0, 2.0], [1.0], 0.1),
        ([1.0, 2.0], [0.7, 0.7], 0.1),
        ([1.0, 2.0], [1.5, -0.5], 0.1),
        ([1.0, 2.0], [0.5, 0.5], 0.0),
        ([1.0, 2.0], [0.5, 0.5], float("nan")),
    ]:
        with pytest.raises(ValueError, match="must"):
            weighted_tail_mean(values, chances, level)
    with pytest.raises(ValueError, match="events must be Boolean"):
        exact_outcome([1.0], [1.0], [1], level=0.1)
