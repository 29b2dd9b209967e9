"""Arms, effects, the problem, its joint process and its simulator, against each other and by hand."""

import itertools

import numpy as np
import pytest

from games.bandits import (
    EVALUATION_START,
    TRAINING_START,
    BanditEnv,
    BernoulliStart,
    CoupledBandit,
    Noise,
    OneBitAnArm,
    RestlessArms,
    SigmoidLink,
    StateSets,
    allowed_actions,
    cardinality,
    draw_noise,
    joint_process,
    ladder_arms,
    rollout,
)
from games.errors import IllegalActionError


def random_arms(count=3, states=3, seed=0):
    rng = np.random.default_rng(seed)
    moves = rng.dirichlet(np.ones(states), (2, count, states))
    return RestlessArms(moves[0], moves[1], rng.normal(size=(count, states)))


def bandit_of(arms=None, *, most=2, horizon=5):
    arms = arms or random_arms()
    return CoupledBandit(arms, OneBitAnArm(arms.count), cardinality(arms.count, most), horizon=horizon)


def nothing(states, step):
    return np.zeros(states.shape, dtype=bool)


def test_a_ladder_by_hand():
    arms = ladder_arms([0.25], [0.75], [[0.0, 1.0, 5.0]])
    np.testing.assert_allclose(arms.passive[0], [[0.75, 0.25, 0], [0.75, 0, 0.25], [0, 0.75, 0.25]])
    np.testing.assert_allclose(arms.active[0], [[0.25, 0.75, 0], [0.25, 0, 0.75], [0, 0.25, 0.75]])
    # Half a share is the mean of both.
    np.testing.assert_allclose(arms.moves([1], [0.5]), [[0.5, 0.0, 0.5]])
    base, gain = arms.mean_rewards()
    np.testing.assert_allclose(base, [[0.25, 1.25, 2.0]])
    np.testing.assert_allclose(base + gain, [[0.75, 3.75, 4.0]])


def test_the_sigmoid_by_hand():
    link = SigmoidLink([[3.0, 3.0, 0.0]], [0.8], [1.5], [9.0])

    def sigma(x):
        return 1 / (1 + np.exp(-x))

    for action, push in (([0, 0, 1], 0.0), ([1, 0, 1], 3.0), ([1, 1, 0], 6.0)):
        expected = 0.98 * (0.8 * sigma(1.5 * push - 9) - 0.8 * sigma(-9)) + 0.01
        np.testing.assert_allclose(link.shares(np.array(action, dtype=bool)), [expected])
    none, one, two = (link.of_pushes(np.array([push]))[0] for push in (0.0, 3.0, 6.0))
    assert none == pytest.approx(0.01)
    assert two - one > 10 * (one - none)  # one alone does little
    # Far pushes neither overflow nor leave [0, 1].
    assert 0 <= SigmoidLink([[1e6]], [1.0], [1.0], [1.0]).shares(np.ones((2, 1), dtype=bool)).max() <= 1


def test_the_expected_reward_is_the_mean_over_joint_next_states():
    bandit = bandit_of()
    for states in itertools.product(range(3), repeat=3):
        for action in allowed_actions(bandit.feasible):
            moves = bandit.next_distributions(states, action)
            mean = sum(
                np.prod(moves[np.arange(3), onward]) * bandit.arms.rewards[np.arange(3), onward].sum()
                for onward in itertools.product(range(3), repeat=3)
            )
            assert bandit.expected_reward(states, action) == pytest.approx(mean)


def test_the_joint_process_is_the_product_of_its_arms():
    bandit = bandit_of()
    joint = joint_process(bandit)
    assert joint.actions.tolist() == allowed_actions(bandit.feasible).tolist()
    np.testing.assert_array_equal(joint.index(joint.states), np.arange(27))
    dense = joint.transitions()
    for index, action in enumerate(joint.actions):
        np.testing.assert_allclose(joint.rewards[:, index], bandit.expected_reward(joint.states, action))
        moves = bandit.next_distributions(joint.states, action)
        product = np.einsum("na,nb,nc->nabc", moves[:, 0], moves[:, 1], moves[:, 2]).reshape(27, 27)
        np.testing.assert_allclose(dense[index], product)
    values = np.random.default_rng(1).normal(size=27)
    np.testing.assert_allclose(joint.expectations(values), np.einsum("anm,m->na", dense, values))


def test_allowed_actions_count_up():
    found = allowed_actions(cardinality(3, 1))
    np.testing.assert_array_equal(found, [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]])


