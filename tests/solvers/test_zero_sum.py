"""The public solvers of zero-sum games against closed forms, invariants and independent tools."""

import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame, nash_conv
from games.results import Status
from solvers.equilibrium import (
    Automatic,
    LinearProgram,
    MatrixSolution,
    Pivoting,
    PredictiveRegretMatching,
    solve_zero_sum,
    solve_zero_sum_lp,
    solve_zero_sum_pivoting,
    solve_zero_sum_prm,
    zero_sum,
)
from tests.strategies import normal_form_games

SOLVERS = [solve_zero_sum, solve_zero_sum_lp, solve_zero_sum_pivoting, solve_zero_sum_prm]
SCALES = [1e-6, 1e-3, 1.0, 1e6, 1e9]

# name: payoffs to the row player, x, y, value; every solution is unique
CLOSED_FORMS = {
    "matching pennies": ([[1, -1], [-1, 1]], [1 / 2] * 2, [1 / 2] * 2, 0),
    # Wins of 1, 3, 2: each action is played as often as the other two beat each other is worth.
    "weighted rock-paper-scissors": (
        [[0, -1, 3], [1, 0, -2], [-3, 2, 0]],
        [1 / 3, 1 / 2, 1 / 6],
        [1 / 3, 1 / 2, 1 / 6],
        0,
    ),
    # B. O'Neill, PNAS 84 (1987): jokers match or two number cards differ.
    "o'neill": (
        [[1, -1, -1, -1], [-1, -1, 1, 1], [-1, 1, -1, 1], [-1, 1, 1, -1]],
        [2 / 5, 1 / 5, 1 / 5, 1 / 5],
        [2 / 5, 1 / 5, 1 / 5, 1 / 5],
        -1 / 5,
    ),
    "saddle point": ([[4, 2, 5], [1, 0, 3]], [1, 0], [0, 1, 0], 2),
    "not square": ([[3, 0, 2], [0, 3, 2]], [1 / 2, 1 / 2], [1 / 2, 1 / 2, 0], 3 / 2),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_forms_at_every_scale(solver, scale, name):
    payoffs, x, y, value = CLOSED_FORMS[name]
    result = solver(NormalFormGame.zero_sum(scale * np.array(payoffs)))
    assert result.status is Status.CERTIFIED
    assert result.certificate.measure == "nash_conv"
    np.testing.assert_allclose(result.unwrap()[0], x, atol=1e-7)
    np.testing.assert_allclose(result.unwrap()[1], y, atol=1e-7)
    assert result.info["value"] == pytest.approx(value * scale, abs=1e-7 * scale)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "payoffs",
    [
        [[0.0]],
        [[-7.5]],
        [[1.0, 1.0, 1.0]],
        [[3.0, 1.0, 2.0]],
        [[3.0], [1.0], [2.0]],
        np.full((4, 3), 1e9),
        np.full((3, 3), -1e-6),
        np.zeros((5, 2)),
        np.zeros((200, 200)),
        np.eye(3)[[0, 0, 1, 2, 2]],
        np.eye(3)[:, [0, 1, 1, 2]],
        np.ones((6, 6)) - np.eye(6),
        np.triu(np.ones((7, 7))),
        np.kron(np.eye(2), np.ones((4, 4))),
        [[1e9 + 1.0, 1e9 - 1.0], [1e9 - 1.0, 1e9 + 1.0]],
        np.eye(205)[:, :203],
    ],
    ids=lambda a: "x".join(map(str, np.shape(a))),
)
def test_degenerate_games_are_certified(solver, payoffs):
    game = NormalFormGame.zero_sum(payoffs)
    result = solver(game)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound == nash_conv(game, result.unwrap()) <= result.info["tolerance"]
    secured = (result.unwrap()[0] @ np.array(payoffs)).min()
    assert abs(result.info["value"] - secured) <= result.info["tolerance"]


@pytest.mark.parametrize("solver", SOLVERS)
@settings(deadline=None, max_examples=40)
@given(game=normal_form_games(zero_sum=True, max_actions=6))
def test_any_small_game_is_certified_with_the_value_of_brute_force(solver, game):
    result = solver(game).require(1e-8 * 18.0)
    for x in result.unwrap():
        assert x.min() >= 0.0
        assert x.sum() == pytest.approx(1.0, abs=1e-14)
    assert result.info["value"] == pytest.approx(_value_by_enumeration(game.payoffs[0]), abs=1e-7)


def _value_by_enumeration(a):
    """Value by Shapley and Snow: some square block's equalities give a solution."""
    best = -np.inf
    m, n = a.shape
    for k in range(1, min(m, n) + 1):
        for s in _subsets(m, k):
            for t in _subsets(n, k):
                system = np.block(
                    [[a[np.ix_(s, t)].T, -np.ones((k, 1))], [np.ones((1, k)), np.zeros((1, 1))]]
                )
                if abs(np.linalg.det(system)) < 1e-9:
                    continue
                x = np.zeros(m)
                x[list(s)] = np.linalg.solve(system, np.eye(k + 1)[k])[:k]
                if x.min() >= -1e-12:
                    best = max(best, (x @ a).min())  # every mixture secures at most the value
    return best


