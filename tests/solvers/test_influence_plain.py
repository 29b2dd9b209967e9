"""Plain influence maximisation: OPIM-C, IMM and HIST."""

import functools
import itertools
import math

import numpy as np
import pytest

from games.influence.collection import ReverseSets
from games.influence.diffusion import IndependentCascade, uniform_cascade, uniform_threshold, weighted_cascade
from games.influence.exact import exact_spread
from games.influence.graph import graph_from_arcs
from games.influence.seeding import node_worth, seed_problem
from games.influence.sentinel import SentinelSets
from games.results import Status
from solvers.influence.cover_kernels import greedy_of_size
from solvers.influence.imm import final_sets, guess_sets, solve_imm
from solvers.influence.plain import Sentinels, first_sets, solve_hist, solve_opim_c, worst_case_sets
from solvers.influence.selection import CoverageIndex

SOLVERS = [solve_opim_c, solve_imm, solve_hist]
SHARE = 1 - 1 / math.e


def random_graph(seed, nodes, arcs, labels=None):
    rng = np.random.default_rng(seed)
    return graph_from_arcs(
        rng.integers(nodes, size=arcs), rng.integers(nodes, size=arcs), num_nodes=nodes, labels=labels
    )


def tiny(seed, size=2, **options):
    graph = random_graph(seed, 7, 11)
    chances = np.random.default_rng(seed).uniform(0.1, 0.9, graph.num_arcs)
    return seed_problem(IndependentCascade(graph, chances), size, **options)


def best_spread(problem, node_weight=None):
    return max(
        exact_spread(problem.diffusion, each, node_weight=node_weight)
        for each in itertools.combinations(problem.candidates.tolist(), problem.size)
    )


def test_opim_c_sizes_by_hand():
    problem = seed_problem(weighted_cascade(random_graph(0, 100, 300)), 5)
    logs = math.log(6 / 0.01)
    root = SHARE * math.sqrt(logs) + math.sqrt(SHARE * (math.log(math.comb(100, 5)) + logs))
    assert first_sets(problem, 0.01) == pytest.approx(2 * root**2)
    assert worst_case_sets(problem, 0.1, 0.01) == pytest.approx(2 * 100 * root**2 / (0.01 * 5))


def test_imm_sizes_by_hand():
    problem = seed_problem(weighted_cascade(random_graph(0, 128, 300)), 5)
    eps, delta, ways = 0.2, 0.01, math.log(math.comb(128, 5))
    wide = math.sqrt(2) * eps
    logs = ways + math.log(1 / delta) + math.log(2) + math.log(7)  # log2(128) is 7
    assert guess_sets(problem, eps, delta, 16.0) == pytest.approx(
        (2 + 2 / 3 * wide) * logs * 128 / wide**2 / 16
    )
    alpha = math.sqrt(math.log(1 / delta) + 2 * math.log(2))
    beta = math.sqrt(SHARE * (ways + alpha**2))
    assert final_sets(problem, eps, delta, 30.0) == pytest.approx(
        2 * 128 * (SHARE * alpha + beta) ** 2 / (eps**2 * 30)
    )


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("seed", range(4))
def test_the_certificate_is_true_on_enumerable_graphs(solve, seed):
    problem = tiny(seed)
    result = solve(problem, eps=0.1, delta=0.01, rng=np.random.default_rng(seed))
    seeds = result.unwrap()
    spread, best = exact_spread(problem.diffusion, seeds.nodes), best_spread(problem)
    assert result.status is Status.CERTIFIED
    assert len(set(seeds.nodes)) == 2
    assert seeds.spread_interval[0] <= spread <= seeds.spread_interval[1]
    assert best <= seeds.optimum_bound
    assert spread / best >= seeds.ratio == pytest.approx(1 - result.certificate.bound)
    assert seeds.ratio >= SHARE - 0.1


