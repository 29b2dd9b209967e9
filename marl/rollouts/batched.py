"""Many episodes at once on the lanes of a batch.

A set number of episodes is begun and every one of them is played to its end, in whichever lane is free. So
the returns are those of independent episodes; to stop once enough of them have ended would favour short ones.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.batch.choose import batch_of
from games.batch.looped import HasReplica, LoopedBatch
from games.protocols import BatchGame, EnvGame
from marl.policies.batched import LaneSeat, ObservationPolicy, reads_observations
from marl.policies.mixture import MixturePolicy
from marl.policies.seating import check_policies
from marl.policies.uniform import Policy
from marl.rollouts.rollout import ReturnEstimate

Occupant: TypeAlias = Policy[Any] | ObservationPolicy | MixturePolicy[Any]
"""Who may play a part."""

_MOST_REPLICAS = 16  # each is a simulator of its own

EndWatcher: TypeAlias = Callable[[NDArray[np.int64], NDArray[np.int64]], None]
"""Called with the lanes in which episodes have just ended, before they begin anew, and the numbers of these
episodes."""


def play_batch(
    batch: BatchGame,
    policies: Sequence[Occupant],
    episodes: int,
    *,
    rng: np.random.Generator,
    on_end: EndWatcher | None = None,
) -> NDArray[np.float64]:
    """Play episodes to their ends.

    Args:
        batch: begun anew in all lanes; lanes beyond the number of episodes are played but not counted.
        policies: one per player; a mixture draws one of its policies for each episode.
        episodes: at least 1.
        rng: all chance, that of the game and that of the policies.
        on_end: told of episodes that end, to look at more of them than their returns.

    Returns:
        Undiscounted returns, shape (episodes, num_players), in the order in which episodes were begun.

    Raises:
        ValueError: the number of policies is wrong, there is no episode, or a policy gives no distribution.
        TypeError: a policy reads states, and the batch has none.
        IllegalActionError: a policy puts mass on an illegal action and it is drawn.
    """
    check_policies(batch.num_players, policies)
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    num_lanes = batch.num_lanes
    returns = np.empty((episodes, batch.num_players))
    joint = np.zeros((batch.num_players, num_lanes), dtype=np.int64)
    seats = [LaneSeat(player, occupant, num_lanes) for player, occupant in enumerate(policies)]
    episode = np.full(num_lanes, -1)  # number of the episode in each lane, -1 where none is counted
    _begin(batch, seats, np.arange(num_lanes), rng)
    begun, left = min(num_lanes, episodes), episodes
    episode[:begun] = np.arange(begun)
    while left:
        ended = np.flatnonzero(batch.finished() & (episode >= 0))
        if ended.size:
            returns[episode[ended]] = batch.returns()[:, ended].T
            if on_end is not None:
                on_end(ended, episode[ended])
            left -= ended.size
            episode[ended] = -1
            again = ended[: episodes - begun]
            episode[again] = begun + np.arange(again.size)
            begun += again.size
            _begin(batch, seats, again, rng)
            continue  # an episode may be over before anybody moves
        for seat in seats:
            seat.act(batch, joint, rng)
        batch.step(joint, rng)
    return returns


def estimate_returns_batched(
    game: EnvGame[Any],
    policies: Sequence[Occupant],
    episodes: int,
    *,
    rng: np.random.Generator,
    num_lanes: int = 1024,
) -> ReturnEstimate:
    """Estimate every player's expected return by independent episodes, many at once.

    The fastest batch of the game is played where all policies read observations, else the states are stepped
    one lane after another.

    Args:
        game: the game.
        policies: one per player.
        episodes: at least 2, as a variance is estimated.
        rng: spawns one child; its own stream is not advanced.
        num_lanes: episodes side by side; part of what a seed means. Games with a simulator per lane have 16
            at most.

    Raises:
        ValueError: fewer than 2 episodes, no lane, or as `play_batch`.
        IllegalActionError: as `play_batch`.

    Example:
        >>> from games.driving.merge import MergeGame
        >>> from marl.policies import UniformPolicy
        >>> estimate = estimate_returns_batched(
        ...     MergeGame(), [UniformPolicy()] * 2, 500, rng=np.random.default_rng(0)
        ... )
        >>> estimate.episodes, estimate.mean.shape
        (500, (2,))
    """
    check_policies(game.num_players, policies)
    if episodes < 2:
        raise ValueError(f"episodes must be at least 2 to estimate a variance, got {episodes}")
    members = [p for o in policies for p in (o.policies if isinstance(o, MixturePolicy) else (o,))]
    make = batch_of if all(map(reads_observations, members)) else LoopedBatch
    (child,) = rng.spawn(1)
    most = _MOST_REPLICAS if isinstance(game, HasReplica) else num_lanes
    batch = make(game, min(num_lanes, most, episodes), rng=child)
    return return_estimate(play_batch(batch, policies, episodes, rng=child))


def return_estimate(returns: ArrayLike) -> ReturnEstimate:
    """Sample moments of the returns of independent episodes.

    Args:
        returns: shape (episodes, num_players), at least 2 episodes.

    Raises:
        ValueError: another shape.
    """
    table = np.asarray(returns, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"returns must have shape (episodes >= 2, num_players), got {table.shape}")
    variance = table.var(axis=0, ddof=1)
    return ReturnEstimate(table.mean(axis=0), variance, np.sqrt(variance / len(table)), len(table))


def _begin(
    batch: BatchGame, seats: Sequence[LaneSeat], lanes: NDArray[np.int64], rng: np.random.Generator
) -> None:
    """Begin new plays in some lanes, with policies drawn anew."""
    marked = np.zeros(batch.num_lanes, dtype=np.bool_)
    marked[lanes] = True
    batch.reset(marked, rng)
    for seat in seats:
        seat.draw(lanes, rng)
