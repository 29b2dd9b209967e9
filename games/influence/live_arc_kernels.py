"""Compiled walks on live-arc graphs that are never written out."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence.reverse_kernels import STEP, Floats, Ints, mix, stream, unit


@njit(nogil=True, cache=True)
def gains(
    start: Ints,
    head: NDArray[np.int32],
    key: Ints,
    low: Floats,
    high: Floats,
    worth: Floats,
    max_steps: int,
    seed: np.uint64,
    simulations: int,
    nodes: Ints,
    reached: NDArray[np.uint8],
    marking: bool,
    stamp: Ints,
    epoch: int,
    queue: NDArray[np.int32],
    found: Floats,
) -> None:
    """Worth that each node reaches beyond what is reached already, summed over the simulations.

    Args:
        start: first out-arc of each node.
        head: where each arc leads.
        key: whose number decides on the arc.
        low: least number for which it is live.
        high: end of those numbers.
        worth: of each node.
        max_steps: most steps, -1 for no limit.
        seed: of all streams.
        simulations: how many.
        nodes: to try, each on its own.
        reached: uint8 (simulations, n / 8), bit per node; grows if ``marking``.
        marking: keep what is reached.
        stamp: int64 (n,), workspace.
        epoch: greatest stamp so far.
        queue: int32 (n,), workspace.
        found: float64 per node, filled.
    """
    for i in range(nodes.size):
        total = 0.0
        for k in range(simulations):
            epoch += 1
            v = nodes[i]
            known = (reached[k, v >> 3] >> (v & 7)) & 1
            # Without a limit of steps, whatever a reached node leads to is reached as well.
            if known and max_steps < 0:
                continue
            base = stream(seed, k)
            stamp[v] = epoch
            queue[0] = v
            size = 1
            if not known:
                total += worth[v]
                if marking:
                    reached[k, v >> 3] |= np.uint8(1 << (v & 7))
            front, level_end, steps = 0, 1, 0
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
                    if stamp[w] == epoch:
                        continue
                    known = (reached[k, w >> 3] >> (w & 7)) & 1
                    if known and max_steps < 0:
                        continue
                    number = unit(mix(base + np.uint64(key[a] + 1) * STEP))
                    if low[a] <= number < high[a]:
                        stamp[w] = epoch
                        queue[size] = w
                        size += 1
                        if not known:
                            total += worth[w]
                            if marking:
                                reached[k, w >> 3] |= np.uint8(1 << (w & 7))
        found[i] = total
