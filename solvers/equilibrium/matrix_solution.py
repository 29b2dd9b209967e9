r"""What the solvers of zero-sum matrix games share: growing payoffs, a common scale, and the answer.

For a matrix A of payoffs to the row player, who maximises, and mixed strategies x and y,

.. math::
    \min_j (x^\top A)_j \;\le\; v \;\le\; \max_i (A y)_i,

where v is the value of the game. The distance between the two ends is the *gap*; it equals the NashConv
of (x, y) and is zero exactly at a solution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.results import Status

RELATIVE_TOLERANCE = 1e-8
"""Default tolerance, in units of the payoff range."""

# A gap is a difference of sums of products that each carry a rounding error of about eps * max|A|.
_ROUNDING = 16.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class MatrixSolution:
    """Strategies for a zero-sum matrix game, with their gap measured on the payoffs themselves.

    Attributes:
        rows: mixed strategy of the row player (the maximiser), shape (m,).
        columns: mixed strategy of the column player, shape (n,).
        value: midpoint of the two bounds on the value of the game, payoff units.
        gap: distance of the two bounds, payoff units; at most ``gap / 2`` separates ``value`` from the truth.
        status: CERTIFIED, LIMIT, INFEASIBLE or FAILED; strategies are there in every case.
        steps: pivots or iterations spent by this call.
    """

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    value: float
    gap: float
    status: Status
    steps: int


def as_payoff_matrix(values: ArrayLike) -> NDArray[np.float64]:
    """Return ``values`` as a C-ordered float64 matrix of shape (m, n).

    Raises:
        ValueError: not a non-empty matrix, not finite, or so large that its range overflows.
    """
    matrix = np.ascontiguousarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"payoffs must have shape (m, n) with m, n >= 1, got {matrix.shape}")
    if not np.isfinite(matrix).all():
        place = tuple(int(k) for k in np.argwhere(~np.isfinite(matrix))[0])
        raise ValueError(f"payoffs must be finite, got {matrix[place]} at index {place}")
    _check_range(float(matrix.min()), float(matrix.max()))
    return matrix


def _check_range(low: float, high: float) -> None:
    if high / 2.0 - low / 2.0 > np.finfo(np.float64).max / 4.0:
        raise ValueError(f"payoffs from {low:g} to {high:g} span more than float64 can hold")


def gap_allowance(tol: float, low: float, high: float) -> float:
    """Largest gap that counts as certified for payoffs from ``low`` to ``high``, in payoff units.

    This is ``tol`` times the range, but never less than the rounding error of the gap itself: a large
    offset (payoffs of 1e9 +- 1) costs digits that no solver can return.
    """
    return max(tol * (high - low), _ROUNDING * max(abs(low), abs(high)))


def value_bounds(
    matrix: NDArray[np.float64], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[float, float]:
    """What the row player secures with ``rows``, and what ``columns`` concedes at most."""
    return float((rows @ matrix).min()), float((matrix @ columns).max())


def solution_of(
    matrix: NDArray[np.float64],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    status: Status,
    steps: int,
) -> MatrixSolution:
    """Measure the gap of a pair of strategies on ``matrix`` and wrap them up."""
    secured, conceded = value_bounds(matrix, rows, columns)
    # Rounding may turn the bounds around; a gap is never negative.
    return MatrixSolution(
        rows, columns, secured / 2.0 + conceded / 2.0, max(conceded - secured, 0.0), status, steps
    )


def normalised(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Clip at zero and divide by the sum; uniform when nothing finite and positive is left."""
    clipped = np.maximum(weights, 0.0)
    total = float(clipped.sum())
    if not (np.isfinite(total) and total > 0.0):
        return np.full(weights.size, 1.0 / weights.size)
    return np.asarray(clipped / total)


class PayoffScale:
    """An affine map of payoffs to positive numbers near [1, 2], kept while payoffs are added.

    The scaled payoff of a is ``(a - low) / unit + 1``. As long as every scaled payoff stays above 1/2 the
    value of the scaled game is positive, which the linear programs need.
    """

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self.least, self.greatest = float(matrix.min()), float(matrix.max())
        self._choose()

    def _choose(self) -> None:
        self.low = self.least
        # Equal payoffs leave the unit open; their size is the only scale in sight.
        self.unit = (self.greatest - self.least) or abs(self.least) or 1.0

    def apply(self, payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scaled payoffs, in a new array of the same shape."""
        return np.asarray((payoffs - self.low) / self.unit + 1.0)

    def admit(self, payoffs: NDArray[np.float64]) -> bool:
        """Take note of added payoffs; True when the scale had to change, so scaled data must be redone."""
        least = min(self.least, float(payoffs.min()))
        greatest = max(self.greatest, float(payoffs.max()))
        _check_range(least, greatest)
        self.least, self.greatest = least, greatest
        spread = greatest - least
        fits = least >= self.low - self.unit / 2.0 and greatest <= self.low + 4.0 * self.unit
        if fits and (spread == 0.0 or spread >= self.unit / 4.0):
            return False
        self._choose()
        return True


class GrowingMatrix:
    """A matrix that takes rows and columns at amortised cost of their length."""

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self.num_rows, self.num_columns = matrix.shape
        self._buffer = matrix.copy()  # room to grow is made by the first addition

    @property
    def values(self) -> NDArray[np.float64]:
        """The matrix, shape (num_rows, num_columns): a view, valid until the next addition."""
        return self._buffer[: self.num_rows, : self.num_columns]

    def add_row(self, values: ArrayLike) -> NDArray[np.float64]:
        """Append a row and return it; raises ValueError for a wrong length or a non-finite entry."""
        row = _line(values, self.num_columns, "row")
        self._reserve(self.num_rows + 1, self.num_columns)
        self._buffer[self.num_rows, : self.num_columns] = row
        self.num_rows += 1
        return row

    def add_column(self, values: ArrayLike) -> NDArray[np.float64]:
        """Append a column and return it; raises ValueError for a wrong length or a non-finite entry."""
        column = _line(values, self.num_rows, "column")
        self._reserve(self.num_rows, self.num_columns + 1)
        self._buffer[: self.num_rows, self.num_columns] = column
        self.num_columns += 1
        return column

    def _reserve(self, rows: int, columns: int) -> None:
        height, width = self._buffer.shape
        if rows <= height and columns <= width:
            return
        grown = np.zeros((2 * rows if rows > height else height, 2 * columns if columns > width else width))
        grown[: self.num_rows, : self.num_columns] = self.values
        self._buffer = grown


def _line(values: ArrayLike, size: int, name: str) -> NDArray[np.float64]:
    line = np.array(values, dtype=np.float64)
    if line.shape != (size,):
        raise ValueError(f"{name} must have shape ({size},), got {line.shape}")
    if not np.isfinite(line).all():
        place = int(np.argwhere(~np.isfinite(line))[0, 0])
        raise ValueError(f"{name} must be finite, got {line[place]} at index {place}")
    return line
