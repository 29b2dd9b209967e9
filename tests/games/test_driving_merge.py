"""Two cars where a ramp ends: motion, crashes, late reactions, and the exact small version."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pettingzoo.test import parallel_api_test

from games.adapters.to_pettingzoo import GameParallelEnv
from games.conformance import check_env_game
from games.driving.merge import (
    Car,
    Drive,
    Lane,
    MergeGame,
    RoadState,
    expand_merge,
    merge_small,
    small_merge,
)
from games.errors import IllegalActionError
from games.extensive import expected_values, fold, nash_conv, uniform_behaviors
from games.extensive.tree import TERMINAL
from games.normal_form.risk import RiskAversion
from solvers.psro import PSRO, RiskAverseMetaSolver, run_psro

RNG = np.random.default_rng(0)
BRAKE, KEEP, FASTER, CHANGE = Drive
MAIN, RAMP = Lane


def drive(game, cars, joint):
    """The state after one step of two cars."""
    state = RoadState(0, tuple(Car(*car) for car in cars), False)
    return game.step(state, dict(enumerate(joint)), RNG)


@pytest.mark.parametrize(
    "game", [MergeGame(), MergeGame(late=0.3), small_merge(), MergeGame(ramp=12), MergeGame(ramp=1)], ids=str
)
def test_keeps_the_protocol(game):
    check_env_game(game, episodes=8, rng=np.random.default_rng(0))


@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")
@pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be")
def test_pettingzoos_own_parallel_test():
    parallel_api_test(GameParallelEnv(MergeGame(late=0.2)), num_cycles=200)


@pytest.mark.parametrize(
    ("cars", "joint", "after"),
    [
        ([(MAIN, 0, 1), (RAMP, 0, 1)], (KEEP, KEEP), [(MAIN, 1, 1), (RAMP, 1, 1)]),
        ([(MAIN, 0, 1), (RAMP, 0, 2)], (FASTER, BRAKE), [(MAIN, 2, 2), (RAMP, 1, 1)]),
        ([(MAIN, 0, 0), (RAMP, 3, 2)], (KEEP, CHANGE), [(MAIN, 0, 0), (MAIN, 5, 2)]),
        ([(MAIN, 0, 0), (RAMP, 6, 2)], (KEEP, KEEP), [(MAIN, 0, 0), (RAMP, 6, 0)]),  # stops at the end
        ([(MAIN, 4, 2), (RAMP, 6, 0)], (KEEP, KEEP), [(MAIN, 6, 2), (RAMP, 6, 0)]),  # side by side
        ([(MAIN, 4, 1), (MAIN, 6, 3)], (CHANGE, KEEP), [(RAMP, 5, 1), (MAIN, 9, 3)]),
        ([(MAIN, 10, 3), (RAMP, 0, 0)], (KEEP, KEEP), [(MAIN, 12, 3), (RAMP, 0, 0)]),  # has left
    ],
)
def test_motion(cars, joint, after):
    state = drive(MergeGame(), cars, joint)
    assert state.cars == tuple(Car(*car) for car in after)
    assert not MergeGame().crashed(state)


@pytest.mark.parametrize(
    ("cars", "joint", "crashed"),
    [
        ([(MAIN, 0, 2), (RAMP, 0, 2)], (KEEP, CHANGE), True),  # one cell
        ([(MAIN, 0, 2), (RAMP, 0, 2)], (FASTER, CHANGE), False),  # a cell behind
        ([(MAIN, 3, 3), (MAIN, 4, 0)], (KEEP, KEEP), True),  # driven through
        ([(MAIN, 3, 1), (MAIN, 4, 0)], (KEEP, KEEP), True),  # driven into
        ([(MAIN, 3, 1), (MAIN, 4, 0)], (KEEP, FASTER), False),
        ([(MAIN, 3, 3), (RAMP, 4, 0)], (KEEP, KEEP), False),  # past, in the other lane
        ([(MAIN, 3, 3), (RAMP, 4, 0)], (KEEP, CHANGE), False),  # past before the other comes over
        ([(MAIN, 4, 1), (RAMP, 5, 0)], (CHANGE, CHANGE), False),  # lanes exchanged
        ([(MAIN, 1, 1), (RAMP, 2, 0)], (CHANGE, KEEP), True),
        ([(MAIN, 12, 3), (MAIN, 11, 1)], (None, KEEP), False),  # nobody is on the road any more
    ],
)
def test_crashes(cars, joint, crashed):
    game = MergeGame()
    state = RoadState(0, tuple(Car(*car) for car in cars), False)
    after = game.step(state, {i: a for i, a in enumerate(joint) if a is not None}, RNG)
    assert game.crashed(after) is crashed
    driven = [car.cell for car in after.cars]
    assert game.returns(after).tolist() == [cell - 30.0 * crashed for cell in driven]
    assert (game.to_move(after) == ()) or not crashed
    assert ("*" in game.describe(after)) is crashed


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 12))
def test_cars_keep_to_the_road_and_one_at_rest_is_hit_only_from_the_side(seed, ramp):
    """A stands in the first cell of the main lane for good; B starts ahead and can never meet it."""
    game = MergeGame(ramp=ramp, starts=(Car(MAIN, 0, 0), Car(MAIN, 1, 0)))
    rng = np.random.default_rng(seed)
    state = game.initial(rng)
    while movers := game.to_move(state):
        joint = {i: int(rng.choice(np.flatnonzero(game.legal_mask(state, i)))) for i in movers}
        after = game.step(state, joint | {0: int(KEEP)}, rng)
        car = after.cars[1]
        assert 0 <= car.cell - state.cars[1].cell <= game.max_speed
        assert car.lane == MAIN or car.cell < ramp or car.cell == ramp == game.length
        assert after.cars[0] == state.cars[0]
        state = after
    assert not game.crashed(state)
    assert game.returns(state).tolist() == [0, state.cars[1].cell - 1]


def test_the_end_of_the_ramp_is_a_wall():
    game = MergeGame()
    mask = game.legal_mask(RoadState(0, (Car(MAIN, 6, 1), Car(RAMP, 6, 0)), False), 0)
    assert mask.tolist() == [True, True, True, False]  # no room left to change to
    mask = game.legal_mask(RoadState(0, (Car(MAIN, 6, 1), Car(RAMP, 6, 0)), False), 1)
    assert mask.tolist() == [False, True, True, True]
    with pytest.raises(IllegalActionError, match=r"action 3 of player 0 is not legal, legal are \[0, 1, 2\]"):
        drive(game, [(MAIN, 6, 1), (RAMP, 6, 0)], (CHANGE, KEEP))


def test_late_reactions_are_listed_exactly():
    game = MergeGame(late=0.25)
    start = game.initial(RNG)
    outcomes = game.step_outcomes(start, {0: KEEP, 1: CHANGE})
    assert [(p, s.crashed) for p, s in outcomes] == [(0.75, True), (0.25, False)]
    outcomes = game.step_outcomes(start, {0: BRAKE, 1: CHANGE})
    assert [(p, s.crashed) for p, s in outcomes] == [
        (0.5625, False),
        (0.1875, False),
        (0.1875, True),  # the brake came late, the change did not
        (0.0625, False),
    ]


def test_the_road_as_text():
    game = MergeGame()
    assert game.describe(game.initial(RNG)).splitlines() == [
        "main |A...........|",
        "ramp |B......#####|",
        "step 0 of 8; A speed 2, B speed 2",
    ]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_whoever_goes_first_the_other_behind_is_an_equilibrium(scale):
    """Car A drives on; B waits a step and comes in behind. And the other way round."""
    game = dataclasses.replace(small_merge(), progress=scale, crash_payoff=-10 * scale)
    expansion = expand_merge(game)
    form = fold(expansion.tree)
    solution = run_psro(form, PSRO(meta_solver=RiskAverseMetaSolver(RiskAversion(0.0)))).require(1e-9 * scale)
    values = expected_values(form, solution.unwrap().behaviors) / scale
    assert sorted(values.round(9)) == [5, 6]
    assert nash_conv(form, uniform_behaviors(form)) > scale


def test_the_small_tree_has_crashes_and_none_of_them_is_forced():
    tree = merge_small()
    assert tree.num_nodes == 1829
    assert tree.payoffs.min() == -10
    crash = (tree.payoffs <= -5).any(axis=1)
    assert 0 < crash.sum() < crash.size / 2
    assert (tree.actor == TERMINAL).sum() == crash.size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"length": 0}, "length must be at least 1"),
        ({"ramp": 13}, r"ramp must lie in 0..12"),
        ({"max_speed": 0}, "max_speed must be at least 1"),
        ({"horizon": 0}, "horizon must be at least 1"),
        ({"progress": 0.0}, "progress must be positive"),
        ({"crash_payoff": 0.0}, "crash_payoff negative"),
        ({"crash_payoff": np.nan}, "crash_payoff negative"),
        ({"late": 1.0}, "late must lie"),
        ({"starts": (Car(MAIN, 0, 1), Car(MAIN, 0, 2))}, "different places"),
        ({"starts": (Car(MAIN, 0, 1), Car(RAMP, 7, 2))}, "off its lane"),
        ({"starts": (Car(MAIN, 0, 4), Car(RAMP, 0, 2))}, "beyond max_speed"),
    ],
)
def test_bad_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        MergeGame(**change)
