"""Stationary distributions without subtraction, so that tiny rates cost no digits.

Grassmann, Taksar and Heyman (1985), "Regenerative analysis and steady state distributions for Markov chains",
Operations Research 33: states are eliminated one by one, each time by sums, products and quotients of
positive numbers, so every entry of the result is accurate relative to its own size.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

_UNDERFLOW = 1e-280


@njit(cache=True, nogil=True)
def eliminate(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Stationary distribution of the chain with the given rates, shape (n, n), overwritten.

    The diagonal does not matter. The first entry of the result is negative if numbers on the way came near
    the end of the range of float64: only logarithms can tell then what is connected to what.
    """
    n = rates.shape[0]
    weights = np.zeros(n)
    weights[0] = -1.0
    for k in range(n - 1, 0, -1):
        leaving = 0.0
        least = math.inf
        for j in range(k):
            leaving += rates[k, j]
            if rates[k, j] > 0.0:
                least = min(least, rates[k, j])
        if not leaving > _UNDERFLOW:
            return weights
        for i in range(k):
            share = rates[i, k] / leaving
            rates[i, k] = share
            if share > 0.0:
                if share * least < _UNDERFLOW:
                    return weights
                for j in range(k):
                    rates[i, j] += share * rates[k, j]
    weights[0] = 1.0
    total = 1.0
    for k in range(1, n):
        for i in range(k):
            weights[k] += weights[i] * rates[i, k]
        total += weights[k]
    if not np.isfinite(total):
        weights[0] = -1.0
        return weights
    return weights / total


@njit(cache=True, nogil=True)
def _add(a: float, b: float) -> float:
    """log(e^a + e^b)."""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


@njit(cache=True, nogil=True)
def eliminate_logs(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """As ``eliminate`` for logarithms of the rates, overwritten; -inf for no connection, no underflow."""
    n = logs.shape[0]
    for k in range(n - 1, 0, -1):
        leaving = -math.inf
        for j in range(k):
            leaving = _add(leaving, logs[k, j])
        for i in range(k):
            share = logs[i, k] - leaving
            logs[i, k] = share
            if share > -math.inf:
                for j in range(k):
                    logs[i, j] = _add(logs[i, j], share + logs[k, j])
    weights = np.full(n, -math.inf)
    weights[0] = 0.0
    for k in range(1, n):
        for i in range(k):
            weights[k] = _add(weights[k], weights[i] + logs[i, k])
    found = np.exp(weights - weights.max())
    shares: NDArray[np.float64] = found / found.sum()
    return shares
