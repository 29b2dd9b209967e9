"""Linear programs over the distributions without an incentive to deviate, in HiGHS."""

import math
import time
from dataclasses import dataclass

import highspy
import numpy as np
from highspy import HighsModelStatus
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack, vstack

from solvers.equilibrium.highs import SilentHighs
from solvers.equilibrium.matrix_solution import normalised

FloatArray = NDArray[np.float64]

_ROWWISE, _MAXIMISE = 2, -1
_DUAL_SIMPLEX, _PRIMAL_SIMPLEX = 1, 4
# Measured at three players with ten actions: with few rows the primal simplex takes half the time of the dual
# (coarse equilibria), with many rows a hundred times as long.
_FEW_ROWS = 0.1  # share of the number of cells
_MOST_PIVOTS_PER_ROW = 20
_OPTIONS: dict[str, bool | int | float | str] = {
    "threads": 1,
    "presolve": "off",  # it finds little and takes half of the time
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
}


@dataclass(frozen=True, slots=True)
class LPSolution:
    """What HiGHS found.

    Attributes:
        joint: distribution over cells, shape (cells,).
        prices: multipliers of the incentive constraints, shape (rows,), non-negative.
        finished: False if a limit struck.
        steps: pivots.
    """

    joint: FloatArray
    prices: FloatArray
    finished: bool
    steps: int


class IncentivesLP:
    """Programs over { p >= 0 : G p <= 0, sum p = 1 }.

    Args:
        incentives: the matrix G, shape (rows, cells), entries of order one.
    """

    def __init__(self, incentives: csr_array) -> None:
        self._incentives = incentives

    def best(self, rewards: FloatArray, *, time_limit: float | None) -> LPSolution:
        """Maximise ``rewards @ p``."""
        rows, cells = self._incentives.shape
        matrix = vstack([self._incentives, np.ones((1, cells))], format="csr")
        return self._run(matrix, rewards, np.zeros(cells), np.append(np.zeros(rows), 1.0), time_limit)

    def strictest(self, *, time_limit: float | None) -> LPSolution:
        """Minimise the largest entry of G p."""
        rows, cells = self._incentives.shape
        total = np.append(np.ones((1, cells)), [[0.0]], axis=1)
        matrix = vstack([hstack([self._incentives, -np.ones((rows, 1))]), total], format="csr")
        lower = np.append(np.zeros(cells), -highspy.kHighsInf)
        costs = np.append(np.zeros(cells), -1.0)
        return self._run(matrix, costs, lower, np.append(np.zeros(rows), 1.0), time_limit)

    def _run(
        self,
        matrix: csr_array,
        costs: FloatArray,
        lower: FloatArray,
        upper: FloatArray,
        time_limit: float | None,
    ) -> LPSolution:
        """Maximise; the last row is the equation, the rows above it are bounded from above alone."""
        rows, cells = self._incentives.shape
        highs = SilentHighs()
        for name, value in _OPTIONS.items():
            highs.setOptionValue(name, value)
        highs.passModel(
            costs.size,
            upper.size,
            matrix.nnz,
            _ROWWISE,
            _MAXIMISE,
            0.0,
            costs,
            lower,
            np.full(costs.size, highspy.kHighsInf),
            np.append(np.full(rows, -highspy.kHighsInf), 1.0),
            upper,
            matrix.indptr.astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
            np.zeros(costs.size, dtype=np.int32),
        )
        deadline = math.inf if time_limit is None else time.monotonic() + time_limit
        pivots = 0
        if rows <= _FEW_ROWS * cells:
            # Faster there, but it may turn in circles where many cells are equally good: then the dual.
            highs.setOptionValue("simplex_strategy", _PRIMAL_SIMPLEX)
            highs.setOptionValue("simplex_iteration_limit", _MOST_PIVOTS_PER_ROW * (rows + 50))
            pivots += _run_until(highs, deadline)
        if highs.getModelStatus() in (HighsModelStatus.kNotset, HighsModelStatus.kIterationLimit):
            highs.clearSolver()
            highs.setOptionValue("simplex_strategy", _DUAL_SIMPLEX)
            highs.setOptionValue("simplex_iteration_limit", highspy.kHighsIInf)
            pivots += _run_until(highs, deadline)
        found = highs.getSolution()
        joint, prices = np.asarray(found.col_value), np.asarray(found.row_dual)
        limits = (HighsModelStatus.kTimeLimit, HighsModelStatus.kIterationLimit, HighsModelStatus.kInterrupt)
        return LPSolution(
            normalised(joint[:cells] if joint.size else np.zeros(cells)),
            np.maximum(prices[:rows], 0.0) if prices.size else np.zeros(rows),
            highs.getModelStatus() not in limits,
            pivots,
        )


def _run_until(highs: SilentHighs, deadline: float) -> int:
    """Solve until the moment ``deadline``; how many pivots it took."""
    if deadline < math.inf:
        # The limit counts all runs of one object.
        left = max(0.0, deadline - time.monotonic())
        highs.setOptionValue("time_limit", highs.getRunTime() + left)
    highs.run()
    return max(int(highs.getInfo().simplex_iteration_count), 0)
