"""Every return of many episodes, and how often an event happened: for tails and rates.

As with `estimate_returns`, the same on any number of workers: chunks of fixed size, a child generator each.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.policies import MixturePolicy, Policy, seat
from marl.rollouts.rollout import chunk_sizes
from marl.rollouts.trajectory import play_states

Player: TypeAlias = Policy[Any] | MixturePolicy[Any]
Event: TypeAlias = Callable[[Any], bool]
"""Whether an episode's last state shows the event; pickled where there are workers."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Episodes of one line-up.

    Attributes:
        returns: float64 (episodes, num_players).
        events: bool (episodes,), whether each ended in the event; all False where none was asked for.
    """

    returns: NDArray[np.float64]
    events: NDArray[np.bool_]


def sample_returns(
    game: EnvGame[Any],
    lineups: Sequence[Sequence[Player]],
    episodes: int,
    *,
    rng: np.random.Generator,
    event: Event | None = None,
    workers: int = 1,
) -> list[Samples]:
    """Play every line-up.

    Args:
        game: the game.
        lineups: one player per seat each.
        episodes: of each line-up, at least 1.
        rng: spawns one child per chunk of episodes; its own stream is not advanced.
        event: what to look for in the last state of an episode.
        workers: processes to play in; 1 plays in this one.

    Returns:
        One entry per line-up, the same for the same ``rng`` whatever the number of workers.

    Raises:
        ValueError: ``episodes`` or ``workers`` is below 1, or as ``play_episode``.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    sizes = chunk_sizes(episodes)
    children = iter(rng.spawn(len(sizes) * len(lineups)))
    tasks = [(game, tuple(lineup), size, next(children), event) for lineup in lineups for size in sizes]
    with _crew(workers) as crew:
        chunks = iter(crew(_play, tasks))
    played = []
    for _ in lineups:
        mine = [next(chunks) for _ in sizes]
        played.append(
            Samples(np.concatenate([c.returns for c in mine]), np.concatenate([c.events for c in mine]))
        )
    return played


_Task: TypeAlias = tuple[EnvGame[Any], tuple[Player, ...], int, np.random.Generator, Event | None]


class _Crew(Protocol):
    def __call__(self, work: Callable[[_Task], Samples], tasks: Sequence[_Task], /) -> list[Samples]: ...


@contextmanager
def _crew(workers: int) -> Iterator[_Crew]:
    if workers == 1:
        yield lambda work, tasks: [work(task) for task in tasks]
        return
    # A forked child may inherit a lock held by another thread; a spawned one cannot.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield lambda work, tasks: list(pool.map(work, tasks))


def _play(task: _Task) -> Samples:
    game, lineup, episodes, rng, event = task
    returns = np.empty((episodes, game.num_players))
    events = np.zeros(episodes, dtype=np.bool_)
    for k in range(episodes):
        end = play_states(game, seat(lineup, rng), rng=rng)[-1]
        returns[k] = game.returns(end)
        events[k] = event is not None and event(end)
    return Samples(returns, events)
