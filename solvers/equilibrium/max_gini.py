r"""The distribution of greatest Gini impurity in a cone, by a Newton method in the dual.

Over the cone K = { q >= 0 : G q <= 0 } the least sum p^2 with sum p = 1 is a matter of direction alone: it is
the projection q of the all-ones vector onto K, divided by its sum. The projection has the dual

.. math::
    \min_{\lambda \ge 0} \tfrac12 \lVert q(\lambda) \rVert^2, \qquad
    q(\lambda) = [\,1 - G^\top \lambda\,]^+ ,

with one variable for each deviation instead of one for each cell. Its gradient -G q(lambda) is piecewise
linear. A generalised Newton step [1]_ takes the quadratic that holds on the cells with q > 0 now, minimises
it over lambda >= 0 (non-negative least squares, which minds no redundant constraints) and goes as far in that
direction as the objective falls. For every lambda >= 0 and every p in K with sum p = 1,

.. math::
    1 \le (1 - G^\top \lambda) \cdot p \le q(\lambda) \cdot p \le \lVert q(\lambda)\rVert \lVert p\rVert ,

so 1 / |q(lambda)|^2 is a lower bound on sum p^2: any multipliers prove how good a distribution is.

.. [1] O. L. Mangasarian, "A Newton method for linear programming", Journal of Optimization Theory and
   Applications 121, 2004, treats piecewise quadratics of this kind.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.sparse import csr_array

FloatArray = NDArray[np.float64]

_REST = 1e-13  # of the scale of the gradient: rounding decides below


@dataclass(frozen=True, slots=True)
class Projection:
    """A projection of the all-ones vector onto a cone.

    Attributes:
        point: q, shape (cells,).
        proven: the least squared length |q(lambda)|^2 that any multipliers prove.
        finished: False if a limit struck first.
        steps: Newton steps.
    """

    point: FloatArray
    proven: float
    finished: bool
    steps: int


def project_onto_cone(incentives: csr_array, *, max_steps: int, time_limit: float | None) -> Projection:
    """Project the all-ones vector onto { q >= 0 : G q <= 0 }.

    Args:
        incentives: the matrix G, shape (rows, cells).
        max_steps: most Newton steps.
        time_limit: seconds, or None for no limit; looked at between steps.
    """
    deadline = math.inf if time_limit is None else time.perf_counter() + time_limit
    cells = incentives.shape[1]
    # Rows of equal length make multipliers comparable; rows of zeros bind nobody.
    lengths = np.sqrt(np.asarray((incentives * incentives).sum(axis=1)).ravel())
    matrix = incentives.toarray()[lengths > 0.0] / lengths[lengths > 0.0, None]
    multipliers = np.zeros(matrix.shape[0])
    point = np.ones(cells)
    rest = _REST * math.sqrt(cells)
    for step in range(max_steps):
        slope = -(matrix @ point)
        violation = np.where(multipliers > 0.0, np.abs(slope), np.maximum(-slope, 0.0))
        if not violation.size or violation.max() <= rest:
            return Projection(point, float(point @ point), True, step)
        if time.perf_counter() >= deadline:
            return Projection(point, float(point @ point), False, step)
        moved = _newton_step(matrix, multipliers, point, slope)
        if moved is None:
            return Projection(point, float(point @ point), True, step)
        multipliers, point = moved
    return Projection(point, float(point @ point), False, max_steps)


def _newton_step(
    matrix: FloatArray, multipliers: FloatArray, point: FloatArray, slope: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """The multipliers and q after a step that lowers the dual objective; None if rounding forbids one."""
    part = matrix[:, point > 0.0].T
    try:
        target, _ = nnls(part, np.ones(part.shape[0]))
    except RuntimeError:  # it counts its own pivots and gives up after too many
        return None
    direction = target - multipliers
    if not float(slope @ direction) < 0.0:
        return None
    # The objective is convex along the direction: look for the zero of its derivative.
    start, drift = 1.0 - multipliers @ matrix, direction @ matrix
    low, high = 0.0, 1.0
    if float(drift @ np.maximum(start - drift, 0.0)) >= 0.0:
        low = 1.0
    while high - low > 1e-3 * high:
        middle = 0.5 * (low + high)
        if float(drift @ np.maximum(start - middle * drift, 0.0)) >= 0.0:
            low = middle
        else:
            high = middle
        if high < 1e-12:
            return None
    moved = multipliers + low * direction
    return moved, np.maximum(1.0 - moved @ matrix, 0.0)
