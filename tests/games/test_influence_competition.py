"""Competition on networks against enumeration, forward simulation and brute force."""

from itertools import combinations, product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pettingzoo.test import parallel_api_test

from games.adapters.to_pettingzoo import GameParallelEnv
from games.conformance import check_env_game
from games.errors import IllegalActionError
from games.influence.collection import ReverseSets
from games.influence.competition import (
    FAR,
    EqualShares,
    Firm,
    NobodyWins,
    UniformDraw,
    competition_game,
    draw_depth_sets,
)
from games.influence.competition_certificate import (
    equilibrium_certificate,
    mean_at_most,
    response_bound,
    response_payoff,
    response_values,
    sampled_gains,
)
from games.influence.competition_env import CompetitionEnv
from games.influence.competition_payoffs import (
    distances,
    empirical_game,
    extend,
    normal_form,
    profile_moments,
    set_payoffs,
)
from games.influence.diffusion import IndependentCascade, Triggering, uniform_cascade, uniform_threshold
from games.influence.graph import graph_from_arcs

TIES = [NobodyWins(), EqualShares(), UniformDraw()]
# 0 and 1 are adopters of one firm, 2 of the other; 3 and 4 have inviters of both.
ARCS = [(0, 3), (0, 4), (1, 4), (1, 5), (2, 3), (2, 4), (2, 6)]
ARCS += [(3, 7), (4, 7), (4, 8), (5, 8), (6, 8), (7, 3), (8, 6), (3, 5)]


def tiny(ties=EqualShares(), *, rivalry=0.0, max_steps=None, model="cascade", node_weight=None):  # noqa: B008
    graph = graph_from_arcs(*np.array(ARCS).T)
    if model == "cascade":
        chances = np.random.default_rng(3).choice([0.2, 0.5, 0.9], graph.num_arcs)
        diffusion = IndependentCascade(graph, chances, max_steps)
    elif model == "threshold":
        diffusion = uniform_threshold(graph, max_steps=max_steps)
    else:
        diffusion = Triggering(
            graph, {7: [(0.5, [3, 4]), (0.5, [])], 8: [(1.0, [4, 6])], 5: [(0.3, [3]), (0.7, [])]}, max_steps
        )
    firms = [Firm("a", [0, 1], 1), Firm("b", [2], 2)]
    return competition_game(diffusion, firms, ties=ties, rivalry=rivalry, node_weight=node_weight)


def all_strategies(game, firm):
    found = []
    count = game.problems[firm].num_candidates
    for size in range(count + 1):
        for chosen in combinations(range(count), size):
            try:
                found.append(game.checked(firm, chosen))
            except ValueError:
                continue
    return found


def exact_payoffs(game, profile, worth=None):
    """Enumerate live-arc graphs and walk forward; every node hands on all the firms that reached it first."""
    diffusion = game.problems[0].diffusion
    n = diffusion.graph.num_nodes
    worth = np.ones(n) if worth is None else worth
    gone = set(game.problems[0].adopters.tolist())
    seeds = [{int(game.problems[0].candidates[c]) for c in s} for s in profile]
    total = np.zeros(game.num_firms)
    draws = []
    for v in range(n):
        merged = {}
        for p, members in [(1.0, ())] if v in gone else diffusion.triggering_sets(v):
            left = frozenset(members) - gone
            merged[left] = merged.get(left, 0.0) + p
        draws.append([(p, left) for left, p in merged.items()])
    for live in product(*draws):
        holders = {v: frozenset(i for i, s in enumerate(seeds) if v in s) for v in set().union(*seeds)}
        for _ in range(n if diffusion.max_steps is None else diffusion.max_steps):
            fresh = {}
            for v in set(range(n)) - gone - holders.keys():
                near = [holders[u] for u in live[v][1] if u in holders]
                if near:
                    fresh[v] = frozenset().union(*near)
            holders |= fresh
        for v, firms in holders.items():
            nobody = isinstance(game.ties, NobodyWins) and len(firms) > 1
            won = np.array([0.0 if nobody else (i in firms) / len(firms) for i in range(game.num_firms)])
            others = (won.sum() - won) / (game.num_firms - 1)
            total += prod(p for p, _ in live) * worth[v] * (won - game.rivalry * others)
    return total


