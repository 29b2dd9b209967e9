import subprocess
import sys
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from sb3_contrib import QRDQN, MaskablePPO, RecurrentPPO
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.extensive.evaluation import best_response, expected_values
from games.normal_form import NormalFormGame
from marl.learning import ActionRule, LatestStart, Plateau, SeatEnv
from marl.oracles import StableBaselines
from marl.oracles.stable_baselines import a2c, dqn, maskable_ppo, ppo
from marl.policies import MixturePolicy, UniformPolicy
from marl.policies.in_trees import behaviors_of_policies
from solvers.psro import UniformAllocation, UniformMetaSolver, run_sampled_psro


def quick_ppo(env, seed):
    layers = {"net_arch": [16]}
    return PPO("MlpPolicy", env, 3e-3, 128, 64, 4, gamma=1.0, seed=seed, device="cpu", policy_kwargs=layers)


def quick_relu(env, seed):
    layers = {"net_arch": {"pi": [8, 8], "vf": [4]}, "activation_fn": torch.nn.ReLU}
    return PPO("MlpPolicy", env, 3e-3, 64, 32, 2, gamma=1.0, seed=seed, device="cpu", policy_kwargs=layers)


def quick_elu(env, seed):
    return PPO("MlpPolicy", env, seed=seed, device="cpu", policy_kwargs={"activation_fn": torch.nn.ELU})


def quick_quantiles(env, seed):
    return QRDQN("MlpPolicy", env, seed=seed, device="cpu")


def quick_masked(env, seed):
    layers = {"net_arch": [16]}
    return MaskablePPO(
        "MlpPolicy", env, 3e-3, 128, 64, 4, gamma=1.0, seed=seed, device="cpu", policy_kwargs=layers
    )


PAYOFFS = np.array([[1.0, 2.0], [0.0, 9.0], [3.0, 3.0]])
TABLE = NormalFormEnv(NormalFormGame.bimatrix(PAYOFFS, PAYOFFS))
SEATS = [None, UniformPolicy()]


@pytest.mark.filterwarnings("ignore:.*observation space m:UserWarning")  # observations have no known bounds
@pytest.mark.parametrize("name", ["kuhn_poker", "tic_tac_toe", "goofspiel(players=3,num_cards=3)"])
@pytest.mark.parametrize("player", [0, 1])
def test_seats_are_gymnasium_environments(name, player):
    game = open_spiel_game(name)
    env = SeatEnv(game, [UniformPolicy()] * game.num_players, player)
    check_env(env, skip_render_check=True)
    assert isinstance(env, gymnasium.Env)


def test_returns_are_those_of_the_plays_and_illegal_actions_are_replaced():
    """Always asking for field 0 of tic-tac-toe, legal once: the rest is drawn among the legal ones."""
    game = open_spiel_game("tic_tac_toe")
    env = SeatEnv(game, [UniformPolicy()] * 2, 0)
    env.reset(seed=0)
    rewards, asked_illegal = [], 0
    for _ in range(400):
        asked_illegal += not env.action_masks()[0]
        _, reward, over, cut, _ = env.step(np.int64(0))
        rewards.append(reward)
        assert not cut
        if over:
            env.reset()
    assert asked_illegal > 100
    assert set(env.returns) == {-1.0, 0.0, 1.0}
    assert sum(rewards) == pytest.approx(sum(env.returns), abs=1.0)  # the last play may go on


def test_plays_without_own_move_are_passed_over():
    game = _SometimesAsked(NormalFormGame.bimatrix(np.eye(2), np.eye(2)))
    env = SeatEnv(game, [None, UniformPolicy()], 0)
    env.reset(seed=0)
    for _ in range(20):
        assert env.action_masks().all()
        env.step(0)
        env.reset()
    assert len(env.returns) == 20
    never = SeatEnv(game, [UniformPolicy(), None], 1)
    with pytest.raises(UnsupportedGameError, match="has not moved once"):
        never.reset(seed=0)


def test_observations_that_are_not_finite_are_refused():
    class Blinding(NormalFormEnv):
        def observe(self, state, player):
            return np.full_like(super().observe(state, player), np.nan)

    env = SeatEnv(Blinding(TABLE.game), SEATS, 0)
    with pytest.raises(ValueError, match="shows player 0 an observation that is not finite"):
        env.reset(seed=0)


class _SometimesAsked(NormalFormEnv):
    """Player 0 is asked in half of the plays; nobody else ever is."""

    def initial(self, rng):
        return () if rng.random() < 0.5 else (0, 0)

    def to_move(self, state):
        return (0,) if state == () else ()

    def step(self, state, joint, rng):
        return (joint[0], 0)


