"""Compiled steps of predictive regret matching+; see ``solvers.equilibrium.regret_matching``."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def _observe_and_predict(
    regrets: NDArray[np.float64], strategy: NDArray[np.float64], payoffs: NDArray[np.float64]
) -> None:
    """One player's step, ``regrets`` and ``strategy`` in place.

    The regret of each action against ``payoffs`` is added and clipped at zero; the next strategy is
    proportional to what these regrets would become if the same payoffs came again.
    """
    size = strategy.size
    mean = 0.0
    for a in range(size):
        mean += strategy[a] * payoffs[a]
    total = 0.0
    for a in range(size):
        regrets[a] = max(regrets[a] + payoffs[a] - mean, 0.0)
        strategy[a] = max(regrets[a] + payoffs[a] - mean, 0.0)
        total += strategy[a]
    if total > 0.0:
        for a in range(size):
            strategy[a] /= total
    else:
        for a in range(size):
            strategy[a] = 1.0 / size


@njit(cache=True, nogil=True)
def _mix(matrix: NDArray[np.float64], weights: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """``out = weights @ matrix`` in place, skipping zero weights.

    Half of the weights and more are zero once supports form, which a BLAS cannot use; and one thread gives
    the same digits on every machine, where threads of a BLAS also wait for each other on a busy one.
    """
    used = np.flatnonzero(weights)
    out[:] = 0.0
    whole = used.size - used.size % 4
    for k in range(0, whole, 4):  # four rows at a time read and write ``out`` a quarter as often
        a, b, c, d = used[k], used[k + 1], used[k + 2], used[k + 3]
        wa, wb, wc, wd = weights[a], weights[b], weights[c], weights[d]
        for j in range(out.size):
            out[j] += (wa * matrix[a, j] + wb * matrix[b, j]) + (wc * matrix[c, j] + wd * matrix[d, j])
    for k in range(whole, used.size):
        a = used[k]
        for j in range(out.size):
            out[j] += weights[a] * matrix[a, j]


@njit(cache=True, nogil=True)
def iterate(
    to_rows: NDArray[np.float64],
    to_columns: NDArray[np.float64],
    row_regrets: NDArray[np.float64],
    column_regrets: NDArray[np.float64],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    row_sum: NDArray[np.float64],
    column_sum: NDArray[np.float64],
    done: int,
    steps: int,
) -> None:
    """``steps`` alternating iterations after the first ``done``; every vector is updated in place.

    ``row_sum`` and ``column_sum`` gather the strategies with weight t^2. ``to_rows``, shape (n, m), and
    ``to_columns``, shape (m, n), are the payoffs of each player, both C-ordered, own action last.
    """
    column_payoffs = np.empty(columns.size)
    row_payoffs = np.empty(rows.size)
    for t in range(done + 1, done + steps + 1):
        weight = float(t) * float(t)
        _mix(to_columns, rows, column_payoffs)
        _observe_and_predict(column_regrets, columns, column_payoffs)
        _mix(to_rows, columns, row_payoffs)
        _observe_and_predict(row_regrets, rows, row_payoffs)
        for i in range(rows.size):
            row_sum[i] += weight * rows[i]
        for j in range(columns.size):
            column_sum[j] += weight * columns[j]
