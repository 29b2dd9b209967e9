"""Keys of games of perfect information."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.rationality.keys.induction import induce, uniform_weights
from solvers.rationality.keys.state_graph import StateGraph


class GraphKey:
    """Implements `solvers.rationality.keys.protocol.ActionKey` on a graph of states.

    Args:
        graph: the game.
        seat: whose moves are valued.
        weights: (E,), policies of everybody, of which those of the others are read.
    """

    def __init__(self, graph: StateGraph, seat: int, weights: NDArray[np.float64]) -> None:
        self._graph = graph
        self._seat = seat
        self._weights = weights
        self._values = induce(graph, weights, (seat,)).values[:, seat]
        owner = np.repeat(graph.actor, np.diff(graph.start))
        blind = np.where(owner == seat, uniform_weights(graph), weights)
        self._random = induce(graph, blind, ()).values[:, seat]

    def values(self, state: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """See `ActionKey.values`; states that no play reaches have one too."""
        worth: NDArray[np.float64] = self._values[self._graph.child[self._edges(state, self._seat)]]
        return worth

    def random(self, state: Any) -> float:  # noqa: ANN401
        """See `ActionKey.random`."""
        return float(self._random[self._graph.node_of(state)])

    def opponent(self, state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See `ActionKey.opponent`."""
        return self._weights[self._edges(state, player)]

    def _edges(self, state: Any, player: int) -> slice:  # noqa: ANN401
        node = self._graph.node_of(state)
        if self._graph.actor[node] != player:
            raise ValueError(f"player {player} must be to move, it is {self._graph.actor[node]}")
        return slice(int(self._graph.start[node]), int(self._graph.start[node + 1]))
