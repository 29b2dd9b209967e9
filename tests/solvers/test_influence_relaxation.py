"""The linear relaxation: its bound against the program solved anew, its limits."""

import numpy as np
import pytest
from scipy.optimize import linprog

from games.influence.certificate import coverage
from games.influence.collection import ReverseSets
from games.influence.diffusion import weighted_cascade
from games.influence.graph import graph_from_arcs
from games.influence.problem import capacity_problem
from solvers.influence.competition import ThresholdDescent
from solvers.influence.dual import DualDescent
from solvers.influence.relaxation import LinearRelaxation, _distinct
from solvers.influence.selection import CoverageIndex, GainGreedy, RoundsGreedy


def instance(seed, *, n=40, adopters=6, sets=400, capacity=2):
    graph = graph_from_arcs(*np.random.default_rng(seed).integers(n, size=(2, 5 * n)), num_nodes=n)
    problem = capacity_problem(weighted_cascade(graph), range(adopters), capacity)
    source = ReverseSets(problem.model, problem.model.place[problem.candidates])
    return problem, source.make(seed, 0, sets)


def program_value(problem, sets):
    """One row per set, dense, without merging equal sets."""
    m, arcs, d, c = sets.num_sets, problem.friend.size, problem.adopters.size, problem.num_candidates
    holds = np.zeros((m, c))
    holds[np.repeat(np.arange(m), np.diff(sets.start)), sets.member] = 1.0
    who = np.repeat(np.arange(d), np.diff(problem.first))
    once, room = np.eye(c)[:, problem.friend], np.eye(d)[:, who]
    rows = np.block([[np.eye(m), -holds @ once], [np.zeros((c, m)), once], [np.zeros((d, m)), room]])
    limits = np.concatenate([np.zeros(m), np.ones(c), problem.capacity])
    gain = np.concatenate([-np.ones(m), np.zeros(arcs)])
    return -linprog(gain, A_ub=rows, b_ub=limits, bounds=[(0, 1)] * (m + arcs), method="highs").fun


@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_the_value_of_the_program(seed):
    problem, sets = instance(seed)
    index = CoverageIndex.of(sets)
    found = LinearRelaxation().select(problem, index)
    assert found is not None
    assert found.bound == pytest.approx(program_value(problem, sets), rel=1e-6)
    assert found.covered == coverage(sets, found.chosen)
    greedy = [s.select(problem, index) for s in (RoundsGreedy(), GainGreedy())]
    assert found.bound <= min(g.bound for g in greedy) + 1e-6
    assert found.covered >= (1 - 1 / np.e) * found.bound
    assert (np.bincount(found.owner[found.owner >= 0], minlength=6) <= problem.capacity).all()
    for c in found.chosen:
        assert found.owner[c] in problem.inviter[problem.start[c] : problem.start[c + 1]]


def test_too_large_or_too_slow_programs_are_left():
    problem, sets = instance(0)
    index = CoverageIndex.of(sets)
    assert LinearRelaxation(max_nonzeros=10).select(problem, index) is None
    assert LinearRelaxation(time_limit=0.0).select(problem, index) is None


def test_empty_and_equal_sets():
    # Only friend 1 is a candidate; the sets are {1} many times over and empty ones.
    problem = capacity_problem(weighted_cascade(graph_from_arcs([0, 2], [1, 3])), [0], 1)
    source = ReverseSets(problem.model, problem.model.place[problem.candidates])
    sets = source.make(0, 0, 90)
    found = LinearRelaxation().select(problem, CoverageIndex.of(sets))
    assert found is not None
    assert found.covered == sets.member.size
    assert found.bound == pytest.approx(sets.member.size)
    assert 0 < sets.member.size < 90


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (LinearRelaxation, {"max_nonzeros": -1}),
        (LinearRelaxation, {"time_limit": np.nan}),
        (DualDescent, {"first": 0.0}),
        (DualDescent, {"steps": -1}),
        (ThresholdDescent, {"momentum": -0.1}),
    ],
)
def test_bad_settings_are_named(settings, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        settings(**options)


def test_equal_sets_are_found_whatever_the_order_of_their_members():
    lists = [[3, 1], [], [2], [1, 3], [2], [0, 1, 2], []]
    start = np.concatenate([[0], np.cumsum([len(s) for s in lists])])
    member = np.array([c for s in lists for c in s], dtype=np.int32)
    (begin, flat), which, times = _distinct(start, member)
    held = [sorted(flat[begin[k] : begin[k + 1]].tolist()) for k in range(begin.size - 1)]
    assert sorted(zip(map(tuple, held), times.tolist(), strict=True)) == [
        ((0, 1, 2), 1),
        ((1, 3), 2),
        ((2,), 2),
    ]
    assert [held[k] if k >= 0 else [] for k in which.tolist()] == [sorted(s) for s in lists]
    (begin, flat), which, times = _distinct(np.zeros(4, dtype=np.int64), member[:0])
    assert begin.tolist() == [0]
    assert flat.size == times.size == 0
    assert which.tolist() == [-1, -1, -1]
