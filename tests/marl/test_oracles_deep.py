import re
from dataclasses import replace

import numpy as np
import pytest

from games.adapters.from_pettingzoo import from_pettingzoo
from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.adapters.to_pettingzoo import GameParallelEnv
from games.errors import UnsupportedGameError
from games.extensive.evaluation import best_response, expected_values
from games.normal_form import NormalFormGame
from marl.learning import (
    DQN,
    PPO,
    ActionRule,
    Activation,
    EpisodeBudget,
    HeaviestStart,
    LatestStart,
    Plateau,
    ReturnVariance,
    StepBudget,
    Torso,
)
from marl.oracles import DeepOracle, LinearDecay
from marl.policies import MixturePolicy, UniformPolicy
from marl.policies.in_trees import behaviors_of_policies, policy_of_behavior
from marl.rollouts import estimate_returns_batched
from solvers.psro import UniformAllocation, UniformMetaSolver, run_sampled_psro

SMALL_DQN = DQN(StepBudget(8_000), Torso((64,), Activation.RELU), warm_up=300)
SMALL_PPO = PPO(budget=StepBudget(8_000), torso=Torso((32,)), batch=512, minibatch=128)
TINY_DQN = DQN(StepBudget(300), Torso((4,)), num_lanes=4, capacity=100, warm_up=50, batch=8)
TINY_PPO = PPO(budget=StepBudget(300), torso=Torso((4,)), num_lanes=4, batch=64, minibatch=32)


def exact(name, opponents, oracle, player, seed):
    """Values of the best response, of the learned one and of uniform play; and the answer."""
    game, form = open_spiel_game(name), compile_open_spiel(name)
    answer = oracle.respond(game, opponents, player, rng=np.random.default_rng(seed))

    def value(policy):
        seated = [policy if i == player else p for i, p in enumerate(opponents)]
        return expected_values(form, behaviors_of_policies(game, form, seated))[player]

    best = best_response(form, behaviors_of_policies(game, form, opponents), player).value
    return best, value(answer.policy), value(UniformPolicy()), answer


@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize(
    ("learner", "error"),
    [
        (SMALL_DQN, 0.01),
        (replace(SMALL_DQN, dueling=True, n_steps=2), 0.05),
        (SMALL_PPO, 0.06),
        (replace(SMALL_PPO, rule=ActionRule.GREEDY, value_clip=1.0), 0.01),
    ],
    ids=["dqn", "dueling", "ppo", "ppo_greedy"],
)
def test_learns_the_best_response_to_uniform_kuhn(learner, error, player):
    """Best responses earn 1/2 and 5/12, uniform play 1/8 and -1/8."""
    best, got, uniform, answer = exact("kuhn_poker", [UniformPolicy()] * 2, DeepOracle(learner), player, 0)
    assert best == pytest.approx([1 / 2, 5 / 12][player])
    assert uniform == pytest.approx([1 / 8, -1 / 8][player])
    assert -1e-9 < best - got < error
    assert abs(answer.estimate.mean[player] - got) < 5 * answer.estimate.standard_error[player]


def _constant(form, player, move):
    behavior = np.zeros(form.num_sequences[player])
    behavior[0] = 1.0
    behavior[form.treeplexes[player].start[:-1] + move] = 1.0
    return behavior


@pytest.mark.parametrize(("learner", "error"), [(SMALL_DQN, 0.02), (SMALL_PPO, 0.08)], ids=["dqn", "ppo"])
def test_learns_from_what_it_sees_of_a_mixture(learner, error):
    """Against always-pass or always-bet, drawn per episode, the best response reads the first move."""
    form = compile_open_spiel("kuhn_poker")
    always = tuple(policy_of_behavior(form, 0, _constant(form, 0, k), 2) for k in (0, 1))
    opponents = [MixturePolicy(always, [0.4, 0.6]), UniformPolicy()]
    best, got, uniform, _ = exact("kuhn_poker", opponents, DeepOracle(learner), 1, 2)
    assert -1e-9 < best - got < error < 0.3 * (best - uniform)


