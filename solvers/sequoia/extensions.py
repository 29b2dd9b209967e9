"""Which bits can be added to the actions of a downward set."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet

_REMEMBERED = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class Extensions:
    """Answers of the membership test, remembered; safe in threads, which at worst ask twice.

    An action is a whole number here, its bit i that of the number.

    Attributes:
        action_set: a downward set that allows the action without bits.
    """

    action_set: ActionSet
    _known: dict[int, NDArray[np.bool_]] = field(default_factory=dict, init=False, repr=False)

    def bits(self, code: int) -> NDArray[np.bool_]:
        """The action of a number, bool of shape (N,)."""
        raw = np.frombuffer(code.to_bytes((self.action_set.size + 7) // 8, "little"), dtype=np.uint8)
        return np.unpackbits(raw, count=self.action_set.size, bitorder="little").astype(np.bool_)

    def of(self, code: int) -> NDArray[np.bool_]:
        """Which bits can be added to an allowed action one by one, bool of shape (N,)."""
        found = self._known.get(code)
        if found is not None:
            return found
        action = self.bits(code)
        possible = ~action
        for bit in np.flatnonzero(action).tolist():
            shorter = self._known.get(code & ~(1 << bit))
            if shorter is not None:  # what cannot be added to less cannot be added here
                possible &= shorter
        bits = np.flatnonzero(possible)
        longer = np.repeat(action[None], bits.size, axis=0)
        longer[np.arange(bits.size), bits] = True
        possible[bits] = self.action_set.contains(longer)
        possible.flags.writeable = False
        if len(self._known) < _REMEMBERED:
            self._known[code] = possible
        return possible