def test_what_is_too_large_to_write_down_is_refused():
    with pytest.raises(ValueError, match="joint states"):
        joint_process(bandit_of(random_arms(count=12)))
    with pytest.raises(ValueError, match="at most 20 are enumerated"):
        allowed_actions(cardinality(21, 1))
    arms = random_arms(count=6, states=4)
    with pytest.raises(ValueError, match="use expectations"):
        joint_process(bandit_of(arms)).transitions()
    # 65,536 states with as many actions: their rewards alone would fill 34 GB.
    link = SigmoidLink(np.ones((8, 16)), np.ones(8), np.ones(8), np.ones(8))
    wide = CoupledBandit(random_arms(count=8, states=4), link, cardinality(16, 16))
    with pytest.raises(ValueError, match="65536 joint states and 65536 actions"):
        joint_process(wide)
    by_state = StateSets(3, lambda states, step: cardinality(3, 1))
    with pytest.raises(ValueError, match="depend on the state"):
        joint_process(CoupledBandit(random_arms(), OneBitAnArm(3), by_state))


def test_the_simulator_moves_arms_as_a_loop_would():
    bandit = bandit_of(horizon=6)
    noise = draw_noise(bandit, 40, rng=np.random.default_rng(5))
    chosen = allowed_actions(bandit.feasible)[np.random.default_rng(6).integers(0, 7, (6, 40))]
    played = rollout(bandit, lambda states, step: chosen[step], noise)
    np.testing.assert_array_equal(played.actions, chosen.transpose(1, 0, 2))
    for episode in range(40):
        states = noise.starts[episode].copy()
        for step in range(6):
            moves = bandit.next_distributions(states, chosen[step, episode])
            assert played.expected[episode, step] == pytest.approx(
                bandit.expected_reward(states, chosen[step, episode])
            )
            states = np.array(
                [
                    np.searchsorted(np.cumsum(moves[arm]), noise.uniforms[episode, step, arm], side="right")
                    for arm in range(3)
                ]
            )
            np.testing.assert_array_equal(played.states[episode, step + 1], states)
            assert played.rewards[episode, step] == pytest.approx(
                bandit.arms.rewards[np.arange(3), states].sum()
            )
    np.testing.assert_allclose(played.values, played.expected.mean(axis=1))
    np.testing.assert_allclose(played.discounted(0.5), played.expected @ 0.5 ** np.arange(6))


@pytest.mark.parametrize("simulated", [True, False])
def test_frequencies_agree_with_the_exact_distributions(simulated):
    bandit = bandit_of(random_arms(count=2, states=4), most=1, horizon=1)
    many = 40_000
    starts = np.tile([3, 1], (many, 1))
    action = np.tile([False, True], (many, 1))
    rng = np.random.default_rng(7)
    if simulated:
        noise = Noise(starts, rng.random((many, 1, 2)))
        found = rollout(bandit, lambda states, step: action, noise).states[:, 1]
    else:
        found = bandit.sample_next(starts, action, rng=rng)
    exact = bandit.next_distributions([3, 1], [0, 1])
    for arm in range(2):
        counts = np.bincount(found[:, arm], minlength=4)
        # Five standard errors each.
        errors = 5 * np.sqrt(many * exact[arm] * (1 - exact[arm]))
        assert (np.abs(counts - many * exact[arm]) <= errors).all()


def test_states_that_cannot_be_reached_never_are():
    # An arm padded to three states, whose probabilities round to just below one.
    moves = np.array([[[0.1 + 0.2, 0.7, 0.0], [0.7, 0.1 + 0.2 - 1e-10, 0.0], [1.0, 0.0, 0.0]]])
    arms = RestlessArms(moves, moves, np.zeros((1, 3)))
    bandit = CoupledBandit(arms, OneBitAnArm(1), cardinality(1, 1), horizon=2)
    noise = Noise(np.array([[1]]), np.full((1, 2, 1), np.nextafter(1.0, 0.0)))
    assert rollout(bandit, nothing, noise).states.max() == 1


def test_untouched_arms_have_the_same_luck_under_all_policies():
    bandit = bandit_of(random_arms(count=4, states=3), most=2, horizon=8)
    noise = draw_noise(bandit, 30, rng=np.random.default_rng(1))

    def first(states, step):
        return np.tile([True, False, False, False], (len(states), 1))

    idle, busy = rollout(bandit, nothing, noise), rollout(bandit, first, noise)
    np.testing.assert_array_equal(idle.states[:, :, 1:], busy.states[:, :, 1:])
    assert (idle.states[:, :, 0] != busy.states[:, :, 0]).any()


def test_equal_seeds_give_equal_noise_and_more_episodes_extend_it():
    bandit = bandit_of()
    few = draw_noise(bandit, 3, rng=np.random.default_rng(2))
    many = draw_noise(bandit, 9, rng=np.random.default_rng(2))
    np.testing.assert_array_equal(many.starts[:3], few.starts)
    np.testing.assert_array_equal(many.uniforms[:3], few.uniforms)


def test_starts_of_training_and_evaluation():
    for start, share in ((TRAINING_START, 0.5), (EVALUATION_START, 0.2)):
        drawn = start.draw(50, 400, np.random.default_rng(0))
        assert drawn.shape == (400, 50)
        assert set(np.unique(drawn)) == {0, 1}
        assert drawn.mean() == pytest.approx(share, abs=0.02)