def simulated_payoffs(game, profile, simulations, rng):
    """Run the competitive cascade forward: a node that has just become active tries each out-arc once."""
    diffusion = game.problems[0].diffusion
    start, head, arcs = diffusion.graph.successors()
    gone = set(game.problems[0].adopters.tolist())
    paid = np.zeros((simulations, game.num_firms))
    for k in range(simulations):
        holders = {}
        for i, s in enumerate(profile):
            for v in game.problems[0].candidates[s].tolist():
                holders[v] = holders.get(v, frozenset()) | {i}
        front = list(holders)
        while front:
            fresh = {}
            for u in front:
                for a in range(start[u], start[u + 1]):
                    v = int(head[a])
                    if v in gone or v in holders or rng.random() >= diffusion.probability[arcs[a]]:
                        continue
                    fresh[v] = fresh.get(v, frozenset()) | holders[u]
            holders |= fresh
            front = list(fresh)
        for firms in holders.values():
            if isinstance(game.ties, UniformDraw):
                paid[k, rng.choice(sorted(firms))] += 1.0
            elif isinstance(game.ties, EqualShares):
                paid[k, list(firms)] += 1.0 / len(firms)
            elif len(firms) == 1:
                paid[k, list(firms)] += 1.0
    return paid


def test_depth_sets_are_the_usual_sets_with_their_levels():
    deep = draw_depth_sets(tiny(), 3000, rng=np.random.default_rng(5))
    seed = np.random.default_rng(5).integers(2**63, dtype=np.uint64)
    for steps in (None, 0, 1, 2, 3):
        game = tiny(max_steps=steps)
        problem = game.problems[0]
        usual = ReverseSets(problem.model, problem.model.place[problem.candidates]).make(int(seed), 0, 3000)
        near = deep.depth <= (99 if steps is None else steps)
        np.testing.assert_array_equal(usual.member, deep.member[near])
        sizes = np.bincount(np.repeat(np.arange(3000), np.diff(deep.start))[near], minlength=3000)
        np.testing.assert_array_equal(np.diff(usual.start), sizes)


