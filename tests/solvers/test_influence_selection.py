"""Greedy selection on collections, against brute force and greedy written naively."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.influence.certificate import coverage, coverage_bound
from games.influence.collection import ReverseSets
from games.influence.diffusion import uniform_cascade, weighted_cascade
from games.influence.graph import graph_from_arcs
from games.influence.problem import capacity_problem
from solvers.influence import selection_kernels as sk
from solvers.influence.dual import DualDescent
from solvers.influence.selection import CoverageIndex, GainGreedy, RoundsGreedy

SELECTORS = [RoundsGreedy(), GainGreedy()]


def random_problem(seed, *, adopters=3, others=6, density=0.4, most=2):
    rng = np.random.default_rng(seed)
    n = adopters + others
    arcs = np.concatenate([np.argwhere(rng.random((n, n)) < density), [[0, adopters]]])
    room = {a: int(rng.integers(most + 1)) for a in range(adopters)}
    room[0] = max(room[0], 1)
    graph = graph_from_arcs(arcs[:, 0], arcs[:, 1], num_nodes=n)
    return capacity_problem(weighted_cascade(graph), range(adopters), room)


def draw(problem, number, seed=0):
    return ReverseSets(problem.model, problem.model.place[problem.candidates]).make(seed, 0, number)


def feasible_sets(problem):
    """All sets of candidates the adopters can cover, each by trying every way to invite."""
    found = {frozenset()}
    for u in range(problem.adopters.size):
        friends = problem.friend[problem.first[u] : problem.first[u + 1]].tolist()
        ways = [
            frozenset(w) for size in range(int(problem.capacity[u]) + 1) for w in combinations(friends, size)
        ]
        found = {old | new for old in found for new in ways}
    return found


def check_owner(problem, owner):
    invited = np.bincount(owner[owner >= 0], minlength=problem.adopters.size)
    assert (invited <= problem.capacity).all()
    for c in np.flatnonzero(owner >= 0):
        assert owner[c] in problem.inviter[problem.start[c] : problem.start[c + 1]]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_selections_are_feasible_at_least_half_of_the_best_and_bounded(seed):
    problem = random_problem(seed)
    sets = draw(problem, 80, seed)
    index = CoverageIndex.of(sets)
    best = max(coverage(sets, np.array(sorted(s), dtype=np.int64)) for s in feasible_sets(problem))
    for selector in SELECTORS:
        found = selector.select(problem, index)
        check_owner(problem, found.owner)
        assert found.covered == coverage(sets, found.chosen)
        assert best / 2 <= found.covered <= best <= found.bound + 1e-9
        assert found.bound == pytest.approx(coverage_bound(problem, sets, found.alpha))
        again = selector.select(problem, index)
        np.testing.assert_array_equal(found.owner, again.owner)
        better = DualDescent().improve(problem, sets, found.alpha, found.covered)
        assert best - 1e-9 <= coverage_bound(problem, sets, better) <= found.bound + 1e-9


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_greedy_by_gain_is_greedy(seed):
    problem = random_problem(seed, adopters=4, others=10, most=3)
    sets = draw(problem, 150, seed)
    index = CoverageIndex.of(sets)
    places = problem.places()
    covered = np.zeros(sets.num_sets, dtype=np.bool_)
    met, order = sk.greedy_by_gain(
        places, sets.start, sets.member, index.begin, index.holder, covered, np.diff(index.begin), True
    )
    holders = [
        set(index.holder[index.begin[c] : index.begin[c + 1]].tolist()) for c in range(places.owner.size)
    ]
    network = nx.Graph()
    chosen: list[int] = []
    seen: set[int] = set()

    def possible(group):
        network.clear()
        slots = [(u, k) for u in range(problem.adopters.size) for k in range(int(problem.capacity[u]))]
        network.add_nodes_from([("c", c) for c in group])
        for c in group:
            inviters = set(problem.inviter[problem.start[c] : problem.start[c + 1]].tolist())
            network.add_edges_from([(("c", c), slot) for slot in slots if slot[0] in inviters])
        tops = [("c", c) for c in group]
        return len(nx.bipartite.maximum_matching(network, tops)) == 2 * len(group)

    for c in order.tolist():
        gains = [len(h - seen) for h in holders]
        free = [x for x in range(len(holders)) if x not in chosen and possible([*chosen, x])]
        assert c in free
        assert gains[c] == max(gains[x] for x in free)
        chosen.append(c)
        seen |= holders[c]
    assert met == len(seen) == covered.sum()
    assert all(
        not holders[x] - seen or not possible([*chosen, x]) for x in range(len(holders)) if x not in chosen
    )


def test_the_index_lists_the_sets_of_each_candidate():
    problem = random_problem(4)
    sets = draw(problem, 300)
    index = CoverageIndex.of(sets)
    for c in range(problem.num_candidates):
        mine = index.holder[index.begin[c] : index.begin[c + 1]].tolist()
        assert mine == [r for r in range(300) if c in sets.member[sets.start[r] : sets.start[r + 1]].tolist()]


def test_rounds_let_everybody_choose_once_a_round():
    # Adopter 0 knows the two best friends; adopter 1 knows one of them and comes second.
    graph = graph_from_arcs([0, 0, 1, 2, 2, 2, 3, 3], [2, 3, 2, 4, 5, 6, 7, 8])
    problem = capacity_problem(uniform_cascade(graph, 1.0), [0, 1], 1)
    index = CoverageIndex.of(draw(problem, 4000))
    rounds = RoundsGreedy().select(problem, index)
    gain = GainGreedy().select(problem, index)
    assert rounds.owner.tolist() == [0, -1]  # the second is left with nobody
    assert gain.owner.tolist() == [1, 0]  # moved, so that both are invited
    assert gain.covered > rounds.covered
    assert gain.bound < gain.covered + 1


def test_spare_places_are_used():
    # Nothing tells the friends apart on one set, but inviting more never harms.
    graph = graph_from_arcs(np.zeros(6, dtype=int), np.arange(1, 7))
    problem = capacity_problem(weighted_cascade(graph), [0], 4)
    for selector in SELECTORS:
        assert selector.select(problem, CoverageIndex.of(draw(problem, 1))).chosen.size == 4


def test_no_sets_with_candidates():
    graph = graph_from_arcs([0, 2, 3], [1, 3, 2])
    problem = capacity_problem(weighted_cascade(graph), [0], 1)
    sets = draw(problem, 1, next(s for s in range(50) if not draw(problem, 1, s).member.size))
    for selector in SELECTORS:
        found = selector.select(problem, CoverageIndex.of(sets))
        assert found.covered == found.bound == 0


def test_descent_ends_where_it_is_told_to():
    problem = random_problem(11, adopters=5, others=20, most=2)
    sets = draw(problem, 500)
    start = GainGreedy().select(problem, CoverageIndex.of(sets))
    free = coverage_bound(problem, sets, DualDescent().improve(problem, sets, start.alpha, start.covered))
    assert free < start.bound
    middle = (free + start.bound) / 2
    alpha = DualDescent().improve(problem, sets, start.alpha, start.covered, middle)
    assert free <= coverage_bound(problem, sets, alpha) <= middle
