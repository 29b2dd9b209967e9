r"""Alpha-rank: the stationary distribution of evolutionary selection between action profiles [1]_.

The chain is defined in ``games.normal_form.selection``. Its stationary distribution pi solves pi C = pi for

.. math::
    C_{s r} = \eta \, \rho(u_i(r) - u_i(s)) \quad\text{where } r \text{ differs from } s
    \text{ in the action of player } i \text{ alone,}

rho being the probability that a mutant takes over. Strong selection makes the rates span hundreds of orders
of magnitude, where an eigenvalue solver sees several stationary distributions; elimination without
subtraction, in logarithms if need be, gives the one that is there.

Alpha-rank is no Nash equilibrium, and no distance to one certifies it. What is certified is stationarity:
``alpha_rank_residual``, the absolute net flow of one step, recomputed by ``games`` without the matrix.
How far from Nash players are who draw from the marginals independently, ``nash_conv`` of the marginals says.

.. [1] S. Omidshafiei et al., "alpha-Rank: multi-agent evaluation by evolution", Scientific Reports 9, 2019.
"""

import functools
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame
from games.normal_form.selection import (
    FiniteSelection,
    InfiniteSelection,
    Selection,
    selection_residual,
    single_selection_residual,
    symmetric_payoffs,
)
from games.profiles import Profile
from games.results import SolveResult, Status
from solvers.equilibrium.alpha_rank_kernels import eliminate, eliminate_logs
from solvers.equilibrium.matrix_solution import normalised

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MAX_STATES = 20_000
"""Most action profiles that are ranked."""

_DENSE = 1_000  # states up to which elimination on a dense matrix is used
_LEAST_LOG = -600.0  # float64 loses rates below this, and with them what holds the chain together


@dataclass(frozen=True, slots=True, eq=False)
class AlphaRanking:
    """A ranking of action profiles.

    Attributes:
        joint: stationary distribution over profiles, shape (n_1, ..., n_N); over actions, shape (n,), for a
            single population.
        marginals: how often each player's population holds each action; for a single population, the
            distribution itself for both players.
    """

    joint: FloatArray
    marginals: Profile


@dataclass(frozen=True, slots=True, eq=False)
class AlphaSweep:
    """Rankings along growing strengths of selection.

    Attributes:
        alphas: strengths in 1/payoff, shape (K,).
        joints: stationary distributions, shape (K, n_1, ..., n_N).
    """

    alphas: FloatArray
    joints: FloatArray


def solve_alpha_rank(
    game: NormalFormGame, selection: Selection | None = None, *, tol: float = 1e-10
) -> SolveResult[AlphaRanking]:
    """Rank the action profiles of a game, one population for each player.

    Args:
        game: any normal-form game of at most ``MAX_STATES`` profiles.
        selection: how mutants take over; None takes ``InfiniteSelection()``, which depends on the order of
            payoffs alone and so not on their units.
        tol: largest ``alpha_rank_residual`` called certified (a probability per step of the chain).

    Returns:
        The ranking with certificate ``alpha_rank_residual``. Status CERTIFIED or FAILED. Up to 1,000 profiles
        every entry is accurate relative to its size; beyond, a sparse LU factorisation is used, which
        is accurate to rounding where the chain is well connected.

    Raises:
        UnsupportedGameError: more than ``MAX_STATES`` profiles.
        ValueError: ``tol`` is negative or NaN.

    Example:
        >>> game = NormalFormGame.bimatrix([[3, 0], [5, 1]], [[3, 5], [0, 1]])
        >>> solve_alpha_rank(game).unwrap().joint.round(4)
        array([[0., 0.],
               [0., 1.]])
    """
    began = time.perf_counter()
    _check(tol)
    states = math.prod(game.num_actions)
    if states > MAX_STATES:
        raise UnsupportedGameError(
            f"alpha-rank treats at most {MAX_STATES:,} profiles, {game.name} has {states:,}"
        )
    selection = InfiniteSelection() if selection is None else selection
    rows, columns, movers = _edges(game.num_actions)
    flat_payoffs = game.payoffs.reshape(game.num_players, states)
    logs = selection.log_rates(flat_payoffs[movers, columns] - flat_payoffs[movers, rows])
    if states <= _DENSE:
        matrix = np.full((states, states), -math.inf)
        matrix[rows, columns] = logs
        flat = _stationary(matrix)
    else:
        flat = _sparse_stationary(states, rows, columns, logs)
    joint = flat.reshape(game.num_actions)
    others = [tuple(j for j in range(game.num_players) if j != i) for i in range(game.num_players)]
    marginals = tuple(joint.sum(axis=axes) for axes in others)
    residual = selection_residual(game, joint, selection)
    return _result(AlphaRanking(joint, marginals), residual, tol, "alpha_rank", states, began)