@pytest.mark.parametrize("solve", SOLVERS)
def test_certificates_fail_no_oftener_than_they_claim(solve):
    problem = tiny(8)
    spread_of = functools.cache(lambda nodes: exact_spread(problem.diffusion, nodes))
    best = best_spread(problem)
    outside = wrong = 0
    for seed in range(1000):
        answer = solve(problem, eps=0.3, delta=0.3, rng=np.random.default_rng(seed)).unwrap()
        spread = spread_of(answer.nodes)
        outside += not answer.spread_interval[0] <= spread <= answer.spread_interval[1]
        wrong += spread / best < answer.ratio or best > answer.optimum_bound
    assert outside <= 300
    assert wrong <= 300


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_weights_and_candidates_count_in_any_unit(solve, scale):
    worth = np.array([5.0, 0.0, 1.0, 2.0, 0.5, 1.0, 3.0])
    problem = tiny(5, candidates=[1, 2, 4, 6], node_weight=worth * scale)
    result = solve(problem, eps=0.2, delta=0.01, rng=np.random.default_rng(0))
    seeds = result.unwrap()
    spread = exact_spread(problem.diffusion, seeds.nodes, node_weight=worth) * scale
    assert set(seeds.nodes) <= {1, 2, 4, 6}
    assert seeds.spread_interval[0] <= spread <= seeds.spread_interval[1]
    assert spread / best_spread(problem, worth) / scale >= seeds.ratio
    again = solve(tiny(5, candidates=[1, 2, 4, 6], node_weight=worth), eps=0.2, delta=0.01).unwrap()
    assert again.nodes == seeds.nodes
    assert again.ratio == pytest.approx(seeds.ratio)


def test_worth_of_nodes_is_recovered():
    worth = np.array([5.0, 0.0, 1.0, 2.0, 0.5, 1.0, 3.0])
    problem = tiny(5, node_weight=worth)
    np.testing.assert_allclose(node_worth(problem.model), worth)
    assert problem.least_optimum == pytest.approx(8.0)
    np.testing.assert_array_equal(node_worth(tiny(5).model), np.ones(7))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("settled", [[], [3], [0, 7]])
def test_greedy_by_buckets_is_greedy_and_its_bound_holds(seed, settled):
    problem = seed_problem(weighted_cascade(random_graph(seed, 12, 40)), 3)
    sets = ReverseSets(problem.model, problem.candidates).make(seed, 0, 250)
    index = CoverageIndex.of(sets)
    held = [set(sets.member[a:b].tolist()) for a, b in itertools.pairwise(sets.start)]
    covered, count = np.zeros(250, dtype=np.bool_), np.diff(index.begin)
    chosen, met, bound = greedy_of_size(
        np.array(settled, dtype=np.int32),
        3,
        3,
        sets.start,
        sets.member,
        index.begin,
        index.holder,
        covered,
        count,
    )
    seeds, least = set(settled), math.inf
    for step in range(4):
        left = [r for r in held if not r & seeds]
        gains = [sum(c in r for r in left) for c in range(12)]
        least = min(least, 250 - len(left) + sum(sorted(gains, reverse=True)[:3]))
        if step < 3:
            assert gains[chosen[step]] == max(gains)
            seeds.add(int(chosen[step]))
            assert met[step] == sum(bool(r & seeds) for r in held)
    assert bound == least
    best = max(sum(bool(r & set(each)) for r in held) for each in itertools.combinations(range(12), 3))
    assert bound >= best
    assert met[-1] >= SHARE * best


def test_greedy_stops_where_nothing_is_left():
    problem = seed_problem(weighted_cascade(graph_from_arcs([0], [1], num_nodes=3)), 3)
    index = CoverageIndex.of(ReverseSets(problem.model, problem.candidates).make(0, 0, 0))
    chosen, met, bound = greedy_of_size(
        np.zeros(0, dtype=np.int32),
        3,
        3,
        index.sets.start,
        index.sets.member,
        index.begin,
        index.holder,
        np.zeros(0, dtype=np.bool_),
        np.diff(index.begin),
    )
    assert chosen.size == 0
    assert met.tolist() == [0, 0, 0]
    assert bound == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_sets_end_at_sentinels_and_are_the_same_elsewhere(threads):
    problem = seed_problem(uniform_cascade(random_graph(1, 50, 400), 0.2), 3)
    sentinels = np.zeros(50, dtype=np.bool_)
    sentinels[[4, 9]] = True
    whole = ReverseSets(problem.model, problem.candidates).make(7, 0, 40_000)
    cut = SentinelSets(problem.model, problem.candidates, sentinels, threads=threads).make(7, 0, 40_000)
    assert cut.num_candidates == 51
    assert cut.nodes < whole.nodes
    for r in range(0, 40_000, 7):
        full = set(whole.member[whole.start[r] : whole.start[r + 1]].tolist())
        assert set(cut.member[cut.start[r] : cut.start[r + 1]].tolist()) == ({50} if full & {4, 9} else full)


