"""Compiled forward simulation, written from each model's own definition and apart from the reverse sets."""

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.reverse_kernels import STEP, mix, stream, unit

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


@njit(nogil=True, cache=True)
def cascades(
    start: Ints,
    head: NDArray[np.int32],
    chance: Floats,
    worth: Floats,
    seeds: Ints,
    removed: NDArray[np.bool_],
    max_steps: int,
    seed: np.uint64,
    lo: int,
    hi: int,
    stamp: NDArray[np.int32],
    queue: Ints,
) -> tuple[float, float]:
    """Sum and sum of squares of the worth that cascades ``lo`` to ``hi`` - 1 reach; an arc is tried once."""
    total = squares = 0.0
    for k in range(lo, hi):
        state = stream(seed, k)
        epoch = 1 + k - lo
        size = 0
        gained = 0.0
        for v in seeds:
            if not removed[v] and stamp[v] != epoch:
                stamp[v] = epoch
                queue[size] = v
                size += 1
                gained += worth[v]
        front, level_end, steps = 0, size, 0
        while front < size:
            if front == level_end:
                steps += 1
                level_end = size
            if steps == max_steps:
                break
            u = queue[front]
            front += 1
            for a in range(start[u], start[u + 1]):
                w = head[a]
                if stamp[w] != epoch and not removed[w]:
                    state += STEP
                    if unit(mix(state)) < chance[a]:
                        stamp[w] = epoch
                        queue[size] = w
                        size += 1
                        gained += worth[w]
        total += gained
        squares += gained * gained
    return total, squares


@njit(nogil=True, cache=True)
def thresholds(
    start: Ints,
    head: NDArray[np.int32],
    weight: Floats,
    worth: Floats,
    seeds: Ints,
    removed: NDArray[np.bool_],
    max_steps: int,
    seed: np.uint64,
    lo: int,
    hi: int,
    stamp: NDArray[np.int32],
    queue: Ints,
    met: NDArray[np.int32],
    limit: Floats,
    load: Floats,
) -> tuple[float, float]:
    """The same for linear threshold: a node follows once its active in-neighbours weigh as much as its draw.

    ``met`` int32, ``limit`` and ``load`` float64, each (n,), are workspace.
    """
    total = squares = 0.0
    for k in range(lo, hi):
        state = stream(seed, k)
        epoch = 1 + k - lo
        size = 0
        gained = 0.0
        for v in seeds:
            if not removed[v] and stamp[v] != epoch:
                stamp[v] = epoch
                queue[size] = v
                size += 1
                gained += worth[v]
        front, level_end, steps = 0, size, 0
        while front < size:
            if front == level_end:
                steps += 1
                level_end = size
            if steps == max_steps:
                break
            u = queue[front]
            front += 1
            for a in range(start[u], start[u + 1]):
                w = head[a]
                if stamp[w] == epoch or removed[w]:
                    continue
                if met[w] != epoch:
                    met[w] = epoch
                    state += STEP
                    limit[w] = 1.0 - unit(mix(state))  # in (0, 1]: weightless pressure persuades nobody
                    load[w] = 0.0
                load[w] += weight[a]
                if load[w] >= limit[w]:
                    stamp[w] = epoch
                    queue[size] = w
                    size += 1
                    gained += worth[w]
        total += gained
        squares += gained * gained
    return total, squares
