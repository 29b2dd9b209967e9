"""MG-Greedy and RR-Greedy by simulation, and the live-arc graphs that they share."""

import itertools
import math

import numpy as np
import pytest

from games.influence.diffusion import (
    IndependentCascade,
    Triggering,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.exact import exact_spread
from games.influence.graph import graph_from_arcs
from games.influence.live_arcs import LiveArcs, SharedSimulations
from games.influence.problem import capacity_problem
from games.results import Status
from solvers.influence.judging import FreshSets
from solvers.influence.monte_carlo import solve_mg_greedy, solve_rr_greedy

SOLVERS = [solve_rr_greedy, solve_mg_greedy]
FEW = FreshSets(number=4096)


def random_graph(seed, nodes, arcs):
    rng = np.random.default_rng(seed)
    return graph_from_arcs(rng.integers(nodes, size=arcs), rng.integers(nodes, size=arcs), num_nodes=nodes)


def cascade(graph, max_steps=None):
    chances = np.random.default_rng(graph.num_arcs).uniform(0.1, 0.9, graph.num_arcs)
    return IndependentCascade(graph, chances, max_steps)


def threshold(graph, max_steps=None):
    return uniform_threshold(graph, max_steps=max_steps)


def triggering(graph, max_steps=None):
    sets = {}
    for v in range(graph.num_nodes):
        near = graph.source[graph.in_start[v] : graph.in_start[v + 1]].tolist()
        if near:
            sets[v] = [(0.3, near), (0.5, near[:1]), (0.2, ())]
    return Triggering(graph, sets, max_steps)


@pytest.mark.parametrize("model", [cascade, threshold, triggering])
@pytest.mark.parametrize("max_steps", [None, 0, 1, 2])
def test_gains_are_those_of_enumeration(model, max_steps):
    diffusion = model(random_graph(1, 8, 16), max_steps)
    worth, removed = np.arange(1.0, 9.0), [5]
    worth[removed] = 0.0
    number = 40_000
    simulated = SharedSimulations(
        LiveArcs.of(diffusion, removed), worth, number, rng=np.random.default_rng(0)
    )
    seeds = []
    for seed in (2, 0, 7):
        nodes = np.array([v for v in range(8) if v not in removed])
        gains = simulated.gains(nodes)
        base = exact_spread(diffusion, seeds, removed=removed, node_weight=worth)
        for v, gain in zip(nodes.tolist(), gains, strict=True):
            exact = exact_spread(diffusion, [*seeds, v], removed=removed, node_weight=worth) - base
            assert gain == pytest.approx(exact, abs=5 * worth.sum() / 2 / math.sqrt(number))
        before = simulated.spread
        assert simulated.add(seed) == pytest.approx(gains[nodes.tolist().index(seed)])
        assert simulated.spread - before == pytest.approx(gains[nodes.tolist().index(seed)])
        assert simulated.gains(np.array([seed]))[0] == 0.0
        seeds.append(seed)


@pytest.mark.parametrize("model", [cascade, threshold, triggering])
@pytest.mark.parametrize("max_steps", [None, 2])
def test_gains_never_rise(model, max_steps):
    diffusion = model(random_graph(2, 12, 40), max_steps)
    simulated = SharedSimulations(LiveArcs.of(diffusion), np.ones(12), 200, rng=np.random.default_rng(1))
    nodes = np.arange(12)
    before = simulated.gains(nodes)
    for seed in (3, 8, 1, 10):
        simulated.add(seed)
        after = simulated.gains(nodes)
        assert (after <= before).all()
        assert (after >= 0).all()
        before = after


def test_order_of_seeds_does_not_matter():
    diffusion = cascade(random_graph(2, 12, 40))
    spreads = []
    for order in itertools.permutations((1, 5, 9)):
        simulated = SharedSimulations(LiveArcs.of(diffusion), np.ones(12), 300, rng=np.random.default_rng(1))
        for v in order:
            simulated.add(v)
        spreads.append(simulated.spread)
    assert spreads == pytest.approx([spreads[0]] * 6)


def problem_of(seed, nodes, arcs, adopters, capacity, model=cascade):
    return capacity_problem(model(random_graph(seed, nodes, arcs)), range(adopters), capacity)


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", [cascade, threshold])
def test_lazy_greedy_chooses_what_greedy_chooses(solve, seed, model):
    problem = problem_of(seed, 40, 240, 6, 3, model)
    lazy, plain = (
        solve(problem, simulations=300, lazy=how, fresh=FEW, rng=np.random.default_rng(seed))
        for how in (True, False)
    )
    assert lazy.unwrap().friends == plain.unwrap().friends
    assert lazy.info["simulated_spread"] == plain.info["simulated_spread"]
    assert lazy.info["measured"] < plain.info["measured"]


@pytest.mark.parametrize("in_rounds", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_choices_are_those_of_greedy_written_out(in_rounds, seed):
    problem = problem_of(seed, 20, 90, 4, 2)
    rng = np.random.default_rng(seed)
    solve = solve_rr_greedy if in_rounds else solve_mg_greedy
    friends = solve(problem, simulations=200, fresh=FEW, rng=np.random.default_rng(seed)).unwrap().friends
    worth = np.ones(20)
    worth[problem.adopters] = 0.0
    simulated = SharedSimulations(
        LiveArcs.of(problem.diffusion, [0, 1, 2, 3]), worth, 200, rng=rng.spawn(2)[0]
    )
    known = {u: problem.candidates[problem.friend[problem.first[u] : problem.first[u + 1]]] for u in range(4)}
    expected = {u: set() for u in range(4)}

    def best(pairs):
        """The pair of greatest gain, the first candidate where equal."""
        nodes = sorted({v for _, v in pairs})
        gains = dict(zip(nodes, simulated.gains(np.array(nodes)), strict=True))
        u, v = max(pairs, key=lambda pair: (gains[pair[1]], -pair[1], -pair[0]))
        expected[u].add(v)
        simulated.add(v)

    def free(users, room):
        taken = set().union(*expected.values())
        return [(u, int(v)) for u in users if len(expected[u]) < room for v in known[u] if v not in taken]

    if in_rounds:
        for number, u in itertools.product((1, 2), range(4)):
            if free([u], number):
                best(free([u], number))
    else:
        while free(range(4), 2):
            best(free(range(4), 2))
    assert {u: set(invited) for u, invited in friends.items()} == expected


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("seed", range(4))
def test_at_least_half_of_the_optimum(solve, seed):
    problem = problem_of(seed, 9, 18, 2, 2)
    result = solve(problem, simulations=2000, fresh=FEW, rng=np.random.default_rng(seed))
    groups = [
        itertools.combinations(known.tolist(), min(2, known.size))
        for known in (problem.friend[problem.first[u] : problem.first[u + 1]] for u in range(2))
    ]
    best = max(
        exact_spread(problem.diffusion, problem.candidates[list(a + b)].tolist(), removed=[0, 1])
        for a, b in itertools.product(*groups)
    )
    spread = exact_spread(problem.diffusion, result.unwrap().seeds, removed=[0, 1])
    low, high = result.unwrap().spread_interval
    assert spread >= 0.5 * best * (1 - 5 / math.sqrt(2000))
    assert low <= spread <= high
    assert best <= result.unwrap().optimum_bound
    assert spread / best >= result.unwrap().ratio
    assert result.status is Status.STATIONARY


@pytest.mark.parametrize("solve", SOLVERS)
def test_threads_and_seeds_decide_nothing(solve):
    problem = problem_of(7, 80, 600, 8, 4, weighted_cascade)
    first, second = (
        solve(problem, simulations=150, threads=threads, fresh=FEW, rng=np.random.default_rng(3))
        for threads in (1, 2)
    )
    assert first.unwrap().friends == second.unwrap().friends
    assert first.info == second.info


@pytest.mark.parametrize("solve", SOLVERS)
def test_no_time_leaves_an_invitation_all_the_same(solve):
    problem = problem_of(7, 80, 600, 8, 4)
    seen = []
    result = solve(
        problem,
        simulations=50,
        time_limit=0.0,
        fresh=FEW,
        progress=lambda *args, **figures: seen.append(args),
    )
    assert result.status is Status.LIMIT
    assert result.info["measured"] == 0
    assert not seen
    friends = result.unwrap().friends
    for adopter, invited in friends.items():
        known = problem.friend[problem.first[adopter] : problem.first[adopter + 1]]
        assert len(invited) == 4 or set(problem.candidates[known]) <= set(result.unwrap().seeds)
    assert len(result.unwrap().seeds) > 8


@pytest.mark.parametrize("solve", SOLVERS)
def test_progress_tells_the_spread(solve):
    problem = problem_of(7, 80, 600, 8, 2)
    seen = []
    solve(
        problem,
        simulations=50,
        fresh=FEW,
        progress=lambda step, total, **figures: seen.append((step, total, figures["spread"])),
    )
    assert [step for step, _, _ in seen] == list(range(1, 17))
    assert {total for _, total, _ in seen} == {16}
    assert np.all(np.diff([spread for *_, spread in seen]) >= 0)


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("options", [{"simulations": 0}, {"threads": 0}, {"time_limit": -1.0}])
def test_bad_input_is_named(solve, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        solve(problem_of(0, 9, 18, 2, 1), **options)
