"""The children of every node of a tree, end to end."""

import numpy as np
from numpy.typing import NDArray

from games.extensive.tree import TreeGame


def child_order(tree: TreeGame) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where the children of each node begin, (M + 1,), and which they are, by their moves, (M - 1,)."""
    # Preorder numbers siblings in the order of their moves, and a stable sort keeps them so.
    order = np.argsort(tree.parent, kind="stable")
    sizes = np.bincount(tree.parent[1:], minlength=tree.num_nodes)
    return np.concatenate(([0], np.cumsum(sizes))), order[1:].astype(np.int32)
