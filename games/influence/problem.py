"""Capacity-constrained influence maximisation [1]_: every adopter invites a few friends.

Adopters A already take part. Adopter u may invite at most k_u of its out-neighbours outside A; the invited
friends, each counted once, are the seeds of a diffusion among the nodes outside A. Wanted is the invitation
that reaches most.

.. [1] Zhang, Guo, Yang, Fan, Chen (2023), Capacity constrained influence maximization in social networks,
   KDD.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence.assignment_kernels import Places
from games.influence.diffusion import Diffusion
from games.influence.sampler import ReverseModel, reverse_model


@dataclass(frozen=True, slots=True, eq=False)
class CapacityProblem:
    """Adopters, their candidates and capacities; d adopters, c candidates.

    Attributes:
        diffusion: how influence spreads.
        adopters: numbers of the adopters in the graph, int64 (d,).
        capacity: how many friends each may invite, int64 (d,).
        candidates: numbers in the graph of all nodes somebody may invite, int64 (c,), rising.
        first: int64 (d + 1,), range of each adopter in ``friend``.
        friend: int32, candidates of each adopter, numbered as in ``candidates``.
        start: int64 (c + 1,), range of each candidate in ``inviter``.
        inviter: int32, adopters who may invite each candidate, numbered as in ``adopters``.
        model: the diffusion without the adopters, ready for reverse sampling.
    """

    diffusion: Diffusion
    adopters: NDArray[np.int64]
    capacity: NDArray[np.int64]
    candidates: NDArray[np.int64]
    first: NDArray[np.int64]
    friend: NDArray[np.int32]
    start: NDArray[np.int64]
    inviter: NDArray[np.int32]
    model: ReverseModel

    @property
    def num_candidates(self) -> int:
        """How many nodes somebody may invite."""
        return self.candidates.size

    def places(self) -> Places:
        """An empty assignment; nobody needs more places than friends."""
        room = np.minimum(self.capacity, np.diff(self.first))
        first = np.zeros(room.size + 1, dtype=np.int64)
        np.cumsum(room, out=first[1:])
        d = self.adopters.size
        return Places(
            self.start,
            self.inviter,
            first,
            np.zeros(int(first[-1]), dtype=np.int32),
            np.zeros(d, dtype=np.int64),
            np.full(self.num_candidates, -1, dtype=np.int32),
            room == 0,
            np.empty(d, dtype=np.int32),
            np.empty(d, dtype=np.int32),
            np.zeros(d, dtype=np.int64),
            np.zeros(1, dtype=np.int64),
        )

    def marked(self, chosen: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """The chosen candidates as a mask over the nodes of ``model``."""
        mask = np.zeros(self.model.num_nodes, dtype=np.bool_)
        mask[self.model.place[self.candidates[chosen]]] = True
        return mask


def capacity_problem(
    diffusion: Diffusion,
    adopters: Sequence[Hashable],
    capacity: int | Mapping[Hashable, int],
    *,
    node_weight: ArrayLike | None = None,
) -> CapacityProblem:
    """Set up the problem.

    Args:
        diffusion: how influence spreads.
        adopters: labels of the adopters, distinct.
        capacity: how many friends each may invite, at least 0; one number for all or one per label.
        node_weight: what reaching each node is worth, one each where None.

    Raises:
        ValueError: an adopter is unknown or named twice, a capacity is missing or negative, or nobody has
            anybody to invite.
    """
    graph = diffusion.graph
    numbers = np.array([graph.number(a) for a in adopters], dtype=np.int64)
    if np.unique(numbers).size < numbers.size:
        raise ValueError("adopters must be distinct")
    if numbers.size == 0:
        raise ValueError("adopters must name at least one node")
    if isinstance(capacity, Mapping):
        missing = [a for a in adopters if a not in capacity]
        if missing:
            raise ValueError(f"capacity lacks {missing[:5]!r}")
        given = np.array([capacity[a] for a in adopters])
    else:
        given = np.full(numbers.size, capacity)
    # Numbers above those of int64 wrap around to negative ones.
    if given.dtype.kind not in "iu" or given.astype(np.int64).min() < 0:
        raise ValueError(f"capacity must be a whole number of at least 0, got {given[:5].tolist()}")
    room = given.astype(np.int64)
    model = reverse_model(diffusion, removed=numbers, node_weight=node_weight)
    rank = np.full(graph.num_nodes, -1, dtype=np.int64)
    rank[numbers] = np.arange(numbers.size)
    arcs = np.flatnonzero((rank[graph.source] >= 0) & (rank[graph.target] < 0))
    if not room[rank[graph.source[arcs]]].any():
        raise ValueError("no adopter has room and a neighbour outside the adopters to invite")
    who, whom = rank[graph.source[arcs]], graph.target[arcs]
    candidates, place = np.unique(whom, return_inverse=True)
    order = np.lexsort((place, who))
    first = np.zeros(numbers.size + 1, dtype=np.int64)
    np.cumsum(np.bincount(who, minlength=numbers.size), out=first[1:])
    start = np.zeros(candidates.size + 1, dtype=np.int64)
    np.cumsum(np.bincount(place, minlength=candidates.size), out=start[1:])
    return CapacityProblem(
        diffusion,
        numbers,
        room,
        candidates.astype(np.int64),
        first,
        place[order].astype(np.int32),
        start,
        # Arcs are sorted by target, so those of one candidate stand together.
        who.astype(np.int32),
        model,
    )
