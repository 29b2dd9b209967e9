"""Random actions that are allowed: neighbours of an action, and actions from anywhere in the set."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from solvers.sequoia.exact_stages import some_action
from solvers.sequoia.highs_solver import HighsSolver
from solvers.sequoia.prepared_set import prepare

_TRIES = 16


@dataclass(frozen=True, slots=True)
class NeighbourExploration:
    """Mostly a neighbour of the action that looks best, sometimes any allowed action.

    Attributes:
        neighbours: share of neighbours, in [0, 1].
    """

    neighbours: float = 0.8

    def __post_init__(self) -> None:
        if not 0.0 <= self.neighbours <= 1.0:
            raise ValueError(f"neighbours must be in [0, 1], got {self.neighbours}")

    def draw(
        self, action_set: ActionSet, best: NDArray[np.bool_], *, rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """An allowed action of shape (N,), given the one that looks best."""
        if rng.random() < self.neighbours:
            return random_neighbour(action_set, best, rng=rng)
        return random_allowed(action_set, rng=rng)


def random_neighbour(
    action_set: ActionSet, action: NDArray[np.bool_], *, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """An allowed action one flip or one swap away; the action itself where sixteen tries find none.

    Args:
        action_set: the allowed actions.
        action: one of them, of shape (N,).
        rng: the draw.
    """
    moves = np.tile(action, (_TRIES, 1))
    ones, zeros = np.flatnonzero(action), np.flatnonzero(~action)
    for move in moves:
        drop, add = rng.random(2) < (2 / 3, 2 / 3)  # a third each: both, only one, only the other (or none)
        if drop and ones.size:
            move[rng.choice(ones)] = False
        if add and zeros.size:
            move[rng.choice(zeros)] = True
    good = action_set.contains(moves) & (moves != action).any(axis=1)
    found: NDArray[np.bool_] = moves[int(good.argmax())] if good.any() else action.copy()
    return found


def random_allowed(action_set: ActionSet, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """An allowed action that may lie anywhere, not uniformly.

    Where dropping bits is always allowed, bits are set in random order while the set permits. Else it is one
    of sixteen random actions, half of them with the greatest number of bits, or the allowed action nearest to
    one.

    Raises:
        SolveError: the set is empty.
    """
    if action_set.downward and bool(action_set.contains(np.zeros(action_set.size, dtype=np.bool_))):
        action = np.zeros(action_set.size, dtype=np.bool_)
        for bit in rng.permutation(action_set.size):
            if action.sum() == action_set.most:
                break
            action[bit] = True
            if not action_set.contains(action):
                action[bit] = False
        return action
    tries = np.zeros((_TRIES, action_set.size), dtype=np.bool_)
    for action in tries:
        count = action_set.most if rng.random() < 0.5 else int(rng.integers(action_set.most + 1))
        action[rng.choice(action_set.size, count, replace=False)] = True
    good = action_set.contains(tries)
    if good.any():
        return np.asarray(tries[int(good.argmax())])
    nearest = some_action(prepare(action_set), tries[0], HighsSolver(), math.inf)
    assert nearest is not None  # there is no deadline
    return nearest
