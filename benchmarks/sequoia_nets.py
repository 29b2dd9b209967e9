"""Trained Q-networks for `sequoia.py`: small, seeded, and kept, so that a rerun meets the same ones.

Weights are float32. Inputs are the action bits and the raw states of the arms, as in the paper. Training
has two parts:

1. 800 steps of Adam on the expected rewards of one step, at random states and random actions, some of them
   not allowed; labels are centred and scaled;
2. fitted double-Q learning with discount .99: episodes are played side by side, nine bits in ten as the
   network says, and what it says of the next states is at once the next action and the action of the
   targets, which a second network values that follows the first slowly. Rounds of play alternate with steps
   of Adam on all that was seen. Actions come from the oracle's cheap stages, local search and at most 30
   nodes, without a proof: so training takes seconds, and the same ones are found on a busy machine.

This is much less than a full training: it is there to give networks the shape that reinforcement learning
gives them. Weights are not penalised and nearly all neurons of the wide networks can have either sign, so
they are hard to decide with; those of the released code's own training (`sequoia_released.py`) are easy.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from games.bandits import TRAINING_START, ActionSet, CoupledBandit
from solvers.sequoia import (
    ActionNetwork,
    ArgmaxOracle,
    Incumbent,
    LayerBounds,
    LinearEncoder,
    QNetwork,
    Stage,
    q_network,
)
from solvers.sequoia.prepared_set import PreparedSet

_WARM_STEPS = 800
_BATCH = 256
_RATE = 1e-3
_DISCOUNT = 0.99
_FOLLOW = 0.02  # share by which the target network moves in a step
_EXPLORE = 0.1  # share of the played bits that are drawn
_NODES = 30
_SAMPLES = 40_000


class Training(Protocol):
    """A way to train."""

    @property
    def name(self) -> str:
        """For files and tables."""

    def train(
        self, bandit: CoupledBandit, widths: tuple[int, int], rng: np.random.Generator
    ) -> list[NDArray[np.float32]]:
        """W_1, b_1, ... of Q, bits before states."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much play the training described above sees.

    Attributes:
        lanes: episodes side by side.
        rounds: steps of play.
        steps: of Adam after each.
    """

    lanes: int = 48
    rounds: int = 12
    steps: int = 25

    @property
    def name(self) -> str:
        """For files and tables."""
        return f"rounds={self.rounds}"

    def train(
        self, bandit: CoupledBandit, widths: tuple[int, int], rng: np.random.Generator
    ) -> list[NDArray[np.float32]]:
        """As `Training` says."""
        return _train(bandit, widths, rng, self)


@dataclass(frozen=True, slots=True)
class _LeftOpen:
    """An exact stage that closes nothing, so that the best action so far is the answer."""

    @property
    def stage(self) -> Stage:
        """None of its own."""
        return Stage.ROOT

    def close(
        self,
        network: ActionNetwork,
        prepared: PreparedSet,
        bounds: LayerBounds,
        incumbent: Incumbent,
        enough: float,
        allowed: float,
        deadline: float,
    ) -> Incumbent:
        """What came."""
        return incumbent


def quick_oracle(network: QNetwork, bandit: CoupledBandit) -> ArgmaxOracle:
    """Local search and a few nodes, no proof."""
    return ArgmaxOracle(network, only_set(bandit), exact=_LeftOpen(), nodes=lambda _network, _set: _NODES)


def trained(
    bandit: CoupledBandit, widths: tuple[int, int], seed: int, path: Path, training: Training
) -> QNetwork:
    """The network kept at ``path``, trained and kept first where there is none."""
    if not path.exists():
        layers = training.train(bandit, widths, np.random.default_rng((seed, *widths)))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{f"layer{place}": layer for place, layer in enumerate(layers)})
    with np.load(path) as kept:
        return compiled([kept[f"layer{place}"] for place in range(len(kept.files))], bandit.bits)


def played_states(
    bandit: CoupledBandit, network: QNetwork, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Distinct states that play by the network reaches, of shape (count, J): one an episode, step 1 to 8."""
    oracle = quick_oracle(network, bandit)
    states = TRAINING_START.draw(bandit.num_arms, 2 * count, rng)
    chosen: list[NDArray[np.int64]] = []
    for lane, last in enumerate(1 + np.arange(2 * count) % 8):
        state = states[lane]
        for _ in range(last):
            state = bandit.sample_next(state, oracle.solve(state.astype(np.float64)).action, rng=rng)
        if not any(np.array_equal(state, other) for other in chosen):
            chosen.append(state)
        if len(chosen) == count:
            return np.array(chosen, dtype=np.float64)
    raise RuntimeError(f"only {len(chosen)} of {count} distinct states were reached on {bandit.name}")


