r"""Proximal policy optimisation [1]_ with masks, for the mean of returns or mean less priced variance.

The policy climbs the clipped surrogate

.. math::
    \mathbb{E} \min\bigl(\rho A, \operatorname{clip}(\rho, 1 - \epsilon, 1 + \epsilon) A\bigr)
    + \beta \, \mathrm{entropy},

with :math:`\rho` the ratio of new to old probabilities of the action taken; illegal actions have probability
zero in both. Advantages are normalised per batch, and the critic learns values in units that follow the mean
and deviation of its targets without changing what it says [2]_, so payoffs may have any unit.

Nothing is discounted: the payoff of a game is its undiscounted return.

.. [1] Schulman et al. (2017), Proximal policy optimization algorithms, arXiv 1707.06347.
.. [2] van Hasselt et al. (2016), Learning values across many orders of magnitude, NeurIPS.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marl.learning.advantages import RewardSums, generalized_advantages
from marl.learning.budgets import Budget, Plateau, StepBudget
from marl.learning.dense import DenseNetwork, Torso, initial_network
from marl.learning.lanes import LearnerLanes
from marl.learning.learners import Learned, Tally, check_counts, warm_network
from marl.learning.mean_variance import ExpectedReturn, Objective, running_mean
from marl.learning.networks import Adam, Trainable, masked_log_softmax, one_thread
from marl.learning.neural_policy import ActionRule, NeuralPolicy, masked_softmax
from marl.learning.replay import LaneRing
from marl.oracles.schedules import LinearDecay


@dataclass(frozen=True, slots=True)
class PPO:
    """Settings; see the module.

    Attributes:
        objective: what is maximised.
        budget: how much to play.
        torso: hidden layers of policy and critic, which share nothing.
        num_lanes: plays side by side.
        batch: decisions per round of updates, over all lanes; a lane gives at most about twice its share.
        epochs: passes over each batch.
        minibatch: decisions per update.
        learning_rate: of Adam, by the share of the budget spent.
        clip: epsilon of the surrogate.
        value_clip: values move at most this far per round, in units of the critic; None for no limit.
        trace: lambda of the advantages, in [0, 1].
        entropy: weight of the entropy, by the share of the budget spent.
        centre_rate: how far the centre of the objective follows each batch, in (0, 1].
        max_gradient: gradients longer than this are cut to it.
        rule: how the answer plays what was learned; learning itself always draws from the softmax.
        early_stop: when to stop before the budget is spent, judged by the summed rewards of plays while
            learning; never where None.
    """

    objective: Objective = field(default_factory=ExpectedReturn)
    budget: Budget = field(default_factory=lambda: StepBudget(100_000))
    torso: Torso = field(default_factory=Torso)
    num_lanes: int = 16
    batch: int = 1_024
    epochs: int = 4
    minibatch: int = 256
    learning_rate: LinearDecay = field(default_factory=lambda: LinearDecay(3e-3, 1e-4, 1.0))
    clip: float = 0.2
    value_clip: float | None = None
    trace: float = 0.95
    entropy: LinearDecay = field(default_factory=lambda: LinearDecay(0.05, 0.0, 0.8))
    centre_rate: float = 0.5
    max_gradient: float = 0.5
    rule: ActionRule = ActionRule.SOFTMAX
    early_stop: Plateau | None = None

    def __post_init__(self) -> None:
        check_counts(num_lanes=self.num_lanes, batch=self.batch, epochs=self.epochs, minibatch=self.minibatch)
        if not 0 < self.clip < 1:
            raise ValueError(f"clip must lie in (0, 1), got {self.clip!r}")
        if self.value_clip is not None and not self.value_clip > 0:
            raise ValueError(f"value_clip must be positive or None, got {self.value_clip!r}")
        if not 0 <= self.trace <= 1:
            raise ValueError(f"trace must lie in [0, 1], got {self.trace!r}")
        if not 0 < self.centre_rate <= 1:
            raise ValueError(f"centre_rate must lie in (0, 1], got {self.centre_rate!r}")
        if not self.max_gradient > 0:
            raise ValueError(f"max_gradient must be positive, got {self.max_gradient!r}")

    def learn(self, lanes: LearnerLanes, start: NeuralPolicy | None, *, rng: np.random.Generator) -> Learned:
        """See `Learner.learn`; from a start without a critic, the critic is fresh."""
        with one_thread():
            return self._learn(lanes, start, rng)

    def _learn(self, lanes: LearnerLanes, start: NeuralPolicy | None, rng: np.random.Generator) -> Learned:
        features, actions = lanes.num_features, lanes.num_actions
        actor = (
            initial_network(features, self.torso, actions, last_gain=0.01, rng=rng)
            if start is None
            else warm_network(start.network, lanes, self.torso, actions)
        )
        # A last layer of zeros: before the first targets are seen, no value is as good as zero in any unit.
        critic = (
            initial_network(features, self.torso, 1, last_gain=0.0, rng=rng)
            if start is None or start.critic is None
            else warm_network(start.critic, lanes, self.torso, 1)
        )
        updater = _Updater(self, actor, critic)
        rows = 2 * -(-self.batch // lanes.num_lanes) + 1
        ring = LaneRing(rows, lanes.num_lanes, features, actions, notes=2)
        sums = RewardSums(lanes.num_lanes)
        tally = Tally(self.budget, self.early_stop)
        centre: float | None = None
        while tally.running:
            returns = self._collect(lanes, ring, updater, tally, rng)
            lengths = ring.closed
            inside = np.arange(rows)[:, None] < lengths
            gains = (ring.after - ring.before)[inside]
            centre = running_mean(centre, self.objective.centred_on(returns, gains), self.centre_rate)
            rewards = self.objective.rewards(
                ring.before, ring.after, ring.ended, 0.0 if centre is None else centre
            )
            tally.watch.add(sums.add(rewards, ring.ended, lengths))
            if inside.any():
                updater.round(ring, rewards, inside, tally.progress, rng)
                tally.updates += 1
            ring.restart()
        return tally.finish(NeuralPolicy(actor.copy(), self.rule, updater.critic()))

    def _collect(
        self,
        lanes: LearnerLanes,
        ring: LaneRing,
        updater: "_Updater",
        tally: Tally,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Play until the batch or the budget is full; returns of the plays that ended."""
        returns: list[float] = []
        spare = len(ring.actions) - 1  # a row is kept for the value that follows the last decision
        while tally.running and ring.closed.sum() < self.batch and ring.begun.max() <= spare:
            decisions = lanes.decisions()
            chances = masked_softmax(updater.actor.network.forward(decisions.observations), decisions.masks)
            actions = lanes.choose(chances, rng)
            notes = np.stack(
                [
                    np.log(chances[np.arange(len(actions)), actions]),
                    updater.values(decisions.observations),
                ],
                axis=1,
            )
            ring.add(decisions, actions, notes)
            endings = lanes.step(decisions.lanes, actions)
            ring.end(endings)
            tally.add(decisions, endings)
            returns.extend(endings.returns.tolist())
        return np.array(returns)


