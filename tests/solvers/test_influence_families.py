"""Families of seed sets against brute force on small graphs."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.influence.category_capacities import CategoryCapacities
from games.influence.collection import ReverseSets, SetCollection
from games.influence.diffusion import uniform_cascade
from games.influence.exact import exact_spread
from games.influence.families import (
    Capacities,
    Knapsack,
    Matroid,
    Quotas,
    at_most,
    family_bound,
)
from games.influence.family_problems import family_problem, with_capacities
from games.influence.graph import graph_from_arcs
from games.influence.intersection import Intersection, SplitWeights, parts_of
from games.influence.problem import capacity_problem
from solvers.influence.family import solve_family
from solvers.influence.family_selection import BoundDescent, BudgetedGreedy, FamilyGreedy
from solvers.influence.selection import CoverageIndex


def subsets(c):
    return chain.from_iterable(combinations(range(c), k) for k in range(c + 1))


def random_capacity_problem(seed, n=9, arcs=20, adopters=3, capacity=1):
    rng = np.random.default_rng(seed)
    while True:
        graph = graph_from_arcs(rng.integers(n, size=arcs), rng.integers(n, size=arcs), num_nodes=n)
        if (graph.source < adopters).any() and (graph.target[graph.source < adopters] >= adopters).any():
            return capacity_problem(uniform_cascade(graph, 0.4), range(adopters), capacity)


def covering_exists(problem, chosen, category=None, quota=None):
    """Try every assignment of the chosen to their inviters."""

    def place(rest, room, cells):
        if not rest:
            return True
        c, *others = rest
        for u in problem.inviter[problem.start[c] : problem.start[c + 1]].tolist():
            kind = 0 if category is None else category[c]
            if room[u] > 0 and (quota is None or cells[u, kind] < quota[u, kind]):
                after = cells.copy()
                after[u, kind] += 1
                if place(others, room - (np.arange(room.size) == u), after):
                    return True
        return False

    kinds = 1 if quota is None else quota.shape[1]
    return place(list(chosen), problem.capacity.copy(), np.zeros((problem.adopters.size, kinds), dtype=int))


def family_cases(seed):
    """Families with what membership means, told apart from them."""
    rng = np.random.default_rng(seed)
    problem = random_capacity_problem(seed, capacity=int(rng.integers(1, 3)))
    c = problem.num_candidates
    yield Capacities(problem), lambda s: covering_exists(problem, s)
    category = rng.integers(2, size=c)
    quota = rng.integers(0, 2, size=(problem.adopters.size, 2))
    yield (
        CategoryCapacities(problem, category, quota),
        lambda s: covering_exists(problem, s, category, quota),
    )
    kinds = rng.integers(3, size=c)
    members = np.stack([kinds == 0, kinds == 1, kinds <= 1, np.ones(c, dtype=bool)])
    limit = np.array([1, 2, 2, 3])
    quotas = Quotas(members, limit)
    yield quotas, lambda s: all(members[g, list(s)].sum() <= limit[g] for g in range(4))
    cost = rng.integers(0, 5, size=c).astype(float)
    yield Knapsack(cost, 6.0), lambda s: cost[list(s)].sum() <= 6.0
    # A graphic matroid: candidates are edges of a triangle with doubled sides; forests are independent.
    edges = [((0, 1), (1, 2), (0, 2))[k % 3] for k in range(c)]

    def forest(chosen):
        root = {v: v for v in range(3)}
        for k in chosen:
            a, b = (root[v] for v in edges[k])
            if a == b:
                return False
            root = {v: b if r == a else r for v, r in root.items()}
        return True

    yield Matroid(forest, c), forest
    yield (
        Intersection((Capacities(problem), Knapsack(cost, 6.0), quotas)),
        lambda s: (
            covering_exists(problem, s)
            and cost[list(s)].sum() <= 6.0
            and all(members[g, list(s)].sum() <= limit[g] for g in range(4))
        ),
    )


@pytest.mark.parametrize("seed", range(12))
def test_growing_choices_are_the_members_of_the_family(seed):
    for family, member in family_cases(seed):
        for chosen in subsets(family.num_candidates):
            choice = family.empty()
            fits = all(choice.admit(c) for c in chosen)
            assert fits == member(chosen), (type(family).__name__, chosen)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_undone_leaves_no_trace(seed):
    rng = np.random.default_rng(seed)
    for family, member in family_cases(seed):
        for _ in range(30):
            choice, taken = family.empty(), []
            for c in rng.permutation(family.num_candidates).tolist():
                fits = choice.admit(c)
                assert fits == member(sorted([*taken, c])), type(family).__name__
                if fits and rng.random() < 0.5:
                    choice.undo()
                elif fits:
                    taken.append(c)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_relaxed_points_outweigh_every_member(seed):
    rng = np.random.default_rng(seed)
    for family, member in family_cases(seed % 40):
        weight = np.maximum(0.0, rng.integers(-1, 6, size=family.num_candidates).astype(float))
        best = max(weight[list(s)].sum() for s in subsets(family.num_candidates) if member(s))
        point = family.relaxed_best(weight)
        assert point.min() >= 0
        assert point.max() <= 1
        assert weight @ point >= best - 1e-9
        if not isinstance(family, Knapsack | Intersection):
            assert weight @ point == pytest.approx(best)  # matroids: greedy is exact


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_bounds_and_guarantees_on_collections(seed):
    """Every bound is at least the best member's coverage, and greedy keeps its promise."""
    rng = np.random.default_rng(seed)
    for family, member in family_cases(seed % 40):
        c = family.num_candidates
        sizes = rng.integers(0, 4, size=25)
        sets = [rng.choice(c, size=min(int(s), c), replace=False) for s in sizes]
        index = index_of(sets, c)
        worth = rng.integers(1, 4, size=25).astype(float)

        def value(chosen, sets=sets, worth=worth):
            return sum(w for s, w in zip(sets, worth, strict=True) if set(s.tolist()) & set(chosen))

        best = max(value(s) for s in subsets(c) if member(s))
        assert family_bound(family, index.sets, rng.random(25), worth) >= best - 1e-9
        share = rng.dirichlet(np.ones(len(parts_of(family))), size=c).T
        split = SplitWeights(parts_of(family), share)
        assert family_bound(split, index.sets, rng.random(25), worth) >= best - 1e-9
        for rule in (FamilyGreedy(), BudgetedGreedy(1)):
            found = rule.select(family, index, worth)
            assert member(sorted(found.chosen.tolist()))
            assert found.worth == pytest.approx(value(found.chosen.tolist()))
            assert BoundDescent().bound(family, index, worth, found) >= best - 1e-9
        if isinstance(family, Knapsack):
            assert BudgetedGreedy(3).select(family, index, worth).worth >= (1 - 1 / np.e) * best - 1e-9
        elif not isinstance(family, Intersection):
            assert FamilyGreedy().select(family, index, worth).worth >= best / 2 - 1e-9


