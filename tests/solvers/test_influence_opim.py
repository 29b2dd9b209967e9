"""RR-OPIM+, RR-OPIM and MG-OPIM: formulas, bounds, and the truth on graphs small enough to enumerate."""

import functools
import itertools
import math

import numpy as np
import pytest

from games.influence.collection import ReverseSets
from games.influence.diffusion import IndependentCascade, uniform_threshold, weighted_cascade
from games.influence.exact import exact_spread
from games.influence.graph import graph_from_arcs
from games.influence.martingale import hits_at_least, hits_at_most
from games.influence.problem import capacity_problem
from games.progress import ignore_progress
from games.results import Status
from solvers.influence.online import Choice, Plan, process_online
from solvers.influence.opim import (
    OnlineProcessing,
    _choose,
    first_sets,
    solve_mg_opim,
    solve_opim,
    solve_rr_opim,
    solve_rr_opim_plus,
    worst_case_sets,
)
from solvers.influence.selection import CoverageIndex

METHODS = [solve_rr_opim_plus, solve_rr_opim, solve_mg_opim]
PLUS = OnlineProcessing(in_rounds=True, tight=True)


def tiny_problem(seed, capacity=1, model=None, node_weight=None):
    rng = np.random.default_rng(seed)
    n = 8
    pairs = np.array([(u, v) for u in range(n) for v in range(n) if u != v])
    pairs = pairs[rng.choice(len(pairs), 11, replace=False)]
    pairs = np.concatenate([pairs, [[0, 2], [0, 3], [1, 3], [1, 4]]])
    graph = graph_from_arcs(pairs[:, 0], pairs[:, 1], num_nodes=n)
    diffusion = (
        IndependentCascade(graph, rng.uniform(0.1, 0.9, graph.num_arcs)) if model is None else model(graph)
    )
    return capacity_problem(diffusion, [0, 1], capacity, node_weight=node_weight)


def all_invitations(problem):
    """Maximal invitations as sets of candidates."""
    options = [
        itertools.combinations(
            problem.friend[problem.first[u] : problem.first[u + 1]].tolist(),
            int(min(room, problem.first[u + 1] - problem.first[u])),
        )
        for u, room in enumerate(problem.capacity)
    ]
    return {frozenset(itertools.chain(*each)) for each in itertools.product(*options)}


def true_spread(problem, seeds, node_weight=None):
    return exact_spread(problem.diffusion, seeds, removed=problem.adopters.tolist(), node_weight=node_weight)


def best_spread(problem, node_weight=None):
    return max(
        true_spread(problem, problem.candidates[list(chosen)].tolist(), node_weight)
        for chosen in all_invitations(problem)
    )


def test_worst_case_is_lemma_5_1_by_hand():
    # Adopter 0 knows 2..6 and may invite 2, adopter 1 knows 6 and 7 and may invite 3; n = 8 outside.
    graph = graph_from_arcs([0, 0, 0, 0, 0, 1, 1, 8], [2, 3, 4, 5, 6, 6, 7, 9], num_nodes=10)
    problem = capacity_problem(weighted_cascade(graph), [0, 1], {0: 2, 1: 3})
    delta, eps, chi = 0.125, 0.1, 4
    logs = math.log(6 / delta)
    root = 0.5 * math.sqrt(logs) + math.sqrt(0.5 * (math.log(math.comb(5, 2) * math.comb(2, 2)) + logs))
    assert worst_case_sets(problem, eps, delta) == pytest.approx(2 * 8 * root**2 / (eps**2 * chi))
    assert first_sets(problem, delta) == math.ceil(2 * root**2 / chi)


def test_rounds_and_failure_are_shared_as_in_the_paper():
    plan = Plan(first=10, worst=1000.0, goal=0.4, delta=0.06, max_sets=1 << 20, deadline=math.inf)
    assert plan.rounds == math.ceil(math.log2(100))
    assert plan.log_failure == pytest.approx(math.log(3 * 7 / 0.06))
    assert [plan.sets_in(i) for i in range(1, 8)] == [10, 20, 40, 80, 160, 320, 1000]