def test_a_sample_does_not_depend_on_how_the_buffer_grows():
    game = tiny()
    whole = draw_depth_sets(game, 40_000, rng=np.random.default_rng(1))  # needs several buffers
    assert whole.member.size > 1 << 14
    again = draw_depth_sets(game, 2000, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(whole.member[: again.member.size], again.member)
    np.testing.assert_array_equal(whole.depth[: again.depth.size], again.depth)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("model", ["cascade", "threshold", "triggering"])
@pytest.mark.parametrize("rivalry", [0.0, 1.0])
def test_payoffs_agree_with_enumeration(ties, model, rivalry):
    weights = np.arange(1.0, 10.0) * 10
    for max_steps, worth in ((None, None), (1, weights)):
        game = tiny(ties, rivalry=rivalry, model=model, max_steps=max_steps, node_weight=worth)
        sets = draw_depth_sets(game, 30_000, rng=np.random.default_rng(2))
        for mine, theirs in (([3, 4], [3, 6]), ([3, 5], [4, 6]), ([4], []), ([3, 4], [3, 4])):
            profile = [game.strategy(0, mine), game.strategy(1, theirs)]
            moments = profile_moments(game, sets, profile)
            error = np.sqrt(moments.squares) / moments.count
            exact = exact_payoffs(game, profile, worth)
            assert (np.abs(moments.mean - exact) <= 4.5 * error + 1e-9).all()
            assert moments.count == 30_000


@pytest.mark.parametrize("ties", TIES)
def test_enumeration_agrees_with_running_the_cascade_forward(ties):
    game = tiny(ties)
    profile = [game.strategy(0, [3, 4]), game.strategy(1, [4, 6])]
    paid = simulated_payoffs(game, profile, 4000, np.random.default_rng(7))
    error = paid.std(axis=0) / np.sqrt(len(paid))
    assert (np.abs(paid.mean(axis=0) - exact_payoffs(game, profile)) <= 4.5 * error).all()


def test_tie_rules():
    near = np.array([[0, 0, 2], [1, 2, 3], [FAR, FAR, FAR], [1, 1, 1]], dtype=np.int32)
    order = np.array([[0.2, 0.1, 0.0], [0.5, 0.1, 0.1], [0.3, 0.2, 0.1], [0.4, 0.5, 0.3]])
    graph = graph_from_arcs([0, 1, 2], [3, 3, 3])
    firms = [Firm(str(i), [i], 1) for i in range(3)]
    expected = {
        NobodyWins(): [[0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]],
        EqualShares(): [[0.5, 0.5, 0], [1, 0, 0], [0, 0, 0], [1 / 3] * 3],
        UniformDraw(): [[0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1]],
    }
    for ties, shares in expected.items():
        game = competition_game(uniform_cascade(graph, 1.0), firms, ties=ties)
        np.testing.assert_allclose(set_payoffs(game, near, order), shares)
        rivals = competition_game(uniform_cascade(graph, 1.0), firms, ties=ties, rivalry=2.0)
        won = np.array(shares, dtype=float)
        np.testing.assert_allclose(
            set_payoffs(rivals, near, order), won - (won.sum(axis=1, keepdims=True) - won)
        )


def test_two_rivals_play_a_zero_sum_matrix_game():
    game = tiny(rivalry=1.0)
    sets = draw_depth_sets(game, 500, rng=np.random.default_rng(0))
    populations = [all_strategies(game, 0), all_strategies(game, 1)]
    table = empirical_game(game, sets, populations)
    matrix = normal_form(game, table, populations)
    assert matrix.is_zero_sum()
    assert matrix.num_actions == (len(populations[0]), len(populations[1]))
    assert matrix.actions[0][0] == "nobody"
    assert "3 4" in matrix.actions[0]
    assert (table.counts == 500).all()
    grown = empirical_game(game, sets, [p[:2] for p in populations])
    extend(game, sets, populations, grown)
    np.testing.assert_array_equal(grown.means, table.means)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("rivalry", [0.0, 0.7, 1.0, 3.0])
def test_response_values_and_bounds_against_every_strategy(ties, rivalry):
    game = tiny(ties, rivalry=rivalry)
    sets = draw_depth_sets(game, 400, rng=np.random.default_rng(11))
    populations = [all_strategies(game, 0), all_strategies(game, 1)]
    rng = np.random.default_rng(0)
    profile = tuple(rng.dirichlet(np.full(len(p), 0.3)) for p in populations)
    matrix = normal_form(game, empirical_game(game, sets, populations), populations)
    total = game.problems[0].model.total
    expected = [matrix.payoffs[0] @ profile[1] / total, profile[0] @ matrix.payoffs[1] / total]
    for firm in range(2):
        values = response_values(game, sets, firm, populations, profile)
        assert values.value.min() >= 0
        paid = [response_payoff(game, sets, values, s) for s in populations[firm]]
        np.testing.assert_allclose(paid, expected[firm], atol=1e-12)
        for thresholds in (np.zeros(400), np.ones(400), *rng.uniform(0, 1 + rivalry, (20, 400))):
            assert response_bound(game, sets, firm, values, thresholds) >= max(paid) - 1e-12
        with pytest.raises(ValueError, match="thresholds"):
            response_bound(game, sets, firm, values, np.full(400, -1.0))


def test_the_certificate_covers_the_true_distance_from_equilibrium():
    game = tiny(NobodyWins(), rivalry=0.5)
    populations = [all_strategies(game, 0), all_strategies(game, 1)]
    # The pair in question is no equilibrium; how far it is from one is known by enumeration.
    mine, theirs = game.strategy(0, [5]), game.strategy(1, [6])
    held = exact_payoffs(game, [mine, theirs])
    true = max(exact_payoffs(game, [s, theirs])[0] for s in populations[0]) - held[0]
    true += max(exact_payoffs(game, [mine, s])[1] for s in populations[1]) - held[1]
    misses, bounds = 0, []
    for seed in range(200):
        sets = draw_depth_sets(game, 300, rng=np.random.default_rng(seed))
        pair = [[mine], [theirs]]
        one = (np.ones(1), np.ones(1))
        values = [response_values(game, sets, i, pair, one) for i in range(2)]
        # The best possible thresholds would be tighter; zeros and what one seed gives are valid too.
        payoffs, limits = sampled_gains(game, sets, pair, one, values, [np.full(300, 0.3)] * 2)
        certificate = equilibrium_certificate(game, sets, payoffs, limits, confidence=0.9)
        misses += certificate.bound < true
        bounds.append(certificate.bound)
    assert true > 0.5
    assert misses <= 20  # of 200 at confidence .9
    assert np.mean(bounds) < 4 * true


@given(st.floats(0, 1), st.integers(1, 10**6), st.floats(1e-9, 0.5))
@settings(max_examples=60, deadline=None)
def test_chernoff_is_a_bound_that_tightens(mean, trials, failure):
    most = mean_at_most(mean, trials, failure)
    assert mean <= most <= 1.0
    assert mean_at_most(mean, 4 * trials, failure) <= most
    # Hoeffding's own inequality is weaker.
    assert most <= mean + np.sqrt(np.log(1 / failure) / (2 * trials)) + 1e-9


def test_chernoff_has_its_closed_form_at_zero():
    for trials, failure in ((10, 0.1), (1000, 1e-3)):
        assert mean_at_most(0.0, trials, failure) == pytest.approx(1 - failure ** (1 / trials), abs=1e-9)


@pytest.mark.parametrize("open_picks", [True, False])
@pytest.mark.parametrize("rivalry", [0.0, 1.0])
def test_the_environment_keeps_the_rules(open_picks, rivalry):
    game = tiny(UniformDraw(), rivalry=rivalry)
    sets = draw_depth_sets(game, 200, rng=np.random.default_rng(1))
    env = CompetitionEnv(game, sets, open_picks)
    check_env_game(env, episodes=8, rng=np.random.default_rng(2), max_steps=20)


@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
def test_the_environment_is_a_pettingzoo_parallel_one():
    game = tiny()
    sets = draw_depth_sets(game, 100, rng=np.random.default_rng(1))
    parallel_api_test(GameParallelEnv(CompetitionEnv(game, sets)), num_cycles=60)


def test_the_environment_offers_what_can_still_be_invited_and_pays_the_profile():
    game = tiny()
    sets = draw_depth_sets(game, 300, rng=np.random.default_rng(1))
    env = CompetitionEnv(game, sets)
    rng = np.random.default_rng(4)
    feasible = [{tuple(s.tolist()) for s in all_strategies(game, i)} for i in range(2)]
    for _ in range(40):
        state = env.initial(rng)
        while movers := env.to_move(state):
            for firm in movers:
                mask = env.legal_mask(state, firm)
                for c in range(env.pass_action):
                    named = state.picks[firm]
                    can = c not in named and tuple(sorted((*named, c))) in feasible[firm]
                    assert mask[c] == can
            masks = {i: env.legal_mask(state, i) for i in movers}
            state = env.step(state, {i: int(rng.choice(np.flatnonzero(m))) for i, m in masks.items()}, rng)
        profile = [game.checked(i, named) for i, named in enumerate(state.picks)]
        np.testing.assert_array_equal(env.returns(state), profile_moments(game, sets, profile).mean)
    assert "payoffs" in env.describe(state)


def test_who_sees_whose_picks():
    game = tiny()
    sets = draw_depth_sets(game, 50, rng=np.random.default_rng(1))
    rng = np.random.default_rng(0)
    for open_picks in (True, False):
        env = CompetitionEnv(game, sets, open_picks)
        state = env.step(env.initial(rng), {0: 1, 1: 3}, rng)  # nodes 4 and 6
        seen = env.observe(state, 0)
        assert seen[0].tolist() == [0, 1, 0, 0]
        assert seen[1].tolist() == ([0, 0, 0, 1] if open_picks else [0, 0, 0, 0])
    with pytest.raises(IllegalActionError, match="cannot name"):
        env.step(env.initial(rng), {0: 3, 1: 3}, rng)  # node 6 is no friend of the first firm's adopters


def test_strategies_are_checked():
    game = tiny()
    assert game.labels(game.strategy(1, [6, 3])) == (3, 6)
    assert game.text(game.strategy(0, [])) == "nobody"
    assert game.payoff_bounds == (0.0, 6.0)
    assert tiny(rivalry=2.0).payoff_bounds == (-12.0, 6.0)
    for friends, words in (
        ([3, 4, 5], "cannot invite all"),  # two adopters, one place each
        ([6], "cannot invite all"),
        ([7], "neighbours of adopters"),
        ([0], "neighbours of adopters"),
        ([3, 3], "distinct"),
        ([99], "node"),
    ):
        with pytest.raises(ValueError, match=words):
            game.strategy(0, friends)


@pytest.mark.parametrize(
    ("firms", "options", "words"),
    [
        ([Firm("a", [0], 1)], {}, "at least two"),
        ([Firm("a", [0], 1), Firm("a", [2], 1)], {}, "distinct names"),
        ([Firm("a", [0], 1), Firm("b", [0], 1)], {}, "distinct"),
        ([Firm("a", [0], 1), Firm("b", [2], 0)], {}, "no adopter of b"),
        ([Firm("a", [0], 1), Firm("b", [8], {})], {}, "capacity of b lacks 8"),
        ([Firm("a", [0], 1), Firm("b", [2], -1)], {}, "at least 0"),
        ([Firm("a", [0], 1), Firm("b", [2], 1)], {"rivalry": -1.0}, "rivalry"),
        ([Firm("a", [0], 1), Firm("b", [2], 1)], {"rivalry": np.inf}, "rivalry"),
    ],
)
def test_bad_competitions_are_refused(firms, options, words):
    graph = graph_from_arcs(*np.array(ARCS).T)
    with pytest.raises(ValueError, match=words):
        competition_game(uniform_cascade(graph, 0.5), firms, **options)


def test_bad_samples_and_populations_are_refused():
    game = tiny()
    with pytest.raises(ValueError, match="number"):
        draw_depth_sets(game, 0, rng=np.random.default_rng(0))
    sets = draw_depth_sets(game, 5, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="populations"):
        empirical_game(game, sets, [[game.strategy(0, [])], []])
    with pytest.raises(ValueError, match="confidence"):
        equilibrium_certificate(game, sets, np.zeros(2), np.zeros(2), confidence=1.0)


def test_distances():
    game = tiny()
    sets = draw_depth_sets(game, 200, rng=np.random.default_rng(0))
    assert (distances(game, sets, game.strategy(0, [])) == FAR).all()
    both = distances(game, sets, game.strategy(0, [3, 4]))
    apart = [distances(game, sets, game.strategy(0, [v])) for v in (3, 4)]
    np.testing.assert_array_equal(both, np.minimum(*apart))
