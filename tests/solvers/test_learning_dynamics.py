"""Regret matching+, fictitious play and any function: closed forms, reference code, honest limits."""

import numpy as np
import pytest
from hypothesis import given, settings

from games.adapters.open_spiel_tree import compile_open_spiel
from games.normal_form import NormalFormGame, load_named, nash_conv
from games.profiles import uniform_profile
from games.results import Status
from solvers.equilibrium.learning import solve_fictitious_play, solve_regret_matching_plus
from solvers.psro import (
    PSRO,
    CallableMetaSolver,
    FictitiousPlayMetaSolver,
    RegretMatchingMetaSolver,
    run_psro,
)
from tests.strategies import normal_form_games

BOTH = [solve_regret_matching_plus, solve_fictitious_play]
META = [RegretMatchingMetaSolver(), FictitiousPlayMetaSolver()]
KUHN = compile_open_spiel("kuhn_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")


@pytest.mark.parametrize("solve", BOTH, ids=lambda f: f.__name__)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_weighted_rock_paper_scissors_at_any_scale(solve, scale):
    game = NormalFormGame.zero_sum(scale * np.array([[0, -1, 2], [1, 0, -1], [-2, 1, 0]]))
    result = solve(game, tol=2e-3)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound == pytest.approx(nash_conv(game, result.unwrap()))
    for x in result.unwrap():
        np.testing.assert_allclose(x, [0.25, 0.5, 0.25], atol=0.01)
    shifted = solve(NormalFormGame(game.payoffs + 5.0 * scale), tol=2e-3)
    assert shifted.status is Status.CERTIFIED


@pytest.mark.parametrize("solve", BOTH, ids=lambda f: f.__name__)
@settings(deadline=None, max_examples=40)
@given(game=normal_form_games(zero_sum=True))
def test_zero_sum_games_are_certified(solve, game):
    result = solve(game, tol=0.02)
    assert result.status is Status.CERTIFIED
    assert nash_conv(game, result.unwrap()) <= 0.02 * game.payoff_range + 1e-12


@pytest.mark.parametrize("solve", BOTH, ids=lambda f: f.__name__)
@settings(deadline=None, max_examples=40)
@given(game=normal_form_games())
def test_any_game_gets_a_profile_and_a_true_certificate(solve, game):
    result = solve(game, tol=1e-3, max_steps=300)
    bound = nash_conv(game, result.unwrap())
    assert result.certificate.bound == pytest.approx(bound, abs=1e-12)
    assert (result.status is Status.CERTIFIED) == (bound <= 1e-3 * game.payoff_range + 1e-9)
    assert bound <= nash_conv(game, uniform_profile(game.num_actions)) + 1e-12


def test_a_dominance_solvable_game_of_three_players():
    game = NormalFormGame(
        np.stack([a - 0.1 * np.indices((2, 3, 2)).sum(axis=0) for a in np.indices((2, 3, 2))])
    )
    for solve in BOTH:
        for x in solve(game, tol=1e-6).unwrap():
            np.testing.assert_allclose(x, np.eye(x.size)[-1], atol=1e-6)


def shapley():
    a = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    return NormalFormGame.bimatrix(a, np.roll(a, 1, axis=1))


def test_fictitious_play_cycles_in_shapleys_game_and_says_so():
    """From the even mixtures, which are the equilibrium, nothing moves; a little beside them play cycles."""
    game = shapley()
    assert solve_fictitious_play(game).steps == 0
    tilted = NormalFormGame(game.payoffs + 0.01 * np.eye(3)[0].reshape(1, 3, 1))
    result = solve_fictitious_play(tilted, tol=1e-4, max_steps=20_000)
    assert result.status is Status.LIMIT
    assert result.steps == 20_000
    assert result.certificate.bound > 1e-4


def regret_matching_plus(game, steps):
    """By the definition, slowly: players in turn, averages weighted by the round."""
    x = list(uniform_profile(game.num_actions))
    regrets = [np.zeros(n) for n in game.num_actions]
    sums = [np.zeros(n) for n in game.num_actions]
    for t in range(1, steps + 1):
        for i in range(game.num_players):
            values = np.moveaxis(game.payoffs[i], i, 0)
            for j in range(game.num_players - 1, -1, -1):
                if j != i:
                    values = values @ x[j]
            regrets[i] = np.maximum(regrets[i] + values - values @ x[i], 0.0)
            total = regrets[i].sum()
            x[i] = regrets[i] / total if total > 0 else np.full(x[i].size, 1.0 / x[i].size)
        for i in range(game.num_players):
            sums[i] += t * x[i]
    averages = [s / s.sum() for s in sums]
    return min((averages, x), key=lambda profile: nash_conv(game, profile))


