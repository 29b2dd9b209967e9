"""Capacity-constrained influence maximisation in one call, on the graph as the user has it."""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence.diffusion import Diffusion, weighted_cascade
from games.influence.graph import DirectedGraph, as_graph, read_edge_list
from games.influence.problem import capacity_problem
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult
from solvers.influence.anytime import solve_capacity
from solvers.influence.invitations import Invitation
from solvers.influence.opim import solve_opim

DiffusionOf: TypeAlias = Callable[[DirectedGraph], Diffusion]
"""Puts a model on a graph: ``weighted_cascade``, ``uniform_threshold``, a ``functools.partial`` of one."""


def solve(
    graph: Any,  # noqa: ANN401  (many libraries)
    adopters: Sequence[Hashable],
    capacity: int | Mapping[Hashable, int],
    *,
    diffusion: DiffusionOf = weighted_cascade,
    node_weight: Mapping[Hashable, float] | ArrayLike | None = None,
    target_ratio: float | None = None,
    eps: float | None = None,
    max_sets: int | None = None,
    max_seconds: float | None = None,
    confidence: float | None = None,
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """Choose whom every adopter invites, so that the invited reach as many as possible.

    Args:
        graph: networkx or igraph graph, square scipy sparse array, ``DirectedGraph``, or the path of an edge
            list of arcs (see ``read_edge_list``, which also reads undirected ones).
        adopters: labels of those who take part already.
        capacity: how many friends each adopter may invite; one number for all or one per label.
        diffusion: how influence spreads on the graph.
        node_weight: what reaching each node is worth: by label, where nodes left out are worth nothing, so
            that those named are the target; or one number per node in the graph's order. One each where
            None.
        target_ratio: stop once this share of the optimum is certified; 0.85 where None.
        eps: if given, follow the paper's rule instead: RR-OPIM+ until one half less ``eps`` is certified
            (``solvers.influence.opim``).
        max_sets: most reverse-reachable sets in each of the two streams; 2^22, or 2^24 under the paper's
            rule, where None.
        max_seconds: limit on the time; a round that will likely not end in it is not started, but the first
            always is. No limit where None.
        confidence: of everything certified; 0.99, or 1 - 1/n under the paper's rule, where None.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called after each round.

    Returns:
        An ``Invitation``: friends per adopter in the graph's own labels, spread with its interval, and the
        certified ratio to the optimum. ``info`` says how many sets were used and, except under the paper's
        rule, who chose and which bound gave the ratio.

    Raises:
        ValueError: an argument is out of range, or both ``eps`` and ``target_ratio`` are given.
        TypeError: the graph is of an unknown kind.
        FileFormatError: the file is not an edge list.

    Example:
        >>> import networkx
        >>> from solvers.influence import solve
        >>> result = solve(networkx.star_graph(6), adopters=[1], capacity=1)
        >>> result.unwrap().friends
        {1: (0,)}
    """
    if max_sets is not None and max_sets < 1:
        raise ValueError(f"max_sets must be at least 1 or None, got {max_sets}")
    if max_seconds is not None and not max_seconds >= 0:  # `not >=` also refuses NaN
        raise ValueError(f"max_seconds must be at least 0 or None, got {max_seconds}")
    if confidence is not None and not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    if eps is not None and target_ratio is not None:
        raise ValueError("eps stops at one half less eps; give it or target_ratio, not both")
    held = read_edge_list(graph) if isinstance(graph, str | os.PathLike) else as_graph(graph)
    weight = _by_number(held, node_weight) if isinstance(node_weight, Mapping) else node_weight
    problem = capacity_problem(diffusion(held), adopters, capacity, node_weight=weight)
    if eps is not None:
        return solve_opim(
            problem,
            eps=eps,
            delta=None if confidence is None else 1.0 - confidence,
            max_sets=1 << 24 if max_sets is None else max_sets,
            time_limit=max_seconds,
            threads=threads,
            rng=rng,
            progress=progress,
        )
    return solve_capacity(
        problem,
        target_ratio=0.85 if target_ratio is None else target_ratio,
        confidence=0.99 if confidence is None else confidence,
        max_sets=1 << 22 if max_sets is None else max_sets,
        time_limit=max_seconds,
        threads=threads,
        rng=rng,
        progress=progress,
    )


def _by_number(graph: DirectedGraph, worth: Mapping[Hashable, float]) -> NDArray[np.float64]:
    """One number per node, 0 where none is named."""
    weight = np.zeros(graph.num_nodes)
    for label, value in worth.items():
        weight[graph.number(label)] = value
    return weight
