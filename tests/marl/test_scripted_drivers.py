"""Scripted drivers do what their names say; tree policies play in the game as the leaves foretell."""

from dataclasses import replace

import numpy as np
import pytest

from games.driving.merge import Car, Drive, Lane, MergeGame, RoadState, expand_merge, small_merge
from games.extensive import fold, realization_plans
from games.extensive.leaves import LeafTable
from marl.policies.scripted_drivers import HELD_OUT_DRIVERS, ScriptedDriver, bold
from marl.populations import BehaviorPolicy, with_recall
from marl.populations.behavior import LabelledTreeplex
from marl.rollouts import play_states, wilson_rate
from solvers.psro.starts import random_behaviors

GAME = MergeGame()


def _choice(name, mine, other, game=GAME):
    row = HELD_OUT_DRIVERS[name].probabilities(game, RoadState(0, (mine, other), False), 0)
    return Drive(int(row.argmax()))


def test_drivers_do_what_their_names_say():
    beside, far = Car(Lane.MAIN, 1, 2), Car(Lane.MAIN, 9, 2)
    on_ramp, at_end = Car(Lane.RAMP, 1, 2), Car(Lane.RAMP, 4, 2)
    assert _choice("bold", on_ramp, beside) is Drive.ACCELERATE
    assert _choice("bold", at_end, beside) is Drive.CHANGE
    assert _choice("early", on_ramp, beside) is Drive.CHANGE
    assert _choice("early", beside, on_ramp) is Drive.ACCELERATE
    assert _choice("steady", on_ramp, beside) is Drive.KEEP
    assert _choice("steady", at_end, beside) is Drive.CHANGE
    assert _choice("timid", on_ramp, beside) is Drive.BRAKE
    assert _choice("timid", on_ramp, far) is Drive.CHANGE
    assert _choice("timid", beside, on_ramp) is Drive.BRAKE
    assert _choice("timid", far, on_ramp) is Drive.ACCELERATE
    assert _choice("timid", beside, Car(Lane.MAIN, 12, 3)) is Drive.ACCELERATE
    assert _choice("stopper", beside, on_ramp) is Drive.BRAKE
    assert _choice("stopper", Car(Lane.MAIN, 1, 0), on_ramp) is Drive.KEEP


@pytest.mark.parametrize("name", HELD_OUT_DRIVERS)
def test_drivers_choose_among_legal_actions_to_the_end(name):
    rng = np.random.default_rng(0)
    driver = HELD_OUT_DRIVERS[name]
    for _ in range(5):
        for state in play_states(GAME, [driver, driver], rng=rng)[:-1]:
            for player in GAME.to_move(state):
                row = driver.probabilities(GAME, state, player)
                assert row.sum() == pytest.approx(1.0)
                assert not row[~GAME.legal_mask(state, player)].any()


def test_slips_are_uniform_over_legal_actions():
    state = RoadState(0, (Car(Lane.RAMP, 1, 2), Car(Lane.MAIN, 1, 2)), False)
    row = ScriptedDriver(bold, slip=0.4).probabilities(GAME, state, 0)
    np.testing.assert_allclose(row, [0.1, 0.1, 0.7, 0.1])


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="slip must lie"):
        ScriptedDriver(bold, slip=1.5)
    with pytest.raises(TypeError, match="MergeGame"):
        ScriptedDriver(bold).probabilities(object(), None, 0)


@pytest.fixture(scope="module")
def road():
    game = replace(small_merge(), late=0.05)
    expansion = expand_merge(game)
    return with_recall(game), expansion, fold(expansion.tree)


def _drive(remembered, form, behaviors, *, rng):
    """The states of one episode played by behaviors over the tree."""
    plexes = zip(form.treeplexes, behaviors, strict=True)
    policies = [BehaviorPolicy(LabelledTreeplex(plex), behavior) for plex, behavior in plexes]
    return [moment.state for moment in play_states(remembered, policies, rng=rng)]


def test_forward_play_crashes_as_often_as_the_leaves_say(road):
    remembered, expansion, form = road
    game = remembered.inner
    behaviors = random_behaviors(form, rng=np.random.default_rng(1))
    leaves = LeafTable.of(expansion.tree, form)
    exact = leaves.probabilities(realization_plans(form, behaviors)) @ (leaves.payoffs.max(axis=1) < 0)
    rng = np.random.default_rng(2)
    crashes = sum(game.crashed(_drive(remembered, form, behaviors, rng=rng)[-1]) for _ in range(2000))
    rate = wilson_rate(crashes, 2000, confidence=0.9999)
    assert rate.low < exact < rate.high


def test_forward_play_is_seeded_and_obeys_a_script(road):
    remembered, expansion, form = road
    game = remembered.inner
    driver = HELD_OUT_DRIVERS["steady"]
    script = tuple(
        expansion.behavior(i, lambda state, i=i: driver.probabilities(game, state, i)) for i in (0, 1)
    )
    states = _drive(remembered, form, script, rng=np.random.default_rng(0))
    assert states == _drive(remembered, form, script, rng=np.random.default_rng(0))
    # The main car keeps its speed to the horizon; keeping is never late.
    assert [state.cars[0] for state in states] == [Car(Lane.MAIN, k, 1) for k in range(len(states))]
    assert game.to_move(states[-1]) == ()
