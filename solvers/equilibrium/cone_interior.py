r"""The distribution of greatest Gini impurity in a cone, by a primal-dual interior-point method.

The same projection of the all-ones vector onto { q >= 0 : G q <= 0 } as in ``solvers.equilibrium.max_gini``,
for cones of many rows, where a Newton step of that method costs too much. With slacks s and multipliers
lambda of the rows, and z of the signs,

.. math::
    q - 1 + G^\top \lambda - z = 0, \quad G q + s = 0, \quad q_k z_k = s_r \lambda_r = \mu, \quad
    q, z, s, \lambda > 0,

is followed to mu = 0 with predictor and corrector [1]_. A step solves one system, as large as the rows or the
cells, whichever are fewer:

.. math::
    1 + Z/Q + G^\top (\Lambda/S)\, G \qquad\text{or}\qquad S/\Lambda + G\, (1 + Z/Q)^{-1} G^\top ,

whose products are sparse: in correlated equilibria two rows share few cells. In zero-sum games no
distribution has slack in all rows, so the system becomes singular towards the end; the diagonal is raised as
far as a factorisation needs, and refinement removes most of what this changes.

.. [1] S. Mehrotra, "On the implementation of a primal-dual interior point method", SIAM Journal on
   Optimization 2, 1992.
"""

import math
import time
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.sparse import csr_array, diags_array

from solvers.equilibrium.max_gini import Projection

FloatArray = NDArray[np.float64]

_Solver: TypeAlias = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
_Values: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
"""The point q, slacks s and multipliers of the rows, and multipliers z of the signs, or steps of them."""

_REST = 1e-12  # distances of rounding size
_TO_BOUNDARY = 0.995
_STALLED = 0.99  # a step that leaves more than this share of all residuals gains nothing
_PATIENCE = 8  # early steps may be short, late ones lack the digits
_LEAST_SHIFT, _MOST_SHIFT = 1e-15, 1e-6


def project_by_interior_point(
    incentives: csr_array, *, max_steps: int, time_limit: float | None
) -> Projection:
    """Project the all-ones vector onto { q >= 0 : G q <= 0 }; see ``max_gini.project_onto_cone``."""
    deadline = math.inf if time_limit is None else time.perf_counter() + time_limit
    # Rows of equal length make multipliers comparable; rows of zeros bind nobody.
    lengths = np.sqrt(np.asarray((incentives * incentives).sum(axis=1)).ravel())
    bound = lengths > 0.0
    rows = csr_array(diags_array(1.0 / lengths[bound]) @ incentives[bound])
    columns = csr_array(rows.T)
    m, n = rows.shape
    if m == 0:
        return Projection(np.ones(n), float(n), True, 0)
    point, signs = np.ones(n), np.ones(n)
    slack, multipliers = np.ones(m), np.ones(m)
    best, idle, finished, step = math.inf, 0, False, 0
    while True:
        dual_residual = point - 1.0 + columns @ multipliers - signs
        residual = rows @ point + slack
        mu = float(point @ signs + slack @ multipliers) / (m + n)
        rest = max(mu, float(np.abs(dual_residual).max()), float(np.abs(residual).max(initial=0.0)))
        idle = 0 if rest < _STALLED * best else idle + 1
        best = min(best, rest)
        # Of each pair the smaller one goes to zero.
        answer = np.where(point > signs, point, 0.0)
        proven = float((np.maximum(1.0 - columns @ multipliers, 0.0) ** 2).sum())
        finished = idle == _PATIENCE or _is_best(rows, answer, proven)
        if finished or step == max_steps or time.perf_counter() >= deadline:
            break
        solve = _system(rows, columns, 1.0 + signs / point, multipliers / slack)
        if solve is None:
            finished = True  # no digits left
            break
        values = (point, slack, multipliers, signs)
        residuals = (dual_residual, residual)
        steps = _direction(solve, rows, values, residuals, -point * signs, -slack * multipliers)
        length = _length(values, steps)
        reached = [v + length * d for v, d in zip(values, steps, strict=True)]
        aim = float(reached[0] @ reached[3] + reached[1] @ reached[2]) / (m + n)
        centre = mu * min(aim / mu, 1.0) ** 3
        target = centre - point * signs - steps[0] * steps[3]
        row_target = centre - slack * multipliers - steps[1] * steps[2]
        steps = _direction(solve, rows, values, residuals, target, row_target)
        length = _TO_BOUNDARY * _length(values, steps)
        point, slack, multipliers, signs = (v + length * d for v, d in zip(values, steps, strict=True))
        step += 1
    return Projection(answer, proven, finished, step)


