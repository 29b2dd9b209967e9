"""Results on disk: the problem, the solution, and what is claimed of it.

The problem lies in the file whole, so the claim can be checked from the file alone (``games.checking``).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from games.results import SolveResult
from games.storage.bundle import read_bundle, write_bundle
from games.storage.fields import Fields
from games.storage.outcomes import decode_origin, decode_outcome, encode_origin, encode_outcome
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
        **encode_origin(),
        "problem": problem_header,
        "risk": weighed,
        "solution": solution_header,
        "result": encode_outcome(result),
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
    result: SolveResult[Solution] = decode_outcome(fields.fields("result"), solution)
    if result.certificate is not None and result.certificate.measure in _ABOUT_RISK and risk is None:
        raise fields.error("risk", f"an object, since the certificate is a {result.certificate.measure}")
    return StoredResult(problem, result, risk, *decode_origin(fields))
