import logging
import types

import numpy as np
import pytest
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_tree import tree_from_open_spiel
from games.adapters.to_pettingzoo import GameAECEnv, GameParallelEnv
from games.adapters.tree_env import TreeEnv
from games.errors import IllegalActionError, UnsupportedGameError
from games.normal_form import NormalFormGame

SEQUENTIAL = [
    "kuhn_poker",
    "leduc_poker",
    "tic_tac_toe",
    "connect_four",
    "liars_dice",
    "python_kuhn_poker",
    "tree",
]
SIMULTANEOUS = ["goofspiel(imp_info=True,num_cards=4)", "matrix_rps", "three_players"]
ENDLESS = ["repeated_game(stage_game=matrix_rps(),num_repetitions=50)", "coop_box_pushing", "markov_soccer"]

# PettingZoo's api_test warns of things that are so on purpose.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{message}")
    for message in (
        # Observations are dictionaries with an action mask, as PettingZoo documents; its test knows the
        # names of its own environments that do so, and warns of all others.
        "Observation is not a NumPy array",
        "Observation space for each agent probably should be gymnasium.spaces.box",
        # Matrix games of OpenSpiel show one constant number, zero until they are played.
        "Observation is a single number",
        "Observation numpy array is all zeros",
        # Players of a 2 x 3 x 4 game differ in their number of actions.
        "Agents have different observation space sizes",
    )
]


def make_game(name):
    if name == "three_players":
        return NormalFormEnv(NormalFormGame(np.random.default_rng(5).normal(size=(3, 2, 3, 4))))
    if name == "tree":
        return TreeEnv(tree_from_open_spiel("kuhn_poker"))
    return open_spiel_game(name)


def random_choice(rng, observation):
    return int(rng.choice(np.flatnonzero(observation["action_mask"])))


def play_aec(env, rng):
    """Play to the end by PettingZoo's loop; the rewards that ``last`` reported, and the moves."""
    totals, moves = dict.fromkeys(env.possible_agents, 0.0), []
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, _ = env.last()
        totals[agent] += reward
        if terminated or truncated:
            assert not observation["action_mask"].any()
            env.step(None)
        else:
            moves.append((agent, random_choice(rng, observation)))
            env.step(moves[-1][1])
    return totals, moves


@pytest.mark.parametrize("name", SEQUENTIAL + SIMULTANEOUS + ENDLESS)
def test_pettingzoos_own_aec_tests(name):
    game = make_game(name)
    api_test(GameAECEnv(game), num_cycles=50)
    seed_test(lambda: GameAECEnv(game), num_cycles=50)
    render_test(lambda render_mode: GameAECEnv(game, render_mode=render_mode))


@pytest.mark.parametrize("name", SIMULTANEOUS + ENDLESS)
def test_pettingzoos_own_parallel_tests(name):
    game = make_game(name)
    parallel_api_test(GameParallelEnv(game), num_cycles=50)
    parallel_seed_test(lambda: GameParallelEnv(game), num_cycles=50)


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_turn_based_games_pass_the_parallel_api_too(name):
    # parallel_seed_test is left out: it draws actions without looking at the masks.
    parallel_api_test(GameParallelEnv(make_game(name)), num_cycles=50)


@pytest.mark.parametrize("name", [*ENDLESS, "connect_four"])
def test_pettingzoos_max_cycles_test(name):
    # The test ignores masks and wants at least four cycles, so it needs games that allow every action.
    game = make_game(name)
    max_cycles_test(
        types.SimpleNamespace(
            env=lambda max_cycles: GameAECEnv(game, max_cycles=max_cycles),
            parallel_env=lambda max_cycles: GameParallelEnv(game, max_cycles=max_cycles),
        )
    )


@pytest.mark.parametrize("name", SEQUENTIAL + SIMULTANEOUS)
def test_rewards_add_up_to_the_returns_of_the_game(name):
    """The same moves, replayed as states of the game from the same seed, pay the same."""
    game = make_game(name)
    env = GameAECEnv(game)
    for seed in range(4):
        env.reset(seed=seed)
        totals, moves = play_aec(env, np.random.default_rng(seed))
        chance = np.random.default_rng(seed)
        state, queue = game.initial(chance), iter(moves)
        while movers := game.to_move(state):
            joint = {}
            for player in movers:
                agent, joint[player] = next(queue)
                assert agent == f"player_{player}"
            state = game.step(state, joint, chance)
        assert next(queue, None) is None
        assert list(totals.values()) == pytest.approx(game.returns(state).tolist())


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_seeds_reproduce_chance_and_zero_is_a_seed(seed):
    env = GameAECEnv(open_spiel_game("leduc_poker"), render_mode="ansi")
    texts = []
    for _ in range(2):
        env.reset(seed=seed)
        first = env.render()
        env.reset()  # goes on with the same generator
        texts.append((first, env.render()))
    assert texts[0] == texts[1]
    parallel = GameParallelEnv(open_spiel_game("markov_soccer"), render_mode="ansi")
    assert parallel.reset(seed=seed)[1] == {"player_0": {}, "player_1": {}}
    again = parallel.render()
    parallel.reset(seed=seed)
    assert parallel.render() == again


def test_seeds_differ():
    env = GameAECEnv(open_spiel_game("leduc_poker"), render_mode="ansi")
    texts = set()
    for seed in range(20):
        env.reset(seed=seed)
        texts.add(env.render())
    assert len(texts) > 5


