"""Equilibria to rounding, against closed forms, linear programming and extragradient runs."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import nash_conv
from games.preference import (
    PreferenceGame,
    best_response,
    bradley_terry,
    comal_testbed,
    cyclic,
    kl_divergence,
    original_gap,
    random_preferences,
    to_matrix_game,
)
from games.results import Status
from solvers.equilibrium import solve_zero_sum_lp
from solvers.inpo import exact, exact_nash, solve_preference


def _random(n, seed=0, batch=(), tau=0.1):
    rng = np.random.default_rng(seed)
    return random_preferences(n, rng=rng, batch_shape=batch, reference_scale=1.0, tau=tau)


def test_the_published_equilibrium():
    result = exact_nash(comal_testbed())
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap(), np.array([4, 3, 4]) / 11, atol=1e-14)
    regularised = exact_nash(comal_testbed(tau=0.1)).unwrap()
    np.testing.assert_allclose(regularised, [0.2749, 0.2797, 0.4454], atol=5e-5)
    assert original_gap(comal_testbed(), regularised) == pytest.approx(0.0588, abs=5e-5)


@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([1e-3, 0.01, 0.1, 10.0]))
@settings(max_examples=40)
def test_regularised_equilibria_answer_themselves(seed, n, tau):
    game = _random(n, seed, tau=tau)
    result = exact_nash(game)
    assert result.status is Status.CERTIFIED
    policy = result.unwrap()
    direct = np.log(game.reference) + game.preferences @ policy / tau
    direct = np.exp(direct - direct.max())
    np.testing.assert_allclose(policy, direct / direct.sum(), atol=1e-11)
    np.testing.assert_allclose(policy, best_response(game, policy), atol=1e-11)


@pytest.mark.parametrize("n", [2, 10, 60])
def test_matrix_games_agree_with_linear_programming(n):
    game = _random(n, batch=(2,), tau=0.0)
    policies = exact_nash(game).require(1e-13).unwrap()
    for number in range(2):
        context = game.context(number)
        matrix = to_matrix_game(context)
        assert nash_conv(matrix, (policies[number], policies[number])) < 1e-13
        other = solve_zero_sum_lp(matrix).unwrap()[0]  # random games have one equilibrium
        np.testing.assert_allclose(policies[number], other, atol=1e-8)


@pytest.mark.parametrize(("n", "tau"), [(3, 0.1), (10, 0.05), (30, 0.1)])
def test_extragradient_gets_to_the_same_place(n, tau):
    game = _random(n, batch=(3,), tau=tau)
    nash = exact_nash(game).unwrap()
    found = solve_preference(game, tol=1e-25, nash=nash).unwrap()
    assert kl_divergence(nash, found.policy).max() < 1e-22


def test_symmetric_cycles_and_ties_are_uniform():
    for tau in (0.01, 1.0):
        np.testing.assert_allclose(exact_nash(cyclic(7, tau=tau)).unwrap(), np.full(7, 1 / 7), atol=1e-14)
    tied = PreferenceGame(np.full((3, 3), 0.5), np.array([0.2, 0.3, 0.5]), 0.1)
    np.testing.assert_allclose(exact_nash(tied).unwrap(), [0.2, 0.3, 0.5], atol=1e-15)


def test_renaming_contexts_and_responses():
    game = _random(6, batch=(4,), tau=0.02)
    order = np.array([3, 1, 5, 0, 2, 4])
    renamed = PreferenceGame(game.preferences[::-1, order][:, :, order], game.reference[::-1, order], 0.02)
    np.testing.assert_allclose(
        exact_nash(renamed).unwrap(), exact_nash(game).unwrap()[::-1, order], atol=1e-12
    )


def test_small_weights_lead_to_the_original_equilibrium():
    nash = exact_nash(comal_testbed()).unwrap()
    far = [np.abs(exact_nash(comal_testbed(tau=tau)).unwrap() - nash).max() for tau in (1e-2, 1e-3, 1e-4)]
    assert far[0] > 5 * far[1] > 25 * far[2]


def test_references_in_a_corner_and_small_weights():
    """Newton from the reference alone fails on some of these."""
    rng = np.random.default_rng(1)
    game = random_preferences(3, rng=rng, batch_shape=(100,), reference_scale=4.0, tau=0.001)
    result = exact_nash(game)
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap(), best_response(game, result.unwrap()), atol=1e-10)


def test_underflowing_policies_are_solved():
    """One response wins everywhere; at tau = 1e-4 the others have probabilities of about exp(-2000)."""
    policy = exact_nash(bradley_terry([0.0, 1.0, 3.0], tau=1e-4)).require(1e-14).unwrap()
    np.testing.assert_array_equal(policy, [0.0, 0.0, 1.0])


def test_extragradient_takes_over_where_newton_does_not_descend(monkeypatch):
    game = _random(5, batch=(3,), tau=0.1)
    wanted = exact_nash(game)
    assert wanted.info["rescue_rounds"] == 0
    original, calls = exact._newton_step, []

    def refuse_first(contexts, scores, residuals, tau):
        moved, accepted = original(contexts, scores, residuals, tau)
        calls.append(0)
        return (scores, np.zeros_like(accepted)) if len(calls) <= 2 else (moved, accepted)

    monkeypatch.setattr(exact, "_newton_step", refuse_first)
    rescued = exact_nash(game)
    assert rescued.status is Status.CERTIFIED
    assert rescued.info["rescue_rounds"] > 0
    np.testing.assert_allclose(rescued.unwrap(), wanted.unwrap(), atol=1e-12)


@pytest.mark.parametrize("tau", [0.0, 0.1])
def test_no_time_keeps_an_answer(tau):
    result = exact_nash(_random(5, batch=(2,), tau=tau), time_limit=0.0)
    assert result.status is Status.LIMIT
    assert result.steps == 0
    np.testing.assert_allclose(result.unwrap().sum(-1), 1.0)


@pytest.mark.parametrize("options", [{"tol": -1.0}, {"tol": np.nan}, {"time_limit": -1.0}])
def test_bad_input_is_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        exact_nash(comal_testbed(), **options)


def test_progress_counts():
    seen = []
    exact_nash(
        _random(4, batch=(3,), tau=0.0), progress=lambda step, total, **figures: seen.append((step, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
