"""SEQUOIA as the best-response oracle between planners on shared arms."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from games.bandits import OneBitAnArm, PlannersGame, SharedBandit, cardinality, clash, rival_planners, union
from games.bandits.joint import allowed_actions
from games.bandits.planners_response import response_bounds
from games.normal_form.risk import RiskAversion
from marl.policies import MixturePolicy, UniformPolicy
from solvers.psro import RiskAverseMetaSolver, UniformAllocation, run_sampled_psro
from solvers.sequoia.learning import CosineRate, DenseFamily, ResidualFamily, SequoiaSettings, Validation
from solvers.sequoia.planners import (
    ExactCells,
    ResponseLearner,
    SequoiaResponse,
    TablePolicy,
    certify_planners,
    exact_moments,
    mean_field_bandit,
    play_planners,
)
from solvers.sequoia.planners.tables import chain_of, mixture_of
from tests.solvers.sequoia.small_bandits import random_arms

FEW = SequoiaSettings(
    rounds=8, lanes=8, pool=96, batch=32, updates=15, validation=Validation(every=4, episodes=48)
)
BITS = 3


def game_of(planners=2, *, combine=clash, horizon=4, seed=0):
    rng = np.random.default_rng(seed)
    rewards = np.abs(rng.normal(size=(planners, BITS, 2))).round(3)
    sets = (cardinality(BITS, 1),) * planners
    arms = random_arms(rng, BITS)
    return PlannersGame(
        SharedBandit(arms, OneBitAnArm(BITS), sets, rewards, combine=combine, horizon=horizon)
    )


def constant(game, player, action):
    """Always the same bits."""
    wanted = np.zeros(BITS, dtype=np.bool_)
    wanted[list(action)] = True
    number = int(np.flatnonzero((game.choices[player] == wanted).all(axis=1))[0])
    chain = chain_of(game)
    return TablePolicy(np.full((chain.horizon, len(chain.start)), number), game.bandit.arms.states)


def mixed(game, player):
    return MixturePolicy((constant(game, player, [0]), constant(game, player, [2])), [0.6, 0.4])


def test_one_who_does_nothing_leaves_the_arms_as_they_are():
    game = game_of(combine=union)
    idle = constant(game, 1, [])
    played = play_planners(game, [UniformPolicy(), idle], 16, rng=np.random.default_rng(0))
    own = mean_field_bandit(game, played, 0)
    np.testing.assert_allclose(own.arms.passive, game.bandit.arms.passive)
    np.testing.assert_allclose(own.arms.active, game.bandit.arms.active)
    np.testing.assert_array_equal(own.arms.rewards, game.bandit.rewards[0])


def test_one_who_always_pulls_an_arm_turns_the_meaning_of_its_bit():
    game = game_of(combine=clash)
    played = play_planners(game, [UniformPolicy(), constant(game, 1, [0])], 16, rng=np.random.default_rng(0))
    own = mean_field_bandit(game, played, 0)
    np.testing.assert_allclose(own.arms.passive[0], game.bandit.arms.active[0])
    np.testing.assert_allclose(own.arms.active[0], game.bandit.arms.passive[0])
    np.testing.assert_allclose(own.arms.active[1:], game.bandit.arms.active[1:])


def test_play_is_that_of_the_game_and_the_luck_is_shared():
    game = game_of()
    players = [UniformPolicy(), mixed(game, 1)]
    played = play_planners(game, players, 800, rng=np.random.default_rng(0))
    rewards = game.bandit.rewards[:, np.arange(BITS), played.states[:, 1:]].sum(axis=(2, 3))
    mean, variance = exact_moments(game, players)
    assert np.all(np.abs(rewards.mean(axis=1) - mean) <= 4 * np.sqrt(variance / 800))

    def nothing(states, step):
        return np.zeros((len(states), BITS), dtype=np.bool_)

    again = [
        play_planners(game, players, 8, rng=np.random.default_rng(1), player=0, own=nothing) for _ in range(2)
    ]
    np.testing.assert_array_equal(again[0].states, again[1].states)
    assert not again[0].bits[:, :, 0].any()


def test_scores_of_the_learner_have_the_mean_of_the_game():
    game = game_of()
    players = [UniformPolicy(), mixed(game, 1)]
    settings = SequoiaSettings(rounds=1, lanes=4, pool=32, updates=1, validation=Validation(1, 400))
    learner = ResponseLearner(game, players, 0, settings, rng=np.random.default_rng(0))
    scores, _ = learner._look(learner.best)
    mean, _ = exact_moments(game, [learner.best, players[1]])
    assert abs(scores.mean() - mean[0]) <= 4 * scores.std(ddof=1) / np.sqrt(scores.size)
    assert scores.std() < 0.7 * np.sqrt(exact_moments(game, [learner.best, players[1]])[1][0])


@pytest.mark.parametrize("seed", [0, 1])
def test_the_response_is_nearly_the_best_of_any_memory(seed):
    game = game_of(seed=seed)
    players = [UniformPolicy(), mixed(game, 1)]
    oracle = SequoiaResponse(game, FEW, evaluation=8)
    answer = oracle.respond(game, players, 0, rng=np.random.default_rng(seed))
    value = exact_moments(game, [answer.policy, players[1]])[0][0]
    chain = chain_of(game)
    mixtures = [mixture_of(game, chain, p, i) for i, p in enumerate(players)]
    bounds = response_bounds(chain, mixtures, 0)
    lazy = exact_moments(game, players)[0][0]
    assert value <= bounds.upper + 1e-9
    assert bounds.upper - value <= 0.15 * (bounds.upper - lazy)


def test_the_program_does_not_grow_with_the_opponents():
    sizes = []
    for planners in (2, 3):
        game = game_of(planners)
        players = [UniformPolicy()] * planners
        settings = SequoiaSettings(rounds=1, lanes=2, pool=8, updates=1, validation=Validation(1, 8))
        policy = ResponseLearner(game, players, 0, settings, rng=np.random.default_rng(0)).run()
        network = policy.network.at([0] * BITS + [0])
        sizes.append((network.size, [weight.shape for weight in network.weights]))
        state = np.zeros((1, BITS), dtype=np.int64)
        actions = allowed_actions(game.bandit.sets[0])
        best = actions[network.values(actions).argmax()]
        np.testing.assert_array_equal(policy.bits(state, 0)[0], best)
    assert sizes[0] == sizes[1]


def test_equal_seeds_learn_the_same_and_policies_survive_storage():
    game = game_of()
    players = [UniformPolicy(), mixed(game, 1)]
    oracle = SequoiaResponse(game, FEW, evaluation=2)
    first, second = (oracle.respond(game, players, 0, rng=np.random.default_rng(5)) for _ in range(2))
    assert first.policy.network.version == second.policy.network.version
    np.testing.assert_array_equal(first.estimate.mean, second.estimate.mean)
    back = oracle.unpack(oracle.pack(first.policy))
    assert back.player == first.policy.player == 0
    states = np.array([*itertools.product(range(2), repeat=BITS)])
    for step in range(game.bandit.horizon):
        np.testing.assert_array_equal(back.bits(states, step), first.policy.bits(states, step))


def test_psro_between_rivals_ends_near_an_equilibrium_and_resumes(tmp_path):
    game = rival_planners(arms=2, horizon=3)
    quick = replace(FEW, rounds=4, validation=Validation(every=4, episodes=32))

    def run(iterations, checkpoint=None):
        return run_sampled_psro(
            game,
            oracle=SequoiaResponse(game, quick, evaluation=4),
            simulator=ExactCells(),
            meta_solver=RiskAverseMetaSolver(RiskAversion(gamma=0.0)),
            allocation=UniformAllocation(4),
            iterations=iterations,
            verification=2,
            checkpoint=checkpoint,
        ).unwrap()

    whole = run(3)
    gaps = certify_planners(game, whole.players())
    start = certify_planners(game, [UniformPolicy()] * 2)
    assert gaps.certificate.bound <= 0.2 * start.certificate.bound
    run(2, tmp_path / "run.json")
    resumed = run(3, tmp_path / "run.json")
    for a, b in zip(whole.profile, resumed.profile, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_is_refused():
    game = game_of()
    with pytest.raises(ValueError, match="evaluation"):
        SequoiaResponse(game, FEW, evaluation=1)
    settings = SequoiaSettings(family=DenseFamily())
    with pytest.raises(ValueError, match="start at its base"):
        ResponseLearner(game, [UniformPolicy()] * 2, 0, settings, rng=np.random.default_rng(0))
    oracle = SequoiaResponse(game, FEW)
    with pytest.raises(ValueError, match="game must be"):
        oracle.respond(rival_planners(), [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="lack"):
        oracle.unpack({})


def test_learning_adds_what_the_mean_field_forgets():
    """The other moves on to another arm halfway; an average over time cannot tell when."""
    game = game_of(horizon=6, seed=4)
    chain = chain_of(game)
    first, second = (constant(game, 1, [arm]).choices[0, 0] for arm in (0, 2))
    choices = np.full((6, len(chain.start)), first)
    choices[3:] = second
    players = [UniformPolicy(), TablePolicy(choices, game.bandit.arms.states)]
    settings = SequoiaSettings(
        family=ResidualFamily((32,)),
        learning_rate=CosineRate(5e-3, 5e-4),
        rounds=15,
        lanes=8,
        pool=96,
        batch=32,
        updates=20,
        validation=Validation(every=3, episodes=64),
    )
    learner = ResponseLearner(game, players, 0, settings, rng=np.random.default_rng(0))
    start = exact_moments(game, [learner.best, players[1]])[0][0]
    learned = exact_moments(game, [learner.run(), players[1]])[0][0]
    mixtures = [mixture_of(game, chain, p, i) for i, p in enumerate(players)]
    best = response_bounds(chain, mixtures, 0).upper
    assert learner.gains[-1] > 0.0
    assert learned - start >= 0.3 * (best - start) > 0.1
