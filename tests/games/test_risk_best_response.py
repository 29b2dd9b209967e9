"""The simplex quadratic programme against CLARABEL, degenerate covariances, and its own certificate."""

import warnings

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form.risk import risk_best_response


def random_case(seed):
    """Moments that are degenerate half of the time: low rank, repeated actions, ties, no variance at all."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    rank = int(rng.integers(0, n + 2))
    factor = rng.normal(size=(n, rank))
    mean = rng.normal(size=n)
    if seed % 3 == 0 and n > 1:
        factor[1], mean[1] = factor[0], mean[0]
    if seed % 5 == 0:
        mean = np.round(mean)
    return mean, factor @ factor.T, factor, float(rng.choice([0.0, 0.01, 0.3, 2.0, 50.0]))


@pytest.mark.parametrize("seed", range(40))
def test_value_agrees_with_clarabel(seed):
    mean, covariance, factor, gamma = random_case(seed)
    s, value, gap = risk_best_response(mean, covariance, gamma)
    x = cp.Variable(mean.size, nonneg=True)
    # Factored, so that the peer sees an exactly convex problem.
    risk = cp.sum_squares(factor.T @ x) if factor.shape[1] else 0.0
    problem = cp.Problem(cp.Maximize(mean @ x - gamma * risk), [cp.sum(x) == 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem.solve(solver=cp.CLARABEL)
    assert s.min() >= 0
    assert s.sum() == pytest.approx(1.0, abs=1e-12)
    assert value == pytest.approx(mean @ s - gamma * s @ covariance @ s, abs=1e-12)
    assert value == pytest.approx(problem.value, abs=2e-6 * (1 + abs(problem.value)))
    assert gap <= 1e-12 * (1 + np.abs(mean).max() + gamma * np.abs(covariance).max())


@pytest.mark.parametrize("size", [100, 200])
@pytest.mark.parametrize("gamma", [0.1, 5.0, 500.0])
def test_large_programmes_are_exact(size, gamma):
    rng = np.random.default_rng(size)
    payoffs = rng.normal(size=(size, size))
    covariance = np.cov(payoffs)  # rank size - 1
    _, value, gap = risk_best_response(payoffs.mean(axis=1), covariance, gamma)
    assert gap <= 1e-13 * (abs(value) + gamma * np.abs(covariance).max())


@given(st.integers(0, 10_000), st.floats(1e-6, 1e6))
@settings(deadline=None, max_examples=40)
def test_units_cancel(seed, unit):
    mean, covariance, _, gamma = random_case(seed)
    _, value, _ = risk_best_response(mean, covariance, gamma)
    _, scaled, gap = risk_best_response(unit * mean, unit**2 * covariance, gamma / unit)
    scale = np.abs(mean).max() + gamma * np.abs(covariance).max()
    assert scaled / unit == pytest.approx(value, abs=1e-11 * scale)
    assert gap / unit <= 1e-11 * scale


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_first_order_gap_bounds_every_mixture(seed):
    mean, covariance, _, gamma = random_case(seed)
    _, value, gap = risk_best_response(mean, covariance, gamma)
    trials = np.random.default_rng(seed).dirichlet(np.full(mean.size, 0.5), size=300)
    worth = trials @ mean - gamma * np.einsum("ti,ij,tj->t", trials, covariance, trials)
    assert worth.max() <= value + gap + 1e-12 * (1 + np.abs(mean).max() + gamma * np.abs(covariance).max())


def test_closed_forms():
    s, value, gap = risk_best_response([1.0, 3.0, 3.0], np.eye(3), 0.0)
    np.testing.assert_array_equal(s, [0, 1, 0])
    assert (value, gap) == (3.0, 0.0)
    # Minimum variance of uncorrelated actions: weights as inverse variances.
    s, _, _ = risk_best_response([0.0, 0.0], np.diag([1.0, 3.0]), 7.0)
    np.testing.assert_allclose(s, [0.75, 0.25], atol=1e-14)
    # One risky and one safe action: s = mean / (2 gamma variance).
    s, value, _ = risk_best_response([1.0, 0.0], np.diag([4.0, 0.0]), 0.5)
    np.testing.assert_allclose(s, [0.25, 0.75], atol=1e-14)
    assert value == pytest.approx(0.125, abs=1e-14)


def test_mean_variance_may_prefer_a_dominated_action():
    # 0 for sure against 0 or 10 at equal odds: 5 - 0.3 * 25 = -2.5.
    outcomes = np.array([[0.0, 0.0], [0.0, 10.0]])
    mean = outcomes.mean(axis=1)
    covariance = np.cov(outcomes, bias=True)
    assert mean[1] - 0.3 * covariance[1, 1] == pytest.approx(-2.5)
    for gamma in (
        0.3,
        0.21,
    ):  # each pure action is worse than the blend, whose weight is mean / (2 gamma var)
        s, _, _ = risk_best_response(mean, covariance, gamma)
        assert s[1] == pytest.approx(5 / (50 * gamma), abs=1e-12)
    assert risk_best_response(mean, covariance, 0.0)[0][1] == 1.0


@pytest.mark.parametrize(
    ("mean", "covariance", "gamma", "message"),
    [
        ([[1.0]], [[1.0]], 1.0, "mean must have shape"),
        ([], np.zeros((0, 0)), 1.0, "mean must have shape"),
        ([1.0, 2.0], [[1.0]], 1.0, "covariance must have shape"),
        ([1.0, np.nan], np.eye(2), 1.0, "finite"),
        ([1.0, 2.0], [[1.0, 1.0], [0.0, 1.0]], 1.0, "symmetric"),
        ([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]], 1.0, "semidefinite"),
        ([1.0, 2.0], np.eye(2), -1.0, "gamma"),
        ([1.0, 2.0], np.eye(2), np.inf, "gamma"),
    ],
)
def test_bad_input(mean, covariance, gamma, message):
    with pytest.raises(ValueError, match=message):
        risk_best_response(mean, covariance, gamma)
