"""Every registered Nash solver on games that break careless ones; the registry finds new ones."""

import inspect
import time

import numpy as np
import pytest
from hypothesis import given, settings

from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.extensive import fold, nash_conv as tree_nash_conv
from games.extensive.normal_form import from_normal_form
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion
from games.results import SolveResult, Status
from solvers.registry import EXPANDERS, META_SOLVERS, ORACLES, SOLVERS
from tests.strategies import normal_form_games

# What finds another concept, or follows play without a claim to reach an equilibrium, has tests of its own.
OTHER_AIMS = {"correlated", "dynamics"}
NAMES = [entry.name for entry in SOLVERS if not OTHER_AIMS & set(entry.tags)]
RPS = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])


def solve(name, game, **options):
    """Solve for a Nash equilibrium; returns the result and its NashConv, found without the solver."""
    entry = SOLVERS.get(name)
    function = entry.load()
    if "risk" in inspect.signature(function).parameters:
        options["risk"] = RiskAversion(0.0)
    if "tree" in entry.tags:
        form = fold(from_normal_form(game))
        result = function(form, **options)
        return result, tree_nash_conv(form, result.unwrap()), [b[1:] for b in result.unwrap()]
    result = function(game, **options)
    return result, nash_conv(game, result.unwrap()), result.unwrap()


DEGENERATE = {
    "one action each": [[5.0]],
    "one row": [[3.0, -1.0, 2.0]],
    "one column": [[3.0], [-1.0], [2.0]],
    "constant": np.full((3, 4), 7.0),
    "duplicated rows": [[1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]],
    "dominated rows": [[1.0, -1.0], [-1.0, 1.0], [-5.0, -5.0]],
    "saddle point": [[2.0, 3.0], [1.0, 0.0]],
    "large offset": RPS + 1e6,
    "diagonal": np.diag([1.0, 2.0, 3.0, 4.0]),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_games_are_solved(name, case):
    game = NormalFormGame.zero_sum(DEGENERATE[case])
    result, gap, _ = solve(name, game)
    assert result.status is Status.CERTIFIED
    assert gap <= 1e-7 * game.payoff_range + 1e-9 * np.abs(game.payoffs).max()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e9])
def test_units_do_not_matter(name, scale):
    game = NormalFormGame.zero_sum(scale * RPS)
    result, gap, strategies = solve(name, game)
    assert result.status is Status.CERTIFIED
    assert gap <= 1e-7 * game.payoff_range
    for x in strategies:
        np.testing.assert_allclose(x, 1 / 3, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=15)
@given(game=normal_form_games(zero_sum=True, max_actions=5))
def test_random_games_are_certified_by_what_the_certificate_says(name, game):
    result, gap, _ = solve(name, game)
    assert isinstance(result, SolveResult)
    assert isinstance(result.certificate, Certificate)
    assert result.status is Status.CERTIFIED
    # The certificate may be a bound above the gap, never below it.
    assert gap <= result.certificate.bound + 1e-9 * (1.0 + game.payoff_range)
    assert result.solver == name
    assert result.seconds >= 0.0
    assert result.steps >= 0


@pytest.mark.parametrize("name", NAMES)
def test_swapping_the_players_negates_the_value(name):
    a = np.random.default_rng(11).normal(size=(4, 6))
    _, _, (x, y) = solve(name, NormalFormGame.zero_sum(a))
    _, _, (u, v) = solve(name, NormalFormGame.zero_sum(-a.T))
    assert x @ a @ y == pytest.approx(-(u @ -a.T @ v), abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_time_limits_are_kept_and_the_best_answer_survives(name):
    game = NormalFormGame.zero_sum(np.random.default_rng(0).normal(size=(120, 120)))
    solve(name, NormalFormGame.zero_sum(RPS))  # compiles what is compiled
    start = time.perf_counter()
    result, gap, _ = solve(name, game, time_limit=0.05)
    assert time.perf_counter() - start < 10.0
    assert result.status in (Status.CERTIFIED, Status.LIMIT)
    assert gap <= result.certificate.bound + 1e-9


@pytest.mark.parametrize("name", [n for n in NAMES if "constant-sum" in SOLVERS.get(n).tags])
def test_constant_sum_solvers_refuse_general_sums_and_say_what_would_do(name):
    with pytest.raises(UnsupportedGameError, match="risk_averse"):
        solve(name, NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("option", ["tol", "time_limit"])
def test_nonsense_options_are_refused_by_name(name, option):
    with pytest.raises(ValueError, match=option):
        solve(name, NormalFormGame.zero_sum(RPS), **{option: -1.0})


@pytest.mark.parametrize("registry", [SOLVERS, ORACLES, META_SOLVERS, EXPANDERS], ids=lambda r: r.kind)
def test_every_entry_loads_and_is_described(registry):
    for entry in registry:
        assert entry.load().__doc__
        assert entry.summary
        assert entry.tags
