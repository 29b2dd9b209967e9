"""The engines behind the zero-sum solvers: growing programs, regret matching, polish, sifting."""

import time

import numpy as np
import pytest
from highspy import HighsModelStatus
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from games.results import Status
from solvers.equilibrium import (
    MatrixLP,
    MatrixSimplex,
    MatrixSolution,
    RegretMatching,
    matrix_lp as matrix_lp_module,
)
from solvers.equilibrium.matrix_solution import GrowingMatrix, PayoffScale, solution_of
from solvers.equilibrium.pivoting_kernels import append_column, append_row, pivot
from solvers.equilibrium.sifting import sift
from solvers.equilibrium.support_polish import polish_by_equalities

GROWING = [MatrixLP, MatrixSimplex]


@pytest.mark.parametrize("engine", GROWING)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
@pytest.mark.parametrize("kind", ["uniform", "ties", "trend"])
def test_growing_equals_a_cold_solve_after_each_of_forty_additions(engine, scale, kind):
    rng = np.random.default_rng(7)
    whole = {
        "uniform": rng.uniform(-1, 1, (21, 21)),
        "ties": rng.integers(-1, 2, (21, 21)).astype(float),
        # Payoffs outgrow every scale chosen so far.
        "trend": rng.uniform(-1, 1, (21, 21)) * 1.7 ** np.add.outer(np.arange(21), np.arange(21)) ** 0.7,
    }[kind] * scale
    game = engine(whole[:1, :1])
    for k in range(1, 21):
        for m, n in ((k + 1, k), (k + 1, k + 1)):
            if n == k:
                game.add_row(whole[k, :k])
            else:
                game.add_column(whole[: k + 1, k])
            warm, cold = game.solve(), engine(whole[:m, :n]).solve()
            unit = np.ptp(whole[:m, :n])
            assert warm.status is cold.status is Status.CERTIFIED
            assert warm.gap <= 1e-9 * unit
            assert warm.value == pytest.approx(cold.value, abs=1e-9 * unit)
    np.testing.assert_array_equal(game.payoffs, whole)


@pytest.mark.parametrize("engine", GROWING)
@settings(deadline=None, max_examples=30)
@given(
    whole=arrays(np.float64, (8, 8), elements=st.integers(-3, 3).map(float)),
    sides=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=4, max_size=12),
)
def test_additions_in_any_order_with_or_without_solves_between(engine, whole, sides):
    m = n = 1
    game = engine(whole[:1, :1])
    for is_row, solve in sides:
        if is_row and m < 8:
            game.add_row(whole[m, :n])
            m += 1
        elif n < 8:
            game.add_column(whole[:m, n])
            n += 1
        if solve:
            game.solve()
    warm = game.solve()
    assert warm.status is Status.CERTIFIED
    assert warm.value == pytest.approx(engine(whole[:m, :n]).solve().value, abs=1e-9)


def _ill_conditioned():
    rng = np.random.default_rng(0)
    base = rng.uniform(-1, 1, (14, 40))
    return {
        "nearly repeated rows": np.vstack([base] * 3)[:40] + 1e-10 * rng.uniform(-1, 1, (40, 40)),
        "rank three and dust": rng.normal(size=(100, 3)) @ rng.normal(size=(3, 100))
        + 1e-9 * rng.normal(size=(100, 100)),
        "sixteen decades": rng.choice([-1, 1], (60, 60)) * 10 ** rng.uniform(-8, 8, (60, 60)),
        "hilbert": 1.0 / (1.0 + np.add.outer(np.arange(40), np.arange(40))),
    }


@pytest.mark.parametrize("engine", GROWING)
@pytest.mark.parametrize("name", _ill_conditioned())
def test_ill_conditioned_games_are_certified(engine, name):
    payoffs = _ill_conditioned()[name]
    solution = engine(payoffs).solve()
    assert solution.status is Status.CERTIFIED
    assert solution.gap <= 1e-8 * np.ptp(payoffs)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_diagonal_game_of_many_magnitudes_matches_closed_form(scale):
    # Every action is played in inverse proportion to its payoff; the value is the inverse of the total.
    weights = 10.0 ** np.linspace(-3, 3, 30)
    for engine in GROWING:
        solution = engine(np.diag(scale / weights)).solve(tol=1e-12)
        assert solution.value == pytest.approx(scale / weights.sum(), rel=1e-6)
        np.testing.assert_allclose(solution.rows, weights / weights.sum(), atol=1e-6)


def test_a_tableau_spoilt_by_rounding_is_rebuilt_from_its_basis():
    rng = np.random.default_rng(0)
    payoffs = rng.uniform(-1, 1, (30, 20))
    game = MatrixSimplex(payoffs)
    right = game.solve()
    game._tableau[:] += 1e-6 * rng.uniform(-1, 1, game._tableau.shape)
    repaired = game.solve()
    assert repaired.status is Status.CERTIFIED
    assert repaired.gap < 1e-13
    np.testing.assert_allclose(repaired.rows, right.rows, atol=1e-12)
    assert repaired.steps == 0  # the basis was right all along


