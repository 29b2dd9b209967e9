"""Best responses under every measure: independent solvers, certificates, degenerate input."""

import cvxpy as cp
import numpy as np
import pytest

from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion, risk_best_response, risk_nash_conv
from games.normal_form.risk_measures import (
    Entropic,
    LowerPartialMoment,
    MeanVariance,
    MonotoneMeanVariance,
    Neutral,
)
from games.normal_form.risk_profiles import RiskProfile, risk_profile_nash_conv, risk_profile_regrets
from games.normal_form.risk_regularisers import Entropy, LogBarrier
from games.normal_form.risk_response import measure_best_response
from games.normal_form.risk_tails import CVaR, WorstCase

MEASURES = [
    Neutral(),
    MeanVariance(0.8),
    MonotoneMeanVariance(0.8),
    Entropic(1.5),
    CVaR(0.3),
    WorstCase(),
    LowerPartialMoment(0.6, 1),
    LowerPartialMoment(0.6, 2),
    LowerPartialMoment(0.6, 3),
    LowerPartialMoment(0.6, 2, 0.2),
]
OWNS = [None, Entropy(0.2), LogBarrier(0.05)]


def peer_worth(measure, z, y):
    """The measure as a concave cvxpy expression, written from its definition."""
    match measure:
        case Neutral():
            return y @ z
        case MeanVariance(gamma):
            return y @ z - gamma * cp.sum_squares(cp.multiply(np.sqrt(y), z - y @ z))
        case MonotoneMeanVariance(gamma):  # mean-variance of what is left after giving payoff away
            given = cp.Variable(z.shape, nonneg=True)
            return peer_worth(MeanVariance(gamma), z - given, y)
        case Entropic(tau):
            return -cp.log_sum_exp(-tau * z + np.log(y)) / tau
        case CVaR(level):
            quantile = cp.Variable()
            return quantile - y @ cp.pos(quantile - z) / level
        case WorstCase():
            return cp.min(z)
        case LowerPartialMoment(gamma, order, target):
            short = cp.pos((y @ z if target is None else target) - z)
            return y @ z - gamma * (y @ (short if order == 1 else cp.power(short, order)))
    raise AssertionError(measure)


def peer_best(a, y, measure, own):
    s = cp.Variable(a.shape[0], nonneg=True)
    bonus = 0.0
    if own is not None:
        bonus = own.eps * cp.sum(cp.entr(s) if isinstance(own, Entropy) else cp.log(s))
    problem = cp.Problem(cp.Maximize(peer_worth(measure, a.T @ s, y) + bonus), [cp.sum(s) == 1])
    problem.solve(solver=cp.CLARABEL)
    return problem.value


@pytest.mark.parametrize("own", OWNS)
@pytest.mark.parametrize("measure", MEASURES)
def test_values_agree_with_clarabel(measure, own):
    rng = np.random.default_rng(5)
    a, y = rng.normal(size=(6, 5)), rng.dirichlet(np.ones(5))
    s, value, gap = measure_best_response(a, y, measure, own)
    assert gap <= 1e-9
    assert s.min() >= 0.0
    assert s.sum() == pytest.approx(1.0, abs=1e-12)
    bonus = 0.0 if own is None else own.value(s)
    assert value == pytest.approx(measure.value(a.T @ s, y) + bonus, abs=1e-12)
    assert value == pytest.approx(peer_best(a, y, measure, own), abs=2e-5)


@pytest.mark.parametrize("own", OWNS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (20, 20), (15, 3)])
def test_gaps_close(measure, own, shape):
    rng = np.random.default_rng(shape)
    a, y = rng.normal(size=shape), rng.dirichlet(0.5 * np.ones(shape[1]))
    assert measure_best_response(a, y, measure, own)[2] <= 1e-9 * np.ptp(a) + 1e-9


@pytest.mark.parametrize("measure", MEASURES)
def test_no_mixture_of_a_grid_beats_the_certified_ceiling(measure):
    rng = np.random.default_rng(8)
    a, y = rng.normal(size=(3, 4)), rng.dirichlet(np.ones(4))
    _, value, gap = measure_best_response(a, y, measure)
    ticks = [(i / 40, j / 40, 1 - (i + j) / 40) for i in range(41) for j in range(41 - i)]
    best = max(measure.value(a.T @ np.array(s), y) for s in ticks)
    assert best <= value + gap + 1e-12
    assert best >= value - 0.1


