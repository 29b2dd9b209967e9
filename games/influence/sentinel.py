"""Reverse-reachable sets that end where they meet a sentinel [1]_.

Once some seeds are settled, a set that holds one of them is met whatever else is chosen: it need not be
finished, nor its members be kept. Where sets are huge this saves most of the work.

.. [1] Guo, Wang, Wei, Chen (2020), Influence maximization revisited: efficient reverse reachable set
   generation with bound tightened, SIGMOD.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.influence import reverse_kernels as rk
from games.influence.collection import ReverseSets, Workspace
from games.influence.sampler import ReverseModel


class SentinelSets(ReverseSets):
    """Set k of a seed is that of ``ReverseSets``, or just the sentinel where it meets one.

    All sentinels together are one further candidate, the last: ``num_candidates`` is one more than the
    candidates given, and a set that meets a sentinel holds that number alone.
    """

    def __init__(
        self,
        model: ReverseModel,
        candidates: NDArray[np.int64],
        sentinels: NDArray[np.bool_],
        *,
        threads: int = 1,
    ) -> None:
        """Prepare.

        Args:
            model: the model.
            candidates: nodes, numbered as in the model, that collections keep.
            sentinels: mask of shape (n,) over the nodes of the model.
            threads: that share the work, the caller's included.

        Raises:
            ValueError: ``sentinels`` has another shape, or see ``ReverseSets``.
        """
        super().__init__(model, candidates, threads=threads)
        if sentinels.shape != (model.num_nodes,):
            raise ValueError(
                f"sentinels must hold one entry per node, shape ({model.num_nodes},), got {sentinels.shape}"
            )
        self.sentinels = sentinels
        self.num_candidates = candidates.size + 1

    def _sets(
        self,
        space: Workspace,
        seed: int,
        lo: int,
        hi: int,
        sizes: NDArray[np.int32],
        nodes: NDArray[np.int64],
    ) -> tuple[int, int]:
        """See ``ReverseSets``."""
        made, used = _fill_to_sentinel(
            self.model.sampler,
            space.node,
            np.uint64(seed),
            lo,
            hi,
            self.wanted,
            self.sentinels,
            self.num_candidates - 1,
            space.epochs(hi - lo),
            space.queue,
            space.picks,
            sizes,
            space.members,
            nodes,
        )
        return made, used


# References to arrays go uncounted for the reason given in ``reverse_kernels``.
@njit(nogil=True, cache=True, _nrt=False)
def _fill_to_sentinel(
    s: rk.Sampler,
    node: rk.Numbers,
    seed: np.uint64,
    lo: int,
    hi: int,
    wanted: NDArray[np.int32],
    sentinels: NDArray[np.bool_],
    sentinel: int,
    epoch: int,
    queue: NDArray[np.int32],
    picks: rk.Ints,
    sizes: NDArray[np.int32],
    members: NDArray[np.int32],
    nodes: rk.Ints,
) -> tuple[int, int]:
    """As ``reverse_kernels.fill_sets``; a set that meets ``sentinels`` is written as ``sentinel`` alone."""
    _, source, limit, table, cut, root, max_steps = s
    used = visited = 0
    for k in range(lo, hi):
        size = rk._reverse_set(
            node,
            source,
            limit,
            table,
            cut,
            root,
            max_steps,
            rk.stream(seed, k),
            epoch + 1 + k - lo,
            queue,
            picks,
            True,
            sentinels,
        )
        if used + (1 if size < 0 else size) > members.size:
            nodes[0] += visited
            return k - lo, used
        begin = used
        if size < 0:
            members[used] = sentinel
            used += 1
        for j in range(size):
            c = wanted[queue[j]]
            if c >= 0:
                members[used] = c
                used += 1
        visited += abs(size)
        sizes[k - lo] = used - begin
    nodes[0] += visited
    return hi - lo, used