def index_of(sets, c):
    start = np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int64)
    member = np.concatenate([np.asarray(s, dtype=np.int32) for s in sets]).astype(np.int32)
    return CoverageIndex.of(SetCollection(start, member, c, 0))


def test_bounds_use_all_parts_of_an_intersection():
    """One cell per row and per column of a table whose first row and first column are heavy.

    Rows alone allow n heavy cells, and columns alone as well; together there are two and n - 2 light ones.
    """
    n = 6
    heavy = np.add.outer(np.arange(n) == 0, np.arange(n) == 0).ravel() > 0
    sets = [[c] for c in range(n * n) for _ in range(10 if heavy[c] else 1)]
    row, column = np.divmod(np.arange(n * n), n)
    ones = np.ones(n, dtype=np.int64)
    families = [Quotas(group == np.arange(n)[:, None], ones) for group in (row, column)]
    index, worth = index_of(sets, n * n), np.ones(len(sets))
    together = Intersection(families)
    weight = np.diff(index.begin).astype(float)
    alone = [float(weight @ family.relaxed_best(weight)) for family in families]
    assert alone == [10 * n, 10 * n]
    best = 20 + (n - 2)
    found = FamilyGreedy().select(together, index, worth)
    assert best <= BoundDescent().bound(together, index, worth, found) + 1e-9
    assert BoundDescent().bound(together, index, worth, found) <= 1.05 * best
    nested = Intersection((together, at_most(n, n * n)))
    assert len(nested.parts) == 3
    assert best <= BoundDescent().bound(nested, index, worth, found) + 1e-9
    assert BoundDescent().bound(nested, index, worth, found) <= 1.1 * best


