"""Risk from the empirical table: its equilibria, and sampled PSRO that seeks them."""

import numpy as np
import pytest

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.adapters.tree_env import TreeEnv
from games.empirical import EmpiricalGame, Moments, RiskSource, empirical_risk_nash_conv
from games.extensive.builder import TreeBuilder
from games.extensive.evaluation import expected_values
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion, risk_nash_conv
from games.results import Status
from marl.oracles import MeanVarianceResponse
from marl.policies.in_trees import behaviors_of_policies, policy_of_behavior
from marl.rollouts import estimate_returns
from solvers.equilibrium import solve_risk_averse
from solvers.psro import (
    EmpiricalRiskMetaSolver,
    NoGain,
    UniformAllocation,
    run_sampled_psro,
    solve_empirical_risk,
)
from solvers.psro.sampled.risk_problem import EmpiricalRiskProblem


def table(means, spread, count, rng):
    game = EmpiricalGame(len(means))
    for player, size in enumerate(means.shape[1:]):
        for _ in range(size):
            game.add_policy(player)
    for cell in np.ndindex(means.shape[1:]):
        where = (slice(None), *cell)
        if count is None:
            game.set_exact(cell, means[where], spread[where] ** 2)
        else:
            noise = spread[where] * rng.standard_normal((count, len(means)))
            game.record(cell, Moments.of_sample(means[where] + noise))
    return game


def random_table(rng, sizes, count):
    shape = (len(sizes), *sizes)
    return table(rng.standard_normal(shape), rng.uniform(0, 2, shape), count, rng)


