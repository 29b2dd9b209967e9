"""Pipage rounding keeps what it promises, against an independent linear program."""

import numpy as np
import pytest
from scipy.optimize import linprog

from games.influence.certificate import coverage
from games.influence.collection import ReverseSets, SetCollection
from games.influence.diffusion import uniform_cascade
from games.influence.graph import graph_from_arcs
from games.influence.problem import capacity_problem
from solvers.influence.relaxation import LinearRelaxation
from solvers.influence.rounding import pipage
from solvers.influence.selection import CoverageIndex


def random_problem(seed, n=14, arcs=50, adopters=4):
    rng = np.random.default_rng(seed)
    graph = graph_from_arcs(rng.integers(n, size=arcs), rng.integers(n, size=arcs), num_nodes=n)
    capacity = {a: int(rng.integers(1, 3)) for a in range(adopters)}
    return capacity_problem(uniform_cascade(graph, 0.3), range(adopters), capacity), rng


def inviters(problem):
    return np.repeat(np.arange(problem.adopters.size), np.diff(problem.first))


def random_share(problem, rng):
    """A point of the polytope: scaled down until every limit holds."""
    x = rng.random(problem.friend.size) * (rng.random(problem.friend.size) < 0.8)
    who = inviters(problem)
    given = np.bincount(who, weights=x, minlength=problem.adopters.size)
    x *= np.minimum(1.0, problem.capacity / np.maximum(given, 1e-300))[who]
    liked = np.bincount(problem.friend, weights=x, minlength=problem.num_candidates)
    return x * np.minimum(1.0, 1.0 / np.maximum(liked, 1e-300))[problem.friend]


def expected(sets, y):
    """Sets met if candidates came independently, with chances y."""
    ranges = zip(sets.start[:-1], sets.start[1:], strict=True)
    return sum(1.0 - np.prod(1.0 - y[sets.member[a:b]]) for a, b in ranges)


def linear_value(problem, sets):
    """The relaxation, written out densely."""
    m, arcs = sets.num_sets, problem.friend.size
    who = inviters(problem)
    rows, limits = [], []
    for r in range(m):
        row = np.zeros(m + arcs)
        row[r] = 1.0
        row[m:] = -1.0 * np.isin(problem.friend, sets.member[sets.start[r] : sets.start[r + 1]])
        rows.append(row)
        limits.append(0.0)
    for part, size, limit in (
        (problem.friend, problem.num_candidates, np.ones(problem.num_candidates)),
        (who, problem.adopters.size, problem.capacity),
    ):
        for k in range(size):
            rows.append(np.concatenate([np.zeros(m), part == k]))
            limits.append(float(limit[k]))
    cost = np.concatenate([-np.ones(m), np.zeros(arcs)])
    found = linprog(cost, A_ub=np.array(rows), b_ub=limits, bounds=(0, 1), method="highs-ipm")
    return -found.fun, found.x[m:]


@pytest.mark.parametrize("seed", range(40))
def test_rounding_loses_nothing_in_expectation(seed):
    problem, rng = random_problem(seed)
    sets = ReverseSets(problem.model, problem.model.place[problem.candidates]).make(seed, 0, 60)
    share = random_share(problem, rng)
    owner = pipage(problem, CoverageIndex.of(sets), share)
    invited = np.flatnonzero(owner >= 0)
    assert (np.bincount(owner[invited], minlength=problem.adopters.size) <= problem.capacity).all()
    for c in invited:
        assert owner[c] in problem.inviter[problem.start[c] : problem.start[c + 1]]
    y = np.bincount(problem.friend, weights=share, minlength=problem.num_candidates)
    assert coverage(sets, invited) >= expected(sets, y) - 1e-4


@pytest.mark.parametrize("seed", range(12))
def test_rounded_program_covers_its_share_of_an_independent_one(seed):
    problem, _ = random_problem(seed)
    sets = ReverseSets(problem.model, problem.model.place[problem.candidates]).make(seed, 0, 60)
    index = CoverageIndex.of(sets)
    value, share = linear_value(problem, sets)
    # An interior-point answer is a fractional one wherever it can be.
    owner = pipage(problem, index, np.clip(share, 0, 1))
    assert coverage(sets, np.flatnonzero(owner >= 0)) >= (1 - 1 / np.e) * value - 1e-3
    selection = LinearRelaxation().select(problem, index)
    assert selection.bound == pytest.approx(value, rel=1e-6)
    assert selection.covered >= (1 - 1 / np.e) * value - 1e-6
    assert selection.covered <= value + 1e-6


def test_rounding_reaches_where_independent_choice_would_collide():
    """Two half-liked twins: independence wins 3/4 of their sets, rounding either of them wins all."""
    graph = graph_from_arcs([0, 0, 1, 2], [1, 2, 3, 3])
    problem = capacity_problem(uniform_cascade(graph, 1.0), [0], 1)
    sets = SetCollection(np.array([0, 2, 4]), np.array([0, 1, 0, 1], dtype=np.int32), 2, 0)
    owner = pipage(problem, CoverageIndex.of(sets), np.array([0.5, 0.5]))
    assert coverage(sets, np.flatnonzero(owner >= 0)) == 2


def test_bad_shares_are_refused():
    problem, _ = random_problem(1)
    sets = ReverseSets(problem.model, problem.model.place[problem.candidates]).make(1, 0, 5)
    index = CoverageIndex.of(sets)
    with pytest.raises(ValueError, match="shape"):
        pipage(problem, index, np.zeros(3))
    with pytest.raises(ValueError, match="capacity"):
        pipage(problem, index, np.ones(problem.friend.size))
    with pytest.raises(ValueError, match="share"):
        pipage(problem, index, np.full(problem.friend.size, np.nan))