def test_parallel_and_aec_pay_the_same():
    game = make_game("goofspiel(imp_info=True,num_cards=4)")
    aec, parallel = GameAECEnv(game), GameParallelEnv(game)
    for seed in range(4):
        aec.reset(seed=seed)
        totals, moves = play_aec(aec, np.random.default_rng(seed))
        observations, _ = parallel.reset(seed=seed)
        queue, sums = iter(moves), dict.fromkeys(parallel.possible_agents, 0.0)
        while parallel.agents:
            actions = dict(next(queue) for _ in parallel.agents)
            assert all(observations[a]["action_mask"][actions[a]] for a in actions)
            observations, rewards, *_ = parallel.step(actions)
            sums = {agent: sums[agent] + rewards[agent] for agent in sums}
        assert sums == totals
        assert parallel.step({}) == ({}, {}, {}, {}, {})


def test_observations_belong_to_the_caller():
    env = GameAECEnv(open_spiel_game("tic_tac_toe"))
    env.reset(seed=0)
    first = env.observe("player_0")
    kept = first["observation"].copy()
    first["action_mask"][:] = 0  # must not forbid anything
    env.step(4)
    np.testing.assert_array_equal(first["observation"], kept)
    assert not env.observe("player_0")["action_mask"].any()  # not to move
    assert env.observe("player_1")["action_mask"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_a_simultaneous_choice_stays_hidden_until_all_have_chosen():
    env = GameAECEnv(open_spiel_game("goofspiel(num_cards=3)"))
    env.reset(seed=0)
    before = env.observe("player_1")["observation"]
    env.step(2)
    assert env.agent_selection == "player_1"
    np.testing.assert_array_equal(env.observe("player_1")["observation"], before)
    assert not env.observe("player_0")["action_mask"].any()  # has chosen already


@pytest.mark.parametrize("action", [4, -1, 9, None, 1.0, "4"])
def test_illegal_actions_are_refused_and_change_nothing(action):
    env = GameAECEnv(open_spiel_game("tic_tac_toe"), render_mode="ansi")
    env.reset(seed=0)
    env.step(4)
    before = env.render(), env.agent_selection, dict(env.rewards), dict(env._cumulative_rewards)
    with pytest.raises(IllegalActionError, match="of player_1 is not legal"):
        env.step(action)
    assert (env.render(), env.agent_selection, env.rewards, env._cumulative_rewards) == before
    env.step(np.int32(0))


def test_illegal_joint_actions_are_refused_and_change_nothing():
    env = GameParallelEnv(open_spiel_game("goofspiel(num_cards=3)"), render_mode="ansi")
    env.reset(seed=0)
    before = env.render()
    for actions in ({"player_0": 0, "player_1": 3}, {"player_0": 0}):
        with pytest.raises(IllegalActionError, match="of player_1 is not legal"):
            env.step(actions)
        assert env.render() == before


def test_idle_agents_are_ignored_in_parallel_play():
    env = GameParallelEnv(open_spiel_game("tic_tac_toe"))
    observations, _ = env.reset(seed=0)
    assert not observations["player_1"]["action_mask"].any()
    observations, *_ = env.step({"player_0": 4, "player_1": 4})
    assert observations["player_1"]["action_mask"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]


def test_agents_that_are_done_can_only_leave():
    env = GameAECEnv(open_spiel_game("matrix_rps"))
    with pytest.raises(ValueError, match="reset"):
        env.step(0)
    env.reset(seed=0)
    env.step(0)
    env.step(1)
    assert env.rewards == {"player_0": -1.0, "player_1": 1.0}
    with pytest.raises(ValueError, match="only None"):
        env.step(0)
    env.step(None)
    assert env.agents == ["player_1"]
    assert env.last()[1] == 1.0
    env.step(None)
    with pytest.raises(ValueError, match="reset"):
        env.step(None)


def test_truncation_keeps_what_was_earned():
    env = GameAECEnv(open_spiel_game("repeated_game(stage_game=matrix_pd(),num_repetitions=9)"), max_cycles=2)
    env.reset(seed=0)
    earned = dict.fromkeys(env.possible_agents, 0.0)
    for action in (0, 1, 1, 1):
        env.step(action)
        earned = {agent: earned[agent] + env.rewards[agent] for agent in earned}
    assert env.truncations == {"player_0": True, "player_1": True}
    assert env.terminations == {"player_0": False, "player_1": False}
    assert earned == {"player_0": 1.0, "player_1": 11.0}


def test_human_rendering_goes_to_the_log(caplog):
    env = GameParallelEnv(open_spiel_game("matrix_rps"), render_mode="human")
    with pytest.raises(RuntimeError, match="reset"):
        env.render()
    env.reset(seed=0)
    with caplog.at_level(logging.INFO, logger="games.adapters.to_pettingzoo"):
        assert env.render() is None
    assert "matrix_rps" in caplog.text
    env.close()


def test_rendering_without_a_mode_warns():
    env = GameAECEnv(open_spiel_game("matrix_rps"))
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None
    env.close()


@pytest.mark.parametrize("make", [GameAECEnv, GameParallelEnv])
def test_bad_arguments(make):
    game = open_spiel_game("matrix_rps")
    with pytest.raises(ValueError, match="render_mode"):
        make(game, render_mode="rgb_array")
    with pytest.raises(ValueError, match="max_cycles"):
        make(game, max_cycles=0)
    with pytest.raises(UnsupportedGameError, match="tensor"):
        make(open_spiel_game("cribbage"))