@pytest.mark.parametrize("source", list(RiskSource))
@pytest.mark.parametrize("sizes", [(3, 4), (6, 2), (2, 3, 2)])
@pytest.mark.parametrize("count", [4, 100])
def test_random_tables_are_solved(source, sizes, count):
    rng = np.random.default_rng(0)
    for gamma in (0.1, 1.0):
        game, risk = random_table(rng, sizes, count), RiskAversion(gamma, 0.05)
        result = solve_empirical_risk(game, risk, source)
        assert result.status is Status.CERTIFIED
        assert result.certificate.measure == "empirical_risk_nash_conv"
        assert result.certificate.bound == empirical_risk_nash_conv(game, result.solution, risk, source)
        assert result.certificate.bound <= 1e-8 * np.ptp(game.means)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_units_do_not_matter(scale):
    rng = np.random.default_rng(1)
    means, spread = rng.standard_normal((2, 4, 3)), rng.uniform(0, 2, (2, 4, 3))
    plain, scaled = (table(s * means, s * spread, 9, np.random.default_rng(2)) for s in (1.0, scale))
    one = solve_empirical_risk(plain, RiskAversion(0.5), RiskSource.BOTH).unwrap()
    two = solve_empirical_risk(scaled, RiskAversion(0.5 / scale), RiskSource.BOTH).unwrap()
    for x, y in zip(one, two, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


@pytest.mark.parametrize("source", list(RiskSource))
def test_without_a_price_of_risk_it_is_nash(source):
    game = random_table(np.random.default_rng(3), (5, 5), 10)
    result = solve_empirical_risk(game, RiskAversion(0.0), source)
    assert nash_conv(game.normal_form(), result.solution) == pytest.approx(
        result.certificate.bound, abs=1e-12
    )
    assert result.certificate.bound <= 1e-8 * np.ptp(game.means)


def test_exact_cells_between_policies_have_the_equilibria_of_the_normal_form():
    rng = np.random.default_rng(4)
    payoffs = rng.standard_normal((2, 4, 4))
    game, risk = table(payoffs, np.ones_like(payoffs), None, rng), RiskAversion(0.4)
    result = solve_empirical_risk(game, risk, RiskSource.BETWEEN)
    assert risk_nash_conv(NormalFormGame(payoffs), result.solution, risk) <= 1e-7


def test_equal_means_leave_variance_to_decide():
    """A gamble of variance 9 and a sure thing, both worth 1: invisible between policies, decisive within."""
    spread = np.array([[[0.0, 0.0], [3.0, 3.0]], np.zeros((2, 2))])
    game = table(np.ones((2, 2, 2)), spread, None, None)
    for source in (RiskSource.WITHIN, RiskSource.BOTH):
        result = solve_empirical_risk(game, RiskAversion(0.5), source)
        assert result.status is Status.CERTIFIED
        np.testing.assert_allclose(result.solution[0], [1.0, 0.0], atol=1e-9)
    start = ([0.0, 1.0], [0.5, 0.5])
    indifferent = solve_empirical_risk(game, RiskAversion(0.5), RiskSource.BETWEEN, start=start)
    assert indifferent.certificate.bound == 0.0


@pytest.mark.parametrize("count", [2, 50])
def test_the_jacobian_is_the_derivative_along_the_simplices(count):
    """Few episodes make the corrected covariance indefinite, so the positive part bends."""
    rng = np.random.default_rng(5)
    problem = EmpiricalRiskProblem.of(
        random_table(rng, (4, 3, 2), count), RiskAversion(0.7, 0.1), RiskSource.BOTH
    )
    flat = np.concatenate([rng.dirichlet(np.ones(n)) for n in problem.sizes])
    move = np.concatenate([rng.standard_normal(n) for n in problem.sizes])
    move -= np.repeat(np.add.reduceat(move, problem.offsets[:-1]) / problem.sizes, problem.sizes)
    belief, step = problem.belief(), 1e-6
    ahead, behind = (problem.gradient(flat + s * step * move, belief) for s in (1, -1))
    jacobian = problem.jacobian(flat, belief, np.ones(flat.size, dtype=bool))
    np.testing.assert_allclose(jacobian @ move, (ahead - behind) / (2 * step), atol=1e-6)


def test_refusals():
    rng = np.random.default_rng(6)
    game = random_table(rng, (2, 2), 5)
    with pytest.raises(ValueError, match="starts"):
        solve_empirical_risk(game, RiskAversion(1.0), RiskSource.BOTH, starts=0)
    once = table(np.zeros((2, 1, 1)), np.ones((2, 1, 1)), 1, rng)
    with pytest.raises(ValueError, match="two episodes"):
        solve_empirical_risk(once, RiskAversion(1.0), RiskSource.BOTH)
    with pytest.raises(ValueError, match="stop"):
        run_sampled_psro(
            open_spiel_game("kuhn_poker"),
            meta_solver=EmpiricalRiskMetaSolver(RiskAversion(1.0)),
            stop=NoGain(),
        )


def test_limits_keep_the_best_profile():
    cycle = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    game = table(np.stack([cycle, -cycle]), np.ones((2, 3, 3)), 5, np.random.default_rng(7))
    risk = RiskAversion(0.3)
    result = solve_empirical_risk(game, risk, RiskSource.BOTH, tol=1e-300, max_steps=60)
    assert result.status is Status.LIMIT
    assert result.certificate.bound == empirical_risk_nash_conv(game, result.solution, risk, RiskSource.BOTH)


def test_sampled_equilibria_of_kuhn_policies_are_those_of_the_exact_table():
    """Risk-averse in the exact game of the same policies, within what sampling explains."""
    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    rng = np.random.default_rng(8)
    groups = []
    for player in (0, 1):
        group = []
        for _ in range(3):
            behavior = np.ones(form.num_sequences[player])
            plex = form.treeplexes[player]
            for h in range(len(plex.infosets)):
                moves = slice(plex.start[h], plex.start[h + 1])
                behavior[moves] = np.eye(2)[rng.integers(2)]
            group.append(policy_of_behavior(form, player, behavior, 2))
        groups.append(group)
    means, sampled = np.empty((2, 3, 3)), EmpiricalGame(2, game.payoff_bounds)
    for _ in range(3):
        sampled.add_policy(0), sampled.add_policy(1)
    for cell in np.ndindex(3, 3):
        pair = (groups[0][cell[0]], groups[1][cell[1]])
        means[(slice(None), *cell)] = expected_values(form, behaviors_of_policies(game, form, pair))
        estimate = estimate_returns(game, pair, 1_500, rng=rng)
        sampled.record(cell, Moments.of_variance(1_500, estimate.mean, estimate.variance))
    risk = RiskAversion(0.5)
    exact = solve_risk_averse(NormalFormGame(means), risk)
    found = solve_empirical_risk(sampled, risk, RiskSource.BETWEEN)
    assert exact.certificate.bound < 1e-7
    # Standard errors of the cells are at most 2 / sqrt(1500) = 0.05, and two gains add up.
    assert risk_nash_conv(NormalFormGame(means), found.solution, risk) < 0.15
    uniform = [np.full(3, 1 / 3)] * 2
    assert risk_nash_conv(NormalFormGame(means), uniform, risk) > 0.15


def crossing():
    """Driving pays 3, or -7 with one chance in ten: 2 on average with variance 9. Waiting pays 1.5."""
    builder = TreeBuilder("crossing", ["driver", "other"])
    driver = builder.decision(None, 0, "driver", ["drive", "wait"])
    luck = builder.chance(driver["drive"], {"arrive": 0.9, "crash": 0.1})
    for edge, payoff in ((driver["wait"], 1.5), (luck["arrive"], 3.0), (luck["crash"], -7.0)):
        other = builder.decision(edge, 1, "other", ["left", "right"])
        for side in other.labels:
            builder.terminal(other[side], (payoff, 0.0))
    return TreeEnv(builder.build())


def test_the_whole_loop_is_averse_to_crashes_between_a_fixed_pair():
    env = crossing()
    runs = {}
    for gamma in (0.0, 0.2):
        result = run_sampled_psro(
            env,
            oracle=MeanVarianceResponse(gamma, 400, evaluation=50),
            meta_solver=EmpiricalRiskMetaSolver(RiskAversion(gamma), RiskSource.BOTH),
            allocation=UniformAllocation(200),
            iterations=2,
            rng=np.random.default_rng(0),
        )
        runs[gamma] = result
        start = env.initial(np.random.default_rng(0))
        drives = [p.probabilities(env, start, 0)[0] for p in result.solution.policies[0]]
        assert result.solution.profile[0] @ drives == pytest.approx(1.0 if gamma == 0 else 0.0, abs=1e-6)
    averse = runs[0.2]
    assert averse.certificate.measure == "restricted_risk_nash_conv"
    assert averse.status is Status.LIMIT
    assert averse.info["empirical_risk_nash_conv"] <= 1e-7
    assert averse.info["adjusted_value_0"] == pytest.approx(1.5, abs=1e-9)
    assert runs[0.0].info["adjusted_value_0"] == pytest.approx(2.0, abs=0.6)
    # From uniform play (mean 1.75, half a gamble) to waiting: 1.5 - (1.75 - 0.2 * Var) with Var near 8.
    assert averse.solution.trace.gains[0, 0] > 0.5


def test_the_same_loop_is_blind_to_those_crashes_between_policies():
    env = crossing()
    result = run_sampled_psro(
        env,
        oracle=MeanVarianceResponse(0.0, 400, evaluation=50),
        meta_solver=EmpiricalRiskMetaSolver(RiskAversion(0.2), RiskSource.BETWEEN),
        allocation=UniformAllocation(400),
        iterations=2,
        rng=np.random.default_rng(0),
    )
    start = env.initial(np.random.default_rng(0))
    drives = [p.probabilities(env, start, 0)[0] for p in result.solution.policies[0]]
    assert result.solution.profile[0] @ drives > 0.8