def test_ratio_greedy_with_starts_beats_the_trap_of_one_dear_candidate():
    """One cheap candidate of good ratio shuts out the dear one that holds nearly everything."""
    sets = [[0]] + [[1]] * 9
    index, worth = index_of(sets, 2), np.ones(10)
    family = Knapsack(np.array([0.1, 1.0]), 1.0)
    assert BudgetedGreedy(0).select(family, index, worth).worth == 1
    assert BudgetedGreedy(1).select(family, index, worth).worth == 9


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_targeted_budgeted_seeds_against_enumeration(scale):
    """Certified interval, bound and ratio hold for the true spreads, in any unit of node weight and cost."""
    rng = np.random.default_rng(5)
    graph = graph_from_arcs(rng.integers(8, size=14), rng.integers(8, size=14), num_nodes=8)
    diffusion = uniform_cascade(graph, 0.5)
    target = scale * np.array([0, 0, 1, 5, 0, 2, 0, 3.0])
    cost = scale * np.array([1, 2, 3, 2, 1, 2, 3, 2.0])
    problem = family_problem(diffusion, range(8), Knapsack(cost, 4 * scale), node_weight=target)
    result = solve_family(
        problem,
        target_ratio=0.9,
        selectors=(FamilyGreedy(), BudgetedGreedy(2)),
        rng=np.random.default_rng(1),
        max_sets=1 << 16,
    )
    answer = result.unwrap()
    assert cost[list(answer.seeds)].sum() <= 4 * scale
    best = max(
        exact_spread(diffusion, s, node_weight=target) for s in subsets(8) if cost[list(s)].sum() <= 4 * scale
    )
    true = exact_spread(diffusion, answer.seeds, node_weight=target)
    assert answer.spread_interval[0] <= true <= answer.spread_interval[1]
    assert best <= answer.optimum_bound
    assert answer.ratio <= true / best
    assert true >= 0.9 * best
    assert result.certificate is not None
    assert result.certificate.bound == pytest.approx(1 - answer.ratio)


def test_intervals_and_bounds_hold_at_their_confidence():
    """Over many seeds, true spreads and the optimum leave what is claimed at most as often as stated."""
    graph = graph_from_arcs([0, 0, 1, 2, 4, 4], [1, 2, 3, 3, 5, 0])
    diffusion, family = uniform_cascade(graph, 0.5), Knapsack(np.array([3, 1, 1, 1, 3, 1.0]), 3.0)
    problem = family_problem(diffusion, range(6), family)
    spread = {s: exact_spread(diffusion, s) for s in subsets(6) if family.cost[list(s)].sum() <= 3}
    best = max(spread.values())
    outside = 0
    for seed in range(200):
        answer = solve_family(
            problem, confidence=0.7, first_sets=100, max_sets=100, rng=np.random.default_rng(seed)
        ).unwrap()
        low, high = answer.spread_interval
        true = spread[tuple(sorted(answer.seeds))]
        outside += not (low <= true <= high and best <= answer.optimum_bound)
        assert answer.ratio == pytest.approx(min(1.0, low / answer.optimum_bound))
    assert 0 < outside <= 60  # claims that never fail would be too weak