def only_set(bandit: CoupledBandit) -> ActionSet:
    """The bandit's set, which must be the same in all states."""
    if not isinstance(bandit.feasible, ActionSet):
        raise TypeError(f"{bandit.name} must have one set for all states")
    return bandit.feasible


def compiled(layers: list[NDArray[np.float32]], bits: int) -> QNetwork:
    """From W_1, b_1, ... as they are kept, bits before states."""
    weights, biases = layers[::2], layers[1::2]
    slopes = (0.0,) * (len(weights) - 1)
    encoder = LinearEncoder(weights[0][:, bits:].astype(np.float64))
    return q_network(encoder, (weights[0][:, :bits], *weights[1:]), tuple(biases), slopes)


def _train(
    bandit: CoupledBandit, widths: tuple[int, int], rng: np.random.Generator, effort: Effort
) -> list[NDArray[np.float32]]:
    torch.set_num_threads(1)
    sizes = (bandit.bits + bandit.num_arms, *widths, 1)
    layers: list[torch.Tensor] = []
    for before, after in itertools.pairwise(sizes):
        reach = before**-0.5
        layers += [
            tensor(rng.uniform(-reach, reach, (after, before))),
            tensor(rng.uniform(-reach, reach, after)),
        ]
    for layer in layers:
        layer.requires_grad_(True)
    adam = torch.optim.AdamW(layers, lr=_RATE)
    states = rng.integers(0, bandit.arms.states, (_SAMPLES, bandit.num_arms))
    actions = _random_actions(bandit, len(states), rng)
    rewards = bandit.expected_reward(states, actions)
    mean, scale = float(rewards.mean()), float(rewards.std())
    inputs, labels = _inputs(actions, states), tensor((rewards - mean) / scale)
    for _ in range(_WARM_STEPS):
        picked = rng.integers(0, len(states), _BATCH)
        _descend(adam, layers, inputs[picked], labels[picked])
    _fit(bandit, layers, adam, (mean, scale), rng, effort)
    return [layer.detach().numpy() for layer in layers]


def _fit(
    bandit: CoupledBandit,
    layers: list[torch.Tensor],
    adam: torch.optim.Optimizer,
    units: tuple[float, float],
    rng: np.random.Generator,
    effort: Effort,
) -> None:
    """The second part; changes ``layers`` in place."""
    mean, scale = units
    slow = [layer.detach().clone() for layer in layers]
    oracle = quick_oracle(compiled([layer.detach().numpy() for layer in layers], bandit.bits), bandit)
    states = TRAINING_START.draw(bandit.num_arms, effort.lanes, rng)
    best = np.array([answer.action for answer in oracle.solve_batch(states)])
    seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for _ in range(effort.rounds):
        drawn = rng.random(best.shape) < _EXPLORE
        actions = np.where(drawn, _random_actions(bandit, len(best), rng), best)
        rewards = bandit.expected_reward(states, actions)
        after = bandit.sample_next(states, actions, rng=rng)
        oracle.update(compiled([layer.detach().numpy() for layer in layers], bandit.bits))
        best = np.array([answer.action for answer in oracle.solve_batch(after)])
        seen.append((_inputs(actions, states), tensor((rewards - mean) / scale), _inputs(best, after)))
        states = after
        now, earned, then = (torch.cat(parts) for parts in zip(*seen, strict=True))
        for _ in range(effort.steps):
            picked = rng.integers(0, len(now), 32)
            with torch.no_grad():
                labels = earned[picked] + _DISCOUNT * forward(slow, then[picked])
            _descend(adam, layers, now[picked], labels)
            with torch.no_grad():
                for layer, follower in zip(layers, slow, strict=True):
                    follower.lerp_(layer, _FOLLOW)


def _descend(
    adam: torch.optim.Optimizer, layers: list[torch.Tensor], inputs: torch.Tensor, labels: torch.Tensor
) -> None:
    adam.zero_grad()
    torch.nn.functional.smooth_l1_loss(forward(layers, inputs), labels).backward()
    adam.step()


def forward(layers: list[torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Outputs of a batch."""
    signal = inputs
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        signal = torch.relu(signal @ weight.T + bias)
    return (signal @ layers[-2].T + layers[-1])[:, 0]


def _random_actions(bandit: CoupledBandit, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Each with a share of its bits drawn below twice what the set allows."""
    share = rng.uniform(0.0, min(1.0, 2.0 * only_set(bandit).most / bandit.bits), (count, 1))
    return rng.random((count, bandit.bits)) < share


def _inputs(actions: NDArray[np.bool_], states: NDArray[np.int64]) -> torch.Tensor:
    return tensor(np.concatenate([actions, states], axis=1))


def tensor(values: NDArray[np.float64] | NDArray[np.int64]) -> torch.Tensor:
    """As float32."""
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
