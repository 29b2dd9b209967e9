"""Nobody's capacity is left unused while a friend is free: an invitation never harms.

On few sets most candidates add nothing that can be seen, and the choice among them is open. Those with most
out-arcs come first.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.problem import CapacityProblem
from games.influence.sampler import ReverseModel


def fill_rooms(
    problem: CapacityProblem, owner: NDArray[np.int32], score: NDArray[np.float64] | None = None
) -> None:
    """Invite, in place, until nobody with room has a free friend.

    Args:
        problem: adopters, candidates, capacities.
        owner: int32 (c,), inviter of each candidate, -1 where not invited.
        score: who comes first, shape (c,); those with most out-arcs where None.
    """
    used = np.bincount(owner[owner >= 0], minlength=problem.adopters.size)
    room = np.minimum(problem.capacity, np.diff(problem.first)) - used
    if room.any():
        ranks = candidate_out_arcs(problem) if score is None else score
        _fill(problem.first, problem.friend, room, ranks, owner)


def candidate_out_arcs(problem: CapacityProblem) -> NDArray[np.float64]:
    """``out_arcs`` of the candidates, shape (c,)."""
    return out_arcs(problem.model)[problem.model.place[problem.candidates]].astype(np.float64)


def out_arcs(model: ReverseModel) -> NDArray[np.int64]:
    """How many arcs lead out of each node of the model, shape (n,); only those that can be live count."""
    times: NDArray[np.int64] = _occurrences(model.sampler.source, model.num_nodes)
    return times


@njit(nogil=True, cache=True)
def _occurrences(numbers: NDArray[np.int32], most: int) -> NDArray[np.int64]:
    times = np.zeros(most, dtype=np.int64)
    for number in numbers:
        times[number] += 1
    return times


@njit(nogil=True, cache=True)
def _fill(
    first: NDArray[np.int64],
    friend: NDArray[np.int32],
    room: NDArray[np.int64],
    score: NDArray[np.float64],
    owner: NDArray[np.int32],
) -> None:
    leaders = np.empty(max(1, room.max()), dtype=np.int32)
    for u in range(room.size):
        if room[u] == 0:
            continue
        size = 0  # of the leaders so far, best first
        for k in range(first[u], first[u + 1]):
            c = friend[k]
            if owner[c] >= 0 or (size == room[u] and score[c] <= score[leaders[size - 1]]):
                continue
            size = min(size + 1, room[u])
            j = size - 1
            while j > 0 and score[leaders[j - 1]] < score[c]:
                leaders[j] = leaders[j - 1]
                j -= 1
            leaders[j] = c
        for j in range(size):
            owner[leaders[j]] = u
