"""Chance as a list: every state that may come next, with its probability.

A game played forward draws chance from a generator. One that can also *list* it can be expanded to an exact
tree; and where its ``step`` draws from its own list, both are the same game by construction.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np

State = TypeVar("State")
Outcomes: TypeAlias = Sequence[tuple[float, State]]
"""Pairs of probability and state; the probabilities are non-negative and sum to one."""


@runtime_checkable
class ListsChance(Protocol[State]):
    """What an ``EnvGame`` adds so that its chance moves can be written down."""

    def start_outcomes(self) -> Outcomes[State]:
        """All start states."""

    def step_outcomes(self, state: State, joint: Mapping[int, int]) -> Outcomes[State]:
        """All successors of ``state``.

        Raises:
            IllegalActionError: as ``EnvGame.step``.
        """


def draw_outcome(outcomes: Outcomes[State], rng: np.random.Generator) -> State:
    """Draw a state by inversion; a sole outcome is returned without a draw."""
    if len(outcomes) > 1:
        left = rng.random()
        for probability, state in outcomes:
            left -= probability
            if left < 0.0:
                return state
    # Rounding may leave ``left`` non-negative to the end; the last outcome is then meant.
    return outcomes[-1][1]
