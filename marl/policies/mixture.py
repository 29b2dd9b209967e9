"""Mixtures of policies: one of them is drawn before each episode and then kept to its end.

That is how a meta-strategy is played. It is not a policy itself: what it does next depends on what was drawn,
which no state shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.profiles import as_distribution
from marl.policies.uniform import Policy

State = TypeVar("State")


@dataclass(frozen=True, slots=True, eq=False)
class MixturePolicy(Generic[State]):
    """Draws one of ``policies`` per episode.

    Attributes:
        policies: at least one.
        weights: probability of each, shape (len(policies),); read-only.

    Raises:
        ValueError: the weights are no distribution over the policies.
    """

    policies: tuple[Policy[State], ...]
    weights: ArrayLike
    _cumulative: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weights = as_distribution(self.weights, len(self.policies), name="weights")
        weights.setflags(write=False)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "_cumulative", np.cumsum(weights))

    def draw(self, rng: np.random.Generator) -> Policy[State]:
        """The policy of the next episode; one of zero weight is never drawn."""
        point = rng.random() * self._cumulative[-1]
        return self.policies[int(self._cumulative.searchsorted(point, side="right"))]


def seat(
    policies: Sequence[Policy[Any] | MixturePolicy[Any]], rng: np.random.Generator
) -> tuple[Policy[Any], ...]:
    """Who plays the next episode: every mixture draws, in the order of the players."""
    return tuple(p.draw(rng) if isinstance(p, MixturePolicy) else p for p in policies)
