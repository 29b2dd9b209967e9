"""Random networks and sets for the tests of this folder."""

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from scipy import sparse

from games.bandits.action_set import ActionSet, cardinality
from solvers.sequoia import ActionNetwork, LinearEncoder, q_network


def random_network(rng, bits, hidden, slope=0.0):
    sizes = [bits, *hidden, 1]
    weights = tuple(rng.normal(size=(b, a)) * np.sqrt(2 / a) for a, b in pairwise(sizes))
    biases = tuple(0.3 * rng.normal(size=b) for b in sizes[1:])
    return ActionNetwork(weights, biases, (slope,) * len(hidden))


def random_q(rng, bits, hidden, features=3, slope=0.0):
    net = random_network(rng, bits, hidden, slope)
    first = net.biases[0].size
    encoder = LinearEncoder(rng.normal(size=(first, features)) / features)
    return q_network(encoder, net.weights, net.biases, net.slopes)


def row_set(rng, bits, rows):
    """Random knapsack rows with an auxiliary slack each, which contain no or some actions."""
    matrix = rng.integers(-3, 6, (rows, bits)).astype(float)
    limit = matrix.sum(axis=1) * rng.uniform(0.2, 0.7, rows)

    def membership(actions):
        return (actions @ matrix.T <= limit).all(axis=1)

    # matrix a + slack = limit, slack >= 0
    reach = np.abs(matrix).sum(axis=1) + np.abs(limit) + 1.0
    return ActionSet(
        size=bits,
        rows=sparse.csr_array(np.concatenate((matrix, np.eye(rows)), axis=1)),
        row_lower=limit,
        row_upper=limit,
        lower=np.zeros(bits + rows),
        upper=np.concatenate((np.ones(bits), reach)),
        integral=np.concatenate((np.ones(bits, dtype=bool), np.zeros(rows, dtype=bool))),
        membership=membership,
        most=bits,
        downward=False,
        name="random rows",
    )


@st.composite
def problems(draw, most_bits=10):
    """A network, and a set that may be empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    bits = draw(st.integers(1, most_bits))
    hidden = draw(st.lists(st.integers(1, 9), min_size=0, max_size=3))
    network = random_network(rng, bits, hidden, draw(st.sampled_from([0.0, 0.1, 0.5])))
    kind = draw(st.sampled_from(["at most", "exactly", "rows"]))
    if kind == "rows":
        return network, row_set(rng, bits, draw(st.integers(1, 3)))
    return network, cardinality(bits, draw(st.integers(0, bits)), exactly=kind == "exactly")


def constant_encoder(network):
    """The Q-network that is ``network`` in every state of one feature."""
    zero = LinearEncoder(np.zeros((network.biases[0].size, 1)))
    return q_network(zero, network.weights, network.biases, network.slopes)
