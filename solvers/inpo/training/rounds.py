"""Where a run is on disk: one manifest for each pass and round, written after the files that it names.

A stage is done once the manifest says so, and its files are then whole: a kill at any point loses the stage
at work, of which a fit keeps its checkpoints and judging every answer. Nothing depends on when a run was
interrupted: the randomness of a stage follows from the seed of the run and the place of the stage.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from games.errors import FileFormatError
from games.files import atomic_write
from games.storage.folder import open_regular
from games.storage.header import MAX_HEADER_BYTES, decode_header, encode_header
from solvers.psro.checkpoints import check_settings

_VERSION = 1
_PASS = "counterplay.inpo.pass"
_ROUND = "counterplay.inpo.round"
_RUN = "counterplay.inpo.run"
_RUN_FILE = "run.json"


class Stage(StrEnum):
    """What a pass does, in order; evaluation follows the last pass of a round."""

    GENERATE = "generate"
    OPPONENTS = "opponents"
    JUDGE = "judge"
    LOG_PROBABILITIES = "log_probabilities"
    FIT = "fit"


class Purpose(StrEnum):
    """What random numbers are for, beside stages."""

    PROMPTS = "prompts"
    EVALUATION = "evaluation"


def seed_sequence(seed: int, purpose: Stage | Purpose, *place: int) -> np.random.SeedSequence:
    """The child of a run's seed for a purpose at a place, such as a round and a pass."""
    number = [*Stage, *Purpose].index(purpose)
    return np.random.SeedSequence(seed, spawn_key=(number, *place))


def seed_number(seed: int, purpose: Stage | Purpose, *place: int) -> int:
    """The same as one number below 2^32, for libraries that are seeded by one."""
    return int(seed_sequence(seed, purpose, *place).generate_state(1)[0])


class Manifest:
    """What is done of a pass, in a file that is replaced as a whole.

    Args:
        folder: that of the pass; made if missing.
        facts: round, pass, seed and the like, for readers.

    Raises:
        FileFormatError: there is a manifest already, and it is broken or of another version.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / "manifest.json"
        found = read_json(self._path, _PASS)
        self._data = {**facts, "stages": {}} if found is None else found

    def done(self, stage: Stage) -> bool:
        """Whether a stage is over."""
        return stage.value in self._data["stages"]

    def facts(self, stage: Stage) -> dict[str, Any]:
        """What a stage that is over left to say.

        Raises:
            FileFormatError: its file is missing or another one than it wrote.
        """
        entry: dict[str, Any] = self._data["stages"][stage.value]
        name = entry.get("file")
        if name is not None and file_digest(self.folder / name) != entry.get("sha256"):
            raise FileFormatError(f"{self.folder / name}: content is not what the manifest was written with")
        return entry

    def recorded(self, stage: Stage) -> dict[str, Any]:
        """The same without a look at the file, which may be gone by now."""
        entry: dict[str, Any] = self._data["stages"][stage.value]
        return entry

    @contextmanager
    def stage(self, stage: Stage, file: str, *, write: bool = True) -> Iterator[dict[str, Any]]:
        """Do a stage: the block writes ``file`` and adds facts to the mapping; then the stage is over.

        Where several processes do it together, all but one say not to ``write``.
        """
        start = time.perf_counter()
        facts: dict[str, Any] = {}
        yield facts
        if not write:
            return
        facts |= {"file": file, "sha256": file_digest(self.folder / file)}
        facts["seconds"] = time.perf_counter() - start
        self._data["stages"][stage.value] = facts
        write_json(self._path, _PASS, self._data)

    @property
    def seconds(self) -> float:
        """Time of all stages that are over."""
        return float(sum(entry["seconds"] for entry in self._data["stages"].values()))


def has_run(folder: Path) -> bool:
    """Whether a run has begun in a folder."""
    return (folder / _RUN_FILE).exists()


def open_run(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
    """Begin a run in a folder, or go on with the one that is there.

    Raises:
        ValueError: there is a run and ``resume`` is false, or it was made with other settings.
        FileFormatError: what is there is no run.
    """
    path = folder / _RUN_FILE
    found = read_json(path, _RUN)
    if found is None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, _RUN, {"settings": dict(settings)})
        return
    if not resume:
        raise ValueError(
            f"output_dir {folder} holds a run already: call train(resume_from_checkpoint=True) to go on with "
            "it, or name another folder"
        )
    check_settings(str(path), found.get("settings"), settings)


def pass_folder(folder: Path, round_number: int, pass_number: int) -> Path:
    """Where a pass keeps its files."""
    return folder / weights_place(round_number, pass_number).rpartition("/")[0]


def weights_place(round_number: int, pass_number: int) -> str:
    """Where the weights of a pass are, relative to the run."""
    return f"rounds/{round_number:04d}/pass{pass_number}/weights.safetensors"


def read_round(folder: Path, round_number: int) -> dict[str, float] | None:
    """The evaluation of a round that is over; None if it is not."""
    found = read_json(_round_path(folder, round_number), _ROUND)
    return None if found is None else found["metrics"]


def write_round(
    folder: Path, round_number: int, metrics: Mapping[str, float], names: Mapping[str, str]
) -> None:
    """End a round.

    Args:
        folder: that of the run.
        round_number: which round.
        metrics: its evaluation, finite.
        names: where policies are kept when it is over, for readers.
    """
    data = {"round": round_number, "metrics": dict(metrics), "policies": dict(names)}
    write_json(_round_path(folder, round_number), _ROUND, data)


def _round_path(folder: Path, round_number: int) -> Path:
    return folder / "rounds" / f"{round_number:04d}" / "round.json"


def read_json(path: Path, schema: str) -> dict[str, Any] | None:
    """A file of ours; None where there is none.

    Raises:
        FileFormatError: it is broken, or something else.
    """
    try:
        with open_regular(path, MAX_HEADER_BYTES) as (file, _):
            data = decode_header(file.read(), str(path))
    except FileNotFoundError:
        return None
    if data.get("schema") != schema or data.get("version") != _VERSION:
        raise FileFormatError(
            f"{path}: wanted {schema} version {_VERSION}, "
            f"got {data.get('schema')!r:.80} version {data.get('version')!r:.80}"
        )
    return data


def write_json(path: Path, schema: str, data: Mapping[str, Any]) -> None:
    """Write a file of ours, whole or not at all."""
    content = encode_header({**data, "schema": schema, "version": _VERSION})
    with atomic_write(path) as file:
        file.write(content)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, empty where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
