"""Invitations round by round, each chosen after the cascades of the earlier ones were seen [1]_.

Every round spreads by itself, with fresh chance, and a node counts once. Given what was reached, the next
round is plain influence maximisation in which only the others are worth anything: the same sampler with
other roots. Greedy so done is adaptive-submodular [2]_: rounds that each reach a ratio r of the best they
could have do, in expectation, at least 1 - exp(-r) of the best adaptive policy.

.. [1] Sun, Huang, Yu, Chen (2018), Multi-round influence maximization, KDD.
.. [2] Golovin, Krause (2011), Adaptive submodularity, J. Artif. Intell. Res. 42.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.certificates import Certificate
from games.influence.cascade import draw_cascade
from games.influence.diffusion import Diffusion
from games.influence.family_problems import FamilyProblem
from games.influence.sampler import reverse_model
from games.influence.seeding import graph_weight
from games.results import SolveResult, Status
from solvers.influence.family import solve_family


class Observer(Protocol):
    """The world: what a round of seeds turned out to reach."""

    def __call__(self, seeds: NDArray[np.int64], *, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which nodes of the graph were reached, shape (n,); ``seeds`` are numbers in the graph."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedWorld:
    """Cascades of a diffusion.

    Attributes:
        diffusion: the diffusion.
        removed: numbers of nodes that neither count nor pass anything on.
    """

    diffusion: Diffusion
    removed: tuple[int, ...] = ()

    def __call__(self, seeds: NDArray[np.int64], *, rng: np.random.Generator) -> NDArray[np.bool_]:
        """See ``Observer``."""
        return draw_cascade(self.diffusion, seeds.tolist(), rng=rng, removed=self.removed).step >= 0


@dataclass(frozen=True, slots=True, eq=False)
class AdaptiveRun:
    """What was invited and reached.

    Attributes:
        seeds: labels, round by round; rounds after everything was reached are empty.
        gained: worth newly reached in each round.
        ratio: certified share of the best next round, per round that was chosen.
        reached: numbers of the nodes reached in the end, int64.
        guarantee: 1 - exp(-least ratio): share of the best adaptive policy, in expectation, of a policy all
            of whose rounds reach that ratio.
    """

    seeds: tuple[tuple[Hashable, ...], ...]
    gained: tuple[float, ...]
    ratio: tuple[float, ...]
    reached: NDArray[np.int64]
    guarantee: float


def invite_in_rounds(
    problem: FamilyProblem,
    rounds: int,
    *,
    observe: Observer | None = None,
    node_weight: ArrayLike | None = None,
    target_ratio: float = 0.6,
    confidence: float = 0.99,
    first_sets: int = 4096,
    max_sets: int = 1 << 18,
    threads: int = 1,
    rng: np.random.Generator | None = None,
) -> SolveResult[AdaptiveRun]:
    """Play several rounds.

    Args:
        problem: candidates, diffusion, and the family of seeds that one round allows.
        rounds: how many, at least 1.
        observe: the world; simulated from the diffusion where None.
        node_weight: what reaching each node of the graph is worth, non-negative; as in the problem where
            None.
        target_ratio: share of the best next round to certify in each round.
        confidence: of all rounds together, in (0, 1).
        first_sets: as for ``solve_family``.
        max_sets: as for ``solve_family``.
        threads: that draw sets; the answer does not depend on it.
        rng: source of all randomness, of a simulated world too; ``np.random.default_rng(0)`` where None.

    Returns:
        The certificate ``optimality_gap`` is one minus the least certified ratio of a round's choice to the
        best that the round could have done, given what was seen.

    Raises:
        ValueError: an argument is out of range.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    began = time.perf_counter()
    rng = np.random.default_rng(0) if rng is None else rng
    choosing, world = rng.spawn(2)
    graph = problem.diffusion.graph
    removed = np.flatnonzero(problem.model.place < 0)
    if observe is None:
        observe = SimulatedWorld(problem.diffusion, tuple(removed.tolist()))
    given = graph_weight(problem.model) if node_weight is None else node_weight
    left = np.ones(graph.num_nodes) if given is None else np.array(given, dtype=np.float64)
    if left.shape != (graph.num_nodes,):
        raise ValueError(
            f"node_weight must hold one number per node, shape ({graph.num_nodes},), got {left.shape}"
        )
    left[removed] = 0.0
    reached = np.zeros(graph.num_nodes, dtype=np.bool_)
    seeds: list[tuple[Hashable, ...]] = []
    gained: list[float] = []
    ratios: list[float] = []
    for _ in range(rounds):
        if not left.any():
            seeds.append(())
            gained.append(0.0)
            continue
        model = reverse_model(problem.diffusion, removed=removed, node_weight=left)
        chosen = solve_family(
            FamilyProblem(problem.diffusion, problem.candidates, problem.family, model),
            target_ratio=target_ratio,
            confidence=1.0 - (1.0 - confidence) / rounds,
            first_sets=first_sets,
            max_sets=max_sets,
            threads=threads,
            rng=choosing,
        ).unwrap()
        found = observe(problem.candidates[chosen.chosen], rng=world)
        gained.append(float(left[found].sum()))
        reached |= found
        left[found] = 0.0
        seeds.append(chosen.seeds)
        ratios.append(chosen.ratio)
    least = min(ratios, default=1.0)
    run = AdaptiveRun(
        tuple(seeds), tuple(gained), tuple(ratios), np.flatnonzero(reached), 1.0 - float(np.exp(-least))
    )
    return SolveResult(
        run,
        Status.CERTIFIED if least >= target_ratio else Status.LIMIT,
        Certificate("optimality_gap", 1.0 - least, confidence),
        "adaptive_influence",
        len(ratios),
        time.perf_counter() - began,
        {"gained": sum(gained), "least_ratio": least},
    )
