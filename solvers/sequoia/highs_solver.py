"""The oracle's programs solved by HiGHS."""

import math
from dataclasses import dataclass

import numpy as np
from highspy import HighsModelStatus

from games.errors import SolveError
from solvers.equilibrium.highs import SilentHighs
from solvers.sequoia.program import Program
from solvers.sequoia.program_solver import ProgramAnswer, ProgramRequest

_ROWWISE, _MINIMISE = 2, 1
_EMPTY = (HighsModelStatus.kInfeasible, HighsModelStatus.kObjectiveBound)
_DUAL = 1e-9
_INTEGRALITY = 1e-6
"""The default of HiGHS: with 1e-9 it lost points that meet every row in one program of a hundred."""
_OPTIONS = (
    ("presolve", "off"),
    ("threads", 1),
    ("mip_rel_gap", 0.0),
    ("dual_feasibility_tolerance", _DUAL),
    ("mip_heuristic_effort", 0.0),
    # These run whatever the effort. Versions that do not know an option refuse it, and are only slower.
    ("mip_heuristic_run_feasibility_jump", False),
    ("mip_heuristic_run_rins", False),
    ("mip_heuristic_run_rens", False),
    ("mip_heuristic_run_root_reduced_cost", False),
    ("mip_detect_symmetry", False),
    ("mip_allow_restart", False),
)


@dataclass(frozen=True, slots=True)
class HighsSolver:
    """HiGHS on one thread, without presolve and primal heuristics.

    The bounds that reach it are tight and the incumbent is nearly always the best, so both cost more than
    they bring. The incumbent enters as the cutoff: this works for every set, whereas a start point would need
    the set's auxiliary variables as well.
    """

    def maximise(self, program: Program, request: ProgramRequest) -> ProgramAnswer:
        """As the protocol says.

        Raises:
            SolveError: HiGHS refuses the program.
        """
        highs = SilentHighs()
        for name, value in (
            *_OPTIONS,
            ("mip_abs_gap", request.gap),
            ("mip_feasibility_tolerance", max(request.feasibility, _INTEGRALITY)),
            ("primal_feasibility_tolerance", request.feasibility),
            ("time_limit", request.seconds),
            ("objective_bound", -request.cutoff),
        ):
            highs.setOptionValue(name, value)
        highs.passModel(
            program.costs.size,
            program.row_lower.size,
            program.values.size,
            _ROWWISE,
            _MINIMISE,
            0.0,
            -program.costs,
            program.lower,
            program.upper,
            program.row_lower,
            program.row_upper,
            program.starts,
            program.indices,
            program.values,
            program.integral,
        )
        highs.run()
        status = highs.getModelStatus()
        if status in _EMPTY:
            return ProgramAnswer(None, request.cutoff, finished=True)
        if status not in (HighsModelStatus.kOptimal, HighsModelStatus.kTimeLimit):
            raise SolveError(f"HiGHS stopped with {highs.modelStatusToString(status)}")
        info = highs.getInfo()
        upper = -info.mip_dual_bound
        finished = status == HighsModelStatus.kOptimal
        found = None
        if math.isfinite(info.objective_function_value) and -info.objective_function_value > request.cutoff:
            values = np.asarray(highs.getSolution().col_value)
            found = values if values.size == program.costs.size else None
        return ProgramAnswer(found, max(upper, request.cutoff), finished)

    def error(self, program: Program, request: ProgramRequest) -> float:
        """Wrong reduced costs times the ranges of their columns and rows, plus the integrality."""
        return _DUAL * program.slack + request.feasibility
