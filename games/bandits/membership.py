"""Membership tests that treat a batch of actions one by one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import Membership

_REMEMBERED = 1 << 16  # answers kept by each test, oldest forgotten first


def one_by_one(allows: Callable[[NDArray[np.int64]], bool]) -> Membership:
    """A batch test from ``allows``, which gets the indices of the set bits; answers are remembered."""
    answers: dict[bytes, bool] = {}

    def membership(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = np.empty(actions.shape[0], dtype=np.bool_)
        for index, (key, bits) in enumerate(zip(np.packbits(actions, axis=1), actions, strict=True)):
            label = key.tobytes()
            answer = answers.get(label)
            if answer is None:
                answer = allows(np.flatnonzero(bits))
                if len(answers) >= _REMEMBERED:
                    # Another thread may have removed the same entry first.
                    answers.pop(next(iter(answers)), None)
                answers[label] = answer
            found[index] = answer
        return found

    return membership


def within(most: int, membership: Membership) -> Membership:
    """The test ``membership``, asked only of actions with at most so many bits."""

    def limited(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = actions.sum(axis=1) <= most
        if found.any():
            found[found] = membership(actions[found])
        return np.asarray(found)

    return limited
