"""The highway-env merge: the protocol, seeds, payoffs and crashes, and what happens without the library."""

import copy
import importlib.util
import itertools
import sys

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test

from games.adapters.to_pettingzoo import GameParallelEnv
from games.conformance import check_env_game
from games.driving import highway
from games.driving.highway import HighwayMerge, Meta
from games.errors import IllegalActionError, MissingDependencyError

needs_highway = pytest.mark.skipif(
    importlib.util.find_spec("highway_env") is None,
    reason="highway-env, the extra `driving`, is not installed",
)


def test_without_the_library_the_message_says_how_to_install_it(monkeypatch):
    highway._simulator_class.cache_clear()
    monkeypatch.setitem(sys.modules, "highway_env", None)
    with pytest.raises(MissingDependencyError, match=r"pip install counterplay\[driving\]"):
        HighwayMerge()
    highway._simulator_class.cache_clear()


@pytest.fixture
def game():
    return HighwayMerge(horizon=4)


def _drive(game, actions, seed):
    rng = np.random.default_rng(seed)
    states = [game.initial(rng)]
    while game.to_move(states[-1]):
        joint = {i: a if game.legal_mask(states[-1], i)[a] else Meta.IDLE for i, a in enumerate(actions)}
        states.append(game.step(states[-1], joint, rng))
    return states


@needs_highway
def test_it_keeps_the_promises_of_the_protocol(game):
    check_env_game(game, episodes=1, rng=np.random.default_rng(0))


@needs_highway
def test_it_is_a_pettingzoo_environment(game):
    parallel_api_test(GameParallelEnv(game), num_cycles=8)


@needs_highway
def test_the_name_holds_the_version_of_the_simulator(game):
    from importlib.metadata import version

    assert f"highway-env={version('highway-env')}" in game.name


@needs_highway
def test_equal_seeds_drive_equally_and_others_do_not(game):
    first, again, other = (_drive(game, (Meta.IDLE, Meta.IDLE), seed) for seed in (1, 1, 2))
    assert len(first) == len(again)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(game.observe(a, 0), game.observe(b, 0))
        np.testing.assert_array_equal(a.earned, b.earned)
    assert not np.array_equal(game.observe(first[0], 0), game.observe(other[0], 0))


@needs_highway
def test_stepping_an_old_state_does_not_change_it(game):
    rng = np.random.default_rng(3)
    start = game.initial(rng)
    before = game.observe(start, 1)
    fast = game.step(start, {0: Meta.FASTER, 1: Meta.IDLE}, rng)
    slow = game.step(start, {0: Meta.SLOWER, 1: Meta.IDLE}, rng)
    np.testing.assert_array_equal(game.observe(start, 1), before)
    assert fast.simulator.vehicle.speed > slow.simulator.vehicle.speed
    assert fast.simulator is not slow.simulator


@needs_highway
def test_observations_and_steps_are_those_of_highway_env():
    game, rng = HighwayMerge(traffic=4, horizon=9), np.random.default_rng(4)
    state = game.initial(rng)
    while game.to_move(state):
        joint = {i: int(rng.choice(np.flatnonzero(game.legal_mask(state, i)))) for i in (0, 1)}
        peer = copy.deepcopy(state.simulator)
        state = game.step(state, joint, rng)
        shown = peer.step((joint[0], joint[1]))[0]
        for i, car in enumerate(peer.controlled_vehicles):
            np.testing.assert_array_equal(game.observe(state, i), shown[i])
            np.testing.assert_array_equal(state.simulator.controlled_vehicles[i].position, car.position)


@needs_highway
def test_payoffs_are_speed_and_the_crash():
    # Who never leaves the ramp runs into its end; the other earns speed alone.
    game = HighwayMerge(traffic=0, horizon=30)
    states = _drive(game, (Meta.SLOWER, Meta.FASTER), 0)
    for before, after in itertools.pairwise(states):
        for i, car in enumerate(after.simulator.controlled_vehicles):
            speed = car.speed * np.cos(car.heading)
            wanted = game.crash_payoff if car.crashed else np.clip((speed - 20.0) / 10.0, 0.0, 1.0)
            assert after.earned[i] - before.earned[i] == pytest.approx(wanted)
    assert [game.crashed(state) for state in states] == [False] * (len(states) - 1) + [True]
    assert states[-1].crashed == (False, True)
    assert "ramp car" in game.describe(states[-1])
    assert game.describe(states[-1]).endswith("crashed")


@needs_highway
def test_an_empty_road_is_driven_to_its_end():
    game = HighwayMerge(traffic=0, horizon=30)
    states = _drive(game, (Meta.FASTER, Meta.LANE_LEFT), 0)
    assert not game.crashed(states[-1])
    assert len(states) - 1 < 30  # both have passed the merge before the horizon
    assert all(car.position[0] > 370 for car in states[-1].simulator.controlled_vehicles)


@needs_highway
def test_bad_input_is_refused(game):
    for settings in (
        {"horizon": 0},
        {"traffic": -1},
        {"traffic": 5},
        {"speed_reward": 0.0},
        {"crash_payoff": 1.0},
    ):
        with pytest.raises(ValueError, match="must"):
            HighwayMerge(**settings)
    rng = np.random.default_rng(0)
    state = game.initial(rng)
    with pytest.raises(IllegalActionError, match="of player 0"):
        game.step(state, {0: 7, 1: Meta.IDLE}, rng)
    with pytest.raises(IllegalActionError):
        game.step(state, {0: Meta.IDLE}, rng)
