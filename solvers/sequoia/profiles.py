"""Sets whose bits come in kinds, told by how many bits of each kind may be set.

Bits of one kind may be exchanged, so an action is allowed or not by its *profile*: the number of set bits of
each kind. Workers with capacities see only the costs of arms, for instance. A set of millions of actions then
has some hundred profiles, and a membership test for each of them says all of it. Where no kinds are known
every bit is a kind of its own, and profiles are actions.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet

_TESTED_AT_ONCE = 4096


class Moves(NamedTuple):
    """What kernels read of profiles; arrays of no entry where there are none.

    Attributes:
        kind: of each bit, int64 of shape (N,).
        following: of each profile the one with one bit more of a kind, -1 for none; int64 of shape (F, K).
        allowed: whether actions of the profile are allowed, bool of shape (F,).
    """

    kind: NDArray[np.int64]
    following: NDArray[np.int64]
    allowed: NDArray[np.bool_]


NO_MOVES = Moves(np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.int64), np.empty(0, dtype=np.bool_))
"""Profiles are not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """Profiles of an action set, and of what leads to them.

    Attributes:
        kind: of each bit, int64 of shape (N,), numbered from 0 without gaps.
        sizes: bits of each kind, of shape (K,).
        counts: the profiles, of shape (F, K), those with fewer bits first, so the first is that of no bit.
        following: of each the profile with one bit more of a kind, -1 for none; int64 of shape (F, K).
        allowed: whether actions of the profile are allowed, bool of shape (F,). All are if the set is
            downward; of other sets all profiles with at most as many bits as it has are listed.
    """

    kind: NDArray[np.int64]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]
    following: NDArray[np.int64]
    allowed: NDArray[np.bool_]

    @property
    def moves(self) -> Moves:
        """What kernels read."""
        return Moves(self.kind, self.following, self.allowed)

    @property
    def actions(self) -> int:
        """How many actions have one of the profiles."""
        sizes = self.sizes.tolist()
        total = 0
        for profile in self.counts.tolist():
            ways = 1
            for size, count in zip(sizes, profile, strict=True):
                ways *= comb(size, count)
            total += ways
        return total

    def maximal(self) -> NDArray[np.int64]:
        """The profiles that none exceeds, in lexicographic order, of shape (V, K)."""
        top = self.counts[(self.following < 0).all(axis=1)]
        return top[np.lexsort(top.T[::-1])]

    def of(self, action: NDArray[np.bool_]) -> int:
        """The number of an action's profile, -1 if it is none."""
        place = 0
        for kind in np.sort(self.kind[action]).tolist():
            place = int(self.following[place, kind])
            if place < 0:
                return -1
        return place


def profiles(action_set: ActionSet, tests: int) -> Profiles | None:
    """All profiles of a set.

    In a downward set a profile is tested only if all with one bit less are allowed, so there are hardly more
    tests than profiles.

    Args:
        action_set: the set.
        tests: greatest number of membership tests.

    Returns:
        None if there are too many profiles, or no action is allowed.
    """
    given = np.arange(action_set.size) if action_set.kinds is None else action_set.kinds
    kind = np.unique(given, return_inverse=True)[1].astype(np.int64)
    sizes = np.bincount(kind)
    if not action_set.downward and _profiles_within(sizes, action_set.most) > tests:
        return None
    members = [np.flatnonzero(kind == k) for k in range(sizes.size)]
    room = sizes.tolist()
    strides = [1]
    for size in room:
        strides.append(strides[-1] * (size + 1))
    # A profile is kept as the kinds of its bits in order, and as a number.
    level: dict[int, tuple[int, ...]] = {0: ()}
    passed = {0: bool(action_set.contains(np.zeros(action_set.size, dtype=np.bool_)))}
    if action_set.downward and not passed[0]:
        return None
    found = dict(level)
    while level:
        wider: dict[int, tuple[int, ...]] = {}
        for code, bits in level.items():
            for k in range(bits[-1] if bits else 0, len(room)):
                more = code + strides[k]
                if bits.count(k) == room[k] or len(bits) == action_set.most:
                    continue
                if not action_set.downward or all(more - strides[other] in level for other in bits):
                    wider[more] = (*bits, k)
        if len(passed) + len(wider) > tests:
            return None
        answers = _tested(action_set, wider.values(), members)
        passed |= zip(wider, answers, strict=True)
        if action_set.downward:
            wider = {code: bits for code, bits in wider.items() if passed[code]}
        found |= wider
        level = wider
    place = {code: number for number, code in enumerate(found)}
    allowed = np.array([passed[code] for code in found])
    if not allowed.any():
        return None
    following = [[place.get(code + stride, -1) for stride in strides[:-1]] for code in found]
    counts = np.array([np.bincount(bits, minlength=sizes.size) for bits in found.values()])
    ahead = np.array(following, dtype=np.int64).reshape(counts.shape)
    # Numbers of full kinds run over into the next kind.
    return Profiles(kind, sizes, counts, np.where(counts < sizes, ahead, -1), allowed)


def _profiles_within(sizes: NDArray[np.int64], most: int) -> int:
    """How many profiles have at most so many bits."""
    ways = [1] + [0] * most
    for size in sizes.tolist():
        ways = [sum(ways[max(0, n - size) : n + 1]) for n in range(most + 1)]
    return sum(ways)


def _tested(
    action_set: ActionSet, bits: Iterable[tuple[int, ...]], members: list[NDArray[np.intp]]
) -> list[bool]:
    """Whether profiles are allowed, by an action of each."""
    every = list(bits)
    answers: list[bool] = []
    for begin in range(0, len(every), _TESTED_AT_ONCE):
        some = every[begin : begin + _TESTED_AT_ONCE]
        actions = np.zeros((len(some), action_set.size), dtype=np.bool_)
        for action, own in zip(actions, some, strict=True):
            for k in set(own):
                action[members[k][: own.count(k)]] = True
        answers += action_set.contains(actions).tolist()
    return answers
