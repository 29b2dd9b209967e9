"""Path sets: arms are nodes of a graph, and the pulled ones lie on one closed walk from a source.

A walk makes ``steps`` moves, each along an edge or waiting at the source, and begins and ends there. An
action is allowed if some such walk visits every pulled arm, and at most ``most`` are pulled. The source is
visited always.

Rows: u_at = 1 if move t goes along arc a. One arc leaves the source at t = 0, what enters a node at t leaves
it at t + 1, and a_j <= sum of u over the moves into j. An arc (v, w) exists at t only if it can lie on a
walk: dist(source, v) <= t and dist(w, source) <= steps - t - 1.

The released code lets every node have a self-loop, and these carry flow that never came from the source, so
its rows allow every action within the budget. `path_as_released` keeps those rows for comparison.

The membership test knows no time: an action is allowed if the shortest closed walk through the source and the
pulled arms, by dynamic programming over subsets [1]_ on shortest distances, has at most ``steps`` moves.

.. [1] Held, Karp (1962), A dynamic programming approach to sequencing problems, J. SIAM 10.
"""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet
from games.bandits.membership import one_by_one, within
from games.bandits.recipes import PathRecipe
from games.bandits.rows import Logic, RowBuilder, tightened

if TYPE_CHECKING:
    import networkx as nx

# Subsets of more stops than this do not fit in memory: 2^22 * 22 distances of 2 bytes are 185 MB.
_MOST_STOPS = 22
_FAR = 30_000  # farther than any walk that the 2-byte distances hold
_NODES_FOR_MOST = 100  # branch-and-bound nodes spent on ``most``


def path(
    graph: "nx.Graph",
    source: Hashable,
    *,
    steps: int,
    most: int | None = None,
    arms: Sequence[Hashable] | None = None,
) -> ActionSet:
    """Arms on one closed walk.

    Membership is exact; deciding it is refused with a ValueError where more than 22 arms are pulled whose
    walk is neither clearly short enough nor clearly too long.

    Args:
        graph: undirected or directed; edge attributes are not read, self-loops are ignored.
        source: the node where the walk begins and ends.
        steps: moves of the walk, at least 1.
        most: arms pulled at most; None for no such limit.
        arms: the nodes that are arms, in the order of the bits; None for all, in the order of the graph.

    Raises:
        ValueError: ``source`` or an arm is no node, an arm is named twice, ``steps`` is below 1 or ``most``
            negative.
    """
    network = _Network(graph, source, steps, most, arms)
    distance = network.distances()
    start = network.source
    builder = RowBuilder(network.stops.size)
    builder.row(np.arange(builder.size), 1.0, (-np.inf, float(network.budget)))
    tails, heads = np.append(network.tails, start), np.append(network.heads, start)
    into: list[list[NDArray[np.int64]]] = [[] for _ in range(network.nodes)]
    arriving: dict[int, NDArray[np.int64]] = {}
    for step in range(steps):
        alive = (distance[start, tails] <= step) & (distance[heads, start] <= steps - step - 1)
        flows = builder.variables(np.ones(int(alive.sum())), integral=True)
        out_of, to = tails[alive], heads[alive]
        if step == 0:
            builder.row(flows, 1.0, (1.0, 1.0))
        for node in arriving.keys() | set(out_of.tolist()) if step else ():
            before = arriving.get(node, np.empty(0, dtype=np.int64))
            after = flows[out_of == node]
            signs = np.concatenate([np.ones(before.size), -np.ones(after.size)])
            builder.row(np.concatenate([before, after]), signs, (0.0, 0.0))
        arriving = {int(node): flows[to == node] for node in np.unique(to)}
        for node, columns in arriving.items():
            into[node].append(columns)
    for bit, node in enumerate(network.stops):
        if not into[node]:
            builder.forbid(bit)
            continue
        columns = np.concatenate(into[node])
        builder.row([bit, *columns], [1.0, *[-1.0] * columns.size], (-np.inf, 0.0))
    test = within(network.budget, one_by_one(_WalkTest(distance, start, network.stops, steps)))
    there_and_back = distance[start, network.stops] + distance[network.stops, start]
    bound = min(network.budget, int((there_and_back <= steps).sum()))
    name = f"path(size={builder.size}, steps={steps})"
    recipe = network.recipe(steps, most, all_arms=arms is None, released=False)
    built = builder.build(Logic(test, bound, True, name, recipe=recipe))
    # A tour around a tree of k nodes has 2 (k - 1) moves, and the nodes nearest to the source span a tree.
    if not graph.is_directed() and arms is None and bound <= steps // 2 + 1:
        return built
    return tightened(built, node_limit=_NODES_FOR_MOST)