def _is_best(rows: csr_array, answer: FloatArray, proven: float) -> bool:
    """Whether the distribution in the direction of ``answer`` is in the cone and proven best, to rounding."""
    total = float(answer.sum())
    if not (total > 0.0 and proven > 0.0):
        return False
    outside = float((rows @ answer).max(initial=0.0)) / total
    return outside <= _REST and abs(float(answer @ answer) / total**2 - 1.0 / proven) <= _REST


def _direction(
    solve: _Solver,
    rows: csr_array,
    values: _Values,
    residuals: tuple[FloatArray, FloatArray],
    target: FloatArray,
    row_target: FloatArray,
) -> _Values:
    """Newton step that changes point * signs by ``target`` and slack * multipliers by ``row_target``."""
    point, slack, multipliers, signs = values
    dual_residual, residual = residuals
    moved, priced = solve(target / point - dual_residual, (row_target + multipliers * residual) / slack)
    return moved, -residual - rows @ moved, priced, (target - signs * moved) / point


def _length(values: _Values, steps: _Values) -> float:
    """How far all values stay non-negative, at most one."""
    return min(
        1.0,
        *(float((-v[d < 0] / d[d < 0]).min(initial=math.inf)) for v, d in zip(values, steps, strict=True)),
    )


def _system(rows: csr_array, columns: csr_array, weights: FloatArray, pulls: FloatArray) -> _Solver | None:
    """Solver of weights * x + G' y = a, y = b + pulls * (G x) for (x, y); None where rounding forbids it."""
    by_cells = rows.shape[1] <= rows.shape[0]
    if by_cells:
        matrix = (columns @ diags_array(pulls) @ rows).toarray()
        matrix[np.diag_indices(len(matrix))] += weights
    else:
        matrix = (rows @ diags_array(1.0 / weights) @ columns).toarray()
        matrix[np.diag_indices(len(matrix))] += 1.0 / pulls
    factored = _factor(matrix)
    if factored is None:
        return None
    factor, shifted = factored

    def refined(right: FloatArray) -> FloatArray:
        x = cho_solve(factor, right, check_finite=False)
        for _ in range(3 if shifted else 1):
            x = x + cho_solve(factor, right - matrix @ x, check_finite=False)
        return np.asarray(x)

    def solve(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
        if by_cells:
            x = refined(a - columns @ b)
            return x, b + pulls * (rows @ x)
        y = refined(b / pulls + rows @ (a / weights))
        return (a - columns @ y) / weights, y

    return solve


def _factor(matrix: FloatArray) -> tuple[tuple[FloatArray, bool], bool] | None:
    """Cholesky factor, and whether the diagonal had to be raised."""
    diagonal = matrix.diagonal()
    shift = 0.0
    while shift <= _MOST_SHIFT:
        raised = matrix.copy()
        raised[np.diag_indices(len(matrix))] = diagonal * (1.0 + shift) + shift * diagonal.mean()
        try:
            return cho_factor(raised, lower=True, overwrite_a=True, check_finite=False), shift > 0.0
        except LinAlgError:
            shift = max(100.0 * shift, _LEAST_SHIFT)
    return None