@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 2)])
def test_the_compiled_rounds_are_those_of_the_definition(sizes):
    game = NormalFormGame(np.random.default_rng(0).uniform(0.0, 1.0, (len(sizes), *sizes)))
    # Sixteen rounds are one chunk, so the answer is read after them and nowhere else.
    found = solve_regret_matching_plus(game, tol=0.0, max_steps=16)
    assert found.steps == 16
    for x, y in zip(found.unwrap(), regret_matching_plus(game, 16), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-9)


def test_fictitious_play_by_hand():
    """Matching pennies with a prize of 2: the first answers are heads, then each answers the averages."""
    game = NormalFormGame.zero_sum([[2.0, -1.0], [-1.0, 1.0]])
    rows, columns = np.array([0.5, 0.5]), np.array([0.5, 0.5])
    for t in range(1, 17):
        rows += (np.eye(2)[np.argmax(game.payoffs[0] @ columns)] - rows) / (t + 1)
        columns += (np.eye(2)[np.argmax(game.payoffs[1].T @ rows)] - columns) / (t + 1)
    result = solve_fictitious_play(game, tol=0.0, max_steps=16)
    assert result.info["averaged"]
    np.testing.assert_allclose(result.unwrap(), [rows, columns], atol=1e-12)


@pytest.mark.parametrize("solve", BOTH, ids=lambda f: f.__name__)
def test_limits_progress_and_bad_arguments(solve):
    game = NormalFormGame(np.random.default_rng(0).normal(size=(2, 30, 30)))
    seen = []
    result = solve(game, tol=0.0, max_steps=100, progress=lambda step, total, **f: seen.append((step, total)))
    assert (result.status, result.steps) == (Status.LIMIT, 100)
    assert seen[-1] == (100, 100)
    assert solve(game, time_limit=0.0).steps == 0
    for bad in ({"tol": -1.0}, {"tol": np.nan}, {"max_steps": -1}, {"time_limit": -1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            solve(game, **bad)


@pytest.mark.parametrize("meta_solver", META, ids=lambda m: m.name)
def test_runs_on_kuhn_poker(meta_solver):
    result = run_psro(KUHN, PSRO(meta_solver=meta_solver), iterations=12)
    assert result.certificate.bound <= 0.02 * KUHN.payoff_range
    again = run_psro(KUHN, PSRO(meta_solver=meta_solver), iterations=12)
    for x, y in zip(result.unwrap().profile, again.unwrap().profile, strict=True):
        np.testing.assert_array_equal(x, y)
    assert len(run_psro(THREE, PSRO(meta_solver=meta_solver), iterations=4).unwrap().profile) == 3


def ask(meta_solver, game=None):
    game = load_named("chicken") if game is None else game
    return meta_solver.solve(game, uniform_profile(game.num_actions), rng=np.random.default_rng(0))


def test_any_function_weighs_the_policies():
    def newest(game, start, rng):
        return [np.eye(n)[-1] for n in game.num_actions]

    meta_solver = CallableMetaSolver(newest, "newest")
    result = ask(meta_solver)
    np.testing.assert_array_equal(result.unwrap(), [[0, 1], [0, 1]])
    assert result.certificate.bound == pytest.approx(nash_conv(load_named("chicken"), [[0, 1], [0, 1]]))
    assert result.status is Status.STATIONARY
    run = run_psro(KUHN, PSRO(meta_solver=meta_solver), iterations=3)
    assert "newest" in run.solver
    # It is given the generator of the run.
    drawing = CallableMetaSolver(
        lambda g, s, rng: [rng.dirichlet(np.ones(n)) for n in g.num_actions], "random"
    )
    np.testing.assert_array_equal(ask(drawing).unwrap(), ask(drawing).unwrap())


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ([[0.5, 0.5]], "one distribution per player"),
        ([[0.5, 0.5], [1.0]], r"profile\[1\] must have shape \(2,\)"),
        ([[0.5, 0.5], [0.7, 0.7]], "must sum to one"),
        ([[0.5, 0.5], [np.nan, 1.0]], "must be finite"),
        ([[0.5, 0.5], [1.5, -0.5]], "non-negative"),
        (None, "len"),
    ],
)
def test_what_a_function_returns_is_checked_and_it_is_named(returned, reason):
    with pytest.raises((ValueError, TypeError), match=reason) as caught:
        ask(CallableMetaSolver(lambda game, start, rng: returned, "mine"))
    assert "'mine'" in str(caught.value)


def test_errors_of_a_function_name_it_too():
    def broken(game, start, rng):
        raise KeyError("lost")

    with pytest.raises(KeyError) as caught:
        ask(CallableMetaSolver(broken, "mine"))
    assert any("'mine'" in note for note in caught.value.__notes__)
    with pytest.raises(TypeError, match="callable"):
        CallableMetaSolver("nash", "mine")
    with pytest.raises(ValueError, match="name"):
        CallableMetaSolver(broken, "")
