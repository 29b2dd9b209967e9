r"""Deep Q-learning [1]_ with double estimation [2]_, masks, and returns over several steps.

.. math::
    Q(o, a) \approx r_1 + \dots + r_n + \bar Q(o_n, \operatorname*{argmax}_{a'} Q(o_n, a')),

over the legal actions a', without discount, with :math:`\bar Q` an older copy of Q. Returns over more than
one step are not corrected for the exploration within them, so they lean towards what exploring earns.

Payoffs are measured in units of their own: mean and deviation of the returns of the first plays, which are
uniformly random. The mean is paid at the end of each play, which changes every choice alike.

.. [1] Mnih et al. (2015), Human-level control through deep reinforcement learning, Nature 518.
.. [2] van Hasselt, Guez, Silver (2016), Deep reinforcement learning with double Q-learning, AAAI.
.. [3] Wang et al. (2016), Dueling network architectures for deep reinforcement learning, ICML.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from marl.learning.budgets import Budget, Plateau, StepBudget
from marl.learning.dense import Activation, DenseNetwork, Torso, initial_network
from marl.learning.lanes import LearnerLanes
from marl.learning.learners import Learned, Tally, check_counts, warm_network
from marl.learning.networks import Adam, Trainable, one_thread
from marl.learning.neural_policy import ActionRule, NeuralPolicy, greedy
from marl.learning.replay import LaneRing, Sample
from marl.oracles.schedules import LinearDecay
from marl.policies import UniformPolicy

_EXPLORER = UniformPolicy()
_WARM_SHARE = 0.1  # of the budget; the longest warm-up


@dataclass(frozen=True, slots=True)
class DQN:
    """Settings; see the module.

    Attributes:
        budget: how much to play.
        torso: hidden layers.
        dueling: learn Q as value plus advantages less their mean [3]_. Both are linear in the last hidden
            layer, so the policy that comes out is an ordinary network.
        num_lanes: plays side by side.
        capacity: decisions remembered.
        warm_up: decisions before the first update, uniformly random; a tenth of the budget where that is
            less. They go on to the end of the first play.
        batch: decisions per update.
        every: decisions per update made.
        target_every: updates between copies to the target network.
        n_steps: own decisions over which payoffs are summed before the estimate takes over.
        learning_rate: of Adam, by the share of the budget spent.
        epsilon: probability of a uniformly random legal action, likewise.
        max_gradient: gradients longer than this are cut to it.
        early_stop: when to stop before the budget is spent, judged by the returns while epsilon is at its
            end; never where None.
    """

    budget: Budget = field(default_factory=lambda: StepBudget(50_000))
    torso: Torso = field(default_factory=lambda: Torso((64, 64), Activation.RELU))
    dueling: bool = False
    num_lanes: int = 16
    capacity: int = 50_000
    warm_up: int = 1_000
    batch: int = 128
    every: int = 8
    target_every: int = 100
    n_steps: int = 1
    learning_rate: LinearDecay = field(default_factory=lambda: LinearDecay(2e-3, 1e-4, 1.0))
    epsilon: LinearDecay = field(default_factory=lambda: LinearDecay(1.0, 0.1, 0.5))
    max_gradient: float = 10.0
    early_stop: Plateau | None = None

    def __post_init__(self) -> None:
        check_counts(
            num_lanes=self.num_lanes,
            warm_up=self.warm_up,
            batch=self.batch,
            every=self.every,
            target_every=self.target_every,
            n_steps=self.n_steps,
        )
        least = self.num_lanes * (self.n_steps + 1)
        if self.capacity < least:
            raise ValueError(
                f"capacity must hold n_steps + 1 decisions of each lane, {least}, got {self.capacity}"
            )
        if not self.max_gradient > 0:
            raise ValueError(f"max_gradient must be positive, got {self.max_gradient!r}")

    def learn(self, lanes: LearnerLanes, start: NeuralPolicy | None, *, rng: np.random.Generator) -> Learned:
        """See `Learner.learn`; the policy is greedy."""
        with one_thread():
            return self._learn(lanes, start, rng)

    def _learn(self, lanes: LearnerLanes, start: NeuralPolicy | None, rng: np.random.Generator) -> Learned:
        if start is None:
            network = initial_network(
                lanes.num_features, self.torso, lanes.num_actions, last_gain=0.1, rng=rng
            )
        else:
            network = warm_network(start.network, lanes, self.torso, lanes.num_actions)
        values = _Values(self, network)
        rows = self.capacity // lanes.num_lanes
        ring = LaneRing(rows, lanes.num_lanes, lanes.num_features, lanes.num_actions)
        tally = Tally(self.budget, self.early_stop)
        first_returns: list[float] = []
        due = 0
        while tally.running:
            decisions = lanes.decisions()
            chances = _EXPLORER.distributions(decisions.observations, decisions.masks)
            epsilon = self.epsilon(tally.progress) if values.units is not None else 1.0
            if epsilon < 1.0:
                best = greedy(values.estimate(decisions.observations), decisions.masks)
                chances = epsilon * chances + (1.0 - epsilon) * best
            actions = lanes.choose(chances, rng)
            ring.add(decisions, actions)
            endings = lanes.step(decisions.lanes, actions)
            ring.end(endings)
            tally.add(decisions, endings)
            if values.units is None:
                first_returns.extend(endings.returns.tolist())
                warm = tally.steps >= self.warm_up or tally.progress >= _WARM_SHARE
                if warm and first_returns and ring.available(self.n_steps).any():
                    values.units = _units(first_returns)
                continue
            if epsilon == self.epsilon.end:
                tally.watch.add(endings.returns)
            due += decisions.lanes.size
            while due >= self.every:
                due -= self.every
                sample = ring.draw(self.batch, self.n_steps, rng=rng)
                values.update(sample, self.learning_rate(tally.progress))
                tally.updates += 1
        return tally.finish(NeuralPolicy(values.folded(), ActionRule.GREEDY))


def _units(returns: list[float]) -> tuple[float, float]:
    """Mean and deviation of returns; where they do not vary, their size, or 1."""
    mean, deviation = float(np.mean(returns)), float(np.std(returns))
    if deviation <= 1e-9 * abs(mean):  # all the same, up to rounding
        deviation = abs(mean) or 1.0
    return mean, deviation


class _Values:
    """The estimates under learning.

    Attributes:
        units: mean and deviation of returns; None until known.
    """

    def __init__(self, settings: DQN, network: DenseNetwork) -> None:
        self.units: tuple[float, float] | None = None
        self._settings = settings
        self._online = Trainable(_unfold(network) if settings.dueling else network)
        self._target = self._online.network.copy()
        self._optimiser = Adam(self._online, settings.max_gradient)
        self._updates = 0

    def estimate(self, observations: NDArray[np.float32]) -> NDArray[np.float32]:
        """Q of all actions, shape (m, A)."""
        return self._combine(self._online.network.forward(observations))

    def _combine(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        if not self._settings.dueling:
            return outputs
        advantages = outputs[:, 1:]
        combined: NDArray[np.float32] = outputs[:, :1] + advantages - advantages.mean(axis=1, keepdims=True)
        return combined

    def update(self, sample: Sample, rate: float) -> None:
        """One step towards the targets of a sample."""
        assert self.units is not None  # learning starts when they are known
        mean, deviation = self.units
        each = np.arange(len(sample.actions))
        best = np.where(sample.next_masks, self.estimate(sample.next_observations), -math.inf).argmax(axis=1)
        ahead = self._combine(self._target.forward(sample.next_observations))[each, best]
        targets = (sample.gains - np.where(sample.ended, mean, 0.0)) / deviation
        targets += np.where(sample.ended, 0.0, ahead)
        outputs = self._online(torch.from_numpy(sample.observations))
        if self._settings.dueling:
            advantages = outputs[:, 1:]
            outputs = outputs[:, :1] + advantages - advantages.mean(dim=1, keepdim=True)
        chosen = outputs.gather(1, torch.from_numpy(sample.actions)[:, None])[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(chosen, torch.from_numpy(targets.astype(np.float32)))
        self._optimiser.step(loss, rate)
        self._updates += 1
        if self._updates % self._settings.target_every == 0:
            self._target = self._online.network.copy()

    def folded(self) -> DenseNetwork:
        """A network whose outputs are Q."""
        network = self._online.network
        if not self._settings.dueling:
            return network.copy()
        w, b = network.weights[-1], network.biases[-1]
        last = w[:, :1] + w[:, 1:] - w[:, 1:].mean(axis=1, keepdims=True)
        bias = b[:1] + b[1:] - b[1:].mean(keepdims=True)
        return _with_last(network, last, bias)


def _unfold(network: DenseNetwork) -> DenseNetwork:
    """Value and advantages of a network of Q: the value is the mean over actions."""
    w, b = network.weights[-1], network.biases[-1]
    value, base = w.mean(axis=1, keepdims=True), b.mean(keepdims=True)
    return _with_last(network, np.concatenate([value, w - value], axis=1), np.concatenate([base, b - base]))


def _with_last(
    network: DenseNetwork, weights: NDArray[np.float32], biases: NDArray[np.float32]
) -> DenseNetwork:
    new = network.copy()
    return DenseNetwork(
        (*new.weights[:-1], np.ascontiguousarray(weights)),
        (*new.biases[:-1], np.ascontiguousarray(biases)),
        new.gains,
        new.shifts,
        new.activation,
    )
