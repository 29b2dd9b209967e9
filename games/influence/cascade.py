"""One cascade, step by step: what a picture or a story of a diffusion needs."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.influence.diffusion import Diffusion, IndependentCascade, LinearThreshold
from games.influence.live_arcs import threshold_parts
from games.influence.nodes import node_numbers


@dataclass(frozen=True, slots=True, eq=False)
class Cascade:
    """Who was reached when, and along which arc.

    Attributes:
        step: int64 (n,), step in which each node became active; 0 for the seeds, -1 where it did not.
        via: int64 (n,), arc along which it was first reached, in the order of ``graph.source``; -1 for seeds
            and for nodes that were not reached.
    """

    step: NDArray[np.int64]
    via: NDArray[np.int64]


def draw_cascade(
    diffusion: Diffusion,
    seeds: Collection[int],
    *,
    rng: np.random.Generator,
    removed: Collection[int] = (),
) -> Cascade:
    """Draw live arcs, and follow them from the seeds.

    Args:
        diffusion: the model.
        seeds: numbers of the nodes active at the start; removed ones do nothing.
        rng: source of all randomness.
        removed: nodes that are never reached and pass nothing on.

    Raises:
        ValueError: a node does not exist.
    """
    graph = diffusion.graph
    first = node_numbers(seeds, graph, "seeds")
    gone = np.zeros(graph.num_nodes, dtype=np.bool_)
    gone[node_numbers(removed, graph, "removed")] = True
    live = _live_arcs(diffusion, rng)
    target = graph.target
    live &= ~gone[target]
    step = np.full(graph.num_nodes, -1, dtype=np.int64)
    via = np.full(graph.num_nodes, -1, dtype=np.int64)
    step[first[~gone[first]]] = 0
    now = 0
    while diffusion.max_steps is None or now < diffusion.max_steps:
        arcs = np.flatnonzero(live & (step[graph.source] == now) & (step[target] < 0))
        if arcs.size == 0:
            break
        now += 1
        step[target[arcs]] = now
        via[target[arcs]] = arcs
    return Cascade(step, via)


def _live_arcs(diffusion: Diffusion, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which arcs are live, bool (m,)."""
    graph = diffusion.graph
    if isinstance(diffusion, IndependentCascade):
        return rng.random(graph.num_arcs) < diffusion.probability
    if isinstance(diffusion, LinearThreshold):
        low, high = threshold_parts(diffusion)
        number = np.repeat(rng.random(graph.num_nodes), graph.in_degree)
        threshold: NDArray[np.bool_] = (low <= number) & (number < high)
        return threshold
    live = np.zeros(graph.num_arcs, dtype=np.bool_)
    for node in range(graph.num_nodes):
        options = diffusion.triggering_sets(node)
        place = int(np.searchsorted(np.cumsum([p for p, _ in options]), rng.random(), side="right"))
        arcs = slice(graph.in_start[node], graph.in_start[node + 1])
        live[arcs] = np.isin(graph.source[arcs], options[min(place, len(options) - 1)][1])
    return live