def _subsets(n, k):
    return [tuple(i for i in range(n) if mask >> i & 1) for mask in range(1 << n) if mask.bit_count() == k]


@settings(deadline=None, max_examples=40)
@given(
    game=normal_form_games(zero_sum=True, max_actions=6),
    shift=st.sampled_from([-1e6, -3.0, 0.5, 1e3]),
    scale=st.sampled_from([1e-6, 0.5, 1e9]),
    seed=st.integers(0, 2**32 - 1),
)
def test_value_follows_shift_scale_permutation_and_transposition(game, shift, scale, seed):
    a = game.payoffs[0]
    rng = np.random.default_rng(seed)
    value = solve_zero_sum(game).info["value"]

    def other(payoffs):
        result = solve_zero_sum(NormalFormGame.zero_sum(payoffs))
        assert result.status is Status.CERTIFIED
        return result.info["value"]

    assert other(a + shift) == pytest.approx(value + shift, abs=1e-6)
    assert other(scale * a) == pytest.approx(scale * value, abs=1e-6 * scale)
    shuffled = a[rng.permutation(a.shape[0])][:, rng.permutation(a.shape[1])]
    assert other(shuffled) == pytest.approx(value, abs=1e-6)
    assert other(-a.T) == pytest.approx(-value, abs=1e-6)
    assert other(np.vstack([a, a])) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_constant_sum_gives_the_row_players_value(solver):
    rows = np.array([[8.0, 2.0], [3.0, 7.0]])
    result = solver(NormalFormGame.bimatrix(rows, 10.0 - rows))
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap(), [[0.4, 0.6], [0.5, 0.5]], atol=1e-9)
    assert result.info["value"] == pytest.approx(5.0)


@pytest.mark.parametrize("shape", [(12, 12), (40, 25), (25, 40), (120, 110), (230, 210)])
def test_methods_agree_with_each_other_and_with_scipy(shape):
    from scipy.optimize import linprog

    a = np.random.default_rng(shape[0]).normal(size=shape)
    values = []
    for solver in SOLVERS:
        result = solver(NormalFormGame.zero_sum(a))
        assert result.status is Status.CERTIFIED, solver
        values.append(result.info["value"])
    m, n = shape
    reference = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.column_stack([-a.T, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=[np.append(np.ones(m), 0.0)],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
    )
    np.testing.assert_allclose(values, -reference.fun, atol=1e-7)


def test_agrees_with_quantecon():
    optimize = pytest.importorskip("quantecon.optimize")
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a = rng.uniform(-1, 1, rng.integers(1, 30, 2))
        value, x, y = optimize.minmax(a)
        result = solve_zero_sum(NormalFormGame.zero_sum(a))
        assert result.info["value"] == pytest.approx(value, abs=1e-9)
        # A random game has one solution, so the strategies are the same too.
        np.testing.assert_allclose(result.unwrap()[0], x, atol=1e-7)
        np.testing.assert_allclose(result.unwrap()[1], y, atol=1e-7)


def test_large_games_go_through_sifting_and_stay_exact():
    rng = np.random.default_rng(3)
    ties = rng.integers(-2, 3, (260, 240)).astype(float)
    low_rank = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 280))
    for a in (ties, low_rank):
        seen = set()
        game = NormalFormGame.zero_sum(a)
        result = solve_zero_sum(game, progress=_collector(seen))
        assert result.status is Status.CERTIFIED
        assert result.certificate.bound <= 1e-10 * np.ptp(a)
        assert "actions" in seen
        reference = solve_zero_sum_lp(game)
        assert result.info["value"] == pytest.approx(reference.info["value"], abs=1e-7 * np.ptp(a))


def _collector(seen):
    return lambda step, total, **figures: seen.update(figures)


def test_loose_tolerance_stops_early_and_is_honest():
    game = NormalFormGame.zero_sum(np.random.default_rng(0).uniform(-1, 1, (300, 300)))
    loose = solve_zero_sum_prm(game, tol=1e-2, polish=False)
    tight = solve_zero_sum_prm(game, tol=1e-4, polish=False)
    assert loose.status is tight.status is Status.CERTIFIED
    assert loose.steps < tight.steps
    assert 1e-4 * 2 < loose.certificate.bound <= loose.info["tolerance"] <= 1e-2 * 2


