r"""Proximal policy optimisation [1]_ over scores of the bits, projected on the allowed actions.

The policy draws one score for each bit from a normal distribution, and the allowed action of greatest total
score is played, which one mixed-integer program (or counting) finds. The projection is a part of the
environment: what is learned is the distribution of scores. Advantages use the expected rewards of the steps
and no discount; all episodes are as long as the horizon.

.. [1] Schulman et al. (2017), Proximal policy optimization algorithms, arXiv 1707.06347.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from games.bandits.problem import TRAINING_START, CoupledBandit, StartRule
from marl.learning.advantages import generalized_advantages
from marl.learning.dense import DenseNetwork, Torso, initial_network
from marl.learning.networks import Adam, Trainable, one_thread
from marl.oracles.schedules import LinearDecay
from solvers.sequoia.baselines.policy import Maximisers, NamedPolicy, RememberedPolicy


@dataclass(frozen=True, slots=True)
class ProjectedPPO:
    """Settings; see the module.

    Attributes:
        rounds: batches of episodes.
        lanes: episodes of a batch.
        epochs: passes over each batch.
        minibatch: decisions of an update.
        torso: hidden layers of policy and critic, which share nothing.
        learning_rate: of Adam, by the share of the rounds played.
        noise: standard deviation of the scores, likewise.
        clip: of the ratio of new to old densities.
        trace: lambda of the advantages.
        max_gradient: gradients longer than this are cut to it.
        start: how episodes begin.

    Raises:
        ValueError: a count is below 1, ``clip`` not in (0, 1), ``trace`` not in [0, 1], or ``max_gradient``
            not positive and finite.
    """

    rounds: int = 200
    lanes: int = 32
    epochs: int = 4
    minibatch: int = 160
    torso: Torso = field(default_factory=Torso)
    learning_rate: LinearDecay = field(default_factory=lambda: LinearDecay(1e-3, 1e-4, 1.0))
    noise: LinearDecay = field(default_factory=lambda: LinearDecay(0.5, 0.1, 1.0))
    clip: float = 0.2
    trace: float = 0.95
    max_gradient: float = 0.5
    start: StartRule = TRAINING_START

    def __post_init__(self) -> None:
        for name in ("rounds", "lanes", "epochs", "minibatch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.clip < 1 or not 0 <= self.trace <= 1:
            raise ValueError(f"need clip in (0, 1) and trace in [0, 1], got {self.clip} and {self.trace}")
        if not 0.0 < self.max_gradient < math.inf:
            raise ValueError(f"max_gradient must be positive and finite, got {self.max_gradient}")


def projected_ppo(
    bandit: CoupledBandit,
    *,
    settings: ProjectedPPO | None = None,
    rng: np.random.Generator,
    workers: int = 1,
) -> NamedPolicy:
    """Learn a policy, and play its mean scores.

    Args:
        bandit: the problem.
        settings: of the learning.
        rng: all randomness.
        workers: threads for the projection.
    """
    settings = settings or ProjectedPPO()
    for_networks, for_play = rng.spawn(2)
    projection = _Projection(bandit, workers)
    with one_thread():
        actor = _learn(bandit, settings, projection, for_networks, for_play)

    def decide(states: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
        return projection.project(states, step, actor.forward(projection.features(states, step)))

    return RememberedPolicy("projected PPO", bandit.bits, decide)


class _Projection:
    """Between networks and the bandit."""

    def __init__(self, bandit: CoupledBandit, workers: int) -> None:
        self._bandit = bandit
        self._maximisers = Maximisers(bandit, [(bit,) for bit in range(bandit.bits)], workers)

    @property
    def inputs(self) -> int:
        """Features of a state."""
        return self._bandit.num_arms * self._bandit.arms.states + 1

    def features(self, states: NDArray[np.int64], step: int) -> NDArray[np.float32]:
        """One indicator for each arm and state, and the share of the horizon that is left."""
        one_hot = np.eye(self._bandit.arms.states, dtype=np.float32)[states].reshape(len(states), -1)
        left = np.full((len(states), 1), 1.0 - step / self._bandit.horizon, dtype=np.float32)
        return np.concatenate([one_hot, left], axis=1)

    def project(
        self, states: NDArray[np.int64], step: int, scores: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Allowed actions of greatest total score."""
        pairs = np.stack([np.zeros_like(scores), scores], axis=2).astype(np.float64)
        return self._maximisers.best(states, step, [pairs[:, bit] for bit in range(self._bandit.bits)])


