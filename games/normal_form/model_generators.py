r"""Random instances of economic and networked games.

As in :mod:`games.normal_form.generators`, all randomness comes from the keyword ``rng``.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.normal_form.sizes import MAX_PLAYERS, equal_sizes

Edge = tuple[int, int]


def congestion_game(players: int, resources: int, *, rng: np.random.Generator) -> NormalFormGame:
    r"""Players choose non-empty sets of resources and pay for how crowded those are.

    With :math:`n_r` the users of resource r, the payoff of player i using the set S is
    :math:`-\sum_{r \in S} c_r(n_r)`; each cost function starts at, and grows with every user by, an
    amount uniform on [0, 1). Such games have an exact potential, hence a pure equilibrium.

    Source: Rosenthal (1973), A class of games possessing pure-strategy Nash equilibria, International
    Journal of Game Theory 2.

    Raises:
        ValueError: no players or resources, or too large a table (2^resources - 1 actions each).
    """
    if resources < 1:
        raise ValueError(f"resources must be at least 1, got {resources!r}")
    sizes = equal_sizes(players, 2 ** min(resources, 64) - 1)
    sets = np.arange(1, sizes[0] + 1)
    uses = (sets[:, None] >> np.arange(resources)) & 1  # (actions, resources)
    costs = np.cumsum(rng.random((resources, players + 1)), axis=1)
    payoffs = np.zeros((players, *sizes))
    for r in range(resources):
        load = np.zeros(sizes, dtype=np.int64)
        for i in range(players):
            load += _along(uses[:, r], i, players)
        paid = costs[r, load]
        for i in range(players):
            payoffs[i] -= _along(uses[:, r], i, players) * paid
    labels = tuple("+".join(f"r{r + 1}" for r in np.flatnonzero(row)) for row in uses)
    return NormalFormGame(payoffs, (labels,) * players, name="congestion game")


def cournot_game(players: int, quantities: int, *, rng: np.random.Generator) -> NormalFormGame:
    r"""Firms choose quantities; the price falls linearly with the total: :math:`u_i = q_i (a - Q - c_i)`.

    The intercept a is uniform on [1, 2), marginal costs on [0, 0.5); quantities are evenly spaced from 0
    to a / players, so the price is never negative. Linear demand gives the game an exact potential.

    Source: Cournot (1838), Recherches sur les principes mathématiques de la théorie des richesses;
    potential: Slade (1994), What does an oligopoly maximize?, Journal of Industrial Economics 42.

    Raises:
        ValueError: no players, fewer than two quantities, or too large a table.
    """
    sizes = _market_sizes(players, quantities, "quantities")
    intercept, costs = rng.uniform(1.0, 2.0), rng.uniform(0.0, 0.5, players)
    grid = np.linspace(0.0, intercept / players, quantities)
    own = [_along(grid, i, players) for i in range(players)]
    price = intercept - sum(own, start=np.zeros(sizes))
    payoffs = np.stack([q * (price - c) for q, c in zip(own, costs, strict=True)])
    return NormalFormGame(payoffs, (tuple(f"{q:.6g}" for q in grid),) * players, name="Cournot game")


def bertrand_game(players: int, prices: int, *, rng: np.random.Generator) -> NormalFormGame:
    r"""Firms choose prices; the cheapest share the demand :math:`a - p` equally, the others sell nothing.

    The intercept a is uniform on [1, 2), marginal costs on [0, 0.5); prices are evenly spaced from 0 to a.

    Source: Bertrand (1883), Théorie mathématique de la richesse sociale, Journal des savants.

    Raises:
        ValueError: no players, fewer than two prices, or too large a table.
    """
    sizes = _market_sizes(players, prices, "prices")
    intercept, costs = rng.uniform(1.0, 2.0), rng.uniform(0.0, 0.5, players)
    grid = np.linspace(0.0, intercept, prices)
    # Compare positions in the grid, which are exact, instead of prices.
    asked = np.indices(sizes)
    least = asked.min(axis=0)
    sells = asked == least
    share = (intercept - grid[least]) / sells.sum(axis=0)
    payoffs = sells * share * (grid[asked] - costs.reshape(-1, *[1] * players))
    return NormalFormGame(payoffs, (tuple(f"{p:.6g}" for p in grid),) * players, name="Bertrand game")


def minimum_effort_game(players: int, efforts: int, *, rng: np.random.Generator) -> NormalFormGame:
    r"""Weakest link: :math:`u_i = a \min_j e_j - b e_i` with efforts 1, ..., ``efforts``.

    a is uniform on [1, 2) and b on [0.1, 0.9), so every common effort is a strict equilibrium and higher
    ones are better for all.

    Source: Van Huyck, Battalio and Beil (1990), Tacit coordination games, strategic uncertainty, and
    coordination failure, American Economic Review 80.
    """
    sizes = equal_sizes(players, efforts)
    gain, cost = rng.uniform(1.0, 2.0), rng.uniform(0.1, 0.9)
    effort = np.indices(sizes) + 1.0
    labels = tuple(str(e) for e in range(1, efforts + 1))
    return NormalFormGame(
        gain * effort.min(axis=0) - cost * effort, (labels,) * players, name="minimum-effort game"
    )


def random_edges(players: int, probability: float, *, rng: np.random.Generator) -> tuple[Edge, ...]:
    """Undirected random graph: each pair i < j of players is joined independently.

    Source: Gilbert (1959), Random graphs, Annals of Mathematical Statistics 30.

    Raises:
        ValueError: no or too many players, or a probability outside [0, 1].
    """
    if not (1 <= players <= MAX_PLAYERS and 0.0 <= probability <= 1.0):
        raise ValueError(
            f"need 1 to {MAX_PLAYERS} players and 0 <= probability <= 1, got {players!r}, {probability!r}"
        )
    first, second = np.triu_indices(players, k=1)
    joined = rng.random(first.size) < probability
    return tuple(zip(first[joined].tolist(), second[joined].tolist(), strict=True))


def graphical_game(
    players: int, actions: int, edges: Collection[Edge], *, rng: np.random.Generator
) -> NormalFormGame:
    """Payoffs, uniform on [-1, 1), depend only on the own action and on those of the graph's neighbours.

    Args:
        players: number of players.
        actions: number of actions of each player.
        edges: undirected pairs of distinct players, such as :func:`random_edges` gives.
        rng: source of randomness.

    Source: Kearns, Littman and Singh (2001), Graphical models for game theory, UAI.

    Raises:
        ValueError: an edge names no such pair, or too large a table.
    """
    sizes = equal_sizes(players, actions)
    near = np.eye(players, dtype=bool)
    for i, j in _pairs(players, edges):
        near[i, j] = near[j, i] = True
    payoffs = np.empty((players, *sizes))
    for i in range(players):
        payoffs[i] = rng.uniform(-1.0, 1.0, np.where(near[i], actions, 1))
    return NormalFormGame(payoffs, name="graphical game")


def polymatrix_game(
    players: int, actions: int, edges: Collection[Edge], *, rng: np.random.Generator
) -> NormalFormGame:
    """The sum of two-player games along the edges of a graph, with payoffs uniform on [-1, 1).

    Arguments and errors are those of :func:`graphical_game`.

    Source: Yanovskaya (1968), Equilibrium points in polymatrix games, Litovskii Matematicheskii
    Sbornik 8.
    """
    sizes = equal_sizes(players, actions)
    payoffs = np.zeros((players, *sizes))
    for i, j in _pairs(players, edges):
        shape = np.ones(players, dtype=np.int64)
        shape[[i, j]] = actions
        payoffs[i] += rng.uniform(-1.0, 1.0, shape)
        payoffs[j] += rng.uniform(-1.0, 1.0, shape)
    return NormalFormGame(payoffs, name="polymatrix game")


def _pairs(players: int, edges: Collection[Edge]) -> list[Edge]:
    """The distinct edges with i < j, sorted, so the order in which they are given does not matter."""
    for i, j in edges:
        if i == j or not (0 <= i < players and 0 <= j < players):
            raise ValueError(f"edges must join two of the players 0 to {players - 1}, got {(i, j)}")
    return sorted({(min(i, j), max(i, j)) for i, j in edges})


def _market_sizes(players: int, choices: int, name: str) -> tuple[int, ...]:
    if choices < 2:
        raise ValueError(f"{name} must be at least 2, got {choices!r}")
    return equal_sizes(players, choices)


def _along(values: NDArray[Any], player: int, players: int) -> NDArray[Any]:
    """``values`` by action of one player, shaped to broadcast over action profiles."""
    return values.reshape(*[1] * player, -1, *[1] * (players - player - 1))