@pytest.mark.slow
@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize(("name", "share"), [("leduc_poker", 0.9), ("liars_dice", 0.8)])
@pytest.mark.parametrize(
    "learner", [DQN(StepBudget(150_000)), PPO(budget=StepBudget(150_000))], ids=["dqn", "ppo"]
)
def test_gains_most_of_the_best_response(name, share, learner, player):
    best, got, uniform, _ = exact(name, [UniformPolicy()] * 2, DeepOracle(learner), player, 3)
    assert got - uniform > share * (best - uniform)


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("shift", [-10.0, 10.0])
def test_simultaneous_moves_in_any_unit(learner, unit, shift):
    payoffs = unit * (np.array([[1.0, 2.0, 0.0], [0.0, 9.0, 0.0]]) + shift)
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, -payoffs))
    oracle = DeepOracle(replace(learner, budget=StepBudget(2_000)), evaluation=50)
    answer = oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0))
    assert answer.policy.probabilities(game, (), 0)[1] > 0.9


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
def test_equal_seeds_give_equal_weights(learner):
    game, oracle = open_spiel_game("kuhn_poker"), DeepOracle(learner, evaluation=20)
    one, two, other = (
        oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(s)) for s in (7, 7, 8)
    )
    arrays = [answer.policy.arrays() for answer in (one, two, other)]
    assert arrays[0].keys() == arrays[1].keys() == arrays[2].keys()
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name])
    assert not np.array_equal(arrays[0]["network_weights_0"], arrays[2]["network_weights_0"])
    np.testing.assert_array_equal(one.estimate.mean, two.estimate.mean)


@pytest.mark.parametrize(
    "learner", [TINY_DQN, replace(TINY_DQN, dueling=True), TINY_PPO], ids=["dqn", "dueling", "ppo"]
)
def test_a_warm_start_goes_on_from_the_weights(learner):
    """Without learning, a warm start plays what it started from; the start itself is left alone."""
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(0)
    first = DeepOracle(learner, evaluation=20).respond(game, [UniformPolicy()] * 2, 0, rng=rng).policy
    kept = {name: array.copy() for name, array in first.arrays().items()}
    own = MixturePolicy((UniformPolicy(), first), [0.2, 0.8])
    frozen = replace(learner, learning_rate=LinearDecay(0.0, 0.0, 1.0))
    for start in (HeaviestStart(), LatestStart()):
        again = (
            DeepOracle(frozen, start, evaluation=20).respond(game, [own, UniformPolicy()], 0, rng=rng).policy
        )
        for name, array in again.arrays().items():
            np.testing.assert_allclose(array, kept[name], atol=1e-6, err_msg=name)
    moved = DeepOracle(learner, LatestStart(), evaluation=20).respond(game, [own, None], 1, rng=rng).policy
    assert not np.array_equal(moved.arrays()["network_weights_0"], kept["network_weights_0"])
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, kept[name])


def test_a_warm_start_needs_less():
    """The best response once learned, a budget that teaches nothing from fresh weights keeps it."""
    opponents = [UniformPolicy()] * 2
    best, _, _, answer = exact("kuhn_poker", opponents, DeepOracle(SMALL_PPO), 1, 0)
    short = DeepOracle(
        replace(SMALL_PPO, budget=StepBudget(600), entropy=LinearDecay(0.0, 0.0)), LatestStart()
    )
    _, warm, _, _ = exact("kuhn_poker", [UniformPolicy(), answer.policy], short, 1, 1)
    _, fresh, _, _ = exact("kuhn_poker", opponents, replace(short, start=LatestStart()), 1, 1)
    assert best - warm < 0.1 < 0.25 < best - fresh
    with pytest.raises(ValueError, match="cannot start from a network of sizes"):
        exact("kuhn_poker", [None, answer.policy], replace(short, learner=TINY_PPO), 1, 1)


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
def test_packed_policies_play_the_same(learner):
    game, oracle = open_spiel_game("leduc_poker"), DeepOracle(learner, evaluation=20)
    policy = oracle.respond(game, [UniformPolicy()] * 2, 1, rng=np.random.default_rng(0)).policy
    again = oracle.unpack(oracle.pack(policy))
    rng = np.random.default_rng(1)
    observations = rng.normal(size=(50, *game.observation_shape(1))).astype(np.float32)
    masks = np.ones((50, 3), dtype=bool)
    np.testing.assert_array_equal(
        policy.distributions(observations, masks), again.distributions(observations, masks)
    )
    with pytest.raises(ValueError, match="lack rule"):
        oracle.unpack({})