def _learn(
    bandit: CoupledBandit,
    settings: ProjectedPPO,
    projection: _Projection,
    for_networks: np.random.Generator,
    rng: np.random.Generator,
) -> DenseNetwork:
    actor = Trainable(
        initial_network(projection.inputs, settings.torso, bandit.bits, last_gain=0.01, rng=for_networks)
    )
    critic = Trainable(initial_network(projection.inputs, settings.torso, 1, last_gain=0.0, rng=for_networks))
    optimisers = Adam(actor, settings.max_gradient), Adam(critic, settings.max_gradient)
    horizon, lanes = bandit.horizon, settings.lanes
    ended = np.zeros((horizon, lanes), dtype=np.bool_)
    ended[-1] = True
    mean, deviation = 0.0, 1.0
    for number in range(settings.rounds):
        progress = number / settings.rounds
        noise = settings.noise(progress)
        seen = np.empty((horizon, lanes, projection.inputs), dtype=np.float32)
        scores = np.empty((horizon, lanes, bandit.bits), dtype=np.float32)
        errors = np.empty_like(scores)
        rewards = np.empty((horizon, lanes))
        states = settings.start.draw(bandit.num_arms, lanes, rng)
        for step in range(horizon):
            seen[step] = projection.features(states, step)
            errors[step] = rng.standard_normal((lanes, bandit.bits))
            scores[step] = actor.network.forward(seen[step]) + np.float32(noise) * errors[step]
            actions = projection.project(states, step, scores[step])
            rewards[step] = bandit.expected_reward(states, actions)
            states = bandit.sample_next(states, actions, rng=rng)
        guesses = critic.network.forward(seen.reshape(-1, projection.inputs))[:, 0]
        values = np.zeros((horizon + 1, lanes))
        values[:-1] = mean + deviation * guesses.reshape(horizon, lanes)
        lengths = np.full(lanes, horizon)
        advantages = generalized_advantages(rewards, values, ended, lengths, settings.trace)
        targets = advantages + values[:-1]
        if number == 0:
            # The critic learns in the units of the first batch.
            mean, deviation = float(targets.mean()), float(targets.std()) or 1.0
        spread = float(advantages.std())
        columns = [
            torch.from_numpy(column)
            for column in (
                seen.reshape(-1, projection.inputs),
                scores.reshape(-1, bandit.bits),
                -0.5 * np.square(errors).sum(axis=2).ravel(),
                ((advantages - advantages.mean()) / (spread or 1.0)).astype(np.float32).ravel(),
                ((targets - mean) / deviation).astype(np.float32).ravel(),
            )
        ]
        for _ in range(settings.epochs):
            order = rng.permutation(horizon * lanes)
            for begin in range(0, order.size, settings.minibatch):
                part = torch.from_numpy(order[begin : begin + settings.minibatch])
                losses = _losses([column[part] for column in columns], actor, critic, noise, settings.clip)
                for optimiser, loss in zip(optimisers, losses, strict=True):
                    optimiser.step(loss, settings.learning_rate(progress))
    return actor.network


def _losses(
    columns: list[Tensor], actor: Trainable, critic: Trainable, noise: float, clip: float
) -> tuple[Tensor, Tensor]:
    """Of the policy and of the critic.

    Args:
        columns: features, scores drawn, their log-densities up to a constant, advantages, and targets of
            the critic.
        actor: gives mean scores.
        critic: gives values in its units.
        noise: standard deviation of the scores.
        clip: epsilon of the surrogate.
    """
    seen, scores, old_logs, advantages, targets = columns
    logs = -0.5 * ((scores - actor(seen)) / noise).square().sum(dim=1)
    ratios = (logs - old_logs).exp()
    clipped = ratios.clamp(1.0 - clip, 1.0 + clip)
    gain = torch.minimum(ratios * advantages, clipped * advantages).mean()
    return -gain, 0.5 * (critic(seen)[:, 0] - targets).square().mean()
