"""Reverse-reachable sets with distances, made by threads."""

import numpy as np
from numpy.typing import NDArray

from games.influence import competition_kernels as ck
from games.influence.collection import ReverseSets, Workspace


class DepthReverseSets(ReverseSets):
    """Set k of a seed is that of ``ReverseSets``, its members in the same order."""

    def make_with_depths(
        self, seed: int, lo: int, hi: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
        """Sets number ``lo`` to ``hi`` - 1 of ``seed``.

        Returns:
            Range of each set, int64 (sets + 1,); candidates end to end, int32; their live distances to the
            roots, int32.
        """
        start, pairs, _ = self._collect(seed, lo, hi)
        member, depth = (np.ascontiguousarray(pairs[k::2]) for k in range(2))
        return start // 2, member, depth

    def _sets(
        self,
        space: Workspace,
        seed: int,
        lo: int,
        hi: int,
        sizes: NDArray[np.int32],
        nodes: NDArray[np.int64],
    ) -> tuple[int, int]:
        """See ``ReverseSets``; writes pairs of candidate and distance."""
        made, used = ck.fill_depths(
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
