"""Equilibria under a risk profile: known corners, mixtures of measures, invariances, limits."""

import numpy as np
import pygambit
import pytest

from games.normal_form import NormalFormGame, load_named
from games.normal_form.risk import RiskAversion, risk_nash_conv
from games.normal_form.risk_measures import (
    Entropic,
    LowerPartialMoment,
    MeanVariance,
    MonotoneMeanVariance,
    Neutral,
)
from games.normal_form.risk_profiles import RiskProfile, risk_profile_nash_conv, risk_profile_payoffs
from games.normal_form.risk_regularisers import Entropy, LogBarrier
from games.normal_form.risk_tails import CVaR, WorstCase
from games.results import Status
from solvers.equilibrium.risk_layer import solve_risk_profile
from solvers.equilibrium.zero_sum import solve_zero_sum

SMOOTH = [
    MonotoneMeanVariance(0.5),
    Entropic(1.0),
    LowerPartialMoment(0.5, 2),
    LowerPartialMoment(0.5, 3, 0.2),
]
LINEAR = [CVaR(0.4), LowerPartialMoment(0.5, 1), WorstCase()]
ROUNDING = 1e-14


def draw(sizes, seed):
    rng = np.random.default_rng([*sizes, seed])
    return NormalFormGame(rng.normal(size=(len(sizes), *sizes)))


def certified(game, risk, tol=1e-8, **options):
    result = solve_risk_profile(game, risk, tol=tol, **options)
    assert result.status is Status.CERTIFIED, result
    assert result.certificate.measure == "risk_profile_nash_conv"
    again = risk_profile_nash_conv(game, result.unwrap(), risk)
    assert again == result.certificate.bound
    assert again <= tol * game.payoff_range
    return result.unwrap()


@pytest.mark.parametrize("seed", range(4))
def test_neutral_with_entropy_is_the_logit_equilibrium_of_gambit(seed):
    game = draw((2, 3), seed)
    eps = 0.5
    profile = certified(game, RiskProfile((Neutral(),) * 2, (Entropy(eps),) * 2))
    peer = pygambit.Game.from_arrays(*game.payoffs)
    branch = pygambit.qre.logit_solve_lambda(peer, lam=[1.0 / eps])[0].profile
    for mixture, player in zip(profile, peer.players, strict=True):
        np.testing.assert_allclose(mixture, [branch[s] for s in player.strategies], atol=1e-6)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e5])
def test_logit_play_of_a_coordination_game_by_its_closed_form(unit):
    # The first action is worth one unit more whatever the other does: p = 1 / (1 + exp(-1 / eps)).
    rows = unit * np.array([[3.0, 2.0], [2.0, 1.0]])
    game = NormalFormGame.bimatrix(rows, rows.T)
    profile = certified(game, RiskProfile((Neutral(),) * 2, (Entropy(0.4 * unit),) * 2))
    for mixture in profile:
        assert mixture[0] == pytest.approx(1.0 / (1.0 + np.exp(-2.5)), abs=1e-7)


def test_worst_case_with_trembles_is_maximin():
    game = draw((4, 5), 0)
    profile = certified(game, RiskProfile((WorstCase(),) * 2, tremble=0.1))
    worth = risk_profile_payoffs(game, profile, RiskProfile((WorstCase(),) * 2, tremble=0.1))
    for i, matrix in enumerate((game.payoffs[0], game.payoffs[1].T)):
        x, _ = solve_zero_sum(NormalFormGame.zero_sum(matrix)).unwrap()
        assert worth[i] == pytest.approx((x @ matrix).min(), abs=1e-6)


def test_mean_variance_games_are_left_to_their_own_solver():
    game = draw((5, 5), 1)
    risk = RiskProfile((MeanVariance(0.4), Neutral()), tremble=0.05)
    profile = certified(game, risk)
    assert risk_nash_conv(game, profile, RiskAversion((0.4, 0.0), 0.05)) <= 1e-8 * game.payoff_range


def test_monotone_mean_variance_agrees_with_mean_variance_when_gamma_is_small():
    game = draw((4, 4), 2)
    gamma = 0.4 / game.payoff_range  # no payoff is more than 1 / (2 gamma) above its mean
    profile = certified(game, RiskProfile((MonotoneMeanVariance(gamma),) * 2))
    assert risk_nash_conv(game, profile, RiskAversion(gamma)) <= 1e-8 * game.payoff_range


@pytest.mark.parametrize("measure", SMOOTH)
@pytest.mark.parametrize("sizes", [(2, 2), (5, 5), (3, 2, 2)])
def test_smooth_measures_reach_rounding(measure, sizes):
    certified(draw(sizes, 0), RiskProfile((measure,) * len(sizes)))


@pytest.mark.parametrize("measure", LINEAR)
@pytest.mark.parametrize("sizes", [(2, 3), (3, 3)])
def test_piecewise_linear_measures_are_solved_on_their_faces(measure, sizes):
    certified(draw(sizes, 0), RiskProfile((measure,) * 2, tremble=0.1))


