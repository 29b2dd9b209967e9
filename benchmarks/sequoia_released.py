"""Q-networks trained in the two phases of the released code of SEQUOIA, for `sequoia.py`.

1. Supervision: expected costs of one step for strategic states (all bad, all good, one of either) and random
   ones with B arms at the top, each with random actions and fixed ones (none, all, one bit, all but one),
   whether allowed or not. AdamW with amsgrad and batches of 32; the rate starts at 2.5e-4 and falls by a
   tenth after every pass over the data.
2. Deep Q-learning with discount .99: 100 episodes of 20 steps, one batch after each, with the rate falling
   by a tenth after every episode from 2.5e-4 again. The target network moves by 1e-6 of the way at an update,
   so here it does not move at all, and its best next actions are found once for each transition. They come
   from local search and a few nodes, without a proof.

Passes after the 20th are left out: all of them together have an eighth of the rate of the first ones. The
replay is uniform. What the network learns is cost; its sign is changed at the end.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sequoia_nets import compiled, forward, only_set, quick_oracle, tensor

from games.bandits import TRAINING_START, CoupledBandit
from solvers.sequoia import ArgmaxOracle, QNetwork

_RATE, _EPSILON, _FALL = 2.5e-4, 1.5e-4, 0.9
_BATCH = 32
_RANDOM_STATES, _RANDOM_ACTIONS = 1000, 10
_DISCOUNT = 0.99
_EXPLORE, _EXPLORE_LAST, _EXPLORE_STEPS = 0.9, 0.05, 1000.0
_REPLAYED = 1000  # of the first phase


@dataclass(frozen=True, slots=True)
class Released:
    """The released code's way.

    Attributes:
        passes: over the data of the first phase.
        episodes: of the second.
    """

    passes: int = 20
    episodes: int = 100

    @property
    def name(self) -> str:
        """For files and tables."""
        return f"released {self.passes} {self.episodes}"

    def train(
        self, bandit: CoupledBandit, widths: tuple[int, int], rng: np.random.Generator
    ) -> list[NDArray[np.float32]]:
        """W_1, b_1, ... of Q, bits before states."""
        torch.set_num_threads(1)
        sizes = (bandit.bits + bandit.num_arms, *widths, 1)
        layers: list[torch.Tensor] = []
        for before, after in itertools.pairwise(sizes):
            reach = before**-0.5
            layers += [tensor(rng.uniform(-reach, reach, shape)) for shape in ((after, before), (after,))]
        for layer in layers:
            layer.requires_grad_(True)
        states, actions = _supervision(bandit, rng)
        _supervise(bandit, layers, states, actions, self.passes, rng)
        _learn(bandit, layers, states, actions, self.episodes, rng)
        return _value_arrays(layers)


def _supervision(
    bandit: CoupledBandit, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """States and actions of the first phase, a row for each pair."""
    arms, bits, top = bandit.num_arms, bandit.bits, bandit.arms.states - 1
    fixed = _corners(bits)
    states, actions = [], []
    for state in _corners(arms):
        chosen = np.concatenate([_random_actions(bandit, _RANDOM_ACTIONS, rng), fixed])
        states.append(np.tile(state.astype(np.int64), (len(chosen), 1)))
        actions.append(chosen)
    for _ in range(_RANDOM_STATES):
        state, there = rng.integers(0, 2, arms), _random_actions(bandit, 1, rng)
        state[there[0]] = top
        chosen = np.concatenate([there, _random_actions(bandit, _RANDOM_ACTIONS, rng), fixed])
        states.append(np.tile(state, (len(chosen), 1)))
        actions.append(chosen)
    return np.concatenate(states), np.concatenate(actions)


def _corners(size: int) -> NDArray[np.bool_]:
    """None, all, one, all but one."""
    one = np.eye(size, dtype=np.bool_)
    return np.concatenate(
        [np.zeros((1, size), dtype=np.bool_), np.ones((1, size), dtype=np.bool_), one, ~one]
    )


def _random_actions(bandit: CoupledBandit, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """As many bits as the set allows."""
    order = rng.permuted(np.tile(np.arange(bandit.bits), (count, 1)), axis=1)
    return order < only_set(bandit).most


def _supervise(
    bandit: CoupledBandit,
    layers: list[torch.Tensor],
    states: NDArray[np.int64],
    actions: NDArray[np.bool_],
    passes: int,
    rng: np.random.Generator,
) -> None:
    """The first phase; changes ``layers`` in place."""
    costs = [
        -bandit.expected_reward(states[k : k + 10_000], actions[k : k + 10_000])
        for k in range(0, len(states), 10_000)
    ]
    labels = tensor(np.concatenate(costs))
    inputs = torch.from_numpy(np.concatenate([actions, states], axis=1).astype(np.int8))
    adam = _optimiser(layers)
    for _ in range(passes):
        order = rng.permutation(len(labels))
        for begin in range(0, len(order) - _BATCH + 1, _BATCH):
            rows = order[begin : begin + _BATCH]
            error = forward(layers, inputs[rows].float()) - labels[rows]
            _descend(adam, error.square().mean())
        _slow_down(adam)


def _learn(
    bandit: CoupledBandit,
    layers: list[torch.Tensor],
    states: NDArray[np.int64],
    actions: NDArray[np.bool_],
    episodes: int,
    rng: np.random.Generator,
) -> None:
    """The second phase; changes ``layers`` in place."""
    frozen = [layer.detach().clone() for layer in layers]
    oracle, target = (quick_oracle(_network(bandit, frozen), bandit) for _ in range(2))
    adam = _optimiser(layers)
    picked = rng.integers(0, len(states), _REPLAYED)
    seen = [_transition(bandit, frozen, target, states[k], actions[k], rng) for k in picked]
    steps = 0
    for _ in range(episodes):
        state = TRAINING_START.draw(bandit.num_arms, 1, rng)[0]
        for _ in range(bandit.horizon):
            share = _EXPLORE_LAST + (_EXPLORE - _EXPLORE_LAST) * float(np.exp(-steps / _EXPLORE_STEPS))
            steps += 1
            if rng.random() < share:
                action = _random_actions(bandit, 1, rng)[0]
            else:
                oracle.update(_network(bandit, layers))
                action = oracle.solve(state.astype(np.float64)).action
            seen.append(_transition(bandit, frozen, target, state, action, rng))
            state = seen[-1][3]
            rows = rng.integers(0, len(seen), _BATCH)
            inputs = torch.stack([seen[k][0] for k in rows])
            labels = torch.tensor([seen[k][1] + _DISCOUNT * seen[k][2] for k in rows])
            _descend(adam, torch.nn.functional.smooth_l1_loss(forward(layers, inputs), labels))
        _slow_down(adam)


def _transition(
    bandit: CoupledBandit,
    frozen: list[torch.Tensor],
    target: ArgmaxOracle,
    state: NDArray[np.int64],
    action: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[torch.Tensor, float, float, NDArray[np.int64]]:
    """Input, cost, the frozen network's least cost in a next state, and that state."""
    after = bandit.sample_next(state, action, rng=rng)
    best = target.solve(after.astype(np.float64)).action
    with torch.no_grad():
        onward = float(forward(frozen, tensor(np.concatenate([best, after])[None])))
    cost = -float(bandit.expected_reward(state[None], action[None])[0])
    return tensor(np.concatenate([action, state])), cost, onward, after


def _value_arrays(layers: list[torch.Tensor]) -> list[NDArray[np.float32]]:
    """Q = -cost."""
    arrays = [layer.detach().numpy().copy() for layer in layers]
    return [*arrays[:-2], -arrays[-2], -arrays[-1]]


def _network(bandit: CoupledBandit, layers: list[torch.Tensor]) -> QNetwork:
    return compiled(_value_arrays(layers), bandit.bits)


def _optimiser(layers: list[torch.Tensor]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(layers, lr=_RATE, eps=_EPSILON, amsgrad=True, fused=True)


def _slow_down(adam: torch.optim.Optimizer) -> None:
    for group in adam.param_groups:
        group["lr"] *= _FALL


def _descend(adam: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()
