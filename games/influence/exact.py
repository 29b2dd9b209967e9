"""Spread by enumeration of all live-edge graphs: the witness for small graphs."""

from collections.abc import Collection
from itertools import product
from math import prod

from numpy.typing import ArrayLike

from games.errors import UnsupportedGameError
from games.influence.diffusion import Diffusion
from games.influence.nodes import node_numbers, node_weights

MAX_LIVE_GRAPHS = 1 << 20
"""More live-edge graphs than this are not enumerated."""


def exact_spread(
    diffusion: Diffusion,
    seeds: Collection[int],
    *,
    removed: Collection[int] = (),
    node_weight: ArrayLike | None = None,
) -> float:
    """Expected weight of the nodes that ``seeds`` reach.

    Args:
        diffusion: the model.
        seeds: numbers of the nodes active at the start; removed ones do nothing.
        removed: nodes that neither count nor pass anything on.
        node_weight: worth of each node, one each where None.

    Raises:
        ValueError: a node does not exist, or weights are out of range or of another shape.
        UnsupportedGameError: there are more than ``MAX_LIVE_GRAPHS`` live-edge graphs.
    """
    graph = diffusion.graph
    n = graph.num_nodes
    worth = node_weights(node_weight, graph)
    gone = set(node_numbers(removed, graph, "removed").tolist())
    draws = [[(1.0, ())] if v in gone else diffusion.triggering_sets(v) for v in range(n)]
    number = prod(len(options) for options in draws)
    if number > MAX_LIVE_GRAPHS:
        raise UnsupportedGameError(
            f"{number} live-edge graphs are too many to enumerate (at most {MAX_LIVE_GRAPHS}); "
            "estimate the spread by simulation"
        )
    start = frozenset(node_numbers(seeds, graph, "seeds").tolist()) - gone
    total = 0.0
    for live in product(*draws):
        chance = prod(p for p, _ in live)
        active = set(start)
        steps = 0
        while diffusion.max_steps is None or steps < diffusion.max_steps:
            fresh = {v for v in range(n) if v not in active and not active.isdisjoint(live[v][1])} - gone
            if not fresh:
                break
            active |= fresh
            steps += 1
        total += chance * float(sum(worth[v] for v in active))
    return total
