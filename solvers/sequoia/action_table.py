"""All actions of a set as a tree, in which each has one bit more than the action before it.

A linear form of all of them then takes one addition each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.profiles import Profiles


class Table(NamedTuple):
    """What kernels read of a table; arrays of no entry where there is none.

    Attributes:
        before: the action without its last bit, int32 of shape (A,).
        bit: that bit, int32 of shape (A,); -1 for the first action.
        allowed: whether it belongs to the set; bool of shape (A,).
    """

    before: NDArray[np.int32]
    bit: NDArray[np.int32]
    allowed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ActionTable:
    """Actions in order of their number of bits; the first has none. Read-only, so threads may share it.

    Attributes:
        before: the action without its last bit, int32 of shape (A,).
        bit: that bit, int32 of shape (A,); -1 for the first action.
        allowed: whether it belongs to the set, or only leads to others; bool of shape (A,).
        size: N, the number of action bits.
    """

    before: NDArray[np.int32]
    bit: NDArray[np.int32]
    allowed: NDArray[np.bool_]
    size: int

    @property
    def arrays(self) -> Table:
        """What kernels read."""
        return Table(self.before, self.bit, self.allowed)

    def action(self, place: int) -> NDArray[np.bool_]:
        """One of the actions, bool of shape (N,)."""
        found = np.zeros(self.size, dtype=np.bool_)
        while place > 0:
            found[self.bit[place]] = True
            place = int(self.before[place])
        return found

    def actions(self, places: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Several of them, of shape (places, N)."""
        found = np.zeros((places.size, self.size), dtype=np.bool_)
        rows, here = np.arange(places.size), places.copy()
        while rows.size:
            rows, here = rows[here > 0], here[here > 0]
            found[rows, self.bit[here]] = True
            here = self.before[here].astype(np.intp)
        return found

    def without(self, actions: Sequence[NDArray[np.bool_]], kind: NDArray[np.int64]) -> "ActionTable":
        """The table with some actions not allowed.

        Args:
            actions: those, of shape (N,) each.
            kind: of the bits, as the table was built with.
        """
        allowed = self.allowed.copy()
        for action in actions:
            bits = np.flatnonzero(action)
            place = 0
            for bit in bits[np.argsort(kind[bits], kind="stable")].tolist():
                onward = np.flatnonzero((self.before == place) & (self.bit == bit))
                place = int(onward[0]) if onward.size else -1
            if place >= 0:
                allowed[place] = False
        allowed.flags.writeable = False
        return replace(self, allowed=allowed)


def action_table(profiles: Profiles) -> ActionTable:
    """The actions of some profiles, bits in the order of their kinds."""
    order = np.argsort(profiles.kind, kind="stable")
    before, bit, allowed = [np.zeros(1, dtype=np.int32)], [np.full(1, -1, dtype=np.int32)], []
    allowed.append(profiles.allowed[:1])
    # Of each action with so many bits: its place, its profile and the rank of its last bit.
    place, profile, last = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.full(1, -1)
    total = 1
    while place.size:
        grown = []
        for rank, own in enumerate(order):
            onward = profiles.following[profile, profiles.kind[own]]
            chosen = np.flatnonzero((last < rank) & (onward >= 0))
            grown.append((place[chosen], onward[chosen], np.full(chosen.size, rank)))
        parents, profile, last = (np.concatenate(parts) for parts in zip(*grown, strict=True))
        near = np.argsort(parents, kind="stable")  # children of one action side by side
        parents, profile, last = parents[near], profile[near], last[near]
        place = total + np.arange(parents.size)
        total += parents.size
        before.append(parents.astype(np.int32))
        bit.append(order[last].astype(np.int32))
        allowed.append(profiles.allowed[profile])
    table = ActionTable(
        np.concatenate(before), np.concatenate(bit), np.concatenate(allowed), profiles.kind.size
    )
    return _read_only(table)


def _read_only(table: ActionTable) -> ActionTable:
    for array in table.arrays:
        array.flags.writeable = False
    return table


NO_TABLE = _read_only(
    ActionTable(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.bool_), 0)
).arrays
"""There is no table."""
