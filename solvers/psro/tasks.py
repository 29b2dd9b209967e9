"""Work that a sampled PSRO hands out: the same results in this process and in any number of others."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from games.empirical import Moments
from games.protocols import EnvGame
from marl.oracles import Opponent, OracleAnswer
from marl.policies import Policy
from marl.rollouts import estimate_returns

A = TypeVar("A")
B = TypeVar("B")


class Workers(Protocol):
    """Maps a function over arguments, in their order."""

    def __call__(self, work: Callable[[A], B], arguments: Sequence[A], /) -> list[B]:
        """Results in the order of the arguments."""


@contextmanager
def start_workers(number: int) -> Iterator[Workers]:
    """Workers that live as long as the context: this process if one, else processes of their own.

    Processes are spawned, as a forked child may inherit a lock held by another thread.
    """
    if number == 1:
        yield _here
        return
    with ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield partial(_there, pool)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _here(work: Callable[[A], B], arguments: Sequence[A], /) -> list[B]:
    return [work(argument) for argument in arguments]


def _there(pool: ProcessPoolExecutor, work: Callable[[A], B], arguments: Sequence[A], /) -> list[B]:
    return list(pool.map(work, arguments))


class SampledOracle(Protocol):
    """Learns a response by playing; the answer is a function of the arguments alone."""

    @property
    def name(self) -> str:
        """Registered name, with parameters."""

    def respond(
        self, game: EnvGame[Any], opponents: Sequence[Opponent], player: int, *, rng: np.random.Generator
    ) -> OracleAnswer[Any]:
        """Learn a response of ``player`` to the opponents; their entry for ``player`` is not used."""

    def pack(self, policy: Any) -> dict[str, np.ndarray[Any, Any]]:  # noqa: ANN401  (own policies)
        """A policy of this oracle as arrays of float64, int64 or uint8, for the checkpoint."""

    def unpack(self, arrays: dict[str, np.ndarray[Any, Any]]) -> Policy[Any]:
        """The policy that gave the arrays; ValueError if they are not of one."""


ResponseTask: TypeAlias = tuple[SampledOracle, EnvGame[Any], tuple[Opponent, ...], int, np.random.Generator]
CellTask: TypeAlias = tuple[EnvGame[Any], tuple[Opponent, ...], int, np.random.Generator]


def respond(task: ResponseTask) -> OracleAnswer[Any]:
    """One player's response."""
    oracle, game, opponents, player, rng = task
    return oracle.respond(game, opponents, player, rng=rng)


def simulate(task: CellTask) -> Moments:
    """Episodes of one cell."""
    game, policies, episodes, rng = task
    estimate = estimate_returns(game, policies, episodes, rng=rng)
    return Moments.of_variance(estimate.episodes, estimate.mean, estimate.variance)
