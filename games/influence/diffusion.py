r"""How influence spreads: every node draws a set of in-neighbours that would persuade it.

This is the triggering model [1]_: node v draws its triggering set :math:`T_v` among its in-neighbours, and
becomes active one step after a member of it. It is the same as reachability along *live* arcs (u, v) with
:math:`u \in T_v`. Its members here:

- independent cascade: every arc is live with its own probability, independently;
- linear threshold: at most one in-arc is live, each with its weight;
- any finite distribution over sets, given per node.

A limit on the number of steps makes any of them time-critical [2]_.

.. [1] Kempe, Kleinberg, Tardos (2003), Maximizing the spread of influence through a social network, KDD.
.. [2] Chen, Lu, Zhang (2012), Time-critical influence maximization in social networks, AAAI.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, product
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.errors import UnsupportedGameError
from games.influence.graph import DirectedGraph

TriggeringSets: TypeAlias = list[tuple[float, tuple[int, ...]]]
"""Probability and members of each set a node may draw; probabilities sum to one."""

_SLACK = 1e-9
_MOST_UNSURE = 20  # uncertain in-arcs of a node whose subsets are written out


class Diffusion(Protocol):
    """A triggering model on a graph."""

    @property
    def graph(self) -> DirectedGraph:
        """Who can influence whom."""

    @property
    def max_steps(self) -> int | None:
        """Steps after which spreading ends; None is no limit."""

    def triggering_sets(self, node: int) -> TriggeringSets:
        """The distribution of the node's triggering set, written out (exponential for cascades)."""


