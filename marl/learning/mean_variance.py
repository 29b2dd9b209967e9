r"""What policy gradients maximise: the expected return, or mean minus priced variance in two forms.

Returns: since :math:`\operatorname{Var} R = \min_c \mathbb{E}(R - c)^2`, for aversion :math:`\gamma \ge 0`

.. math::
    \max_\pi \; \mathbb{E} R - \gamma \operatorname{Var} R
        = \max_{\pi, c} \; \mathbb{E}\bigl[ U_c(R) \bigr], \qquad U_c(R) = R - \gamma (R - c)^2,

and for fixed c this is an ordinary problem with the return :math:`U_c(R)` [1]_. The two are improved in
turn, c towards its optimum :math:`\mathbb{E} R`, so what is reached is at best a local maximum.

Steps: the variance of the payoff of a single step instead of that of their sum [2]_, by the rewards
:math:`r - \gamma r^2 + 2 \gamma r \bar r` with the mean :math:`\bar r` per step. The two differ as soon as
payoffs come in several steps: a payoff that a later one undoes has no return variance, but step variance.

.. [1] Xie et al. (2018), A block coordinate ascent algorithm for mean-variance optimization, NeurIPS.
.. [2] Zhang, Liu, Whiteson (2021), Mean-variance policy iteration for risk-averse reinforcement learning,
   AAAI.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Objective(Protocol):
    """Turns payoffs into the rewards whose expected sum is maximised.

    The rewards may lean on a centre: the running mean of some numbers that the objective picks.
    """

    def centred_on(self, returns: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers whose mean is the centre.

        Args:
            returns: of episodes, shape (k,).
            steps: payoffs gained per own decision, shape (m,).
        """

    def rewards(
        self,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        ended: NDArray[np.bool_],
        centre: float,
    ) -> NDArray[np.float64]:
        """Rewards of decisions.

        Args:
            before: payoff gained in the episode until the decision, any shape.
            after: and until the next own decision or the end, same shape.
            ended: whether it was the end, same shape.
            centre: the running mean.
        """


@dataclass(frozen=True, slots=True)
class ExpectedReturn:
    """E[R]."""

    def centred_on(self, returns: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """See ``Objective``; the centre is not used."""
        return returns

    def rewards(
        self,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        ended: NDArray[np.bool_],
        centre: float,
    ) -> NDArray[np.float64]:
        """The payoff gained."""
        return after - before


@dataclass(frozen=True, slots=True)
class ReturnVariance:
    """E[R] - aversion Var[R], by the auxiliary target; see the module.

    The last decision of an episode is rewarded by U_c(R), the others by nothing. What is best to do can
    depend on the payoff so far; a policy that does not see it in its observation is the best only of those
    that do not.

    Attributes:
        aversion: price of variance, in 1 / payoff units, at least 0.
    """

    aversion: float

    def __post_init__(self) -> None:
        _check(self.aversion)

    def centred_on(self, returns: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """The returns: c = E[R]."""
        return returns

    def rewards(
        self,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        ended: NDArray[np.bool_],
        centre: float,
    ) -> NDArray[np.float64]:
        """U_c of the return, at the end."""
        return np.where(ended, after - self.aversion * np.square(after - centre), 0.0)


@dataclass(frozen=True, slots=True)
class StepVariance:
    """Expected sum of r - aversion (r - mean r)^2 up to a constant per step; see the module.

    A step is what passes between two own decisions. The constant, aversion times the squared mean, is left
    out as in the source; where policies differ in the length of episodes this matters.

    Attributes:
        aversion: price of variance, in 1 / payoff units, at least 0.
    """

    aversion: float

    def __post_init__(self) -> None:
        _check(self.aversion)

    def centred_on(self, returns: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """The payoffs per step."""
        return steps

    def rewards(
        self,
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        ended: NDArray[np.bool_],
        centre: float,
    ) -> NDArray[np.float64]:
        """Payoff, less its priced square, plus twice the priced product with the mean."""
        gained = after - before
        return gained - self.aversion * gained * (gained - 2.0 * centre)


def _check(aversion: float) -> None:
    if not (math.isfinite(aversion) and aversion >= 0):
        raise ValueError(f"aversion must be finite and at least 0, got {aversion!r}")


def running_mean(centre: float | None, numbers: NDArray[np.float64], rate: float) -> float | None:
    """The centre after another batch: the batch's mean at first, then moved towards it by ``rate``."""
    if not numbers.size:
        return centre
    mean = float(np.mean(numbers))
    return mean if centre is None else centre + rate * (mean - centre)
