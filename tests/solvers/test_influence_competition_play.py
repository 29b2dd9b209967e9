"""Competition end to end: through PettingZoo into sampled PSRO, and as an empirical game under risk."""

import networkx as nx
import numpy as np
import pytest

from games.adapters.from_pettingzoo import from_pettingzoo
from games.adapters.to_pettingzoo import GameParallelEnv
from games.certificates import Certificate
from games.checking import check_result
from games.empirical import RiskSource, empirical_risk_nash_conv
from games.influence import (
    CompetitionEnv,
    EqualShares,
    Firm,
    competition_game,
    draw_depth_sets,
    empirical_game,
    normal_form,
    uniform_cascade,
)
from games.influence.graph import as_graph
from games.normal_form import nash_conv
from games.normal_form.risk import RiskAversion, risk_figures, risk_nash_conv
from games.results import Status
from games.storage import load_result, save_result
from marl.oracles import CertaintyEquivalent
from marl.policies import UniformPolicy
from marl.rollouts import estimate_returns
from solvers.equilibrium import solve_risk_averse, solve_zero_sum
from solvers.influence import solve_competition
from solvers.psro import AdaptiveAllocation, NashMetaSolver, run_sampled_psro
from solvers.psro.meta_solvers.basic import RiskAverseMetaSolver
from solvers.psro.sampled.risk_meta_solver import EmpiricalRiskMetaSolver


@pytest.fixture(scope="module")
def rivals():
    """Two firms of two members each on the karate club, at rivalry 1; 18 x 14 strategies of two friends."""
    club = as_graph(nx.karate_club_graph(), weight="none")
    firms = [Firm("east", [13, 2], 1), Firm("west", [9, 0], 1)]
    return competition_game(uniform_cascade(club, 0.5), firms, ties=EqualShares(), rivalry=1.0)


def full_strategies(game, firm):
    found = []
    for first in range(game.problems[firm].num_candidates):
        for second in range(first):
            try:
                found.append(game.checked(firm, [second, first]))
            except ValueError:
                continue
    return found


@pytest.fixture(scope="module")
def whole(rivals):
    """All strategies of both firms on one sample: sample, strategies, empirical game, matrix game."""
    sets = draw_depth_sets(rivals, 3000, rng=np.random.default_rng(5))
    populations = [full_strategies(rivals, firm) for firm in range(2)]
    table = empirical_game(rivals, sets, populations)
    return sets, populations, table, normal_form(rivals, table, populations)


def in_whole(populations, found):
    """A solution's mixtures over all strategies."""
    profile = []
    for listed, own, mixture in zip(populations, found.populations, found.profile, strict=True):
        weights = np.zeros(len(listed))
        for strategy, p in zip(own, mixture, strict=True):
            if p > 0:
                weights[next(k for k, s in enumerate(listed) if np.array_equal(s, strategy))] += p
        profile.append(weights)
    return profile


@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
def test_sampled_psro_learns_the_competition_through_pettingzoo(rivals, whole):
    """Firms that know the network only by playing it: as a parallel environment and back."""
    env = CompetitionEnv(rivals, whole[0], open_picks=False)
    game = from_pettingzoo(lambda: GameParallelEnv(env), payoff_bounds=rivals.payoff_bounds)
    assert game.num_players == 2
    result = run_sampled_psro(
        game,
        oracle=CertaintyEquivalent(300, evaluation=20),
        meta_solver=NashMetaSolver(),
        allocation=AdaptiveAllocation(20, 60, 2, 20),
        iterations=2,
        verification=60,
        rng=np.random.default_rng(0),
    )
    solution, certificate = result.unwrap(), result.certificate
    assert (certificate.measure, certificate.confidence) == ("restricted_nash_conv", 0.95)
    assert certificate.bound <= 0.15 * 60  # of the payoff range
    # The same policies play the environment itself, without PettingZoo: the certificate covers them there.
    rng = np.random.default_rng(1)
    mixtures = solution.players()

    def returns(players):
        return estimate_returns(env, players, 200, rng=rng).mean

    held, gains, chance = returns(mixtures), [], returns([UniformPolicy()] * 2)
    for firm in range(2):
        others = [
            returns([policy if i == firm else m for i, m in enumerate(mixtures)])[firm]
            for policy in solution.policies[firm]
        ]
        gains.append(max(others) - held[firm])
    assert sum(gains) <= certificate.bound
    # What was learned first beats chance by far, and what was learned last loses little to the best answers.
    assert returns([solution.policies[0][1], UniformPolicy()])[0] > chance[0] + 4
    matrix = whole[3]
    value = solve_zero_sum(matrix).info["value"]
    assert returns([mixtures[0], solution.policies[1][-1]])[0] > value - 4


