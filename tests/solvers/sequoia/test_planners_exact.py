"""Planners on few shared arms: the chain, best responses by belief, and PSRO, against the game's tree."""

import itertools

import numpy as np
import pytest

from games.bandits import (
    OneBitAnArm,
    PlannersGame,
    SharedBandit,
    cardinality,
    clash,
    rival_planners,
    union,
)
from games.bandits.patrol import patrolled_arms, unguarded
from games.bandits.planners_chain import planners_chain
from games.bandits.planners_response import Mixture, opponent_types, planners_gaps, response_bounds
from games.bandits.planners_tree import planners_tree
from games.errors import UnsupportedGameError
from games.extensive import fold
from games.extensive.evaluation import (
    best_response_to_plans,
    expected_values,
    payoff_variances,
    realization_plans,
)
from games.normal_form.risk import RiskAversion
from games.results import Status
from marl.policies import MixturePolicy, UniformPolicy
from solvers.psro import (
    EmpiricalRiskMetaSolver,
    RiskAverseMetaSolver,
    UniformAllocation,
    run_psro,
    run_sampled_psro,
)
from solvers.sequoia.planners import (
    ExactCells,
    MarkovResponse,
    TablePolicy,
    best_markov_response,
    certify_planners,
    exact_moments,
)
from solvers.sequoia.planners.tables import chain_of
from tests.solvers.sequoia.small_bandits import random_arms

ANY_GAME = RiskAverseMetaSolver(RiskAversion(gamma=0.0))


def small_game(seed, *, arms=2, planners=2, horizon=2, combine=clash):
    rng = np.random.default_rng(seed)
    rewards = rng.normal(size=(planners, arms, 2)).round(3)
    sets = (cardinality(arms, 1),) * planners
    bandit = SharedBandit(
        random_arms(rng, arms), OneBitAnArm(arms), sets, rewards, combine=combine, horizon=horizon
    )
    return PlannersGame(bandit)


def random_choices(chain, player, rng):
    return rng.integers(chain.sizes[player], size=(chain.horizon, len(chain.start)))


def random_mixture(game, rng, player, count):
    chain = chain_of(game)
    states = game.bandit.arms.states
    policies = [TablePolicy(random_choices(chain, player, rng), states) for _ in range(count)]
    return MixturePolicy(tuple(policies), rng.dirichlet(np.ones(count)))


def as_tables(chain, player, mixture):
    tables = tuple(np.eye(chain.sizes[player])[policy.choices] for policy in mixture.policies)
    return Mixture(tables, np.asarray(mixture.weights))


class Tree:
    """What the game's tree says, which knows nothing of chains or beliefs."""

    def __init__(self, game):
        self.game = game
        self.expansion = planners_tree(game)
        self.form = fold(self.expansion.tree)

    def behaviors(self, policies):
        return [
            self.expansion.behavior(i, lambda s, i=i, p=p: p.probabilities(self.game, s, i))
            for i, p in enumerate(policies)
        ]

    def best_response(self, mixtures, player):
        """By Kuhn's theorem a mixture is the average of realization plans."""
        plans = [np.zeros(n) for n in self.form.num_sequences]
        for numbers in itertools.product(*(range(len(m.policies)) for m in mixtures)):
            chance = np.prod([np.asarray(m.weights)[k] for m, k in zip(mixtures, numbers, strict=True)])
            behaviors = self.behaviors([m.policies[k] for m, k in zip(mixtures, numbers, strict=True)])
            for total, plan in zip(plans, realization_plans(self.form, behaviors), strict=True):
                total += chance * plan
        return best_response_to_plans(self.form, np.concatenate(plans), player).value


@pytest.mark.parametrize("combine", [union, clash])
def test_means_and_variances_are_those_of_the_tree(combine):
    game = small_game(0, combine=combine)
    rng = np.random.default_rng(1)
    tree = Tree(game)
    policies = [random_mixture(game, rng, 0, 1).policies[0], UniformPolicy()]
    behaviors = tree.behaviors(policies)
    mean, variance = exact_moments(game, policies)
    np.testing.assert_allclose(mean, expected_values(tree.form, behaviors), atol=1e-12)
    np.testing.assert_allclose(variance, payoff_variances(tree.form, behaviors), atol=1e-12)


@pytest.mark.parametrize(("seed", "planners"), [(0, 2), (1, 2), (2, 3)])
def test_followed_beliefs_give_the_best_response_of_the_tree(seed, planners):
    game = small_game(seed, planners=planners)
    rng = np.random.default_rng(seed)
    chain = planners_chain(game)
    mixtures = [random_mixture(game, rng, i, 2) for i in range(planners)]
    tables = [as_tables(chain, i, m) for i, m in enumerate(mixtures)]
    tree = Tree(game)
    for player in range(planners):
        found = response_bounds(chain, tables, player, max_beliefs=100_000)
        wanted = tree.best_response(mixtures, player)
        assert found.lower == pytest.approx(wanted, abs=1e-9)
        assert found.upper == pytest.approx(wanted, abs=1e-9)


def test_bounds_close_in_as_more_beliefs_are_followed():
    game = small_game(3, horizon=3)
    rng = np.random.default_rng(3)
    chain = planners_chain(game)
    tables = [as_tables(chain, i, random_mixture(game, rng, i, 3)) for i in range(2)]
    bounds = [response_bounds(chain, tables, 0, max_beliefs=most) for most in (1, 8, 100, 100_000)]
    for coarse, fine in itertools.pairwise(bounds):
        assert coarse.lower <= fine.lower + 1e-12 <= fine.upper + 2e-12 <= coarse.upper + 3e-12
    assert bounds[0].upper - bounds[0].lower > 1e-3  # telling the type is worth something here
    assert bounds[-1].upper == pytest.approx(bounds[-1].lower, abs=1e-10)


