"""Networks that are no networks, and modules and arrays that change under way."""

import numpy as np
import pytest
import torch
from torch import nn

from games.bandits import cardinality, knapsack
from solvers.sequoia import (
    ActionFirst,
    ActionNetwork,
    ArgmaxOracle,
    ArgmaxResult,
    ArgmaxStatus,
    LinearEncoder,
    Stage,
    compile_encoded,
    compile_module,
    q_network,
)

SETS = [cardinality(6, 2), knapsack([1, 2, 3, 4, 5, 6], [7]), knapsack(np.arange(1, 31), [60])]


class OneNetwork:
    """The same network in every state, without any check."""

    def __init__(self, network):
        self.network, self.size, self.version = network, network.size, "one"

    def at(self, state):
        return self.network

    def batch(self, states):
        return tuple(self.network for _ in states)


@pytest.mark.parametrize("feasible", SETS, ids=lambda one: one.name)
@pytest.mark.parametrize("entry", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("layer", [0, 1])
def test_numbers_that_are_none_are_refused_and_never_proven(feasible, entry, layer):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(5, feasible.size)), rng.normal(size=(1, 5))]
    weights[layer][0, 1] = entry
    weights[1 - layer][0, :2] *= 1e200 if np.isfinite(entry) else 1.0  # overflows together
    network = ActionNetwork(tuple(weights), (np.zeros(5), np.zeros(1)), (0.0,))
    with pytest.raises(ValueError, match=r"network must have finite weights and biases"):
        ArgmaxOracle(OneNetwork(network), feasible).solve(np.zeros(1))


def test_a_gap_of_what_is_no_number_is_not_zero():
    answer = ArgmaxResult(np.zeros(1, dtype=bool), np.nan, 1.0, ArgmaxStatus.LIMIT, Stage.ROOT, 0.0)
    assert np.isnan(answer.gap)


def test_remembered_answers_outlive_no_change_of_the_encoder():
    weight = np.ones((4, 2))
    network = q_network(
        LinearEncoder(weight), (np.eye(4, 3), np.ones((1, 4))), (np.zeros(4), np.zeros(1)), (0.0,)
    )
    before = network.at([1.0, 2.0]).values(np.ones((1, 3)))
    weight[:] = -5.0
    np.testing.assert_array_equal(network.at([1.0, 2.0]).values(np.ones((1, 3))), before)


@pytest.mark.parametrize("weight", [np.ones(3), np.array([[np.nan]])])
def test_encoders_name_their_weight(weight):
    with pytest.raises(ValueError, match="weight must be finite"):
        LinearEncoder(weight)


def test_a_network_without_action_bits_is_refused():
    with pytest.raises(ValueError, match="a column for each action bit"):
        q_network(LinearEncoder(np.zeros((1, 1))), (np.ones((1, 0)),), (np.zeros(1),), ())


def test_a_forward_put_on_one_module_is_not_overlooked():
    module = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
    inner = module[0]
    plain = inner.forward
    inner.forward = lambda x: 3.0 * plain(x)
    with pytest.raises(TypeError, match=r"0 \(Linear\) has a forward of its own"):
        compile_module(module, ActionFirst(3))


def test_widths_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"1 \(Linear.*follows a layer of 4 outputs"):
        compile_module(nn.Sequential(nn.Linear(5, 4), nn.Linear(3, 1)), ActionFirst(3))


class Doubles(nn.Module):
    """Writes into its input."""

    def forward(self, x):
        x *= 2.0
        return x @ torch.ones(2, 4, dtype=x.dtype)


def test_an_encoder_reads_any_array_and_changes_none():
    torch.manual_seed(0)
    path = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    network = compile_encoded(nn.Linear(2, 4), path)
    state = np.array([1.0, 2.0])
    frozen = state.copy()
    frozen.flags.writeable = False
    for given in (frozen, state[::-1][::-1], np.stack([state, state], axis=1)[:, 0]):
        np.testing.assert_array_equal(network.at(given).biases[0], network.at(state).biases[0])
    states = np.ones((1, 2))
    compile_encoded(Doubles(), path).batch(states)
    np.testing.assert_array_equal(states, 1.0)
