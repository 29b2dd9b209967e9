"""What solves the mixed-integer programs of the oracle."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.sequoia.program import Program


@dataclass(frozen=True, slots=True, eq=False)
class ProgramRequest:
    """What is asked of a solver.

    Attributes:
        cutoff: only points with a greater objective are of interest; -inf when any is.
        gap: objective by which the answer may stay below the best.
        seconds: time allowed; inf for no limit.
        feasibility: by how much rows and integrality may be violated, such as 1e-7.
    """

    cutoff: float
    gap: float
    seconds: float
    feasibility: float


@dataclass(frozen=True, slots=True, eq=False)
class ProgramAnswer:
    """What a solver found.

    Attributes:
        point: the columns of the best point above the cutoff, or None when none was found.
        upper: no point has an objective above this, nor above that of ``point`` plus the gap,
            nor above the cutoff, but for the solver's tolerances.
        finished: the solver came to an end by itself, not by the time limit.
    """

    point: NDArray[np.float64] | None
    upper: float
    finished: bool


class ProgramSolver(Protocol):
    """A mixed-integer linear solver, used on one thread."""

    def maximise(self, program: Program, request: ProgramRequest) -> ProgramAnswer:
        """Maximise ``program.costs @ x``.

        Must be callable from several threads at once.
        """

    def error(self, program: Program, request: ProgramRequest) -> float:
        """By how much the true maximum can exceed ``upper`` through the solver's tolerances."""
