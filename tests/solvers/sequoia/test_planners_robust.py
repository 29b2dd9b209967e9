"""A planner against nature, who picks transitions within intervals."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from games.bandits import CoupledBandit, OneBitAnArm, RestlessArms, SigmoidLink, cardinality
from games.bandits.interval_arms import Intervals, RobustGame, around, robust_values
from games.bandits.problem import BernoulliStart
from games.errors import IllegalActionError
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion
from marl.policies import UniformPolicy
from marl.rollouts import estimate_returns
from solvers.equilibrium import solve_zero_sum
from solvers.psro import EmpiricalRiskMetaSolver, UniformAllocation, run_sampled_psro
from solvers.sequoia.baselines import exact
from solvers.sequoia.planners import ExactCells, MarkovResponse, certify_planners, exact_moments
from tests.solvers.sequoia.small_bandits import random_arms


def small_bandit(seed, *, arms=2, states=2, horizon=3):
    rng = np.random.default_rng(seed)
    return CoupledBandit(
        random_arms(rng, arms, states), OneBitAnArm(arms), cardinality(arms, 1), horizon=horizon, discount=1.0
    )


def robust_game(seed, radius, *, arms=2, horizon=2):
    bandit = small_bandit(seed, arms=arms, horizon=horizon)
    return RobustGame(bandit, around(bandit, radius))


def double_oracle(game, iterations=5, meta_solver=None):
    result = run_sampled_psro(
        game,
        oracle=MarkovResponse(),
        simulator=ExactCells(),
        meta_solver=meta_solver,
        allocation=UniformAllocation(4),
        iterations=iterations,
        verification=2,
    )
    return result, certify_planners(game, result.unwrap().players())


def saddle_value(game):
    """Shapley's backward induction: a matrix game in every state."""
    chain = game.chain()
    values = np.zeros(len(chain.start))
    for _ in range(chain.horizon):
        values = np.array(
            [
                solve_zero_sum(NormalFormGame.zero_sum(matrix)).info["value"]
                for matrix in chain.onward(0, values)
            ]
        )
    return float(values @ chain.start)


def test_vertices_are_those_of_the_interval():
    rng = np.random.default_rng(0)
    for _ in range(20):
        centre = rng.dirichlet(np.ones(4))
        low = np.maximum(centre - rng.uniform(0, 0.4, 4), 0.0)
        high = np.minimum(centre + rng.uniform(0, 0.4, 4), 1.0)
        shape = (2, 1, 4, 4)
        intervals = Intervals(np.broadcast_to(low, shape), np.broadcast_to(high, shape))
        vertices = intervals.vertices(0, 0, 0)
        np.testing.assert_allclose(vertices.sum(axis=1), 1.0)
        assert ((vertices >= low - 1e-12) & (vertices <= high + 1e-12)).all()
        cost = rng.normal(size=4)
        wanted = linprog(cost, A_eq=np.ones((1, 4)), b_eq=[1.0], bounds=list(zip(low, high, strict=True))).fun
        assert (vertices @ cost).min() == pytest.approx(wanted, abs=1e-9)


def test_without_room_for_nature_it_is_the_bandit():
    bandit = small_bandit(1)
    game = RobustGame(bandit, around(bandit, 0.0), BernoulliStart(0.5))
    assert game.num_actions(1) == 1
    chain = game.chain()
    np.testing.assert_allclose(robust_values(chain), exact(bandit).values, atol=1e-12)


def test_more_room_for_nature_is_worth_less_to_the_planner():
    values = []
    for radius in (0.0, 0.05, 0.2):
        chain = robust_game(2, radius).chain()
        values.append(float(robust_values(chain)[0] @ chain.start))
    assert values[0] > values[1] > values[2]


@pytest.mark.parametrize("seed", [0, 3])
def test_the_double_oracle_finds_the_saddle_point(seed):
    game = robust_game(seed, 0.15)
    _, gaps = double_oracle(game)
    chain = game.chain()
    wanted = saddle_value(game)
    assert gaps.certificate.bound <= 1e-8
    assert gaps.values[0] == pytest.approx(wanted, abs=1e-8)
    assert float(robust_values(chain)[0] @ chain.start) <= wanted + 1e-9


def test_nature_beats_a_planner_who_trusts_the_nominal_model():
    game = robust_game(4, 0.25)
    result, gaps = double_oracle(game)
    robust = result.unwrap().players()
    naive, _ = double_oracle(RobustGame(game.bandit, around(game.bandit, 0.0)), iterations=2)
    trusting = naive.unwrap().players()[0]
    answer = MarkovResponse().respond(game, [trusting, UniformPolicy()], 1, rng=np.random.default_rng(0))
    worst = exact_moments(game, [trusting, answer.policy])[0][0]
    assert worst <= gaps.values[0] + 1e-9
    assert robust[0].weights.sum() == pytest.approx(1.0)


def test_the_risk_averse_equilibrium_works_on_it():
    meta = EmpiricalRiskMetaSolver(RiskAversion(gamma=0.1))
    result, _ = double_oracle(robust_game(5, 0.2), iterations=3, meta_solver=meta)
    assert result.info["empirical_risk_nash_conv"] <= 1e-6


def test_play_has_the_means_of_the_chain():
    game = robust_game(6, 0.2)
    players = [UniformPolicy(), UniformPolicy()]
    mean, variance = exact_moments(game, players)
    estimate = estimate_returns(game, players, 600, rng=np.random.default_rng(0))
    assert np.all(np.abs(estimate.mean - mean) <= 4.0 * np.sqrt(variance / 600))
    assert estimate.mean.sum() == pytest.approx(0.0, abs=1e-12)


def test_what_does_not_fit_is_refused():
    bandit = small_bandit(0)
    intervals = around(bandit, 0.1)
    with pytest.raises(ValueError, match="radius"):
        around(bandit, 1.5)
    with pytest.raises(ValueError, match="shape"):
        Intervals(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="low <= high"):
        Intervals(intervals.high + 0.1, intervals.high)
    with pytest.raises(ValueError, match="admit a distribution"):
        Intervals(np.zeros_like(intervals.low), np.full_like(intervals.low, 0.1))
    with pytest.raises(ValueError, match="fit arms"):
        RobustGame(small_bandit(0, arms=3), intervals)
    with pytest.raises(ValueError, match="choices"):
        RobustGame(small_bandit(0, arms=7), around(small_bandit(0, arms=7), 0.1))
    link = SigmoidLink(np.eye(2), np.ones(2), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="one bit an arm"):
        RobustGame(CoupledBandit(bandit.arms, link, bandit.feasible), intervals)
    game = RobustGame(bandit, intervals)
    rng = np.random.default_rng(0)
    with pytest.raises(IllegalActionError):
        game.step(game.initial(rng), {0: 99, 1: 0}, rng)


def test_the_protocol_of_games():
    game = robust_game(0, 0.1)
    state = game.initial(np.random.default_rng(0))
    low, high = game.payoff_bounds
    while game.to_move(state):
        assert all(game.legal_mask(state, i).all() for i in (0, 1))
        assert game.observe(state, 0).shape == game.observation_shape(0)
        state = game.step(state, {0: 0, 1: 0}, np.random.default_rng(1))
    assert low <= game.returns(state).min() <= game.returns(state).max() <= high
    assert "step 2 of 2" in game.describe(state)
    arms = RestlessArms(game.bandit.arms.passive, game.bandit.arms.active, game.bandit.arms.rewards)
    assert len(list(itertools.product(range(arms.states), repeat=arms.count))) == len(game.chain().start)