@dataclass(frozen=True, slots=True, eq=False)
class IndependentCascade:
    """Each arc is live with its own probability.

    Attributes:
        graph: the graph.
        probability: of each arc, in the order of ``graph.source``, shape (m,).
        max_steps: steps after which spreading ends; None is no limit.

    Raises:
        ValueError: a probability is outside [0, 1], or the shape is wrong.
    """

    graph: DirectedGraph
    probability: NDArray[np.float64]
    max_steps: int | None = None

    def __post_init__(self) -> None:
        chances = _per_arc(self.probability, self.graph, "probability")
        if not ((chances >= 0) & (chances <= 1)).all():
            raise ValueError(f"probability must lie in [0, 1], got {chances.min()!r} to {chances.max()!r}")
        object.__setattr__(self, "probability", chances)
        _check_steps(self.max_steps)

    def triggering_sets(self, node: int) -> TriggeringSets:
        """All subsets of the in-neighbours that can occur.

        Raises:
            UnsupportedGameError: they are more than 2^20.
        """
        arcs = slice(self.graph.in_start[node], self.graph.in_start[node + 1])
        sources, chances = self.graph.source[arcs].tolist(), self.probability[arcs]
        unsure = int(np.count_nonzero((chances > 0) & (chances < 1)))
        if unsure > _MOST_UNSURE:
            raise UnsupportedGameError(
                f"node {self.graph.label(node)!r} has {unsure} uncertain in-arcs, too many to write out "
                f"(at most {_MOST_UNSURE}); estimate the spread by simulation"
            )
        states = [(False,) * (p < 1) + (True,) * (p > 0) for p in chances.tolist()]
        return [
            (float(np.prod(np.where(live, chances, 1.0 - chances))), tuple(compress(sources, live)))
            for live in product(*states)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class LinearThreshold:
    """At most one in-arc is live: each with its weight, none with what is left to one.

    The same as: node v draws a threshold uniformly from [0, 1] and is active once the weights from its active
    in-neighbours reach it.

    Attributes:
        graph: the graph.
        weight: of each arc, non-negative, summing to at most one over the in-arcs of a node, shape (m,).
        max_steps: steps after which spreading ends; None is no limit.

    Raises:
        ValueError: weights are out of range, or the shape is wrong.
    """

    graph: DirectedGraph
    weight: NDArray[np.float64]
    max_steps: int | None = None

    def __post_init__(self) -> None:
        weights = _per_arc(self.weight, self.graph, "weight")
        if not (weights >= 0).all():
            raise ValueError(f"weight must be at least 0, got {weights.min()!r}")
        sums = sums_per_node(self.graph, weights)
        if sums.max(initial=0.0) > 1 + _SLACK:
            node = self.graph.label(int(sums.argmax()))
            raise ValueError(f"weights into node {node!r} sum to {sums.max()!r}, wanted at most 1")
        object.__setattr__(self, "weight", weights)
        _check_steps(self.max_steps)

    def triggering_sets(self, node: int) -> TriggeringSets:
        """One in-neighbour or none."""
        arcs = slice(self.graph.in_start[node], self.graph.in_start[node + 1])
        weights = self.weight[arcs]
        found: TriggeringSets = [
            (float(w), (u,)) for w, u in zip(weights, self.graph.source[arcs].tolist(), strict=True) if w > 0
        ]
        rest = 1.0 - float(weights.sum())
        return [*found, (rest, ())] if rest > 0 else found


@dataclass(frozen=True, slots=True, eq=False)
class Triggering:
    """Any finite distribution of triggering sets, node by node.

    Attributes:
        graph: the graph; sets may only hold in-neighbours.
        sets: per node its sets with probabilities; nodes left out are never persuaded.
        max_steps: steps after which spreading ends; None is no limit.

    Raises:
        ValueError: probabilities of a node do not sum to one, or a member is no in-neighbour.
    """

    graph: DirectedGraph
    sets: Mapping[int, Sequence[tuple[float, Sequence[int]]]]
    max_steps: int | None = None

    def __post_init__(self) -> None:
        checked: dict[int, TriggeringSets] = {}
        for node, options in self.sets.items():
            if not 0 <= node < self.graph.num_nodes:
                raise ValueError(f"sets: node must lie in range({self.graph.num_nodes}), got {node!r}")
            arcs = slice(self.graph.in_start[node], self.graph.in_start[node + 1])
            near = set(self.graph.source[arcs].tolist())
            chances = [p for p, _ in options]
            # `not <=` also refuses NaN.
            if min(chances, default=0.0) < 0 or not abs(sum(chances) - 1.0) <= _SLACK:
                raise ValueError(f"sets: probabilities of node {node} must sum to 1, got {chances}")
            for _, members in options:
                if not set(members) <= near:
                    raise ValueError(f"sets: {sorted(set(members) - near)} do not point to node {node}")
            checked[node] = [(float(p), tuple(sorted(set(members)))) for p, members in options]
        object.__setattr__(self, "sets", checked)
        _check_steps(self.max_steps)

    def triggering_sets(self, node: int) -> TriggeringSets:
        """As given."""
        found = self.sets.get(node)
        return [(1.0, ())] if found is None else [(p, tuple(members)) for p, members in found]


def weighted_cascade(graph: DirectedGraph, *, max_steps: int | None = None) -> IndependentCascade:
    """Independent cascade where each of the in-arcs of v is live with probability 1 / indegree(v)."""
    degree = graph.in_degree
    return IndependentCascade(graph, np.repeat(1.0 / np.maximum(degree, 1), degree), max_steps)


def uniform_cascade(
    graph: DirectedGraph, probability: float, *, max_steps: int | None = None
) -> IndependentCascade:
    """Independent cascade with the same probability on every arc."""
    return IndependentCascade(graph, np.full(graph.num_arcs, float(probability)), max_steps)


def trivalency_cascade(
    graph: DirectedGraph,
    *,
    rng: np.random.Generator,
    levels: Sequence[float] = (0.1, 0.01, 0.001),
    max_steps: int | None = None,
) -> IndependentCascade:
    """Independent cascade where every arc draws its probability uniformly from ``levels``."""
    return IndependentCascade(graph, rng.choice(np.asarray(levels), graph.num_arcs), max_steps)


def uniform_threshold(graph: DirectedGraph, *, max_steps: int | None = None) -> LinearThreshold:
    """Linear threshold where each of the in-arcs of v weighs 1 / indegree(v)."""
    degree = graph.in_degree
    return LinearThreshold(graph, np.repeat(1.0 / np.maximum(degree, 1), degree), max_steps)


def sums_per_node(graph: DirectedGraph, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of a number per arc over the in-arcs of each node, shape (n,)."""
    return np.bincount(graph.target, weights=values, minlength=graph.num_nodes).astype(np.float64)


def _per_arc(values: ArrayLike, graph: DirectedGraph, name: str) -> NDArray[np.float64]:
    array = np.array(values, dtype=np.float64)
    if array.shape != (graph.num_arcs,) or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must hold one finite number per arc, shape ({graph.num_arcs},), got {array.shape}"
        )
    array.flags.writeable = False
    return array


def _check_steps(max_steps: int | None) -> None:
    if max_steps is not None and (max_steps < 0 or max_steps % 1 != 0):
        raise ValueError(f"max_steps must be at least 0 and whole, or None, got {max_steps!r}")