def path_as_released(graph: "nx.Graph", source: Hashable, *, steps: int, most: int) -> ActionSet:
    """The rows of the released code, which constrain nothing but the budget; for comparison only.

    Flow along edges is limited to one a step, but each node has a self-loop whose flow is not limited and
    need not have come from the source. The membership test counts bits, as the released environment does.

    Raises:
        ValueError: as `path`.
    """
    network = _Network(graph, source, steps, most, None)
    count = network.nodes
    loops = np.arange(count)
    tails, heads = np.append(network.tails, loops), np.append(network.heads, loops)
    builder = RowBuilder(count)
    builder.row(np.arange(count), 1.0, (-np.inf, float(network.budget)))
    flows = [builder.variables(np.ones(tails.size), integral=True) for _ in range(steps)]
    builder.row(flows[0][tails == network.source], 1.0, (1.0, 1.0))
    builder.row(flows[-1][heads == network.source], 1.0, (1.0, 1.0))
    for step in range(steps):
        builder.row(flows[step][: network.tails.size], 1.0, (-np.inf, 1.0))
        for node in range(count) if step else ():
            before, after = flows[step - 1][heads == node], flows[step][tails == node]
            signs = np.concatenate([np.ones(before.size), -np.ones(after.size)])
            builder.row(np.concatenate([before, after]), signs, (0.0, 0.0))
    for node in range(count):
        columns = np.concatenate([flow[heads == node] for flow in flows])
        builder.row([node, *columns], [1.0, *[-1.0] * columns.size], (-np.inf, 0.0))

    def membership(actions: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(actions.sum(axis=1) <= network.budget)

    name = f"path_as_released(size={count}, steps={steps})"
    recipe = network.recipe(steps, most, all_arms=True, released=True)
    return builder.build(Logic(membership, network.budget, True, name, recipe=recipe))


class _Network:
    """A checked graph as arrays; an undirected edge is two arcs."""

    def __init__(
        self,
        graph: "nx.Graph",
        source: Hashable,
        steps: int,
        most: int | None,
        arms: Sequence[Hashable] | None,
    ) -> None:
        number = {node: index for index, node in enumerate(graph.nodes)}
        if source not in number:
            raise ValueError(f"source {source!r} is not a node of the graph")
        if not 1 <= steps < _FAR:
            raise ValueError(f"steps must be in 1..{_FAR - 1}, got {steps}")
        if most is not None and most < 0:
            raise ValueError(f"most must be None or not negative, got {most}")
        chosen = [*number] if arms is None else [*arms]
        missing = [arm for arm in chosen if arm not in number]
        if missing or len(set(chosen)) < len(chosen):
            raise ValueError(f"arms must be distinct nodes of the graph; missing are {missing}")
        pairs = {(number[v], number[w]) for v, w in graph.edges() if v != w}
        if not graph.is_directed():
            pairs |= {(w, v) for v, w in pairs}
        ends = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
        self.nodes = len(number)
        self.directed = bool(graph.is_directed())
        self.source = number[source]
        self.tails, self.heads = ends[:, 0], ends[:, 1]
        self.stops = np.array([number[arm] for arm in chosen], dtype=np.int64)
        self.budget = len(chosen) if most is None else min(most, len(chosen))

    def recipe(self, steps: int, most: int | None, *, all_arms: bool, released: bool) -> PathRecipe:
        """What the set over this graph is built from."""
        arcs = np.stack([self.tails, self.heads], axis=1)
        arms = None if all_arms else tuple(self.stops.tolist())
        return PathRecipe(self.nodes, arcs, self.directed, self.source, steps, most, arms, released)

    def distances(self) -> NDArray[np.int64]:
        """Moves between all nodes, of shape (nodes, nodes); `_FAR` where there is no way."""
        from scipy.sparse.csgraph import shortest_path

        ones = np.ones(self.tails.size)
        arcs = sparse.csr_array((ones, (self.tails, self.heads)), shape=(self.nodes, self.nodes))
        moves = np.minimum(shortest_path(arcs, unweighted=True), _FAR)
        return np.asarray(moves, dtype=np.int64)


class _WalkTest:
    """Whether a closed walk from the source through the given stops is short enough."""

    def __init__(
        self, distance: NDArray[np.int64], source: int, stops: NDArray[np.int64], steps: int
    ) -> None:
        self._distance = distance
        self._source = source
        self._stops = stops
        self._steps = steps

    def __call__(self, bits: NDArray[np.int64]) -> bool:
        nodes = self._stops[bits]
        nodes = nodes[nodes != self._source]
        if not nodes.size:
            return True
        tour = np.concatenate([[self._source], nodes])
        between = self._distance[np.ix_(tour, tour)]
        # The way to any stop and back, and one move into each stop, are needed anyhow.
        least = max(int((between[0] + between[:, 0]).max()), nodes.size + 1)
        if least > self._steps:
            return False
        if _inserted_tour(between) <= self._steps:
            return True
        if nodes.size > _MOST_STOPS:
            raise ValueError(
                f"cannot decide exactly whether a walk of {self._steps} moves visits {nodes.size} arms; "
                f"at most {_MOST_STOPS} are searched"
            )
        return bool(_shortest_tour(between) <= self._steps)


@numba.njit(cache=True, nogil=True)
def _inserted_tour(between: NDArray[np.int64]) -> np.int64:
    """The length of a tour from 0 built by cheapest insertion; an upper bound on the shortest."""
    count = between.shape[0]
    tour = np.zeros(count + 1, dtype=np.int64)
    used = np.zeros(count, dtype=np.bool_)
    used[0] = True
    length = np.int64(0)
    for placed in range(1, count):  # tour[0..placed] is closed: it begins and ends with 0
        best, best_node, best_at = np.int64(1 << 60), 0, 0
        for node in range(count):
            if used[node]:
                continue
            for at in range(placed):
                v, w = tour[at], tour[at + 1]
                extra = between[v, node] + between[node, w] - between[v, w]
                if extra < best:
                    best, best_node, best_at = extra, node, at
        for at in range(placed, best_at, -1):
            tour[at + 1] = tour[at]
        tour[best_at + 1] = best_node
        used[best_node] = True
        length += best
    return length


@numba.njit(cache=True, nogil=True)
def _shortest_tour(between: NDArray[np.int64]) -> np.int64:
    """The length of the shortest tour from 0 through all others."""
    stops = between.shape[0] - 1
    far = np.int64(30_000)
    # reached[S, j]: shortest way from 0 through the subset S that ends in stop j of S.
    reached = np.full((1 << stops, stops), far, dtype=np.int16)
    for stop in range(stops):
        reached[1 << stop, stop] = min(between[0, stop + 1], far)
    for subset in range(1, 1 << stops):
        for last in range(stops):
            so_far = np.int64(reached[subset, last])
            if so_far >= far or not subset >> last & 1:
                continue
            for onward in range(stops):
                if subset >> onward & 1:
                    continue
                length = so_far + between[last + 1, onward + 1]
                wider = subset | 1 << onward
                if length < reached[wider, onward]:
                    reached[wider, onward] = length
    best = far
    for last in range(stops):
        best = min(best, np.int64(reached[(1 << stops) - 1, last]) + between[last + 1, 0])
    return best