def test_martingale_bounds_by_hand():
    a = math.log(20)
    assert hits_at_least(100, a) == pytest.approx(
        (math.sqrt(100 + 2 * a / 9) - math.sqrt(a / 2)) ** 2 - a / 18
    )
    assert hits_at_most(100, a) == pytest.approx((math.sqrt(100 + a / 2) + math.sqrt(a / 2)) ** 2)
    assert hits_at_least(0, a) == 0.0
    assert hits_at_least(0, 50 * a) == 0.0


@pytest.mark.parametrize("hits", [3, 40, 400])
def test_martingale_bounds_hold_as_often_as_they_claim(hits):
    rng = np.random.default_rng(hits)
    seen = rng.binomial(1000, hits / 1000, size=20_000)
    a = math.log(20)
    assert np.mean([hits_at_least(h, a) > hits for h in seen]) <= 0.05
    assert np.mean([hits_at_most(h, a) < hits for h in seen]) <= 0.05


@pytest.mark.parametrize("seed", range(8))
def test_the_plus_bound_is_lemma_5_3_at_its_least_over_rounds(seed):
    problem = tiny_problem(seed, capacity=2)
    source = ReverseSets(problem.model, problem.model.place[problem.candidates])
    sets = source.make(seed, 0, 300)
    held = [set(sets.member[a:b].tolist()) for a, b in itertools.pairwise(sets.start)]
    owner, bound = _choose(problem, CoverageIndex.of(sets), PLUS)

    def gains(chosen):
        left = [r for r in held if not r & chosen]
        return [sum(c in r for r in left) for c in range(problem.num_candidates)], len(held) - len(left)

    chosen, prefixes = set(), [set()]
    for t in range(2):
        for u in range(2):
            known = problem.friend[problem.first[u] : problem.first[u + 1]].tolist()
            gain, _ = gains(chosen)
            free = [c for c in known if c not in chosen]
            if t < problem.capacity[u] and free and max(gain[c] for c in free) > 0:
                chosen.add(max(free, key=lambda c: (gain[c], -known.index(c))))
        prefixes.append(set(chosen))
    expected = 2 * gains(chosen)[1]
    for prefix in prefixes:
        gain, met = gains(prefix)
        for u in range(2):
            known = problem.friend[problem.first[u] : problem.first[u + 1]]
            met += sum(sorted((gain[c] for c in known), reverse=True)[: int(problem.capacity[u])])
        expected = min(expected, met)
    assert bound == expected
    assert chosen <= set(np.flatnonzero(owner >= 0).tolist())
    most = max(sum(bool(r & each) for r in held) for each in all_invitations(problem))
    assert most <= bound <= 2 * most


