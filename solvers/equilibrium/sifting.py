r"""Large zero-sum matrix games solved on the few actions that matter.

The game is solved on the actions that look useful, those that beat the solution join, and so on until none
does: double oracle [1]_ on a matrix that is there already, begun from approximate strategies instead of
from one action each. Pivots are spent on the small game only; a round costs two products with the large one.
It ends with a solution of the whole game whatever the start, which decides only how long it takes.

.. [1] H. B. McMahan, G. J. Gordon and A. Blum, "Planning in the presence of cost functions controlled by an
   adversary", ICML 2003.
"""

import time

import numpy as np
from numpy.typing import NDArray

from games.progress import ProgressCallback, ignore_progress
from games.results import Status
from solvers.equilibrium.matrix_solution import (
    RELATIVE_TOLERANCE,
    MatrixSolution,
    gap_allowance,
    solution_of,
)
from solvers.equilibrium.pivoting import MatrixSimplex
from solvers.equilibrium.support_polish import membership_scores


def sift(
    matrix: NDArray[np.float64],
    start: MatrixSolution,
    *,
    tol: float = RELATIVE_TOLERANCE,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> MatrixSolution:
    """Solve a matrix game by sifting.

    Args:
        matrix: payoffs to the row player, shape (m, n), finite.
        start: approximate strategies; their gap says how far an action may be from a best response and
            still be taken for useful.
        tol: largest gap reported CERTIFIED, in units of the payoff range.
        time_limit: seconds, or None for no limit.
        progress: called after every round with the figures ``gap`` (payoff units) and ``actions``.

    Returns:
        The best solution met, ``start`` included: CERTIFIED, LIMIT, or FAILED when the pivots break down.
        ``steps`` counts pivots.
    """
    deadline = np.inf if time_limit is None else time.perf_counter() + time_limit
    low, high = float(matrix.min()), float(matrix.max())
    allowance = gap_allowance(tol, low, high)
    near = 4.0 * start.gap / ((high - low) or 1.0)
    s, t = (np.flatnonzero(score > -near) for score in membership_scores(matrix, start))
    restricted = MatrixSimplex(matrix[np.ix_(s, t)])
    best, steps, rounds = start, 0, 0
    while True:
        left = None if time_limit is None else max(deadline - time.perf_counter(), 0.0)
        inner = restricted.solve(tol=tol / 4.0, time_limit=left)
        steps, rounds = steps + inner.steps, rounds + 1
        rows, columns = np.zeros(matrix.shape[0]), np.zeros(matrix.shape[1])
        rows[s], columns[t] = inner.rows, inner.columns
        found = solution_of(matrix, rows, columns, Status.LIMIT, steps)
        best = found if found.gap < best.gap else best
        progress(rounds, None, gap=best.gap, actions=float(s.size + t.size))
        if best.gap <= allowance:
            return _ended(best, Status.CERTIFIED, steps)
        if inner.status is not Status.CERTIFIED:
            return _ended(best, inner.status, steps)
        row_gains, column_gains = matrix @ columns - inner.value, inner.value - rows @ matrix
        # One side at a time, the one with more to gain: then every round is one phase of the simplex method.
        if row_gains.max() >= column_gains.max():
            new = _newcomers(row_gains, allowance / 4.0, s)
            for i in new:
                restricted.add_row(matrix[i, t])
            s = np.concatenate([s, new])
        else:
            new = _newcomers(column_gains, allowance / 4.0, t)
            for j in new:
                restricted.add_column(matrix[s, j])
            t = np.concatenate([t, new])
        if new.size == 0:
            return _ended(best, Status.FAILED, steps)  # no action beats it, yet the gap is open: rounding


def _ended(best: MatrixSolution, status: Status, steps: int) -> MatrixSolution:
    return MatrixSolution(best.rows, best.columns, best.value, best.gap, status, steps)


def _newcomers(gains: NDArray[np.float64], threshold: float, present: NDArray[np.int64]) -> NDArray[np.int64]:
    """Absent actions that gain more than ``threshold``, the best first, at most a tenth of those present."""
    gains = gains.copy()
    gains[present] = -np.inf
    order = np.argsort(-gains)[: max(4, present.size // 10)]
    return np.asarray(order[gains[order] > threshold])
