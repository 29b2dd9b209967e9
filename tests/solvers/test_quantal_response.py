"""Logit quantal response: closed forms, Gambit, units, folds of the branch, limits."""

import math

import numpy as np
import pygambit
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import NormalFormGame, load_named, logit_residual, logit_responses, nash_conv
from games.results import Status
from solvers.equilibrium.quantal_response import solve_quantal_response
from tests.strategies import normal_form_games


def by_gambit(game, lam):
    tree = pygambit.Game.from_arrays(*game.payoffs)
    found = pygambit.qre.logit_solve_lambda(tree, lam)[-1].profile
    return np.array([found[s] for player in tree.players for s in player.strategies])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_one_player_answers_with_the_softmax(scale):
    values = scale * np.array([0.0, 1.0, 3.0])
    result = solve_quantal_response(NormalFormGame(values[None]), 2.0 / scale)
    expected = np.exp([0.0, 2.0, 6.0]) / np.exp([0.0, 2.0, 6.0]).sum()
    np.testing.assert_allclose(result.require(1e-12).unwrap().profile[0], expected, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_a_symmetric_game_satisfies_its_scalar_equation(scale):
    """Prisoners' dilemma: log(d / (1 - d)) = lam (payoff of D - payoff of C), one number for both players."""
    game = load_named("prisoners-dilemma")
    scaled = NormalFormGame(scale * game.payoffs + 2.0 * scale)
    profile = solve_quantal_response(scaled, 1.5 / scale).require(1e-12).unwrap().profile
    (c, d), other = profile
    np.testing.assert_allclose(other, [c, d], atol=1e-13)
    advantage = (game.payoffs[0][1] - game.payoffs[0][0]) @ [c, d]
    assert math.log(d / c) == pytest.approx(1.5 * advantage, rel=1e-10)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lam", [0.5, 3.0, 50.0])
def test_gambit_finds_the_same_on_the_same_branch(seed, lam):
    sizes = [(3, 3), (4, 5), (2, 3, 2)][seed % 3]
    game = NormalFormGame(np.random.default_rng(seed).normal(size=(len(sizes), *sizes)))
    result = solve_quantal_response(game, lam)
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(np.concatenate(result.unwrap().profile), by_gambit(game, lam), atol=1e-7)


@settings(deadline=None, max_examples=30)
@given(game=normal_form_games(), lam=st.sampled_from([0.0, 0.1, 1.0, 20.0]))
def test_every_game_has_a_certified_equilibrium_in_every_unit(game, lam):
    result = solve_quantal_response(game, lam)
    assert result.status is Status.CERTIFIED
    profile = result.unwrap().profile
    assert logit_residual(game, profile, lam) == result.certificate.bound <= 1e-9
    moved = NormalFormGame(1e4 * game.payoffs - 7.0)
    again = solve_quantal_response(moved, lam / 1e4).unwrap().profile
    np.testing.assert_allclose(np.concatenate(again), np.concatenate(profile), atol=1e-7)


def test_the_branch_begins_uniform_and_stays_an_equilibrium():
    game = load_named("chicken")
    found = solve_quantal_response(game, 4.0).unwrap()
    assert found.lams[0] == 0.0
    assert found.lams[-1] == pytest.approx(4.0)
    np.testing.assert_allclose(found.path[0][0], 0.5, atol=1e-15)
    for k, lam in enumerate(found.lams):
        assert logit_residual(game, [p[k] for p in found.path], lam) <= 1e-8


def test_the_branch_leads_to_the_risk_dominant_equilibrium():
    game = load_named("stag-hunt")
    profile = solve_quantal_response(game, 200.0).require(1e-9).unwrap().profile
    assert nash_conv(game, profile) < 1e-9
    assert all(x[1] > 0.999 for x in profile)


def test_regret_is_bounded_by_the_noise():
    """At a QRE a player loses at most log(n) / lam against the best action."""
    game = load_named("oneill")
    for lam in (1.0, 10.0, 100.0, 1000.0):
        profile = solve_quantal_response(game, lam).require(1e-9).unwrap().profile
        assert nash_conv(game, profile) <= 2.0 * math.log(4) / lam


def test_the_residual_is_what_its_formula_says():
    game = NormalFormGame.bimatrix([[1.0, 0.0], [0.0, 0.0]], np.zeros((2, 2)))
    answer = logit_responses(game, ([0.5, 0.5], [1.0, 0.0]), math.log(3.0))
    np.testing.assert_allclose(answer[0], [0.75, 0.25])
    np.testing.assert_allclose(answer[1], [0.5, 0.5])
    assert logit_residual(game, ([0.5, 0.5], [1.0, 0.0]), math.log(3.0)) == pytest.approx(0.5)
    assert logit_residual(game, ([1.0, 0.0], [1.0, 0.0]), 1e300) == 0.5  # nothing overflows


def test_limits_keep_the_branch_so_far():
    game = load_named("oneill")
    for options in ({"max_steps": 3}, {"time_limit": 0.0}):
        result = solve_quantal_response(game, 50.0, **options)
        assert result.status is Status.LIMIT
        assert result.certificate.bound == logit_residual(game, result.unwrap().profile, 50.0) > 1e-3
        assert result.unwrap().lams[-1] < 50.0


@pytest.mark.parametrize("option", ["tol", "max_steps", "time_limit"])
def test_nonsense_is_refused_by_name(option):
    game = load_named("chicken")
    with pytest.raises(ValueError, match=option):
        solve_quantal_response(game, 1.0, **{option: -1})
    for lam in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="lam"):
            solve_quantal_response(game, lam)
        with pytest.raises(ValueError, match="lam"):
            logit_residual(game, ([0.5, 0.5], [0.5, 0.5]), lam)