def test_warm_solves_take_far_fewer_pivots():
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(80, 6)) @ rng.normal(size=(6, 80))
    for engine in GROWING:
        game = engine(whole[:60, :60])
        cold = game.solve().steps
        assert game.solve().steps == 0
        game.add_row(whole[60, :60])
        game.add_column(whole[:61, 60])
        assert game.solve().steps < cold / 2


def test_the_linear_program_keeps_its_basis_through_a_change_of_scale():
    game = MatrixLP(np.random.default_rng(0).uniform(-1, 1, (60, 60)))
    cold = game.solve()
    game.add_row(np.full(60, -1e4))  # out of all proportion, and never played
    warm = game.solve()
    assert warm.value == pytest.approx(cold.value, abs=1e-7)
    assert warm.steps < cold.steps / 4


@pytest.mark.parametrize("engine", GROWING)
def test_additions_are_checked_and_leave_nothing_behind(engine):
    game = engine([[1.0, -1.0], [-1.0, 1.0]])
    for values, message in (
        ([1.0], r"shape \(2,\), got \(1,\)"),
        ([1.0, 2.0, 3.0], r"got \(3,\)"),
        ([0.0, float("nan")], "finite, got nan at index 1"),
    ):
        with pytest.raises(ValueError, match=f"row must .*{message}"):
            game.add_row(values)
        with pytest.raises(ValueError, match=f"column must .*{message}"):
            game.add_column(values)
    assert game.payoffs.shape == (2, 2)
    assert game.solve().value == 0.0


@pytest.mark.parametrize("engine", [*GROWING, RegretMatching])
@pytest.mark.parametrize(
    ("payoffs", "message"),
    [
        (np.zeros((0, 2)), "m, n >= 1"),
        (np.zeros(3), r"got \(3,\)"),
        ([[1.0, np.inf]], r"finite, got inf at index \(0, 1\)"),
        ([[1.7e308, -1.7e308]], "span more than float64"),
    ],
)
def test_bad_payoffs_are_refused(engine, payoffs, message):
    with pytest.raises(ValueError, match=message):
        engine(payoffs)


@pytest.mark.parametrize("engine", GROWING)
def test_an_interrupted_solve_resumes(engine):
    engine(np.eye(2)).solve()
    game = engine(np.random.default_rng(0).uniform(-1, 1, (260, 260)))
    stopped = game.solve(time_limit=0.0)
    assert stopped.status is Status.LIMIT
    assert stopped.gap > 0.0
    start = time.perf_counter()
    while (solution := game.solve(time_limit=0.02)).status is Status.LIMIT:
        assert time.perf_counter() - start < 30.0
    assert solution.status is Status.CERTIFIED


@pytest.mark.parametrize("engine", GROWING)
def test_growing_after_an_interrupted_solve(engine):
    rng = np.random.default_rng(2)
    whole = rng.uniform(-1, 1, (62, 62))
    game = engine(whole[:60, :60])
    game.solve(time_limit=0.0)
    game.add_row(whole[60, :60])
    game.add_column(whole[:61, 60])
    game.solve(time_limit=0.0)
    game.add_row(whole[61, :61])
    game.add_column(whole[:, 61])
    assert game.solve().value == pytest.approx(MatrixLP(whole).solve().value, abs=1e-9)


@pytest.mark.parametrize(
    ("model_status", "status"),
    [
        (HighsModelStatus.kTimeLimit, Status.LIMIT),
        (HighsModelStatus.kIterationLimit, Status.LIMIT),
        (HighsModelStatus.kInfeasible, Status.INFEASIBLE),
        (HighsModelStatus.kUnbounded, Status.INFEASIBLE),
        (HighsModelStatus.kSolveError, Status.FAILED),
        (HighsModelStatus.kUnknown, Status.FAILED),
        (HighsModelStatus.kOptimal, Status.FAILED),  # claimed, but the strategies say otherwise
    ],
)
def test_what_highs_says_becomes_distinct_statuses(monkeypatch, model_status, status):
    class Nothing:
        row_dual: tuple[float, ...] = ()
        col_value: tuple[float, ...] = ()

    class Claims(matrix_lp_module.SilentHighs):
        def run(self):
            return None

        def getModelStatus(self):
            return model_status

        def getSolution(self):
            return Nothing()

    monkeypatch.setattr(matrix_lp_module, "SilentHighs", Claims)
    monkeypatch.setattr(matrix_lp_module, "polish_by_equalities", lambda matrix, start: start)
    solution = MatrixLP(np.diag([1.0, 2.0, 3.0])).solve()  # uniform play does not solve this
    assert solution.status is status
    np.testing.assert_allclose(solution.rows, 1 / 3)


