"""Equilibria between firms, against brute force over all strategies."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from games.influence.competition import (
    EqualShares,
    Firm,
    NobodyWins,
    UniformDraw,
    competition_game,
    draw_depth_sets,
)
from games.influence.competition_certificate import response_bound, response_payoff, response_values
from games.influence.competition_payoffs import empirical_game, normal_form
from games.influence.diffusion import uniform_cascade, weighted_cascade
from games.influence.graph import as_graph, graph_from_arcs
from games.normal_form import nash_conv
from games.normal_form.risk import RiskAversion
from games.results import Status
from solvers.equilibrium import solve_risk_averse, solve_zero_sum
from solvers.influence.competition import ThresholdDescent, greedy_response, solve_competition
from solvers.psro.meta_solvers.basic import RiskAverseMetaSolver, UniformMetaSolver

TIES = [NobodyWins(), EqualShares(), UniformDraw()]


def random_game(seed, *, ties=EqualShares(), rivalry=0.0, firms=2, probability=0.4, scale=1.0):  # noqa: B008
    """A random network of ten nodes on which every firm has one or two adopters."""
    rng = np.random.default_rng(seed)
    n = 7 + firms
    tails, heads = np.nonzero(rng.random((n, n)) < 0.3)
    tails = np.append(tails, np.arange(firms))
    heads = np.append(heads, n - 1 - np.arange(firms))  # everybody has somebody to invite
    graph = graph_from_arcs(tails, heads, num_nodes=n)
    parties = [Firm(f"firm {i}", [i], 2) for i in range(firms)]
    return competition_game(
        uniform_cascade(graph, probability),
        parties,
        ties=ties,
        rivalry=rivalry,
        node_weight=np.full(n, scale),
    )


def all_strategies(game, firm):
    found = []
    for size in range(3):
        for chosen in combinations(range(game.problems[firm].num_candidates), size):
            try:
                found.append(game.checked(firm, chosen))
            except ValueError:
                continue
    return found


def whole_game(game, sets):
    populations = [all_strategies(game, i) for i in range(game.num_firms)]
    return populations, normal_form(game, empirical_game(game, sets, populations), populations)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("rivalry", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_greedy_gains_what_theory_promises(ties, rivalry, seed):
    game = random_game(seed, ties=ties, rivalry=rivalry)
    sets = draw_depth_sets(game, 300, rng=np.random.default_rng(seed))
    populations = [all_strategies(game, i) for i in range(2)]
    rng = np.random.default_rng(seed)
    profile = tuple(rng.dirichlet(np.ones(len(p))) for p in populations)
    for firm in range(2):
        values = response_values(game, sets, firm, populations, profile)
        paid = [response_payoff(game, sets, values, s) for s in populations[firm]]
        response = greedy_response(game, sets, firm, values)
        nothing = values.base / sets.num_sets
        # One adopter per firm: a uniform matroid, where greedy has 1 - 1/e.
        assert response.payoff - nothing >= (1 - 1 / np.e) * (max(paid) - nothing) - 1e-12
        assert response.reached.sum() / sets.num_sets == pytest.approx(response.payoff - nothing)
        assert any(np.array_equal(response.strategy, s) for s in populations[firm])
        first = response_bound(game, sets, firm, values, response.reached)
        thresholds = ThresholdDescent(steps=200).improve(game, sets, firm, values, response)
        bound = response_bound(game, sets, firm, values, thresholds)
        assert max(paid) - 1e-12 <= bound <= first + 1e-12
        assert bound - nothing <= 1.1 * (max(paid) - nothing) + 1e-12


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("ties", TIES)
def test_the_certificate_is_above_brute_force_and_does_not_depend_on_units(ties, scale):
    game = random_game(3, ties=ties, rivalry=1.0, scale=scale)
    result = solve_competition(game, num_sets=4000, rng=np.random.default_rng(1))
    found = result.unwrap()
    # A sample of its own, hundred times as large as needed to see the difference.
    sets = draw_depth_sets(game, 40_000, rng=np.random.default_rng(99))
    populations, matrix = whole_game(game, sets)
    full = []
    for i, mixture in enumerate(found.profile):
        weights = np.zeros(len(populations[i]))
        for strategy, p in zip(found.populations[i], mixture, strict=True):
            weights[next(k for k, s in enumerate(populations[i]) if np.array_equal(s, strategy))] += p
        full.append(weights)
    true = nash_conv(matrix, full)
    assert true <= result.certificate.bound
    assert result.certificate.bound <= 0.25 * 2 * game.problems[0].model.total
    assert result.info["found_gain"] <= result.info["sampled_nash_conv"] + 1e-9 * scale
    value = solve_zero_sum(matrix).info["value"]
    assert abs(found.payoffs[0] - value) <= result.certificate.bound
    assert found.payoffs[0] == pytest.approx(-found.payoffs[1])
    again = solve_competition(
        random_game(3, ties=ties, rivalry=1.0), num_sets=4000, rng=np.random.default_rng(1)
    )
    assert again.unwrap().invited == found.invited
    assert result.certificate.bound == pytest.approx(scale * again.certificate.bound, rel=1e-6)


def test_double_oracle_ends_where_brute_force_does():
    """On its own sample the profile of the double oracle is an equilibrium of the game of all strategies."""
    mixed = 0
    for seed in (*range(6), 12, 31, 35, 37, 39):
        game = random_game(seed, ties=NobodyWins(), rivalry=1.0, probability=0.7)
        result = solve_competition(game, num_sets=500, tol=0.0, rng=np.random.default_rng(seed))
        found = result.unwrap()
        own = np.random.default_rng(seed).spawn(3)[0]
        sets = draw_depth_sets(game, 500, rng=own)
        _, matrix = whole_game(game, sets)
        value = solve_zero_sum(matrix).info["value"]
        inner = solve_zero_sum(found.game).info["value"]
        # Nothing makes greedy answers exact, but with two friends each they are here.
        assert inner == pytest.approx(value, abs=1e-6)
        mixed += any(len(played) > 1 for played in found.invited)
        assert result.steps < 50
    assert mixed >= 4  # pure equilibria alone would leave the meta-solver nothing to do


def test_three_firms_share_a_network():
    game = random_game(5, firms=3, rivalry=0.5)
    result = solve_competition(game, num_sets=3000, rng=np.random.default_rng(0))
    found = result.unwrap()
    assert found.game.num_players == 3
    assert found.game.players == ("firm 0", "firm 1", "firm 2")
    assert len(found.invited) == 3
    assert all(sum(p for p, _ in played) == pytest.approx(1) for played in found.invited)
    assert result.info["found_gain"] <= result.info["sampled_nash_conv"]
    assert result.status in (Status.CERTIFIED, Status.STATIONARY)
    # The matrix game between the populations is an ordinary one: risk-averse equilibria work on it.
    averse = solve_risk_averse(found.game, RiskAversion(0.5))
    assert averse.status is Status.CERTIFIED


def test_other_meta_solvers_and_the_risk_averse_one():
    game = random_game(2, ties=NobodyWins())
    for meta_solver in (RiskAverseMetaSolver(RiskAversion(0.2, 0.1)), UniformMetaSolver()):
        result = solve_competition(game, num_sets=2000, meta_solver=meta_solver, rng=np.random.default_rng(0))
        assert result.solver == f"competition({meta_solver.name})"
        assert result.certificate.bound >= result.info["found_gain"] - 1e-9


def test_symmetric_firms_are_certified_on_a_real_network():
    novel = as_graph(nx.les_miserables_graph())
    firms = [Firm("a", ["Valjean", "Myriel"], 2), Firm("b", ["Javert", "Marius"], 2)]
    result = solve_competition(competition_game(weighted_cascade(novel), firms), num_sets=20_000)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound <= 0.05 * 73
    assert result.certificate.confidence == 0.99
    found = result.unwrap()
    for firm, played in zip(firms, found.invited, strict=True):
        for _, friends in played:
            assert len(friends) <= 4
            near = {v for a in firm.adopters for v in nx.les_miserables_graph()[a]}
            assert set(friends) <= near - {"Valjean", "Myriel", "Javert", "Marius"}


def test_same_seed_same_answer_and_progress():
    game = random_game(1)
    seen = []
    runs = [
        solve_competition(
            game,
            num_sets=1000,
            rng=np.random.default_rng(4),
            progress=lambda step, total, **figures: seen.append(figures["gain"]),
        )
        for _ in range(2)
    ]
    assert runs[0].unwrap().invited == runs[1].unwrap().invited
    assert runs[0].certificate == runs[1].certificate
    assert len(seen) == 2 * runs[0].steps
    assert seen[runs[0].steps - 1] <= 2 * 0.01 * 0.05


def test_limits_keep_an_answer():
    game = random_game(35, ties=NobodyWins(), rivalry=1.0, probability=0.7)
    free = solve_competition(game, num_sets=1000, tol=0.0, rng=np.random.default_rng(4))
    assert free.steps > 1
    assert free.status is Status.STATIONARY
    for limits in ({"max_steps": 1}, {"time_limit": 0.0}):
        short = solve_competition(game, num_sets=1000, tol=0.0, rng=np.random.default_rng(4), **limits)
        assert short.status is Status.LIMIT
        assert short.steps == 1
        assert short.unwrap().payoffs.shape == (2,)


@pytest.mark.parametrize(
    "options",
    [
        {"tol": -1.0},
        {"tol": np.nan},
        {"num_sets": 0},
        {"max_steps": 0},
        {"confidence": 0.0},
        {"confidence": 1.0},
        {"time_limit": -1.0},
        {"time_limit": np.nan},
    ],
)
def test_bad_input_is_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        solve_competition(random_game(0), **options)