@pytest.mark.parametrize("learner", [SMALL_DQN, SMALL_PPO], ids=["dqn", "ppo"])
def test_learning_stops_early_at_rest(learner):
    patient = replace(learner, budget=EpisodeBudget(200_000), early_stop=Plateau(400, 3))
    if isinstance(patient, DQN):
        patient = replace(patient, epsilon=LinearDecay(1.0, 0.1, 0.01))
    best, got, _, answer = exact("kuhn_poker", [UniformPolicy()] * 2, DeepOracle(patient), 0, 0)
    assert answer.stopped_early
    assert answer.episodes < 50_000
    assert best - got < 0.1


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
def test_budgets_in_episodes_are_kept(learner):
    oracle = DeepOracle(replace(learner, budget=EpisodeBudget(137)), evaluation=20)
    answer = oracle.respond(
        open_spiel_game("kuhn_poker"), [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0)
    )
    assert 137 <= answer.episodes < 137 + learner.num_lanes
    assert not answer.stopped_early


def test_a_pettingzoo_game():
    """Rock, paper, scissors against one who mostly plays rock: paper earns 0.7."""
    game = from_pettingzoo(_rock_paper_scissors)
    oracle = DeepOracle(replace(TINY_PPO, budget=StepBudget(4_000)), evaluation=50)
    answer = oracle.respond(game, [_Rock(), None], 1, rng=np.random.default_rng(0))
    assert answer.policy.probabilities(game, game.initial(np.random.default_rng(0)), 1)[1] > 0.9
    assert answer.estimate.mean[1] > 0.4


class _UnseededRockPaperScissors(GameParallelEnv):
    """Shows what no seed repeats."""

    def __init__(self):
        super().__init__(open_spiel_game("matrix_rps"))
        self._noise = np.random.default_rng()

    def reset(self, seed=None, options=None):
        seen, infos = super().reset(seed, options)
        for shown in seen.values():
            shown["observation"] += np.float32(self._noise.normal())
        return seen, infos


def test_a_pettingzoo_game_that_does_not_repeat_itself():
    game = from_pettingzoo(_UnseededRockPaperScissors)
    oracle = DeepOracle(replace(TINY_PPO, budget=StepBudget(4_000)), evaluation=50)
    answer = oracle.respond(game, [_Rock(), None], 1, rng=np.random.default_rng(0))
    assert answer.policy.probabilities(game, game.initial(np.random.default_rng(0)), 1)[1] > 0.8


def test_games_around_simulators_are_estimated_in_few_of_them():
    made = []
    game = from_pettingzoo(lambda: made.append(1) or _rock_paper_scissors())
    estimate_returns_batched(game, [UniformPolicy()] * 2, 200, rng=np.random.default_rng(0))
    assert 2 < len(made) <= 17


def _rock_paper_scissors():
    return GameParallelEnv(open_spiel_game("matrix_rps"))


class _Rock:
    def probabilities(self, game, state, player):
        return np.array([0.8, 0.1, 0.1])


def test_sampled_psro_is_the_same_on_any_number_of_workers(tmp_path):
    game = open_spiel_game("kuhn_poker")
    runs = [
        run_sampled_psro(
            game,
            oracle=DeepOracle(TINY_PPO, HeaviestStart(), evaluation=20),
            meta_solver=UniformMetaSolver(),
            allocation=UniformAllocation(20),
            iterations=2,
            verification=20,
            rng=np.random.default_rng(5),
            workers=workers,
            checkpoint=tmp_path / f"{workers}.json",
        ).solution
        for workers in (1, 2)
    ]
    np.testing.assert_array_equal(runs[0].empirical.means, runs[1].empirical.means)
    for groups in zip(runs[0].policies, runs[1].policies, strict=True):
        for one, two in list(zip(*groups, strict=True))[1:]:
            for name, array in one.arrays().items():
                np.testing.assert_array_equal(array, two.arrays()[name])


