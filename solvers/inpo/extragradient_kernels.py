"""Extragradient rounds with automatic steps under KL, compiled: context by context, its margins in cache.

The same update as ``solvers.inpo.parts`` with ``AutomaticStep``, which states it for every method. Sums are
taken in another order, so results agree to rounding.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SERIES = 0.05  # |x| up to which expm1(x) - x is summed as a series


@njit(nogil=True, cache=True, fastmath={"contract"})
def _rates(margins: FloatArray, policy: FloatArray, rates: FloatArray) -> None:
    """``rates`` becomes margins @ policy; by rows, as antisymmetry allows, four at a time for speed."""
    n = rates.size
    rates[:] = 0.0
    whole = n - n % 4
    for j in range(0, whole, 4):
        a, b, c, d = policy[j], policy[j + 1], policy[j + 2], policy[j + 3]
        for i in range(n):
            rates[i] -= (a * margins[j, i] + b * margins[j + 1, i]) + (
                c * margins[j + 2, i] + d * margins[j + 3, i]
            )
    for j in range(whole, n):
        for i in range(n):
            rates[i] -= policy[j] * margins[j, i]


@njit(nogil=True, cache=True)
def _softmax(logs: FloatArray, policy: FloatArray) -> None:
    """Normalise ``logs`` in place, and ``policy`` becomes their exponentials."""
    top = logs.max()
    total = 0.0
    for i in range(logs.size):
        logs[i] -= top
        policy[i] = math.exp(logs[i])
        total += policy[i]
    shift = math.log(total)
    for i in range(logs.size):
        logs[i] -= shift
        policy[i] /= total


@njit(nogil=True, cache=True)
def _tilt(
    logs: FloatArray, reference: FloatArray, rates: FloatArray, step: float, weight: float, out: FloatArray
) -> None:
    for i in range(out.size):
        out[i] = step * (rates[i] - weight * (logs[i] - reference[i])) + logs[i]


@njit(nogil=True, cache=True)
def _refresh(
    margins: FloatArray,
    policy: FloatArray,
    direction: FloatArray,
    squarings: int,
    half: FloatArray,
    work: FloatArray,
) -> float:
    """The estimate of the spectral radius; ``direction`` is moved on."""
    radius = 0.0
    for _ in range(squarings):
        norm = max(math.sqrt((direction * direction).sum()), 1e-300)
        for i in range(half.size):
            direction[i] /= norm
            work[i] = math.sqrt(policy[i]) * direction[i]
        _rates(margins, work, half)
        radius = 0.0
        for i in range(half.size):
            half[i] *= math.sqrt(policy[i])
            radius += half[i] * half[i]
        radius = math.sqrt(radius)
        if radius == 0.0:
            return radius
        for i in range(half.size):
            half[i] *= math.sqrt(policy[i])
        _rates(margins, half, direction)
        for i in range(half.size):
            direction[i] *= math.sqrt(policy[i])
    return radius


@njit(nogil=True, cache=True)
def _gap(
    logs: FloatArray,
    policy: FloatArray,
    reference: FloatArray,
    rates: FloatArray,
    tau: float,
    response: FloatArray,
    work: FloatArray,
) -> float:
    """2 tau KL(policy || best response), or the gap without divergence for tau = 0."""
    if tau == 0.0:
        return float(2.0 * max(rates.max(), 0.0))
    for i in range(response.size):
        response[i] = reference[i] + rates[i] / tau
    _softmax(response, work)
    total = 0.0
    for i in range(response.size):
        ratio, p = response[i] - logs[i], policy[i]
        if p == 0.0:
            total += work[i]
        elif ratio > 1.0:  # exp(ratio) may overflow
            total += work[i] - p - p * ratio
        elif abs(ratio) < _SERIES:
            tail = 1.0 + ratio / 8.0 * (1.0 + ratio / 9.0)
            tail = 1.0 + ratio / 5.0 * (1.0 + ratio / 6.0 * (1.0 + ratio / 7.0 * tail))
            total += p * ratio * ratio / 2.0 * (1.0 + ratio / 3.0 * (1.0 + ratio / 4.0 * tail))
        else:
            total += p * (math.expm1(ratio) - ratio)
    return 2.0 * tau * total


@njit(nogil=True, cache=True)
def play_extragradient(
    margins: FloatArray,
    references: FloatArray,
    logs: FloatArray,
    policies: FloatArray,
    rates: FloatArray,
    directions: FloatArray,
    radii: FloatArray,
    sums: FloatArray,
    bests: FloatArray,
    best_gaps: FloatArray,
    gaps: FloatArray,
    originals: FloatArray,
    played: NDArray[np.int64],
    first: int,
    last: int,
    tol: float,
    tau: float,
    weight: float,
    reach: float,
    pull: float,
    recorded: NDArray[np.int64],
    gap_records: FloatArray,
    original_records: FloatArray,
) -> None:
    """Rounds ``first`` to ``last - 1`` of B contexts of n responses; most arrays are changed in place.

    Args:
        margins: P - 1/2, shape (B, n, n).
        references: logarithms, shape (B, n).
        logs: log-policies, shape (B, n), and so up to ``bests``, but for ``radii`` of shape (B,).
        policies: their exponentials.
        rates: win rates against them, less 1/2.
        directions: of the power iteration.
        radii: its estimates.
        sums: of all policies so far.
        bests: policies of least gap.
        best_gaps: their gaps, shape (B,), and so for the next three.
        gaps: of the policies; contexts with at most ``tol`` rest.
        originals: gaps without divergence.
        played: rounds done.
        first: the round to play first.
        last: one more than the round to play last.
        tol: gap at which a context rests.
        tau: weight of the divergence in the gap.
        weight: of the divergence in the update.
        reach: of ``AutomaticStep``.
        pull: of ``AutomaticStep``.
        recorded: K numbers of rounds done after which to record, ascending, from above ``first`` to ``last``.
        gap_records: written, shape (K, B).
        original_records: written, shape (K, B).
    """
    n = references.shape[1]
    half, ahead, work = np.empty(n), np.empty(n), np.empty(n)
    for b in range(len(margins)):
        margin, reference, log, policy = margins[b], references[b], logs[b], policies[b]
        record = 0
        for turn in range(first, last):
            if gaps[b] <= tol:
                break
            if turn % 16 == 0 or turn == 1 or turn == 4:
                squarings = 2 if turn else 5
                radii[b] = _refresh(margin, policy, directions[b], squarings, half, work)
            top, mean = -math.inf, 0.0
            for i in range(n):
                slope = rates[b, i] - weight * (log[i] - reference[i])
                top = max(top, slope)
                mean += policy[i] * slope
            step = min(reach / max(radii[b], 1e-3), 1.0 / max(top - mean, 1e-6))
            if weight > 0.0:
                step = min(step, pull / weight)
            _tilt(log, reference, rates[b], step, weight, half)
            _softmax(half, ahead)
            _rates(margin, ahead, work)
            _tilt(log, reference, work, step, weight, log)
            _softmax(log, policy)
            _rates(margin, policy, rates[b])
            gaps[b] = _gap(log, policy, reference, rates[b], tau, half, work)
            originals[b] = 2.0 * max(rates[b].max(), 0.0)
            sums[b] += policy
            if gaps[b] < best_gaps[b]:
                best_gaps[b] = gaps[b]
                bests[b] = policy
            played[b] = turn + 1
            if record < recorded.size and recorded[record] == turn + 1:
                gap_records[record, b], original_records[record, b] = gaps[b], originals[b]
                record += 1
        # A context at rest keeps its figures.
        for later in range(record, recorded.size):
            gap_records[later, b], original_records[later, b] = gaps[b], originals[b]
