"""Numbers that callers give: of nodes, of whatever else is counted, and what nodes are worth."""

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence.graph import DirectedGraph


def whole_numbers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """A copy as int64.

    Raises:
        ValueError: they are not whole numbers, which would be cut off in silence.
    """
    given = np.asarray(values)
    if given.size and given.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {given.dtype}")
    return given.astype(np.int64)


def node_numbers(
    numbers: Collection[int] | NDArray[np.int64], graph: DirectedGraph, name: str
) -> NDArray[np.int64]:
    """Numbers of nodes without repetition, rising, int64.

    Raises:
        ValueError: one is not whole or is no node of the graph; ``name`` says which argument it was.
    """
    n = graph.num_nodes
    found = np.unique(whole_numbers(numbers if isinstance(numbers, np.ndarray) else list(numbers), name))
    if found.size and not (found[0] >= 0 and found[-1] < n):
        raise ValueError(f"{name} must lie in range({n}), got {found[0]} to {found[-1]}")
    return found


def node_weights(node_weight: ArrayLike | None, graph: DirectedGraph) -> NDArray[np.float64]:
    """What reaching each node is worth, float64 (n,); one each where None.

    Raises:
        ValueError: a number is negative or not finite, their sum is not, or the shape is another one.
    """
    n = graph.num_nodes
    if node_weight is None:
        return np.ones(n)
    weights = np.array(node_weight, dtype=np.float64)
    with np.errstate(over="ignore"):
        fits = weights.shape == (n,) and bool((weights >= 0).all()) and bool(np.isfinite(weights.sum()))
    if not fits:
        raise ValueError(
            f"node_weight must hold one non-negative number per node, shape ({n},), with a finite sum, "
            f"got shape {weights.shape}"
        )
    return weights
