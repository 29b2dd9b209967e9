"""Spread by forward simulation."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence import forward_kernels as fk
from games.influence.diffusion import Diffusion, IndependentCascade, LinearThreshold
from games.influence.nodes import node_numbers, node_weights


@dataclass(frozen=True, slots=True)
class SpreadEstimate:
    """Sample mean of a spread.

    Attributes:
        mean: estimate, in units of node weight.
        standard_error: of the mean.
        simulations: how many cascades.
    """

    mean: float
    standard_error: float
    simulations: int


def simulate_spread(
    diffusion: Diffusion,
    seeds: Collection[int],
    simulations: int,
    *,
    rng: np.random.Generator,
    removed: Collection[int] = (),
    node_weight: ArrayLike | None = None,
) -> SpreadEstimate:
    """Estimate the expected weight that ``seeds`` reach by running the diffusion forward.

    Args:
        diffusion: the model.
        seeds: numbers of the nodes active at the start; removed ones do nothing.
        simulations: how many cascades, at least 2.
        rng: source of all randomness.
        removed: nodes that neither count nor pass anything on.
        node_weight: worth of each node, one each where None.

    Raises:
        ValueError: fewer than two simulations, a node that does not exist, or weights that are negative, not
            finite or of another shape.
    """
    if simulations < 2:
        raise ValueError(f"simulations must be at least 2, got {simulations}")
    graph = diffusion.graph
    n = graph.num_nodes
    worth = node_weights(node_weight, graph)
    gone = np.zeros(n, dtype=np.bool_)
    gone[node_numbers(removed, graph, "removed")] = True
    first = node_numbers(seeds, graph, "seeds")
    steps = -1 if diffusion.max_steps is None else diffusion.max_steps
    if not isinstance(diffusion, IndependentCascade | LinearThreshold):
        return _walk_listed(diffusion, first, gone, worth, simulations, rng)
    start, head, arcs = graph.successors()
    cascade = isinstance(diffusion, IndependentCascade)
    per_arc = diffusion.probability if isinstance(diffusion, IndependentCascade) else diffusion.weight
    seed = rng.integers(2**63, dtype=np.uint64)
    stamp, queue = np.zeros(n, dtype=np.int32), np.empty(n, dtype=np.int64)
    shared = (start, head, per_arc[arcs], worth, first, gone, steps, seed, 0, simulations, stamp, queue)
    if cascade:
        total, squares = fk.cascades(*shared)
    else:
        total, squares = fk.thresholds(*shared, np.zeros(n, dtype=np.int32), np.empty(n), np.empty(n))
    return _estimate(total, squares, simulations)


def _walk_listed(
    diffusion: Diffusion,
    first: NDArray[np.int64],
    gone: NDArray[np.bool_],
    worth: NDArray[np.float64],
    simulations: int,
    rng: np.random.Generator,
) -> SpreadEstimate:
    """Any triggering model: every node draws its set when the first arc reaches it."""
    start, head, _ = diffusion.graph.successors()
    options = [diffusion.triggering_sets(v) for v in range(worth.size)]
    limits = [np.cumsum([p for p, _ in listed]) for listed in options]
    total = squares = 0.0
    for _ in range(simulations):
        drawn: dict[int, tuple[int, ...]] = {}
        active = set(first[~gone[first]].tolist())
        front, steps = list(active), 0
        while front and steps != diffusion.max_steps:
            fresh = []
            for u in front:
                for w in head[start[u] : start[u + 1]].tolist():
                    if w in active or gone[w]:
                        continue
                    if w not in drawn:
                        place = int(limits[w].searchsorted(rng.random(), side="right"))
                        drawn[w] = options[w][min(place, len(options[w]) - 1)][1]
                    if u in drawn[w]:
                        active.add(w)
                        fresh.append(w)
            front = fresh
            steps += 1
        gained = float(worth[list(active)].sum())
        total += gained
        squares += gained * gained
    return _estimate(total, squares, simulations)


def _estimate(total: float, squares: float, number: int) -> SpreadEstimate:
    mean = total / number
    variance = max(0.0, squares - number * mean * mean) / (number - 1)
    return SpreadEstimate(mean, math.sqrt(variance / number), number)
