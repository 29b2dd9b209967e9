"""Reverse-reachable sets of a changing graph: only the sets that a change touches are drawn anew [1]_.

Set number k is a function of the seed, k and the in-arcs of the nodes it visits, since every set draws from
a stream of its own and a node's draw depends on its own in-arcs alone. A set that visits no node whose
in-arcs changed therefore comes out the same on the new graph, bit for bit, and what is kept here equals a
collection drawn anew.

.. [1] Peng (2021), Dynamic influence maximization, NeurIPS.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.influence import dynamic_kernels as dk
from games.influence.collection import ReverseSets, SetCollection, Workspace
from games.influence.diffusion import Diffusion, IndependentCascade, LinearThreshold
from games.influence.nodes import node_numbers
from games.influence.sampler import ReverseModel, reverse_model


@dataclass(frozen=True, slots=True, eq=False)
class TrackedSets:
    """Reverse-reachable sets with all their nodes, so that it can be told which a change touches.

    Attributes:
        diffusion: how influence spreads now.
        model: the same, ready for reverse sampling.
        seed: of the streams.
        sets: all nodes of the sets, numbered as in the model.
        node_weight: worth of each node of the graph, one each where None.
    """

    diffusion: Diffusion
    model: ReverseModel
    seed: int
    sets: SetCollection
    node_weight: NDArray[np.float64] | None

    def among(self, candidates: NDArray[np.int64]) -> SetCollection:
        """The sets cut down to candidates, given by their numbers in the graph, as selectors want them.

        Raises:
            ValueError: a candidate is named twice, is no node or is taken out of the model.
        """
        if node_numbers(candidates, self.diffusion.graph, "candidates").size < candidates.size:
            raise ValueError("candidates must be distinct")
        places = self.model.place[candidates]
        if (places < 0).any():
            raise ValueError("a removed node cannot be a candidate")
        wanted = np.full(self.model.num_nodes, -1, dtype=np.int32)
        wanted[places] = np.arange(places.size, dtype=np.int32)
        kept = wanted[self.sets.member]
        counts = np.concatenate([[0], np.cumsum(kept >= 0)])
        return SetCollection(
            counts[self.sets.start].astype(np.int64), kept[kept >= 0], places.size, self.sets.nodes
        )


@dataclass(frozen=True, slots=True, eq=False)
class Refresh:
    """What a change of the graph came to.

    Attributes:
        tracked: the sets of the new graph.
        changed: numbers in the graph of the nodes whose in-arcs changed, int64.
        redrawn: how many sets were drawn anew.
        share: the same as a share of all sets.
    """

    tracked: TrackedSets
    changed: NDArray[np.int64]
    redrawn: int
    share: float


def track_sets(
    diffusion: Diffusion,
    number: int,
    *,
    rng: np.random.Generator,
    removed: Collection[int] = (),
    node_weight: ArrayLike | None = None,
    threads: int = 1,
) -> TrackedSets:
    """Draw sets and keep all their nodes.

    Args:
        diffusion: how influence spreads.
        number: how many sets, at least 1.
        rng: source of all randomness.
        removed: numbers of nodes that neither count nor pass anything on.
        node_weight: what reaching each node is worth, one each where None.
        threads: that share the work; they do not change the sets.

    Raises:
        ValueError: ``number`` is below 1, or an argument does not fit the graph.
    """
    if number < 1:
        raise ValueError(f"number must be at least 1, got {number}")
    worth = None if node_weight is None else np.array(node_weight, dtype=np.float64)
    model = reverse_model(diffusion, removed=list(removed), node_weight=worth)
    seed = int(rng.integers(2**63))
    everyone = np.arange(model.num_nodes)
    sets = ReverseSets(model, everyone, threads=threads).make(seed, 0, number)
    return TrackedSets(diffusion, model, seed, sets, worth)


def refreshed(tracked: TrackedSets, diffusion: Diffusion, *, threads: int = 1) -> Refresh:
    """The sets of a changed diffusion on the same nodes, equal to those that ``track_sets`` would draw.

    Args:
        tracked: the sets before.
        diffusion: with arcs added, removed or given other chances; any model, but another kind of model than
            before touches everything.
        threads: that share the work; they do not change the sets.

    Raises:
        ValueError: the nodes or their labels are others, or ``threads`` is below 1.
    """
    n = tracked.diffusion.graph.num_nodes
    if diffusion.graph.num_nodes != n:
        raise ValueError(
            f"nodes must stay the same {n}, got {diffusion.graph.num_nodes}; isolate those that leave"
        )
    if diffusion.graph.labels != tracked.diffusion.graph.labels:
        raise ValueError("nodes must keep their labels and their order")
    kept = tracked.model.place >= 0
    model = reverse_model(diffusion, removed=np.flatnonzero(~kept), node_weight=tracked.node_weight)
    changed = _changed_nodes(tracked.diffusion, diffusion, kept)
    marked = np.zeros(model.num_nodes, dtype=np.bool_)
    marked[model.place[changed]] = True
    before = tracked.sets
    listed = dk.touched_sets(before.start, before.member, marked)
    fresh = _ListedSets(model, listed, threads=threads).make(tracked.seed, 0, listed.size)
    lost = int(np.diff(before.start)[listed].sum())
    start, member = dk.replaced(before.start, before.member, listed, np.diff(fresh.start), fresh.member)
    sets = SetCollection(start, member, model.num_nodes, before.nodes - lost + fresh.nodes)
    return Refresh(
        TrackedSets(diffusion, model, tracked.seed, sets, tracked.node_weight),
        changed,
        listed.size,
        listed.size / before.num_sets,
    )


class _ListedSets(ReverseSets):
    """Set k is number ``listed[k]`` of ``ReverseSets``, with all its nodes."""

    def __init__(self, model: ReverseModel, listed: NDArray[np.int64], *, threads: int) -> None:
        super().__init__(model, np.arange(model.num_nodes), threads=threads)
        self._listed = listed

    def _sets(
        self,
        space: Workspace,
        seed: int,
        lo: int,
        hi: int,
        sizes: NDArray[np.int32],
        nodes: NDArray[np.int64],
    ) -> tuple[int, int]:
        made, used = dk.fill_listed(
            self.model.sampler,
            space.node,
            np.uint64(seed),
            self._listed[lo:hi],
            self.wanted,
            space.epochs(hi - lo),
            space.queue,
            space.picks,
            sizes,
            space.members,
            nodes,
        )
        return made, used


def _changed_nodes(old: Diffusion, new: Diffusion, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Nodes, of those that are left, whose triggering set has another distribution."""
    n = kept.size
    if type(old) is not type(new) or old.max_steps != new.max_steps:
        return np.flatnonzero(kept)
    if isinstance(old, IndependentCascade) and isinstance(new, IndependentCascade):
        changed = _heads_that_differ(old, old.probability, new, new.probability)
    elif isinstance(old, LinearThreshold) and isinstance(new, LinearThreshold):
        changed = _heads_that_differ(old, old.weight, new, new.weight)
    else:
        changed = np.array([old.triggering_sets(v) != new.triggering_sets(v) for v in range(n)])
    return np.flatnonzero(changed & kept)


def _heads_that_differ(
    old: Diffusion, old_values: NDArray[np.float64], new: Diffusion, new_values: NDArray[np.float64]
) -> NDArray[np.bool_]:
    n = old.graph.num_nodes
    differs = np.zeros(n, dtype=np.bool_)
    before, after = (g.target.astype(np.int64) * n + g.source for g in (old.graph, new.graph))
    # Arcs are sorted and distinct, so those held by both stand in the same order on either side.
    common, first, second = np.intersect1d(before, after, assume_unique=True, return_indices=True)
    for key, shared in ((before, first), (after, second)):
        alone = np.ones(key.size, dtype=np.bool_)
        alone[shared] = False
        differs[key[alone] // n] = True
    differs[common[old_values[first] != new_values[second]] // n] = True
    return differs
