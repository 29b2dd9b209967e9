r"""Zero-sum matrix games by pivoting on a dense condensed tableau, growing by rows and columns.

The same pair of programs as in ``solvers.equilibrium.matrix_lp`` (payoffs scaled to positive numbers B):

.. math::
    \max_{w \ge 0} 1^\top w \;\text{ s.t. }\; B w \le 1
    \qquad\text{and its dual}\qquad
    \min_{u \ge 0} 1^\top u \;\text{ s.t. }\; B^\top u \ge 1.

The condensed (Tucker) tableau [1]_ has one row per basic and one column per nonbasic variable, (m + 1)(n + 1)
numbers, and holds both solutions. It starts feasible at w = 0, so there is no first phase. An added column
leaves an optimal tableau primal feasible, an added row leaves it dual feasible: the primal or the dual
simplex method goes on from there. For such dense little programs this saves what a sparse solver
spends on set-up and on factors; what it lacks is the sparse solver's accuracy, so the gap is measured after
every solve, and the tableau rebuilt from its basis by one factorisation when rounding shows.

.. [1] A. W. Tucker, "Combinatorial theory underlying linear programs", in Recent Advances in Mathematical
   Programming, 1963.
"""

import time

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.results import Status
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
from solvers.equilibrium.pivoting_kernels import (
    DONE,
    MORE,
    STUCK,
    append_column,
    append_row,
    dual_pivots,
    primal_pivots,
)

_CELLS_PER_CHUNK = 20_000_000  # some ten milliseconds between looks at the clock
_DRIFT = 1e-11  # gap, in units of the payoff range, above which the tableau is rebuilt
_REBUILDS = 3
_INFEASIBLE = -1e-9  # in a rebuilt tableau: beyond rounding


