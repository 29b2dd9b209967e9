"""Whether all pulled arms can be visited, compiled: a maximum flow by shortest augmenting paths.

The flow goes from a pulled arm through a gate (arm, worker) to a visit (worker, slot), each of which is made
once. Where visits must be by different workers a gate lets one unit through. An arm that lacks a visit looks
for one breadth first. A visit that another arm has can be taken if that arm finds another one with the same
worker, or gives the worker up and finds another.
"""

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def can_all_be_visited(
    pulled: NDArray[np.bool_],
    workers: NDArray[np.bool_],
    arms: NDArray[np.bool_],
    need: int,
    distinct: bool,
) -> NDArray[np.bool_]:
    """For each action whether every pulled arm can have its visits.

    Args:
        pulled: actions, of shape (batch, N).
        workers: free slots of each worker, of shape (W, S).
        arms: free slots of each arm, of shape (N, S).
        need: visits of a pulled arm.
        distinct: they must be by different workers.
    """
    batch, count = pulled.shape
    crew, slots = workers.shape
    owner = np.empty((crew, slots), dtype=np.int64)  # which arm has the visit, -1: none
    met = np.empty((count, crew), dtype=np.int64)  # visits of a worker to an arm
    nodes = count + count * crew + crew * slots
    parent, queue = np.empty(nodes, dtype=np.int64), np.empty(nodes, dtype=np.int64)
    found = np.empty(batch, dtype=np.bool_)
    for row in range(batch):
        owner[:], met[:] = -1, 0
        good = True
        for arm in range(count):
            if not pulled[row, arm]:
                continue
            for _ in range(need):
                if not _one_more(arm, workers, arms, distinct, owner, met, parent, queue):
                    good = False
                    break
            if not good:
                break
        found[row] = good
    return found


@numba.njit(cache=True, nogil=True)
def _one_more(
    start: int,
    workers: NDArray[np.bool_],
    arms: NDArray[np.bool_],
    distinct: bool,
    owner: NDArray[np.int64],
    met: NDArray[np.int64],
    parent: NDArray[np.int64],
    queue: NDArray[np.int64],
) -> bool:
    """Give an arm one more visit, along a shortest path; False if there is none."""
    count = arms.shape[0]
    crew, slots = workers.shape
    gates, visits = count, count + count * crew  # where their numbers begin
    parent[:] = -1
    parent[start] = start
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        node = queue[head]
        head += 1
        if node < gates:
            for worker in range(crew):
                gate = gates + node * crew + worker
                if parent[gate] < 0 and not (distinct and met[node, worker]):
                    parent[gate] = node
                    queue[tail] = gate
                    tail += 1
            continue
        if node < visits:
            arm, worker = divmod(node - gates, crew)
            for slot in range(slots):
                visit = visits + worker * slots + slot
                if parent[visit] < 0 and workers[worker, slot] and arms[arm, slot]:
                    parent[visit] = node
                    queue[tail] = visit
                    tail += 1
            if met[arm, worker] and parent[arm] < 0:
                parent[arm] = node
                queue[tail] = arm
                tail += 1
            continue
        worker, slot = divmod(node - visits, slots)
        arm = owner[worker, slot]
        if arm < 0:
            _change(node, start, owner, met, parent)
            return True
        gate = gates + arm * crew + worker
        if parent[gate] < 0:
            parent[gate] = node
            queue[tail] = gate
            tail += 1
    return False


@numba.njit(cache=True, nogil=True)
def _change(
    node: int,
    start: int,
    owner: NDArray[np.int64],
    met: NDArray[np.int64],
    parent: NDArray[np.int64],
) -> None:
    """Change hands along the path that ends in a free visit."""
    count, crew = met.shape
    slots = owner.shape[1]
    gates, visits = count, count + count * crew
    while node != start:
        before = parent[node]
        if node >= visits:
            worker, slot = divmod(node - visits, slots)
            owner[worker, slot] = (before - gates) // crew
        elif node >= gates and before < gates:
            met[before, node - gates - before * crew] += 1
        elif node < gates:
            met[node, before - gates - node * crew] -= 1
        node = before
