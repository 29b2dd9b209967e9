"""The parts of the risk-averse solver: operator, projection, linear solver, tracing, pure search."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form import NormalFormGame, deviation_payoffs, nash_conv
from games.normal_form.risk import RiskAversion, RiskVariance, risk_moments, risk_nash_conv
from games.profiles import pure_profile
from solvers.equilibrium.risk_dynamics import project_simplices
from solvers.equilibrium.risk_kernels import solve_linear
from solvers.equilibrium.risk_newton import polished
from solvers.equilibrium.risk_problem import RiskProblem
from solvers.equilibrium.risk_pure import pure_equilibria
from solvers.equilibrium.risk_tracing import trace


@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4), (2, 2, 2, 3)])
@pytest.mark.parametrize("variance", list(RiskVariance))
def test_operator_and_its_derivative(shape, variance):
    rng = np.random.default_rng(len(shape))
    game = NormalFormGame(rng.uniform(0, 1, size=(len(shape), *shape)))
    risk = RiskAversion(tuple(np.linspace(0, 0.9, len(shape))), 0.1, variance)
    problem = RiskProblem.of(game, risk)
    profile = [rng.dirichlet(np.ones(n)) for n in shape]
    flat = np.concatenate(profile)
    unit = game.payoff_range
    scaled = NormalFormGame((game.payoffs - game.payoffs.min()) / unit)
    moments = risk_moments(scaled, profile, risk)
    expected = []
    for (mean, cov), x, gamma in zip(moments, profile, problem.gammas, strict=True):
        spread = np.diag(cov) if variance is RiskVariance.TOTAL else 2 * cov @ x
        expected.append(mean - gamma * spread)
    belief = problem.belief()
    np.testing.assert_allclose(problem.gradient(flat, belief), np.concatenate(expected), atol=1e-13)
    step = 1e-5
    numeric = [
        (problem.gradient(flat + step * e, belief) - problem.gradient(flat - step * e, belief)) / (2 * step)
        for e in np.eye(flat.size)
    ]
    columns = rng.random(flat.size) < 0.7
    wanted = np.array(numeric).T[:, columns]
    np.testing.assert_allclose(problem.jacobian(flat, belief, columns), wanted, atol=1e-7)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60)
def test_projection_is_the_nearest_mixture(values):
    point = np.array(values)
    projected = point.copy()
    project_simplices(projected, np.array([point.size]))
    assert projected.min() >= 0
    assert projected.sum() == pytest.approx(1.0)
    # Optimality: no vertex lies on the far side of the supporting hyperplane.
    pull = point - projected
    assert pull.max() - pull @ projected <= 1e-9


def test_linear_solver_against_numpy_and_on_singular_systems():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 60):
        matrix, rhs = rng.normal(size=(n, n)), rng.normal(size=n)
        solution = rhs.copy()
        assert solve_linear(matrix.copy(), solution)
        np.testing.assert_allclose(solution, np.linalg.solve(matrix, rhs), rtol=1e-8, atol=1e-9)
    assert not solve_linear(np.ones((3, 3)), np.ones(3))
    assert not solve_linear(np.zeros((2, 2)), np.zeros(2))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(6, 6), (12, 9), (3, 3, 3)])
def test_tracing_ends_in_equilibria(gamma, shape):
    found = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        game = NormalFormGame(rng.normal(size=(len(shape), *shape)))
        problem = RiskProblem.of(game, RiskAversion(gamma))
        prior = np.concatenate([rng.dirichlet(np.ones(n)) for n in shape])
        flat, _ = trace(problem, prior, max_steps=3000, deadline=np.inf)
        if flat is not None:
            found += 1
            bound = risk_nash_conv(game, problem.split(flat), RiskAversion(gamma))
            assert bound <= 1e-9 * game.payoff_range
    assert found >= 5  # a path may be lost in rounding; what is found must be right


def test_tracing_stag_hunt_selects_the_risk_dominant_equilibrium():
    game = NormalFormGame.bimatrix([[4, -1], [3, 2]], [[4, 3], [-1, 2]])
    problem = RiskProblem.of(game, RiskAversion(0.0))
    flat, _ = trace(problem, np.array([0.5, 0.5, 0.49, 0.51]), max_steps=100, deadline=np.inf)
    np.testing.assert_allclose(flat, [0, 1, 0, 1], atol=1e-12)


def test_newton_finishes_from_a_perturbed_equilibrium():
    rng = np.random.default_rng(0)
    game = NormalFormGame.zero_sum(rng.normal(size=(8, 8)))
    risk = RiskAversion(0.2)
    problem = RiskProblem.of(game, risk)
    exact, _ = trace(
        problem, np.concatenate([rng.dirichlet(np.ones(8)) for _ in range(2)]), max_steps=999, deadline=np.inf
    )
    blurred = np.concatenate(problem.split(exact + 1e-3 * rng.random(16)))
    assert problem.gap(blurred) > 1e-4
    best = min(polished(problem, blurred), key=problem.gap)
    assert problem.gap(best) <= 1e-13
    np.testing.assert_allclose(best, exact, atol=1e-9)


@pytest.mark.parametrize("tremble", [0.0, 0.15])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
def test_pure_search_is_complete(shape, tremble):
    rng = np.random.default_rng(7)
    risk = RiskAversion(0.4, tremble, RiskVariance.TOTAL)
    for _ in range(10):
        game = NormalFormGame(rng.integers(0, 5, size=(len(shape), *shape)).astype(float))
        problem = RiskProblem.of(game, risk)
        found = {
            tuple(int(b.argmax()) for b in problem.split(x))
            for x in pure_equilibria(problem, np.zeros(sum(shape)))
        }
        truth = {
            cell
            for cell in np.ndindex(*shape)
            if risk_nash_conv(game, pure_profile(shape, cell), risk) <= 1e-9
        }
        assert found == truth if len(truth) <= 8 else found <= truth


def test_gradient_at_zero_aversion_is_the_deviation_payoff():
    game = NormalFormGame(np.random.default_rng(2).integers(0, 2, size=(2, 3, 3)).astype(float))
    problem = RiskProblem.of(game, RiskAversion(0.0))
    profile = pure_profile((3, 3), (1, 2))
    g = problem.gradient(np.concatenate(profile), problem.belief())
    np.testing.assert_array_equal(g, np.concatenate(deviation_payoffs(game, profile)))
    assert problem.gap(np.concatenate(profile)) == nash_conv(game, profile)