@pytest.mark.parametrize(
    "method",
    [LinearProgram(), Pivoting(), PredictiveRegretMatching(max_steps=None), Automatic()],
    ids=lambda m: m.name,
)
@pytest.mark.parametrize("limit", [0.0, 0.05])
def test_time_limit_is_kept_and_the_best_pair_returned(method, limit):
    # Rounding forbids the tolerance 0, so that only the clock ends the run.
    game = NormalFormGame.zero_sum(np.random.default_rng(1).uniform(-1, 1, (700, 700)))
    method(game.payoffs[0][:5, :5], tol=1e-8, time_limit=None, progress=lambda *a, **k: None)  # compile
    start = time.perf_counter()
    result = solve_zero_sum(game, tol=0.0, time_limit=limit, method=method)
    elapsed = time.perf_counter() - start
    assert result.status is Status.LIMIT
    # One inner step and a certificate take milliseconds; the rest is room for a busy machine.
    assert elapsed < limit + 1.0
    assert result.certificate.bound == nash_conv(game, result.unwrap()) > 0.0


def test_step_limit_keeps_the_best_iterate():
    game = NormalFormGame.zero_sum(np.random.default_rng(1).uniform(-1, 1, (50, 50)))
    bounds = [
        solve_zero_sum_prm(game, tol=1e-12, max_steps=k, polish=False).certificate.bound for k in (0, 10, 100)
    ]
    assert bounds == sorted(bounds, reverse=True)
    result = solve_zero_sum_prm(game, tol=1e-12, max_steps=100, polish=False)
    assert result.status is Status.LIMIT
    assert result.steps == 100


def test_a_method_that_breaks_down_is_reported_failed():
    class Broken:
        name = "broken"

        def __call__(self, matrix, *, tol, time_limit, progress):
            m, n = matrix.shape
            return MatrixSolution(np.eye(m)[0], np.eye(n)[0], 0.0, 0.0, Status.CERTIFIED, 1)

    game = NormalFormGame.zero_sum([[1, -1], [-1, 1]])
    result = solve_zero_sum(game, method=Broken())
    assert result.status is Status.FAILED  # the claim of the method counts for nothing
    assert result.certificate.bound == 2.0
    assert result.solution is not None


@pytest.mark.parametrize("size", [5, 160])
def test_the_linear_program_steps_in_when_pivots_break_down(monkeypatch, size):
    def broken(matrix, *args, **options):
        m, n = matrix.shape
        return MatrixSolution(np.eye(m)[0], np.eye(n)[0], 0.0, np.inf, Status.FAILED, 1)

    monkeypatch.setattr(zero_sum, "sift", broken)
    monkeypatch.setattr(Pivoting, "__call__", lambda self, matrix, **options: broken(matrix))
    game = NormalFormGame.zero_sum(np.random.default_rng(0).uniform(-1, 1, (size, size)))
    assert solve_zero_sum(game, method=Pivoting()).status is Status.FAILED
    result = solve_zero_sum(game)
    assert result.status is Status.CERTIFIED
    assert result.info["value"] == solve_zero_sum_lp(game).info["value"]


def test_progress_is_reported():
    steps = []
    game = NormalFormGame.zero_sum(np.random.default_rng(1).uniform(-1, 1, (60, 60)))
    result = solve_zero_sum_prm(game, progress=lambda step, total, *, gap: steps.append((step, gap)))
    assert [s for s, _ in steps] == sorted({s for s, _ in steps})
    assert steps[-1][0] == result.steps
    assert steps[-1][1] == pytest.approx(result.certificate.bound, abs=1e-12)
    gaps = [g for _, g in steps]
    assert gaps == sorted(gaps, reverse=True)


def test_unsupported_games_name_a_solver_that_would_do():
    three = NormalFormGame(np.zeros((3, 2, 2, 2)))
    general = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
    for game in (three, general):
        for solver in SOLVERS:
            with pytest.raises(UnsupportedGameError, match="risk_averse"):
                solver(game)


def test_bad_arguments_are_named():
    game = NormalFormGame.zero_sum([[1, -1], [-1, 1]])
    with pytest.raises(ValueError, match="tol"):
        solve_zero_sum(game, tol=-1.0)
    with pytest.raises(ValueError, match="tol"):
        solve_zero_sum(game, tol=float("nan"))
    with pytest.raises(ValueError, match="time_limit"):
        solve_zero_sum(game, time_limit=-1.0)
    with pytest.raises(ValueError, match="max_steps"):
        solve_zero_sum_prm(game, max_steps=-1)
    with pytest.raises(ValueError, match="span more than float64"):
        solve_zero_sum(NormalFormGame.zero_sum([[1.5e308, -1.5e308], [-1.5e308, 1.5e308]]))


def test_importing_the_package_loads_no_heavy_library():
    code = (
        "import sys, solvers.equilibrium; "
        "print([m for m in ('numba', 'highspy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_printed(capfd):
    solve_zero_sum_lp(NormalFormGame.zero_sum([[1, -1], [-1, 1]]))
    assert capfd.readouterr() == ("", "")
