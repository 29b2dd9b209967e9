r"""Ratings of the participants of a pool, for games of two seats.

With u_s(a, b) the mean payoff in seat s when a sits first and b second, a is better than b by

.. math::  A_{ab} = \tfrac12 [u_0(a, b) + u_1(b, a)] - \tfrac12 [u_0(b, a) + u_1(a, b)] ,

what it gets in both seats more than the other. A is antisymmetric: Nash averaging and alpha-rank of a single
population rate by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame
from games.protocols import EnvGame
from marl.rollouts.samples import sample_returns
from solvers.equilibrium.alpha_rank import solve_alpha_rank_single
from solvers.rationality.metrics.nash_averaging import NashAverage, nash_average
from solvers.rationality.metrics.ratings import Matches
from solvers.rationality.populations.pool import Participant, Pool, check_participants


@dataclass(frozen=True, slots=True, eq=False)
class PoolRatings:
    """How good the participants are, by the means of the pool.

    Attributes:
        names: of the participants.
        advantages: A, shape (P, P), in payoff units.
        nash: the hardest mixture of participants, and how each does against it.
        alpha_rank: share of each in the long run of infinitely strong selection, shape (P,).
    """

    names: tuple[str, ...]
    advantages: NDArray[np.float64]
    nash: NashAverage
    alpha_rank: NDArray[np.float64]


def rate_pool(pool: Pool) -> PoolRatings:
    """Rate the participants of a pool with two seats.

    Raises:
        UnsupportedGameError: the game has another number of players.
    """
    if pool.payoffs.num_players != 2:
        raise UnsupportedGameError(f"ratings need two seats, got {pool.payoffs.num_players}")
    first, second = pool.payoffs.means
    both = 0.5 * (first + second.T)
    advantages = both - both.T
    ranking = solve_alpha_rank_single(NormalFormGame.zero_sum(advantages)).unwrap()
    return PoolRatings(pool.names, advantages, nash_average(advantages), ranking.marginals[0])


def matches_among(
    game: EnvGame[Any], participants: Sequence[Participant], *, episodes: int, rng: np.random.Generator
) -> Matches:
    """Play matches between all, in both orders of seats; whoever gets more has won.

    `solvers.rationality.metrics.ratings` makes Bradley-Terry strengths and Elo ratings of them. They speak of
    how often somebody wins, `rate_pool` of how much: who wins many small pots may lose in all.

    Args:
        game: of two seats.
        participants: at least two, with distinct names.
        episodes: of each ordered pair, at least 1.
        rng: all chance.

    Raises:
        UnsupportedGameError: the game has another number of players.
        ValueError: an argument is out of its range.
    """
    if game.num_players != 2:
        raise UnsupportedGameError(f"matches need two seats, got {game.num_players}")
    check_participants(participants, 2)
    if len(participants) < 2:
        raise ValueError("participants must be at least two, got one")
    pairs = list(permutations(range(len(participants)), 2))
    lineups = [(participants[a].policies[0], participants[b].policies[1]) for a, b in pairs]
    played = sample_returns(game, lineups, episodes, rng=rng)
    lead = np.concatenate([sample.returns[:, 0] - sample.returns[:, 1] for sample in played])
    first, second = np.repeat(np.array(pairs), episodes, axis=0).T
    return Matches(len(participants), first, second, 0.5 * (np.sign(lead) + 1.0))
