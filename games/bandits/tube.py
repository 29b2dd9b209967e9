"""Connected graphs like a city's railway: points in the plane, joined to near ones without crossings."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

if TYPE_CHECKING:
    import networkx as nx


def planar_graph(nodes: int, edges: int, *, rng: np.random.Generator) -> "nx.Graph":
    """A connected planar graph with so many nodes and edges.

    Points are uniform in the unit square. The edges are their Euclidean spanning tree and the shortest others
    of their Delaunay triangulation. Nodes are 0..nodes-1, each with its place as the attribute ``pos``.

    Raises:
        ValueError: fewer edges than a tree has, or more than the triangulation offers.
    """
    import networkx as nx
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial.distance import pdist, squareform

    if nodes < 1 or edges < nodes - 1:
        raise ValueError(f"need nodes >= 1 and edges >= nodes - 1, got {nodes} nodes and {edges} edges")
    points = rng.random((nodes, 2))
    lengths = squareform(pdist(points))
    # The spanning tree of all pairs lies within the triangulation.
    tree = sparse.coo_array(minimum_spanning_tree(sparse.csr_array(lengths)))
    chosen = {(min(v, w), max(v, w)) for v, w in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    others = sorted(_neighbours(points) - chosen, key=lambda pair: lengths[pair])
    if edges > len(chosen) + len(others):
        raise ValueError(
            f"edges must be at most {len(chosen) + len(others)} for these {nodes} points, got {edges}"
        )
    graph = nx.Graph()
    graph.add_nodes_from((node, {"pos": (float(x), float(y))}) for node, (x, y) in enumerate(points))
    graph.add_edges_from(sorted([*chosen, *others[: edges - len(chosen)]]))
    return graph


def _neighbours(points: NDArray[np.float64]) -> set[tuple[int, int]]:
    """Pairs joined in the Delaunay triangulation; all pairs where there are too few points for one."""
    from scipy.spatial import Delaunay

    count = len(points)
    if count < 4:
        return {(v, w) for w in range(count) for v in range(w)}
    corners = Delaunay(points).simplices.tolist()
    return {(min(v, w), max(v, w)) for a, b, c in corners for v, w in ((a, b), (b, c), (a, c))}
