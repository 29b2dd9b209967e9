"""Several rounds, planned and adaptive, against enumeration."""

from itertools import combinations, product

import numpy as np
import pytest

from games.errors import UnsupportedGameError
from games.influence.diffusion import IndependentCascade, uniform_cascade, uniform_threshold
from games.influence.exact import exact_spread
from games.influence.families import at_most
from games.influence.family_problems import family_problem
from games.influence.graph import graph_from_arcs
from games.influence.rounds import rounds_problem
from solvers.influence.adaptive import SimulatedWorld, invite_in_rounds
from solvers.influence.family import solve_family
from solvers.influence.family_selection import FamilyGreedy, StagedGreedy


def outcomes(diffusion, seeds):
    """Chance of every set of nodes reached, by enumeration of live arcs."""
    graph = diffusion.graph
    arcs = list(
        zip(graph.source.tolist(), graph.target.tolist(), diffusion.probability.tolist(), strict=True)
    )
    found = {}
    for live in product((False, True), repeat=len(arcs)):
        chance = np.prod([p if on else 1 - p for on, (_, _, p) in zip(live, arcs, strict=True)])
        reached = set(seeds)
        while True:
            more = {v for on, (u, v, _) in zip(live, arcs, strict=True) if on and u in reached} - reached
            if not more:
                break
            reached |= more
        key = frozenset(reached)
        found[key] = found.get(key, 0.0) + chance
    return found


def planned_spread(diffusion, schedule):
    """Expected number of nodes reached in some round: rounds are independent."""
    missed = np.ones(diffusion.graph.num_nodes)
    for seeds in schedule:
        for v in range(missed.size):
            missed[v] *= sum(p for reached, p in outcomes(diffusion, seeds).items() if v not in reached)
    return float((1 - missed).sum())


def adaptive_optimum(diffusion, rounds, reached=frozenset()):
    """Expected number newly reached by the best policy of one seed a round."""
    if rounds == 0:
        return 0.0
    return max(
        sum(
            p * (len(found - reached) + adaptive_optimum(diffusion, rounds - 1, reached | found))
            for found, p in outcomes(diffusion, [v]).items()
        )
        for v in range(diffusion.graph.num_nodes)
    )


def small(seed, n=5, arcs=5):
    rng = np.random.default_rng(seed)
    graph = graph_from_arcs(rng.integers(n, size=arcs), rng.integers(n, size=arcs), num_nodes=n)
    return IndependentCascade(graph, rng.choice([0.2, 0.5, 0.8], size=graph.num_arcs))


@pytest.mark.parametrize("seed", range(4))
def test_planned_rounds_against_every_schedule(seed):
    diffusion = small(seed)
    rounds = rounds_problem(diffusion, range(5), [1, 2])
    result = solve_family(
        rounds.problem,
        target_ratio=0.95,
        max_sets=1 << 14,
        selectors=(FamilyGreedy(), StagedGreedy(rounds.stage)),
        rng=np.random.default_rng(seed),
    )
    answer = result.unwrap()
    schedule = rounds.schedule(answer.chosen)
    assert len(schedule[0]) <= 1
    assert len(schedule[1]) <= 2
    best = max(
        planned_spread(diffusion, (first, second))
        for first in combinations(range(5), 1)
        for second in combinations(range(5), 2)
    )
    true = planned_spread(diffusion, schedule)
    low, high = answer.spread_interval
    assert low <= true <= high
    assert best <= answer.optimum_bound
    assert true >= best / 2  # cross-round greedy on a partition matroid
    assert answer.ratio <= true / best


def test_copies_and_hubs_mean_what_is_said():
    """The spread on the copies is that of independent rounds, with a step limit too."""
    diffusion = small(1, n=4, arcs=3)
    problem = rounds_problem(diffusion, [0, 2], [1, 1]).problem
    number = problem.diffusion.graph.number
    seeds = [number((0, 0)), number((2, 1))]
    weight = np.zeros(12)
    weight[8:] = 1.0
    assert exact_spread(problem.diffusion, seeds, node_weight=weight) == pytest.approx(
        planned_spread(diffusion, [[0], [2]])
    )
    line = uniform_cascade(graph_from_arcs([0, 1], [1, 2]), 1.0, max_steps=1)
    timed = rounds_problem(line, [0], [1, 1], node_weight=[1.0, 2.0, 4.0]).problem
    answer = solve_family(timed, first_sets=2000, max_sets=2000).unwrap()
    assert answer.spread == pytest.approx(3.0, abs=0.3)


def test_stages_are_filled_in_turn():
    """Within-round greedy has filled the first round before it looks at the second."""
    diffusion = small(2)
    rounds = rounds_problem(diffusion, range(5), [2, 1])
    found = solve_family(rounds.problem, selectors=(StagedGreedy(rounds.stage),), max_sets=1 << 13).unwrap()
    assert rounds.stage[found.chosen].tolist() == sorted(rounds.stage[found.chosen].tolist())
    assert [len(s) for s in rounds.schedule(found.chosen)] == [2, 1]