def test_the_double_oracle_agrees_with_all_strategies(rivals, whole):
    _, populations, _, matrix = whole
    result = solve_competition(rivals, num_sets=20_000, rng=np.random.default_rng(0))
    profile = in_whole(populations, result.unwrap())
    assert result.status is Status.CERTIFIED
    # The certificate speaks of the true game; another sample knows that up to noise.
    assert nash_conv(matrix, profile) <= result.certificate.bound
    value = solve_zero_sum(matrix).info["value"]
    assert abs(result.unwrap().payoffs[0] - value) <= result.certificate.bound + 1.0


@pytest.mark.parametrize("gamma", [0.0, 0.3, 3.0])
def test_risk_averse_equilibria_of_the_empirical_game(whole, tmp_path, gamma):
    matrix = whole[3]
    risk = RiskAversion(gamma, 0.1)
    result = solve_risk_averse(matrix, risk)
    profile = result.require(1e-6).unwrap()
    assert result.certificate == Certificate("risk_nash_conv", risk_nash_conv(matrix, profile, risk))
    means, variances = risk_figures(matrix, profile, risk)
    worth = means - gamma * variances
    for firm, size in enumerate(matrix.num_actions):
        for k in range(size):  # no pure deviation is better, counted by hand
            other = [x.copy() for x in profile]
            other[firm] = np.eye(size)[k]
            mean, variance = risk_figures(matrix, other, risk)
            assert mean[firm] - gamma * variance[firm] <= worth[firm] + 1e-6
    save_result(tmp_path / "averse.json", matrix, result, risk=risk)
    report = check_result(load_result(tmp_path / "averse.json"))
    assert report.agrees
    assert report.recomputed.bound <= 1e-6


def test_aversion_makes_firms_avoid_what_both_want(whole):
    """On this sample both want node 1; firms very averse to risk leave it, and their payoffs vary less."""
    matrix = whole[3]
    bold, averse = (solve_risk_averse(matrix, RiskAversion(g, 0.1)).unwrap() for g in (0.0, 3.0))
    at_one = [[k for k, label in enumerate(matrix.actions[i]) if label.split()[0] == "1"] for i in range(2)]
    assert sum(averse[i][at_one[i]].sum() for i in range(2)) < 0.1
    assert sum(bold[i][at_one[i]].sum() for i in range(2)) > 0.9
    _, risky = risk_figures(matrix, bold, RiskAversion(3.0, 0.1))
    _, safe = risk_figures(matrix, averse, RiskAversion(3.0, 0.1))
    assert (safe < risky).all()


def test_the_empirical_meta_solver_takes_the_same_table(whole):
    """The risk-averse meta-solver of sampled PSRO, certified from the table's counts and variances."""
    table, matrix = whole[2], whole[3]
    meta_solver = EmpiricalRiskMetaSolver(RiskAversion(0.3, 0.1), RiskSource.BETWEEN, tol=1e-6)
    start = tuple(np.full(n, 1.0 / n) for n in table.sizes)
    result = meta_solver.solve_empirical(table, start, rng=np.random.default_rng(0))
    profile = result.unwrap()
    distance = empirical_risk_nash_conv(table, profile, RiskAversion(0.3, 0.1), RiskSource.BETWEEN)
    assert distance <= 1e-5 * matrix.payoff_range
    certified = meta_solver.certify(table, profile, confidence=0.9)
    assert certified.confidence == 0.9
    assert certified.bound >= distance
    paid = meta_solver.payoffs(table, profile)
    assert paid.shape == (2,)


def test_the_double_oracle_with_a_risk_averse_meta_solver(rivals):
    risk = RiskAversion(3.0, 0.1)
    result = solve_competition(
        rivals, num_sets=5000, meta_solver=RiskAverseMetaSolver(risk), rng=np.random.default_rng(0)
    )
    found = result.unwrap()
    assert risk_nash_conv(found.game, found.profile, risk) <= 1e-6 * found.game.payoff_range
    # The certificate is about Nash in the true game: what risk aversion gave up is counted, up to noise.
    assert result.certificate.bound >= result.info["found_gain"]
    assert result.certificate.bound >= nash_conv(found.game, found.profile) - 0.5
