"""Frontiers: against CLARABEL, monotone, and following a branch of equilibria."""

import warnings

import cvxpy as cp
import numpy as np
import pytest

from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion, risk_moments, risk_nash_conv
from games.results import Status
from solvers.equilibrium import efficient_frontier, risk_frontier

STAG_HUNT = NormalFormGame.bimatrix([[4, -1], [3, 2]], [[4, 3], [-1, 2]])


def random_moments(seed):
    rng = np.random.default_rng(seed)
    n, rank = int(rng.integers(2, 9)), int(rng.integers(0, 8))
    factor = rng.normal(size=(n, rank))
    return rng.normal(size=n), factor


@pytest.mark.parametrize("seed", range(15))
def test_efficient_frontier_agrees_with_clarabel(seed):
    mean, factor = random_moments(seed)
    targets = np.linspace(mean.min(), mean.max(), 6)
    frontier = efficient_frontier(mean, factor @ factor.T, targets)
    assert (frontier.means >= targets - 1e-12).all()
    assert (np.diff(frontier.variances) >= -1e-10).all()
    np.testing.assert_allclose(frontier.mixtures.sum(axis=1), 1.0)
    assert frontier.mixtures.min() >= 0
    for target, variance in zip(targets, frontier.variances, strict=True):
        x = cp.Variable(mean.size, nonneg=True)
        risk = cp.sum_squares(factor.T @ x) if factor.shape[1] else cp.Constant(0.0)
        problem = cp.Problem(cp.Minimize(risk), [cp.sum(x) == 1, mean @ x >= target - 1e-12])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem.solve(solver=cp.CLARABEL)
        assert variance == pytest.approx(problem.value, abs=1e-5)


def test_efficient_frontier_closed_form_at_several_scales():
    for unit in (1e-4, 1.0, 1e4):
        # One risky action of variance 4 and one safe: half the mean costs a quarter of the variance.
        frontier = efficient_frontier(
            unit * np.array([1.0, 0.0]), unit**2 * np.diag([4.0, 0.0]), [0.0, 0.5 * unit, unit]
        )
        np.testing.assert_allclose(
            frontier.variances, unit**2 * np.array([0.0, 1.0, 4.0]), atol=1e-10 * unit**2
        )


def test_efficient_frontier_of_a_player_against_fixed_opponents():
    mean, covariance = risk_moments(STAG_HUNT, [[0.5, 0.5], [0.9, 0.1]], RiskAversion(0.0))[0]
    frontier = efficient_frontier(mean, covariance, np.linspace(2.9, 3.5, 5))
    np.testing.assert_allclose(frontier.means, np.linspace(2.9, 3.5, 5), atol=1e-12)
    # Payoff spread of the blend is 1 + 4 s over an opponent of variance 0.09.
    share = (frontier.means - 2.9) / 0.6
    np.testing.assert_allclose(frontier.variances, 0.09 * (1 + 4 * share) ** 2, atol=1e-10)


@pytest.mark.parametrize(
    ("targets", "message"),
    [([2.0], "exceeds"), ([], "targets"), ([np.nan], "targets"), ([[0.1]], "targets")],
)
def test_efficient_frontier_refuses(targets, message):
    with pytest.raises(ValueError, match=message):
        efficient_frontier([0.0, 1.0], np.eye(2), targets)


def test_risk_frontier_figures_and_certificates():
    rng = np.random.default_rng(0)
    game = NormalFormGame.zero_sum(rng.normal(size=(6, 6)))
    gammas = [0.0, 0.1, 0.5, 2.0]
    frontier = risk_frontier(game, gammas)
    assert frontier.means.shape == frontier.variances.shape == frontier.realised_variances.shape == (4, 2)
    assert set(frontier.statuses) == {Status.CERTIFIED}
    for gamma, profile, certificate in zip(gammas, frontier.profiles, frontier.certificates, strict=True):
        assert certificate.bound == risk_nash_conv(game, profile, RiskAversion(gamma))
    assert (frontier.realised_variances >= frontier.variances - 1e-12).all()


def test_risk_frontier_falls_as_aversion_grows_where_opponents_do_not_move():
    # Left is dominant for the column player, and a tremble makes it a fixed mixture of 3/4 and 1/4.
    game = NormalFormGame.bimatrix([[10.0, 0.0], [2.0, 2.5]], [[1.0, 0.0], [1.0, 0.0]])
    gammas = np.linspace(0.0, 2.0, 9)
    frontier = risk_frontier(game, gammas, tremble=0.5)
    # Mean 2.125 + 5.375 s; the payoff spread of the blend is 10.5 s - 0.5 over a variance of 3/16.
    share = np.minimum((5.375 / np.maximum(gammas, 1e-9) / (2 * 10.5 * 0.1875) + 0.5) / 10.5, 1.0)
    np.testing.assert_allclose(frontier.means[:, 0], 2.125 + 5.375 * share, atol=1e-7)
    np.testing.assert_allclose(frontier.variances[:, 0], 0.1875 * (10.5 * share - 0.5) ** 2, atol=1e-6)
    assert (np.diff(frontier.variances[:, 0]) <= 1e-9).all()
    assert (np.diff(frontier.means[:, 0]) <= 1e-9).all()
    assert frontier.variances[0, 0] > frontier.variances[-1, 0] + 1


def test_a_warm_frontier_stays_on_its_branch_and_a_cold_one_leaves_it():
    start = [[0.95, 0.05]] * 2
    warm = risk_frontier(STAG_HUNT, [0.0, 1.0, 3.0], start=start)
    cold = risk_frontier(STAG_HUNT, [0.0, 1.0, 3.0], start=start, warm=False)
    assert [round(float(x[0][0])) for x in warm.profiles] == [1, 1, 1]
    assert [round(float(x[0][0])) for x in cold.profiles] == [1, 0, 0]


@pytest.mark.parametrize("gammas", [[], [[0.1]], [-1.0], [np.nan]])
def test_risk_frontier_refuses(gammas):
    with pytest.raises(ValueError, match="gamma"):
        risk_frontier(STAG_HUNT, gammas)
