"""What a sampled PSRO run is between two iterations, and how it is kept on disk."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.empirical import EmpiricalGame
from games.errors import FileFormatError
from games.profiles import Profile, as_profile
from games.protocols import EnvGame
from games.storage import read_bundle, write_bundle
from marl.policies import Policy
from solvers.psro.checkpoints import check_settings, generator_at, generator_text
from solvers.psro.sampled.tasks import SampledOracle

SCHEMA = "counterplay.sampled_psro"
VERSION = 2  # learning counts evaluation too, and gains are in what the meta-solver seeks


@dataclass(frozen=True, slots=True, eq=False)
class SampledTrace:
    """One row per iteration.

    Attributes:
        bounds: float64 (T,), upper confidence bound on NashConv within the populations.
        gains: float64 (T, N), what the oracle's answers gained over the mixtures they answered, as sampled:
            an estimate from below of the regrets in the full game. In risk-adjusted payoffs where the
            meta-solver goes by the whole table.
        gain_errors: float64 (T, N), standard errors of the gains in mean return; none of variances is in
            them.
        values: float64 (T, N), mean returns of the mixtures in the empirical game.
        episodes: int64 (T,), episodes simulated for the empirical game so far.
        learning: int64 (T,), episodes the oracles played so far, to learn and to evaluate.
        seconds: float64 (T,), time since the start, resumed time included.
    """

    bounds: NDArray[np.float64]
    gains: NDArray[np.float64]
    gain_errors: NDArray[np.float64]
    values: NDArray[np.float64]
    episodes: NDArray[np.int64]
    learning: NDArray[np.int64]
    seconds: NDArray[np.float64]

    @classmethod
    def empty(cls, num_players: int) -> "SampledTrace":
        """A trace of no iterations."""
        wide, whole = np.empty((0, num_players)), np.empty(0, np.int64)
        return cls(np.empty(0), wide, wide, wide, whole, whole, np.empty(0))

    def append(self, row: "SampledTrace") -> "SampledTrace":
        """A trace followed by another, usually of one row."""
        return SampledTrace(*(np.concatenate([getattr(self, k), getattr(row, k)]) for k in TRACE))

    def __len__(self) -> int:
        return self.bounds.size


TRACE = tuple(f.name for f in fields(SampledTrace))


@dataclass(frozen=True, slots=True, eq=False)
class SampledState:
    """A run between two iterations.

    Attributes:
        policies: populations, in the order in which the policies came; extended in place.
        empirical: their sampled payoffs; extended in place.
        profile: mixtures over the populations.
        trace: what was measured so far.
        rng: the run's generator.
    """

    policies: tuple[list[Policy[Any]], ...]
    empirical: EmpiricalGame
    profile: Profile
    trace: SampledTrace
    rng: np.random.Generator


def save_sampled(
    path: str | os.PathLike[str], state: SampledState, oracle: SampledOracle, settings: Mapping[str, Any]
) -> None:
    """Write a checkpoint atomically: a kill leaves the previous one or this one.

    The policies a run starts with are not written: a resumed run brings them again.
    """
    arrays: dict[str, NDArray[Any]] = {f"empirical_{k}": a for k, a in state.empirical.arrays().items()}
    arrays |= {f"trace_{k}": getattr(state.trace, k) for k in TRACE}
    for i, (population, mixture) in enumerate(zip(state.policies, state.profile, strict=True)):
        arrays[f"profile_{i}"] = mixture
        started = len(population) - len(state.trace)
        for t, policy in enumerate(population[started:]):
            arrays |= {f"policy_{i}_{t}_{k}": a for k, a in oracle.pack(policy).items()}
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "settings": dict(settings),
        "rng": generator_text(state.rng),
    }
    write_bundle(path, header, arrays)


def load_sampled(
    path: str | os.PathLike[str],
    game: EnvGame[Any],
    starts: Sequence[Sequence[Policy[Any]]],
    oracle: SampledOracle,
    rng: np.random.Generator,
    settings: Mapping[str, Any],
) -> SampledState:
    """Read a checkpoint of the same game and settings; ``rng`` is put where the run left it.

    Raises:
        FileFormatError: the files are broken or not a checkpoint of a sampled PSRO.
        ValueError: they belong to another game or to other settings.
    """
    place = os.fspath(path)
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    check_settings(place, header.get("settings"), settings)
    try:
        trace = SampledTrace(**{k: arrays[f"trace_{k}"] for k in TRACE})
        if len({len(getattr(trace, k)) for k in TRACE}) != 1:
            raise ValueError("the measurements are not of one length")
        held = {k: arrays[f"empirical_{k}"] for k in ("counts", "means", "squares")}
        empirical = EmpiricalGame.restore(held, game.payoff_bounds, name=f"empirical game of {game.name}")
        policies = tuple(
            [*start, *(oracle.unpack(_under(arrays, f"policy_{i}_{t}_")) for t in range(len(trace)))]
            for i, start in enumerate(starts)
        )
        if empirical.sizes != tuple(map(len, policies)):
            raise ValueError("the payoffs do not fit the populations")
        profile = tuple(arrays[f"profile_{i}"] for i in range(game.num_players))
        as_profile(profile, empirical.sizes)  # checks; what it returns may differ in the last digit
        rng.bit_generator.state = generator_at(header["rng"]).bit_generator.state
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{place} is not a whole checkpoint: {error}") from error
    return SampledState(policies, empirical, profile, trace, rng)


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