def test_categories_per_adopter_against_enumeration():
    problem = random_capacity_problem(3, capacity=2)
    category = np.arange(problem.num_candidates) % 2
    quota = np.ones((problem.adopters.size, 2), dtype=np.int64)
    family = CategoryCapacities(problem, category, quota)
    answer = solve_family(with_capacities(problem, family), target_ratio=0.95, max_sets=1 << 15).unwrap()
    diffusion, gone = problem.diffusion, range(problem.adopters.size)

    def spread(s):
        return exact_spread(diffusion, problem.candidates[list(s)].tolist(), removed=gone)

    members = [s for s in subsets(problem.num_candidates) if covering_exists(problem, s, category, quota)]
    assert tuple(sorted(answer.chosen.tolist())) in members
    best = max(spread(s) for s in members)
    assert best / 2 <= spread(answer.chosen.tolist()) <= best + 1e-9
    assert best <= answer.optimum_bound
    assert answer.ratio <= spread(answer.chosen.tolist()) / best + 1e-9


def test_room_is_filled_where_sets_show_nothing():
    """On one set one candidate adds anything; others come by their out-arcs, as far as the family allows."""
    graph = graph_from_arcs([0, 0, 0, 1, 1, 2], [3, 4, 5, 3, 4, 3])
    quotas = Quotas(np.array([[1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], dtype=bool), np.array([1, 3]))
    problem = family_problem(uniform_cascade(graph, 1e-9), range(6), quotas, node_weight=[0, 0, 0, 1, 0, 0])
    answer = solve_family(problem, first_sets=1, max_sets=1, target_ratio=1.0).unwrap()
    assert answer.seeds == (3, 0, 2)


def test_threads_do_not_change_the_answer():
    problem = with_capacities(random_capacity_problem(4, capacity=2))
    answers = [
        solve_family(
            problem, target_ratio=1.0, max_sets=1 << 15, threads=t, rng=np.random.default_rng(2)
        ).unwrap()
        for t in (1, 2)
    ]
    assert answers[0].seeds == answers[1].seeds
    assert answers[0].spread_interval == answers[1].spread_interval


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Quotas(np.array([[1, 1, 0], [0, 1, 1]], dtype=bool), np.array([1, 1])), "cross"),
        (lambda: Quotas(np.ones((1, 3), dtype=bool), np.array([-1])), "limit"),
        (lambda: Knapsack(np.array([1.0, -1.0]), 1.0), "cost"),
        (lambda: Knapsack(np.array([1.0]), 0.0), "budget"),
        (lambda: Knapsack(np.array([1.0]), np.nan), "budget"),
        (lambda: Intersection((at_most(1, 3), at_most(1, 2))), "same candidates"),
        (lambda: Intersection(()), "at least one"),
        (lambda: SplitWeights((at_most(1, 3),), np.ones((2, 3))), "share"),
        (lambda: SplitWeights((at_most(1, 2),), np.full((1, 2), 0.9)), "sum to 1"),
        (lambda: SplitWeights((at_most(1, 1), at_most(1, 1)), np.array([[2.0], [-1.0]])), "at least 0"),
        (lambda: BudgetedGreedy(4), "starts"),
        (lambda: BoundDescent(steps=-1), "steps"),
        (lambda: BoundDescent(shrink=0.0), "shrink"),
    ],
)
def test_bad_families_are_refused(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_bad_problems_are_refused():
    graph = graph_from_arcs([0, 1], [1, 2])
    diffusion = uniform_cascade(graph, 0.5)
    with pytest.raises(ValueError, match="candidates"):
        family_problem(diffusion, [0, 1], at_most(1, 3))
    with pytest.raises(ValueError, match="distinct"):
        family_problem(diffusion, [0, 0], at_most(1, 2))
    with pytest.raises(ValueError, match="removed"):
        family_problem(diffusion, [0, 1], at_most(1, 2), removed=[1])
    problem = family_problem(diffusion, [0, 1], at_most(1, 2))
    sets = ReverseSets(problem.model, problem.places).make(1, 0, 10)
    with pytest.raises(ValueError, match="alpha"):
        family_bound(problem.family, sets, np.full(10, 2.0))
    with pytest.raises(ValueError, match="target_ratio"):
        solve_family(problem, target_ratio=0.0)
    with pytest.raises(ValueError, match="max_sets"):
        solve_family(problem, max_sets=0)
    assert solve_family(problem, target_ratio=1.0, max_sets=9).info["sets"] == 9
