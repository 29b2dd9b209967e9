"""Several planners on shared arms: the PettingZoo environment and the game that PSRO plays."""

import dataclasses
import itertools

import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from games.bandits import (
    BernoulliStart,
    OneBitAnArm,
    PlannersEnv,
    PlannersGame,
    RestlessArms,
    SharedBandit,
    agreement,
    cardinality,
    clash,
    ladder_arms,
    refuse,
    rival_planners,
    union,
)
from games.bandits.planners import PlannersState
from games.bandits.planners_chain import planners_chain
from games.bandits.planners_response import Mixture, planners_gaps
from games.bandits.planners_tree import planners_tree
from games.conformance import check_env_game
from games.environments import ENVIRONMENTS
from games.errors import IllegalActionError

GAME = rival_planners()


def sure_bandit(combine=union):
    """Two arms that go up if and only if they are pulled; the planners own one each."""
    arms = ladder_arms([0.0, 0.0], [1.0, 1.0], np.zeros((2, 2)))
    rewards = np.zeros((2, 2, 2))
    rewards[0, 0, 1], rewards[1, 1, 1] = 1.0, 2.0
    return SharedBandit(
        arms, OneBitAnArm(2), (cardinality(2, 1), cardinality(2, 2)), rewards, combine=combine, horizon=2
    )


@pytest.mark.parametrize(
    ("combine", "played"),
    [(union, [1, 1, 1, 0]), (clash, [0, 1, 1, 0]), (agreement, [1, 0, 0, 0])],
)
def test_how_actions_combine(combine, played):
    both = np.array([[1, 1, 0, 0], [1, 0, 1, 0]], dtype=bool)
    np.testing.assert_array_equal(combine(both), np.array(played, dtype=bool))


def test_planners_move_the_arms_that_they_pull_together():
    env = PlannersEnv(sure_bandit())
    env.reset(seed=0)
    seen, rewards, ended, cut, infos = env.step(
        {"planner_0": np.array([1, 0]), "planner_1": np.array([0, 0])}
    )
    np.testing.assert_array_equal(seen["planner_1"], [1, 0])
    assert rewards == {"planner_0": 1.0, "planner_1": 0.0}
    assert not any([*ended.values(), *cut.values()])
    # Both arms at once are beyond the first planner, not beyond the second.
    seen, rewards, ended, cut, infos = env.step({"planner_0": np.ones(2), "planner_1": np.ones(2)})
    assert infos == {"planner_0": {"feasible": False}, "planner_1": {"feasible": True}}
    assert rewards == {"planner_0": 1.0, "planner_1": 2.0}
    assert all(cut.values())
    assert not any(ended.values())
    assert env.agents == []
    with pytest.raises(RuntimeError, match="reset"):
        env.step({})


def test_clashing_pulls_are_lost():
    bandit = sure_bandit(clash)
    pulls = np.array([[True, False], [True, False]])
    np.testing.assert_array_equal(bandit.moves(np.array([1, 1]), pulls)[:, 0], [1.0, 1.0])
    assert bandit.sample_next(np.array([1, 1]), pulls, rng=np.random.default_rng(0)).tolist() == [0, 0]


def test_pettingzoo_accepts_it():
    parallel_api_test(PlannersEnv(GAME.bandit), num_cycles=40)
    parallel_seed_test(lambda: PlannersEnv(GAME.bandit))


def test_actions_of_the_wrong_kind_are_refused():
    env = PlannersEnv(sure_bandit(), remedy=refuse)
    with pytest.raises(RuntimeError, match="reset"):
        env.step({"planner_0": np.zeros(2), "planner_1": np.zeros(2)})
    env.reset(seed=0)
    with pytest.raises(ValueError, match="actions must be given for"):
        env.step({"planner_0": np.zeros(2)})
    with pytest.raises(ValueError, match=r"action of planner_1 must have shape \(2,\)"):
        env.step({"planner_0": np.zeros(2), "planner_1": np.zeros(3)})
    with pytest.raises(IllegalActionError, match="is not in cardinality"):
        env.step({"planner_0": np.ones(2), "planner_1": np.zeros(2)})


def test_the_game_keeps_the_protocol():
    check_env_game(GAME, rng=np.random.default_rng(0))
    check_env_game(PlannersGame(sure_bandit()), rng=np.random.default_rng(0))
    assert ENVIRONMENTS.get("rival-planners").load()().name == GAME.name


def test_the_game_is_the_environment():
    game = PlannersGame(sure_bandit(clash))
    assert [game.num_actions(player) for player in (0, 1)] == [3, 4]
    rng = np.random.default_rng(0)
    for first, second in itertools.product(range(3), range(4)):
        state = game.step(PlannersState(0, (0, 0), (0.0, 0.0)), {0: first, 1: second}, rng)
        expected = clash(np.stack([game.choices[0][first], game.choices[1][second]]))
        assert state.arms == tuple(expected.astype(int))
        np.testing.assert_array_equal(game.returns(state), expected * np.array([1.0, 2.0]))
    assert game.payoff_bounds == (0.0, 4.0)
    observed = game.observe(PlannersState(1, (0, 1), (0.0, 0.0)), 0)
    np.testing.assert_allclose(observed, [1, 0, 0, 1, 0.5])
    with pytest.raises(IllegalActionError, match=r"legal are 0\.\.2"):
        game.step(game.initial(rng), {0: 3, 1: 0}, rng)


def test_mixtures_that_do_not_fit_are_named():
    game = PlannersGame(sure_bandit())
    chain = planners_chain(game)
    good = [np.full((2, 4, size), 1 / size) for size in chain.sizes]
    one = np.ones(1)
    for bad in (good[0][:1], good[0][:, :3], good[0] * 2.0, good[0][:, :, :2]):
        with pytest.raises(
            ValueError, match=r"table of planner 0 must hold distributions in shape \(2, 4, 3\)"
        ):
            planners_gaps(chain, [Mixture((bad,), one), Mixture((good[1],), one)])
    # A lone planner's own table, which no other responds to, is checked too.
    lone = planners_chain(
        PlannersGame(dataclasses.replace(game.bandit, sets=game.bandit.sets[:1], rewards=np.ones((1, 2, 2))))
    )
    with pytest.raises(ValueError, match="table of planner 0"):
        planners_gaps(lone, [Mixture((good[0] * 5.0,), one)])


def test_arms_of_one_state_cannot_start_in_state_one():
    arms = RestlessArms(np.ones((2, 1, 1)), np.ones((2, 1, 1)), np.zeros((2, 1)))
    game = PlannersGame(dataclasses.replace(sure_bandit(), arms=arms, rewards=np.zeros((2, 2, 1))))
    for write in (planners_chain, planners_tree):
        with pytest.raises(ValueError, match="arms need two states"):
            write(game)
    with pytest.raises(ValueError, match=r"start must give states in 0\.\.0"):
        PlannersEnv(game.bandit, start=BernoulliStart(1.0)).reset(seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewards": np.zeros((1, 2, 2))}, r"rewards must be finite, of shape \(2, 2, 2\)"),
        ({"rewards": np.full((2, 2, 2), np.nan)}, "rewards must be finite"),
        ({"effect": OneBitAnArm(3)}, "effect must reach 2 arms"),
        ({"sets": (cardinality(3, 1), cardinality(2, 1))}, r"sets must have 2 bits, they have \[3, 2\]"),
        ({"horizon": 0}, "horizon must be at least 1"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(sure_bandit(), **change)
    with pytest.raises(ValueError, match="arms must be at least 2"):
        rival_planners(arms=1)
