"""The number of threads changes no set: with depths, step limits, sentinels and changes of the graph."""

import numpy as np
import pytest

from games.influence.collection import ReverseSets
from games.influence.competition import Firm, competition_game, draw_depth_sets
from games.influence.diffusion import IndependentCascade, uniform_threshold, weighted_cascade
from games.influence.dynamic import refreshed, track_sets
from games.influence.graph import graph_from_arcs
from games.influence.sampler import reverse_model
from games.influence.sentinel import SentinelSets

SETS = 60_000  # several blocks of work


def graph():
    rng = np.random.default_rng(4)
    return graph_from_arcs(rng.integers(0, 80, 400), rng.integers(0, 80, 400), num_nodes=80)


def same(first, second):
    np.testing.assert_array_equal(first.start, second.start)
    np.testing.assert_array_equal(first.member, second.member)


@pytest.mark.parametrize("max_steps", [None, 0, 1, 2])
@pytest.mark.parametrize("model", [weighted_cascade, uniform_threshold])
@pytest.mark.parametrize("threads", [2, 4])
def test_depth_sets_do_not_depend_on_threads(model, max_steps, threads):
    firms = [Firm("a", [0, 1, 2], 2), Firm("b", [3, 4, 5], 2)]
    game = competition_game(model(graph(), max_steps=max_steps), firms)
    alone = draw_depth_sets(game, SETS, rng=np.random.default_rng(1))
    shared = draw_depth_sets(game, SETS, rng=np.random.default_rng(1), threads=threads)
    same(alone, shared)
    np.testing.assert_array_equal(alone.depth, shared.depth)
    np.testing.assert_array_equal(alone.order, shared.order)
    # They are the usual sets, each in the order in which it was found, so distances never fall.
    problem = game.problems[0]
    usual = ReverseSets(problem.model, problem.model.place[problem.candidates])
    same(alone, usual.make(int(np.random.default_rng(1).integers(2**63, dtype=np.uint64)), 0, SETS))
    inner = np.ones(alone.depth.size, dtype=np.bool_)
    inner[alone.start[:-1][np.diff(alone.start) > 0]] = False
    assert (np.diff(alone.depth, prepend=0)[inner] >= 0).all()
    if max_steps is not None:
        assert alone.depth.max() <= max_steps


@pytest.mark.parametrize("max_steps", [None, 1, 3])
@pytest.mark.parametrize("threads", [2, 4])
def test_limited_and_sentinel_sets_do_not_depend_on_threads(max_steps, threads):
    model = reverse_model(weighted_cascade(graph(), max_steps=max_steps))
    sentinels = np.zeros(80, dtype=np.bool_)
    sentinels[[3, 40]] = True
    nodes = np.arange(0, 80, 2)
    for make in (
        lambda number: ReverseSets(model, nodes, threads=number),
        lambda number: SentinelSets(model, nodes, sentinels, threads=number),
    ):
        alone, shared = make(1).make(5, 0, SETS), make(threads).make(5, 0, SETS)
        same(alone, shared)
        assert alone.nodes == shared.nodes


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_refreshed_sets_do_not_depend_on_threads(threads):
    before = weighted_cascade(graph())
    chance = before.probability.copy()
    chance[::3] *= 0.5  # touches nearly all sets, so several blocks are drawn anew
    after = IndependentCascade(before.graph, chance)
    tracked = track_sets(before, SETS, rng=np.random.default_rng(2))
    change = refreshed(tracked, after, threads=threads)
    assert change.redrawn > 1 << 15
    anew = track_sets(after, SETS, rng=np.random.default_rng(2))
    same(change.tracked.sets, anew.sets)
    assert change.tracked.sets.nodes == anew.sets.nodes


def test_threads_are_at_least_one():
    game = competition_game(weighted_cascade(graph()), [Firm("a", [0], 1), Firm("b", [1], 1)])
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        draw_depth_sets(game, 10, rng=np.random.default_rng(0), threads=0)
