"""Highway drivers obey their numbers, by what they are shown, and drive in the simulator."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from games.driving.highway import HighwayMerge, Meta
from marl.policies.highway_drivers import HELD_OUT_DRIVERS, TRAINING_DRIVERS, HighwayDriver
from marl.rollouts import play_states

needs_highway = pytest.mark.skipif(
    importlib.util.find_spec("highway_env") is None,
    reason="highway-env, the extra `driving`, is not installed",
)
ALERT = HighwayDriver(30.0, 1.0, 20.0, 8.0, room=30.0)


def _shown(speed, *others):
    """An observation: own speed in m/s, others as metres ahead, side, and speed relative to the own."""
    seen = np.zeros((5, 5), dtype=np.float32)
    seen[0] = 1.0, 0.5, 0.5, speed / 80, 0.0
    for row, (ahead, side, faster) in enumerate(others, start=1):
        seen[row] = 1.0, ahead / 200, side, faster / 80, 0.0
    return seen


@pytest.mark.parametrize(
    ("speed", "others", "left", "wish"),
    [
        (25.0, [], True, Meta.FASTER),
        (30.0, [], True, Meta.IDLE),
        (25.0, [(24.0, 0.0, 0.0)], False, Meta.SLOWER),  # less than a second ahead
        (25.0, [(26.0, 0.0, 0.0)], False, Meta.FASTER),
        (25.0, [(19.0, 0.5, 0.0)], False, Meta.SLOWER),  # another lane
        (25.0, [(-1.0, 0.5, 0.0)], False, Meta.FASTER),  # only who is ahead is let go
        (25.0, [(-1.0, 0.5, 0.0)], True, Meta.LANE_LEFT),  # room for who is beside
        (25.0, [(31.0, 0.5, 0.0)], True, Meta.FASTER),
        (25.0, [(-1.0, 0.5, 0.0), (5.0, -0.5, 0.0)], True, Meta.SLOWER),  # the left is not free
        (25.0, [(60.0, 0.0, -25.0)], True, Meta.LANE_LEFT),  # the lane ends
        (25.0, [(60.0, 0.0, -25.0), (5.0, -1.0, 0.0)], True, Meta.SLOWER),  # wait for a gap
        (25.0, [(30.0, 0.0, -25.0), (5.0, -1.0, 0.0)], True, Meta.LANE_LEFT),  # but not to the very end
        (25.0, [(10.0, 0.5, -25.0)], False, Meta.FASTER),  # what stands elsewhere is in nobody's way
    ],
)
def test_the_rules_apply_in_their_order(speed, others, left, wish):
    assert ALERT._wish(_shown(speed, *others), left) is wish


def test_every_number_matters():
    near, beside = _shown(25.0, (20.0, 0.0, 0.0)), _shown(25.0, (15.0, 0.5, 0.0))
    waits = _shown(25.0, (60.0, 0.0, -25.0), (5.0, -1.0, 0.0))
    assert replace(ALERT, cruise=20.0)._wish(_shown(25.0), True) is Meta.SLOWER
    assert replace(ALERT, headway=0.0)._wish(near, True) is Meta.FASTER
    assert replace(ALERT, courtesy=0.0)._wish(beside, False) is Meta.FASTER
    assert replace(ALERT, gap=4.0)._wish(waits, True) is Meta.LANE_LEFT
    assert replace(ALERT, room=0.0)._wish(beside, True) is Meta.SLOWER


def test_nobody_is_in_both_pools():
    assert not set(TRAINING_DRIVERS.values()) & set(HELD_OUT_DRIVERS.values())
    assert len(set(TRAINING_DRIVERS.values())) == len(TRAINING_DRIVERS)


@needs_highway
def test_drivers_choose_among_legal_actions():
    game = HighwayMerge(horizon=3, traffic=1)
    rng = np.random.default_rng(0)
    for driver in (*TRAINING_DRIVERS.values(), *HELD_OUT_DRIVERS.values()):
        for state in play_states(game, [driver, driver], rng=rng)[:-1]:
            for player in game.to_move(state):
                row = driver.probabilities(game, state, player)
                assert row.sum() == pytest.approx(1.0)
                assert not row[~game.legal_mask(state, player)].any()


@needs_highway
def test_slips_are_uniform_over_legal_actions():
    game = HighwayMerge(horizon=3, traffic=0)
    state = game.initial(np.random.default_rng(0))
    row = HighwayDriver(30.0, 0.0, 0.0, 0.0, slip=0.3).probabilities(game, state, 1)
    np.testing.assert_allclose(row, [0.0, 0.1, 0.0, 0.8, 0.1])  # the ramp has no lanes beside it


@needs_highway
def test_the_ramp_is_left_before_it_ends():
    game = HighwayMerge(horizon=14, traffic=0)
    fast, slow = HighwayDriver(30.0, 0.0, 0.0, 0.0), HighwayDriver(20.0, 0.0, 0.0, 0.0)
    end = play_states(game, [slow, fast], rng=np.random.default_rng(0))[-1]
    assert not game.crashed(end)
    assert all(car.lane_index[2] in (0, 1) for car in end.simulator.controlled_vehicles)
    assert end.earned[1] > 5.0 > 1.0 > end.earned[0]


@pytest.mark.parametrize("settings", [{"cruise": -1.0}, {"headway": np.inf}, {"gap": np.nan}, {"slip": 1.5}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(ValueError, match="must"):
        replace(ALERT, **settings)


def test_other_games_are_refused():
    with pytest.raises(TypeError, match="HighwayMerge"):
        ALERT.probabilities(object(), None, 0)