class MatrixSimplex:
    """The tableau of a zero-sum matrix game; rows and columns may be added between solves.

    Args:
        payoffs: shape (m, n), payoffs to the row player.

    Raises:
        ValueError: not a non-empty finite matrix.

    Example:
        >>> game = MatrixSimplex([[0.0, -1.0], [1.0, 0.0]])
        >>> game.solve().rows
        array([0., 1.])
        >>> game.add_row([2.0, 2.0])
        >>> game.solve().value
        2.0
    """

    def __init__(self, payoffs: ArrayLike) -> None:
        self._matrix = GrowingMatrix(as_payoff_matrix(payoffs))
        self._scale = PayoffScale(self._matrix.values)
        m, n = self._matrix.values.shape
        self._reserve(m, n)
        self._restart()

    @property
    def payoffs(self) -> NDArray[np.float64]:
        """The matrix as it stands, shape (m, n): a view, valid until the next addition."""
        return self._matrix.values

    def _reserve(self, rows: int, columns: int) -> None:
        self._tableau = np.zeros((rows + 1, columns + 1))
        self._basic = np.zeros(rows, dtype=np.int64)
        self._nonbasic = np.zeros(columns, dtype=np.int64)

    def _restart(self) -> None:
        """The tableau of w = 0: every slack basic."""
        scaled = self._scale.apply(self._matrix.values)
        m, n = scaled.shape
        tableau = self._tableau
        tableau[0, 0] = 0.0
        tableau[0, 1 : n + 1] = -1.0
        tableau[1 : m + 1, 0] = 1.0
        tableau[1 : m + 1, 1 : n + 1] = scaled
        self._basic[:m] = -1 - np.arange(m)
        self._nonbasic[:n] = np.arange(n)
        self._phase_is_primal = True
        self._settled = False

    def _grow(self, rows: int, columns: int) -> None:
        height, width = self._tableau.shape[0] - 1, self._tableau.shape[1] - 1
        if rows <= height and columns <= width:
            return
        old, basic, nonbasic = self._tableau, self._basic, self._nonbasic
        self._reserve(max(height, 2 * rows), max(width, 2 * columns))
        self._tableau[: old.shape[0], : old.shape[1]] = old
        self._basic[: basic.size] = basic
        self._nonbasic[: nonbasic.size] = nonbasic

    def add_row(self, values: ArrayLike) -> None:
        """Give the row player one more action; ``values`` has shape (n,).

        Raises:
            ValueError: wrong shape or non-finite.
        """
        row = self._matrix.add_row(values)
        m, n = self._matrix.num_rows, self._matrix.num_columns
        self._grow(m, n)
        if self._scale.admit(row) or not self._prepare(primal=False, m=m - 1, n=n):
            self._restart()
            return
        append_row(self._tableau, m - 1, n, self._basic, self._nonbasic, self._scale.apply(row))
        self._settled = False

    def add_column(self, values: ArrayLike) -> None:
        """Give the column player one more action; ``values`` has shape (m,).

        Raises:
            ValueError: wrong shape or non-finite.
        """
        column = self._matrix.add_column(values)
        m, n = self._matrix.num_rows, self._matrix.num_columns
        self._grow(m, n)
        if self._scale.admit(column) or not self._prepare(primal=True, m=m, n=n - 1):
            self._restart()
            return
        append_column(self._tableau, m, n - 1, self._basic, self._nonbasic, self._scale.apply(column))
        self._settled = False

    def _prepare(self, *, primal: bool, m: int, n: int) -> bool:
        """Finish what pivots are due before an addition of the other kind; False when they do not end."""
        if not self._settled and self._phase_is_primal is not primal:
            self._settled = self._pivot(m, n, None)[0] == DONE
            if not self._settled:
                return False
        self._phase_is_primal = primal
        return True

    def _pivot(self, m: int, n: int, deadline: float | None) -> tuple[int, int]:
        """Pivot in the present phase until optimal, stuck, or past the deadline; (outcome, pivots)."""
        kernel = primal_pivots if self._phase_is_primal else dual_pivots
        chunk = max(1, _CELLS_PER_CHUNK // (m * n))
        budget = 2000 + 50 * (m + n)  # simplex takes a small multiple of m + n; far beyond, it is cycling
        weights = np.ones(n if self._phase_is_primal else m)
        total, stalled = 0, 0
        while True:
            if deadline is not None and time.perf_counter() >= deadline:
                return MORE, total
            outcome, pivots, stalled = kernel(
                self._tableau,
                m,
                n,
                self._basic,
                self._nonbasic,
                weights,
                min(chunk, budget - total),
                stalled,
            )
            total += pivots
            if outcome != MORE:
                return outcome, total
            if total >= budget:
                return STUCK, total

    def solve(self, *, tol: float = RELATIVE_TOLERANCE, time_limit: float | None = None) -> MatrixSolution:
        """Solve the game as it stands.

        Args:
            tol: largest gap reported CERTIFIED, in units of the payoff range.
            time_limit: seconds, or None for no limit; a further call resumes.

        Returns:
            Strategies with their measured gap, and a status: CERTIFIED when the gap is small enough, else
            LIMIT (time ran out) or FAILED (rounding defeated the pivots; ``MatrixLP`` may do better).
        """
        deadline = None if time_limit is None else time.perf_counter() + time_limit
        m, n = self._matrix.num_rows, self._matrix.num_columns
        low, high = self._scale.least, self._scale.greatest
        outcome, steps = (DONE, 0) if self._settled else self._pivot(m, n, deadline)
        solution = self._read(outcome, steps)
        for _ in range(_REBUILDS):
            if outcome == MORE or solution.gap <= gap_allowance(_DRIFT, low, high):
                break
            if not self._refactor():
                self._restart()
            outcome, more = self._pivot(m, n, deadline)
            steps += more
            refined = self._read(outcome, steps)
            solution = refined if refined.gap <= solution.gap else solution
            if more == 0:
                break  # fresh numbers and nothing to pivot: this is as exact as the basis gets
        self._settled = outcome == DONE
        if outcome == STUCK:
            self._restart()
        status = Status.CERTIFIED if solution.gap <= gap_allowance(tol, low, high) else solution.status
        return MatrixSolution(solution.rows, solution.columns, solution.value, solution.gap, status, steps)

    def _read(self, outcome: int, steps: int) -> MatrixSolution:
        """Strategies of the present tableau: w from the right-hand side, u from the objective row."""
        status = Status.LIMIT if outcome == MORE else Status.FAILED
        m, n = self._matrix.num_rows, self._matrix.num_columns
        rows, columns = np.zeros(m), np.zeros(n)
        basic, nonbasic = self._basic[:m], self._nonbasic[:n]
        columns[basic[basic >= 0]] = self._tableau[1 : m + 1, 0][basic >= 0]
        rows[-1 - nonbasic[nonbasic < 0]] = self._tableau[0, 1 : n + 1][nonbasic < 0]
        return solution_of(self._matrix.values, normalised(rows), normalised(columns), status, steps)

    def _refactor(self) -> bool:
        """Rebuild the tableau from the payoffs and the basis; False when the basis is singular or unusable.

        With R the rows whose slack is nonbasic and C the basic columns, P = inv(B[R, C]) gives every block.
        """
        m, n = self._matrix.num_rows, self._matrix.num_columns
        basic, nonbasic = self._basic[:m], self._nonbasic[:n]
        scaled = self._scale.apply(self._matrix.values)
        tight, slack = nonbasic < 0, basic < 0
        r, c = -1 - nonbasic[tight], basic[~slack]
        # The system with right-hand sides [1, unit vectors, other columns], in the tableau's column order.
        sides = np.empty((m, n + 1))
        sides[:, 0] = 1.0
        sides[:, 1:][:, tight] = 0.0
        sides[r, 1 + np.flatnonzero(tight)] = 1.0
        sides[:, 1:][:, ~tight] = scaled[:, nonbasic[~tight]]
        objective = np.where(tight, 0.0, -1.0)
        try:
            solved = np.linalg.solve(scaled[np.ix_(r, c)], sides[r])
        except np.linalg.LinAlgError:
            return False
        tableau = self._tableau
        body = tableau[1 : m + 1, : n + 1]
        body[~slack] = solved
        i = -1 - basic[slack]
        body[slack] = sides[i] - scaled[np.ix_(i, c)] @ solved
        tableau[0, : n + 1] = solved.sum(axis=0)
        tableau[0, 1 : n + 1] += objective
        if not np.isfinite(tableau[: m + 1, : n + 1]).all():
            return False
        self._phase_is_primal = bool(tableau[1 : m + 1, 0].min() >= _INFEASIBLE)
        return self._phase_is_primal or bool(tableau[0, 1 : n + 1].min() >= _INFEASIBLE)