def test_names_tell_settings_apart():
    learners = [PPO(), DQN(), PPO(ReturnVariance(0.1)), PPO(ReturnVariance(0.2)), DQN(dueling=True)]
    oracles = [DeepOracle(), *map(DeepOracle, learners[1:]), DeepOracle(PPO(), HeaviestStart())]
    assert len({oracle.name for oracle in oracles}) == len(oracles)
    assert DeepOracle().name == DeepOracle(PPO()).name


class _OnlySecond(NormalFormEnv):
    """The first player is never asked."""

    def to_move(self, state):
        return (1,) if state == () else ()

    def legal_mask(self, state, player):
        return NormalFormEnv.legal_mask(self, state, player) & (player == 1)

    def step(self, state, joint, rng):
        return (0, joint[1])


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
def test_who_never_moves_cannot_learn(learner):
    game = _OnlySecond(NormalFormGame.bimatrix(np.eye(2), np.eye(2)))
    for budget in (learner.budget, EpisodeBudget(100)):
        oracle = DeepOracle(replace(learner, budget=budget))
        with pytest.raises(UnsupportedGameError, match="has not moved once"):
            oracle.respond(game, [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0))


def test_dqn_learns_on_budgets_shorter_than_its_warm_up():
    """Paper against one who mostly plays rock, with a warm-up of a thousand decisions by default."""
    game, opponents = open_spiel_game("matrix_rps"), [_Rock(), UniformPolicy()]
    for budget in (StepBudget(900), EpisodeBudget(900)):
        answer = DeepOracle(DQN(budget, Torso((16,)), learning_rate=LinearDecay(1e-2, 1e-3, 1.0))).respond(
            game, opponents, 1, rng=np.random.default_rng(0)
        )
        state = game.initial(np.random.default_rng(0))
        assert answer.policy.probabilities(game, state, 1).argmax() == 1


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
def test_a_budget_too_short_to_learn_from_is_refused(learner):
    """No play of the game ends, and no decision is followed by another, within one tick."""
    oracle = DeepOracle(replace(learner, budget=StepBudget(1)))
    with pytest.raises(ValueError, match=r"StepBudget\(steps=1\) ended before the first update, after 4 dec"):
        oracle.respond(open_spiel_game("tic_tac_toe"), [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0))


class _Blinding(NormalFormEnv):
    """Shows a number that is none."""

    bad = np.nan

    def observe(self, state, player):
        return np.full_like(super().observe(state, player), self.bad)


class _Dazzling(_Blinding):
    bad = np.inf


@pytest.mark.parametrize("learner", [TINY_DQN, TINY_PPO], ids=["dqn", "ppo"])
@pytest.mark.parametrize("kind", [_Blinding, _Dazzling])
def test_observations_that_are_not_finite_are_refused(learner, kind):
    game = kind(NormalFormGame.bimatrix(np.eye(2), np.eye(2)))
    with pytest.raises(ValueError, match=f"{re.escape(game.name)} shows player 1 an observation"):
        DeepOracle(learner).respond(game, [UniformPolicy()] * 2, 1, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: DeepOracle(evaluation=1), "evaluation"),
        (lambda: DQN(num_lanes=0), "num_lanes"),
        (lambda: DQN(batch=0), "batch"),
        (lambda: DQN(n_steps=0), "n_steps"),
        (lambda: DQN(capacity=20), "capacity"),
        (lambda: DQN(max_gradient=0.0), "max_gradient"),
        (lambda: PPO(epochs=0), "epochs"),
        (lambda: PPO(clip=1.0), "clip"),
        (lambda: PPO(value_clip=0.0), "value_clip"),
        (lambda: PPO(trace=1.5), "trace"),
        (lambda: PPO(centre_rate=0.0), "centre_rate"),
        (lambda: PPO(max_gradient=float("nan")), "max_gradient"),
    ],
)
def test_bad_settings(make, word):
    with pytest.raises(ValueError, match=word):
        make()
