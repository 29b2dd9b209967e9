"""Moments, regrets and the certificate of the risk-averse equilibrium, against enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import NormalFormGame, nash_conv, payoff_variances, regrets
from games.normal_form.risk import (
    RiskAversion,
    RiskVariance,
    risk_adjusted_payoffs,
    risk_figures,
    risk_moments,
    risk_nash_conv,
    risk_regrets,
)
from games.profiles import pure_profile, tremble_profile
from tests.strategies import games_with_profiles

STAG_HUNT = NormalFormGame.bimatrix([[4, -1], [3, 2]], [[4, 3], [-1, 2]])


def moments_by_enumeration(game, profile, tremble):
    """Mean and covariance by summing over every joint action of the others."""
    believed = tremble_profile(profile, tremble)
    answer = []
    for i, n in enumerate(game.num_actions):
        others = [range(m) if j != i else [0] for j, m in enumerate(game.num_actions)]
        mean, second = np.zeros(n), np.zeros((n, n))
        for cell in itertools.product(*others):
            weight = np.prod([believed[j][a] for j, a in enumerate(cell) if j != i])
            vector = np.array([game.payoffs[(i, *cell[:i], own, *cell[i + 1 :])] for own in range(n)])
            mean += weight * vector
            second += weight * np.outer(vector, vector)
        answer.append((mean, second - np.outer(mean, mean)))
    return answer


def total_value(game, profile, player, own, gamma):
    """Mean minus gamma times the variance of the realised payoff, by enumeration."""
    mixed = [own if j == player else x for j, x in enumerate(profile)]
    return np.einsum("ij,i,j->", game.payoffs[player], *mixed) - gamma * payoff_variances(game, mixed)[player]


@given(games_with_profiles(max_actions=3), st.sampled_from([0.0, 0.1, 1.0]))
@settings(deadline=None, max_examples=40)
def test_moments_match_enumeration(case, tremble):
    game, profile = case
    wanted = moments_by_enumeration(game, profile, tremble)
    for (mean, cov), (m, s) in zip(
        risk_moments(game, profile, RiskAversion(1.0, tremble)), wanted, strict=True
    ):
        np.testing.assert_allclose(mean, m, atol=1e-10)
        np.testing.assert_allclose(cov, s, atol=1e-10)


@given(games_with_profiles())
@settings(deadline=None, max_examples=40)
def test_without_aversion_the_regrets_are_those_of_nash(case):
    game, profile = case
    for variance in RiskVariance:
        risk = RiskAversion(0.0, variance=variance)
        np.testing.assert_array_equal(risk_regrets(game, profile, risk), regrets(game, profile))
        assert risk_nash_conv(game, profile, risk) == nash_conv(game, profile)


@given(games_with_profiles(max_actions=3), st.sampled_from([0.05, 0.7, 4.0]), st.sampled_from([0.0, 0.2]))
@settings(deadline=None, max_examples=40)
def test_regrets_bound_every_deviation(case, gamma, tremble):
    game, profile = case
    risk = RiskAversion(gamma, tremble)
    bounds = risk_regrets(game, profile, risk)
    rng = np.random.default_rng(0)
    for i, (mean, cov) in enumerate(risk_moments(game, profile, risk)):
        trials = np.vstack([np.eye(mean.size), rng.dirichlet(np.full(mean.size, 0.6), size=200), profile[i]])
        worth = trials @ mean - gamma * np.einsum("ti,ij,tj->t", trials, cov, trials)
        assert bounds[i] >= worth.max() - worth[-1] - 1e-10
        if mean.size == 2:  # and the bound is attained
            share = np.linspace(0, 1, 2001)
            line = np.stack([share, 1 - share], axis=1)
            worth_line = line @ mean - gamma * np.einsum("ti,ij,tj->t", line, cov, line)
            assert bounds[i] == pytest.approx(worth_line.max() - worth[-1], abs=1e-4 * (1 + gamma * 400))


@given(games_with_profiles(), st.floats(0, 3), st.floats(1e-3, 1e3), st.floats(-50, 50))
@settings(deadline=None, max_examples=40)
def test_scale_and_shift_law(case, gamma, unit, shift):
    game, profile = case
    risk = RiskAversion(gamma, 0.1)
    moved = NormalFormGame(unit * game.payoffs + shift)
    gap = risk_nash_conv(game, profile, risk)
    scaled = risk_nash_conv(moved, profile, RiskAversion(gamma / unit, 0.1))
    assert scaled / unit == pytest.approx(gap, rel=1e-9, abs=1e-9 * (1 + gamma * 400 + abs(shift) / unit))


@given(games_with_profiles(), st.permutations([0, 1, 2]))
@settings(deadline=None, max_examples=40)
def test_renumbering_players_renumbers_regrets(case, order):
    game, profile = case
    order = [j for j in order if j < game.num_players]
    gammas = (0.1, 0.5, 2.0)[: game.num_players]
    base = risk_regrets(game, profile, RiskAversion(gammas, 0.05))
    axes = [0, *(1 + j for j in order)]
    moved = NormalFormGame(np.transpose(game.payoffs[order], axes))
    other = risk_regrets(
        moved, [profile[j] for j in order], RiskAversion(tuple(gammas[j] for j in order), 0.05)
    )
    np.testing.assert_allclose(other, base[order], atol=1e-9)


@given(games_with_profiles(players=(2, 2)), st.sampled_from([0.1, 1.5]))
@settings(deadline=None, max_examples=40)
def test_total_variance_is_that_of_the_realised_payoff_and_replies_are_pure(case, gamma):
    game, profile = case
    risk = RiskAversion(gamma, variance=RiskVariance.TOTAL)
    _, variances = risk_figures(game, profile, risk)
    np.testing.assert_allclose(variances, payoff_variances(game, profile), atol=1e-9)
    bounds = risk_regrets(game, profile, risk)
    rng = np.random.default_rng(1)
    for i, n in enumerate(game.num_actions):
        here = total_value(game, profile, i, profile[i], gamma)
        pure = max(total_value(game, profile, i, e, gamma) for e in np.eye(n)) - here
        mixed = max(total_value(game, profile, i, s, gamma) for s in rng.dirichlet(np.ones(n), 30)) - here
        assert bounds[i] == pytest.approx(max(pure, 0.0), abs=1e-9 * (1 + gamma * 400))
        assert mixed <= pure + 1e-9 * (1 + gamma * 400)


def test_tremble_moves_the_opponent_but_not_the_own_mixture():
    profile = pure_profile((2, 2), (0, 0))
    plain = risk_adjusted_payoffs(STAG_HUNT, profile, RiskAversion(1.0))
    np.testing.assert_array_equal(plain, [4.0, 4.0])  # a pure profile carries no risk
    # Tremble 0.2: the opponent plays hare with probability 0.1. Mean 3.5, variance 25 * 0.09.
    shaken = risk_adjusted_payoffs(STAG_HUNT, profile, RiskAversion(0.5, 0.2))
    np.testing.assert_allclose(shaken, 3.5 - 0.5 * 2.25)


def test_trembles_remove_the_risky_equilibrium():
    stag = pure_profile((2, 2), (0, 0))
    hare = pure_profile((2, 2), (1, 1))
    assert risk_nash_conv(STAG_HUNT, stag, RiskAversion(1.0)) == 0.0
    assert risk_nash_conv(STAG_HUNT, stag, RiskAversion(1.0, 0.2)) > 0.1
    assert risk_nash_conv(STAG_HUNT, hare, RiskAversion(1.0, 0.2)) == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((-1.0,), ValueError, "gamma"),
        ((np.nan,), ValueError, "gamma"),
        (((),), ValueError, "gamma"),
        (((0.1, np.inf),), ValueError, "gamma"),
        ((1.0, -0.1), ValueError, "tremble"),
        ((1.0, 1.5), ValueError, "tremble"),
        ((1.0, np.nan), ValueError, "tremble"),
        ((1.0, 0.0, "total"), TypeError, "RiskVariance"),
    ],
)
def test_bad_risk_aversion(arguments, error, message):
    with pytest.raises(error, match=message):
        RiskAversion(*arguments)


def test_gammas_must_fit_the_game():
    with pytest.raises(ValueError, match="one number per player"):
        risk_nash_conv(STAG_HUNT, pure_profile((2, 2), (0, 0)), RiskAversion((1.0, 1.0, 1.0)))
    with pytest.raises(ValueError, match=r"profile\[1\]"):
        risk_nash_conv(STAG_HUNT, [[1, 0], [1, 1]], RiskAversion(1.0))


def test_the_words_for_a_risk_aversion_tell_different_ones_apart():
    assert str(RiskAversion(0.5)) == "gamma=0.5"
    assert str(RiskAversion((1.0, 0.0), 0.1, RiskVariance.TOTAL)) == (
        "gamma=(1.0, 0.0), tremble=0.1, total variance"
    )
    assert str(RiskAversion(0.1)) != str(RiskAversion(0.1 + 1e-16 * 2))
