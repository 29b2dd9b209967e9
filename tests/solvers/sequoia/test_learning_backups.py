"""Records against a plain loop, targets against exact values, and explored actions against the sets."""

import numpy as np
import pytest

from games.bandits import draw_noise, rollout
from games.bandits.joint import allowed_actions
from solvers.sequoia.baselines.dynamic_programming import exact, exact_value
from solvers.sequoia.learning import NeighbourExploration, NoBase, random_allowed, random_neighbour
from solvers.sequoia.learning.backups import Episodes, backups
from solvers.sequoia.learning.validation import look_at
from tests.solvers.sequoia.small_bandits import BUILDERS
from tests.solvers.sequoia.test_learning_model import random_base


def some_episodes(bandit, rng, lanes=5, share=0.3):
    shape = (lanes, bandit.horizon)
    return Episodes(
        rng.integers(bandit.arms.states, size=(lanes, bandit.horizon + 1, bandit.num_arms)),
        rng.random((*shape, bandit.bits)) < 0.4,
        rng.random(shape) < share,
    )


@pytest.mark.parametrize("n_steps", [1, 3, 50])
@pytest.mark.parametrize("discount", [1.0, 0.8])
def test_records_follow_the_definition(n_steps, discount):
    rng = np.random.default_rng(n_steps)
    bandit = BUILDERS["knapsack"](rng, 7)
    base = random_base(bandit, rng, discount)
    episodes = some_episodes(bandit, rng)
    records = backups(episodes, base, n_steps)
    place = 0
    for states, actions, explored in zip(episodes.states, episodes.actions, episodes.explored, strict=True):
        for step in range(7):
            end, followed = step + 1, 0.0
            while end < 7 and end - step < n_steps and not explored[end]:
                at = (states[end][None], np.array([end]))
                gain = base.action_value(*at, actions[end][None]) - base.value(*at)
                followed += discount ** (end - step) * gain[0]
                end += 1
            assert records["followed"][place] == pytest.approx(followed, abs=1e-12)
            assert records["steps"][place] == end - step
            assert records["ended"][place] == (end == 7)  # the flag at the horizon, and only there
            np.testing.assert_array_equal(records["row"][place], [*states[step], step])
            np.testing.assert_array_equal(records["next_row"][place], [*states[end], end])
            np.testing.assert_array_equal(records["last_row"][place], [*states[end - 1], end - 1])
            np.testing.assert_array_equal(records["last_action"][place], actions[end - 1])
            place += 1
    assert place == len(records["row"])


@pytest.mark.parametrize("with_base", [False, True])
def test_whole_returns_are_unbiased_whatever_the_base(with_base):
    """Targets of an optimal player's first decisions average to the optimal value."""
    rng = np.random.default_rng(3)
    bandit = BUILDERS["exactly"](rng, 4)
    base = random_base(bandit, rng) if with_base else NoBase()(bandit, 1.0)
    best = exact(bandit)
    noise = draw_noise(bandit, 4000, rng=rng)
    played = rollout(bandit, best, noise)
    episodes = Episodes(played.states, played.actions, np.zeros(played.actions.shape[:2], dtype=np.bool_))
    records = backups(episodes, base, 4)
    first = records["row"][:, -1] == 0
    rows = records["row"][first]
    assert records["ended"].all()
    targets = records["followed"][first] + base.action_value(
        rows[:, :-1], rows[:, -1], records["action"][first]
    )
    wanted = best.values[0, best.process.index(rows[:, :-1])]
    error = (targets - wanted).std() / np.sqrt(len(targets))
    assert abs((targets - wanted).mean()) < 4 * error


def test_looks_are_unbiased_and_an_exact_base_leaves_no_variance():
    rng = np.random.default_rng(4)
    bandit = BUILDERS["capacity"](rng, 5)
    best = exact(bandit)
    noise = draw_noise(bandit, 2000, rng=rng)

    def none(states, step):
        return np.zeros((len(states), bandit.bits), dtype=np.bool_)

    truth = exact_value(best.process, none)[0, best.process.index(noise.starts)].mean() / 5
    for base in (NoBase()(bandit, 1.0), random_base(bandit, rng)):
        look = look_at(bandit, none, noise, base)
        error = look.scores.std() / np.sqrt(2000)
        assert abs(look.value - truth) < 4 * error
    raw = look_at(bandit, none, noise, NoBase()(bandit, 1.0))
    np.testing.assert_allclose(raw.scores, rollout(bandit, none, noise).values, atol=1e-12)
    gain, error = look_at(bandit, best, noise, base).gain(look_at(bandit, none, noise, base))
    assert gain > 3 * error > 0


@pytest.mark.parametrize("problem", list(BUILDERS))
def test_explored_actions_are_allowed_and_reach_everywhere(problem):
    rng = np.random.default_rng(5)
    bandit = BUILDERS[problem](rng, 3)
    action_set = bandit.feasible
    everything = {action.tobytes() for action in allowed_actions(action_set)}
    rule = NeighbourExploration(0.5)
    action = random_allowed(action_set, rng=rng)
    seen = set()
    for _ in range(150):
        action = rule.draw(action_set, action, rng=rng)
        assert bool(action_set.contains(action))
        seen.add(action.tobytes())
    if action_set.downward:
        assert seen == everything  # neighbours lead from maximal actions to all others
    else:
        assert seen <= everything
        assert len(seen) > 1 or len(everything) == 1


def test_neighbours_differ_by_one_flip_or_swap():
    rng = np.random.default_rng(6)
    bandit = BUILDERS["cardinality"](rng, 3)
    start = np.array([True, False, False])
    for _ in range(50):
        other = random_neighbour(bandit.feasible, start, rng=rng)
        changed = other != start
        assert 1 <= changed.sum() <= 2
        assert bool(bandit.feasible.contains(other))
    with pytest.raises(ValueError, match="neighbours"):
        NeighbourExploration(1.5)
