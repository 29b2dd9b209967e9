"""The four families: their numbers as the sheet gives them, and what correcting them changes."""

import numpy as np
import pytest

from games.bandits import (
    Family,
    base_arms,
    corrected_instance,
    draw_noise,
    paper_instance,
    rollout,
    rows_allow,
)

SIZES = [(4, 2), (20, 5), (40, 10)]


def random_actions(bandit, count, seed=0):
    """Bits up to the largest number allowed."""
    rng = np.random.default_rng(seed)
    actions = np.zeros((count, bandit.bits), dtype=bool)
    for action in actions:
        action[rng.choice(bandit.bits, rng.integers(0, bandit.feasible.most + 1), replace=False)] = True
    return actions


def test_base_arms_mislead_whoever_looks_one_step_ahead():
    arms = base_arms(400, 150, rng=np.random.default_rng(0))
    passive, active = arms.passive[:, 0, 1], arms.active[:, 0, 1]
    assert passive.min() >= 0
    assert 0.19 < passive.max() <= 0.2
    assert 0.7 <= active.min() < 0.71
    assert active.max() <= 0.9
    np.testing.assert_array_equal(arms.rewards[:150, :3], np.tile([0.2, 0.15, 0.1], (150, 1)))
    np.testing.assert_array_equal(arms.rewards[150:, :3], np.tile([0.1, 0.15, 0.2], (250, 1)))
    assert set(arms.rewards[:150, 3]) == {4, 5, 6}
    assert set(arms.rewards[150:, 3]) == {1, 2, 3}
    # Below the top, acting on a good arm costs at once.
    _, gain = arms.mean_rewards()
    assert (gain[:150, :2] < 0).all()
    assert (gain[150:, :2] > 0).all()


@pytest.mark.parametrize(("arms", "budget"), SIZES)
@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("instance", [paper_instance, corrected_instance])
def test_instances_are_drawn_and_played(instance, family, arms, budget):
    bandit = instance(family, rng=np.random.default_rng(20), arms=arms, budget=budget)
    assert (bandit.num_arms, bandit.horizon, bandit.discount) == (arms, 20, 0.99)
    again = instance(family, rng=np.random.default_rng(20), arms=arms, budget=budget)
    np.testing.assert_array_equal(again.arms.passive, bandit.arms.passive)
    actions = random_actions(bandit, 60)
    allowed = bandit.feasible.contains(actions)
    np.testing.assert_array_equal(again.feasible.contains(actions), allowed)
    np.testing.assert_array_equal(rows_allow(bandit.feasible, actions[:8]), allowed[:8])
    assert allowed.any()
    noise = draw_noise(bandit, 3, rng=np.random.default_rng(0))
    first = actions[allowed][0]
    played = rollout(bandit, lambda states, step: np.tile(first, (3, 1)), noise)
    assert played.expected.shape == (3, 20)
    assert played.states.max() <= 3


@pytest.mark.parametrize("family", [Family.SCHEDULE, Family.PATH])
def test_corrected_sets_are_stricter(family):
    released = paper_instance(family, rng=np.random.default_rng(22))
    corrected = corrected_instance(family, rng=np.random.default_rng(22))
    np.testing.assert_array_equal(released.arms.rewards, corrected.arms.rewards)
    actions = random_actions(released, 400)
    loose, strict = released.feasible.contains(actions), corrected.feasible.contains(actions)
    assert not (strict & ~loose).any()
    if family is Family.PATH:
        assert loose.all()
        assert strict.mean() < 0.7


def test_sizes_of_the_path_family_are_those_of_the_released_graphs():
    for arms, edges in ((20, 29), (40, 56)):
        bandit = paper_instance(Family.PATH, rng=np.random.default_rng(1), arms=arms, budget=arms // 4)
        steps = arms // 2
        assert bandit.feasible.variables == arms + steps * (2 * edges + arms)


def test_interventions_complement_each_other():
    bandit = paper_instance(Family.INTERVENTIONS, rng=np.random.default_rng(3))
    link = bandit.effect
    assert link.weights.shape == (20, 10)
    assert set(np.unique(link.weights)) == {0.0, 3.0}
    np.testing.assert_array_equal((link.weights > 0).sum(axis=0), 3)  # each action reaches three arms
    good = np.arange(20) >= 10
    assert set(link.threshold[good]) <= {9, 10}
    assert set(link.threshold[~good]) <= {1, 2}
    assert (link.slope[~good] == 1).all()
    assert link.slope[good].min() >= 1.4
    assert 0.7 <= link.height[good].min() <= link.height[good].max() <= 1.0
    assert 0.2 <= link.height[~good].min() <= link.height[~good].max() <= 0.5
    # No action mixes the classes, and a whole triple shares its arms.
    for action in range(10):
        assert len(set(good[link.weights[:, action] > 0])) == 1
    shared = link.weights.T @ link.weights / 9
    assert (shared == 3).sum() - 10 == 2 * 6  # two triples of ten actions
    exactly = bandit.feasible
    assert exactly.contains(np.arange(10) < 5)
    assert not exactly.contains(np.arange(10) < 4)
    # Of a triple on good arms, three actions do more than three times what one does.
    triple = next(a for a in range(10) if good[link.weights[:, a] > 0].all() and (shared[a] == 3).sum() == 3)
    arm = int(np.argmax(link.weights[:, triple]))
    one, three = (link.of_pushes(np.full(20, push))[arm] for push in (3.0, 9.0))
    assert three - 0.01 > 3 * (one - 0.01)


def test_a_single_worker_serves_nobody_once_visitors_must_differ():
    released, corrected = (
        [make(Family.SCHEDULE, rng=np.random.default_rng(seed), budget=1).feasible.most for seed in range(5)]
        for make in (paper_instance, corrected_instance)
    )
    assert max(released) == 1
    assert corrected == [0] * 5


def test_schedules_have_the_described_slots():
    bandit = paper_instance(Family.SCHEDULE, rng=np.random.default_rng(5))
    assert bandit.feasible.most <= 5
    with pytest.raises(ValueError, match=r"budget must be in 1\.\.20, got 21"):
        paper_instance(Family.SCHEDULE, rng=np.random.default_rng(5), budget=21)
