r"""Losses of a batch of groups, given the log-probability ratios of its responses.

With :math:`r_i = \log\pi(y_i) - A(y_i)`, summed over the tokens of a response and never averaged over its
length, and the margin m = P(i beats j) - 1/2 of an edge e = (i, j):

- squared: :math:`\sum_e w_e (r_i - r_j - m_e/\eta)^2`, the loss of INPO [1]_; soft margins and margins +-1/2
  drawn by the judge's probability have the same gradient in expectation;
- sigmoid: :math:`-\sum_e w_e [p \log\sigma(\eta h_e) + (1 - p) \log\sigma(-\eta h_e)]`, p = m + 1/2, of DPO;
- pointwise: :math:`\sum_i w_i (r_i - (P_i - 1/2)/\eta)^2` with the mean win rate P_i of a response, of SPPO.

Sums are divided by the weight of the whole optimiser step elsewhere, so how it is cut into micro-batches does
not matter.

.. [1] Zhang et al., "Iterative Nash policy optimization", ICLR 2025, arXiv 2407.00617, eq. 8 and Prop. 6.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from solvers.inpo.training.groups import GroupBatch
from solvers.inpo.training.passes import LossKind


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a loss compares, one entry for each edge or response.

    Attributes:
        value: h of an edge, or r of a response.
        target: what it should be.
        weight: how much it counts.
    """

    value: Tensor
    target: Tensor
    weight: Tensor


class Loss(Protocol):
    """A sum over the edges, or the responses, of a batch."""

    def fitted(self, ratios: Tensor, batch: GroupBatch) -> Fitted:
        """What is compared, from the ratios r of the distinct sequences of the batch."""

    def weight(self, batch: GroupBatch) -> Tensor:
        """Total weight of a batch, a scalar."""

    def total(self, fitted: Fitted) -> Tensor:
        """The weighted sum, a scalar."""

    def ideal_square(self, variance: float) -> float:
        """Mean square of the values after an ideal fit, where win rates have this variance."""


def _edges(ratios: Tensor, batch: GroupBatch, eta: float) -> Fitted:
    value = ratios[batch["edge_first"]] - ratios[batch["edge_second"]]
    return Fitted(value, batch["edge_margin"].to(value) / eta, batch["edge_weight"].to(value))


def _squares(fitted: Fitted) -> Tensor:
    return (fitted.weight * (fitted.value - fitted.target).square()).sum()


@dataclass(frozen=True, slots=True)
class SquaredLoss:
    """The loss of INPO.

    Attributes:
        eta: inverse step, positive.
    """

    eta: float

    def fitted(self, ratios: Tensor, batch: GroupBatch) -> Fitted:
        """H of every edge beside margin / eta."""
        return _edges(ratios, batch, self.eta)

    def weight(self, batch: GroupBatch) -> Tensor:
        """Weight of the edges."""
        return batch["edge_weight"].sum()

    def total(self, fitted: Fitted) -> Tensor:
        """Weighted squares."""
        return _squares(fitted)

    def ideal_square(self, variance: float) -> float:
        """Of the difference of two independent win rates, over eta."""
        return 2.0 * variance / self.eta**2


@dataclass(frozen=True, slots=True)
class SigmoidLoss:
    """The loss of DPO, with labels that may be soft.

    Attributes:
        eta: its inverse temperature, which the literature calls beta; positive.
    """

    eta: float

    def fitted(self, ratios: Tensor, batch: GroupBatch) -> Fitted:
        """H of every edge; the target is what INPO would ask for."""
        return _edges(ratios, batch, self.eta)

    def weight(self, batch: GroupBatch) -> Tensor:
        """Weight of the edges."""
        return batch["edge_weight"].sum()

    def total(self, fitted: Fitted) -> Tensor:
        """Weighted cross-entropies."""
        label = 0.5 + self.eta * fitted.target
        terms = binary_cross_entropy_with_logits(self.eta * fitted.value, label, reduction="none")
        return (fitted.weight * terms).sum()

    def ideal_square(self, variance: float) -> float:
        """Of the difference of two independent win rates, over eta."""
        return 2.0 * variance / self.eta**2


@dataclass(frozen=True, slots=True)
class PointwiseLoss:
    """The loss of SPPO.

    Attributes:
        eta: inverse step, positive.
    """

    eta: float

    def fitted(self, ratios: Tensor, batch: GroupBatch) -> Fitted:
        """R of every response beside (win rate - 1/2) / eta; responses never judged weigh nothing."""
        value = ratios[batch["response_index"]]
        target = (batch["response_rate"].to(value) - 0.5) / self.eta
        return Fitted(value, target, batch["response_weight"].to(value))

    def weight(self, batch: GroupBatch) -> Tensor:
        """Weight of the responses."""
        return batch["response_weight"].sum()

    def total(self, fitted: Fitted) -> Tensor:
        """Weighted squares."""
        return _squares(fitted)

    def ideal_square(self, variance: float) -> float:
        """Of a win rate, over eta."""
        return variance / self.eta**2


def make_loss(kind: LossKind, eta: float) -> Loss:
    """The loss of this kind.

    Raises:
        ValueError: ``eta`` is not positive.
    """
    if not eta > 0.0:
        raise ValueError(f"eta must be positive, got {eta!r}")
    losses: dict[LossKind, type[SquaredLoss] | type[SigmoidLoss] | type[PointwiseLoss]] = {
        LossKind.SQUARED: SquaredLoss,
        LossKind.SIGMOID: SigmoidLoss,
        LossKind.POINTWISE: PointwiseLoss,
    }
    return losses[kind](eta)


def covariation(fitted: Fitted) -> tuple[float, float]:
    """Weighted sum of value times target, and the sum of weights."""
    with torch.no_grad():
        return float((fitted.weight * fitted.value * fitted.target).sum()), float(fitted.weight.sum())
