"""A planner against nature on arms that are too many to write down."""

import numpy as np
import pytest

from games.bandits import CoupledBandit, OneBitAnArm, base_arms, cardinality, ladder_arms
from games.bandits.interval_arms import around
from games.bandits.simulator import draw_noise
from games.normal_form.risk import RiskAversion
from games.results import Status
from solvers.psro import RiskAverseMetaSolver
from solvers.sequoia.baselines import idle, lagrange
from solvers.sequoia.planners import robust_plan, worst_nature
from solvers.sequoia.planners.worst_case import mean_return


def climbers(arms=4, horizon=6):
    """Two states, of which the upper one pays."""
    rng = np.random.default_rng(0)
    rewards = np.stack([np.zeros(arms), np.ones(arms)], axis=1)
    moving = ladder_arms(rng.uniform(0.2, 0.4, arms), rng.uniform(0.6, 0.8, arms), rewards)
    return CoupledBandit(moving, OneBitAnArm(arms), cardinality(arms, 1), horizon=horizon, discount=1.0)


def test_the_worst_nature_of_one_who_does_nothing_is_known():
    bandit = climbers()
    intervals = around(bandit, 0.1)
    noise = draw_noise(bandit, 50, rng=np.random.default_rng(1))
    found = worst_nature(bandit, intervals, [idle(bandit)], np.ones(1), noise, rng=np.random.default_rng(2))
    # To climb less is worse, whatever comes after; rows of pulled arms do not matter to one who pulls none.
    np.testing.assert_allclose(found.arms.passive[:, :, 1], intervals.low[0, :, :, 1])
    np.testing.assert_array_equal(found.arms.active, bandit.arms.active)


def test_weights_decide_whom_nature_hurts():
    bandit = climbers()
    noise = draw_noise(bandit, 50, rng=np.random.default_rng(1))
    intervals = around(bandit, 0.1)
    active = lagrange(bandit)
    sure = worst_nature(
        bandit, intervals, [idle(bandit), active], np.array([0.0, 1.0]), noise, rng=np.random.default_rng(2)
    )
    assert (sure.arms.active != bandit.arms.active).any()
    assert mean_return(sure, active, noise) < mean_return(bandit, active, noise)


@pytest.mark.parametrize("meta_solver", [None, RiskAverseMetaSolver(RiskAversion(gamma=0.05))])
def test_a_robust_plan_secures_more_than_the_nominal_policy(meta_solver):
    arms = base_arms(8, 2, rng=np.random.default_rng(0))
    bandit = CoupledBandit(arms, OneBitAnArm(8), cardinality(8, 2), horizon=6, discount=1.0)
    intervals = around(bandit, 0.1)
    result = robust_plan(
        bandit,
        intervals,
        lagrange,
        rng=np.random.default_rng(1),
        iterations=2,
        episodes=20,
        meta_solver=meta_solver,
    )
    plan = result.unwrap()
    assert result.certificate is None  # natures that were not found may be worse
    assert result.info["nominal_worst"] < result.info["nominal_value"]
    assert plan.payoffs.shape == (len(plan.policies), len(plan.natures))
    if meta_solver is None:
        assert result.info["value"] >= plan.payoffs.min(axis=1).max() - 1e-9  # mixing loses nothing
        assert result.info["value"] <= plan.payoffs.max(axis=0).min() + 1e-9
    for nature in plan.natures:
        rows = np.stack([nature.arms.passive, nature.arms.active])
        assert ((rows >= intervals.low - 1e-12) & (rows <= intervals.high + 1e-12)).all()


def test_without_room_for_nature_the_search_comes_to_rest():
    bandit = climbers()
    result = robust_plan(
        bandit, around(bandit, 0.0), lagrange, rng=np.random.default_rng(0), iterations=3, episodes=10
    )
    assert result.status is Status.STATIONARY
    assert result.info["value"] == pytest.approx(result.info["nominal_value"])


def test_what_does_not_fit_is_refused():
    bandit = climbers()
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least 1"):
        robust_plan(bandit, around(bandit, 0.1), lagrange, rng=rng, iterations=0)
    with pytest.raises(ValueError, match="intervals must fit"):
        robust_plan(climbers(5), around(bandit, 0.1), lagrange, rng=rng)
