"""What every part of an update sees: the policies of all contexts still at work, in log space.

Arrays over responses are numpy's or torch's, all of one kind; the algebra is written once for both.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from games.preference import Divergence, PreferenceGame
from games.preference.arrays import Array, array_module, greatest

FloatArray = NDArray[np.float64]
Place = Callable[[NDArray[np.generic]], Array]
"""Brings an array of numpy's to where the run takes place: as it is, or to a device of torch."""


def on_host(array: NDArray[np.generic]) -> Array:
    """Leave ``array`` to numpy."""
    return array


def normalise(scores: Array) -> Array:
    """``scores`` less the logarithm of the sum of their exponentials, over the last axis."""
    xp = array_module(scores)
    shifted = scores - greatest(scores, keepdims=True)
    shifted -= xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def advantages(margins: Array, policy: Array) -> Array:
    """Win rates less 1/2 of every response against ``policy``: (B, n, n) and (B, n) give (B, n)."""
    return array_module(margins).matmul(margins, policy[..., None])[..., 0]


@dataclass(slots=True)
class Iterate:
    """The state of B contexts of n responses; changed in place by ``solve_preference``.

    Attributes:
        margins: P - 1/2, shape (B, n, n).
        log_reference: the reference of the moment, shape (B, n).
        weight: of the divergence from it in the update; 0 for none.
        divergence: what is weighed.
        log_policy: shape (B, n).
        policy: its exponential.
        rates: win rates against it, less 1/2.
        log_lagged: second sequence of policies, which optimistic updates anchor in.
        round: rounds done, from 0.
        phase: rounds since the reference was last reset, shape (B,); doubles, as torch would make singles of
            integers in arithmetic.
        past: earlier ``(log_policy, rates)``, newest first, as many as the method remembers.
        direction: vector of the power iteration behind ``radius``, shape (B, n).
        radius: estimate of the spectral radius, shape (B,); not finite before the first estimate.
    """

    margins: Array
    log_reference: Array
    weight: float
    divergence: Divergence
    log_policy: Array
    policy: Array
    rates: Array
    log_lagged: Array
    round: int
    phase: Array
    past: deque[tuple[Array, Array]]
    direction: Array
    radius: Array

    @classmethod
    def start(cls, game: PreferenceGame, weight: float, memory: int, place: Place = on_host) -> "Iterate":
        """All policies at the reference of ``game``; ``memory`` earlier policies will be kept."""
        n = game.num_responses
        margins = place(game.margins.reshape(-1, n, n))
        reference = place(game.reference.reshape(-1, n))
        return cls.begin(margins, reference, weight, game.divergence, memory, place)

    @classmethod
    def begin(
        cls,
        margins: Array,
        reference: Array,
        weight: float,
        divergence: Divergence,
        memory: int,
        place: Place = on_host,
    ) -> "Iterate":
        """All policies at ``reference``, from arrays that are in their place already."""
        xp = array_module(margins)
        contexts, n = reference.shape
        logs = xp.log(reference)
        return cls(
            margins=margins,
            log_reference=logs,
            weight=weight,
            divergence=divergence,
            log_policy=logs,
            policy=reference,
            rates=advantages(margins, reference),
            log_lagged=logs,
            round=0,
            phase=place(np.zeros(contexts)),
            past=deque(maxlen=memory),
            # Any direction that no symmetry of the game singles out.
            direction=xp.sqrt(reference) * place(np.cos(1.0 + np.arange(n) ** 1.5)),
            radius=place(np.full(contexts, np.nan)),
        )

    @property
    def xp(self) -> ModuleType:
        """The module whose functions take these arrays."""
        return array_module(self.margins)

    def move_to(self, log_policy: Array) -> None:
        """Make ``log_policy``, shape (B, n), the policy of the next round."""
        self.past.appendleft((self.log_policy, self.rates))
        self.log_policy = log_policy
        self.policy = self.xp.exp(log_policy)
        self.rates = advantages(self.margins, self.policy)
        self.round += 1
        self.phase = self.phase + 1

    def part(self, chosen: Array | slice) -> "Iterate":
        """The ``chosen`` contexts alone: a mask of shape (B,), or a slice, which copies nothing."""
        return replace(
            self,
            margins=self.margins[chosen],
            log_reference=self.log_reference[chosen],
            log_policy=self.log_policy[chosen],
            policy=self.policy[chosen],
            rates=self.rates[chosen],
            log_lagged=self.log_lagged[chosen],
            phase=self.phase[chosen],
            past=deque(((logs[chosen], rates[chosen]) for logs, rates in self.past), self.past.maxlen),
            direction=self.direction[chosen],
            radius=self.radius[chosen],
        )