def test_markov_response_is_the_best_of_all_markov_policies_or_close():
    hits = 0
    for seed in range(3):
        game = small_game(seed, arms=1, horizon=3, combine=union)
        rng = np.random.default_rng(seed)
        chain = planners_chain(game)
        tables = [as_tables(chain, i, random_mixture(game, rng, i, 3)) for i in range(2)]
        types = opponent_types(chain, tables, 0)

        def value(choices, chain=chain, tables=tables):
            own = Mixture((np.eye(chain.sizes[0])[choices],), np.ones(1))
            return planners_gaps(chain, [own, tables[1]], max_beliefs=1).values[0]

        found = value(best_markov_response(chain, types, 0))
        every = [
            value(np.array(bits).reshape(3, 2)) for bits in itertools.product(range(chain.sizes[0]), repeat=6)
        ]
        assert found <= max(every) + 1e-12
        assert found >= np.quantile(every, 0.9)
        hits += found >= max(every) - 1e-9
    assert hits >= 2


def test_psro_on_the_tree_of_a_patrol_is_certified_and_mixed():
    game = patrolled_arms(arms=2, horizon=2)
    form = fold(planners_tree(game).tree)
    result = run_psro(form, iterations=60)
    assert result.status is Status.CERTIFIED
    assert result.certificate.bound <= 1e-8
    assert min(len(x[x > 1e-6]) for x in result.unwrap().profile) > 1  # nobody can afford to be predictable


def test_sampled_psro_with_exact_parts_comes_to_the_value_of_the_tree():
    game = patrolled_arms(arms=2, horizon=2)
    value = run_psro(fold(planners_tree(game).tree), iterations=60).info["value_0"]
    result = run_sampled_psro(
        game,
        oracle=MarkovResponse(),
        simulator=ExactCells(),
        allocation=UniformAllocation(4),
        iterations=10,
        verification=2,
    )
    gaps = certify_planners(game, result.unwrap().players())
    assert gaps.proven <= gaps.certificate.bound <= 0.2 * abs(value)
    assert abs(gaps.values[0] - value) <= gaps.certificate.bound + 1e-9
    assert gaps.certificate.confidence == 1.0


def test_rivals_with_more_arms_than_a_tree_holds_are_certified():
    game = rival_planners(arms=4, horizon=4)
    result = run_sampled_psro(
        game,
        oracle=MarkovResponse(),
        simulator=ExactCells(),
        meta_solver=ANY_GAME,
        allocation=UniformAllocation(4),
        iterations=5,
        verification=2,
    )
    assert certify_planners(game, result.unwrap().players()).certificate.bound <= 1e-9
    uniform = certify_planners(game, [UniformPolicy()] * 2)
    assert uniform.certificate.bound == pytest.approx(result.unwrap().trace.gains[0].sum(), rel=1e-9)


def test_risk_averse_equilibria_of_the_populations():
    game = patrolled_arms(arms=2, horizon=2)
    meta = EmpiricalRiskMetaSolver(RiskAversion(gamma=0.2))
    result = run_sampled_psro(
        game,
        oracle=MarkovResponse(),
        simulator=ExactCells(),
        meta_solver=meta,
        allocation=UniformAllocation(4),
        iterations=5,
        verification=2,
    )
    assert result.info["empirical_risk_nash_conv"] <= 1e-6


def test_a_run_resumes_where_it_was(tmp_path):
    game = patrolled_arms(arms=2, horizon=2)

    def run(iterations, checkpoint=None):
        return run_sampled_psro(
            game,
            oracle=MarkovResponse(),
            simulator=ExactCells(),
            allocation=UniformAllocation(4),
            iterations=iterations,
            verification=2,
            checkpoint=checkpoint,
        ).unwrap()

    whole = run(4)
    run(2, tmp_path / "run.json")
    resumed = run(4, tmp_path / "run.json")
    for a, b in zip(whole.profile, resumed.profile, strict=True):
        np.testing.assert_array_equal(a, b)


def test_chance_of_the_tree_is_that_of_the_game():
    game = small_game(5, horizon=1)
    assert planners_tree(game).tree.num_nodes > 1
    with pytest.raises(UnsupportedGameError, match="histories"):
        planners_tree(game, max_histories=3)


def test_a_guard_stops_a_raid():
    both = np.array([[True, False, False], [True, True, False]])
    np.testing.assert_array_equal(unguarded(both), [False, True, False])


def test_what_does_not_fit_is_refused():
    game = small_game(0)
    chain = planners_chain(game)
    good = as_tables(chain, 0, random_mixture(game, np.random.default_rng(0), 0, 1))
    wrong = Mixture((np.ones((1, 1, 1)),), np.ones(1))
    with pytest.raises(ValueError, match="a table of planner 1"):
        response_bounds(chain, [good, wrong], 0)
    with pytest.raises(ValueError, match="one for each of 2"):
        planners_gaps(chain, [good])
    with pytest.raises(ValueError, match="max_beliefs"):
        response_bounds(chain, [good, good], 0, max_beliefs=0)
    with pytest.raises(ValueError, match="distribution over 1 tables"):
        Mixture(good.tables, np.array([0.5]))
    with pytest.raises(ValueError, match="at most"):
        planners_chain(rival_planners(arms=12))
    with pytest.raises(TypeError, match="PlannersGame or have a chain"):
        chain_of(object())
    with pytest.raises(ValueError, match="one for each of 2"):
        certify_planners(game, [UniformPolicy()])
    with pytest.raises(ValueError, match="sweeps"):
        MarkovResponse(0)
    with pytest.raises(ValueError, match="choices and arm_states"):
        MarkovResponse().unpack({})
    with pytest.raises(ValueError, match="largest"):
        ExactCells(1)
