import pickle

import numpy as np
import pytest
import torch

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.normal_form import NormalFormGame
from games.storage.npz import checked_arrays
from marl.learning.dense import Activation, DenseNetwork, Torso, initial_network
from marl.learning.networks import Adam, Trainable, masked_log_softmax, one_thread
from marl.learning.neural_policy import ActionRule, NeuralPolicy, greedy

TORSOS = [
    Torso(),
    Torso(()),
    Torso((5,), Activation.RELU),
    Torso((7, 3), Activation.TANH, layer_norm=True),
    Torso((4, 4, 4), Activation.RELU, layer_norm=True),
]


def some_network(torso=TORSOS[3], inputs=6, outputs=4, seed=0):
    network = initial_network(inputs, torso, outputs, last_gain=1.0, rng=np.random.default_rng(seed))
    for array in network.parameters():  # so that biases, gains and shifts count too
        array += np.random.default_rng(seed + 1).normal(0.0, 0.3, array.shape).astype(np.float32)
    return network


@pytest.mark.parametrize("torso", TORSOS, ids=str)
def test_numpy_and_torch_give_the_same_outputs(torso):
    network = some_network(torso)
    rows = np.random.default_rng(2).normal(size=(11, 6)).astype(np.float32)
    with torch.no_grad():
        outputs = Trainable(network)(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(network.forward(rows), outputs, atol=2e-6)
    np.testing.assert_allclose(network.forward(rows[3:4])[0], outputs[3], atol=2e-6)


def test_a_network_by_hand():
    relu = DenseNetwork(
        (np.array([[1.0, -1.0]], np.float32), np.array([[2.0], [5.0]], np.float32)),
        (np.array([0.5, 0.5], np.float32), np.array([1.0], np.float32)),
        activation=Activation.RELU,
    )
    rows = np.array([[1.0], [-2.0]], np.float32)
    assert relu.forward(rows).tolist() == [[4.0], [13.5]]  # 2 * 1.5 + 1 and 5 * 2.5 + 1
    assert rows.tolist() == [[1.0], [-2.0]]


def test_initial_weights_are_orthogonal_and_scaled():
    network = initial_network(20, Torso((8, 8)), 3, last_gain=0.01, rng=np.random.default_rng(0))
    np.testing.assert_allclose(network.weights[0].T @ network.weights[0], 2 * np.eye(8), atol=1e-5)
    np.testing.assert_allclose(network.weights[2].T @ network.weights[2], 1e-4 * np.eye(3), atol=1e-9)
    assert all(not b.any() for b in network.biases)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_adam_follows_that_of_torch(scale):
    """Both without cutting and with; the arrays that numpy plays move along."""
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32))
    for limit in (1e9, 0.1 * scale):
        ours, theirs = Trainable(some_network()), Trainable(some_network())
        optimiser = Adam(ours, limit)
        peer = torch.optim.Adam(theirs.parameters, lr=1e-2, eps=1e-7)
        for _ in range(20):
            optimiser.step(scale * ours(rows).square().mean(), 1e-2)
            peer.zero_grad()
            (scale * theirs(rows).square().mean()).backward()
            torch.nn.utils.clip_grad_norm_(theirs.parameters, limit)
            peer.step()
        for a, b in zip(ours.network.parameters(), theirs.parameters, strict=True):
            np.testing.assert_allclose(a, b.detach().numpy(), atol=2e-4)
        left, had = (part(rows).detach().square().mean().item() for part in (ours, Trainable(some_network())))
        assert left < 0.5 * had