def test_mean_variance_plays_a_dominated_action_and_its_monotone_form_does_not():
    payoffs, y = (
        np.array([[-0.1, -0.1], [0.0, 10.0]]),
        np.array([0.5, 0.5]),
    )  # the second row is always better
    assert measure_best_response(payoffs, y, MeanVariance(0.3))[0][0] > 0.5
    assert measure_best_response(payoffs, y, MonotoneMeanVariance(0.3))[0][0] <= 1e-9


def test_mean_variance_agrees_with_the_exact_quadratic_programme():
    rng = np.random.default_rng(2)
    a, y = rng.normal(size=(8, 8)), rng.dirichlet(np.ones(8))
    mean = a @ y
    root = (a - mean[:, None]) * np.sqrt(y)
    _, value, _ = risk_best_response(mean, root @ root.T, 0.7)
    assert measure_best_response(a, y, MeanVariance(0.7))[1] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("own", OWNS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_answers_do_not_depend_on_units(measure, own, unit):
    rng = np.random.default_rng(9)
    a, y = rng.normal(size=(4, 5)), rng.dirichlet(np.ones(5))
    s, value, _ = measure_best_response(a, y, measure, own)
    other = None if own is None else own.rescaled(1.0 / unit)
    t, worth, _ = measure_best_response(unit * a + 3 * unit, y, measure.rescaled(1 / unit, -3.0), other)
    np.testing.assert_allclose(t, s, atol=1e-5)
    assert worth == pytest.approx(unit * (value + 3.0), rel=1e-9, abs=1e-9 * unit)


def test_corners_of_the_certificate():
    rng = np.random.default_rng(1)
    game = NormalFormGame(rng.normal(size=(3, 2, 3, 4)))
    profile = [rng.dirichlet(np.ones(n)) for n in game.num_actions]
    neutral = RiskProfile((Neutral(),) * 3)
    assert risk_profile_nash_conv(game, profile, neutral) == pytest.approx(
        nash_conv(game, profile), abs=1e-12
    )
    averse = RiskProfile((MeanVariance(0.4),) * 3, tremble=0.1)
    expected = risk_nash_conv(game, profile, RiskAversion(0.4, 0.1))
    assert risk_profile_nash_conv(game, profile, averse) == pytest.approx(expected, abs=1e-10)


def test_a_barrier_makes_a_missing_action_infinitely_regretted():
    game = NormalFormGame.zero_sum([[1.0, -1.0], [-1.0, 1.0]])
    risk = RiskProfile((Neutral(), Neutral()), (LogBarrier(0.1), None))
    bounds = risk_profile_regrets(game, [[1.0, 0.0], [0.5, 0.5]], risk)
    assert np.isinf(bounds[0])
    assert bounds[1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("payoffs", "y", "message"),
    [
        ([1.0, 2.0], [1.0], "payoffs must have shape"),
        ([[1.0, np.nan]], [0.5, 0.5], "payoffs must be finite"),
        ([[1.0, 2.0]], [1.0], "y must have shape"),
        ([[1.0, 2.0]], [0.7, 0.7], "y must sum to one"),
    ],
)
def test_bad_input_is_refused(payoffs, y, message):
    with pytest.raises(ValueError, match=message):
        measure_best_response(payoffs, y, Entropic(1.0))


def test_profiles_that_do_not_fit_are_refused():
    game = NormalFormGame.zero_sum([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(ValueError, match="one measure per player: wanted 2, got 1"):
        risk_profile_nash_conv(game, [[1, 0], [1, 0]], RiskProfile((Neutral(),)))
    with pytest.raises(ValueError, match="got none"):
        RiskProfile(())
    with pytest.raises(ValueError, match="regularisers must be"):
        RiskProfile((Neutral(), Neutral()), (None,))
    with pytest.raises(ValueError, match="tremble must lie"):
        RiskProfile((Neutral(),), tremble=1.5)
