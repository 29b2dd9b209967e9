"""Groupwise maximin against the exact game on small graphs."""

from itertools import chain, combinations

import numpy as np
import pytest
from scipy.optimize import linprog

from games.influence.diffusion import uniform_cascade
from games.influence.exact import exact_spread
from games.influence.families import Knapsack, at_most
from games.influence.family_problems import family_problem, with_capacities
from games.influence.graph import graph_from_arcs
from games.influence.maximin import group_ends, maximin_at_most, mean_at_least, mean_at_most
from games.influence.problem import capacity_problem
from games.results import Status
from solvers.influence.maximin import solve_maximin


def random_case(seed, n=8, arcs=12):
    rng = np.random.default_rng(seed)
    graph = graph_from_arcs(rng.integers(n, size=arcs), rng.integers(n, size=arcs), num_nodes=n)
    return uniform_cascade(graph, 0.5), {"a": [0, 1, 2], "b": [3, 4], "c": [5, 6, 7, 0]}


def shares(diffusion, seeds, groups):
    n = diffusion.graph.num_nodes
    found = []
    for members in groups.values():
        weight = np.zeros(n)
        weight[members] = 1.0
        found.append(exact_spread(diffusion, seeds, node_weight=weight) / len(members))
    return np.array(found)


def game_value(matrix):
    """Value to the row player by an independent linear program."""
    m, g = matrix.shape
    found = linprog(
        np.append(np.zeros(m), -1.0),
        A_ub=np.hstack([-matrix.T, np.ones((g, 1))]),
        b_ub=np.zeros(g),
        A_eq=[np.append(np.ones(m), 0.0)],
        b_eq=[1.0],
        bounds=[(0, None)] * m + [(None, None)],
    )
    return -found.fun


@pytest.mark.parametrize("seed", range(6))
def test_mixture_is_within_its_certificate_of_the_exact_game(seed):
    diffusion, groups = random_case(seed)
    problem = group_ends(family_problem(diffusion, range(8), at_most(2, 8)), groups)
    result = solve_maximin(problem, sets=1 << 13, rng=np.random.default_rng(seed))
    answer = result.unwrap()
    matrix = np.array([shares(diffusion, s, groups) for s in combinations(range(8), 2)])
    value = game_value(matrix)
    mixed = sum(p * shares(diffusion, s, groups) for p, s in answer.mixture)
    single = shares(diffusion, answer.single, groups)
    low, high = answer.value_interval
    assert sum(p for p, _ in answer.mixture) == pytest.approx(1.0)
    assert low <= mixed.min() <= value + 1e-9 <= high
    for k, name in enumerate(groups):
        assert answer.ends[name][1] <= mixed[k]
        assert answer.single_ends[name][1] <= single[k]
        assert answer.ends[name][0] == pytest.approx(mixed[k], abs=0.03)
    assert result.certificate.bound == pytest.approx(high - low)
    assert value - mixed.min() <= result.certificate.bound
    assert value - mixed.min() <= 0.03  # greedy and the sample come this close in fact
    assert result.status is (Status.CERTIFIED if high - low <= 0.05 else Status.STATIONARY)


def test_mixing_doubles_what_one_invitation_can_do():
    """Two groups far apart, one seed: an invitation leaves one with nothing, a coin gives each a half."""
    diffusion = uniform_cascade(graph_from_arcs([0, 2], [1, 3]), 1.0)
    problem = group_ends(family_problem(diffusion, [0, 2], at_most(1, 2)), {"left": [0, 1], "right": [2, 3]})
    result = solve_maximin(problem, sets=1 << 14)
    answer = result.unwrap()
    assert sorted(p for p, _ in answer.mixture) == pytest.approx([0.5, 0.5])
    assert answer.adversary == pytest.approx({"left": 0.5, "right": 0.5})
    assert min(low for _, low in answer.single_ends.values()) == 0.0
    assert result.status is Status.CERTIFIED
    assert answer.value_interval[0] <= 0.5 <= answer.value_interval[1]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_fair_budgets_do_not_depend_on_the_currency(scale):
    diffusion, groups = random_case(11)
    cost = scale * np.array([1, 2, 1, 3, 2, 1, 2, 1.0])
    problem = group_ends(family_problem(diffusion, range(8), Knapsack(cost, 3 * scale)), groups)
    answer = solve_maximin(problem, sets=4096).unwrap()
    members = chain.from_iterable(combinations(range(8), k) for k in range(4))
    affordable = [s for s in members if cost[list(s)].sum() <= 3 * scale]
    value = game_value(np.array([shares(diffusion, s, groups) for s in affordable]))
    assert answer.value_interval[0] <= value <= answer.value_interval[1]
    for _, seeds in answer.mixture:
        assert tuple(sorted(seeds)) in affordable


