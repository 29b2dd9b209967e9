"""What a JPSRO run is between two iterations, and how it is kept on disk."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.extensive.correlated import Deviation
from games.extensive.fingerprint import fingerprint
from games.extensive.sequence_form import SequenceForm
from games.profiles import as_distribution
from games.storage import read_bundle, write_bundle
from solvers.psro.checkpoints import check_settings, generator_at, generator_text
from solvers.psro.population import EmpiricalPayoffs

SCHEMA = "counterplay.jpsro"
VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class JointTrace:
    """One row per iteration.

    Attributes:
        gap: float64 (T,), distance of the joint distribution from the concept in the full game.
        values: float64 (T, N), expected payoffs of the joint distribution.
        sizes: int64 (T, N), policies in each population.
        seconds: float64 (T,), time since the start, resumed time included.
    """

    gap: NDArray[np.float64]
    values: NDArray[np.float64]
    sizes: NDArray[np.int64]
    seconds: NDArray[np.float64]

    @classmethod
    def empty(cls, num_players: int) -> "JointTrace":
        """A trace of no iterations."""
        return cls(np.empty(0), np.empty((0, num_players)), np.empty((0, num_players), np.int64), np.empty(0))

    def append(
        self, gap: float, values: NDArray[np.float64], sizes: list[int], seconds: float
    ) -> "JointTrace":
        """A trace with one more row."""
        return JointTrace(
            np.append(self.gap, gap),
            np.vstack([self.values, values]),
            np.vstack([self.sizes, np.array(sizes, np.int64)]),
            np.append(self.seconds, seconds),
        )

    def __len__(self) -> int:
        return self.gap.size


_TRACE = tuple(f.name for f in fields(JointTrace))


@dataclass(frozen=True, slots=True, eq=False)
class JointState:
    """A run between two iterations.

    Attributes:
        payoffs: populations and their empirical game; extended in place by the next step.
        joint: distribution over the cells of the empirical game.
        deviations: each player's best deviations from it in the full game; a function of the above.
        trace: what was measured so far; one row per finished iteration.
        closed: no deviation of the last iteration was new, so further ones would change nothing.
        rng: the run's generator, between iterations.
    """

    payoffs: EmpiricalPayoffs
    joint: NDArray[np.float64]
    deviations: tuple[list[Deviation], ...]
    trace: JointTrace
    closed: bool
    rng: np.random.Generator

    @property
    def gap(self) -> float:
        """What all players together could gain by deviating, in payoff units."""
        return sum(d.gain for found in self.deviations for d in found)


@dataclass(frozen=True, slots=True, eq=False)
class StoredJoint:
    """What a checkpoint holds: the state but for the deviations, which are found again."""

    payoffs: EmpiricalPayoffs
    joint: NDArray[np.float64]
    trace: JointTrace
    closed: bool
    rng: np.random.Generator


def save_joint(path: str | os.PathLike[str], state: JointState, settings: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically: a kill leaves the previous one or this one."""
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "fingerprint": fingerprint(state.payoffs.form),
        "settings": dict(settings),
        "closed": state.closed,
        "rng": generator_text(state.rng),
    }
    # The payoffs too: computed again in another order they would differ in the last digit.
    arrays: dict[str, NDArray[Any]] = {"payoffs": state.payoffs.table, "joint": state.joint}
    arrays |= {f"trace_{name}": getattr(state.trace, name) for name in _TRACE}
    arrays |= {f"plans_{i}": p.plans for i, p in enumerate(state.payoffs.populations)}
    write_bundle(path, header, arrays)


def load_joint(path: str | os.PathLike[str], form: SequenceForm, settings: Mapping[str, Any]) -> StoredJoint:
    """Read a checkpoint of the same game and settings.

    Raises:
        FileFormatError: the files are broken or not a JPSRO checkpoint.
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
        joint = arrays["joint"]
        if joint.shape != payoffs.table.shape[1:]:
            raise ValueError("the joint distribution does not fit the populations")
        as_distribution(joint.ravel(), name="joint")  # checked only: dividing again could move a digit
        trace = JointTrace(**{name: arrays[f"trace_{name}"] for name in _TRACE})
        if len({len(getattr(trace, name)) for name in _TRACE}) != 1:
            raise ValueError("the measurements are not of one length")
        rng = generator_at(header["rng"])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{place} is not a whole JPSRO checkpoint: {error}") from error
    return StoredJoint(payoffs, joint, trace, bool(header.get("closed")), rng)
