"""Compiling modules of torch, and Q-networks from arrays."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from solvers.sequoia import (
    ActionFirst,
    FunctionEncoder,
    LinearEncoder,
    Predicts,
    StateFirst,
    compile_encoded,
    compile_module,
    q_network,
)

CHAINS = {
    "plain": lambda: nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 1)),
    "leaky": lambda: nn.Sequential(
        nn.Linear(7, 5), nn.LeakyReLU(0.2), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 1)
    ),
    "nested": lambda: nn.Sequential(
        nn.Flatten(),
        nn.Sequential(OrderedDict(a=nn.Linear(7, 5, bias=False), b=nn.Identity(), c=nn.Linear(5, 4))),
        nn.Sequential(nn.ReLU(), nn.LeakyReLU(0.5)),
        nn.Dropout(0.5).eval(),
        nn.Sequential(
            nn.LeakyReLU(1.0), nn.Linear(4, 3), nn.LeakyReLU(0.3), nn.LeakyReLU(0.3), nn.Linear(3, 1)
        ),
    ),
    "linear": lambda: nn.Sequential(nn.Linear(7, 3), nn.Linear(3, 1)),
    "alone": lambda: nn.Linear(7, 1),
    "bent at the end": lambda: nn.Sequential(nn.Linear(7, 4), nn.ReLU(), nn.Linear(4, 1), nn.LeakyReLU(0.1)),
}


def _same_layer_twice():
    relu = nn.ReLU()
    square = nn.Linear(4, 4)
    return nn.Sequential(nn.Linear(7, 4), relu, square, relu, square, relu, nn.Linear(4, 1))


@pytest.mark.parametrize("build", [*CHAINS.values(), _same_layer_twice], ids=[*CHAINS, "shared"])
@pytest.mark.parametrize(("order", "predicts"), [(ActionFirst, Predicts.VALUE), (StateFirst, Predicts.COST)])
def test_compiled_equals_torch(build, order, predicts):
    torch.manual_seed(0)
    module = build()
    network = compile_module(module, order(4), predicts)
    rng = np.random.default_rng(0)
    states = rng.normal(size=(6, 3))
    actions = rng.integers(0, 2, (5, 4)).astype(float)
    for state, compiled in zip(states, network.batch(states), strict=True):
        rows = [actions, np.tile(state, (5, 1))]
        inputs = np.concatenate(rows if order is ActionFirst else rows[::-1], axis=1)
        with torch.no_grad():
            wanted = predicts.value * module.double()(torch.from_numpy(inputs))[:, 0].numpy()
        np.testing.assert_allclose(compiled.values(actions), wanted, atol=1e-12)
        np.testing.assert_array_equal(network.at(state).values(actions), compiled.values(actions))


@pytest.mark.parametrize("predicts", list(Predicts))
@pytest.mark.parametrize("hidden", [True, False])
def test_any_module_may_read_the_state(predicts, hidden):
    torch.manual_seed(1)
    width = 6 if hidden else 1
    encoder = nn.Sequential(nn.Embedding(4, 3), nn.Flatten(), nn.Tanh(), nn.Linear(15, width))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = encoder

        def forward(self, states):
            return self.inner(states.long())

    path = nn.Sequential(nn.Linear(4, width), *([nn.ReLU(), nn.Linear(width, 1)] if hidden else []))
    network = compile_encoded(Encoder(), path, predicts)
    states = np.random.default_rng(1).integers(0, 4, (3, 5))
    actions = np.eye(4)
    with torch.no_grad():
        for state, compiled in zip(states, network.batch(states), strict=True):
            added = encoder.double()(torch.from_numpy(state[None]))
            first = path[0].double()(torch.from_numpy(actions)) + added
            wanted = path[1:].double()(first)[:, 0].numpy()
            np.testing.assert_allclose(compiled.values(actions), predicts.value * wanted, atol=1e-12)


def test_a_compiled_network_is_a_snapshot_with_its_version():
    torch.manual_seed(2)
    module = CHAINS["plain"]()
    before = compile_module(module, ActionFirst(4))
    again = compile_module(module, ActionFirst(4))
    value = before.at(np.ones(3)).values(np.ones((1, 4)))
    with torch.no_grad():
        module[0].weight += 1.0
    after = compile_module(module, ActionFirst(4))
    np.testing.assert_array_equal(before.at(np.ones(3)).values(np.ones((1, 4))), value)
    assert after.at(np.ones(3)).values(np.ones((1, 4))) != value
    assert before.version == again.version != after.version
    with torch.no_grad():
        module[0].weight[:, -1] += 1.0  # a column of the state alone
    assert compile_module(module, ActionFirst(4)).version != after.version
    encoder = nn.Linear(3, 5)
    path = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1))
    assert compile_encoded(encoder, path).version != compile_encoded(encoder, path).version


class _Squared(nn.Linear):
    def forward(self, inputs):
        return super().forward(inputs) ** 2


def _hooked():
    module = CHAINS["plain"]()
    module[0].register_forward_hook(lambda *_: None)
    return module


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (nn.Sequential(nn.Linear(7, 5), nn.Sequential(nn.Tanh()), nn.Linear(5, 1)), r"1\.0 \(Tanh"),
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 1)), r"2 \(BatchNorm1d"),
        (nn.Sequential(nn.Linear(7, 5), nn.Dropout(0.5), nn.Linear(5, 1)), r"1 \(Dropout"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(7, 1)), r"0 \(Flatten"),
        (nn.Sequential(_Squared(7, 5), nn.Linear(5, 1)), r"0 \(_Squared"),
        (nn.MaxPool1d(2), "MaxPool1d"),
        (_hooked(), "0 .Linear. has forward hooks"),
    ],
    ids=["tanh", "batch norm", "active dropout", "flatten", "subclass", "pool", "hooks"],
)
def test_other_modules_are_refused_by_name(module, named):
    with pytest.raises(TypeError, match=named):
        compile_module(module, ActionFirst(4))


@pytest.mark.parametrize(
    ("module", "order", "message"),
    [
        (nn.Sequential(nn.ReLU(), nn.Linear(7, 1)), ActionFirst(4), "first layer must be linear, got 0"),
        (nn.Sequential(nn.Linear(7, 2)), ActionFirst(4), "one output, got 2"),
        (
            nn.Sequential(nn.Linear(7, 2), nn.LeakyReLU(-0.5), nn.Linear(2, 1)),
            ActionFirst(4),
            r"slope in \[0, 1\]",
        ),
        (nn.Linear(7, 1), ActionFirst(8), "actions must be in 1..7"),
        (nn.Linear(7, 1), StateFirst(0), "actions must be in 1..7"),
        (nn.Identity(), ActionFirst(1), "must hold a linear layer"),
        (nn.Linear(7, 1).requires_grad_(False), None, None),
    ],
)
def test_bad_chains(module, order, message):
    if order is None:
        with torch.no_grad():
            module.weight[0, 0] = float("nan")
        order, message = ActionFirst(4), "must be finite"
    with pytest.raises(ValueError, match=message):
        compile_module(module, order)


def test_bad_arrays_and_states():
    encoder = LinearEncoder(np.zeros((2, 3)))
    weights, biases = (np.ones((2, 4)), np.ones((1, 2))), (np.zeros(2), np.zeros(1))
    network = q_network(encoder, weights, biases, (0.0,))
    with pytest.raises(ValueError, match="one slope for each weight but the last"):
        q_network(encoder, weights, biases, ())
    with pytest.raises(ValueError, match=r"weights\[1\] and biases\[1\] must have shapes \(h, 2\)"):
        q_network(encoder, (weights[0], np.ones((1, 3))), biases, (0.0,))
    with pytest.raises(ValueError, match=r"slopes must lie in \[0, 1\), got 1"):
        q_network(encoder, weights, biases, (1.0,))
    with pytest.raises(ValueError, match="states must have 3 features"):
        network.at(np.zeros(2))
    with pytest.raises(ValueError, match="finite"):
        network.at(np.array([0.0, np.nan, 0.0]))
    wrong = q_network(
        FunctionEncoder(lambda states: np.zeros((len(states), 5)), "1"), weights, biases, (0.0,)
    )
    with pytest.raises(ValueError, match=r"shape \(1, 2\), got \(1, 5\)"):
        wrong.at(np.zeros(3))
