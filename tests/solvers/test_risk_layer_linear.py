"""Risk layers as linear complementarity problems: known games, other solvers' answers, larger sizes."""

import math

import numpy as np
import pytest

from games.normal_form import NormalFormGame, load_named
from games.normal_form.regret import nash_conv
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
from solvers.equilibrium.risk_layer_linear import has_linear_steps, is_linear, linear_steps
from solvers.equilibrium.risk_layer_problem import LayerProblem
from solvers.equilibrium.risk_tracing import trace
from solvers.equilibrium.zero_sum import solve_zero_sum

LINEAR = [Neutral(), CVaR(0.3), CVaR(0.05), CVaR(1.0), LowerPartialMoment(0.5, 1, 0.2)]


def draw(sizes, seed):
    rng = np.random.default_rng([*sizes, seed])
    return NormalFormGame(rng.normal(size=(len(sizes), *sizes)))


def distances(game, risk, prior=None, goal=1e-11):
    """How far every profile that the linear steps found is from equilibrium, in payoff ranges."""
    problem = LayerProblem.of(game, risk)
    assert has_linear_steps(problem)
    found = []

    def judge(flat):
        found.append(risk_profile_nash_conv(game, problem.split(flat), risk) / game.payoff_range)
        return found[-1]

    if prior is None:
        prior = np.concatenate([np.full(n, 1.0 / n) for n in game.num_actions])
    linear_steps(problem, prior, judge, goal=goal, max_problems=100, deadline=math.inf)
    return found


@pytest.mark.parametrize("row", LINEAR)
@pytest.mark.parametrize("column", LINEAR)
@pytest.mark.parametrize("tremble", [0.0, 0.1])
def test_one_linear_problem_solves_every_pair_of_piecewise_linear_measures(row, column, tremble):
    for seed in range(3):
        game = draw((5, 7), seed)
        risk = RiskProfile((row, column), (), tremble)
        assert is_linear(LayerProblem.of(game, risk))
        (distance,) = distances(game, risk)
        assert distance <= 1e-13


@pytest.mark.parametrize(
    "name", ["matching-pennies", "shapley", "pure-coordination", "colonel-blotto", "bernheim"]
)
@pytest.mark.parametrize("measure", LINEAR[:3])
def test_ties_and_symmetry_do_not_stop_the_path(name, measure):
    game = load_named(name)
    (distance,) = distances(game, RiskProfile((measure,) * 2))
    assert distance <= 1e-13


def test_games_of_one_payoff_and_of_one_action():
    for payoffs in (np.zeros((2, 3, 3)), np.ones((2, 1, 1)), np.arange(8.0).reshape(2, 1, 4)):
        game = NormalFormGame(payoffs)
        result = solve_risk_profile(game, RiskProfile((CVaR(0.5), LowerPartialMoment(0.5, 1))))
        assert result.certificate.bound <= 1e-13


@pytest.mark.parametrize("measures", [(WorstCase(),) * 2, (WorstCase(), CVaR(0.3)), (Neutral(), WorstCase())])
def test_the_worst_case_under_trembles_is_linear_and_without_them_refused(measures):
    game = draw((6, 5), 1)
    (distance,) = distances(game, RiskProfile(measures, tremble=0.05))
    assert distance <= 1e-13
    assert not has_linear_steps(LayerProblem.of(game, RiskProfile(measures)))


def test_a_player_of_the_worst_case_gets_the_maximin_value():
    game = draw((6, 5), 2)
    risk = RiskProfile((WorstCase(), CVaR(0.3)), tremble=0.1)
    worth = risk_profile_payoffs(game, solve_risk_profile(game, risk).unwrap(), risk)
    x, _ = solve_zero_sum(NormalFormGame.zero_sum(game.payoffs[0])).unwrap()
    assert worth[0] == pytest.approx((x @ game.payoffs[0]).min(), abs=1e-9)


@pytest.mark.parametrize("gamma", [0.5, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_mean_as_target_by_newton_steps(gamma, seed):
    found = distances(draw((6, 6), seed), RiskProfile((LowerPartialMoment(gamma, 1),) * 2))
    assert min(found) <= 1e-8


@pytest.mark.parametrize(
    "measure", [MeanVariance(0.5), MonotoneMeanVariance(0.5), Entropic(1.0), LowerPartialMoment(0.5, 3)]
)
def test_smooth_measures_by_newton_steps_that_converge_fast(measure):
    found = distances(draw((8, 8), 3), RiskProfile((measure, CVaR(0.3))))
    assert min(found) <= 1e-11
    assert len(found) <= 12


def test_neutral_play_is_nash_and_the_path_selects_the_risk_dominant_equilibrium():
    game = load_named("stag-hunt")  # hares are the best reply to uniform play
    risk = RiskProfile((CVaR(1.0),) * 2)
    profile = solve_risk_profile(game, risk).unwrap()
    assert nash_conv(game, profile) == 0.0
    np.testing.assert_array_equal(profile, [[0.0, 1.0]] * 2)
    near = solve_risk_profile(game, RiskProfile((CVaR(0.5),) * 2), start=[[0.95, 0.05]] * 2).unwrap()
    np.testing.assert_array_equal(near, [[1.0, 0.0]] * 2)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e5])
