"""What a learner starts from: fresh weights, or those of a policy it has learned before."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from marl.learning.neural_policy import NeuralPolicy
from marl.policies import MixturePolicy, Policy


class Start(Protocol):
    """Picks what to start from."""

    def pick(self, own: Policy[Any] | MixturePolicy[Any]) -> NeuralPolicy | None:
        """A policy whose weights are taken, or None for fresh ones.

        Args:
            own: what the learner's seat plays now: in PSRO the mixture of its own population.
        """


@dataclass(frozen=True, slots=True)
class FreshStart:
    """Weights drawn anew."""

    def pick(self, own: Policy[Any] | MixturePolicy[Any]) -> NeuralPolicy | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class HeaviestStart:
    """The policy of greatest weight in the learner's own mixture, if a network plays it; else fresh."""

    def pick(self, own: Policy[Any] | MixturePolicy[Any]) -> NeuralPolicy | None:
        """See ``Start``."""
        if isinstance(own, MixturePolicy):
            own = own.policies[int(np.argmax(own.weights))]
        return own if isinstance(own, NeuralPolicy) else None


@dataclass(frozen=True, slots=True)
class LatestStart:
    """The last policy of the learner's own mixture that a network plays; fresh where there is none.

    PSRO leaves policies of no weight out of a mixture, so this is the latest one that carries weight.
    """

    def pick(self, own: Policy[Any] | MixturePolicy[Any]) -> NeuralPolicy | None:
        """See ``Start``."""
        group = own.policies if isinstance(own, MixturePolicy) else (own,)
        return next((p for p in reversed(group) if isinstance(p, NeuralPolicy)), None)