@pytest.mark.parametrize("solve", METHODS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("model", [None, uniform_threshold])
def test_the_certificate_is_true_on_enumerable_graphs(solve, seed, model):
    problem = tiny_problem(seed, capacity=2, model=model)
    result = solve(problem, eps=0.1, delta=0.01, rng=np.random.default_rng(seed))
    spread = true_spread(problem, result.unwrap().seeds)
    best = best_spread(problem)
    low, high = result.unwrap().spread_interval
    assert result.status is Status.CERTIFIED
    assert low <= spread <= high
    assert best <= result.unwrap().optimum_bound
    assert 0.4 <= 1 - result.certificate.bound == pytest.approx(result.unwrap().ratio)
    assert spread / best >= result.unwrap().ratio
    assert spread / best >= 0.5  # what the greedy rules promise, and by far exceed here


@pytest.mark.parametrize("solve", METHODS)
def test_certificates_fail_no_oftener_than_they_claim(solve):
    problem = tiny_problem(6)
    spread_of = functools.cache(lambda seeds: true_spread(problem, seeds))
    best = best_spread(problem)
    outside = wrong = 0
    for seed in range(1000):
        answer = solve(problem, eps=0.2, delta=0.3, rng=np.random.default_rng(seed)).unwrap()
        spread = spread_of(answer.seeds)
        outside += not answer.spread_interval[0] <= spread <= answer.spread_interval[1]
        wrong += spread / best < answer.ratio or best > answer.optimum_bound
    assert outside <= 300
    assert wrong <= 300


def test_methods_have_the_names_of_the_paper():
    problem = tiny_problem(0)
    assert [solve(problem).solver for solve in METHODS] == ["rr_opim_plus", "rr_opim", "mg_opim"]
    with pytest.raises(ValueError, match="in rounds"):
        OnlineProcessing(in_rounds=False, tight=True)


@pytest.mark.parametrize("solve", METHODS)
def test_room_left_by_small_samples_is_used(solve):
    graph = graph_from_arcs([0] * 40, range(1, 41), num_nodes=2000)
    problem = capacity_problem(weighted_cascade(graph), [0], 30)
    result = solve(problem, max_sets=4)
    assert len(result.unwrap().seeds) == 30


def test_the_tight_bound_stops_earlier():
    rng = np.random.default_rng(5)
    graph = graph_from_arcs(rng.integers(400, size=3000), rng.integers(400, size=3000), num_nodes=400)
    problem = capacity_problem(weighted_cascade(graph), range(20), 5)
    plus, plain = (
        solve(problem, eps=0.02, rng=np.random.default_rng(0)).info["sets"]
        for solve in (solve_rr_opim_plus, solve_rr_opim)
    )
    assert plus < plain


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_units_of_node_weight_do_not_matter(scale):
    worth = np.arange(1.0, 9.0)
    problem = tiny_problem(1, capacity=1, node_weight=worth * scale)
    result = solve_opim(problem, eps=0.2, delta=0.01, rng=np.random.default_rng(0))
    spread = true_spread(problem, result.unwrap().seeds, worth) * scale
    low, high = result.unwrap().spread_interval
    assert low <= spread <= high
    assert spread / best_spread(problem, worth) / scale >= result.unwrap().ratio
    assert result.unwrap().ratio == pytest.approx(
        solve_opim(
            tiny_problem(1, node_weight=worth), eps=0.2, delta=0.01, rng=np.random.default_rng(0)
        ).info["ratio"]
    )


def test_friends_who_weigh_nothing_leave_no_worst_case():
    graph = graph_from_arcs([0, 1, 1], [1, 2, 3], num_nodes=4)
    problem = capacity_problem(
        IndependentCascade(graph, np.full(3, 0.5)), [0], 1, node_weight=[0.0, 0.0, 1.0, 1.0]
    )
    assert worst_case_sets(problem, 0.1, 0.1) == math.inf
    assert solve_opim(problem).unwrap().seeds == (1,)


def test_the_last_round_has_the_sets_of_the_worst_case():
    problem = tiny_problem(2)
    source = ReverseSets(problem.model, problem.model.place[problem.candidates])
    plan = Plan(first=16, worst=100.5, goal=0.4, delta=0.1, max_sets=1 << 20, deadline=math.inf)

    def choose(index):
        return Choice(0, problem.marked(np.array([0])), 1e9)  # a bound that proves nothing

    seen = []
    found = process_online(
        source,
        source,
        choose,
        plan,
        rng=np.random.default_rng(0),
        progress=lambda step, total, **figures: seen.append((step, total)),
    )
    assert found.sets == 101
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert found.ratio == 0.4
    assert found.status is Status.CERTIFIED


@pytest.mark.parametrize("solve", METHODS)
def test_limits_keep_the_best_answer(solve):
    problem = tiny_problem(3, capacity=2)
    for limits in ({"max_sets": 3}, {"time_limit": 0.0}):
        result = solve(problem, eps=0.01, delta=1e-6, rng=np.random.default_rng(0), **limits)
        assert result.status is Status.LIMIT
        assert result.certificate.bound > 0.51
        assert result.steps == 1
        assert len(result.unwrap().seeds) > 0


@pytest.mark.parametrize("solve", METHODS)
def test_threads_and_seeds_decide_nothing(solve):
    problem = tiny_problem(4, capacity=2)
    first, second = (
        solve(problem, eps=0.02, threads=threads, rng=np.random.default_rng(7), progress=ignore_progress)
        for threads in (1, 2)
    )
    assert first.unwrap().friends == second.unwrap().friends
    assert first.info == second.info


@pytest.mark.parametrize(
    "options",
    [{"eps": 0.0}, {"eps": 0.5}, {"delta": 0.0}, {"delta": 1.0}, {"max_sets": 0}, {"time_limit": -1.0}],
)
def test_bad_input_is_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        solve_opim(tiny_problem(0), **options)
