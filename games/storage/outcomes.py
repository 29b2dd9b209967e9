"""What every saved result holds beside problem and solution: its origin, and what the solver says of it."""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

from games.certificates import Certificate
from games.errors import FileFormatError
from games.results import SolveResult, Status
from games.storage.fields import Fields, encode_number

S = TypeVar("S")


def encode_origin() -> dict[str, Any]:
    """Time and versions, as two entries of a header."""
    return {"created": datetime.now(UTC).isoformat(), "versions": _versions()}


def decode_origin(fields: Fields) -> tuple[datetime, Mapping[str, str]]:
    """Time and versions of a header.

    Raises:
        FileFormatError: one is missing or of another form.
    """
    versions = fields.fields("versions")
    return _decode_time(fields), {key: versions.text(key) for key in versions.values}


def encode_outcome(result: SolveResult[Any]) -> dict[str, Any]:
    """Header object of all of a result but its solution.

    Raises:
        TypeError: ``info`` holds more than numbers and words.
    """
    claim = result.certificate
    return {
        "status": result.status.value,
        "certificate": None
        if claim is None
        else {
            "measure": claim.measure,
            "bound": encode_number(claim.bound),
            "confidence": float(claim.confidence),
        },
        "solver": result.solver,
        "steps": int(result.steps),
        "seconds": float(result.seconds),
        "info": encode_notes("info", result.info),
    }


def decode_outcome(fields: Fields, solution: S | None) -> SolveResult[S]:
    """What ``encode_outcome`` wrote, with the solution read elsewhere.

    Raises:
        FileFormatError: a part is missing, of another kind, or out of its range.
    """
    status = fields.text("status")
    if status not in [known.value for known in Status]:
        raise fields.error("status", " or ".join(repr(known.value) for known in Status))
    return SolveResult(
        solution,
        Status(status),
        _decode_certificate(fields.optional("certificate")),
        fields.text("solver"),
        fields.integer("steps"),
        fields.number("seconds"),
        decode_notes(fields.fields("info")),
    )


def encode_notes(name: str, notes: Mapping[str, float | int | str | bool]) -> dict[str, Any]:
    """Numbers and words by name.

    Raises:
        TypeError: a value is of another kind.
    """
    return {key: _encode_note(name, key, value) for key, value in notes.items()}


def decode_notes(fields: Fields) -> dict[str, float | int | str | bool]:
    """What ``encode_notes`` wrote.

    Raises:
        FileFormatError: a value is neither a number nor a word.
    """
    return {
        key: value if isinstance(value, str | bool | int) else fields.any_number(key)
        for key, value in fields.values.items()
    }


def _versions() -> dict[str, str]:
    try:
        own = metadata.version("counterplay")
    except metadata.PackageNotFoundError:  # run from its sources, not installed
        own = "unknown"
    return {"counterplay": own, "numpy": np.__version__, "python": platform.python_version()}


def _decode_time(fields: Fields) -> datetime:
    try:
        created = datetime.fromisoformat(fields.text("created"))
    except ValueError:
        raise fields.error("created", "a date and time in ISO 8601") from None
    if created.tzinfo is None:
        raise fields.error("created", "a date and time with its zone")
    return created


def _encode_note(name: str, key: object, value: object) -> object:
    if not isinstance(key, str):
        raise TypeError(f"{name} must have strings for keys, got {key!r}")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return encode_number(float(value))
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{name} must hold numbers, strings and Booleans, got {key!r}: {value!r}")


def _decode_certificate(fields: Fields | None) -> Certificate | None:
    if fields is None:
        return None
    try:
        return Certificate(fields.text("measure"), fields.any_number("bound"), fields.number("confidence"))
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error
