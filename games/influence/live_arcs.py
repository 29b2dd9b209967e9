r"""Simulations whose chance is fixed beforehand: live-arc graphs that every seed set shares.

Simulation k is one live-arc graph, decided by coins that are functions of (seed, k, key) alone. The mean
number of nodes that S reaches over r such graphs is a coverage function of S, monotone and submodular like
the spread itself [1]_, so marginal gains measured on it never rise, and lazy greedy [2]_ chooses exactly what
greedy chooses.

A triggering set is drawn by one uniform number per node, and an arc is live where that number falls into its
part of [0, 1); in a cascade every arc has a number of its own.

.. [1] Kempe, Kleinberg, Tardos (2003), Maximizing the spread of influence through a social network, KDD.
.. [2] Leskovec et al. (2007), Cost-effective outbreak detection in networks, KDD (CELF).
"""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.influence import live_arc_kernels as lk
from games.influence.diffusion import Diffusion, IndependentCascade, LinearThreshold
from games.influence.nodes import node_numbers
from games.influence.reverse_kernels import running_sums


@dataclass(frozen=True, slots=True, eq=False)
class LiveArcs:
    """The arcs of a diffusion, and when each is live; n nodes, a arcs.

    Attributes:
        start: int64 (n + 1,), first out-arc of each node.
        head: int32 (a,), where each arc leads.
        key: int64 (a,), whose uniform number decides.
        low: float64 (a,), live where the number is at least this ...
        high: float64 (a,), ... and below this.
        max_steps: steps after which spreading ends, -1 for no limit.
    """

    start: NDArray[np.int64]
    head: NDArray[np.int32]
    key: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    max_steps: int

    @classmethod
    def of(cls, diffusion: Diffusion, removed: Collection[int] = ()) -> "LiveArcs":
        """Write a diffusion so; removed nodes neither pass anything on nor are reached.

        Raises:
            ValueError: a removed node does not exist.
        """
        graph = diffusion.graph
        n = graph.num_nodes
        if isinstance(diffusion, IndependentCascade):
            tail, head, high = graph.source, graph.target, diffusion.probability
            key, low = np.arange(graph.num_arcs, dtype=np.int64), np.zeros(graph.num_arcs)
        elif isinstance(diffusion, LinearThreshold):
            tail, head = graph.source, graph.target
            key = head.astype(np.int64)
            low, high = threshold_parts(diffusion)
        else:
            tail, head, key, low, high = _listed(diffusion)
        keep = np.ones(n, dtype=np.bool_)
        keep[node_numbers(removed, graph, "removed")] = False
        held = np.flatnonzero(keep[tail] & keep[head] & (high > low))
        order = held[np.argsort(tail[held], kind="stable")]
        start = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(tail[order], minlength=n), out=start[1:])
        steps = -1 if diffusion.max_steps is None else diffusion.max_steps
        return cls(start, head[order].astype(np.int32), key[order], low[order], high[order], steps)


class SharedSimulations:
    """Spread of growing seed sets on r live-arc graphs.

    Attributes:
        simulations: r.
        spread: mean worth that the seeds so far reach.
    """

    def __init__(
        self,
        arcs: LiveArcs,
        worth: NDArray[np.float64],
        simulations: int,
        *,
        threads: int = 1,
        rng: np.random.Generator,
    ) -> None:
        """Prepare; needs r n / 8 bytes.

        Args:
            arcs: the diffusion.
            worth: of each node, shape (n,); 0 where removed, since a removed seed still counts itself.
            simulations: r, at least 1.
            threads: that measure gains; they do not change what is measured.
            rng: source of all randomness.

        Raises:
            ValueError: ``simulations`` or ``threads`` is below 1, or ``worth`` has another shape.
        """
        if worth.shape != (arcs.start.size - 1,):
            raise ValueError(
                f"worth must hold one number per node, shape ({arcs.start.size - 1},), got {worth.shape}"
            )
        if simulations < 1 or threads < 1:
            raise ValueError(f"simulations and threads must be at least 1, got {simulations}, {threads}")
        self.simulations = simulations
        self.spread = 0.0
        self._arcs, self._worth = arcs, worth
        self._seed = rng.integers(2**63, dtype=np.uint64)
        n = worth.size
        self._reached = np.zeros((simulations, (n + 7) // 8), dtype=np.uint8)
        self._spaces = [(np.zeros(n, dtype=np.int64), np.empty(n, dtype=np.int32)) for _ in range(threads)]
        self._epochs = [0] * threads

    def gains(self, nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        """How much each node would add to ``spread``, shape of ``nodes``."""
        threads = min(len(self._spaces), nodes.size)
        if threads <= 1:
            return self._gains(0, nodes)
        found = np.empty(nodes.size)

        def run(worker: int) -> None:
            found[worker::threads] = self._gains(worker, nodes[worker::threads])

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(run, range(threads)))
        return found

    def add(self, node: int) -> float:
        """Make ``node`` a seed; how much that added."""
        gained = float(self._walk(0, np.array([node]), True)[0])
        self.spread += gained
        return gained

    def _gains(self, worker: int, nodes: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._walk(worker, nodes, False)

    def _walk(self, worker: int, nodes: NDArray[np.int64], marking: bool) -> NDArray[np.float64]:
        a = self._arcs
        stamp, queue = self._spaces[worker]
        found = np.empty(nodes.size)
        before = self._epochs[worker]
        self._epochs[worker] += nodes.size * self.simulations
        arrays = (a.start, a.head, a.key, a.low, a.high, self._worth, a.max_steps)
        lk.gains(
            *arrays, self._seed, self.simulations, nodes, self._reached, marking, stamp, before, queue, found
        )
        return found / self.simulations


def threshold_parts(diffusion: LinearThreshold) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The part of [0, 1) for whose numbers each arc is the live one: begin and end, float64 (m,) each."""
    graph = diffusion.graph
    high = running_sums(graph.in_start, diffusion.weight)
    low = np.zeros(high.size)
    low[1:] = high[:-1]
    low[graph.in_start[:-1][graph.in_degree > 0]] = 0.0
    return low, high


def _listed(
    diffusion: Diffusion,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """An arc per member of each triggering set: copies of an arc that are live at different times."""
    rows: list[tuple[int, int, float, float]] = []
    for v in range(diffusion.graph.num_nodes):
        running = 0.0
        for chance, members in diffusion.triggering_sets(v):
            rows.extend((u, v, running, running + chance) for u in members)
            running += chance
    tail = np.array([r[0] for r in rows], dtype=np.int32)
    head = np.array([r[1] for r in rows], dtype=np.int32)
    low, high = (np.array([r[j] for r in rows], dtype=np.float64) for j in (2, 3))
    return tail, head, head.astype(np.int64), low, high
