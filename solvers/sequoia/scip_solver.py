"""The oracle's programs solved by SCIP, where PySCIPOpt is installed."""

import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from games.errors import MissingDependencyError
from solvers.sequoia.program import Program
from solvers.sequoia.program_solver import ProgramAnswer, ProgramRequest

_LIMITS = ("timelimit", "userinterrupt")
_LEAST_TOLERANCE = 1e-9  # SCIP computes sums with 1e-9 itself


@dataclass(frozen=True, slots=True)
class ScipSolver:
    """SCIP on one thread, with its defaults.

    Raises:
        MissingDependencyError: PySCIPOpt is not installed.
    """

    def __post_init__(self) -> None:
        _library()

    def maximise(self, program: Program, request: ProgramRequest) -> ProgramAnswer:
        """As the protocol says."""
        library = _library()
        model = library.Model()
        model.hideOutput()
        model.setParam("numerics/feastol", max(request.feasibility, _LEAST_TOLERANCE))
        model.setParam("numerics/dualfeastol", _LEAST_TOLERANCE)
        model.setParam("limits/gap", 0.0)
        model.setParam("limits/absgap", request.gap)
        if math.isfinite(request.seconds):
            model.setParam("limits/time", request.seconds)
        columns = [
            model.addVar(lb=_side(lower), ub=_side(upper), vtype="I" if whole else "C", obj=cost)
            for lower, upper, whole, cost in zip(
                program.lower.tolist(),
                program.upper.tolist(),
                program.integral.tolist(),
                program.costs.tolist(),
                strict=True,
            )
        ]
        model.setMaximize()
        for row, (lower, upper) in enumerate(
            zip(program.row_lower.tolist(), program.row_upper.tolist(), strict=True)
        ):
            entries = range(program.starts[row], program.starts[row + 1])
            total = library.quicksum(float(program.values[e]) * columns[program.indices[e]] for e in entries)
            if lower == upper:
                model.addCons(total == upper)
                continue
            if math.isfinite(upper):
                model.addCons(total <= upper)
            if math.isfinite(lower):
                model.addCons(total >= lower)
        if math.isfinite(request.cutoff):
            model.setObjlimit(request.cutoff)
        model.optimize()
        finished = model.getStatus() not in _LIMITS
        if model.getNSols() == 0:
            upper = request.cutoff if finished else max(model.getDualbound(), request.cutoff)
            return ProgramAnswer(None, upper, finished)
        solution = model.getBestSol()
        point = np.array([model.getSolVal(solution, column) for column in columns])
        kept = point if float(program.costs @ point) > request.cutoff else None
        return ProgramAnswer(kept, max(model.getDualbound(), request.cutoff), finished)

    def error(self, program: Program, request: ProgramRequest) -> float:
        """Wrong reduced costs times the ranges of their columns and rows, plus the integrality."""
        return _LEAST_TOLERANCE * (program.slack + 1.0) + request.feasibility


def _side(bound: float) -> float | None:
    """SCIP calls an absent side None."""
    return bound if math.isfinite(bound) else None


def _library() -> Any:  # noqa: ANN401  (untyped library)
    """PySCIPOpt, which is optional."""
    try:
        return importlib.import_module("pyscipopt")
    except ImportError as error:
        raise MissingDependencyError("PySCIPOpt is needed: pip install 'counterplay[scip]'") from error
