"""Sets of actions that depend on the state and on the time."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet

SetBuilder: TypeAlias = Callable[[NDArray[np.int64], int], ActionSet]
"""From the states of the arms, of shape (J,), and the step to the set."""
SetKey: TypeAlias = Callable[[NDArray[np.int64], int], Hashable]
"""What of the states and the step the set depends on."""


def whole_state(states: NDArray[np.int64], step: int) -> Hashable:
    """The key of a set that depends on all states, but not on the step."""
    return states.tobytes()


def state_and_step(states: NDArray[np.int64], step: int) -> Hashable:
    """The key of a set that depends on all states and on the step."""
    return states.tobytes(), step


@dataclass(frozen=True, slots=True, eq=False)
class StateSets:
    """An action set for each state, built when first needed and then remembered.

    Attributes:
        size: N, equal for all.
        build: gives the set of a state.
        key: states and steps with equal keys share a set.
        remembered: sets that are kept; the oldest is forgotten first.
        name: for messages.
    """

    size: int
    build: SetBuilder
    key: SetKey = whole_state
    remembered: int = 1024
    name: str = "state-dependent set"
    _built: dict[Hashable, ActionSet] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.size < 1 or self.remembered < 1:
            raise ValueError(f"size and remembered must be at least 1, got {self.size}, {self.remembered}")

    def at(self, states: NDArray[np.int64], step: int) -> ActionSet:
        """The set in these states, of shape (J,), at this step.

        Raises:
            ValueError: ``build`` gave a set of another size.
        """
        label = self.key(states, step)
        found = self._built.get(label)
        if found is None:
            found = self.build(states.copy(), step)
            if found.size != self.size:
                raise ValueError(f"build of {self.name} must give sets of {self.size} bits, got {found.size}")
            if len(self._built) >= self.remembered:
                # Another thread may have removed the same entry first.
                self._built.pop(next(iter(self._built)), None)
            self._built[label] = found
        return found


Feasible: TypeAlias = ActionSet | StateSets
"""One set for all states, or one for each."""


def set_at(feasible: Feasible, states: NDArray[np.int64], step: int) -> ActionSet:
    """The action set that holds in these states, of shape (J,), at this step."""
    return feasible if isinstance(feasible, ActionSet) else feasible.at(states, step)


def allowed(
    feasible: Feasible, states: NDArray[np.int64], step: int, actions: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which actions, of shape (batch, N), are allowed in states of shape (batch, J); shape (batch,)."""
    if isinstance(feasible, ActionSet):
        return feasible.contains(actions)
    return np.array(
        [bool(feasible.at(s, step).contains(a)) for s, a in zip(states, actions, strict=True)], dtype=np.bool_
    )
