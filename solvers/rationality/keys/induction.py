r"""Backward induction on a graph of states, by sweeps that end where nothing changes any more.

A policy is a weight per edge, :math:`w_e \ge 0`, summing to one at every node that is no end. Values satisfy

.. math::  V(m) = \sum_{e \in m} w_e V(\mathrm{child}(e)) ,

where players who choose put equal weight on the edges that are best for themselves. On graphs without
cycles the sweeps end with the values, to rounding, after as many of them as the longest play has moves; with
cycles, as in pig, where a turn may gain nothing, they converge geometrically [1]_.

.. [1] T. W. Neller, C. G. M. Presser, "Optimal play of the dice game Pig", The UMAP Journal 25, 2004.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.errors import SolveError
from games.extensive.tree import TERMINAL
from solvers.rationality.keys.state_graph import StateGraph

_TIE = 1e-9
_STILL = 1e-13
_MOST_SWEEPS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Induction:
    """Values of a graph under a policy; M nodes, E edges, N players.

    Attributes:
        values: float64 (M, N), expected payoff of each player from each node on.
        weights: float64 (E,), the policy: of chance, of players who followed one, and of those who chose.
    """

    values: NDArray[np.float64]
    weights: NDArray[np.float64]


def uniform_weights(graph: StateGraph) -> NDArray[np.float64]:
    """Chance as it is, and every player at random, shape (E,)."""
    sizes = np.diff(graph.start)
    even = np.repeat(1.0 / np.maximum(sizes, 1), sizes)
    owner = np.repeat(graph.actor, sizes)
    return np.where(owner >= 0, even, graph.chance)


def induce(graph: StateGraph, weights: NDArray[np.float64], choosers: tuple[int, ...]) -> Induction:
    """Values when some players choose best and the others follow a policy.

    Args:
        graph: the game.
        weights: (E,), read at the edges of chance and of players who do not choose.
        choosers: players who maximise their own payoff. With several of them and cycles there may be nothing
            to converge to unless the game is constant-sum.

    Raises:
        SolveError: the values did not settle.
    """
    inner = np.flatnonzero(graph.actor != TERMINAL)
    begin, sizes = graph.start[inner], np.diff(graph.start)[inner]
    owner = np.repeat(graph.actor[inner], sizes)
    free = np.isin(owner, choosers)
    slack = _TIE * graph.payoff_range
    values, policy = graph.payoffs.copy(), weights.copy()
    own = np.where(free, owner, 0)
    for _ in range(_MOST_SWEEPS):
        below = values[graph.child]
        mine = below[np.arange(own.size), own]
        best = np.repeat(np.maximum.reduceat(mine, begin), sizes)
        ties = (mine >= best - slack).astype(np.float64)
        even = ties / np.repeat(np.add.reduceat(ties, begin), sizes)
        policy = np.where(free, even, weights)
        swept = np.add.reduceat(policy[:, None] * below, begin, axis=0)
        change = float(np.abs(swept - values[inner]).max())
        values[inner] = swept
        if change <= _STILL * graph.payoff_range:
            return Induction(values, policy)
    raise SolveError(f"values of a game of {graph.actor.size} states did not settle in {_MOST_SWEEPS} sweeps")
