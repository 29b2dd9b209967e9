"""Capacity-constrained influence maximisation in one call, on the graph as the user has it."""

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

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
        target_ratio: stop once this share of the optimum is certified; 0.85 where None.
        eps: if given, follow the paper's rule instead: RR-OPIM+ until one half less ``eps`` is certified
            (``solvers.influence.opim``).
        max_sets: most reverse-reachable sets in each of the two streams; 2^22, or 2^24 under the paper's
            rule, where None.
        max_seconds: after which no further round starts; no limit where None.
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
    held = read_edge_list(graph) if isinstance(graph, str | os.PathLike) else as_graph(graph)
    problem = capacity_problem(diffusion(held), adopters, capacity)
    if eps is not None:
        if target_ratio is not None:
            raise ValueError("eps stops at one half less eps; give it or target_ratio, not both")
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
    most = 1 << 22 if max_sets is None else max_sets
    return solve_capacity(
        problem,
        target_ratio=0.85 if target_ratio is None else target_ratio,
        confidence=0.99 if confidence is None else confidence,
        first_sets=min(4096, most),
        max_sets=most,
        time_limit=max_seconds,
        threads=threads,
        rng=rng,
        progress=progress,
    )
