"""The certified solver against brute force of the whole problem, over many seeds, and on every odd input."""

import itertools
import json
import time

import numpy as np
import pytest

from games.influence.collection import ReverseSets
from games.influence.diffusion import (
    Triggering,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.exact import exact_spread
from games.influence.graph import graph_from_arcs
from games.influence.problem import capacity_problem
from games.results import Status
from solvers.influence.anytime import solve_capacity
from solvers.influence.dual import DualDescent
from solvers.influence.limits import deadline_after, fits_twice
from solvers.influence.relaxation import LinearRelaxation
from solvers.influence.selection import GainGreedy, RoundsGreedy

WEIGHT = np.array([0.0, 1.0, 3.0, 0.5, 2.0, 1.0, 0.25, 4.0, 1.0])


def tiny(kind):
    """Nine nodes, adopters 0 and 1 with shared friends; few enough arcs to enumerate."""
    arcs = [
        (0, 2),
        (0, 3),
        (0, 4),
        (1, 3),
        (1, 4),
        (1, 5),
        (2, 6),
        (3, 6),
        (3, 7),
        (4, 7),
        (5, 8),
        (6, 8),
        (7, 6),
    ]
    graph = graph_from_arcs(*np.array(arcs).T, num_nodes=9)
    diffusion = {
        "cascade": weighted_cascade(graph),
        "uniform": uniform_cascade(graph, 0.4),
        "threshold": uniform_threshold(graph),
        "one step": weighted_cascade(graph, max_steps=1),
        "triggering": Triggering(
            graph, {6: [(0.5, (2, 3)), (0.5, (7,))], 7: [(1.0, (4,))], 8: [(0.3, ()), (0.7, (6,))]}
        ),
    }[kind]
    weight = WEIGHT if kind == "uniform" else None
    return capacity_problem(diffusion, [0, 1], {0: 1, 1: 2}, node_weight=weight), weight


def spreads(problem, weight):
    """Exact spread of every set of seeds that an invitation gives."""
    friends = [
        problem.candidates[problem.friend[problem.first[u] : problem.first[u + 1]]].tolist() for u in range(2)
    ]
    ways = [
        [w for size in range(k + 1) for w in itertools.combinations(f, size)]
        for f, k in zip(friends, problem.capacity.tolist(), strict=True)
    ]
    sets = {frozenset(a + b) for a, b in itertools.product(*ways)}
    gone = problem.adopters.tolist()
    return {s: exact_spread(problem.diffusion, s, removed=gone, node_weight=weight) for s in sets}


KINDS = ["cascade", "uniform", "threshold", "one step", "triggering"]


def check_over_seeds(kind, seeds, sets, confidence, **options):
    """Everything certified holds in at least the stated share of runs, less what chance allows."""
    problem, weight = tiny(kind)
    truth = spreads(problem, weight)
    best = max(truth.values())
    right = 0
    ratios = []
    for seed in range(seeds):
        result = solve_capacity(
            problem,
            target_ratio=1.0,
            confidence=confidence,
            first_sets=sets,
            max_sets=4 * sets,
            rng=np.random.default_rng(seed),
            **options,
        )
        found = result.unwrap()
        spread = truth[frozenset(found.seeds)]
        assert spread >= best / 2
        low, high = found.spread_interval
        assert low <= found.spread <= high
        assert found.ratio == pytest.approx(min(1.0, low / found.optimum_bound))
        right += low <= spread <= high and found.optimum_bound >= best and found.ratio <= spread / best
        ratios.append(found.ratio)
    assert right / seeds >= confidence - 3 * np.sqrt(confidence * (1 - confidence) / seeds)
    return np.array(ratios)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_certified_holds(kind):
    ratios = check_over_seeds(kind, 60, 100, 0.8)
    assert 0.3 < ratios.mean() < 1.0  # and it says something


def test_what_is_certified_holds_with_the_linear_program_and_without_descent():
    check_over_seeds("cascade", 40, 100, 0.8, relaxation=LinearRelaxation(), dual=None)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("confidence", [0.6, 0.9])
def test_what_is_certified_holds_over_a_thousand_seeds(kind, confidence):
    check_over_seeds(kind, 1000, 60, confidence)


@pytest.mark.parametrize("kind", KINDS)
def test_many_sets_find_and_prove_the_best(kind):
    problem, weight = tiny(kind)
    truth = spreads(problem, weight)
    result = solve_capacity(problem, target_ratio=0.98, max_sets=1 << 19, relaxation=LinearRelaxation())
    found = result.unwrap()
    assert result.status is Status.CERTIFIED
    assert truth[frozenset(found.seeds)] == pytest.approx(max(truth.values()), rel=0.01)
    assert result.require(0.02) is result
    assert found.spread == pytest.approx(truth[frozenset(found.seeds)], rel=0.02)


def test_threads_change_nothing():
    graph = graph_from_arcs(*np.random.default_rng(0).integers(500, size=(2, 4000)), num_nodes=500)
    problem = capacity_problem(weighted_cascade(graph), range(25), 3)
    results = [
        solve_capacity(problem, target_ratio=0.999, first_sets=30_000, max_sets=60_000, threads=threads)
        for threads in (1, 2, 4)
    ]
    first = results[0].unwrap()
    for other in results[1:]:
        found = other.unwrap()
        assert found.friends == first.friends
        assert (found.spread, found.spread_interval, found.ratio) == (
            first.spread,
            first.spread_interval,
            first.ratio,
        )
    other_rng = np.random.default_rng(1)
    again = solve_capacity(problem, target_ratio=0.999, first_sets=30_000, max_sets=60_000, rng=other_rng)
    assert again.unwrap().spread != first.spread


def test_limits_keep_the_best_answer():
    problem, _ = tiny("cascade")
    seen = []

    def note(step, total, **figures):
        seen.append((step, total, figures["ratio"], figures["spread"]))

    out = solve_capacity(problem, target_ratio=1.0, first_sets=50, max_sets=400, progress=note)
    assert out.status is Status.LIMIT
    assert [s[0] for s in seen] == [1, 2, 3, 4]
    assert seen[-1][2] == out.unwrap().ratio
    assert all(total is None and 0 <= ratio <= 1 for _, total, ratio, _ in seen)
    assert out.info["sets"] == 400
    few = solve_capacity(problem, target_ratio=1.0, max_sets=400)  # fewer than a first round mostly has
    assert few.info["sets"] == 400
    hurried = solve_capacity(problem, target_ratio=1.0, first_sets=50, time_limit=0.0)
    assert hurried.status is Status.LIMIT
    assert hurried.steps == 1
    assert hurried.unwrap().seeds
    assert json.dumps(dict(out.info))


def test_a_round_that_would_end_late_is_not_started(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert fits_twice(99.0, 102.5)  # one second for this round, so two for the next
    assert not fits_twice(99.0, 101.5)
    assert fits_twice(0.0, deadline_after(None))
    assert deadline_after(2.5) == 102.5
    # A clock on which round k takes 2^k seconds: two of them end after six, three after fourteen.
    problem, _ = tiny("cascade")
    make = ReverseSets.make

    def slow(self, seed, lo, hi):
        now[0] += hi / 25
        return make(self, seed, lo, hi)

    monkeypatch.setattr(ReverseSets, "make", slow)
    for limit, rounds in ((1.0, 1), (5.0, 1), (7.0, 2), (13.0, 2), (15.0, 3)):
        out = solve_capacity(problem, target_ratio=1.0, first_sets=50, time_limit=limit)
        assert out.status is Status.LIMIT
        assert out.steps == rounds
        assert out.seconds == pytest.approx(2 ** (rounds + 1) - 2)


def test_descent_and_program_keep_the_deadline(monkeypatch):
    problem, _ = tiny("cascade")
    source = ReverseSets(problem.model, problem.model.place[problem.candidates])
    sets = source.make(0, 0, 500)
    start = np.full(500, 0.5)
    assert (DualDescent().improve(problem, sets, start, 0, deadline=0.0) == start).all()
    assert (DualDescent().improve(problem, sets, start, 0) != start).any()
    asked = []

    def select(self, problem, index):
        asked.append(self.time_limit)

    monkeypatch.setattr(LinearRelaxation, "select", select)
    options = {"target_ratio": 1.0, "first_sets": 50, "max_sets": 50, "relaxation": LinearRelaxation()}
    solve_capacity(problem, time_limit=20.0, **options)
    solve_capacity(problem, **options)
    assert 0 < asked[0] <= 20
    assert asked[1:] == [60.0]


@pytest.mark.parametrize("selector", [RoundsGreedy(), GainGreedy()])
def test_one_rule_alone(selector):
    problem, _ = tiny("threshold")
    result = solve_capacity(problem, target_ratio=0.7, selectors=[selector], dual=DualDescent(steps=5))
    assert result.status is Status.CERTIFIED
    assert result.info["chosen_by"] == selector.name


def test_odd_graphs():
    """Duplicates, loops, an isolated node, in-degree 0, no candidate, no room, more room than friends."""
    labels = ["ann", "bob", "cid", "dee", "eve", "fay", "gus", "hal"]
    arcs = [
        ("ann", "cid"),
        ("ann", "cid"),
        ("ann", "dee"),
        ("bob", "dee"),
        ("bob", "ann"),
        ("cid", "cid"),
        ("cid", "fay"),
        ("dee", "fay"),
        ("hal", "cid"),
        ("gus", "bob"),
    ]
    numbers = np.array([[labels.index(u), labels.index(v)] for u, v in arcs])
    graph = graph_from_arcs(numbers[:, 0], numbers[:, 1], num_nodes=8, labels=labels)
    diffusion = weighted_cascade(graph)
    assert diffusion.graph.num_arcs == 8
    # gus knows only bob, who is in already; hal may invite nobody.
    adopters = ["gus", "ann", "hal", "bob"]
    problem = capacity_problem(diffusion, adopters, {"gus": 3, "ann": 7, "hal": 0, "bob": 2})
    found = solve_capacity(problem).unwrap()
    assert list(found.friends) == adopters
    assert found.friends["gus"] == found.friends["hal"] == ()
    assert sorted(found.seeds) == ["cid", "dee"]  # everybody who can be, each once
    # Each of the two persuades fay with probability one half.
    assert found.spread == pytest.approx(2.75, rel=0.05)
    assert exact_spread(diffusion, [2, 3], removed=[0, 1, 6, 7]) == pytest.approx(2.75)


def test_a_single_candidate():
    problem = capacity_problem(weighted_cascade(graph_from_arcs([0], [1])), [0], 1)
    result = solve_capacity(problem, target_ratio=0.99)
    assert result.status is Status.CERTIFIED
    assert result.unwrap().friends == {0: (1,)}
    assert result.unwrap().spread == 1.0


def test_adopters_who_share_all_friends():
    # Two adopters, room for one each, two friends: both are invited, whoever comes first.
    graph = graph_from_arcs([0, 0, 1, 1, 2, 3], [2, 3, 2, 3, 4, 5])
    for adopters in ([0, 1], [1, 0]):
        found = solve_capacity(capacity_problem(weighted_cascade(graph), adopters, 1)).unwrap()
        assert sorted(found.seeds) == [2, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_ratio": 0.0}, "target_ratio"),
        ({"target_ratio": float("nan")}, "target_ratio"),
        ({"confidence": 1.0}, "confidence"),
        ({"first_sets": 0}, "first_sets"),
        ({"max_sets": 0}, "max_sets"),
        ({"time_limit": -1.0}, "time_limit"),
        ({"selectors": []}, "selectors"),
        ({"threads": 0}, "threads"),
    ],
)
def test_bad_options(options, message):
    problem, _ = tiny("cascade")
    with pytest.raises(ValueError, match=message):
        solve_capacity(problem, **options)
