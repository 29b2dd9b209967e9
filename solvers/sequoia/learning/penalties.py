"""Penalties on weights that keep the program over actions easy.

Small weights give tight bounds, and neurons that keep their sign over all actions need no branching: on
random nets with larger weights the same programs take a hundred times as long.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from solvers.sequoia.learning.model import HiddenBatch


class Penalty(Protocol):
    """A number to be kept small."""

    def __call__(self, hidden: HiddenBatch) -> Tensor:
        """Of the networks of a batch of states, a scalar."""


@dataclass(frozen=True, slots=True)
class WeightPenalty:
    """l1 sum |w| + l2 sum w^2 over the weights on the action's path, averaged over states.

    Attributes:
        l1: not negative.
        l2: likewise.
    """

    l1: float = 0.0
    l2: float = 1e-5

    def __post_init__(self) -> None:
        if not (0.0 <= self.l1 < math.inf and 0.0 <= self.l2 < math.inf):
            raise ValueError(f"l1 and l2 must be finite and not negative, got {self.l1} and {self.l2}")

    def __call__(self, hidden: HiddenBatch) -> Tensor:
        """See `Penalty`."""
        total = self._of(hidden.first_weight) / hidden.first_weight.shape[0] + self._of(hidden.output)
        for weight in hidden.weights:
            total = total + self._of(weight)
        return total

    def _of(self, weight: Tensor) -> Tensor:
        return self.l1 * weight.abs().sum() + self.l2 * weight.square().sum()


@dataclass(frozen=True, slots=True)
class ReluStability:
    """-strength times the mean of tanh(1 + l u) over neurons with bounds l, u over all actions [1]_.

    It is small where l and u have one sign, so that the neuron is linear over the actions.

    Attributes:
        strength: not negative.

    .. [1] Xiao, Tjeng, Shafiullah, Madry (2019), Training for faster adversarial robustness verification via
       inducing ReLU stability, ICLR.
    """

    strength: float = 1e-3

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength < math.inf:
            raise ValueError(f"strength must be finite and not negative, got {self.strength}")

    def __call__(self, hidden: HiddenBatch) -> Tensor:
        """See `Penalty`."""
        lower = hidden.first_bias + hidden.first_weight.clamp(max=0.0).sum(dim=2)
        upper = hidden.first_bias + hidden.first_weight.clamp(min=0.0).sum(dim=2)
        unsettled = [-torch.tanh(1.0 + lower * upper).mean()]
        for weight, bias in zip(hidden.weights, hidden.biases, strict=True):
            low, high = lower.clamp(min=0.0), upper.clamp(min=0.0)
            up, down = weight.clamp(min=0.0).T, weight.clamp(max=0.0).T
            lower, upper = low @ up + high @ down + bias, high @ up + low @ down + bias
            unsettled.append(-torch.tanh(1.0 + lower * upper).mean())
        return self.strength * torch.stack(unsettled).mean()
