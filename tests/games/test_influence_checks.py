"""What the influence substrate refuses, and edges at which it once went wrong in silence."""

import igraph
import numpy as np
import pytest

from games.errors import FileFormatError
from games.influence.cascade import draw_cascade
from games.influence.category_capacities import CategoryCapacities
from games.influence.certificate import coverage_bound, share_at_most
from games.influence.collection import ReverseSets, SetCollection
from games.influence.competition import Firm, competition_game
from games.influence.diffusion import (
    IndependentCascade,
    LinearThreshold,
    Triggering,
    uniform_cascade,
    uniform_threshold,
    weighted_cascade,
)
from games.influence.dynamic import refreshed, track_sets
from games.influence.exact import exact_spread
from games.influence.families import Knapsack, Quotas, at_most, family_bound
from games.influence.family_problems import FamilyProblem
from games.influence.graph import as_graph, graph_from_arcs, read_edge_list
from games.influence.live_arcs import LiveArcs, SharedSimulations
from games.influence.maximin import MaximinProblem, mean_at_most
from games.influence.problem import capacity_problem
from games.influence.rounds import rounds_problem
from games.influence.sampler import reverse_model
from games.influence.sentinel import SentinelSets
from games.influence.simulation import simulate_spread

CHAIN = weighted_cascade(graph_from_arcs([0, 1, 2], [1, 2, 3]))
PAIRS = graph_from_arcs([0, 1, 2], [3, 4, 5])


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("node", [-1, 4, 1.5])
@pytest.mark.parametrize("argument", ["seeds", "removed"])
def test_nodes_that_do_not_exist_are_refused_by_all_who_spread(node, argument):
    seeds, removed = ([node], []) if argument == "seeds" else ([0], [node])
    for spread in (
        lambda: exact_spread(CHAIN, seeds, removed=removed),
        lambda: simulate_spread(CHAIN, seeds, 10, rng=rng(), removed=removed),
        lambda: draw_cascade(CHAIN, seeds, rng=rng(), removed=removed),
    ):
        with pytest.raises(ValueError, match=rf"{argument} must (lie in range\(4\)|hold whole numbers)"):
            spread()
    for prepare in (LiveArcs.of, lambda model, gone: reverse_model(model, removed=gone)):
        with pytest.raises(ValueError, match="removed must"):
            prepare(CHAIN, [node])


@pytest.mark.parametrize(
    "worth", [[1.0, 2.0, 3.0], [1.0] * 6, [1.0, 1.0, 1.0, -1.0], [np.nan] * 4, [1e308] * 4], ids=str
)
def test_node_weights_are_checked_by_all_who_count(worth):
    for count in (
        lambda: exact_spread(CHAIN, [0], node_weight=worth),
        lambda: simulate_spread(CHAIN, [0], 10, rng=rng(), node_weight=worth),
        lambda: reverse_model(CHAIN, node_weight=worth),
        lambda: rounds_problem(CHAIN, [0, 1], [1, 1], node_weight=worth),
    ):
        with pytest.raises(ValueError, match="node_weight must hold one non-negative number per node"):
            count()


def test_worth_of_another_shape_never_reaches_the_kernels():
    with pytest.raises(ValueError, match=r"worth must hold one number per node, shape \(4,\), got \(2,\)"):
        SharedSimulations(LiveArcs.of(CHAIN), np.ones(2), 3, rng=rng())


def test_candidates_of_collections_are_nodes_named_once():
    model = reverse_model(CHAIN, removed=[0])
    for wrong in ([-1], [3]):  # a removed node has place -1
        with pytest.raises(ValueError, match=r"candidates must lie in range\(3\)"):
            ReverseSets(model, np.array(wrong))
    with pytest.raises(ValueError, match="candidates must be distinct"):
        ReverseSets(model, np.array([1, 1]))
    with pytest.raises(ValueError, match=r"sentinels must hold one entry per node, shape \(3,\), got \(1,\)"):
        SentinelSets(model, np.array([1]), np.zeros(1, dtype=np.bool_))
    with pytest.raises(ValueError, match=r"candidates must lie in range\(4\)"):
        FamilyProblem(CHAIN, np.array([0, -1]), at_most(1, 2), reverse_model(CHAIN))
    tracked = track_sets(CHAIN, 10, rng=rng())
    with pytest.raises(ValueError, match=r"candidates must lie in range\(4\)"):
        tracked.among(np.array([-1]))
    with pytest.raises(ValueError, match="candidates must be distinct"):
        tracked.among(np.array([1, 1]))


def test_capacities_that_nobody_can_use_make_no_problem():
    model = weighted_cascade(graph_from_arcs([0], [1], num_nodes=4))
    with pytest.raises(ValueError, match="no adopter has room and a neighbour"):
        capacity_problem(model, [0, 3], {0: 0, 3: 2})  # room without a friend, a friend without room
    with pytest.raises(ValueError, match="capacity must be a whole number of at least 0, got"):
        capacity_problem(model, [0], "3")


def test_limits_are_whole_numbers():
    with pytest.raises(ValueError, match="limit must hold whole numbers"):
        Quotas(np.ones((1, 3), dtype=np.bool_), np.array([1.7]))
    with pytest.raises(ValueError, match="limit must hold whole numbers"):
        rounds_problem(CHAIN, [0, 1], [1.7, 1])
    problem = capacity_problem(CHAIN, [0], 1)
    with pytest.raises(ValueError, match="quota must hold whole numbers"):
        CategoryCapacities(problem, np.array([0]), np.array([[0.9]]))
    game = competition_game(uniform_cascade(PAIRS, 1.0), [Firm(f"{k}", [k], 1) for k in range(3)])
    with pytest.raises(ValueError, match="candidates must hold whole numbers"):
        game.checked(0, [0.5])
    for make in (weighted_cascade, uniform_threshold):
        with pytest.raises(ValueError, match=r"max_steps must be at least 0 and whole, or None, got 1\.5"):
            make(CHAIN.graph, max_steps=1.5)


