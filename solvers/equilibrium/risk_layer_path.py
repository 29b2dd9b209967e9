r"""Newton's method in logarithms on all players at once, along a path of shrinking barriers.

With every player regularised, an equilibrium solves the smooth system

.. math::  g_i(x)_a + h_i'(\log x_i)_a = v_i, \qquad \textstyle\sum_a x_{ia} = 1 .

Players without a regulariser get a logarithmic barrier of weight mu, the kinks of piecewise linear measures
are rounded at width mu, and weaker regularisers are raised to mu. At large mu the solution is nearly uniform
play and unique; a solution at small mu is an equilibrium to within a few n mu. Where the path turns back in
mu the walk stops, and the caller must start elsewhere.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form.risk_regularisers import LogBarrier, Regulariser
from games.normal_form.risk_response import mixture
from solvers.equilibrium.risk_layer_problem import LayerProblem

FloatArray = NDArray[np.float64]

_NEWTON_STEPS = 40
_AT_REST = 1e-14
_SHORTEST = 2.0**-12
_FACTORS = (0.1, 0.3, 0.6, 0.85)  # of mu, from bold to careful
_LAST = 1e-12
_LAST_ROUNDED = 1e-7  # weights of rounded kinks are only known to the rounding of x over mu
_SMALLEST_LOG = -700.0


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a walk along the path ended.

    Attributes:
        flat: the flat profile, shape (M,).
        width: mu there.
        steps: Newton steps taken.
    """

    flat: FloatArray
    width: float
    steps: int


def follow(
    problem: LayerProblem, flat: FloatArray, width: float, *, max_steps: int, deadline: float
) -> Walk | None:
    """Settle at mu = ``width`` from near ``flat`` and follow the path down.

    Args:
        problem: the game in solver form.
        flat: a profile near the path, shape (M,).
        width: mu to start from.
        max_steps: most Newton steps.
        deadline: ``time.perf_counter()`` value at which to stop.

    Returns:
        The last point of the path, or None when it was not met at all.
    """
    logs = np.log(np.maximum(flat, width / flat.size))
    settled, taken = _newton(problem, logs, width)
    if settled is None:
        return None
    logs = settled
    last = _LAST
    if problem.piecewise_linear:
        last = _LAST_ROUNDED
    elif all(problem.regularisers):
        last = min(own.eps for own in problem.regularisers if own is not None)
    bold = 0
    while width > last and taken < max_steps and time.perf_counter() < deadline:
        following = max(width * _FACTORS[bold], last)
        settled, used = _newton(problem, logs, following)
        taken += used
        if settled is not None:
            logs, width, bold = settled, following, max(bold - 1, 0)
        elif bold + 1 < len(_FACTORS):
            bold += 1
        else:
            break
    return Walk(_mixtures(problem, logs), width, taken)


def _newton(problem: LayerProblem, logs: FloatArray, width: float) -> tuple[FloatArray | None, int]:
    """Damped Newton steps at one mu; the logarithms where they come to rest, or None; and the steps taken."""
    at = problem.smoothed(width)
    owns = [
        LogBarrier(width) if own is None else own.rescaled(min(own.eps / width, 1.0))
        for own in problem.regularisers
    ]
    players = np.repeat(np.arange(len(at.sizes)), at.sizes)
    member = (players[:, None] == np.arange(len(at.sizes))).astype(np.float64)
    belief = at.belief()
    everything = np.ones(logs.size, dtype=np.bool_)
    floor = max(_AT_REST, 1e-4 * width)
    gap = _gap(at, owns, logs)
    for step in range(1, _NEWTON_STEPS + 1):
        x = _mixtures(at, logs)
        logs = np.log(np.maximum(x, 1e-300)) if logs.max() > 1.0 else logs
        slopes = [own.slope(u) for own, u in zip(owns, at.blocks(logs), strict=True)]
        bends = [own.bend(u) for own, u in zip(owns, at.blocks(logs), strict=True)]
        size = logs.size
        system = np.zeros((size + len(owns),) * 2)
        system[:size, :size] = at.jacobian(x, belief, everything) * x
        system[np.arange(size), np.arange(size)] += np.concatenate(bends)
        # Rows in units of a change of log x, so that barriers of tiny probabilities do not drown the rest.
        scale = 1.0 / np.maximum(np.abs(np.concatenate(bends)), 1.0)
        system[:size, size:] = -member
        system[:size] *= scale[:, None]
        system[size:, :size] = member.T * x
        excess = member.T @ x - 1.0
        rhs = -np.concatenate([scale * (at.gradient(x, belief) + np.concatenate(slopes)), excess])
        try:
            move = np.linalg.solve(system, rhs)[:size]
        except np.linalg.LinAlgError:
            return None, step
        if not np.isfinite(move).all():
            return None, step
        length = 1.0
        while length >= _SHORTEST:
            # Down by exp(move), up by 1 + move, as in the inner problem.
            there = logs + np.where(move < 0.0, length * move, np.log1p(length * np.maximum(move, 0.0)))
            there = np.maximum(_normalised(at, there), _SMALLEST_LOG)
            ahead = _gap(at, owns, there)
            if ahead <= (1.0 - 0.1 * length) * gap or ahead <= floor:
                break
            length *= 0.5
        else:
            return (logs if gap <= floor else None), step
        logs, gap = there, ahead
        if gap <= floor and np.abs(x * move).max() <= 1e-6:
            return logs, step
    return None, _NEWTON_STEPS


def _gap(problem: LayerProblem, owns: list[Regulariser], logs: FloatArray) -> float:
    """Sum of h*(g_i) - g_i.x_i - h(x_i): zero exactly at a solution."""
    x = _mixtures(problem, logs)
    total = 0.0
    for own, g, part in zip(
        owns, problem.blocks(problem.gradient(x, problem.belief())), problem.blocks(x), strict=True
    ):
        total += own.conjugate(g)[0] - float(g @ part) - own.value(np.maximum(part, 1e-300))
    return total


def _mixtures(problem: LayerProblem, logs: FloatArray) -> FloatArray:
    return np.concatenate([mixture(u) for u in problem.blocks(logs)])


def _normalised(problem: LayerProblem, logs: FloatArray) -> FloatArray:
    return np.concatenate([u - u.max() - np.log(np.exp(u - u.max()).sum()) for u in problem.blocks(logs)])
