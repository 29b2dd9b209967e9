"""Equilibria and self-play under other divergences than KL, against an independent convex program."""

import warnings

import cvxpy as cp
import numpy as np
import pytest

from games.errors import UnsupportedGameError
from games.preference import (
    CHI_SQUARED,
    KL,
    REVERSE_KL,
    best_response,
    comal_testbed,
    kl_divergence,
    random_preferences,
)
from games.results import Status
from solvers.inpo import (
    ConstantStep,
    comal,
    egpo,
    exact_nash,
    inpo,
    onpo,
    rspo,
    solve_preference,
    stability_bound,
)

ALL = pytest.mark.parametrize("divergence", [KL, REVERSE_KL, CHI_SQUARED], ids=lambda d: d.name)


def _random(n, divergence, seed=0, batch=(), tau=0.1):
    rng = np.random.default_rng(seed)
    game = random_preferences(n, rng=rng, batch_shape=batch, reference_scale=1.0, tau=tau)
    return game.with_divergence(divergence)


def _by_cvxpy(game):
    """The policy of least gap: half the gap as a convex function, the inner maximum by its dual."""
    n, tau, reference = game.num_responses, game.tau, game.reference
    policy, level = cp.Variable(n), cp.Variable()
    x = (game.margins @ policy - level) / tau  # at which conjugates of f are taken
    if game.divergence == KL:
        conjugates, value = cp.exp(x - 1.0), cp.sum(cp.rel_entr(policy, reference))
    elif game.divergence == REVERSE_KL:
        conjugates, value = -1.0 - cp.log(-x), -cp.sum(cp.multiply(reference, cp.log(policy / reference)))
    else:
        conjugates = cp.square(cp.pos(x + 2.0)) / 4.0 - 1.0
        value = cp.sum(cp.multiply(1.0 / reference, cp.square(policy - reference)))
    gain = level + tau * (reference @ conjugates) + tau * value
    problem = cp.Problem(cp.Minimize(gain), [cp.sum(policy) == 1.0, policy >= 0.0])
    problem.solve(solver=cp.CLARABEL)
    assert problem.value == pytest.approx(0.0, abs=1e-6)
    return policy.value


@ALL
@pytest.mark.parametrize(("seed", "tau"), [(0, 0.02), (1, 0.1), (2, 1.0)])
def test_equilibria_are_those_of_a_convex_program(divergence, seed, tau):
    game = _random(6, divergence, seed, tau=tau)
    found = exact_nash(game)
    assert found.status is Status.CERTIFIED
    np.testing.assert_allclose(found.unwrap(), _by_cvxpy(game), atol=2e-4)


@ALL
@pytest.mark.parametrize("tau", [1e-3, 0.01, 0.1, 10.0])
def test_equilibria_answer_themselves(divergence, tau):
    game = _random(12, divergence, 4, batch=(20,), tau=tau)
    result = exact_nash(game)
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(best_response(game, result.unwrap()), result.unwrap(), atol=1e-10)


@ALL
@pytest.mark.parametrize("method", [egpo(), onpo(), rspo()], ids=lambda method: method.name)
def test_self_play_ends_there(divergence, method):
    game = _random(6, divergence, 1, batch=(4,))
    nash = exact_nash(game).unwrap()
    result = solve_preference(game, method, rounds=4000, tol=1e-10, nash=nash)
    assert result.status is Status.CERTIFIED
    assert kl_divergence(nash, result.unwrap().policy).max() < 1e-7


def test_one_round_is_the_closed_form():
    """pi exp((P pi - tau slopes) / eta), normalised, with slopes 2 pi / ref and -ref / pi."""
    for divergence, slope in ((CHI_SQUARED, lambda u: 2.0 * u), (REVERSE_KL, lambda u: -1.0 / u)):
        game = _random(4, divergence, 3)
        policy = game.reference
        for _ in range(3):
            gains = game.preferences @ policy - 0.1 * slope(policy / game.reference)
            policy = policy * np.exp(gains / 2.0)
            policy /= policy.sum()
        found = solve_preference(game, rspo(ConstantStep(2.0)), rounds=3, tol=0.0).unwrap().last
        np.testing.assert_allclose(found, policy, rtol=1e-12)


def test_under_kl_it_is_inpo():
    game = _random(5, KL)
    first, second = (solve_preference(game, method, rounds=30, tol=0.0) for method in (rspo(), inpo()))
    np.testing.assert_array_equal(first.unwrap().last, second.unwrap().last)


@pytest.mark.parametrize("divergence", [REVERSE_KL, CHI_SQUARED], ids=lambda d: d.name)
def test_steps_far_too_large_are_held_back(divergence):
    """Unchecked, one such round throws responses out, and no later one is better than the start."""
    game = _random(5, divergence, tau=0.005)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = solve_preference(game, rspo(ConstantStep(0.006)), rounds=300, tol=0.0).unwrap()
    assert np.isfinite(found.trace.gaps).all()
    np.testing.assert_allclose(found.last.sum(), 1.0)
    assert found.best_gap < found.trace.gaps[0]


def test_what_becomes_of_bad_responses():
    """Reverse KL keeps every response alive, chi-squared gives some up, KL lies between."""
    game = _random(10, KL, 2, batch=(10,), tau=0.03)
    smallest = [exact_nash(game.with_divergence(d)).unwrap().min() for d in (REVERSE_KL, KL, CHI_SQUARED)]
    assert smallest[0] > smallest[1] > smallest[2] == 0.0


@pytest.mark.parametrize("divergence", [REVERSE_KL, CHI_SQUARED], ids=lambda d: d.name)
def test_references_that_follow_lead_to_the_game_without_divergence(divergence):
    game = _random(4, divergence, 2, tau=0.0)
    result = solve_preference(game, comal(egpo().step), rounds=20_000, tol=1e-4)
    assert result.status is Status.CERTIFIED
    assert result.certificate.measure == "preference_gap"


def test_the_bound_is_about_kl():
    with pytest.raises(UnsupportedGameError, match="chi_squared"):
        stability_bound(comal_testbed(tau=0.1).with_divergence(CHI_SQUARED))
