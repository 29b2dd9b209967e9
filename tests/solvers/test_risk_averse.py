"""Risk-averse equilibria: closed forms, basins, brute force, symmetries of the problem, and honesty."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion, RiskVariance, risk_figures, risk_nash_conv
from games.profiles import pure_profile, uniform_profile
from games.results import Status
from solvers.equilibrium import (
    solve_risk_averse,
    solve_risk_averse_extragradient,
    solve_risk_averse_fp,
)
from tests.strategies import normal_form_games

STAG_HUNT = NormalFormGame.bimatrix([[4, -1], [3, 2]], [[4, 3], [-1, 2]])
PENNIES = NormalFormGame.zero_sum([[1, -1], [-1, 1]])


def random_game(shape, seed, zero_sum=False):
    rng = np.random.default_rng(seed)
    if zero_sum:
        return NormalFormGame.zero_sum(rng.normal(size=shape))
    return NormalFormGame(rng.normal(size=(len(shape), *shape)))


# The start decides the equilibrium; the basin of the risky one shrinks as gamma grows.
BASINS = [
    (gamma, start, start >= least)
    for gamma, least in [(0.0, 0.8), (0.1, 0.95), (0.3, 0.95), (1.0, 2.0), (3.0, 2.0)]
    for start in (0.2, 0.5, 0.8, 0.95)
]


@pytest.mark.parametrize(("gamma", "start", "stag"), BASINS)
def test_stag_hunt_basins(gamma, start, stag):
    risk = RiskAversion(gamma)
    begin = [[start, 1 - start]] * 2
    play = solve_risk_averse_fp(STAG_HUNT, risk, start=begin, tol=1e-3, max_steps=5000)
    assert play.status is Status.CERTIFIED
    solved = solve_risk_averse(STAG_HUNT, risk, start=begin)
    assert solved.certificate.bound <= 1e-8 * STAG_HUNT.payoff_range
    for x, y in zip(play.unwrap(), solved.unwrap(), strict=True):
        assert x[0] == pytest.approx(float(stag), abs=1e-2)
        assert y[0] == pytest.approx(float(stag), abs=1e-12)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e5])
def test_two_by_two_closed_form(unit):
    # Against q, actions with payoffs (a, 0 | 0, b): the difference of partial derivatives is
    # aq - b(1-q) - 2 gamma q(1-q)(a+b)[p a - (1-p) b]; with both players alike p = q = b / (a + b) kills both
    # terms, so the mixed Nash equilibrium of this coordination game is risk-averse for every gamma.
    game = NormalFormGame.bimatrix(unit * np.diag([2.0, 1.0]), unit * np.diag([2.0, 1.0]))
    for gamma in (0.0, 0.4, 3.0):
        risk = RiskAversion(gamma / unit)
        mixed = ([1 / 3, 2 / 3], [1 / 3, 2 / 3])
        assert risk_nash_conv(game, mixed, risk) <= 1e-14 * unit
        result = solve_risk_averse(game, risk, start=mixed)
        assert result.status is Status.CERTIFIED
        np.testing.assert_allclose(result.unwrap(), mixed, atol=1e-12)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("gamma", [0.0, 0.05, 0.13])
def test_asymmetric_pennies_closed_form(gamma, unit):
    # Row gets 9 on (top, left), 1 on (bottom, right); column gets 1 off the diagonal. With P(top) = p and
    # P(left) = q the row player is indifferent at 10 q - 1 = 20 gamma q (1 - q) (10 p - 1), the column
    # player at 2 p - 1 = 4 gamma p (1 - p) (1 - 2 q).
    game = NormalFormGame.bimatrix(unit * np.diag([9.0, 1.0]), unit * np.array([[0.0, 1.0], [1.0, 0.0]]))
    result = solve_risk_averse(game, RiskAversion(gamma / unit))
    assert result.status is Status.CERTIFIED
    (p, _), (q, _) = result.unwrap()
    assert 10 * q - 1 == pytest.approx(20 * gamma * q * (1 - q) * (10 * p - 1), abs=1e-7)
    assert 2 * p - 1 == pytest.approx(4 * gamma * p * (1 - p) * (1 - 2 * q), abs=1e-7)
    if gamma == 0.0:
        assert (p, q) == (pytest.approx(0.5), pytest.approx(0.1))


@given(normal_form_games(players=(2, 3), max_actions=3))
@settings(deadline=None, max_examples=40)
def test_without_aversion_it_is_nash(game):
    result = solve_risk_averse(game, RiskAversion(0.0), max_steps=30_000)
    bound = result.certificate.bound
    assert bound == nash_conv(game, result.unwrap()) == result.info["nash_conv"]
    assert (result.status is Status.CERTIFIED) == (bound <= 1e-8 * game.payoff_range)
    if game.num_players == 2:
        assert result.status is Status.CERTIFIED


@given(
    normal_form_games(players=(2, 3), max_actions=3),
    st.sampled_from([0.02, 0.3]),
    st.sampled_from([0.0, 0.1]),
)
@settings(deadline=None, max_examples=40)
def test_certificate_is_recomputed_and_status_honest(game, gamma, tremble):
    risk = RiskAversion(gamma, tremble)
    result = solve_risk_averse(game, risk)
    assert result.certificate.bound == risk_nash_conv(game, result.unwrap(), risk)
    assert (result.status is Status.CERTIFIED) == (result.certificate.bound <= 1e-8 * game.payoff_range)
    means, variances = risk_figures(game, result.unwrap(), risk)
    for i in range(game.num_players):
        assert result.info[f"mean_{i}"] == means[i]
        assert result.info[f"variance_{i}"] == variances[i]


@pytest.mark.parametrize("shape", [(2, 2), (3, 3)])
@pytest.mark.parametrize("seed", range(6))
def test_the_answer_beats_a_grid(shape, seed):
    game = random_game(shape, seed)
    risk = RiskAversion(0.6)
    result = solve_risk_averse(game, risk).require(1e-8 * game.payoff_range)
    steps = 20 if shape == (2, 2) else 6
    grid = [
        np.array(c) / steps for c in itertools.product(range(steps + 1), repeat=shape[0]) if sum(c) == steps
    ]
    gaps = {
        (i, j): risk_nash_conv(game, (x, y), risk)
        for (i, x), (j, y) in itertools.product(enumerate(grid), repeat=2)
    }
    assert result.certificate.bound <= min(gaps.values()) + 1e-12
    # The gap is continuous: around the answer it is small, so the nearest grid point is among the small ones.
    near = tuple(int(np.argmin([np.abs(g - x).sum() for g in grid])) for x in result.unwrap())
    assert gaps[near] <= np.quantile(list(gaps.values()), 0.5)


@given(normal_form_games(max_actions=4), st.sampled_from([0.0, 0.5, 20.0]))
@settings(deadline=None, max_examples=40)
def test_strict_pure_nash_equilibria_stay(game, gamma):
    for actions in np.ndindex(*game.num_actions):
        profile = pure_profile(game.num_actions, actions)
        strict = all(
            (
                np.delete(np.moveaxis(game.payoffs[i], i, -1)[tuple(np.delete(actions, i))], actions[i])
                < game.payoffs[(i, *actions)]
            ).all()
            for i in range(game.num_players)
        )
        if strict:
            result = solve_risk_averse(game, RiskAversion(gamma), start=profile)
            assert result.certificate.bound == 0.0
            for x, y in zip(result.unwrap(), profile, strict=True):
                np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("unit", [1e-3, 1e3])
def test_units_and_constants_do_not_matter(seed, unit):
    game = random_game((4, 5), seed, zero_sum=False)
    base = solve_risk_averse(game, RiskAversion(0.4))
    moved = solve_risk_averse(NormalFormGame(unit * game.payoffs + 7 * unit), RiskAversion(0.4 / unit))
    assert base.status is moved.status is Status.CERTIFIED
    for x, y in zip(base.unwrap(), moved.unwrap(), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_renumbering_players_renumbers_the_answer(seed):
    game = random_game((3, 4), seed)
    base = solve_risk_averse(game, RiskAversion((0.2, 0.9)))
    swapped = NormalFormGame(np.transpose(game.payoffs[::-1], (0, 2, 1)))
    other = solve_risk_averse(swapped, RiskAversion((0.9, 0.2)))
    assert base.status is other.status is Status.CERTIFIED
    for x, y in zip(base.unwrap(), reversed(other.unwrap()), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_three_players(gamma, seed):
    game = random_game((3, 4, 3), seed)
    result = solve_risk_averse(game, RiskAversion(gamma, 0.02))
    assert result.status is Status.CERTIFIED


def test_one_player_and_constant_games():
    alone = solve_risk_averse(NormalFormGame([[1.0, 3.0, 2.0]]), RiskAversion(1.0))
    np.testing.assert_allclose(alone.unwrap()[0], [0, 1, 0], atol=1e-12)
    constant = solve_risk_averse(NormalFormGame(np.full((2, 2, 3), 5.0)), RiskAversion(1.0))
    assert (constant.status, constant.certificate.bound) == (Status.CERTIFIED, 0.0)


@pytest.mark.parametrize("zero_sum", [True, False])
@pytest.mark.parametrize("gamma", [0.1, 0.5, 2.0])
def test_random_games_of_twenty_actions(zero_sum, gamma):
    for seed in range(3):
        game = random_game((20, 20), seed, zero_sum)
        assert solve_risk_averse(game, RiskAversion(gamma)).status is Status.CERTIFIED


def test_extragradient_solves_zero_sum_games_without_polish():
    game = random_game((5, 5), 3, zero_sum=True)
    result = solve_risk_averse_extragradient(game, RiskAversion(0.0), tol=1e-7)
    assert result.status is Status.CERTIFIED
    assert result.info["stage"] == "extragradient"
    assert nash_conv(game, result.unwrap()) <= 1e-7 * game.payoff_range


def test_total_variance_finds_pure_equilibria():
    risk = RiskAversion(0.5, 0.05, RiskVariance.TOTAL)
    result = solve_risk_averse(STAG_HUNT, risk, start=[[0.05, 0.95]] * 2)
    assert result.status is Status.CERTIFIED
    for x in result.unwrap():
        np.testing.assert_array_equal(x, [0, 1])


def test_total_variance_keeps_a_mixture_of_equal_actions():
    result = solve_risk_averse(
        PENNIES, RiskAversion(0.5, variance=RiskVariance.TOTAL), start=[[0.9, 0.1], [0.3, 0.7]]
    )
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap(), np.full((2, 2), 0.5), atol=1e-9)


def test_total_variance_without_equilibrium_fails_honestly():
    # Best replies cycle as in matching pennies, but the actions of a mixture have different means.
    game = NormalFormGame.bimatrix([[9, 0], [0, 1]], [[0, 1], [1, 0]])
    result = solve_risk_averse(game, RiskAversion(0.3, variance=RiskVariance.TOTAL), starts=2)
    assert result.status in (Status.FAILED, Status.LIMIT)
    assert result.certificate.bound > 1e-3


def test_limits_keep_the_best_profile():
    game = random_game((30, 30), 0)
    steps = solve_risk_averse_fp(game, RiskAversion(0.5), max_steps=50)
    assert (steps.status, steps.steps) == (Status.LIMIT, 50)
    assert steps.certificate.bound <= risk_nash_conv(game, uniform_profile((30, 30)), RiskAversion(0.5))
    clock = solve_risk_averse_fp(game, RiskAversion(0.5), max_steps=10**9, time_limit=0.05)
    assert clock.status is Status.LIMIT
    assert clock.seconds < 2


def test_equal_calls_give_equal_answers_and_progress_is_reported():
    seen = []

    def watch(step, total, **figures):
        seen.append((step, figures["certificate"]))

    game = random_game((12, 12), 5)
    a = solve_risk_averse(game, RiskAversion(1.0), progress=watch)
    b = solve_risk_averse(game, RiskAversion(1.0), rng=np.random.default_rng(0))
    for x, y in zip(a.unwrap(), b.unwrap(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert [step for step, _ in seen] == sorted(step for step, _ in seen)
    assert seen[-1][0] == a.steps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tol": 0.0}, "tol"),
        ({"tol": np.nan}, "tol"),
        ({"max_steps": 0}, "max_steps"),
        ({"time_limit": 0.0}, "time_limit"),
        ({"starts": 0}, "starts"),
        ({"start": [[1, 0]]}, "one distribution per player"),
        ({"start": [[1, 0], [0.7, 0.7]]}, r"profile\[1\]"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        solve_risk_averse(STAG_HUNT, RiskAversion(1.0), **options)


def test_gamma_per_player_must_fit():
    with pytest.raises(ValueError, match="one number per player"):
        solve_risk_averse(STAG_HUNT, RiskAversion((1.0,)))
