"""Rewards of direct preference optimisation, and where iterating it leads."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize

from games.preference import bradley_terry, comal_testbed, original_gap, random_preferences
from solvers.inpo import (
    BradleyTerryOpponent,
    ConstantStep,
    bradley_terry_rewards,
    iterative_dpo,
    solve_preference,
    sppo,
)


@given(st.integers(0, 10_000), st.floats(0.0, 4.0))
def test_transitive_preferences_give_back_their_rewards(seed, scale):
    rng = np.random.default_rng(seed)
    rewards, policy = scale * rng.standard_normal((3, 5)), rng.dirichlet(np.ones(5), 3)
    found = bradley_terry_rewards(bradley_terry(rewards).preferences, policy)
    np.testing.assert_allclose(found, rewards - (policy * rewards).sum(-1, keepdims=True), atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_rewards_minimise_the_loss_over_all_pairs(seed):
    rng = np.random.default_rng(seed)
    p = random_preferences(4, rng=rng).preferences
    policy = rng.dirichlet(np.ones(4))

    def loss(rewards):
        differences = rewards[:, None] - rewards[None, :]
        return float((np.outer(policy, policy) * p * np.logaddexp(0.0, -differences)).sum())

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-10}).x
    found = bradley_terry_rewards(p[None], policy[None])[0]
    np.testing.assert_allclose(found, best - policy @ best, atol=1e-5)
    assert loss(found) <= loss(best) + 1e-12


def test_responses_that_are_never_drawn_are_judged_by_those_that_are():
    p = comal_testbed().preferences
    found = bradley_terry_rewards(p[None], np.array([[1.0, 0.0, 0.0]]))[0]
    np.testing.assert_allclose(found, [0.0, np.log(9.0), -np.log(4.0)], atol=1e-9)  # logits against a


def test_one_round_is_the_closed_form():
    game = comal_testbed()
    opponent = BradleyTerryOpponent()
    noisy = 0.5 + (1.0 - 2.0 * opponent.noise) * game.margins
    rewards = bradley_terry_rewards(noisy[None], game.reference[None])[0]
    wanted = game.reference * np.exp(rewards / 0.7)
    found = solve_preference(game, iterative_dpo(ConstantStep(0.7)), rounds=1).unwrap().last
    np.testing.assert_allclose(found, wanted / wanted.sum(), rtol=1e-12)


@pytest.mark.parametrize("beta", [0.5, 2.0, 10.0])
def test_iterating_circles_ever_wider_where_preferences_do(beta):
    found = solve_preference(comal_testbed(), iterative_dpo(ConstantStep(beta)), rounds=1000, tol=0.0)
    trace = found.unwrap().trace
    late, early = trace.rounds > 300, (trace.rounds > 3) & (trace.rounds < 30)
    assert trace.original_gaps[late].min() > 0.2
    assert trace.original_gaps[late].mean() > trace.original_gaps[early].mean()
    # Rewards are no win rates: the average is farther off than that of multiplicative weights.
    weights = solve_preference(comal_testbed(), sppo(ConstantStep(beta)), rounds=1000, tol=0.0)
    assert found.unwrap().average_gap > 2.0 * weights.unwrap().average_gap


def test_it_ends_where_one_response_is_best():
    game = bradley_terry([0.0, 1.0, -1.0])
    found = solve_preference(game, iterative_dpo(ConstantStep(1.0)), rounds=200, tol=1e-9).unwrap()
    assert original_gap(game, found.last) < 1e-9
    np.testing.assert_allclose(found.last, [0.0, 1.0, 0.0], atol=1e-8)


@pytest.mark.parametrize("noise", [0.0, 0.5, np.nan])
def test_bad_noise_is_named(noise):
    with pytest.raises(ValueError, match="noise"):
        BradleyTerryOpponent(noise)
