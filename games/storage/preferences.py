"""Solved preference games on disk: preferences, reference and divergence, the policy, and what is claimed.

The game lies in the file whole, so ``games.checking_preferences`` can judge the claim from the file alone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games.errors import FileFormatError
from games.preference import CHI_SQUARED, KL, REVERSE_KL, Divergence, PreferenceGame
from games.results import SolveResult
from games.storage.bundle import read_bundle, write_bundle
from games.storage.fields import Arrays, Fields
from games.storage.outcomes import (
    decode_notes,
    decode_origin,
    decode_outcome,
    encode_notes,
    encode_origin,
    encode_outcome,
)

SCHEMA = "counterplay.preference"
VERSION = 1

DIVERGENCES: dict[str, Divergence] = {each.name: each for each in (KL, REVERSE_KL, CHI_SQUARED)}
"""Divergences that files know, by name."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredPreference:
    """A result as it was found on disk.

    Attributes:
        game: what was solved.
        result: policies of shape (..., n), with the certificate claimed for them.
        settings: what the run was asked for.
        created: when it was saved.
        versions: versions of ``counterplay``, ``numpy`` and ``python`` that saved it.
    """

    game: PreferenceGame
    result: SolveResult[NDArray[np.float64]]
    settings: Mapping[str, float | int | str | bool]
    created: datetime
    versions: Mapping[str, str]


def save_preference(
    path: str | os.PathLike[str],
    game: PreferenceGame,
    result: SolveResult[NDArray[np.float64]],
    *,
    settings: Mapping[str, float | int | str | bool] | None = None,
) -> None:
    """Save a solved game, atomically; missing folders are made.

    Args:
        path: ``NAME.json``; the arrays go beside it.
        game: what was solved.
        result: policies of shape (..., n).
        settings: what the run was asked for.

    Raises:
        TypeError: ``settings`` or ``info`` hold more than numbers and words.
        ValueError: there is no solution, it does not fit the game, the game's divergence has no name in
            files, or ``path`` is refused.
        OSError: the files cannot be written; a result that was there is as before.
    """
    if result.solution is None:
        raise ValueError(f"the result of {result.solver} holds no solution, so there is nothing to save")
    if DIVERGENCES.get(game.divergence.name) != game.divergence:
        raise ValueError(
            f"divergence must be one of {', '.join(DIVERGENCES)} to be saved, got {game.divergence!r}"
        )
    game.as_policy(result.solution, name="result.solution")
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        **encode_origin(),
        "game": {"name": game.name, "tau": game.tau, "divergence": game.divergence.name},
        "settings": encode_notes("settings", settings or {}),
        "result": encode_outcome(result),
    }
    arrays = {
        "preferences": game.preferences,
        "reference": game.reference,
        "policy": np.asarray(result.solution, dtype=np.float64),
    }
    write_bundle(path, header, arrays)


def load_preference(path: str | os.PathLike[str]) -> StoredPreference:
    """Load a solved game; nothing in the files is executed.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: a file cannot be read.
        FileFormatError: the files are broken, or are not of this kind; the message names the place.
    """
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    fields = Fields(header, os.fspath(path))
    parts = fields.fields("game")
    divergence = DIVERGENCES.get(parts.text("divergence"))
    if divergence is None:
        raise parts.error("divergence", " or ".join(map(repr, DIVERGENCES)))
    preferences, reference, policy = (
        _doubles(arrays, name, parts.place) for name in ("preferences", "reference", "policy")
    )
    try:
        game = PreferenceGame(
            preferences, reference, parts.number("tau"), parts.text("name"), divergence=divergence
        )
        game.as_policy(policy)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{parts.place}: {error}") from error
    return StoredPreference(
        game,
        decode_outcome(fields.fields("result"), policy),
        decode_notes(fields.fields("settings")),
        *decode_origin(fields),
    )


def _doubles(arrays: Arrays, name: str, place: str) -> NDArray[Any]:
    array = arrays.get(name)
    if array is None or array.dtype != np.float64:
        got = "nothing" if array is None else str(array.dtype)
        raise FileFormatError(f"{place}: array {name!r}: wanted float64, got {got}")
    return array