def test_regret_matching_goes_on_where_it_stopped():
    a = np.random.default_rng(0).uniform(-1, 1, (40, 30))
    engine, other = RegretMatching(a), RegretMatching(a)
    gaps, steps = [], 0
    for _ in range(5):
        part = engine.solve(tol=0.0, max_steps=200, polish=False)
        gaps.append(part.gap)
        steps += part.steps
    assert steps == 1000
    assert gaps == sorted(gaps, reverse=True)
    whole = other.solve(tol=0.0, max_steps=1000, polish=False)
    # The same iterates; only the moments of measuring differ.
    assert gaps[-1] == pytest.approx(whole.gap, rel=0.5)
    assert whole.gap < 1e-3


def test_regret_matching_polish_makes_exact():
    a = np.random.default_rng(5).normal(size=(60, 60))
    plain = RegretMatching(a).solve(tol=1e-12, max_steps=2000, polish=False)
    polished = RegretMatching(a).solve(tol=1e-12, max_steps=2000)
    assert plain.status is Status.LIMIT
    assert plain.gap > 1e-9
    assert polished.status is Status.CERTIFIED
    assert polished.gap < 1e-12


@settings(deadline=None, max_examples=60)
@given(
    a=arrays(
        np.float64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(-4, 4).map(float)
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_polish_never_makes_worse_and_sifting_always_ends(a, seed):
    rng = np.random.default_rng(seed)
    m, n = a.shape
    start = solution_of(a, rng.dirichlet(np.ones(m)), rng.dirichlet(np.ones(n)), Status.LIMIT, 0)
    assert polish_by_equalities(a, start).gap <= start.gap
    sifted = sift(a, start)
    assert sifted.status is Status.CERTIFIED
    assert sifted.value == pytest.approx(MatrixSimplex(a).solve().value, abs=1e-9)


def test_sifting_grows_the_game_as_actions_prove_useful():
    rng = np.random.default_rng(4)
    a = rng.uniform(-1, 1, (150, 170))
    start = solution_of(a, np.eye(150)[0], np.eye(170)[0], Status.LIMIT, 0)
    # A false claim of accuracy leaves hardly any action that looks useful.
    claimed = MatrixSolution(start.rows, start.columns, start.value, 1e-3, start.status, 0)
    sizes = []
    sift(a, claimed, progress=lambda step, total, *, gap, actions: sizes.append(actions))
    assert sizes[0] < 10
    assert sizes[-1] > 40
    assert sizes == sorted(sizes)


def test_a_growing_matrix_keeps_its_entries():
    rng = np.random.default_rng(0)
    expected = rng.normal(size=(1, 3))
    growing = GrowingMatrix(expected)
    for _ in range(9):
        row = rng.normal(size=expected.shape[1])
        expected = np.vstack([expected, growing.add_row(row)])
        column = rng.normal(size=expected.shape[0])
        expected = np.column_stack([expected, growing.add_column(column)])
    np.testing.assert_array_equal(growing.values, expected)


def test_scaled_payoffs_stay_positive_and_of_order_one():
    rng = np.random.default_rng(0)
    seen = np.array([0.0])
    scale = PayoffScale(seen.reshape(1, 1))
    changes = 0
    for k in range(60):
        new = rng.normal(size=3) * 1.3**k
        seen = np.append(seen, new)
        changes += scale.admit(new)
        scaled = scale.apply(seen)
        assert scaled.min() >= 0.5
        assert scaled.max() <= 5.0 + 1e-12
        assert np.ptp(scaled) >= 0.25
    assert 5 < changes < 40


def test_appended_lines_equal_a_tableau_built_with_them():
    rng = np.random.default_rng(1)
    m, n = 5, 4
    whole = rng.uniform(1, 2, (m + 1, n + 1))

    def tableau_of(scaled):
        rows, columns = scaled.shape
        tableau = np.zeros((m + 2, n + 2))
        tableau[0, 1 : columns + 1] = -1.0
        tableau[1 : rows + 1, 0] = 1.0
        tableau[1 : rows + 1, 1 : columns + 1] = scaled
        basic, nonbasic = np.zeros(m + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
        basic[:rows], nonbasic[:columns] = -1 - np.arange(rows), np.arange(columns)
        return tableau, basic, nonbasic

    grown, basic, nonbasic = tableau_of(whole[:m, :n])
    full, full_basic, full_nonbasic = tableau_of(whole)
    for r, c in ((1, 2), (3, 1), (1, 3)):
        pivot(grown, m, n, r, c, basic, nonbasic)
        pivot(full, m + 1, n + 1, r, c, full_basic, full_nonbasic)
    append_column(grown, m, n, basic, nonbasic, whole[:m, n])
    append_row(grown, m, n + 1, basic, nonbasic, whole[m])
    np.testing.assert_allclose(grown, full, atol=1e-10)
    np.testing.assert_array_equal(basic, full_basic)
    np.testing.assert_array_equal(nonbasic, full_nonbasic)