def test_probabilities_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="probabilities of node 1 must sum to 1"):
        Triggering(CHAIN.graph, {1: [(0.5, (0,)), (np.nan, ())]})


def test_negative_worth_would_break_a_bound():
    sets = ReverseSets(reverse_model(CHAIN), np.arange(4)).make(0, 0, 5)
    with pytest.raises(ValueError, match="worth must be at least 0"):
        family_bound(at_most(1, 4), sets, np.zeros(5), np.full(5, -1.0))


def test_weights_that_some_arcs_lack_count_for_none():
    graph = igraph.Graph(n=3, edges=[(0, 1), (1, 2)], directed=True)
    graph.es[0]["weight"] = 2.0
    assert as_graph(graph).weight is None


def test_sums_of_weights_stay_finite():
    with pytest.raises(ValueError, match="finite sums over repeated arcs"):
        graph_from_arcs([0, 0], [1, 1], weight=[1e308, 1e308])


@pytest.mark.parametrize("line", ["nan 1 .5", "inf 1 1", "0 1 nan", "0 1 1e400"])
def test_files_hold_finite_numbers(tmp_path, line):
    path = tmp_path / "arcs.txt"
    path.write_text(line + "\n")
    with pytest.raises(FileFormatError, match="numbers must be finite"):
        read_edge_list(path)


def test_a_tiny_cost_overflows_nothing():
    family = Knapsack(np.array([1e-320, 1.0]), 1.0)
    np.testing.assert_allclose(family.relaxed_best(np.array([1e3, 1.0])), 1.0)


@pytest.mark.parametrize("share", [0.1, 0.3, 1 / 3, 0.7])
def test_rounding_takes_no_set_from_a_bound(share):
    # One candidate in every one of a million sets: any multipliers bound its coverage by a million.
    number = 1_000_000
    problem = capacity_problem(CHAIN, [0], 1)
    sets = SetCollection(np.arange(number + 1), np.zeros(number, dtype=np.int32), 1, number)
    bound = coverage_bound(problem, sets, np.full(number, share))
    assert share_at_most(bound, 2 * number, 0.01) == share_at_most(number, 2 * number, 0.01)
    assert share_at_most(number - 1, 2 * number, 0.01) < share_at_most(number, 2 * number, 0.01)


def test_scales_of_ends_are_a_vector():
    model = reverse_model(CHAIN)
    problem = FamilyProblem(CHAIN, np.array([0]), at_most(1, 1), model)
    with pytest.raises(ValueError, match="at least one end, with a name, a model and a scale each"):
        MaximinProblem(problem, ("one",), (model,), np.array([[1.0]]))


def test_means_that_rounding_moved_outside_are_moved_back():
    assert mean_at_most(1.0 + 1e-12, 10, 0.1) == 1.0
    assert mean_at_most(-1e-12, 10, 0.1) == mean_at_most(0.0, 10, 0.1)


def test_live_arcs_of_thresholds_keep_their_digits_on_large_graphs():
    # After many arcs a sum over all of them has lost the digits of a tiny weight.
    n = 30_000
    arcs = np.arange(1, n - 2)
    heads = np.concatenate([arcs, [n - 1, n - 1]])
    tails = np.concatenate([np.zeros(arcs.size, dtype=np.int64), [0, 1]])
    graph = graph_from_arcs(tails, heads, num_nodes=n)
    weight = np.ones(graph.num_arcs)
    weight[-2:] = [1e-13, 0.25]
    live = LiveArcs.of(LinearThreshold(graph, weight))
    first = (live.head == n - 1) & (live.low == 0.0)
    assert live.high[first].tolist() == [1e-13]
    assert live.low[(live.head == n - 1) & ~first].tolist() == [1e-13]


def test_threshold_cascades_draw_one_arc_per_node():
    graph = graph_from_arcs([0, 1, 2], [3, 3, 3])
    model = LinearThreshold(graph, np.array([0.2, 0.3, 0.4]))
    draws, source = 20_000, rng()
    via = np.array([draw_cascade(model, [0, 1, 2], rng=source).via[3] for _ in range(draws)])
    share = np.bincount(via + 1, minlength=4) / draws
    np.testing.assert_allclose(share, [0.1, 0.2, 0.3, 0.4], atol=4 * 0.5 / np.sqrt(draws))


def test_payoff_bounds_are_tight_for_three_firms():
    # Others win each root at most once together: a firm minds half of that, as there are two of them.
    graph = graph_from_arcs([0, 1, 2], [3, 4, 5])
    game = competition_game(
        uniform_cascade(graph, 1.0), [Firm(f"{k}", [k], 1) for k in range(3)], rivalry=1.0
    )
    assert game.payoff_bounds == (-1.5, 3.0)


def test_nodes_that_change_their_names_are_no_change_of_arcs():
    before = IndependentCascade(graph_from_arcs([0], [1], labels=["a", "b"]), np.ones(1))
    after = IndependentCascade(graph_from_arcs([0], [1], labels=["a", "c"]), np.ones(1))
    with pytest.raises(ValueError, match="nodes must keep their labels"):
        refreshed(track_sets(before, 10, rng=rng()), after)