def test_everything_mixed_among_three_players():
    game = draw((3, 2, 3), 3)
    risk = RiskProfile(
        (Entropic(0.7), MonotoneMeanVariance(0.8), LowerPartialMoment(0.3, 2)),
        (Entropy(0.1), LogBarrier(0.05), None),
        0.02,
    )
    certified(game, risk)


def test_kinks_and_weak_regularisers_meet_on_a_face():
    # One player's kinks leave a face to be found while the other's probabilities span many magnitudes.
    risk = RiskProfile((CVaR(0.5), LowerPartialMoment(0.5, 1)), (Entropy(0.02), None), 0.1)
    certified(draw((4, 3), 9), risk, tol=1e-10)


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_scale_law(unit):
    game = draw((3, 3), 4)
    risk = RiskProfile((Entropic(0.8), MonotoneMeanVariance(0.3)), (None, Entropy(0.2)))
    scaled = RiskProfile(
        (Entropic(0.8 / unit), MonotoneMeanVariance(0.3 / unit)), (None, Entropy(0.2 * unit))
    )
    here = certified(game, risk, tol=1e-11)
    there = certified(NormalFormGame(unit * game.payoffs - 5.0 * unit), scaled, tol=1e-11)
    for x, y in zip(here, there, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_renaming_the_players_renames_the_answer():
    game = draw((3, 4), 5)
    risk = RiskProfile((Entropic(0.8), CVaR(0.5)), (Entropy(0.3), Entropy(0.4)))
    swapped = NormalFormGame(np.stack([game.payoffs[1].T, game.payoffs[0].T]))
    x, y = certified(game, risk)
    b, a = certified(swapped, RiskProfile(risk.measures[::-1], risk.regularisers[::-1]))
    np.testing.assert_allclose(a, x, atol=1e-5)
    np.testing.assert_allclose(b, y, atol=1e-5)


def test_no_grid_point_of_a_2x2_game_is_closer_to_equilibrium():
    game = draw((2, 2), 6)
    risk = RiskProfile((Entropic(1.0), CVaR(0.5)), (Entropy(0.3), None), 0.1)
    x, y = certified(game, risk)
    grid = np.linspace(0.0, 1.0, 15)
    gaps = np.array(
        [[risk_profile_nash_conv(game, ([p, 1 - p], [q, 1 - q]), risk) for q in grid] for p in grid]
    )
    p, q = np.unravel_index(gaps.argmin(), gaps.shape)
    # This game has one equilibrium: the least gap of the grid lies in a cell beside it.
    assert abs(grid[p] - x[0]) <= 0.1
    assert abs(grid[q] - y[0]) <= 0.1
    assert gaps.min() > 0.0


@pytest.mark.parametrize("name", ["ochs-matching-pennies", "selten-chmura-1"])
@pytest.mark.parametrize("measure", ["neutral", "entropic", "monotone"])
def test_games_that_people_have_played(name, measure):
    game = load_named(name)
    unit = game.payoff_range
    chosen = {
        "neutral": Neutral(),
        "entropic": Entropic(2.0 / unit),
        "monotone": MonotoneMeanVariance(2.0 / unit),
    }[measure]
    profile = certified(game, RiskProfile((chosen,) * 2, (Entropy(0.05 * unit),) * 2))
    assert min(x.min() for x in profile) > 0.01  # mixed, as people are


def test_limits_keep_the_best_profile_and_say_so():
    game = draw((8, 8), 7)
    risk = RiskProfile((Entropic(1.0),) * 2, (LogBarrier(0.01),) * 2)
    result = solve_risk_profile(game, risk, tol=ROUNDING, max_steps=5)
    assert result.status is Status.LIMIT
    assert 0.0 < result.certificate.bound < risk_profile_nash_conv(game, [np.full(8, 1 / 8)] * 2, risk)
    quick = solve_risk_profile(game, risk, tol=ROUNDING, time_limit=1e-9)
    assert quick.status is Status.LIMIT


def test_equal_calls_give_equal_answers_and_progress_is_told():
    game, risk = draw((4, 4), 8), RiskProfile((Entropic(1.0), CVaR(0.5)), (None, Entropy(0.2)))
    told = []
    first = solve_risk_profile(
        game, risk, progress=lambda step, total, **figures: told.append((step, figures))
    )
    second = solve_risk_profile(game, risk)
    np.testing.assert_array_equal(first.unwrap()[0], second.unwrap()[0])
    assert told
    assert all(figures["certificate"] >= first.certificate.bound for _, figures in told)


def test_bad_arguments_are_refused():
    game, risk = draw((2, 2), 0), RiskProfile((Entropic(1.0),) * 2)
    with pytest.raises(ValueError, match="tol must be finite and positive"):
        solve_risk_profile(game, risk, tol=0.0)
    with pytest.raises(ValueError, match="max_steps must be at least 1"):
        solve_risk_profile(game, risk, max_steps=0)
    with pytest.raises(ValueError, match="time_limit must be positive"):
        solve_risk_profile(game, risk, time_limit=-1.0)
    with pytest.raises(ValueError, match="one measure per player"):
        solve_risk_profile(game, RiskProfile((Entropic(1.0),)))
    with pytest.raises(ValueError, match="profile must hold"):
        solve_risk_profile(game, risk, start=[[0.5, 0.5]])
