"""The Gymnasium environment: its checker, its infos, and what it does with actions outside the set."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from games.bandits import BanditEnv, BernoulliStart, Family, corrected_instance, refuse
from games.errors import IllegalActionError


def instance(family=Family.CAPACITY):
    return corrected_instance(family, rng=np.random.default_rng(0), arms=8, budget=2)


@pytest.mark.parametrize("family", Family)
def test_gymnasium_accepts_it(family):
    check_env(BanditEnv(instance(family)), skip_render_check=True)


def test_an_episode_ends_at_the_horizon():
    env = BanditEnv(instance())
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(8, dtype=np.int8))
    _, info = env.reset(seed=1)
    assert info == {"feasible": True, "expected_reward": 0.0}
    for step in range(20):
        *_, terminated, truncated, _ = env.step(np.zeros(8, dtype=np.int8))
        assert not terminated
        assert truncated == (step == 19)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(8, dtype=np.int8))


def test_an_action_outside_the_set_becomes_what_the_remedy_says():
    bandit = instance()
    everything = np.ones(8, dtype=np.int8)
    quiet, strict = BanditEnv(bandit), BanditEnv(bandit, remedy=refuse)
    swap = BanditEnv(bandit, remedy=lambda action_set, action: np.eye(8, dtype=bool)[0])
    states, _ = quiet.reset(seed=3)
    assert not quiet.current_set().contains(everything)
    *_, info = quiet.step(everything)
    assert info["feasible"] is False
    assert info["expected_reward"] == pytest.approx(float(bandit.expected_reward(states, np.zeros(8))))
    states, _ = swap.reset(seed=3)
    *_, info = swap.step(everything)
    assert info["expected_reward"] == pytest.approx(float(bandit.expected_reward(states, np.eye(8)[0])))
    strict.reset(seed=3)
    with pytest.raises(IllegalActionError, match="is not in capacity"):
        strict.step(everything)
    *_, info = strict.step(np.zeros(8, dtype=np.int8))
    assert info["feasible"] is True
    with pytest.raises(ValueError, match=r"action must have shape \(8,\), got \(3,\)"):
        strict.step(np.zeros(3, dtype=np.int8))


def test_the_reward_has_the_expected_reward_as_its_mean():
    bandit = instance()
    env = BanditEnv(bandit, start=BernoulliStart(1.0))
    action = np.eye(8, dtype=np.int8)[0]
    rewards = []
    env.reset(seed=0)
    for _ in range(2_000):
        states, _ = env.reset()
        assert (states == 1).all()
        _, reward, *_, info = env.step(action)
        rewards.append(reward)
    error = np.std(rewards) / np.sqrt(len(rewards))
    assert np.mean(rewards) == pytest.approx(info["expected_reward"], abs=5 * error)


def test_equal_seeds_give_equal_episodes():
    runs = []
    for _ in range(2):
        env = BanditEnv(instance())
        env.reset(seed=9)
        runs.append([env.step(np.eye(8, dtype=np.int8)[step % 8])[0].tolist() for step in range(20)])
    assert runs[0] == runs[1]
