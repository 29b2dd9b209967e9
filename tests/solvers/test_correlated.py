"""Correlated equilibria: published values, cvxpy, weak duality, ties, limits and units."""

import math
import subprocess
import sys

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import NormalFormGame, cce_gap, ce_gap, load_named, nash_conv
from games.normal_form.generators import random_zero_sum
from games.results import Status
from solvers.equilibrium import incentives_lp
from solvers.equilibrium.correlated import Linear, MaxGini, MinEpsilon, solve_cce, solve_ce
from tests.strategies import normal_form_games

OBJECTIVES = [Linear(), MinEpsilon(), MaxGini()]


def random_game(sizes, seed):
    return NormalFormGame(np.random.default_rng(seed).normal(size=(len(sizes), *sizes)))


def constraints(game, coarse):
    """Every gain from deviating as a linear function of the joint distribution, by plain loops."""
    rows = []
    for i, n in enumerate(game.num_actions):
        for b in range(n):
            rest = np.take(game.payoffs[i], [b], axis=i) - game.payoffs[i]
            if coarse:
                rows.append(rest.ravel())
                continue
            for a in range(n):
                if a != b:
                    told = np.zeros(n)
                    told[a] = 1.0
                    shape = [n if j == i else 1 for j in range(game.num_players)]
                    rows.append((rest * told.reshape(shape)).ravel())
    return np.array(rows)


def by_cvxpy(game, objective, coarse):
    gains = constraints(game, coarse)
    p = cvxpy.Variable(gains.shape[1], nonneg=True)
    epsilon = cvxpy.Variable()
    if isinstance(objective, MinEpsilon):
        goal, limit = cvxpy.Minimize(epsilon), epsilon
    elif isinstance(objective, MaxGini):
        goal, limit = cvxpy.Minimize(cvxpy.sum_squares(p)), 0.0
    else:
        goal, limit = cvxpy.Maximize(game.payoffs.sum(axis=0).ravel() @ p), 0.0
    problem = cvxpy.Problem(goal, [gains @ p <= limit, cvxpy.sum(p) == 1])
    problem.solve(solver=cvxpy.CLARABEL)
    return problem.value, p.value


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_chicken_pays_what_aumann_says(scale):
    chicken = load_named("chicken")
    game = NormalFormGame(scale * chicken.payoffs - 3.0 * scale)
    best = solve_ce(game)
    assert best.status is Status.CERTIFIED
    np.testing.assert_allclose(best.unwrap(), [[0.5, 0.25], [0.25, 0.0]], atol=1e-9)
    assert best.info["welfare"] == pytest.approx((10.5 - 6.0) * scale)
    worst = solve_ce(game, Linear(weights=[-1.0, -1.0]))
    assert worst.info["welfare"] == pytest.approx((7.2 - 6.0) * scale)


def test_the_travelers_dilemma_parts_the_two_concepts():
    game = load_named("travelers-dilemma")
    assert solve_ce(game).require(1e-8).info["welfare"] == pytest.approx(4.0)
    assert solve_cce(game).require(1e-8).info["welfare"] == pytest.approx(56 / 3)
    assert ce_gap(game, solve_cce(game).unwrap()) > 0.1


@pytest.mark.parametrize("sizes", [(3, 4), (5, 5), (2, 3, 2), (3, 3, 3), (1, 4)])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: o.name)
@pytest.mark.parametrize("coarse", [False, True])
def test_cvxpy_finds_nothing_better(sizes, objective, coarse):
    game = random_game(sizes, 7)
    result = (solve_cce if coarse else solve_ce)(game, objective)
    assert result.status is Status.CERTIFIED
    value, point = by_cvxpy(game, objective, coarse)
    expected = 1.0 - value if isinstance(objective, MaxGini) else value
    assert result.info[objective.name] == pytest.approx(expected, abs=1e-6)
    if isinstance(objective, MaxGini):  # the only one whose answer is unique
        np.testing.assert_allclose(result.unwrap().ravel(), point, atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    game=normal_form_games(),
    objective=st.sampled_from(OBJECTIVES),
    coarse=st.booleans(),
    scale=st.sampled_from([1e-6, 1.0, 1e9]),
)
def test_every_game_is_certified_in_every_unit(game, objective, coarse, scale):
    scaled = NormalFormGame(scale * game.payoffs)
    result = (solve_cce if coarse else solve_ce)(scaled, objective)
    assert result.status is Status.CERTIFIED
    gap = (cce_gap if coarse else ce_gap)(scaled, result.unwrap())
    assert gap == result.certificate.bound <= 1e-8 * scaled.payoff_range + 1e-14 * scale
    assert result.solver == ("cce" if coarse else "ce")