def test_adopters_with_capacities_and_same_answer_for_any_threads():
    rng = np.random.default_rng(6)
    graph = graph_from_arcs(rng.integers(30, size=120), rng.integers(30, size=120), num_nodes=30)
    capacities = capacity_problem(uniform_cascade(graph, 0.2), [0, 1, 2], 2)
    groups = {"low": range(15), "high": range(15, 30)}
    problem = group_ends(with_capacities(capacities), groups)
    one, two = (solve_maximin(problem, sets=40_000, threads=t, rng=np.random.default_rng(3)) for t in (1, 2))
    assert one.unwrap().mixture == two.unwrap().mixture
    assert one.unwrap().value_interval == two.unwrap().value_interval
    assert one.unwrap().value_interval[0] > 0


def test_interval_holds_at_its_confidence():
    """Over many seeds the true value leaves the interval at most as often as stated, at a low confidence."""
    diffusion, groups = random_case(2)
    problem = group_ends(family_problem(diffusion, range(8), at_most(1, 8)), groups)
    value = game_value(np.array([shares(diffusion, [v], groups) for v in range(8)]))
    outside = 0
    for seed in range(60):
        answer = solve_maximin(problem, sets=200, confidence=0.8, rng=np.random.default_rng(seed)).unwrap()
        true = sum(p * shares(diffusion, s, groups) for p, s in answer.mixture).min()
        outside += not (answer.value_interval[0] <= true and value <= answer.value_interval[1])
    assert outside <= 12


def test_bounded_means_contain_the_truth():
    rng = np.random.default_rng(0)
    for truth in (0.02, 0.5, 0.97):
        means = rng.binomial(200, truth, size=400) / 200
        assert np.mean([mean_at_most(m, 200, 0.1) < truth for m in means]) <= 0.1
        assert np.mean([mean_at_least(m, 200, 0.1) > truth for m in means]) <= 0.1
    assert mean_at_least(0.0, 10, 0.1) == pytest.approx(0.0, abs=1e-12)
    assert mean_at_most(0.0, 10, 0.1) == pytest.approx(1 - 0.1 ** (1 / 10))  # closed form
    assert mean_at_most(1.0, 10, 0.1) == 1.0


def test_value_bound_is_monotone_and_scales():
    diffusion, groups = random_case(1)
    problem = group_ends(family_problem(diffusion, range(8), at_most(1, 8)), groups)
    weight = np.array([0.2, 0.3, 0.5])
    bounds = [maximin_at_most(problem, weight, met, 1000, 0.01) for met in (0.1, 0.4, 0.9, 1.5)]
    assert bounds == sorted(bounds)
    assert bounds[0] > 0.1
    assert bounds[-1] == 1.0


def test_bad_ends_are_refused():
    diffusion, groups = random_case(1)
    problem = family_problem(diffusion, [1, 2], at_most(1, 2), removed=[0])
    with pytest.raises(ValueError, match="no node"):
        group_ends(problem, {"gone": [0]})
    with pytest.raises(ValueError, match="at least one end"):
        group_ends(problem, {})
    with pytest.raises(ValueError, match=r"99"):
        group_ends(problem, {"a": [99]})
    with pytest.raises(ValueError, match="sets"):
        solve_maximin(group_ends(problem, groups), sets=0)
