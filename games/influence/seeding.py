"""Plain influence maximisation [1]_: k seeds, chosen freely among candidates, that reach most.

.. [1] Kempe, Kleinberg, Tardos (2003), Maximizing the spread of influence through a social network, KDD.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence.diffusion import Diffusion
from games.influence.sampler import ReverseModel, reverse_model


@dataclass(frozen=True, slots=True, eq=False)
class SeedProblem:
    """Which seeds may be chosen, and how many; c candidates.

    Attributes:
        diffusion: how influence spreads.
        size: how many seeds, in 1..c.
        candidates: numbers in the graph of the nodes that may be seeds, int64 (c,).
        model: the diffusion, ready for reverse sampling; it holds all candidates.
    """

    diffusion: Diffusion
    size: int
    candidates: NDArray[np.int64]
    model: ReverseModel

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.candidates.size:
            raise ValueError(f"size must lie in 1..{self.candidates.size}, got {self.size}")

    @property
    def least_optimum(self) -> float:
        """What the best seeds reach at least: themselves, so the ``size`` worthiest candidates."""
        worth = node_worth(self.model)[self.model.place[self.candidates]]
        return float(np.sort(worth)[-self.size :].sum())

    def marked(self, chosen: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """The chosen candidates as a mask over the nodes of ``model``."""
        mask = np.zeros(self.model.num_nodes, dtype=np.bool_)
        mask[self.model.place[self.candidates[chosen]]] = True
        return mask


def seed_problem(
    diffusion: Diffusion,
    size: int,
    *,
    candidates: Sequence[Hashable] | None = None,
    node_weight: ArrayLike | None = None,
) -> SeedProblem:
    """Set up the problem.

    Args:
        diffusion: how influence spreads.
        size: how many seeds; no more than there are candidates are chosen.
        candidates: labels of the nodes that may be seeds, distinct; all nodes where None.
        node_weight: what reaching each node is worth, one each where None.

    Raises:
        ValueError: ``size`` is below 1, or a candidate is unknown or named twice.
    """
    graph = diffusion.graph
    if candidates is None:
        numbers = np.arange(graph.num_nodes, dtype=np.int64)
    else:
        numbers = np.array([graph.number(c) for c in candidates], dtype=np.int64)
        if np.unique(numbers).size < numbers.size or numbers.size == 0:
            raise ValueError("candidates must be distinct nodes, at least one")
    model = reverse_model(diffusion, node_weight=node_weight)
    return SeedProblem(diffusion, min(size, numbers.size), numbers, model)


def node_worth(model: ReverseModel) -> NDArray[np.float64]:
    """What reaching each node of the model is worth, shape (n,)."""
    running = model.sampler.root
    return np.diff(running, prepend=0.0) if running.size else np.ones(model.num_nodes)


def graph_weight(model: ReverseModel) -> NDArray[np.float64] | None:
    """The ``node_weight`` that the model was made with, zero at removed nodes; None where all weigh one."""
    if model.sampler.root.size == 0:
        return None
    weight = np.zeros(model.place.size)
    weight[model.nodes] = node_worth(model)
    return weight
