"""Sets that depend on state and time, through the oracle, the learner and the evaluation."""

import networkx as nx
import numpy as np
import pytest

from games.bandits import (
    CoupledBandit,
    OneBitAnArm,
    StateSets,
    base_arms,
    cardinality,
    path,
    rollout,
    whole_state,
)
from games.bandits.joint import allowed_actions
from games.bandits.simulator import draw_noise
from solvers.sequoia import evaluate
from solvers.sequoia.baselines import lagrange, myopic
from solvers.sequoia.learning import ResidualFamily, SequoiaSettings, Validation, train_sequoia
from solvers.sequoia.planners import SupersetBase

ARMS = 3
FEW = SequoiaSettings(
    base=SupersetBase(cardinality(ARMS, 2)),
    family=ResidualFamily((16,)),
    rounds=20,
    lanes=8,
    pool=96,
    updates=20,
    validation=Validation(every=5, episodes=48),
)


def workers_away():
    """Two workers; one is away at every second step."""
    sets = {True: cardinality(ARMS, 1), False: cardinality(ARMS, 2)}
    return StateSets(
        ARMS, lambda states, step: sets[step % 2 == 1], key=lambda states, step: step % 2, name="workers"
    )


def walks_from_the_best_arm():
    """A closed walk of two moves on a line, from the arm in the highest state."""
    graph = nx.path_graph(ARMS)
    return StateSets(
        ARMS,
        lambda states, step: path(graph, int(states.argmax()), steps=2, most=2),
        key=whole_state,
        name="walks",
    )


def best_values(bandit):
    """Backward induction by hand over all states, steps and allowed actions; value at the start."""
    size = bandit.arms.states
    states = np.indices((size,) * ARMS).reshape(ARMS, -1).T
    values = np.zeros(len(states))
    for step in range(bandit.horizon - 1, -1, -1):
        now = np.empty(len(states))
        for place, state in enumerate(states):
            actions = allowed_actions(bandit.actions_at(state, step))
            law = bandit.next_distributions(np.broadcast_to(state, actions.shape), actions)
            joint = np.einsum("ai,aj,ak->aijk", *law.transpose(1, 0, 2)).reshape(len(actions), -1)
            repeated = np.broadcast_to(state, actions.shape)
            now[place] = (bandit.expected_reward(repeated, actions) + joint @ values).max()
        values = now
    return states, values


@pytest.mark.parametrize("make", [workers_away, walks_from_the_best_arm])
def test_learning_and_evaluation_keep_to_the_set_of_each_state(make):
    arms = base_arms(ARMS, 1, rng=np.random.default_rng(1))
    bandit = CoupledBandit(arms, OneBitAnArm(ARMS), make(), horizon=4, discount=1.0)
    policy = train_sequoia(bandit, FEW, rng=np.random.default_rng(0)).unwrap()
    relaxed = lagrange(bandit, superset=cardinality(ARMS, 2))
    # An action outside the set would be refused by the simulator.
    found = evaluate(bandit, [policy, myopic(bandit), relaxed], episodes=100, rng=np.random.default_rng(2))
    states, values = best_values(bandit)
    chances = np.where(states == 0, 0.8, np.where(states == 1, 0.2, 0.0)).prod(axis=1)
    best = float(chances @ values) / bandit.horizon
    learned = found[policy.name].reward
    assert learned.low <= best
    assert learned.high >= 0.95 * best
    assert learned.mean > found["myopic"].reward.mean
    noise = draw_noise(bandit, 8, rng=np.random.default_rng(3))
    played = rollout(bandit, policy, noise)
    for step in range(bandit.horizon):
        policy(played.states[:, step], step)
        for state, answer in zip(played.states[:, step], policy.last, strict=True):
            actions = allowed_actions(bandit.actions_at(state, step))
            network = policy.oracle.network.at(np.append(state, step))
            assert answer.value == pytest.approx(network.values(actions).max(), abs=1e-4)


def test_the_superset_has_the_bits_of_the_bandit():
    arms = base_arms(ARMS, 1, rng=np.random.default_rng(1))
    bandit = CoupledBandit(arms, OneBitAnArm(ARMS), workers_away(), horizon=4)
    base = SupersetBase(cardinality(ARMS, 2))
    assert base.name.startswith("superset(")
    with pytest.raises(ValueError, match="bits"):
        SupersetBase(cardinality(ARMS + 1, 2))(bandit, 1.0)
