r"""Local heuristics [1]_: every adopter invites its candidates of highest rank, whoever else invites them.

Adopters do not look at each other, so some are invited twice and count once; that is what the
capacity-constrained methods gain over these. Ranks are taken in the whole graph, adopters included.

.. [1] Zhang, Guo, Yang, Fan, Chen (2023), Capacity constrained influence maximization in social networks,
   KDD.
"""

import time

import numpy as np
from numpy.typing import NDArray

from games.influence.graph import DirectedGraph
from games.influence.problem import CapacityProblem
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status
from solvers.influence.invitations import Invitation
from solvers.influence.judging import FreshSets, judged


def solve_degree(
    problem: CapacityProblem,
    *,
    fresh: FreshSets = FreshSets(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """Every adopter invites its candidates of greatest out-degree.

    Args:
        problem: adopters, capacities, diffusion.
        fresh: sets by which the invitation is judged; it does not depend on them.
        threads: that draw these sets.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called once all have invited.

    Returns:
        Status STATIONARY, as nothing is aimed at; the certificate is that of ``solvers.influence.judging``.
    """
    began = time.perf_counter()
    graph = problem.diffusion.graph
    degree = np.bincount(graph.source, minlength=graph.num_nodes)
    return _highest(problem, degree, "degree", began, fresh, threads, rng, progress)


def solve_pagerank(
    problem: CapacityProblem,
    *,
    restart: float = 0.2,
    fresh: FreshSets = FreshSets(),  # noqa: B008  (frozen)
    threads: int = 1,
    rng: np.random.Generator | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[Invitation]:
    """Every adopter invites its candidates of greatest PageRank, for a surfer who walks against the arcs.

    Args:
        problem: adopters, capacities, diffusion.
        restart: chance of a jump to a random node, in (0, 1); 0.2 in the paper's experiments.
        fresh: sets by which the invitation is judged; it does not depend on them.
        threads: that draw these sets.
        rng: source of all randomness; ``np.random.default_rng(0)`` where None.
        progress: called once all have invited.

    Returns:
        Status STATIONARY, as nothing is aimed at; the certificate is that of ``solvers.influence.judging``.

    Raises:
        ValueError: ``restart`` is out of range.
    """
    began = time.perf_counter()
    rank = influence_rank(problem.diffusion.graph, restart)
    return _highest(problem, rank, "pagerank", began, fresh, threads, rng, progress)


def influence_rank(graph: DirectedGraph, restart: float, *, tol: float = 1e-12) -> NDArray[np.float64]:
    r"""PageRank [1]_ with the arcs turned round: a node is worth what those it influences are worth.

    .. math:: \pi_u = \frac{\alpha}{n} + (1 - \alpha) \Bigl(\sum_{u \to v} \frac{\pi_v}{\mathrm{indegree}(v)}
        + \frac1n \sum_{v:\, \mathrm{indegree}(v) = 0} \pi_v\Bigr).

    Args:
        graph: the graph.
        restart: :math:`\alpha`, in (0, 1).
        tol: sum of changes below which the iteration ends.

    Returns:
        Ranks that sum to one, shape (n,).

    .. [1] Brin, Page (1998), The anatomy of a large-scale hypertextual web search engine.
    """
    if not 0 < restart < 1:
        raise ValueError(f"restart must lie in (0, 1), got {restart!r}")
    n = graph.num_nodes
    degree, target = graph.in_degree, graph.target
    alone = degree == 0
    rank = np.full(n, 1.0 / n)
    change = np.inf
    while change > tol:  # shrinks by 1 - restart at least
        share = rank / np.maximum(degree, 1)
        passed = np.bincount(graph.source, weights=share[target], minlength=n) + rank[alone].sum() / n
        fresh = restart / n + (1.0 - restart) * passed
        # Rounding alone must not keep the sum of changes above the tolerance.
        fresh /= fresh.sum()
        change = float(np.abs(fresh - rank).sum())
        rank = fresh
    return rank


def _highest(
    problem: CapacityProblem,
    score: NDArray[np.int64] | NDArray[np.float64],
    name: str,
    began: float,
    fresh: FreshSets,
    threads: int,
    rng: np.random.Generator | None,
    progress: ProgressCallback,
) -> SolveResult[Invitation]:
    rank = -score[problem.candidates]
    friends = []
    for u, room in enumerate(problem.capacity.tolist()):
        known = problem.friend[problem.first[u] : problem.first[u + 1]].astype(np.int64)
        friends.append(known[np.argsort(rank[known], kind="stable")[:room]])
    progress(1, 1)
    return judged(
        problem,
        friends,
        fresh,
        status=Status.STATIONARY,
        name=name,
        steps=1,
        began=began,
        threads=threads,
        rng=np.random.default_rng(0) if rng is None else rng,
    )
