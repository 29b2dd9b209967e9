"""Work that a sampled PSRO hands out: the same results in this process and in any number of others.

What all tasks need, such as the game, goes to each process once, when it starts. Tasks travel in
batches: the policies that the cells of a batch share are then sent once per batch.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from games.empirical import Moments
from games.protocols import EnvGame
from marl.oracles import Opponent, OracleAnswer
from marl.policies import Policy
from marl.rollouts import play_episode
from solvers.psro.sampled.simulators import Simulator

A = TypeVar("A")
B = TypeVar("B")

_BATCHES = 4  # per process: a few, so that unequal ones even out


class SampledOracle(Protocol):
    """Learns a response by playing; the answer is a function of the arguments alone."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def respond(
        self, game: EnvGame[Any], opponents: Sequence[Opponent], player: int, *, rng: np.random.Generator
    ) -> OracleAnswer[Any]:
        """Learn a response of ``player`` to the opponents.

        The entry for ``player`` is the mixture that the player plays now. It takes no part in the play, but
        an oracle may begin with what is learned there (as ``TabularQ`` with a ``WarmStart`` does).
        """

    def pack(self, policy: Any) -> dict[str, np.ndarray[Any, Any]]:  # noqa: ANN401  (own policies)
        """A policy of this oracle as arrays of float64, int64 or uint8, for the checkpoint."""

    def unpack(self, arrays: dict[str, np.ndarray[Any, Any]]) -> Policy[Any]:
        """The policy that gave the arrays; ValueError if they are not of one."""


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What all tasks of a run need.

    Attributes:
        game: the game.
        oracle: who learns.
        simulator: how cells are played.
    """

    game: EnvGame[Any]
    oracle: SampledOracle
    simulator: Simulator


class Workers(Protocol):
    """Maps a function of the setting and an argument over arguments, in their order."""

    def __call__(self, work: Callable[[Setting, A], B], arguments: Sequence[A], /) -> list[B]:
        """Results in the order of the arguments."""


@contextmanager
def start_workers(number: int, setting: Setting) -> Iterator[Workers]:
    """Workers that live as long as the context: this process if one, else processes of their own.

    Processes are spawned, as a forked child may inherit a lock held by another thread.
    """
    if number == 1:
        yield partial(_here, setting)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(number, context, initializer=_install, initargs=(setting,)) as pool:
        try:
            yield partial(_there, pool, number)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_installed: list[Setting] = []  # in a worker process: the one setting it was started with


def _install(setting: Setting) -> None:
    _installed[:] = [setting]


def _with_installed(work: Callable[[Setting, A], B], argument: A) -> B:
    return work(_installed[0], argument)


def _here(setting: Setting, work: Callable[[Setting, A], B], arguments: Sequence[A], /) -> list[B]:
    return [work(setting, argument) for argument in arguments]


def _there(
    pool: ProcessPoolExecutor, number: int, work: Callable[[Setting, A], B], arguments: Sequence[A], /
) -> list[B]:
    batch = -(-len(arguments) // (_BATCHES * number)) or 1
    return list(pool.map(partial(_with_installed, work), arguments, chunksize=batch))


ResponseTask: TypeAlias = tuple[tuple[Opponent, ...], int, np.random.Generator]
CellTask: TypeAlias = tuple[tuple[Opponent, ...], int, np.random.Generator]


@dataclass(frozen=True, slots=True, eq=False)
class SharedTask:
    """Episodes in which several policies of a player meet the same draws.

    Attributes:
        player: whose policies they are.
        policies: of the player.
        opponents: one per player; the entry of ``player`` is not used.
        episodes: how many for each policy.
        rng: where their seeds come from.
    """

    player: int
    policies: tuple[Policy[Any], ...]
    opponents: tuple[Opponent, ...]
    episodes: int
    rng: np.random.Generator


def respond(setting: Setting, task: ResponseTask) -> OracleAnswer[Any]:
    """One player's response."""
    opponents, player, rng = task
    return setting.oracle.respond(setting.game, opponents, player, rng=rng)


def simulate(setting: Setting, task: CellTask) -> Moments:
    """Episodes of one cell."""
    policies, episodes, rng = task
    return setting.simulator.moments(setting.game, policies, episodes, rng=rng)


def play_shared(setting: Setting, task: SharedTask) -> NDArray[np.float64]:
    """Returns of the player, shape (episodes, len(policies)).

    All policies play episode k with equal generators: they meet the same opponents, and the same chance until
    their ways part.
    """
    returns = np.empty((task.episodes, len(task.policies)))
    for k, seed in enumerate(task.rng.integers(2**63, size=task.episodes).tolist()):
        for column, policy in enumerate(task.policies):
            seated = [policy if i == task.player else p for i, p in enumerate(task.opponents)]
            episode = play_episode(setting.game, seated, rng=np.random.default_rng(seed))
            returns[k, column] = episode.returns[task.player]
    return returns


def pieces(episodes: int, largest: int) -> list[int]:
    """Split ``episodes`` into nearly equal parts of at most ``largest``."""
    number = -(-episodes // largest)
    return [episodes // number + (k < episodes % number) for k in range(number)]
