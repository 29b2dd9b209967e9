r"""From nearly right strategies of a matrix game to exact ones.

On the supports S, T of a solution every action of S earns the value against y and every
action of T concedes it to x:

.. math::
    A_{ST}\, y_T = v 1, \quad 1^\top y_T = 1, \qquad x_S^\top A_{ST} = v 1^\top, \quad 1^\top x_S = 1.

Approximate strategies tell S and T: an action belongs when its probability exceeds its distance from being
a best response (strict complementarity makes one of the two vanish). A unique solution has supports of equal
size, and then one factorisation gives both strategies.
"""

import numpy as np
from numpy.typing import NDArray

from solvers.equilibrium.matrix_solution import (
    MatrixSolution,
    normalised,
    solution_of,
)

_GREATEST_SYSTEM = 4000  # a factorisation of this order takes about a second


def polish_by_equalities(matrix: NDArray[np.float64], start: MatrixSolution) -> MatrixSolution:
    """Solve the equalities on the supports that ``start`` suggests.

    Args:
        matrix: payoffs to the row player, shape (m, n).
        start: approximate strategies.

    Returns:
        The better of ``start`` and the polished pair by measured gap, with the status and steps of ``start``.
    """
    row_scores, column_scores = membership_scores(matrix, start)
    best = start
    sizes = {int((row_scores > 0.0).sum()), int((column_scores > 0.0).sum())}
    for size in sorted(sizes):
        if not 0 < size <= min(*matrix.shape, _GREATEST_SYSTEM):
            continue
        s, t = np.argsort(-row_scores)[:size], np.argsort(-column_scores)[:size]
        pair = _solve_equalities(matrix[np.ix_(s, t)])
        if pair is None:
            continue
        rows, columns = np.zeros(matrix.shape[0]), np.zeros(matrix.shape[1])
        rows[s], columns[t] = pair
        polished = solution_of(matrix, normalised(rows), normalised(columns), start.status, start.steps)
        best = polished if polished.gap < best.gap else best
    return best


def membership_scores(
    matrix: NDArray[np.float64], start: MatrixSolution
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per action: probability minus distance from a best response in units of the payoff range."""
    unit = float(matrix.max() - matrix.min()) or 1.0
    earned, conceded = matrix @ start.columns, start.rows @ matrix
    return (
        start.rows - (earned.max() - earned) / unit,
        start.columns - (conceded - conceded.min()) / unit,
    )


def _solve_equalities(
    block: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Mixtures that make the other side indifferent on a square block, or None where there are none."""
    size = block.shape[0]
    middle = float(block.min()) / 2.0 + float(block.max()) / 2.0
    unit = float(block.max() - block.min()) or 1.0
    system = np.zeros((size + 1, size + 1))
    system[:size, :size] = (block - middle) / unit
    system[:size, size] = -1.0
    system[size, :size] = 1.0
    target = np.zeros(size + 1)
    target[size] = 1.0
    try:
        columns = np.asarray(np.linalg.solve(system, target)[:size], dtype=np.float64)
        # Transposing turns the signs of the value around, which the unknown absorbs.
        rows = np.asarray(np.linalg.solve(system.T * _signs(size), target)[:size], dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    return (rows, columns) if np.isfinite(rows).all() and np.isfinite(columns).all() else None


def _signs(size: int) -> NDArray[np.float64]:
    """Minus in the last row and column: the transposed system then has the same right-hand side."""
    signs = np.ones((size + 1, size + 1))
    signs[size, :size] = signs[:size, size] = -1.0
    return signs
