"""Results on disk: the problem, the solution, and what is claimed of it.

The problem lies in the file whole, so the claim can be checked from the file alone (``games.checking``).
"""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from games.certificates import Certificate
from games.errors import FileFormatError
from games.results import SolveResult, Status
from games.storage.bundle import read_bundle, write_bundle
from games.storage.fields import Fields, encode_number
from games.storage.problems import (
    Problem,
    Solution,
    decode_problem,
    decode_solution,
    encode_problem,
    encode_solution,
)

if TYPE_CHECKING:  # it brings compiled code, which only results about risk need
    from games.storage.risks import Risk

SCHEMA = "counterplay.result"
VERSION = 1
_ABOUT_RISK = ("risk_nash_conv", "risk_profile_nash_conv")
"""Measures that say nothing without how players weigh risk."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredResult:
    """A result as it was found on disk.

    Attributes:
        problem: what was solved.
        result: what the solver returned.
        risk: how the players weigh risk, where the certificate is about that.
        created: when it was saved.
        versions: versions of ``counterplay``, ``numpy`` and ``python`` that saved it.
    """

    problem: Problem
    result: SolveResult[Solution]
    risk: "Risk | None"
    created: datetime
    versions: Mapping[str, str]


def save_result(
    path: str | os.PathLike[str],
    problem: Problem,
    result: SolveResult[Any],
    *,
    risk: "Risk | None" = None,
) -> None:
    """Save a result with its problem, atomically; missing folders are made.

    Args:
        path: ``NAME.json``; the arrays go beside it.
        problem: what was solved.
        result: its solution is a mixed profile or a joint distribution of a normal-form game, or behavior
            policies of a sequence form; None is saved too.
        risk: how the players weigh risk, a ``RiskAversion`` or a ``RiskProfile``; needed where the
        certificate
            is a ``risk_nash_conv`` or a ``risk_profile_nash_conv``.

    Raises:
        TypeError: problem, solution or risk are of another kind, or ``info`` holds more than numbers and
        words. ValueError: the solution does not fit the problem, ``risk`` is missing, or ``path`` is refused.
        OSError: the files cannot be written; a result that was there is as before.
    """
    claim = result.certificate
    if claim is not None and claim.measure in _ABOUT_RISK and risk is None:
        raise ValueError(f"risk must be given, since the certificate is a {claim.measure}")
    problem_header, arrays = encode_problem(problem)
    solution_header, solution_arrays = encode_solution(problem, result.solution)
    weighed = None
    if risk is not None:
        from games.storage.risks import encode_risk

        weighed = encode_risk(risk, problem.num_players)
    header = {
        "schema": SCHEMA,
        "version": VERSION,
        "created": datetime.now(UTC).isoformat(),
        "versions": _versions(),
        "problem": problem_header,
        "risk": weighed,
        "solution": solution_header,
        "result": {
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
            "info": {key: _encode_info(key, value) for key, value in result.info.items()},
        },
    }
    write_bundle(path, header, arrays | solution_arrays)


def load_result(path: str | os.PathLike[str]) -> StoredResult:
    """Load a result; nothing in the files is executed.

    Raises:
        FileNotFoundError: no such file.
        OSError: a file cannot be read.
        FileFormatError: the files are broken, or are not a result; the message names the place.
    """
    header, arrays = read_bundle(path, schema=SCHEMA, version=VERSION)
    fields = Fields(header, os.fspath(path))
    problem = decode_problem(fields.fields("problem"), arrays)
    solution = decode_solution(problem, fields.fields("solution"), arrays)
    risk = None
    weighed = fields.optional("risk")
    if weighed is not None:
        from games.storage.risks import decode_risk

        risk = decode_risk(weighed, problem.num_players)
    result = _decode_result(fields.fields("result"), solution)
    if result.certificate is not None and result.certificate.measure in _ABOUT_RISK and risk is None:
        raise fields.error("risk", f"an object, since the certificate is a {result.certificate.measure}")
    versions = fields.fields("versions")
    return StoredResult(
        problem, result, risk, _decode_time(fields), {key: versions.text(key) for key in versions.values}
    )


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


def _encode_info(key: object, value: object) -> object:
    if not isinstance(key, str):
        raise TypeError(f"info must have strings for keys, got {key!r}")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return encode_number(float(value))
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"info must hold numbers, strings and Booleans, got {key!r}: {value!r}")


def _decode_result(fields: Fields, solution: Solution | None) -> SolveResult[Solution]:
    status = fields.text("status")
    if status not in [known.value for known in Status]:
        raise fields.error("status", " or ".join(repr(known.value) for known in Status))
    steps = fields.integer("steps")
    info = fields.fields("info")
    return SolveResult(
        solution,
        Status(status),
        _decode_certificate(fields.optional("certificate")),
        fields.text("solver"),
        steps,
        fields.number("seconds"),
        {key: _decode_info(info, key) for key in info.values},
    )


def _decode_info(info: Fields, key: str) -> float | int | str | bool:
    value = info.values[key]
    return value if isinstance(value, str | bool | int) else info.any_number(key)


def _decode_certificate(fields: Fields | None) -> Certificate | None:
    if fields is None:
        return None
    try:
        return Certificate(fields.text("measure"), fields.any_number("bound"), fields.number("confidence"))
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"{fields.place}: {error}") from error
