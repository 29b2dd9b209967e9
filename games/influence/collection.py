"""Collections of reverse-reachable sets: made by threads, extended, indexed.

A seed set S is worth (total weight) x (probability that S meets a random reverse-reachable set) [1]_, so the
share of sets that it meets estimates its spread, without bias.

.. [1] Borgs, Brautbar, Chayes, Lucier (2014), Maximizing social influence in nearly optimal time, SODA.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from games.influence import reverse_kernels as rk
from games.influence.sampler import ReverseModel

_BLOCK = 1 << 14  # sets per task of a thread; smaller jobs are done by the caller
_STAMPS = 2**31 - 2
_NO_MEMBERS = np.zeros(0, dtype=np.int32)

_Part = TypeVar("_Part")


class Workspace:
    """Buffers of one thread; stamps tell the sets apart, so nothing is cleared between sets."""

    def __init__(self, model: ReverseModel) -> None:
        self.node = model.sampler.node.copy()
        self.queue = np.empty(model.num_nodes, dtype=np.int32)
        self.picks = np.empty(model.most_arcs, dtype=np.int64)
        self.members = np.empty(1 << 12, dtype=np.int32)
        self.epoch = 0

    def epochs(self, number: int) -> int:
        """Reserve stamps for ``number`` sets; the greatest stamp used before."""
        if self.epoch > _STAMPS - number:
            self.node[:, rk.STAMP] = 0
            self.epoch = 0
        before = self.epoch
        self.epoch += number
        return before


@dataclass(frozen=True, slots=True, eq=False)
class SetCollection:
    """Reverse-reachable sets cut down to candidates.

    Attributes:
        start: int64 (sets + 1,), range of each set in ``member``; sets without candidates are empty.
        member: int32, numbers of candidates.
        num_candidates: how many there are.
        nodes: nodes visited to make the sets.
    """

    start: NDArray[np.int64]
    member: NDArray[np.int32]
    num_candidates: int
    nodes: int

    @property
    def num_sets(self) -> int:
        """Number of sets, empty ones included."""
        return self.start.size - 1


class ReverseSets:
    """Makes reverse-reachable sets of a model; set k of a seed is always the same set.

    Attributes:
        model: the model.
        wanted: int32 (n,), under which number a node is kept in collections, -1 for not.
        num_candidates: how many nodes are kept.
    """

    def __init__(self, model: ReverseModel, candidates: NDArray[np.int64], *, threads: int = 1) -> None:
        """Prepare.

        Args:
            model: the model.
            candidates: nodes, numbered as in the model, that collections keep.
            threads: that share the work, the caller's included.

        Raises:
            ValueError: ``threads`` is below 1, or a candidate is named twice or is no node of the model.
        """
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if candidates.size and not 0 <= candidates.min() <= candidates.max() < model.num_nodes:
            ends = f"{candidates.min()} to {candidates.max()}"
            raise ValueError(f"candidates must lie in range({model.num_nodes}), got {ends}")
        self.model = model
        self.wanted = np.full(model.num_nodes, -1, dtype=np.int32)
        self.wanted[candidates] = np.arange(candidates.size, dtype=np.int32)
        if np.count_nonzero(self.wanted >= 0) < candidates.size:
            raise ValueError("candidates must be distinct")
        self.num_candidates = candidates.size
        self._spaces = [Workspace(model) for _ in range(threads)]
        self._pool: ThreadPoolExecutor | None = None  # its threads end with it

    def make(self, seed: int, lo: int, hi: int) -> SetCollection:
        """Sets number ``lo`` to ``hi`` - 1 of ``seed``."""
        start, member, nodes = self._collect(seed, lo, hi)
        return SetCollection(start, member, self.num_candidates, nodes)

    def hits(self, seed: int, lo: int, hi: int, marked: NDArray[np.bool_]) -> int:
        """How many of these sets hold a node marked in an array of shape (n,); nothing is stored.

        Raises:
            ValueError: ``marked`` has another shape.
        """
        if marked.shape != (self.model.num_nodes,):
            raise ValueError(
                f"marked must hold one entry per node, shape ({self.model.num_nodes},), got {marked.shape}"
            )

        def count(space: Workspace, a: int, b: int) -> int:
            epoch = space.epochs(b - a)
            found: int = rk.count_hits(
                self.model.sampler,
                space.node,
                np.uint64(seed),
                a,
                b,
                marked,
                epoch,
                space.queue,
                space.picks,
            )
            return found

        return sum(self._over_blocks(lo, hi, count))

    def _collect(self, seed: int, lo: int, hi: int) -> tuple[NDArray[np.int64], NDArray[np.int32], int]:
        """Ranges of the sets, what ``_sets`` writes of them end to end, and nodes visited."""
        sizes = np.empty(max(0, hi - lo), dtype=np.int32)
        parts = self._over_blocks(lo, hi, lambda space, a, b: self._fill(space, seed, a, b, sizes[a - lo :]))
        start = np.zeros(sizes.size + 1, dtype=np.int64)
        np.cumsum(sizes, out=start[1:])
        member = np.concatenate([_NO_MEMBERS, *(piece for pieces, _ in parts for piece in pieces)])
        return start, member, sum(nodes for _, nodes in parts)

    def _fill(
        self, space: Workspace, seed: int, lo: int, hi: int, sizes: NDArray[np.int32]
    ) -> tuple[list[NDArray[np.int32]], int]:
        """Members of the sets in pieces, and nodes visited; the sets' sizes go into ``sizes``."""
        nodes = np.zeros(1, dtype=np.int64)
        pieces: list[NDArray[np.int32]] = []
        done = 0
        while True:
            made, used = self._sets(space, seed, lo + done, hi, sizes[done:], nodes)
            pieces.append(space.members[:used].copy())
            done += made
            if done == hi - lo:
                return pieces, int(nodes[0])
            # The buffer was full: a larger one serves all later calls too.
            space.members = np.empty(2 * space.members.size, dtype=np.int32)

    def _sets(
        self,
        space: Workspace,
        seed: int,
        lo: int,
        hi: int,
        sizes: NDArray[np.int32],
        nodes: NDArray[np.int64],
    ) -> tuple[int, int]:
        """Write sets into ``space.members``: how many were made before it was full, and entries written.

        ``sizes`` is filled with their sizes, and ``nodes[0]`` grows by the nodes visited.
        """
        made, used = rk.fill_sets(
            self.model.sampler,
            space.node,
            np.uint64(seed),
            lo,
            hi,
            self.wanted,
            space.epochs(hi - lo),
            space.queue,
            space.picks,
            sizes,
            space.members,
            nodes,
        )
        return made, used

    def _over_blocks(self, lo: int, hi: int, work: Callable[[Workspace, int, int], _Part]) -> list[_Part]:
        """Results of ``work(space, a, b)`` over blocks of the range, in order."""
        blocks = [(a, min(a + _BLOCK, hi)) for a in range(lo, hi, _BLOCK)]
        threads = min(len(self._spaces), len(blocks))
        if threads <= 1:
            return [work(self._spaces[0], a, b) for a, b in blocks]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(len(self._spaces) - 1)
        results: dict[int, _Part] = {}
        left = deque(range(len(blocks)))

        def run(space: Workspace) -> None:
            # Whoever is free takes the next block; what comes out does not depend on who made it.
            while True:
                try:
                    k = left.popleft()
                except IndexError:
                    return
                results[k] = work(space, *blocks[k])

        helpers = [self._pool.submit(run, space) for space in self._spaces[1:threads]]
        try:
            run(self._spaces[0])
        finally:
            left.clear()
            for helper in helpers:
                helper.result()
        return [results[k] for k in range(len(blocks))]


def joined(first: SetCollection, second: SetCollection) -> SetCollection:
    """Both collections, one after the other."""
    start = np.concatenate([first.start, second.start[1:] + first.start[-1]])
    member = np.concatenate([first.member, second.member])
    return SetCollection(start, member, first.num_candidates, first.nodes + second.nodes)
