r"""Zero-sum matrix games as one linear program in HiGHS, growing by rows and columns with a warm start.

With the payoffs scaled to positive numbers B (which moves the value, not the solutions) the column
player's program and its dual, the row player's, are

.. math::
    \max_{w \ge 0} 1^\top w \;\text{ s.t. }\; B w \le 1
    \qquad\text{and}\qquad
    \min_{u \ge 0} 1^\top u \;\text{ s.t. }\; B^\top u \ge 1,

with optimum 1 / v(B), y = w / (1'w) and x = u / (1'u): one solve, both strategies. [1]_

The choices are measured (``benchmarks/zero_sum.py --formulations``, uniform(-1, 1) games). The textbook form
with a free value variable takes 1.1 times as long at n = 30 to 300. Primal instead of dual simplex is
level up to n = 30 and takes 1.2 times as long at n = 100 and 1.6 times at n = 300. In double oracle (one best
row and one best column a step) the four are level, and a second solve between the two additions, which lets
either phase start from a feasible basis, costs more than it saves.

``solvers.equilibrium.pivoting`` is several times faster up to some hundred actions, warm or cold
(``--double-oracle``); this one is the reserve for what
defeats a dense tableau.

.. [1] G. B. Dantzig, "A proof of the equivalence of the programming problem and the game problem", in
   Activity Analysis of Production and Allocation, 1951.
"""

from typing import ClassVar

import highspy
import numpy as np
from highspy import HighsModelStatus
from numpy.typing import ArrayLike, NDArray

from games.results import Status
from solvers.equilibrium.highs import SilentHighs
from solvers.equilibrium.matrix_solution import (
    RELATIVE_TOLERANCE,
    GrowingMatrix,
    MatrixSolution,
    PayoffScale,
    as_payoff_matrix,
    gap_allowance,
    normalised,
    solution_of,
)
from solvers.equilibrium.support_polish import polish_by_equalities

_ROWWISE, _MAXIMISE, _DUAL_SIMPLEX = 2, -1, 1

# What is not listed is a failure of the solver.
_STATUS = {
    HighsModelStatus.kOptimal: Status.CERTIFIED,
    HighsModelStatus.kTimeLimit: Status.LIMIT,
    HighsModelStatus.kIterationLimit: Status.LIMIT,
    HighsModelStatus.kInterrupt: Status.LIMIT,
    HighsModelStatus.kInfeasible: Status.INFEASIBLE,
    HighsModelStatus.kUnbounded: Status.INFEASIBLE,
    HighsModelStatus.kUnboundedOrInfeasible: Status.INFEASIBLE,
}


