"""What the inviters can cover, against maximum flow, brute force and linear programs."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import binom

from games.influence.assignment_kernels import admit, heaviest, take
from games.influence.certificate import coverage, coverage_bound, share_at_least, share_at_most
from games.influence.collection import ReverseSets
from games.influence.diffusion import uniform_cascade, weighted_cascade
from games.influence.graph import graph_from_arcs
from games.influence.problem import capacity_problem


def random_problem(seed, *, adopters=4, others=7, density=0.4, most=3):
    """Adopters 0..a-1, shared friends, capacities from 0 on; somebody has room and a friend."""
    rng = np.random.default_rng(seed)
    n = adopters + others
    arcs = np.argwhere(rng.random((n, n)) < density)
    arcs = np.concatenate([arcs, [[0, adopters]]])
    graph = graph_from_arcs(arcs[:, 0], arcs[:, 1], num_nodes=n)
    room = {a: int(rng.integers(most + 1)) for a in range(adopters)}
    room[0] = max(room[0], 1)
    return capacity_problem(weighted_cascade(graph), range(adopters), room)


def coverable(problem, chosen):
    """Whether the inviters can cover ``chosen``, by maximum flow."""
    network = nx.DiGraph()
    network.add_node("sink")
    for c in chosen:
        network.add_edge("source", ("c", c), capacity=1)
        for u in problem.inviter[problem.start[c] : problem.start[c + 1]].tolist():
            network.add_edge(("c", c), ("u", u), capacity=1)
            network.add_edge(("u", u), "sink", capacity=int(problem.capacity[u]))
    return len(chosen) == 0 or nx.maximum_flow_value(network, "source", "sink") == len(chosen)


def check_places(problem, places):
    """The assignment is one: friends of their inviters, within capacity, everybody once."""
    held = np.bincount(places.owner[places.owner >= 0], minlength=problem.adopters.size)
    np.testing.assert_array_equal(held, places.used)
    assert (held <= problem.capacity).all()
    for u in range(problem.adopters.size):
        mine = np.flatnonzero(places.owner == u).tolist()
        assert sorted(places.held[places.first[u] : places.first[u] + places.used[u]].tolist()) == mine
        assert set(mine) <= set(problem.friend[problem.first[u] : problem.first[u + 1]].tolist())


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_admit_lets_in_exactly_whom_maximum_flow_does(seed, order_seed):
    problem = random_problem(seed, adopters=5, others=9)
    places = problem.places()
    inside: list[int] = []
    for c in np.random.default_rng(order_seed).permutation(problem.num_candidates).tolist():
        possible = coverable(problem, [*inside, c])
        assert admit(places, c) == possible
        if possible:
            inside.append(c)
        check_places(problem, places)
        assert sorted(inside) == np.flatnonzero(places.owner >= 0).tolist()


def test_a_long_chain_of_changes():
    # Adopter i knows friends i and i + 1; each newcomer pushes all others on.
    number = 200
    who = np.concatenate([np.arange(number), np.arange(number)])
    whom = number + np.concatenate([np.arange(number), np.arange(1, number + 1)])
    problem = capacity_problem(weighted_cascade(graph_from_arcs(who, whom)), range(number), 1)
    places = problem.places()
    assert all(admit(places, c) for c in range(number))
    assert not admit(places, number)
    assert sorted(places.owner[:number].tolist()) == list(range(number))
    check_places(problem, places)


def test_take_moves_nobody():
    # Both adopters know friend 2, only adopter 0 knows friend 3.
    problem = capacity_problem(weighted_cascade(graph_from_arcs([0, 1, 0], [2, 2, 3])), [0, 1], 1)
    places = problem.places()
    assert take(places, 0)
    assert not take(places, 1)
    other = problem.places()
    assert admit(other, 0)
    assert admit(other, 1)
    check_places(problem, other)


@settings(deadline=None)
@given(st.integers(0, 10**6))
def test_the_heaviest_set_is_that_of_brute_force_and_of_an_assignment(seed):
    problem = random_problem(seed)
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 9, problem.num_candidates).astype(float) * 10.0 ** rng.integers(-6, 7)
    found = heaviest(problem.places(), np.argsort(-weight, kind="stable"), weight)
    everyone = range(problem.num_candidates)
    brute = max(
        float(weight[list(group)].sum())
        for size in range(problem.num_candidates + 1)
        for group in combinations(everyone, size)
        if size <= problem.capacity.sum() and coverable(problem, group)
    )
    assert found == pytest.approx(brute, rel=1e-12)
    # One column per place, worth its weight where inviter and candidate know each other.
    table = np.zeros((problem.num_candidates, int(problem.capacity.sum())))
    ends = np.cumsum(problem.capacity)
    for c in everyone:
        for u in problem.inviter[problem.start[c] : problem.start[c + 1]]:
            table[c, ends[u] - problem.capacity[u] : ends[u]] = weight[c]
    rows, columns = linear_sum_assignment(table, maximize=True)
    assert found == pytest.approx(table[rows, columns].sum(), rel=1e-12)


def best_coverage(problem, sets):
    """Greatest coverage of a coverable set, by brute force."""
    bits = np.zeros((problem.num_candidates, sets.num_sets), dtype=np.bool_)
    bits[sets.member, np.repeat(np.arange(sets.num_sets), np.diff(sets.start))] = True
    return max(
        int(bits[list(group)].any(axis=0).sum())
        for size in range(min(problem.num_candidates, int(problem.capacity.sum())) + 1)
        for group in combinations(range(problem.num_candidates), size)
        if coverable(problem, group)
    )


def draw(problem, number, seed=0):
    """A collection of a problem."""
    return ReverseSets(problem.model, problem.model.place[problem.candidates]).make(seed, 0, number)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(0, 2))
def test_any_multipliers_bound_the_best_coverage(seed, kind):
    problem = random_problem(seed, adopters=3, others=6, most=2)
    sets = draw(problem, 60, seed)
    rng = np.random.default_rng(seed)
    alpha = [rng.random(60), rng.integers(0, 2, 60).astype(float), np.ones(60)][kind]
    assert coverage_bound(problem, sets, alpha) >= best_coverage(problem, sets) - 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_at_the_multipliers_of_the_linear_program_the_bound_is_its_value(seed):
    problem = random_problem(seed, adopters=3, others=8, most=2)
    sets = draw(problem, 80, seed)
    c, m, arcs = problem.num_candidates, sets.num_sets, problem.friend.size
    rows = np.zeros((m + c + problem.adopters.size, m + arcs))
    rows[np.arange(m), np.arange(m)] = 1.0
    for r in range(m):
        for member in sets.member[sets.start[r] : sets.start[r + 1]]:
            rows[r, m:][problem.friend == member] = -1.0
    rows[m + problem.friend, m + np.arange(arcs)] = 1.0
    rows[m + c + np.repeat(np.arange(problem.adopters.size), np.diff(problem.first)), m + np.arange(arcs)] = (
        1.0
    )
    room = np.concatenate([np.zeros(m), np.ones(c), problem.capacity])
    gain = np.concatenate([-np.ones(m), np.zeros(arcs)])
    bounds = [(0, 1)] * m + [(0, None)] * arcs
    found = linprog(gain, A_ub=rows, b_ub=room, bounds=bounds, method="highs")
    alpha = np.clip(-found.ineqlin.marginals[:m], 0.0, 1.0)
    assert coverage_bound(problem, sets, alpha) == pytest.approx(-found.fun, abs=1e-7)


def test_coverage_counts_sets():
    problem = random_problem(1)
    sets = draw(problem, 200)
    for chosen in ([], [0], [1, 3], list(range(problem.num_candidates))):
        met = sum(
            bool(set(chosen) & set(sets.member[sets.start[r] : sets.start[r + 1]].tolist()))
            for r in range(200)
        )
        assert coverage(sets, np.array(chosen, dtype=np.int64)) == met


def test_bad_multipliers():
    problem = random_problem(1)
    sets = draw(problem, 5)
    for alpha in (np.zeros(4), np.full(5, 1.1), np.full(5, np.nan), np.full(5, -0.1)):
        with pytest.raises(ValueError, match=r"alpha must hold one number in \[0, 1\] per set"):
            coverage_bound(problem, sets, alpha)


@pytest.mark.parametrize("trials", [1, 7, 40])
@pytest.mark.parametrize("failure", [0.3, 0.05, 1e-4])
def test_shares_are_those_of_clopper_and_pearson(trials, failure):
    """Checked by their definition: at the bound, a count so far out has exactly probability ``failure``."""
    for hits in range(trials + 1):
        low, high = share_at_least(hits, trials, failure), share_at_most(hits, trials, failure)
        assert 0 <= low <= hits / trials <= high <= 1
        if hits:
            assert binom.sf(hits - 1, trials, low) == pytest.approx(failure, rel=1e-6)
        if hits < trials:
            assert binom.cdf(hits, trials, high) == pytest.approx(failure, rel=1e-6)
    assert share_at_most(2.9, 40, failure) == share_at_most(2, 40, failure)
    assert share_at_most(3 - 1e-13, 40, failure) == share_at_most(3, 40, failure)


def test_problems_are_checked():
    model = uniform_cascade(graph_from_arcs([0, 1, 2, 3], [2, 2, 3, 4], labels=list("abcde")), 0.5)
    problem = capacity_problem(model, ["b", "a", "e"], {"a": 1, "b": 5, "e": 2})
    assert problem.candidates.tolist() == [2]
    assert problem.inviter.tolist() == [1, 0]  # numbered as the adopters were named
    with pytest.raises(ValueError, match="the graph has no node 'z'"):
        capacity_problem(model, ["z"], 1)
    with pytest.raises(ValueError, match="adopters must be distinct"):
        capacity_problem(model, ["a", "a"], 1)
    with pytest.raises(ValueError, match="adopters must name at least one node"):
        capacity_problem(model, [], 1)
    with pytest.raises(ValueError, match="capacity lacks \\['b'\\]"):
        capacity_problem(model, ["a", "b"], {"a": 1})
    for wrong in (-1, 1.5, {"a": -2}, True):
        with pytest.raises(ValueError, match="capacity must be a whole number"):
            capacity_problem(model, ["a"], wrong)
    for nobody in (["e"], ["a"]):
        with pytest.raises(ValueError, match="no adopter has room and a neighbour"):
            capacity_problem(model, nobody, 0 if nobody == ["a"] else 3)
    with pytest.raises(ValueError, match="no node is left"):
        capacity_problem(model, list("abcde"), 1)