def test_units_do_not_matter(unit):
    game = draw((5, 5), 4)
    here = solve_risk_profile(game, RiskProfile((CVaR(0.4), LowerPartialMoment(0.7, 1, 0.1)))).unwrap()
    scaled = NormalFormGame(unit * (game.payoffs - 3.0))
    risk = RiskProfile((CVaR(0.4), LowerPartialMoment(0.7, 1, unit * (0.1 - 3.0))))
    for x, y in zip(here, solve_risk_profile(scaled, risk).unwrap(), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-9)


def test_a_tail_of_hardly_any_outcomes_is_maximin_play():
    rows = np.array([[3.0, -1.0], [-1.0, 1.0]])
    x, y = solve_risk_profile(NormalFormGame.zero_sum(rows), RiskProfile((CVaR(1e-6),) * 2)).unwrap()
    # x @ rows and rows @ y are constant: nothing worse can happen.
    np.testing.assert_allclose(x, [1 / 3, 2 / 3], atol=1e-12)
    np.testing.assert_allclose(y, [1 / 3, 2 / 3], atol=1e-12)


@pytest.mark.parametrize("zero_sum", [True, False])
@pytest.mark.parametrize(
    "measures",
    [
        (CVaR(0.3),) * 2,
        (LowerPartialMoment(0.5, 1),) * 2,
        (LowerPartialMoment(0.5, 3),) * 2,
        (CVaR(0.3), LowerPartialMoment(0.5, 1)),
        (CVaR(0.3), MeanVariance(0.5)),
    ],
)
def test_twenty_actions(measures, zero_sum):
    rng = np.random.default_rng([20, 2])
    rows = rng.normal(size=(20, 20))
    columns = -rows if zero_sum else rng.normal(size=(20, 20))
    game = NormalFormGame.bimatrix(rows, columns)
    result = solve_risk_profile(game, RiskProfile(measures), time_limit=30.0)
    assert result.status is Status.CERTIFIED
    assert result.info["stage"] == "lemke"


@pytest.mark.slow
@pytest.mark.parametrize("zero_sum", [True, False])
def test_a_hundred_actions(zero_sum):
    rng = np.random.default_rng([100, 0])
    rows = rng.normal(size=(100, 100))
    game = NormalFormGame.bimatrix(rows, -rows if zero_sum else rng.normal(size=(100, 100)))
    result = solve_risk_profile(game, RiskProfile((CVaR(0.3),) * 2))
    assert result.status is Status.CERTIFIED


def test_three_players_and_what_has_no_linear_steps():
    game = draw((3, 3, 3), 5)
    assert (
        min(distances(game, RiskProfile((Entropic(1.0), MeanVariance(0.3), MonotoneMeanVariance(0.5)))))
        <= 1e-8
    )
    assert not has_linear_steps(LayerProblem.of(game, RiskProfile((CVaR(0.5),) * 3)))


@pytest.mark.parametrize("own", [Entropy(0.1), LogBarrier(0.02)])
@pytest.mark.parametrize("measure", [Neutral(), CVaR(0.3), Entropic(1.0)])
def test_regularisers_are_linearised_too(measure, own):
    risk = RiskProfile((measure, CVaR(0.5)), (own, None))
    assert not is_linear(LayerProblem.of(draw((4, 4), 8), risk))
    assert min(distances(draw((4, 4), 8), risk, goal=1e-9)) <= 1e-8


def test_a_deadline_in_the_past_finds_nothing():
    game, risk = draw((9, 9), 6), RiskProfile((CVaR(0.3),) * 2)
    problem = LayerProblem.of(game, risk)
    told = []
    solved = linear_steps(problem, np.full(18, 1 / 9), told.append, goal=1e-9, max_problems=9, deadline=0.0)
    assert (solved, told) == (0, [])


@pytest.mark.parametrize("measure", [Entropic(1.0), LowerPartialMoment(0.5, 3), MonotoneMeanVariance(1.0)])
def test_the_tracing_procedure_takes_any_smooth_measure(measure):
    game, risk = draw((6, 6), 7), RiskProfile((measure, MeanVariance(0.2)))
    problem = LayerProblem.of(game, risk)
    rng = np.random.default_rng(0)
    prior = np.concatenate([rng.dirichlet(np.ones(6)) for _ in range(2)])
    flat, _ = trace(problem, prior, max_steps=2000, deadline=math.inf)
    assert flat is not None
    assert risk_profile_nash_conv(game, problem.split(flat), risk) <= 1e-8 * game.payoff_range