class MatrixLP:
    """The linear program of a zero-sum matrix game; rows and columns may be added between solves.

    The basis of the last solve is kept, so a solve after a few additions costs a few pivots.

    Args:
        payoffs: shape (m, n), payoffs to the row player.

    Raises:
        ValueError: not a non-empty finite matrix.

    Example:
        >>> game = MatrixLP([[0.0, -1.0], [1.0, 0.0]])
        >>> game.solve().rows
        array([0., 1.])
        >>> game.add_row([2.0, 2.0])
        >>> game.solve().value
        2.0
    """

    _OPTIONS: ClassVar[dict[str, bool | int | float | str]] = {
        "threads": 1,
        "presolve": "off",  # dense and free of redundancy: presolve finds nothing and costs time
        "solver": "simplex",
        "simplex_strategy": _DUAL_SIMPLEX,
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
    }

    def __init__(self, payoffs: ArrayLike) -> None:
        self._matrix = GrowingMatrix(as_payoff_matrix(payoffs))
        self._scale = PayoffScale(self._matrix.values)
        self._highs = SilentHighs()
        for name, value in self._OPTIONS.items():
            self._highs.setOptionValue(name, value)
        self._load()

    @property
    def payoffs(self) -> NDArray[np.float64]:
        """The matrix as it stands, shape (m, n): a view, valid until the next addition."""
        return self._matrix.values

    def _load(self) -> None:
        """Hand over the whole model in one call."""
        scaled = self._scale.apply(self._matrix.values)
        m, n = scaled.shape
        self._highs.passModel(
            n,
            m,
            scaled.size,
            _ROWWISE,
            _MAXIMISE,
            0.0,
            np.ones(n),
            np.zeros(n),
            np.full(n, highspy.kHighsInf),
            np.full(m, -highspy.kHighsInf),
            np.ones(m),
            np.arange(0, scaled.size + 1, n, dtype=np.int32),
            np.tile(np.arange(n, dtype=np.int32), m),
            scaled.ravel(),
            np.zeros(n, dtype=np.int32),
        )

    def _reload(self) -> None:
        """Hand over the model in its new scale, with the basis it had: the same vertex, other units."""
        basis = self._highs.getBasis()
        self._load()
        if basis.valid:
            self._highs.setBasis(basis)

    def add_row(self, values: ArrayLike) -> None:
        """Give the row player one more action; ``values`` has shape (n,).

        Raises:
            ValueError: wrong shape or non-finite.
        """
        row = self._matrix.add_row(values)
        rescaled = self._scale.admit(row)
        n = self._matrix.num_columns
        # Added even if the model is about to be reloaded, so that the basis grows with it.
        self._highs.addRows(
            1,
            np.array([-highspy.kHighsInf]),
            np.ones(1),
            n,
            np.array([0, n], dtype=np.int32),
            np.arange(n, dtype=np.int32),
            self._scale.apply(row),
        )
        if rescaled:
            self._reload()

    def add_column(self, values: ArrayLike) -> None:
        """Give the column player one more action; ``values`` has shape (m,).

        Raises:
            ValueError: wrong shape or non-finite.
        """
        column = self._matrix.add_column(values)
        rescaled = self._scale.admit(column)
        m = self._matrix.num_rows
        self._highs.addCols(
            1,
            np.ones(1),
            np.zeros(1),
            np.array([highspy.kHighsInf]),
            m,
            np.array([0, m], dtype=np.int32),
            np.arange(m, dtype=np.int32),
            self._scale.apply(column),
        )
        if rescaled:
            self._reload()

    def solve(self, *, tol: float = RELATIVE_TOLERANCE, time_limit: float | None = None) -> MatrixSolution:
        """Solve the game as it stands.

        Args:
            tol: largest gap reported CERTIFIED, in units of the payoff range.
            time_limit: seconds, or None for no limit.

        Returns:
            Strategies with their measured gap, and a status: CERTIFIED when the gap is small enough,
            whatever HiGHS says; else LIMIT (time or iterations ran out), INFEASIBLE (HiGHS claims that the
            program has no solution, which rounding alone can cause) or FAILED (anything else). A further
            call resumes from where this one stopped.
        """
        highs = self._highs
        # HiGHS counts its limit from the first run of the object.
        allowed = highspy.kHighsInf if time_limit is None else highs.getRunTime() + max(time_limit, 0.0)
        highs.setOptionValue("time_limit", allowed)
        highs.run()
        model_status = highs.getModelStatus()
        found = highs.getSolution()
        m, n = self._matrix.num_rows, self._matrix.num_columns
        matrix = self._matrix.values
        solution = solution_of(
            matrix,
            normalised(_of_size(found.row_dual, m)),
            normalised(_of_size(found.col_value, n)),
            _STATUS.get(model_status, Status.FAILED),
            max(int(highs.getInfo().simplex_iteration_count), 0),
        )
        allowance = gap_allowance(tol, self._scale.least, self._scale.greatest)
        status = solution.status
        if model_status == HighsModelStatus.kOptimal and solution.gap > allowance:
            # Optimal to the tolerances of HiGHS, which grow with the program; the vertex itself is exact.
            solution = polish_by_equalities(matrix, solution)
            status = Status.FAILED
        if solution.gap <= allowance:
            status = Status.CERTIFIED
        return MatrixSolution(
            solution.rows, solution.columns, solution.value, solution.gap, status, solution.steps
        )


def _of_size(values: list[float], size: int) -> NDArray[np.float64]:
    """HiGHS returns empty lists where it has nothing; zeros stand for that."""
    array = np.asarray(values, dtype=np.float64)
    return array if array.size == size else np.zeros(size)
