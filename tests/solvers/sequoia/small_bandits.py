"""Small random bandits that can be solved exactly, for the tests of this folder."""

import numpy as np

from games.bandits import (
    CoupledBandit,
    OneBitAnArm,
    RestlessArms,
    SigmoidLink,
    capacity,
    cardinality,
    from_arrays,
    knapsack,
    partition,
)

ARMS = 3


def random_arms(rng, count=ARMS, states=2):
    def moves():
        return rng.dirichlet(np.full(states, 0.7), (count, states))

    return RestlessArms(moves(), moves(), rng.normal(size=(count, states)).round(3))


def one_bit(action_set):
    def build(rng, horizon):
        return CoupledBandit(random_arms(rng), OneBitAnArm(ARMS), action_set(rng), horizon=horizon)

    return build


def sigmoid(most):
    """Two bits share the first two arms, a third has the last; the set couples them."""

    def build(rng, horizon):
        weights = np.array([[2.0, 3.0, 0.0], [3.0, 1.0, 0.0], [0.0, 0.0, 4.0]])
        link = SigmoidLink(
            weights, rng.uniform(0.5, 1.0, 3), rng.uniform(1.0, 2.0, 3), rng.uniform(0.0, 5.0, 3)
        )
        return CoupledBandit(random_arms(rng), link, cardinality(3, most, exactly=True), horizon=horizon)

    return build


def neither_more_nor_less(rng):
    """2 a_0 + a_1 + a_2 = 2, not closed under dropping bits and no matter of counting."""
    return from_arrays(3, [[2.0, 1.0, 1.0]], [2.0], [2.0], name="equation")


BUILDERS = {
    "cardinality": one_bit(lambda rng: cardinality(3, 1)),
    "exactly": one_bit(lambda rng: cardinality(3, 2, exactly=True)),
    "knapsack": one_bit(lambda rng: knapsack([2.0, 3.0, 4.0], 5.0)),
    "capacity": one_bit(lambda rng: capacity(rng.integers(2, 5, 3), rng.integers(2, 6, 2))),
    "partition": one_bit(lambda rng: partition([0, 0, 1], [1, 1])),
    "equation": one_bit(neither_more_nor_less),
    "sigmoid": sigmoid(2),
}