@pytest.mark.parametrize("rule", list(ActionRule))
def test_illegal_actions_get_nothing(rule):
    rng = np.random.default_rng(3)
    policy = NeuralPolicy(some_network(), rule)
    observations = rng.normal(size=(200, 2, 3)).astype(np.float32) * 100.0  # far out, where softmax is sharp
    masks = rng.random((200, 4)) < 0.4
    masks[np.arange(200), rng.integers(4, size=200)] = True
    chances = policy.distributions(observations, masks)
    assert not chances[~masks].any()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-12)
    assert (chances >= 0).all()
    logs = masked_log_softmax(
        torch.from_numpy(policy.network.forward(observations.reshape(200, 6))), torch.from_numpy(masks)
    ).numpy()
    if rule is ActionRule.SOFTMAX:
        np.testing.assert_allclose(np.exp(logs), chances, atol=1e-5)
    else:
        assert (chances.max(axis=1) == 1.0).all()
        np.testing.assert_array_equal(chances.argmax(axis=1), logs.argmax(axis=1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_action_is_the_greatest_of_scores_that_are_not_finite(bad):
    """With -inf for every legal action the first one, illegal here, would be taken."""
    with pytest.raises(ValueError, match="scores of actions must be finite"):
        greedy(np.full((1, 3), bad, dtype=np.float32), np.array([[False, True, True]]))


def test_gradients_of_masked_entropy_are_finite():
    scores = torch.zeros((1, 3), requires_grad=True)
    logs = masked_log_softmax(scores, torch.tensor([[True, False, False]]))
    (logs.exp() * logs).sum().backward()
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("torso", TORSOS, ids=str)
@pytest.mark.parametrize("critic", [False, True])
def test_stored_policies_play_the_same_to_the_last_bit(torso, critic):
    value = some_network(torso, outputs=1, seed=5) if critic else None
    policy = NeuralPolicy(some_network(torso), ActionRule.SOFTMAX, value)
    stored = checked_arrays(policy.arrays())  # types that files hold
    rows = np.random.default_rng(2).normal(size=(9, 6)).astype(np.float32)
    masks = np.ones((9, 4), dtype=bool)
    for again in (NeuralPolicy.restore(stored), pickle.loads(pickle.dumps(policy))):
        np.testing.assert_array_equal(again.distributions(rows, masks), policy.distributions(rows, masks))
        assert (again.critic is None) == (value is None)
        if value is not None:
            np.testing.assert_array_equal(again.critic.forward(rows), value.forward(rows))


def test_one_state_at_a_time():
    game = open_spiel_game("tic_tac_toe")
    policy = NeuralPolicy(some_network(inputs=27, outputs=9), ActionRule.SOFTMAX)
    state = game.step(game.initial(np.random.default_rng(0)), {0: 4}, np.random.default_rng(0))
    chances = policy.probabilities(game, state, 1)
    assert chances.shape == (9,)
    assert chances[4] == 0.0
    assert (chances[np.arange(9) != 4] > 0).all()


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def _lacking(name):
    arrays = NeuralPolicy(some_network(), ActionRule.GREEDY).arrays()
    del arrays[name]
    return lambda: NeuralPolicy.restore(arrays)


def _holding(name, array):
    arrays = NeuralPolicy(some_network(), ActionRule.GREEDY).arrays()
    return lambda: NeuralPolicy.restore({**arrays, name: array})


W, B = np.zeros((2, 3), np.float32), np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Torso((4, 0)), "hidden"),
        (lambda: DenseNetwork((), ()), "need as many"),
        (lambda: DenseNetwork((W,), (B, B)), "need as many"),
        (lambda: DenseNetwork((W,), (B,), (B,), (B,)), "hidden layers"),
        (lambda: DenseNetwork((W, W), (B, B)), "layer 1"),
        (lambda: DenseNetwork((W,), (B[:2],)), "layer 0"),
        (lambda: DenseNetwork((W[0],), (B,)), "layer 0"),
        (lambda: DenseNetwork((W[0, 0],), (B,)), "layer 0"),
        (lambda: DenseNetwork((W,), (B * np.nan,)), "finite float32"),
        (lambda: DenseNetwork((W + np.float32(np.inf),), (B,)), "finite float32"),
        (_holding("network_biases_1", np.full(4, -1e300)), "finite float32"),
        (_holding("network_weights_0", np.array(0.0)), "layer 0"),
        (_holding("network_form", np.array(2)), "form of a network must hold 3 integers"),
        (_holding("rule", np.array([np.inf])), "rule of a network must hold 1 integers"),
        (_lacking("rule"), "lack rule"),
        (_lacking("network_form"), "lack form"),
        (_lacking("network_weights_1"), "lack weights_1"),
        (_lacking("network_shifts_0"), "lack shifts_0"),
    ],
)
def test_networks_that_are_none(make, word):
    with pytest.raises(ValueError, match=word):
        make()


def test_a_policy_of_another_game_says_so():
    game = NormalFormEnv(NormalFormGame.bimatrix(np.eye(2), np.eye(2)))
    with pytest.raises(ValueError, match="the network takes 6 numbers to 4 actions"):
        NeuralPolicy(some_network(), ActionRule.GREEDY).probabilities(game, (), 0)
