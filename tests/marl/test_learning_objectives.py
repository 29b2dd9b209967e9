"""What is maximised, when learning ends, and what it starts from."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.adapters.normal_form_env import NormalFormEnv
from games.conformance import check_env_game
from games.errors import IllegalActionError
from games.normal_form import NormalFormGame
from marl.learning import (
    PPO,
    ActionRule,
    EpisodeBudget,
    ExpectedReturn,
    FreshStart,
    HeaviestStart,
    LatestStart,
    NeuralPolicy,
    Plateau,
    ReturnVariance,
    StepBudget,
    StepVariance,
    Torso,
)
from marl.learning.budgets import PlateauWatch
from marl.learning.dense import initial_network
from marl.learning.mean_variance import running_mean
from marl.oracles import DeepOracle
from marl.policies import MixturePolicy, UniformPolicy

PAYOFFS = st.lists(st.floats(-100, 100), min_size=1, max_size=10)


@given(PAYOFFS, st.floats(0, 2), st.floats(-50, 50))
def test_rewards_of_return_variance_sum_to_the_target(gains, aversion, centre):
    paid = np.concatenate([[0.0], np.cumsum(gains)])
    rewards = ReturnVariance(aversion).rewards(paid[:-1], paid[1:], last_of(gains), centre)
    assert rewards.sum() == paid[-1] - aversion * (paid[-1] - centre) ** 2


def last_of(steps):
    return np.arange(len(steps)) == len(steps) - 1


@given(PAYOFFS, st.floats(0, 2))
def test_the_centre_makes_the_target_mean_less_priced_variance(returns, aversion):
    """At c = E[R] the mean of U_c is E[R] - aversion Var[R], and any other c gives less."""
    r, objective = np.array(returns), ReturnVariance(aversion)
    np.testing.assert_array_equal(objective.centred_on(r, np.zeros(3)), r)
    over = np.ones(r.size, dtype=bool)
    best, low, high = (
        objective.rewards(np.zeros_like(r), r, over, c).mean() for c in (r.mean(), r.mean() - 1, r.mean() + 3)
    )
    rounding = 1e-9 * (1 + np.square(r).max())
    assert best == pytest.approx(r.mean() - aversion * r.var(), abs=rounding)
    assert low == pytest.approx(best - aversion, abs=rounding)
    assert high == pytest.approx(best - 9 * aversion, abs=rounding)


@given(PAYOFFS, st.floats(0, 2))
def test_rewards_of_step_variance(gains, aversion):
    paid, r = np.concatenate([[0.0], np.cumsum(gains)]), np.array(gains)
    objective = StepVariance(aversion)
    np.testing.assert_array_equal(objective.centred_on(np.zeros(2), r), r)
    mean = r.mean()
    rewards = objective.rewards(paid[:-1], paid[1:], last_of(gains), mean)
    np.testing.assert_allclose(
        rewards.mean() - aversion * mean**2, mean - aversion * r.var(), atol=1e-6 * (1 + np.square(r).max())
    )


def test_no_aversion_is_the_expected_return():
    before, after = np.array([0.0, 2.0]), np.array([2.0, -1.0])
    for objective in (ExpectedReturn(), StepVariance(0.0)):
        assert objective.rewards(before, after, last_of(after), 5.0).tolist() == [2.0, -3.0]
    assert ReturnVariance(0.0).rewards(before, after, last_of(after), 5.0).tolist() == [0.0, -1.0]


def test_the_centre_runs_after_the_batches():
    assert running_mean(None, np.array([1.0, 3.0]), 0.5) == 2.0
    assert running_mean(2.0, np.array([6.0]), 0.5) == 4.0
    assert running_mean(2.0, np.array([]), 0.5) == 2.0
    assert running_mean(None, np.array([]), 0.5) is None


def learned(game, objective, seed=0, scale=1.0, steps=6_000):
    """Probabilities of the first decision."""
    learner = PPO(objective, StepBudget(steps), Torso((16,)), batch=256, minibatch=128)
    opponents = [None] + [UniformPolicy()] * (game.num_players - 1)
    answer = DeepOracle(learner, evaluation=200).respond(game, opponents, 0, rng=np.random.default_rng(seed))
    return answer.policy.probabilities(game, game.initial(np.random.default_rng(0)), 0), answer


@pytest.mark.parametrize("form", [ReturnVariance, StepVariance])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize(("aversion", "risky"), [(0.15, True), (0.3, False)])
def test_safe_or_risky_by_the_price_of_variance(form, scale, aversion, risky):
    """Safe pays 1; risky 0 or 3, mean 1.5, variance 2.25: worth the same at a price of 2/9."""
    payoffs = scale * np.array([[1.0, 1.0], [0.0, 3.0]])
    game = NormalFormEnv(NormalFormGame.bimatrix(payoffs, payoffs))
    chances, answer = learned(game, form(aversion / scale))
    assert chances[1 if risky else 0] > 0.9
    assert (answer.estimate.variance[0] > scale**2) == risky


@dataclass(frozen=True)
class Swings:
    """One player, two steps. Action 0: 3 or -3, then the opposite and 1.25 more; action 1: nothing, then 1.

    Returns are 1.25 and 1 for sure. The second step has one legal action and shows the first payoff.
    """

    name: str = "swings"
    num_players: int = 1
    payoff_bounds: tuple[float, float] = (1.0, 1.25)

    def num_actions(self, player):
        return 2

    def observation_shape(self, player):
        return (2,)

    def initial(self, rng):
        return ()

    def to_move(self, state):
        return (0,) if len(state) < 2 else ()

    def legal_mask(self, state, player):
        return np.array([len(state) < 2, len(state) == 0])

    def observe(self, state, player):
        return np.array([len(state), state[0] if state else 0.0], dtype=np.float32)

    def step(self, state, joint, rng):
        if set(joint) != {0} or joint[0] not in np.flatnonzero(self.legal_mask(state, 0)):
            raise IllegalActionError
        if not state:
            swing = 3.0 if rng.random() < 0.5 else -3.0
            return (swing if joint[0] == 0 else 0.0,)
        return (*state, 1.25 - state[0] if state[0] else 1.0)

    def returns(self, state):
        return np.array([sum(state)], dtype=np.float64)

    def describe(self, state):
        return str(state)


@pytest.mark.parametrize(
    ("objective", "swings"),
    [(ExpectedReturn(), True), (ReturnVariance(2.0), True), (StepVariance(2.0), False)],
    ids=str,
)
def test_steps_that_undo_each_other(objective, swings):
    """Without variance of the return, but with that of the steps."""
    check_env_game(Swings(), rng=np.random.default_rng(0))
    chances, answer = learned(Swings(), objective)
    assert chances[0 if swings else 1] > 0.9
    # What is left of exploring is the only spread of the return.
    assert answer.estimate.variance[0] < 0.01


def watch(rule, worths):
    """After how many worths it rests."""
    watcher = PlateauWatch(rule)
    for k, worth in enumerate(worths):
        watcher.add([worth])
        if watcher.resting:
            return k + 1
    return None


def test_plateaus():
    rule = Plateau(every=2, looks=2, errors=1.0)
    assert watch(rule, [0.0, 1.0] * 10) == 6  # the first look is the best; two more find no growth
    assert watch(rule, [float(k) for k in range(40)]) is None
    assert watch(rule, [0.0, 0.0, 5.0, 5.0, 4.0, 4.0, 6.0, 6.0, 1.0, 1.0, 2.0, 2.0]) == 12
    assert watch(None, [0.0] * 100) is None


def test_budgets():
    assert [StepBudget(10).progress(5, 900), EpisodeBudget(10).progress(900, 5)] == [0.5, 0.5]


def test_starts():
    rng = np.random.default_rng(0)
    one, two = (
        NeuralPolicy(initial_network(2, Torso(()), 2, last_gain=1.0, rng=rng), ActionRule.GREEDY)
        for _ in "12"
    )
    mixture = MixturePolicy((one, two, UniformPolicy()), [0.5, 0.3, 0.2])
    assert [s.pick(mixture) for s in (FreshStart(), HeaviestStart(), LatestStart())] == [None, one, two]
    plain = MixturePolicy((one, UniformPolicy()), [0.1, 0.9])
    assert [s.pick(plain) for s in (HeaviestStart(), LatestStart())] == [None, one]
    assert [s.pick(UniformPolicy()) for s in (HeaviestStart(), LatestStart())] == [None, None]
    assert [s.pick(two) for s in (HeaviestStart(), LatestStart())] == [two, two]
    assert [s.pick(None) for s in (FreshStart(), HeaviestStart(), LatestStart())] == [None] * 3


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: ReturnVariance(-1.0), "aversion"),
        (lambda: StepVariance(float("nan")), "aversion"),
        (lambda: StepBudget(0), "steps"),
        (lambda: EpisodeBudget(0), "episodes"),
        (lambda: Plateau(every=1), "every"),
        (lambda: Plateau(looks=0), "looks"),
        (lambda: Plateau(errors=float("inf")), "errors"),
    ],
)
def test_bad_settings(make, word):
    with pytest.raises(ValueError, match=word):
        make()