def test_sentinels_are_few_and_lead_the_seeds():
    problem = seed_problem(uniform_cascade(random_graph(2, 300, 2400), 0.15), 20)
    result = solve_hist(problem, eps=0.1, sentinels=Sentinels(share=0.25), rng=np.random.default_rng(0))
    assert result.status is Status.CERTIFIED
    assert 1 <= result.info["sentinels"] <= 5
    assert len(set(result.unwrap().nodes)) == 20


@pytest.mark.parametrize("solve", SOLVERS)
def test_threads_and_seeds_decide_nothing(solve):
    problem = seed_problem(weighted_cascade(random_graph(3, 200, 900)), 5)
    first, second = (
        solve(problem, eps=0.1, threads=threads, rng=np.random.default_rng(3)) for threads in (1, 2)
    )
    assert first.unwrap().nodes == second.unwrap().nodes
    assert first.info == second.info


@pytest.mark.parametrize("solve", SOLVERS)
def test_all_agree_on_a_larger_graph(solve):
    problem = seed_problem(uniform_threshold(random_graph(4, 300, 1500)), 10)
    seeds = solve(problem, eps=0.05, rng=np.random.default_rng(1)).unwrap().nodes
    source = ReverseSets(problem.model, problem.candidates)
    best = solve_opim_c(problem, eps=0.02, rng=np.random.default_rng(2)).unwrap().nodes
    ours, theirs = (source.hits(99, 0, 50_000, problem.marked(np.array(each))) for each in (seeds, best))
    assert ours >= 0.97 * theirs


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_edge_cases(solve, size):
    names = ["a", "b", "c", "d"]
    graph = graph_from_arcs(
        [0, 0, 1, 1], [1, 1, 1, 2], num_nodes=4, labels=names
    )  # a loop, a copy, an isolate
    seeds = solve(seed_problem(weighted_cascade(graph), size)).unwrap()
    assert len(set(seeds.nodes)) == len(seeds.nodes) == min(size, 4)
    assert seeds.nodes[0] == "a" or size == 1
    lone = solve(seed_problem(weighted_cascade(graph_from_arcs([], [], num_nodes=1)), 1)).unwrap()
    assert lone.nodes == (0,)
    assert lone.spread == 1.0


@pytest.mark.parametrize("solve", SOLVERS)
def test_seeds_without_weight_are_chosen_by_what_they_reach(solve):
    graph = graph_from_arcs([0, 1], [2, 3], num_nodes=4)
    problem = seed_problem(
        IndependentCascade(graph, np.array([0.2, 0.9])), 1, candidates=[0, 1], node_weight=[0, 0, 1, 1]
    )
    assert solve(problem, max_sets=1 << 12, rng=np.random.default_rng(0)).unwrap().nodes == (1,)


@pytest.mark.parametrize("solve", SOLVERS)
def test_limits_keep_the_best_answer(solve):
    problem = seed_problem(weighted_cascade(random_graph(5, 200, 900)), 5)
    for limits in ({"max_sets": 3}, {"time_limit": 0.0}):
        result = solve(problem, eps=0.001, rng=np.random.default_rng(0), **limits)
        assert result.status is Status.LIMIT
        assert result.certificate.bound > 1 - SHARE
        assert len(result.unwrap().nodes) == 5


def test_the_limit_on_sets_holds_for_the_first_phase_as_well(monkeypatch):
    drawn = []
    make = ReverseSets.make

    def counted(self, seed, lo, hi):
        drawn.append(hi)
        return make(self, seed, lo, hi)

    monkeypatch.setattr(ReverseSets, "make", counted)
    problem = seed_problem(weighted_cascade(random_graph(5, 200, 900)), 40)
    solve_hist(problem, eps=0.001, max_sets=50, rng=np.random.default_rng(0))
    assert max(drawn) <= 50


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize(
    "options", [{"eps": 0.0}, {"eps": 0.7}, {"delta": 0.0}, {"max_sets": 0}, {"time_limit": -1.0}]
)
def test_bad_input_is_named(solve, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        solve(tiny(0), **options)


def test_bad_problems_are_named():
    with pytest.raises(ValueError, match="share"):
        Sentinels(share=1.0)
    with pytest.raises(ValueError, match="max_sets"):
        Sentinels(max_sets=0)
    model = weighted_cascade(random_graph(0, 5, 9))
    with pytest.raises(ValueError, match="size"):
        seed_problem(model, 0)
    for candidates in ([1, 1], []):
        with pytest.raises(ValueError, match="candidates"):
            seed_problem(model, 1, candidates=candidates)