def solve_alpha_rank_single(
    game: NormalFormGame, selection: Selection | None = None, *, tol: float = 1e-10
) -> SolveResult[AlphaRanking]:
    """Rank the actions of a symmetric two-player game within a single population.

    Arguments, result and errors are those of ``solve_alpha_rank``, over actions in place of profiles.

    Raises:
        UnsupportedGameError: the game is not a symmetric game of two players.
    """
    began = time.perf_counter()
    _check(tol)
    payoffs = symmetric_payoffs(game)
    selection = InfiniteSelection() if selection is None else selection
    # Entry (s, r): what a mutant r gains over s, u(r, s) - u(s, r).
    logs = selection.log_rates(payoffs.T - payoffs)
    weights = _stationary(logs)
    residual = single_selection_residual(game, weights, selection)
    ranking = AlphaRanking(weights, (weights, weights))
    return _result(ranking, residual, tol, "alpha_rank_single", weights.size, began)


def sweep_alpha(
    game: NormalFormGame,
    *,
    population: int = 50,
    first: float = 1e-2,
    tol: float = 1e-6,
    max_doublings: int = 60,
) -> AlphaSweep:
    """Double the strength of selection until the ranking settles.

    Args:
        game: any normal-form game of at most ``MAX_STATES`` profiles.
        population: individuals in each population.
        first: first strength, in 1/(payoff range).
        tol: largest change of any probability at which the sweep ends, once the ranking has left the
            uniform distribution that weak selection gives.
        max_doublings: most doublings.

    Returns:
        Every ranking met, the settled one last.

    Raises:
        ValueError: an argument out of its range.
    """
    _check(tol)
    if not (math.isfinite(first) and first > 0.0):
        raise ValueError(f"first must be finite and positive, got {first!r}")
    if max_doublings < 1:
        raise ValueError(f"max_doublings must be at least 1, got {max_doublings!r}")
    alpha = first / (game.payoff_range or 1.0)
    alphas: list[float] = []
    joints: list[FloatArray] = []
    for k in range(max_doublings + 1):
        joint = solve_alpha_rank(game, FiniteSelection(alpha, population)).unwrap().joint
        # Weak selection changes little from one doubling to the next as well; only strong ones may end it.
        settled = k > 0 and alpha * game.payoff_range >= 1.0 and np.abs(joint - joints[-1]).max() <= tol
        alphas.append(alpha)
        joints.append(joint)
        if settled:
            break
        alpha *= 2.0
    return AlphaSweep(np.array(alphas), np.array(joints))


def _check(tol: float) -> None:
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")


@functools.lru_cache(maxsize=16)
def _edges(sizes: tuple[int, ...]) -> tuple[IntArray, IntArray, IntArray]:
    """Pairs of flat profiles that differ in one action, and the player whose it is, each of shape (E,)."""
    index = np.arange(math.prod(sizes)).reshape(sizes)
    sources, targets, movers = [], [], []
    for i, n in enumerate(sizes):
        states = np.moveaxis(index, i, 0).reshape(n, -1)
        here, there = np.nonzero(~np.eye(n, dtype=bool))
        sources.append(states[here].ravel())
        targets.append(states[there].ravel())
        movers.append(np.full(sources[-1].size, i))
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(movers)


def _stationary(logs: FloatArray) -> FloatArray:
    """Stationary distribution of a dense chain from its log-rates, shape (n, n), diagonal aside."""
    found = eliminate(np.exp(logs))
    return np.asarray(found if found[0] >= 0.0 else eliminate_logs(logs))


def _sparse_stationary(states: int, rows: IntArray, columns: IntArray, logs: FloatArray) -> FloatArray:
    """Stationary distribution of a large chain by sparse LU; uniform if rates leave the range."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    if logs.min() < _LEAST_LOG:
        return np.full(states, 1.0 / states)
    rates = np.exp(logs)
    leaving = np.bincount(rows, rates, states)
    everyone = np.arange(states)
    # Balance of flows, all but that of the first state, whose weight is set to one instead.
    kept = columns != 0
    matrix = coo_array(
        (
            np.concatenate([rates[kept], -leaving[1:], [1.0]]),
            (
                np.concatenate([columns[kept], everyone[1:], [0]]),
                np.concatenate([rows[kept], everyone[1:], [0]]),
            ),
        ),
        shape=(states, states),
    ).tocsc()
    target = np.zeros(states)
    target[0] = 1.0
    return normalised(splu(matrix).solve(target))


def _result(
    ranking: AlphaRanking,
    residual: float,
    tol: float,
    solver: str,
    states: int,
    began: float,
) -> SolveResult[AlphaRanking]:
    status = Status.CERTIFIED if residual <= tol else Status.FAILED
    certificate = Certificate("alpha_rank_residual", residual)
    return SolveResult(ranking, status, certificate, solver, states, time.perf_counter() - began)