@settings(deadline=None, max_examples=25)
@given(game=normal_form_games())
def test_the_concepts_are_nested(game):
    """Every correlated equilibrium is a coarse one, so the coarse optimum is never worse."""
    for objective in (Linear(), MaxGini()):
        inner, outer = solve_ce(game, objective), solve_cce(game, objective)
        assert outer.info[objective.name] >= inner.info[objective.name] - 1e-7 * (1 + game.payoff_range)


def test_in_zero_sum_games_every_equilibrium_pays_the_value_and_its_marginals_are_optimal():
    game = load_named("colonel-blotto")
    for solve in (solve_ce, solve_cce):
        for objective in OBJECTIVES:
            joint = solve(game, objective).require(1e-8).unwrap()
            assert (game.payoffs[0] * joint).sum() == pytest.approx(14 / 9, abs=1e-8)
            assert nash_conv(game, (joint.sum(axis=1), joint.sum(axis=0))) < 1e-7


def test_the_strictest_incentives_of_chicken():
    """Each of the four constraints holds with slack 1/2: the best there is, by symmetry and the LP's dual."""
    result = solve_ce(load_named("chicken"), MinEpsilon())
    assert result.info["epsilon"] == pytest.approx(-0.5)
    assert result.info["optimality_gap"] < 1e-12


def test_rewards_steer_the_choice():
    game = load_named("battle-of-the-sexes")
    reward = np.zeros((2, 2))
    reward[1, 1] = 1.0
    joint = solve_ce(game, Linear(weights=[0.0, 0.0], rewards=reward, name="reward")).unwrap()
    assert joint[1, 1] == pytest.approx(1.0)


def test_ties_up_to_rounding_bind_nobody():
    """Payoffs equal but for rounding: uniform play is an equilibrium, of the greatest impurity."""
    noise = np.random.default_rng(0).uniform(-1e-16, 1e-16, size=(2, 6, 6))
    flat = np.zeros((2, 6, 6))
    flat[:, 0, 0] = -1.0
    flat += noise
    result = solve_ce(NormalFormGame(flat), MaxGini())
    without = solve_ce(NormalFormGame(np.round(flat)), MaxGini())
    assert result.status is Status.CERTIFIED
    assert result.info["gini"] == pytest.approx(without.info["gini"], abs=1e-9)


def test_limits_are_honest():
    game = random_game((12, 12, 12), 0)
    for objective in (MinEpsilon(), MaxGini()):
        result = solve_ce(game, objective, time_limit=0.0)
        assert result.status is Status.LIMIT
        assert result.unwrap().sum() == pytest.approx(1.0)
    assert solve_ce(random_game((5, 5), 7), MaxGini(max_steps=1)).status is Status.LIMIT


def test_the_command_line_shows_saves_and_checks_a_joint_distribution(tmp_path):
    command = [sys.executable, "-c", "from solvers.cli.main import main; main()"]
    file = str(tmp_path / "ce.json")
    for arguments, words in [
        (["solve", "chicken", "--solver", "ce", "--out", file], ["swerve", "0.250000", "ce_gap", "5.25"]),
        (["check", file], ["ce_gap", "agrees"]),
    ]:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert all(word in done.stdout for word in words), done.stdout


def test_bad_input_is_refused():
    game = load_named("chicken")
    for option in ("tol", "time_limit"):
        with pytest.raises(ValueError, match=option):
            solve_ce(game, **{option: math.nan})
    with pytest.raises(ValueError, match="weights"):
        solve_ce(game, Linear(weights=[1.0]))
    with pytest.raises(ValueError, match="rewards"):
        solve_ce(game, Linear(rewards=np.zeros(3)))


def test_a_primal_simplex_that_turns_in_circles_gives_way_to_the_dual(monkeypatch):
    """On constant-sum meta-games every cell is as good as any other, and the primal simplex may never end."""
    game = random_zero_sum(40, 40, rng=np.random.default_rng(3))
    whole = solve_cce(game)
    monkeypatch.setattr(incentives_lp, "_MOST_PIVOTS_PER_ROW", 0)
    cut = solve_cce(game)
    assert whole.status is cut.status is Status.CERTIFIED
    assert cut.certificate.bound <= 1e-8 * game.payoff_range
