"""The oracle's programs solved by Gurobi, where it is installed.

The licence that comes with the package takes up to 2000 columns and 2000 rows.
"""

import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from games.errors import MissingDependencyError, SolveError
from solvers.sequoia.program import Program
from solvers.sequoia.program_solver import ProgramAnswer, ProgramRequest

_TOLERANCE = 1e-9  # the least that Gurobi takes


@dataclass(frozen=True, slots=True)
class GurobiSolver:
    """Gurobi on one thread, with its defaults and its tightest tolerances.

    Raises:
        MissingDependencyError: gurobipy is not installed.
    """

    def __post_init__(self) -> None:
        _library()

    def maximise(self, program: Program, request: ProgramRequest) -> ProgramAnswer:
        """As the protocol says.

        Raises:
            SolveError: Gurobi refuses, for instance because the program exceeds its licence.
        """
        gurobipy = _library()
        try:
            with gurobipy.Env(params={"OutputFlag": 0}) as env, gurobipy.Model(env=env) as model:
                return _solve(model, program, request)
        except gurobipy.GurobiError as error:
            raise SolveError(f"Gurobi refused the program: {error}") from error

    def error(self, program: Program, request: ProgramRequest) -> float:
        """Wrong reduced costs times the ranges of their columns and rows, plus the integrality."""
        return _TOLERANCE * (program.slack + 1.0) + request.feasibility


def _solve(model: Any, program: Program, request: ProgramRequest) -> ProgramAnswer:  # noqa: ANN401
    """Fill an empty model and solve it."""
    constants = _library().GRB
    for name, value in (
        ("Threads", 1),
        ("MIPGap", 0.0),
        ("MIPGapAbs", request.gap),
        ("FeasibilityTol", max(request.feasibility, _TOLERANCE)),
        ("IntFeasTol", max(request.feasibility, _TOLERANCE)),
        ("OptimalityTol", _TOLERANCE),
    ):
        model.setParam(name, value)
    if math.isfinite(request.seconds):
        model.setParam("TimeLimit", request.seconds)
    if math.isfinite(request.cutoff):
        model.setParam("Cutoff", request.cutoff)
    kinds = np.where(program.integral == 1, "I", "C")
    x = model.addMVar(program.costs.size, lb=program.lower, ub=program.upper, vtype=kinds, obj=program.costs)
    model.ModelSense = constants.MAXIMIZE
    shape = (program.row_lower.size, program.costs.size)
    rows = sparse.csr_matrix((program.values, program.indices, program.starts), shape=shape)
    below, above = np.isfinite(program.row_upper), np.isfinite(program.row_lower)
    if below.any():
        model.addConstr(rows[below] @ x <= program.row_upper[below])
    if above.any():
        model.addConstr(rows[above] @ x >= program.row_lower[above])
    model.optimize()
    empty = model.Status in (constants.CUTOFF, constants.INFEASIBLE, constants.INF_OR_UNBD)
    if empty:
        return ProgramAnswer(None, request.cutoff, finished=True)
    if model.Status not in (constants.OPTIMAL, constants.TIME_LIMIT):
        raise SolveError(f"Gurobi stopped with status {model.Status}")
    point = np.asarray(x.X) if model.SolCount else None
    if point is not None and not float(program.costs @ point) > request.cutoff:
        point = None
    upper = max(float(model.ObjBound), request.cutoff)
    return ProgramAnswer(point, upper, model.Status == constants.OPTIMAL)


def _library() -> Any:  # noqa: ANN401  (untyped library)
    """Gurobi's own package, which is optional."""
    try:
        return importlib.import_module("gurobipy")
    except ImportError as error:
        raise MissingDependencyError("gurobipy is needed: pip install 'counterplay[gurobi]'") from error