def test_the_rollout_refuses_what_is_not_allowed():
    bandit = bandit_of(most=1)
    noise = draw_noise(bandit, 2, rng=np.random.default_rng(0))

    def greedy(states, step):
        return np.array([[1, 0, 0], [1, 1, 0]]) if step == 2 else np.zeros((2, 3))

    with pytest.raises(
        IllegalActionError, match=r"action \[0, 1\] of episode 1 at step 2 is not in cardinality"
    ):
        rollout(bandit, greedy, noise)
    assert rollout(bandit, greedy, noise, check=False).actions.sum() == 3
    with pytest.raises(ValueError, match=r"actions of shape \(2, 3\)"):
        rollout(bandit, lambda states, step: np.zeros(3), noise)
    with pytest.raises(ValueError, match="noise must cover 9 steps"):
        rollout(bandit_of(horizon=9), nothing, noise)


def test_states_that_the_arms_do_not_have_are_refused():
    # They would be read beyond the arms' tables, or from their ends.
    lone = bandit_of(random_arms(count=2, states=1), most=1)
    with pytest.raises(ValueError, match=r"start must give states in 0\.\.0, .*probability=1.0"):
        draw_noise(lone, 2, rng=np.random.default_rng(0), start=BernoulliStart(1.0))
    with pytest.raises(ValueError, match=r"start must give states in 0\.\.0"):
        BanditEnv(lone, start=BernoulliStart(1.0)).reset(seed=0)
    bandit = bandit_of()
    for state in (-1, 3, 0.5):
        noise = Noise(np.full((2, 3), state), np.zeros((2, 5, 3)))
        with pytest.raises(ValueError, match=r"starts of the noise must be states in 0\.\.2"):
            rollout(bandit, nothing, noise)
        with pytest.raises(ValueError, match=r"states must be whole numbers in 0\.\.2"):
            bandit.expected_reward([0, 0, state], [0, 0, 0])
    with pytest.raises(ValueError, match="noise must cover 5 steps"):
        rollout(bandit, nothing, Noise(np.zeros((2, 3), dtype=int), np.zeros((2, 3))))


def test_the_rollout_refuses_numbers_that_are_no_bits():
    bandit = bandit_of(most=3)
    noise = draw_noise(bandit, 2, rng=np.random.default_rng(0))
    for bit in (0.3, -1, 2, np.nan):
        with pytest.raises(ValueError, match="actions of 0 and 1, got others at step 0"):
            rollout(bandit, lambda states, step, bit=bit: np.full((2, 3), bit), noise)


def test_sets_that_follow_the_state_are_asked_for_each_episode():
    arms = random_arms(states=2)
    sets = StateSets(3, lambda states, step: cardinality(3, int(states.sum())))
    bandit = CoupledBandit(arms, OneBitAnArm(3), sets, horizon=4)
    noise = draw_noise(bandit, 20, rng=np.random.default_rng(3))
    rollout(bandit, lambda states, step: states == 1, noise)
    with pytest.raises(IllegalActionError, match="state-dependent set"):
        rollout(bandit, lambda states, step: np.ones((20, 3)), noise)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: RestlessArms(np.ones((1, 2, 2)), np.ones((1, 2, 2)), np.zeros((1, 2))),
            "passive must hold dist",
        ),
        (lambda: RestlessArms(np.eye(2)[None], np.eye(3)[None], np.zeros((1, 2))), "active must have shape"),
        (
            lambda: RestlessArms(np.eye(2)[None], np.eye(2)[None], np.array([[0, np.nan]])),
            "rewards must be finite",
        ),
        (
            lambda: RestlessArms(np.eye(2)[None], np.eye(2)[None], np.zeros(2)),
            r"rewards must have shape \(J, S\)",
        ),
        (lambda: ladder_arms([1.5], [0.5], [[0, 1]]), "up_passive must hold 1 probabilities"),
        (lambda: ladder_arms([0.5], [0.5], [0, 1]), "rewards must have shape"),
        (lambda: SigmoidLink([[1.0]], [2.0], [1.0], [1.0]), "height must be in"),
        (lambda: SigmoidLink([[-1.0]], [1.0], [1.0], [1.0]), "none negative"),
        (lambda: SigmoidLink([[1.0]], [1.0, 1.0], [1.0], [1.0]), r"height must have shape \(1,\)"),
        (lambda: SigmoidLink([[np.inf]], [1.0], [1.0], [1.0]), "weights must be finite"),
        (lambda: BernoulliStart(1.5), "probability must be in"),
        (lambda: bandit_of(horizon=0), "horizon >= 1"),
        (lambda: CoupledBandit(random_arms(), OneBitAnArm(2), cardinality(2, 1)), "effect must reach 3 arms"),
        (
            lambda: CoupledBandit(random_arms(), OneBitAnArm(3), cardinality(2, 1)),
            "feasible must have 3 bits",
        ),
        (lambda: bandit_of().expected_reward([0, 0, 0], [1, 0]), "actions must have 3 bits"),
        (lambda: draw_noise(bandit_of(), 0, rng=np.random.default_rng(0)), "episodes must be at least 1"),
    ],
)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