@pytest.mark.parametrize("build", [quick_ppo, quick_masked])
def test_learns_kuhn_and_leaves_the_global_generators_alone(build):
    game, form = open_spiel_game("kuhn_poker"), compile_open_spiel("kuhn_poker")
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    opponents = [UniformPolicy()] * 2
    oracle = StableBaselines(build, 2_560, evaluation=500)
    answer = oracle.respond(game, opponents, 1, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
    best = best_response(form, behaviors_of_policies(game, form, opponents), 1).value
    got = expected_values(form, behaviors_of_policies(game, form, [opponents[0], answer.policy]))[1]
    assert -1e-9 < best - got < 0.25  # uniform play falls short by 0.54
    assert answer.episodes > 500


@pytest.mark.parametrize("build", [quick_ppo, quick_relu, quick_masked, a2c, dqn])
def test_arrays_play_what_the_library_would(build):
    """Where every action is legal, distributions are those of the library's own policy."""
    env = SeatEnv(TABLE, SEATS, 0)
    algorithm = build(env, 3)
    oracle = StableBaselines(lambda env, seed: algorithm, 1, evaluation=2)
    answer = oracle.respond(TABLE, SEATS, 0, rng=np.random.default_rng(0))
    seen, _ = env.reset(seed=0)
    rows = np.stack([seen, seen + 1.0, -seen]).astype(np.float32)
    ours = answer.policy.distributions(rows, np.ones((3, 3), dtype=bool))
    with torch.no_grad():
        batch = torch.from_numpy(rows)
        if build is dqn:
            assert answer.policy.rule is ActionRule.GREEDY
            theirs = np.eye(3)[algorithm.policy.q_net(batch).argmax(dim=1).numpy()]
        else:
            theirs = algorithm.policy.get_distribution(batch).distribution.probs.numpy()
            values = algorithm.policy.predict_values(batch).numpy()
            np.testing.assert_allclose(answer.policy.critic.forward(rows), values, atol=1e-5)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    again = oracle.unpack(oracle.pack(answer.policy))
    np.testing.assert_array_equal(again.distributions(rows, np.ones((3, 3), bool)), ours)


@pytest.mark.parametrize("build", [ppo, maskable_ppo, a2c, dqn])
def test_nothing_is_discounted_or_moved_off_the_processor(build):
    algorithm = build(SeatEnv(TABLE, SEATS, 0), 0)
    assert algorithm.gamma == 1.0
    assert algorithm.device.type == "cpu"


def test_equal_seeds_warm_starts_and_early_stops():
    game, opponents = open_spiel_game("kuhn_poker"), [UniformPolicy()] * 2
    oracle = StableBaselines(quick_ppo, 256, evaluation=10)
    one, two, other = (oracle.respond(game, opponents, 0, rng=np.random.default_rng(s)) for s in (1, 1, 2))
    for name, array in one.policy.arrays().items():
        np.testing.assert_array_equal(array, two.policy.arrays()[name])
    assert not np.array_equal(one.policy.network.weights[0], other.policy.network.weights[0])

    own = MixturePolicy((UniformPolicy(), one.policy), [0.5, 0.5])
    warm = replace(oracle, start=LatestStart(), build=_frozen)
    again = warm.respond(game, [own, UniformPolicy()], 0, rng=np.random.default_rng(3)).policy
    for name, array in one.policy.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])
    with pytest.raises(ValueError, match="cannot start from a network of sizes"):
        replace(warm, build=quick_relu).respond(game, [own, UniformPolicy()], 0, rng=np.random.default_rng(3))

    patient = replace(oracle, steps=100_000, early_stop=Plateau(100, 2))
    answer = patient.respond(game, opponents, 0, rng=np.random.default_rng(0))
    assert answer.stopped_early
    assert answer.episodes < 20_000


def _frozen(env, seed):
    algorithm = quick_ppo(env, seed)
    algorithm.learning_rate = algorithm.lr_schedule = lambda progress: 0.0
    return algorithm


class Doubled(BaseFeaturesExtractor):
    """Features of its own, of the size of the observations."""

    def __init__(self, space):
        super().__init__(space, space.shape[0])

    def forward(self, observations):
        return 2.0 * observations


def quick_features(env, seed):
    layers = {"features_extractor_class": Doubled}
    return PPO("MlpPolicy", env, seed=seed, device="cpu", policy_kwargs=layers)


def quick_q_features(env, seed):
    return DQN("MlpPolicy", env, seed=seed, device="cpu", policy_kwargs={"features_extractor_class": Doubled})


def quick_memory(env, seed):
    return RecurrentPPO("MlpLstmPolicy", env, seed=seed, device="cpu")


def quick_normalised(env, seed):
    return PPO("MlpPolicy", VecNormalize(DummyVecEnv([lambda: env])), seed=seed, device="cpu")


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (quick_elu, "ELU"),
        (quick_quantiles, "QRDQNPolicy"),
        (quick_features, "Doubled"),
        (quick_q_features, "Doubled"),
        (quick_memory, "LSTM"),
        (quick_normalised, "VecNormalize"),
    ],
)
def test_networks_of_other_kinds_are_refused(build, word):
    with pytest.raises(UnsupportedGameError, match=word):
        StableBaselines(build, 128, evaluation=2).respond(TABLE, SEATS, 0, rng=np.random.default_rng(0))


def test_an_oracle_of_sampled_psro():
    result = run_sampled_psro(
        open_spiel_game("kuhn_poker"),
        oracle=StableBaselines(quick_ppo, 128, LatestStart(), evaluation=10),
        meta_solver=UniformMetaSolver(),
        allocation=UniformAllocation(10),
        iterations=2,
        verification=10,
        rng=np.random.default_rng(0),
    )
    assert [len(group) for group in result.solution.policies] == [3, 3]


def test_settings():
    oracles = [StableBaselines(), StableBaselines(dqn), StableBaselines(steps=5)]
    oracles += [StableBaselines(start=LatestStart()), StableBaselines(early_stop=Plateau())]
    assert len({oracle.name for oracle in oracles}) == len(oracles)
    for make, word in (
        (lambda: StableBaselines(steps=0), "steps"),
        (lambda: StableBaselines(evaluation=1), "eval"),
    ):
        with pytest.raises(ValueError, match=word):
            make()


def test_without_the_extra_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['sb3_contrib'] = None\n"
        "import marl.oracles\n"
        "try:\n    marl.oracles.StableBaselines\n"
        "except ImportError as error:\n    print(type(error).__name__, error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith("MissingDependencyError")
    assert "pip install 'counterplay[sb3]'" in out
