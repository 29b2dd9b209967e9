"""Answers to other planners do not depend on the unit of rewards, and bad games are named."""

from dataclasses import replace

import numpy as np
import pytest

from games.bandits import (
    Intervals,
    Mixture,
    PlannersGame,
    cardinality,
    corrected_instance,
    planners_chain,
    response_bounds,
    rival_planners,
)
from games.bandits.families import Family
from games.bandits.planners_response import opponent_types
from games.errors import SolveError
from marl.policies import UniformPolicy
from solvers.sequoia import SequoiaSettings, SequoiaTrainer
from solvers.sequoia.comparison import admitted, compare
from solvers.sequoia.learning.checkpoint import resume_training, save_training
from solvers.sequoia.learning.exploration import random_allowed
from solvers.sequoia.learning.settings import Validation
from solvers.sequoia.learning.value_base import NoBase
from solvers.sequoia.planners import SupersetBase
from solvers.sequoia.planners.episodes import play_planners
from solvers.sequoia.planners.exact_response import best_markov_response
from solvers.sequoia.planners.response_learner import ResponseLearner
from solvers.sequoia.planners.worst_case import robust_plan

UNITS = (1e-12, 1e-6, 1.0, 1e9)


def rivals(unit, arms=2, horizon=3):
    bandit = rival_planners(arms=arms, horizon=horizon).bandit
    return PlannersGame(replace(bandit, rewards=unit * bandit.rewards))


def two_types(chain, rng):
    """Mixtures of two tables each, that do one thing in each state."""
    mixtures = []
    for size in chain.sizes:
        shape = (chain.horizon, len(chain.start))
        tables = tuple(np.eye(size)[rng.integers(size, size=shape)] for _ in range(2))
        mixtures.append(Mixture(tables, np.array([0.3, 0.7])))
    return mixtures


def test_bounds_and_responses_are_those_of_other_units():
    found = []
    for unit in UNITS:
        chain = planners_chain(rivals(unit))
        mixtures = two_types(chain, np.random.default_rng(1))
        bounds = response_bounds(chain, mixtures, 0)
        choices = best_markov_response(chain, opponent_types(chain, mixtures, 0), 0)
        found.append((bounds.lower / unit, bounds.upper / unit, bounds.beliefs, choices))
    lower, upper, beliefs, choices = found[UNITS.index(1.0)]
    assert upper - lower < 1e-9
    assert beliefs > 1
    for other in found:
        assert other[:2] == pytest.approx((lower, upper), rel=1e-9)
        assert other[2] == beliefs
        np.testing.assert_array_equal(other[3], choices)


def test_learning_is_that_of_other_units():
    gains = []
    for unit in (1e-9, 1.0):
        settings = SequoiaSettings(
            rounds=4,
            lanes=8,
            updates=30,
            pool=64,
            batch=32,
            base=NoBase(),
            validation=Validation(every=2, episodes=32, errors=0.0),
        )
        opponents = [UniformPolicy(), UniformPolicy()]
        learner = ResponseLearner(rivals(unit, arms=3), opponents, 0, settings, rng=np.random.default_rng(0))
        learner.run()
        gains.append(learner.gains[-1] / unit)
    assert gains[1] > 0.1
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)


def test_a_run_with_a_superset_is_resumed(state_sets_bandit, tmp_path):
    def fresh():
        settings = SequoiaSettings(
            base=SupersetBase(cardinality(4, 2)),
            rounds=2,
            lanes=2,
            pool=8,
            batch=4,
            updates=2,
            validation=Validation(every=1, episodes=4),
        )
        return SequoiaTrainer(state_sets_bandit, settings, rng=np.random.default_rng(1))

    whole, first, second = fresh(), fresh(), fresh()
    whole.start()
    first.start()
    first.round()
    save_training(tmp_path / "run.json", first)
    resume_training(tmp_path / "run.json", second)
    while whole.running:
        whole.round()
    while second.running:
        second.round()
    for name, array in whole.arrays()["model"].items():
        np.testing.assert_array_equal(array, second.arrays()["model"][name])


def test_nature_must_be_allowed_what_it_begins_with():
    bandit = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(0), arms=3, budget=1)
    low = np.zeros((2, *bandit.arms.passive.shape))
    low[..., -1] = 0.99
    with pytest.raises(ValueError, match="intervals must hold the transitions of"):
        robust_plan(
            replace(bandit, horizon=2),
            Intervals(low, np.ones_like(low)),
            lambda own: lambda states, step: np.zeros((len(states), own.bits), dtype=bool),
            rng=np.random.default_rng(0),
            iterations=1,
            episodes=2,
        )


def test_a_mixture_for_each_planner_is_asked_for():
    chain = planners_chain(rivals(1.0))
    with pytest.raises(ValueError, match="one for each of 2 planners, got 1"):
        response_bounds(chain, two_types(chain, np.random.default_rng(0))[:1], 0)
    assert Mixture((np.ones((1, 1, 1)),), [1]).weights.dtype == np.float64


def test_episodes_need_lanes():
    with pytest.raises(ValueError, match="lanes must be at least 1, got 0"):
        play_planners(rivals(1.0), [UniformPolicy()] * 2, 0, rng=np.random.default_rng(0))


def test_nothing_is_drawn_from_an_empty_set():
    empty = replace(cardinality(3, 1), membership=lambda actions: np.zeros(len(actions), dtype=bool))
    with pytest.raises(SolveError):
        random_allowed(empty, rng=np.random.default_rng(0))


def test_baselines_are_those_that_can_play(state_sets_bandit):
    names = {entry.name for entry in admitted(state_sets_bandit)}
    assert not names & {"lagrange", "exact"}
    entries = [entry for entry in admitted(state_sets_bandit) if entry.name != "ppo"]

    def nothing(states, step):
        return np.zeros((len(states), 4), dtype=bool)

    nothing.name = "nothing"
    rng = np.random.default_rng(0)
    found = compare(state_sets_bandit, nothing, entries, episodes=2, rng=rng)
    assert len(found.evaluation.scores) == 1 + len(entries)
    with pytest.raises(ValueError, match="baselines must be different"):
        compare(state_sets_bandit, nothing, [entries[0]] * 2, episodes=2, rng=rng)


@pytest.fixture
def state_sets_bandit():
    from games.bandits import StateSets

    bandit = corrected_instance(Family.CAPACITY, rng=np.random.default_rng(0), arms=4, budget=2)
    sets = StateSets(4, lambda states, step: cardinality(4, 1 + int(states.sum() > 0)))
    return replace(bandit, feasible=sets, horizon=2)
