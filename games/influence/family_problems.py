"""Influence maximisation over any family of seed sets: candidates, family and diffusion."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence.diffusion import Diffusion
from games.influence.families import Capacities, Family
from games.influence.intersection import Intersection
from games.influence.nodes import node_numbers
from games.influence.problem import CapacityProblem
from games.influence.sampler import ReverseModel, reverse_model


@dataclass(frozen=True, slots=True, eq=False)
class FamilyProblem:
    """Candidates, family and diffusion; c candidates.

    Attributes:
        diffusion: how influence spreads.
        candidates: numbers in the graph of the nodes that may be seeds, distinct, int64 (c,).
        family: which of them may be seeds together.
        model: the diffusion ready for reverse sampling.

    Raises:
        ValueError: the family speaks of another number of candidates, or one is no node, repeated or taken
            out of the model.
    """

    diffusion: Diffusion
    candidates: NDArray[np.int64]
    family: Family
    model: ReverseModel

    def __post_init__(self) -> None:
        if self.family.num_candidates != self.candidates.size:
            raise ValueError(
                f"family must speak of {self.candidates.size} candidates, got {self.family.num_candidates}"
            )
        if node_numbers(self.candidates, self.diffusion.graph, "candidates").size < self.candidates.size:
            raise ValueError("candidates must be distinct")
        if (self.places < 0).any():
            raise ValueError("a removed node cannot be a candidate")

    @property
    def places(self) -> NDArray[np.int64]:
        """Number of each candidate in the model, int64 (c,)."""
        return self.model.place[self.candidates]

    def marked(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The chosen candidates as a mask over the nodes of the model."""
        mask = np.zeros(self.model.num_nodes, dtype=np.bool_)
        mask[self.places[chosen]] = True
        return mask

    def labels(self, chosen: NDArray[np.int64]) -> tuple[Hashable, ...]:
        """Names of the chosen candidates."""
        return tuple(self.diffusion.graph.label(int(v)) for v in self.candidates[chosen])


def family_problem(
    diffusion: Diffusion,
    candidates: Sequence[Hashable],
    family: Family,
    *,
    removed: Collection[Hashable] = (),
    node_weight: ArrayLike | None = None,
) -> FamilyProblem:
    """Set up a problem by labels.

    Args:
        diffusion: how influence spreads.
        candidates: nodes that may be seeds, in the family's order.
        family: which of them may be seeds together.
        removed: nodes that neither count nor pass anything on.
        node_weight: what reaching each node is worth, one each where None; zeros make it targeted.

    Raises:
        ValueError: a node is unknown, repeated or removed, or the family does not fit.
    """
    graph = diffusion.graph
    numbers = np.array([graph.number(v) for v in candidates], dtype=np.int64)
    gone = np.array([graph.number(v) for v in removed], dtype=np.int64)
    return FamilyProblem(
        diffusion, numbers, family, reverse_model(diffusion, removed=gone, node_weight=node_weight)
    )


def with_capacities(problem: CapacityProblem, *further: Family) -> FamilyProblem:
    """The problem of adopters with capacities, and whatever else limits the choice, as one of families."""
    family: Family = Capacities(problem)
    if further:
        family = Intersection((family, *further))
    return FamilyProblem(problem.diffusion, problem.candidates, family, problem.model)
