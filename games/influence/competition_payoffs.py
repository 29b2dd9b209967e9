"""What strategy profiles pay on a fixed sample of reverse-reachable sets, and the matrix games they make.

On one sample payoffs are exact numbers: all profiles meet the same cascades, so no noise lies between them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from games.empirical.empirical_game import EmpiricalGame
from games.empirical.moments import Moments
from games.influence import competition_kernels as ck
from games.influence.competition import FAR, Competition, DepthSets, Strategy
from games.normal_form.game import NormalFormGame


def distances(game: Competition, sets: DepthSets, strategy: Strategy) -> NDArray[np.int32]:
    """How near a strategy comes to each root, int32 (sets,); ``FAR`` where it does not reach it."""
    chosen = np.zeros(game.problems[0].num_candidates, dtype=np.bool_)
    chosen[strategy] = True
    near = np.empty(sets.num_sets, dtype=np.int32)
    ck.nearest(sets.start, sets.member, sets.depth, chosen, FAR, near)
    return near


def set_payoffs(
    game: Competition, near: NDArray[np.int32], order: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What each root pays each firm, as a share of the total worth, float64 (roots, N).

    Args:
        game: the competition.
        near: distance of every firm to each root, int32 (roots, N).
        order: draws of the sets for the tie rule, float64 (roots, N).
    """
    least = near.min(axis=1, keepdims=True)
    won = game.ties.shares((near == least) & (least < FAR), order)
    if game.rivalry == 0.0:
        return won
    others: NDArray[np.float64] = (won.sum(axis=1, keepdims=True) - won) / (game.num_firms - 1)
    return won - game.rivalry * others


def profile_moments(game: Competition, sets: DepthSets, profile: Sequence[Strategy]) -> Moments:
    """Payoffs of a pure profile in units of node weight; every set counts as one episode."""
    near = np.stack([distances(game, sets, s) for s in profile], axis=1)
    return _moments(game, sets, near)


def empirical_game(
    game: Competition,
    sets: DepthSets,
    populations: Sequence[Sequence[Strategy]],
    *,
    name: str = "competition",
) -> EmpiricalGame:
    """Payoffs between all strategies, with their sampling variance.

    Args:
        game: the competition.
        sets: the sample.
        populations: strategies of each firm.
        name: how reports call the game.

    Raises:
        ValueError: there is not one population per firm, or one is empty.
    """
    if len(populations) != game.num_firms or not all(len(p) for p in populations):
        raise ValueError(
            f"populations must hold at least one strategy for each of {game.num_firms} firms, "
            f"got {[len(p) for p in populations]}"
        )
    table = EmpiricalGame(game.num_firms, game.payoff_bounds, name=name)
    extend(game, sets, populations, table)
    return table


def extend(
    game: Competition, sets: DepthSets, populations: Sequence[Sequence[Strategy]], table: EmpiricalGame
) -> None:
    """Add the strategies that ``table`` lacks, and fill its empty cells."""
    for firm, strategies in enumerate(populations):
        for _ in range(table.sizes[firm], len(strategies)):
            table.add_policy(firm)
    near = [[distances(game, sets, s) for s in strategies] for strategies in populations]
    for cell in np.argwhere(table.counts == 0):
        met = np.stack([near[i][k] for i, k in enumerate(cell)], axis=1)
        table.record(cell.tolist(), _moments(game, sets, met))


def normal_form(
    game: Competition, table: EmpiricalGame, populations: Sequence[Sequence[Strategy]]
) -> NormalFormGame:
    """The matrix game of the mean payoffs, its actions labelled by who is invited."""
    actions = tuple(tuple(game.text(s) for s in strategies) for strategies in populations)
    return NormalFormGame(table.means, actions, game.names, table.name)


def _moments(game: Competition, sets: DepthSets, near: NDArray[np.int32]) -> Moments:
    paid = set_payoffs(game, near, sets.order)
    moments = Moments.of_sample(paid)
    total = game.problems[0].model.total
    return Moments(moments.count, moments.mean * total, moments.squares * total**2)
