"""Compiled loops of `games.batch.tree`: one pass over the lanes each.

Shapes: M nodes, E = M - 1 edges, H information sets, L leaves, N players, K lanes. Arguments named ``out``
and ``nodes`` are modified in place. Nothing here checks its input.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from games.extensive.tree import CHANCE, TERMINAL

Ints = NDArray[np.int32]


class Nodes(NamedTuple):
    """A tree as the kernels read it.

    Attributes:
        actor: int32 (M,), as in `TreeGame`.
        infoset: int32 (M,), as in `TreeGame`.
        together: bool (M,), the move here is made in the same step as the one that leads here.
        first: int64 (M + 1,), where the edges of each node begin.
        children: int32 (E,), the node behind each edge.
        below: float64 (E,), below a chance node: probability of this edge and all before it.
        leaf: int32 (M,), row of ``payoffs``.
        payoffs: float64 (L, N).
        edge: int32 (H, A), which edge of its node an action follows, -1 where it is not legal.
        rank: int32 (H,), number of an information set among those of its player.
    """

    actor: Ints
    infoset: Ints
    together: NDArray[np.bool_]
    first: NDArray[np.int64]
    children: Ints
    below: NDArray[np.float64]
    leaf: Ints
    payoffs: NDArray[np.float64]
    edge: Ints
    rank: Ints


@njit(cache=True, nogil=True)
def play_moves(tree: Nodes, actions: NDArray[np.int64], nodes: Ints) -> int:
    """Follow legal actions (N, K) from decision nodes (K,); return how many lanes stand at chance then."""
    waiting = 0
    for k in range(nodes.size):
        node = nodes[k]
        if tree.actor[node] < 0:
            continue
        while True:
            action = actions[tree.actor[node], k]
            node = tree.children[tree.first[node] + tree.edge[tree.infoset[node], action]]
            if not tree.together[node]:
                break
        nodes[k] = node
        if tree.actor[node] == CHANCE:
            waiting += 1
    return waiting


@njit(cache=True, nogil=True)
def play_chance(tree: Nodes, points: NDArray[np.float64], nodes: Ints) -> int:
    """One chance move, by inversion, in every lane that stands at one; return how many still do.

    ``points``, uniform on [0, 1), holds one number for each of these lanes, in their order.
    """
    waiting, drawn = 0, 0
    for k in range(nodes.size):
        node = nodes[k]
        if tree.actor[node] != CHANCE:
            continue
        last = tree.first[node + 1] - 1
        # The last outcome that can happen takes what rounding leaves of the sum.
        while last > tree.first[node] and tree.below[last] == tree.below[last - 1]:
            last -= 1
        edge = tree.first[node]
        while edge < last and tree.below[edge] <= points[drawn]:
            edge += 1
        drawn += 1
        nodes[k] = tree.children[edge]
        if tree.actor[nodes[k]] == CHANCE:
            waiting += 1
    return waiting


@njit(cache=True, nogil=True)
def find_infosets(tree: Nodes, nodes: Ints, out: Ints) -> None:
    """For each player and lane the information set where the player acts now, -1 for none; out (N, K)."""
    out[:] = -1
    for k in range(nodes.size):
        node = nodes[k]
        while tree.actor[node] >= 0:
            out[tree.actor[node], k] = tree.infoset[node]
            # Those who move together stand one below the other, and see the same along every edge.
            node = tree.children[tree.first[node]]
            if not tree.together[node]:
                break


@njit(cache=True, nogil=True)
def write_masks(tree: Nodes, infosets: Ints, out: NDArray[np.bool_]) -> None:
    """Legal actions at information sets (K,), none at -1; out (K, A_player)."""
    for k in range(infosets.size):
        h = infosets[k]
        for a in range(out.shape[1]):
            out[k, a] = h >= 0 and tree.edge[h, a] >= 0


@njit(cache=True, nogil=True)
def write_one_hot(tree: Nodes, infosets: Ints, out: NDArray[np.float32]) -> None:
    """Ones at the ranks of information sets (K,), zeros elsewhere and at -1; out (K, H_player)."""
    out[:] = 0.0
    for k in range(infosets.size):
        if infosets[k] >= 0:
            out[k, tree.rank[infosets[k]]] = 1.0


@njit(cache=True, nogil=True)
def write_rows(tree: Nodes, table: NDArray[np.float32], infosets: Ints, out: NDArray[np.float32]) -> None:
    """Rows of ``table`` (H_player, d) at the ranks of information sets (K,), zeros at -1; out (K, d)."""
    for k in range(infosets.size):
        if infosets[k] >= 0:
            out[k] = table[tree.rank[infosets[k]]]
        else:
            out[k] = 0.0


@njit(cache=True, nogil=True)
def write_returns(tree: Nodes, nodes: Ints, out: NDArray[np.float64]) -> None:
    """Payoffs at leaves, zeros elsewhere; out (N, K)."""
    for k in range(nodes.size):
        for i in range(out.shape[0]):
            over = tree.actor[nodes[k]] == TERMINAL
            out[i, k] = tree.payoffs[tree.leaf[nodes[k]], i] if over else 0.0
