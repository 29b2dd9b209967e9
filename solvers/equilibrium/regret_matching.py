r"""Predictive regret matching+ for zero-sum matrix games too large to pivot on.

A player keeps regrets Q >= 0 and, meeting payoffs g_t of its actions while playing x_t, sets

.. math::
    Q_t = [Q_{t-1} + g_t - \langle g_t, x_t\rangle 1]^+, \qquad
    x_{t+1} \propto [Q_t + g_t - \langle g_t, x_t\rangle 1]^+,

the last term predicting that the same payoffs come again [1]_. Players move in turn, each against the other's
newest strategy, and the answer is the average with weights t^2. An iteration costs two products
with the matrix. The method is free of step sizes and indifferent to scale and shift of the payoffs.

Accuracy comes slowly (a gap of 1e-4 of the payoff range in hundreds of iterations, 1e-6 in thousands), the
supports of the solution early; so the averages are polished on the way, see
``solvers.equilibrium.support_polish``.

.. [1] G. Farina, C. Kroer and T. Sandholm, "Faster game solving via predictive Blackwell approachability:
   connecting regret matching and mirror descent", AAAI 2021.
"""

import time

import numpy as np
from numpy.typing import ArrayLike

from games.progress import ProgressCallback, ignore_progress
from games.results import Status
from solvers.equilibrium.matrix_solution import (
    RELATIVE_TOLERANCE,
    MatrixSolution,
    as_payoff_matrix,
    gap_allowance,
    normalised,
    solution_of,
)
from solvers.equilibrium.regret_matching_kernels import iterate
from solvers.equilibrium.support_polish import polish_by_equalities

_CHUNK_SECONDS = 0.05  # the clock is read at least this often, or after every iteration if they take longer
_GROWTH = 1.5  # checks at geometrically growing distances cost a fixed share of the work
_POLISH_BELOW = 1e-2  # relative gap from which supports are worth a guess
_POLISH_AGAIN = 3.0  # fall of the gap that makes the next guess a better one


class RegretMatching:
    """Predictive regret matching+ on one matrix; calls of ``solve`` go on where the last one stopped.

    Args:
        payoffs: shape (m, n), payoffs to the row player.

    Raises:
        ValueError: not a non-empty finite matrix.

    Example:
        >>> RegretMatching([[2.0, -1.0], [-1.0, 1.0]]).solve().rows
        array([0.4, 0.6])
    """

    def __init__(self, payoffs: ArrayLike) -> None:
        self._matrix = as_payoff_matrix(payoffs)
        m, n = self._matrix.shape
        self._low, self._high = float(self._matrix.min()), float(self._matrix.max())
        # Differences are all that matters; centred payoffs lose no digits to an offset.
        unit = (self._high - self._low) or 1.0
        centred = (self._matrix - (self._low / 2.0 + self._high / 2.0)) / unit
        self._payoffs = np.ascontiguousarray(centred.T), -centred  # to each player, own action last
        self._regrets = np.zeros(m), np.zeros(n)
        self._strategies = np.full(m, 1.0 / m), np.full(n, 1.0 / n)
        self._sums = np.zeros(m), np.zeros(n)
        self._done = 0
        self._seconds_per_step = 0.0
        self._best = solution_of(self._matrix, *self._strategies, Status.LIMIT, 0)
        self._polished_at = np.inf

    def solve(
        self,
        *,
        tol: float = RELATIVE_TOLERANCE,
        time_limit: float | None = None,
        max_steps: int | None = None,
        polish: bool = True,
        progress: ProgressCallback = ignore_progress,
    ) -> MatrixSolution:
        """Iterate until the gap is small enough or a limit is reached.

        Args:
            tol: largest gap reported CERTIFIED, in units of the payoff range.
            time_limit: seconds, or None for no limit.
            max_steps: iterations of this call, or None for no limit. Without either limit the call ends
                only when the tolerance is reached.
            polish: whether to try the equalities on the supports as well.
            progress: called at every check with the figure ``gap`` in payoff units.

        Returns:
            The best strategies seen, CERTIFIED or LIMIT.
        """
        start = time.perf_counter()
        deadline = np.inf if time_limit is None else start + time_limit
        last = np.inf if max_steps is None else self._done + max_steps
        allowance = gap_allowance(tol, self._low, self._high)
        begun = self._done
        while self._best.gap > allowance and self._done < last and time.perf_counter() < deadline:
            self._advance(min(self._chunk(deadline), last - self._done))
            self._measure()
            if polish and time.perf_counter() < deadline:
                self._polish(allowance)
            progress(self._done, max_steps, gap=self._best.gap)
        best = self._best
        status = Status.CERTIFIED if best.gap <= allowance else Status.LIMIT
        return MatrixSolution(best.rows, best.columns, best.value, best.gap, status, self._done - begun)

    def _chunk(self, deadline: float) -> float:
        """Iterations until the next check: geometric growth, cut to what the clock allows."""
        wanted = max(8.0, (_GROWTH - 1.0) * self._done)
        if self._seconds_per_step == 0.0:
            return 1.0  # the first iteration is timed alone
        seconds = min(_CHUNK_SECONDS, deadline - time.perf_counter())
        return max(1.0, min(wanted, seconds // self._seconds_per_step))

    def _advance(self, steps: float) -> None:
        begun = time.perf_counter()
        iterate(*self._payoffs, *self._regrets, *self._strategies, *self._sums, self._done, int(steps))
        self._done += int(steps)
        self._seconds_per_step = (time.perf_counter() - begun) / steps

    def _measure(self) -> None:
        """Keep the better of the averages and the newest strategies if it is the best so far."""
        for rows, columns in (self._sums, self._strategies):
            found = solution_of(self._matrix, normalised(rows), normalised(columns), Status.LIMIT, self._done)
            if found.gap < self._best.gap:
                self._best = found

    def _polish(self, allowance: float) -> None:
        gap = self._best.gap
        relative = gap / ((self._high - self._low) or 1.0)
        if gap <= allowance or relative > _POLISH_BELOW or gap * _POLISH_AGAIN > self._polished_at:
            return
        self._polished_at = gap
        averages = solution_of(
            self._matrix, normalised(self._sums[0]), normalised(self._sums[1]), Status.LIMIT, self._done
        )
        polished = polish_by_equalities(self._matrix, averages)
        if polished.gap < gap:
            self._best = polished
