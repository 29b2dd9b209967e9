"""What every part of an update sees: the policies of all contexts still at work, in log space."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def normalise(scores: FloatArray) -> FloatArray:
    """``scores`` less the logarithm of the sum of their exponentials, over the last axis."""
    shifted: FloatArray = scores - scores.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def advantages(margins: FloatArray, policy: FloatArray) -> FloatArray:
    """Win rates less 1/2 of every response against ``policy``: (B, n, n) and (B, n) give (B, n)."""
    product: FloatArray = np.matmul(margins, policy[..., None])[..., 0]
    return product


@dataclass(slots=True)
class Iterate:
    """The state of B contexts of n responses; changed in place by ``solve_preference``.

    Attributes:
        margins: P - 1/2, shape (B, n, n).
        log_reference: the reference of the moment, shape (B, n).
        weight: of the divergence from it in the update; 0 for none.
        log_policy: shape (B, n).
        policy: its exponential.
        rates: win rates against it, less 1/2.
        log_lagged: second sequence of policies, which optimistic updates anchor in.
        round: rounds done, from 0.
        phase: rounds since the reference was last reset, shape (B,).
        past: earlier ``(log_policy, rates)``, newest first, as many as the method remembers.
        direction: vector of the power iteration behind ``radius``, shape (B, n).
        radius: estimate of the spectral radius, shape (B,); not finite before the first estimate.
    """

    margins: FloatArray
    log_reference: FloatArray
    weight: float
    log_policy: FloatArray
    policy: FloatArray
    rates: FloatArray
    log_lagged: FloatArray
    round: int
    phase: NDArray[np.int64]
    past: deque[tuple[FloatArray, FloatArray]]
    direction: FloatArray
    radius: FloatArray = field(default_factory=lambda: np.empty(0))

    @classmethod
    def start(cls, margins: FloatArray, reference: FloatArray, weight: float, memory: int) -> "Iterate":
        """All policies at the reference; ``memory`` earlier policies will be kept."""
        logs = np.log(reference)
        # Any direction that no symmetry of the game singles out.
        direction = np.sqrt(reference) * np.cos(1.0 + np.arange(reference.shape[-1]) ** 1.5)
        return cls(
            margins=margins,
            log_reference=logs,
            weight=weight,
            log_policy=logs,
            policy=reference,
            rates=advantages(margins, reference),
            log_lagged=logs,
            round=0,
            phase=np.zeros(len(margins), dtype=np.int64),
            past=deque(maxlen=memory),
            direction=direction,
            radius=np.full(len(margins), np.nan),
        )

    def move_to(self, log_policy: FloatArray) -> None:
        """Make ``log_policy``, shape (B, n), the policy of the next round."""
        self.past.appendleft((self.log_policy, self.rates))
        self.log_policy = log_policy
        self.policy = np.exp(log_policy)
        self.rates = advantages(self.margins, self.policy)
        self.round += 1
        self.phase += 1

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Drop the contexts that are not ``chosen``, shape (B,)."""
        self.margins = self.margins[chosen]
        self.log_reference = self.log_reference[chosen]
        self.log_policy = self.log_policy[chosen]
        self.policy = self.policy[chosen]
        self.rates = self.rates[chosen]
        self.log_lagged = self.log_lagged[chosen]
        self.phase = self.phase[chosen]
        self.direction = self.direction[chosen]
        self.radius = self.radius[chosen]
        self.past = deque(((logs[chosen], rates[chosen]) for logs, rates in self.past), self.past.maxlen)