class _Updater:
    """Policy and critic under learning.

    The critic's network gives (value - mean) / deviation.
    """

    def __init__(self, settings: PPO, actor: DenseNetwork, critic: DenseNetwork) -> None:
        self.actor = Trainable(actor)
        self._settings = settings
        self._critic = Trainable(critic)
        self._mean, self._deviation = 0.0, 1.0
        self._started = False
        self._optimisers = [Adam(part, settings.max_gradient) for part in (self.actor, self._critic)]

    def values(self, observations: NDArray[np.float32]) -> NDArray[np.float64]:
        """In units of the rewards, shape (m,)."""
        return self._mean + self._deviation * self._critic.network.forward(observations)[:, 0].astype(float)

    def critic(self) -> DenseNetwork:
        """The critic in units of the rewards."""
        network = self._critic.network.copy()
        network.weights[-1][...] *= self._deviation
        network.biases[-1][...] = network.biases[-1] * self._deviation + self._mean
        return network

    def round(
        self,
        ring: LaneRing,
        rewards: NDArray[np.float64],
        inside: NDArray[np.bool_],
        progress: float,
        rng: np.random.Generator,
    ) -> None:
        """All updates from one batch; ``inside`` marks its closed decisions, shape (rows, lanes)."""
        settings = self._settings
        size = int(inside.sum())
        old_values = ring.notes[..., 1]
        padded = np.concatenate([old_values, np.zeros((1, old_values.shape[1]))])
        advantages = generalized_advantages(rewards, padded, ring.ended, ring.closed, settings.trace)[inside]
        targets = advantages + old_values[inside]
        self._follow(targets)
        deviation = float(advantages.std())
        advantages = (advantages - advantages.mean()) / (deviation if deviation > 0 else 1.0)
        columns = (
            ring.observations[inside],
            ring.masks[inside],
            ring.actions[inside],
            ring.notes[..., 0][inside].astype(np.float32),
            advantages.astype(np.float32),
            ((targets - self._mean) / self._deviation).astype(np.float32),
            ((old_values[inside] - self._mean) / self._deviation).astype(np.float32),
        )
        tensors = [torch.from_numpy(column) for column in columns]
        rate, entropy = settings.learning_rate(progress), settings.entropy(progress)
        for _ in range(settings.epochs):
            order = rng.permutation(size)
            for start in range(0, size, settings.minibatch):
                part = torch.from_numpy(order[start : start + settings.minibatch])
                self._update([tensor[part] for tensor in tensors], rate, entropy)

    def _update(self, columns: list[Tensor], rate: float, entropy_weight: float) -> None:
        settings = self._settings
        observations, masks, actions, old_logs, advantages, targets, old_values = columns
        logs = masked_log_softmax(self.actor(observations), masks)
        ratios = (logs.gather(1, actions[:, None])[:, 0] - old_logs).exp()
        clipped = ratios.clamp(1.0 - settings.clip, 1.0 + settings.clip)
        gain = torch.minimum(ratios * advantages, clipped * advantages).mean()
        entropy = -(logs.exp() * logs).sum(dim=1).mean()
        values = self._critic(observations)[:, 0]
        errors = (values - targets).square()
        if settings.value_clip is not None:
            held = old_values + (values - old_values).clamp(-settings.value_clip, settings.value_clip)
            errors = torch.maximum(errors, (held - targets).square())
        losses = (-gain - entropy_weight * entropy, 0.5 * errors.mean())
        for optimiser, loss in zip(self._optimisers, losses, strict=True):
            optimiser.step(loss, rate)

    def _follow(self, targets: NDArray[np.float64]) -> None:
        """New units from the targets; the last layer is changed so that values stay what they are."""
        mean, deviation = float(targets.mean()), float(targets.std())
        if deviation <= 1e-9 * abs(mean):  # targets that do not vary, up to rounding
            deviation = abs(mean) or 1.0
        if self._started:  # units move slowly, or the critic would chase them
            mean = 0.9 * self._mean + 0.1 * mean
            deviation = math.sqrt(0.9 * self._deviation**2 + 0.1 * deviation**2)
        network, old = self._critic.network, self._deviation
        network.weights[-1][...] *= old / deviation
        network.biases[-1][...] = (network.biases[-1] * old + self._mean - mean) / deviation
        self._mean, self._deviation, self._started = mean, deviation, True
