"""Playing episodes, and estimating expected returns from them.

The estimate is the same on any number of workers: episodes are grouped in chunks of fixed size, each
chunk draws from a child of the generator's seed sequence, and moments are merged in the order of the chunks.
"""

import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.policies.batched import SUM_TOLERANCE
from marl.policies.mixture import MixturePolicy, seat
from marl.policies.seating import check_policies
from marl.policies.uniform import Policy

State = TypeVar("State")

_CHUNK = 64  # episodes; part of what a seed means, so never derived from the number of workers


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One play-through.

    Attributes:
        returns: undiscounted payoffs, shape (num_players,).
        moves: actions chosen by the players, chance left out.
    """

    returns: NDArray[np.float64]
    moves: int


@dataclass(frozen=True, slots=True, eq=False)
class ReturnEstimate:
    """Sample moments of the returns of independent episodes, each of shape (num_players,).

    Attributes:
        mean: sample mean, in payoff units.
        variance: unbiased sample variance, in squared payoff units.
        standard_error: of the mean: sqrt(variance / episodes).
        episodes: how many were played.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    episodes: int


def play_episode(
    game: EnvGame[State],
    policies: Sequence[Policy[State] | MixturePolicy[State]],
    *,
    rng: np.random.Generator,
    max_moves: int | None = None,
) -> Episode:
    """Play one episode to its end.

    Args:
        game: the game.
        policies: one per player; a mixture draws one of its policies for the episode.
        rng: all chance, that of the game and that of the policies.
        max_moves: stop when this many moves have been made and return the payoffs so far; None plays on.

    Raises:
        ValueError: the number of policies is wrong, or a policy gives no distribution.
        IllegalActionError: a policy puts mass on an illegal action and it is drawn.
    """
    check_policies(game.num_players, policies)
    seated = seat(policies, rng)
    state = game.initial(rng)
    moves = 0
    while (movers := game.to_move(state)) and (max_moves is None or moves < max_moves):
        joint = {p: draw_action(seated[p].probabilities(game, state, p), p, rng) for p in movers}
        state = game.step(state, joint, rng)
        moves += len(joint)
    return Episode(game.returns(state), moves)


def estimate_returns(
    game: EnvGame[State],
    policies: Sequence[Policy[State] | MixturePolicy[State]],
    episodes: int,
    *,
    rng: np.random.Generator,
    workers: int = 1,
) -> ReturnEstimate:
    """Estimate every player's expected return by independent episodes.

    Args:
        game: the game.
        policies: one per player.
        episodes: at least 2, as a variance is estimated.
        rng: spawns one child per chunk of episodes; its own stream is not advanced.
        workers: processes to play in; 1 plays in this process. Processes, because games and policies hold
            the interpreter lock. Each is started afresh, which takes some tenths of a second, and receives
            the game and the policies by pickling.

    Returns:
        The same numbers for the same ``rng``, whatever the number of workers.

    Raises:
        ValueError: fewer than 2 episodes, fewer than 1 worker, or as `play_episode`.
    """
    check_policies(game.num_players, policies)
    if episodes < 2:
        raise ValueError(f"episodes must be at least 2 to estimate a variance, got {episodes}")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    sizes = chunk_sizes(episodes)
    children = rng.spawn(len(sizes))
    play = partial(_play_chunk, game, tuple(policies))
    if workers == 1:
        return _merge(map(play, sizes, children))
    # A forked child may inherit a lock held by another thread; a spawned one cannot.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(sizes)), mp_context=context) as pool:
        batch = -(-len(sizes) // (4 * workers))  # a few batches per worker even out unequal episodes
        return _merge(pool.map(play, sizes, children, chunksize=batch))


def chunk_sizes(episodes: int) -> list[int]:
    """Episodes in chunks that each draw from a generator of their own."""
    return [min(_CHUNK, episodes - start) for start in range(0, episodes, _CHUNK)]


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Count, mean and sum of squared deviations from the mean."""

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]


def _play_chunk(
    game: EnvGame[Any],
    policies: Sequence[Policy[Any] | MixturePolicy[Any]],
    episodes: int,
    rng: np.random.Generator,
) -> _Moments:
    returns = np.array([play_episode(game, policies, rng=rng).returns for _ in range(episodes)])
    mean = returns.mean(axis=0)
    return _Moments(episodes, mean, ((returns - mean) ** 2).sum(axis=0))


def _merge(chunks: Iterable[_Moments]) -> ReturnEstimate:
    """Pool the moments chunk by chunk, without the cancellation that plain sums of squares suffer."""
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for chunk in chunks:
        total = count + chunk.count
        shift = chunk.mean - mean
        squares = squares + chunk.squares + shift**2 * (count * chunk.count / total)
        mean = mean + shift * (chunk.count / total)
        count = total
    variance = squares / (count - 1)
    return ReturnEstimate(mean, variance, np.sqrt(variance / count), count)


def draw_action(probabilities: NDArray[np.float64], player: int, rng: np.random.Generator) -> int:
    """Draw an action by inversion; an action of zero probability is never drawn."""
    cumulative = probabilities.cumsum()
    total = cumulative[-1]
    if not abs(total - 1.0) <= SUM_TOLERANCE or probabilities.min() < 0.0:  # `not <=` also catches NaN
        raise ValueError(f"the policy of player {player} must give a distribution, got {probabilities}")
    # The largest draw is 1 - 2^-53, so its product with a total near one stays below the total.
    return int(cumulative.searchsorted(rng.random() * total, side="right"))