@pytest.mark.parametrize("steps", [None, 1])
def test_the_simulated_world_is_that_of_the_model(steps):
    rng = np.random.default_rng(0)
    graph = graph_from_arcs(rng.integers(8, size=14), rng.integers(8, size=14), num_nodes=8)
    for diffusion in (
        uniform_cascade(graph, 0.4, max_steps=steps),
        uniform_threshold(graph, max_steps=steps),
    ):
        world = SimulatedWorld(diffusion, (2, 5))
        sizes = [world(np.array([1, 2]), rng=rng).sum() for _ in range(1000)]
        error = 4 * np.std(sizes) / np.sqrt(1000) + 1e-9
        assert np.mean(sizes) == pytest.approx(exact_spread(diffusion, [1, 2], removed=[2, 5]), abs=error)


def test_adaptive_policy_against_the_best_one():
    diffusion = small(3, n=4, arcs=4)
    problem = family_problem(diffusion, range(4), at_most(1, 4))
    best = adaptive_optimum(diffusion, 2)
    gains = []
    for seed in range(150):
        result = invite_in_rounds(
            problem, 2, target_ratio=0.8, max_sets=4096, rng=np.random.default_rng(seed)
        )
        run = result.unwrap()
        assert sum(run.gained) == run.reached.size
        assert run.guarantee == pytest.approx(1 - np.exp(-min(run.ratio)))
        gains.append(sum(run.gained))
    error = 4 * np.std(gains) / np.sqrt(len(gains))
    assert np.mean(gains) <= best + error
    assert np.mean(gains) >= best - error - 0.1  # greedy is all but the best here


def test_what_was_reached_is_not_invited_again():
    """Two certain stars: the second round goes to the smaller, and the third has no use."""
    stars = uniform_cascade(graph_from_arcs([0, 0, 0, 4], [1, 2, 3, 5]), 1.0)
    problem = family_problem(stars, range(6), at_most(1, 6))
    run = invite_in_rounds(problem, 3).unwrap()
    assert run.seeds == ((0,), (4,), ())
    assert run.gained == (4.0, 2.0, 0.0)
    weighted = invite_in_rounds(problem, 1, node_weight=[0, 0, 0, 0, 0, 1.0]).unwrap()
    assert weighted.seeds[0] in ((4,), (5,))


def test_an_observer_of_ones_own_is_believed():
    """If round one is seen to fail beyond its own seed, round two tries the rest."""
    stars = uniform_cascade(graph_from_arcs([0, 0, 0, 4], [1, 2, 3, 5]), 1.0)
    problem = family_problem(stars, [0, 4], at_most(1, 2))
    seen = []

    def stubborn(seeds, *, rng):
        seen.append(seeds.tolist())
        reached = np.zeros(6, dtype=bool)
        reached[seeds] = True
        return reached

    run = invite_in_rounds(problem, 2, observe=stubborn).unwrap()
    assert seen == [[0], [0]]  # its three followers are still to be won, against two elsewhere
    assert run.gained == (1.0, 0.0)


def test_removed_nodes_stay_out():
    stars = uniform_cascade(graph_from_arcs([0, 0, 0, 4], [1, 2, 3, 5]), 1.0)
    problem = family_problem(stars, [0, 4], at_most(1, 2), removed=[1, 2, 3])
    run = invite_in_rounds(problem, 2).unwrap()
    assert run.seeds == ((4,), (0,))
    assert run.gained == (2.0, 1.0)
    reached = SimulatedWorld(stars, (1, 2, 3))(np.array([0]), rng=np.random.default_rng(0))
    assert np.flatnonzero(reached).tolist() == [0]


def test_bad_rounds_are_refused():
    diffusion = small(0)
    problem = family_problem(diffusion, range(5), at_most(1, 5))
    with pytest.raises(ValueError, match="rounds"):
        invite_in_rounds(problem, 0)
    with pytest.raises(ValueError, match="per_round"):
        rounds_problem(diffusion, range(5), [])
    with pytest.raises(UnsupportedGameError, match="cascade"):
        rounds_problem(uniform_threshold(diffusion.graph), range(5), [1])


def test_node_weights_are_those_of_the_problem_or_the_ones_given():
    diffusion = uniform_cascade(graph_from_arcs([0, 0, 0, 1], [2, 3, 4, 5], num_nodes=6), 1.0)
    weight = [0, 0, 0, 0, 0, 7.0]
    problem = family_problem(diffusion, [0, 1], at_most(1, 2), node_weight=weight)
    run = invite_in_rounds(problem, 1).unwrap()
    assert run.seeds == ((1,),)
    assert run.gained == (7.0,)
    assert invite_in_rounds(problem, 1, node_weight=np.ones(6)).unwrap().seeds == ((0,),)
    with pytest.raises(ValueError, match="node_weight"):
        invite_in_rounds(problem, 1, node_weight=np.ones(5))
