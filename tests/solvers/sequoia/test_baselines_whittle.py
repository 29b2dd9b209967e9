"""Whittle's indices against their definition by enumeration of plans, closed forms, a counterexample."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.bandits import CoupledBandit, OneBitAnArm, RestlessArms, base_arms, cardinality
from solvers.sequoia.baselines import discounted_indices, discounted_whittle, finite_horizon_indices, whittle
from tests.solvers.sequoia.small_bandits import random_arms


def advantage_by_plans(arms, arm, state, left, subsidy):
    """What acting first is worth more than not acting first, over all plans for the steps that are left."""
    moves = np.stack([arms.passive[arm], arms.active[arm]])
    best = {}
    for plan in itertools.product([0, 1], repeat=arms.states * (left - 1) + 1):
        first, later = plan[0], np.array(plan[1:]).reshape(left - 1, arms.states)
        chances = np.eye(arms.states)[state]
        total = 0.0
        for step in range(left):
            acts = np.full(arms.states, first) if step == 0 else later[step - 1]
            onward = moves[acts, np.arange(arms.states)]
            total += chances @ (onward @ arms.rewards[arm] + subsidy * (1 - acts))
            chances = chances @ onward
        best[first] = max(best.get(first, -np.inf), total)
    return best[1] - best[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_at_its_index_acting_and_waiting_are_worth_the_same(seed):
    arms = random_arms(np.random.default_rng(seed), 2, 2)
    indices = finite_horizon_indices(arms, 3)
    for step, arm, state in np.ndindex(3, 2, 2):
        index = indices.values[step, arm, state]
        assert advantage_by_plans(arms, arm, state, 3 - step, index) == pytest.approx(0.0, abs=1e-7)
        if indices.indexable[arm]:
            for off in (0.03, 0.5):
                assert advantage_by_plans(arms, arm, state, 3 - step, index - off) > -1e-9
                assert advantage_by_plans(arms, arm, state, 3 - step, index + off) < 1e-9


def test_the_last_step_has_the_myopic_gain_as_its_index():
    arms = random_arms(np.random.default_rng(0), 5, 4)
    _, gain = arms.mean_rewards()
    np.testing.assert_allclose(finite_horizon_indices(arms, 6).values[-1], gain, atol=1e-9)


@pytest.mark.parametrize("discount", [0.0, 0.5, 0.95])
def test_a_machine_that_is_repaired_has_a_closed_form(discount):
    # State 1 earns 1 a step for ever; state 0 earns nothing until something is done.
    stay = np.eye(2)[None]
    repair = np.array([[[0.0, 1.0], [0.0, 1.0]]])
    arms = RestlessArms(stay, repair, np.array([[0.0, 1.0]]))
    indices = discounted_indices(arms, discount)
    # Once repaired, nothing need be done again: to repair is worth 1 / (1 - b) + b w / (1 - b), to leave it
    # w / (1 - b), so w (1 - b) = 1.
    np.testing.assert_allclose(indices.values[0, 0], [1.0 / (1.0 - discount), 0.0], atol=1e-6)
    assert indices.indexable.all()
    finite = finite_horizon_indices(arms, 4)
    # With k steps left: k + (k - 1) w = k w, so w = k.
    np.testing.assert_allclose(finite.values[:, 0, 0], [4.0, 3.0, 2.0, 1.0], atol=1e-9)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_indices_scale_with_rewards(scale):
    arms = random_arms(np.random.default_rng(1), 3, 3)
    scaled = RestlessArms(arms.passive, arms.active, arms.rewards * scale)
    for find in (lambda a: finite_horizon_indices(a, 4), lambda a: discounted_indices(a, 0.9)):
        np.testing.assert_allclose(
            find(scaled).values, scale * find(arms).values, rtol=1e-5, atol=1e-5 * scale
        )


def test_arms_that_acting_does_not_change_have_no_index():
    arms = random_arms(np.random.default_rng(2), 3, 3)
    same = RestlessArms(arms.active, arms.active, arms.rewards)
    np.testing.assert_allclose(finite_horizon_indices(same, 5).values, 0.0, atol=1e-9)
    np.testing.assert_allclose(discounted_indices(same, 0.9).values, 0.0, atol=1e-6)


def test_arms_of_the_paper_are_indexable_and_good_arms_are_worth_more_with_time():
    arms = base_arms(20, 5, rng=np.random.default_rng(3))
    indices = finite_horizon_indices(arms, 20)
    assert indices.indexable.all()
    assert discounted_indices(arms, 0.99).indexable.all()
    # One step ahead it costs to lift a good arm from the ground; with twenty steps to go it pays.
    assert (indices.values[-1, :5, 0] < 0).all()
    assert (indices.values[0, :5, 0] > 0).all()


def test_an_arm_that_is_not_indexable_is_found_out():
    # From state 0, acting earns 3 once and then leaves nothing to do; waiting leads to state 2, which earns 1
    # a step for as long as one acts. With a subsidy for idle steps the first way, which acts, is better.
    passive, active = np.zeros((1, 4, 4)), np.zeros((1, 4, 4))
    for state, (waited, acted) in enumerate([(2, 3), (1, 1), (1, 2), (1, 1)]):
        passive[0, state, waited] = active[0, state, acted] = 1.0
    arms = RestlessArms(passive, active, np.array([[0.0, 0.0, 1.0, 3.0]]))
    assert advantage_by_plans(arms, 0, 0, 4, 0.2) < 0 < advantage_by_plans(arms, 0, 0, 4, 0.8)
    assert not finite_horizon_indices(arms, 4).indexable[0]
    # The last two steps alone are too short for it.
    assert finite_horizon_indices(arms, 2).indexable[0]
    assert not discounted_indices(arms, 0.75).indexable[0]


def test_the_policy_pulls_the_greatest_positive_indices():
    arms = random_arms(np.random.default_rng(4), 6, 3)
    bandit = CoupledBandit(arms, OneBitAnArm(6), cardinality(6, 2), horizon=4)
    states = np.random.default_rng(0).integers(0, 3, (30, 6))
    for policy, indices in (
        (whittle(bandit), finite_horizon_indices(arms, 4).values),
        (discounted_whittle(bandit), np.repeat(discounted_indices(arms, 0.99).values, 4, axis=0)),
    ):
        for step in range(4):
            own = indices[step, np.arange(6), states]
            wanted = np.zeros((30, 6), dtype=bool)
            np.put_along_axis(wanted, np.argsort(-own, axis=1)[:, :2], True, axis=1)
            np.testing.assert_array_equal(policy(states, step), wanted & (own > 0))


def test_bad_input_is_named():
    arms = random_arms(np.random.default_rng(0))
    with pytest.raises(ValueError, match="horizon must be at least 1, got 0"):
        finite_horizon_indices(arms, 0)
    with pytest.raises(ValueError, match=r"discount must be in \[0, 1\), got 1"):
        discounted_indices(arms, 1.0)
