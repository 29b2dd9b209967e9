r"""Compiled iterations of counterfactual regret minimisation; see ``solvers.trees.cfr`` and ``layout``.

S sequences of all players, in the places of the layout. Arrays of a run change in place.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from solvers.trees.layout import Blocks, Segments

FloatArray = NDArray[np.float64]

_NOTHING = 1e-300  # positive regrets that add up to less count as none: a share of them would overflow


class Rule(NamedTuple):
    """The numbers that tell one member of the family from another; see ``solvers.trees.variants``."""

    alpha: float
    beta: float
    gamma: float
    predict: bool


class Arrays(NamedTuple):
    """What a run keeps, each of shape (S,) but the last.

    Attributes:
        regrets: cumulative regrets, not clipped.
        behaviors: probabilities of the next iteration.
        plans: their realization plans.
        sums: plans of the past iterations, weighted.
        gradients: gradients of the past iterations, weighted; empty where joint play is not followed.
        values: (N,), expected payoffs of the past iterations, weighted; likewise.
    """

    regrets: FloatArray
    behaviors: FloatArray
    plans: FloatArray
    sums: FloatArray
    gradients: FloatArray
    values: FloatArray


@njit(cache=True, nogil=True)
def _discount(t: float, exponent: float) -> float:
    """t^e / (t^e + 1), also at infinite exponents, where it stands for 1 and 0 at every t."""
    if exponent == np.inf:
        return 1.0
    if exponent == -np.inf or t == 0.0:
        return 0.0
    return float(1.0 / (1.0 + t**-exponent))


@njit(cache=True, nogil=True)
def _gradient(player: int, segments: Segments, plans: FloatArray, out: FloatArray) -> None:
    """Add the derivative of a player's payoff in their own plan to ``out`` (S,)."""
    others = segments.columns.shape[0]
    for g in range(segments.offset[player], segments.offset[player + 1]):
        count = segments.size[g]
        rows = out[segments.row[g] : segments.row[g] + count]
        p = segments.start[g]
        for _ in range(segments.length[g]):
            values = segments.values[p : p + count]
            if others == 1:
                columns = segments.columns[0, p : p + count]
                for k in range(count):
                    rows[k] += values[k] * plans[columns[k]]
            else:
                for k in range(count):
                    term = values[k]
                    for j in range(others):
                        term *= plans[segments.columns[j, p + k]]
                    rows[k] += term
            p += count


@njit(cache=True, nogil=True)
def _observe(
    player: int,
    blocks: Blocks,
    gradient: FloatArray,
    regrets: FloatArray,
    behaviors: FloatArray,
    kept: float,
    lost: float,
    ahead: float,
    predict: bool,
    value: FloatArray,
    total: FloatArray,
) -> None:
    """Regrets and behaviors after one more gradient, which becomes the sequence values.

    Positive regrets are first multiplied by ``kept``, negative ones by ``lost``. The next behavior is
    proportional to the positive regrets; with ``predict``, to what they, multiplied by ``ahead``, would be
    if the same gradient came again. ``value`` and ``total`` are scratch, as long as the largest block.
    """
    for b in range(blocks.block_offset[player + 1] - 1, blocks.block_offset[player] - 1, -1):
        n, w, begin = blocks.size[b], blocks.width[b], blocks.begin[b]
        parent = blocks.parent[blocks.slot[b] : blocks.slot[b] + n]
        if w == 1:  # nothing to choose
            for k in range(n):
                gradient[parent[k]] += gradient[begin + k]
            continue
        value[:n] = 0.0
        total[:n] = 0.0
        for a in range(w):
            g = gradient[begin + a * n : begin + (a + 1) * n]
            x = behaviors[begin + a * n : begin + (a + 1) * n]
            for k in range(n):
                value[k] += g[k] * x[k]
        for a in range(w):
            g = gradient[begin + a * n : begin + (a + 1) * n]
            x = behaviors[begin + a * n : begin + (a + 1) * n]
            q = regrets[begin + a * n : begin + (a + 1) * n]
            for k in range(n):
                r = g[k] - value[k]
                q[k] = q[k] * (kept if q[k] > 0.0 else lost) + r
            if predict:
                for k in range(n):
                    c = (q[k] if q[k] > 0.0 else 0.0) * ahead + (g[k] - value[k])
                    x[k] = c if c > 0.0 else 0.0
            else:
                for k in range(n):
                    x[k] = q[k] if q[k] > 0.0 else 0.0
            for k in range(n):
                total[k] += x[k]
        for k in range(n):
            gradient[parent[k]] += value[k]
        # Where no regret is positive the total becomes a uniform share, to be added.
        for k in range(n):
            value[k] = 0.0 if total[k] > _NOTHING else 1.0 / w
            total[k] = 1.0 / total[k] if total[k] > _NOTHING else 0.0
        for a in range(w):
            x = behaviors[begin + a * n : begin + (a + 1) * n]
            for k in range(n):
                x[k] = x[k] * total[k] + value[k]


@njit(cache=True, nogil=True)
def _descend(
    player: int,
    blocks: Blocks,
    behaviors: FloatArray,
    plans: FloatArray,
    sums: FloatArray,
    weight: float,
    reach: FloatArray,
) -> None:
    """Add the plan, weighted, to ``sums`` and replace it by that of the behaviors."""
    for b in range(blocks.block_offset[player], blocks.block_offset[player + 1]):
        n, begin = blocks.size[b], blocks.begin[b]
        parent = blocks.parent[blocks.slot[b] : blocks.slot[b] + n]
        for k in range(n):
            reach[k] = plans[parent[k]]
        for a in range(blocks.width[b]):
            x = behaviors[begin + a * n : begin + (a + 1) * n]
            y = plans[begin + a * n : begin + (a + 1) * n]
            total = sums[begin + a * n : begin + (a + 1) * n]
            for k in range(n):
                total[k] += weight * y[k]
            for k in range(n):
                y[k] = reach[k] * x[k]


@njit(cache=True, nogil=True)
def iterate(
    blocks: Blocks, segments: Segments, rule: Rule, alternate: bool, run: Arrays, done: int, count: int
) -> None:
    """``count`` iterations after the first ``done``."""
    players = blocks.sequence_offset.size - 1
    largest = 1
    for b in range(blocks.size.size):
        largest = max(largest, blocks.size[b])
    one, two = np.empty(largest), np.empty(largest)
    gradient = np.empty(run.plans.size)
    for t in range(done + 1, done + count + 1):
        kept, lost = _discount(t - 1.0, rule.alpha), _discount(t - 1.0, rule.beta)
        ahead = _discount(float(t), rule.alpha)
        weight = float(t) ** rule.gamma
        if not alternate:
            gradient[:] = 0.0
            for i in range(players):
                _gradient(i, segments, run.plans, gradient)
            for s in range(run.gradients.size):
                run.gradients[s] += weight * gradient[s]
        for i in range(players):
            begin = blocks.sequence_offset[i]
            if alternate:
                gradient[begin : blocks.sequence_offset[i + 1]] = 0.0
                _gradient(i, segments, run.plans, gradient)
            _observe(
                i, blocks, gradient, run.regrets, run.behaviors, kept, lost, ahead, rule.predict, one, two
            )
            if run.gradients.size:
                run.values[i] += weight * gradient[begin]
            _descend(i, blocks, run.behaviors, run.plans, run.sums, weight, one)
            run.sums[begin] += weight
