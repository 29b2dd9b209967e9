"""What a PSRO run is at the end of an iteration, and how it is kept on disk."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.extensive.fingerprint import fingerprint
from games.extensive.sequence_form import SequenceForm
from games.profiles import Profile
from games.storage import read_bundle, write_bundle
from solvers.psro.checkpoints import check_settings, generator_at, generator_text
from solvers.psro.population import EmpiricalPayoffs, MetaPlay, Tally

SCHEMA = "counterplay.psro"
VERSION = 2


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One row per iteration.

    Attributes:
        distance: float64 (T,), the method's measure of the players' mixtures.
        nash_conv: float64 (T,), NashConv of the mixtures in the full game.
        values: float64 (T, N), expected payoffs of the mixtures.
        variances: float64 (T, N), variances of the realised payoffs.
        sizes: int64 (T, N), policies in each population.
        queries: int64 (T, 2), best responses and payoffs of profiles asked for so far (see ``Tally``).
        seconds: float64 (T,), time since the start, resumed time included.
    """

    distance: NDArray[np.float64]
    nash_conv: NDArray[np.float64]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    sizes: NDArray[np.int64]
    queries: NDArray[np.int64]
    seconds: NDArray[np.float64]

    @classmethod
    def empty(cls, num_players: int) -> "Trace":
        """A trace of no iterations."""
        table = np.empty((0, num_players))
        sizes, queries = np.empty((0, num_players), np.int64), np.empty((0, 2), np.int64)
        return cls(np.empty(0), np.empty(0), table, table, sizes, queries, np.empty(0))

    def append(
        self,
        distance: float,
        nash_conv: float,
        values: NDArray[np.float64],
        variances: NDArray[np.float64],
        sizes: list[int],
        queries: Tally,
        seconds: float,
    ) -> "Trace":
        """A trace with one more row."""
        return Trace(
            np.append(self.distance, distance),
            np.append(self.nash_conv, nash_conv),
            np.vstack([self.values, values]),
            np.vstack([self.variances, variances]),
            np.vstack([self.sizes, np.array(sizes, np.int64)]),
            np.vstack([self.queries, np.array([queries.responses, queries.cells], np.int64)]),
            np.append(self.seconds, seconds),
        )

    def __len__(self) -> int:
        return self.nash_conv.size


@dataclass(frozen=True, slots=True, eq=False)
class PSROState:
    """A run between two iterations.

    Attributes:
        payoffs: populations and their empirical game; extended in place by the next step.
        play: what is played.
        trace: what was measured so far; one row per finished iteration.
        closed: no oracle answer was new in the last iteration, so further ones would change nothing.
        rng: the run's generator, between iterations.
    """

    payoffs: EmpiricalPayoffs
    play: MetaPlay
    trace: Trace
    closed: bool
    rng: np.random.Generator

    @property
    def profile(self) -> Profile:
        """Mixtures over ``play.populations``."""
        return self.play.profile


def save_state(path: str | os.PathLike[str], state: PSROState, settings: dict[str, Any]) -> None:
    """Write a checkpoint atomically: a kill leaves the previous one or this one."""
    form = state.payoffs.form
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "fingerprint": fingerprint(form),
        "settings": settings,
        "closed": state.closed,
        "rng": generator_text(state.rng),
    }
    # The payoffs too: computed again in another order they would differ in the last digit.
    arrays: dict[str, NDArray[Any]] = {
        "payoffs": state.payoffs.filled,
        "played": state.play.plans,
    }
    arrays |= {name: getattr(state.trace, name) for name in _TRACE}
    for i, population in enumerate(state.payoffs.populations):
        arrays[f"plans_{i}"] = population.plans
        arrays[f"beyond_{i}"] = state.play.populations[i][len(population) :]
        arrays[f"profile_{i}"] = state.profile[i]
    write_bundle(path, header, arrays)


_TRACE = ("distance", "nash_conv", "values", "variances", "sizes", "queries", "seconds")


def load_state(path: str | os.PathLike[str], form: SequenceForm, settings: dict[str, Any]) -> PSROState:
    """Read a checkpoint of the same game and settings.

    Raises:
        FileFormatError: the files are broken or not a PSRO checkpoint.
        ValueError: they belong to another game or to other settings.
    """
    place = os.fspath(path)
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    if header.get("fingerprint") != fingerprint(form):
        raise ValueError(f"checkpoint {place} belongs to another game than {form.name}")
    check_settings(place, header.get("settings"), settings)
    try:
        plans = [arrays[f"plans_{i}"] for i in range(form.num_players)]
        payoffs = EmpiricalPayoffs.restore(form, plans, arrays["payoffs"])
        profile = tuple(arrays[f"profile_{i}"] for i in range(form.num_players))
        rows = tuple(np.concatenate([p, arrays[f"beyond_{i}"]]) for i, p in enumerate(plans))
        trace = Trace(**{name: arrays[name] for name in _TRACE})
        if len({len(arrays[name]) for name in _TRACE}) != 1:
            raise ValueError("the measurements are not of one length")
        if [x.shape for x in profile] != [(len(r),) for r in rows]:
            raise ValueError("the mixtures do not fit the populations")
        if arrays["played"].shape != (sum(form.num_sequences),):
            raise ValueError("the plans played do not fit the game")
        payoffs.tally = Tally(*(int(n) for n in trace.queries[-1]))
        rng = generator_at(header["rng"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FileFormatError(f"{place} is not a whole PSRO checkpoint: {error}") from error
    play = MetaPlay(form, rows, profile, arrays["played"])
    return PSROState(payoffs, play, trace, bool(header.get("closed")), rng)
