"""Networks of state and action: dense, with encoders shared by all arms, and concave in the action."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from games.bandits.factors import incidence
from games.bandits.problem import CoupledBandit
from marl.learning.dense import Activation, Torso, initial_network
from solvers.sequoia.learning.features import StateFeatures
from solvers.sequoia.learning.model import BodyBatch, HiddenBatch, parameter_of


class StateInput(nn.Module):
    """Features of a bandit's states as a tensor.

    Args:
        bandit: whose states.
        features: which.
    """

    def __init__(self, bandit: CoupledBandit, features: StateFeatures) -> None:
        super().__init__()
        self._bandit = bandit
        self._features = features

    def __deepcopy__(self, memo: dict[int, object]) -> "StateInput":
        """Itself: it never changes."""
        return self

    def forward(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> Tensor:
        """Shape (m, F)."""
        return torch.from_numpy(self._features(self._bandit, states, steps))


class DenseBody(nn.Module):
    """ReLU layers on action bits and state features, as in the released code but for the step.

    Args:
        bandit: the problem.
        hidden: widths.
        features: of the state.
        last_gain: scale of the output's weights; 0 makes the output 0.
        rng: initial weights, orthogonal.
    """

    def __init__(
        self,
        bandit: CoupledBandit,
        hidden: tuple[int, ...],
        features: StateFeatures,
        *,
        last_gain: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        self._input = StateInput(bandit, features)
        start = initial_network(
            bandit.bits + features.count(bandit),
            Torso(hidden, Activation.RELU),
            1,
            last_gain=last_gain,
            rng=rng,
        )
        weights = [weight.T.astype(np.float64) for weight in start.weights]
        self.action_weight = parameter_of(weights[0][:, : bandit.bits])
        self.state_weight = parameter_of(weights[0][:, bandit.bits :])
        self.first_bias = parameter_of(np.zeros(hidden[0]))
        self.weights = nn.ParameterList([parameter_of(weight) for weight in weights[1:-1]])
        self.biases = nn.ParameterList([parameter_of(np.zeros(width)) for width in hidden[1:]])
        self.output = parameter_of(weights[-1][0])
        self.constant = parameter_of(np.zeros(1))

    def forward(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> BodyBatch:
        """See `Body`."""
        first = torch.addmm(self.first_bias, self._input(states, steps), self.state_weight.T)
        hidden = HiddenBatch(
            self.action_weight[None], first, tuple(self.weights), tuple(self.biases), self.output
        )
        return BodyBatch(self.constant.expand(len(states)), None, hidden)


class ConcaveBody(nn.Module):
    """l(s) . a - sum_k w_k max(0, W a + b(s))_k with w >= 0, concave in the action.

    Its relaxation needs no binaries for the neurons, but bits cannot complement each other in it.

    Args:
        bandit: the problem.
        hidden: number of neurons.
        features: of the state.
        rng: initial weights.
    """

    def __init__(
        self, bandit: CoupledBandit, hidden: int, features: StateFeatures, *, rng: np.random.Generator
    ) -> None:
        super().__init__()
        self._input = StateInput(bandit, features)
        count = features.count(bandit)
        scale = 1.0 / np.sqrt(count + bandit.bits)
        self.action_weight = parameter_of(rng.normal(0.0, scale, (hidden, bandit.bits)))
        self.state_weight = parameter_of(rng.normal(0.0, scale, (hidden, count)))
        self.first_bias = parameter_of(np.zeros(hidden))
        self.free_output = parameter_of(np.full(hidden, -3.0))
        self.linear = parameter_of(np.zeros((bandit.bits, count)))
        self.value = parameter_of(np.zeros(count))

    def forward(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> BodyBatch:
        """See `Body`."""
        features = self._input(states, steps)
        first = torch.addmm(self.first_bias, features, self.state_weight.T)
        output = -nn.functional.softplus(self.free_output)
        hidden = HiddenBatch(self.action_weight[None], first, (), (), output)
        return BodyBatch(features @ self.value, features @ self.linear.T, hidden)


class SharedBody(nn.Module):
    """One encoder for all arms: its weights fit bandits with any number of arms and bits.

    An arm is read by its state, the rewards of its states, its chances under no and full action, and the
    steps left. Encodings of the arms that a bit reaches, averaged, give the bit's column of the first layer
    and its linear coefficient; encodings of all arms, averaged, give the biases.

    Args:
        bandit: the problem.
        width: of an encoding.
        hidden: neurons of the layer that couples the bits.
        last_gain: scale of the output's weights; 0 makes the output 0.
        rng: initial weights.
    """

    def __init__(
        self,
        bandit: CoupledBandit,
        width: int,
        hidden: int,
        *,
        last_gain: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__()
        self._arms = ArmInput(bandit)
        inputs = self._arms.count
        self.encoder = parameter_of(rng.normal(0.0, np.sqrt(2.0 / inputs), (width, inputs)))
        self.encoder_bias = parameter_of(np.zeros(width))
        self.column = parameter_of(rng.normal(0.0, 1.0 / np.sqrt(width), (hidden, width)))
        self.context = parameter_of(rng.normal(0.0, 1.0 / np.sqrt(width), (hidden, width)))
        self.first_bias = parameter_of(np.zeros(hidden))
        self.output = parameter_of(last_gain * rng.normal(0.0, 1.0 / np.sqrt(hidden), hidden))
        self.linear = parameter_of(last_gain * rng.normal(0.0, 1.0 / np.sqrt(width), width))
        self.value = parameter_of(np.zeros(width))

    def forward(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> BodyBatch:
        """See `Body`."""
        arms = torch.relu(self._arms(states, steps) @ self.encoder.T + self.encoder_bias)
        bits = self._arms.reach @ arms
        mean = arms.mean(dim=1)
        first = torch.addmm(self.first_bias, mean, self.context.T)
        columns = (bits @ self.column.T).transpose(1, 2)
        hidden = HiddenBatch(columns, first, (), (), self.output)
        return BodyBatch(arms.sum(dim=1) @ self.value, bits @ self.linear, hidden)


class ArmInput(nn.Module):
    """What the shared encoder reads of each arm.

    Attributes:
        count: numbers an arm.
        reach: share of each arm in the mean over the arms that a bit reaches, of shape (N, J).
    """

    def __init__(self, bandit: CoupledBandit) -> None:
        super().__init__()
        arms = bandit.arms
        scale = max(float(np.abs(arms.rewards).max()), float(np.finfo(np.float64).tiny))
        ladders = np.concatenate(
            [arms.rewards[:, None] + np.zeros((1, arms.states, 1)), arms.rewards[:, :, None]], axis=2
        )
        base, gain = arms.mean_rewards()
        own = np.stack([base, gain], axis=2)
        # By arm and state: an indicator of the state, all rewards, that of the state, and those after a step.
        indicators = np.broadcast_to(np.eye(arms.states), (arms.count, arms.states, arms.states))
        self._tables = np.concatenate([indicators, ladders / scale, own / scale], axis=2)
        self._horizon = bandit.horizon
        self.count = self._tables.shape[2] + 1
        reach = incidence(bandit.effect).T.astype(np.float64)
        self.reach = torch.from_numpy(reach / np.maximum(reach.sum(axis=1, keepdims=True), 1.0))

    def __deepcopy__(self, memo: dict[int, object]) -> "ArmInput":
        """Itself: it never changes."""
        return self

    def forward(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> Tensor:
        """Shape (m, J, count)."""
        own = self._tables[np.arange(states.shape[1]), states]
        left = np.broadcast_to(((self._horizon - steps) / self._horizon)[:, None, None], (*states.shape, 1))
        return torch.from_numpy(np.concatenate([own, left], axis=2))
