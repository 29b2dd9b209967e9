"""A run of SEQUOIA on disk: JSON beside arrays, replaced whole or not at all, and resumed identically."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.errors import FileFormatError
from games.storage import read_bundle, write_bundle
from solvers.psro.checkpoints import check_settings, digest, generator_at, generator_text
from solvers.sequoia.learning.records import LearningCurve
from solvers.sequoia.learning.trainer import SequoiaTrainer

SCHEMA = "counterplay.sequoia_training"
VERSION = 1


def save_training(path: str | os.PathLike[str], trainer: SequoiaTrainer) -> None:
    """Write a checkpoint atomically: a kill leaves the previous one or this one.

    Args:
        path: ends in ``.json``; the arrays go beside it.
        trainer: between two rounds.

    Raises:
        ValueError: the path does not end in ``.json``.
        OSError: the folder cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for part, held in trainer.arrays().items():
        arrays |= {f"{part}_{name}": array for name, array in held.items()}
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "settings": _settings_of(trainer),
        "rng": generator_text(trainer.rng),
        "rounds": trainer.rounds,
        "updates": trainer.updates,
        "solves": trainer.solves,
        "stale": trainer.stale,
        "kept_look": trainer.kept_look,
        "seconds": trainer.seconds,
    }
    write_bundle(path, header, arrays)


def resume_training(path: str | os.PathLike[str], trainer: SequoiaTrainer) -> None:
    """Put a fresh trainer where a checkpoint of the same bandit, settings and seed was taken.

    Args:
        path: of the checkpoint.
        trainer: made with the same arguments, before `SequoiaTrainer.start`.

    Raises:
        FileFormatError: the files are broken or no checkpoint of a training.
        ValueError: they belong to another bandit, seed or base, or to other settings.
        OSError: they cannot be opened.
    """
    place = os.fspath(path)
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    check_settings(place, header.get("settings"), _settings_of(trainer))
    try:
        trainer.restore(
            {part: _under(arrays, f"{part}_") for part in trainer.arrays()},
            LearningCurve.restore(_under(arrays, "curve_")),
            {name: int(header[name]) for name in ("rounds", "updates", "solves", "stale", "kept_look")},
            float(header["seconds"]),
        )
        trainer.rng.bit_generator.state = generator_at(header["rng"]).bit_generator.state
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{place} is not a whole checkpoint: {error}") from error


def _settings_of(trainer: SequoiaTrainer) -> dict[str, str]:
    """What must agree, as words: the settings are frozen dataclasses, whose representation says all.

    The validation's chance tells the seed. The base is worked out anew on resumption, and differs where its
    search had a time limit.
    """
    bandit, noise, base = trainer.bandit, trainer.noise, trainer.base
    arms, feasible = bandit.arms, bandit.feasible
    effect = bandit.effect.shares(np.concatenate([np.eye(bandit.bits), np.ones((1, bandit.bits))]) > 0.0)
    numbers = [arms.passive, arms.active, arms.rewards, effect]
    if isinstance(feasible, ActionSet):
        numbers += [feasible.rows.toarray(), feasible.row_lower, feasible.row_upper]
        numbers += [feasible.lower, feasible.upper]
    return {
        "bandit": f"{bandit.name}, {bandit.horizon} steps, {digest([numbers])}",
        "settings": repr(trainer.settings),
        "seed": digest([[noise.starts, noise.uniforms]]),
        "base": digest([[base.coefficients, base.constants], base.values]),
    }


def _under(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
