r"""Best responses under a risk measure and an own regulariser, each with its proof.

.. math::  \max_{s \in \Delta} \; F(s) = \rho(A^\top s, y) + h(s)

is concave. Whatever weights q the measure admits, with their penalty D(q, y),

.. math::  F(t) \le (A q) \cdot t + h(t) + D(q, y) \le h^*(A q) + D(q, y) \quad \text{for every } t,

where h* is the conjugate of h over the simplex, known in closed form. Weights of a nearly optimal s close
the gap, so every answer carries a certified one. Three methods find s: for piecewise linear measures
the linear programme over shortfalls, whose multipliers are q; for smooth ones sequential quadratic
programming with the exact simplex programme of ``games.normal_form.mean_variance``; and with a regulariser
Newton's method in the logarithms of s, along a path of shrinking barriers where needed.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk_cutting import cutting_planes
from games.normal_form.risk_measures import Neutral, Polyhedron, RiskMeasure
from games.normal_form.risk_regularisers import LogBarrier, Regulariser
from games.profiles import as_distribution

FloatArray = NDArray[np.float64]

_CLOSED = 1e-13  # a gap, in units of the payoff range, that further work would not narrow
_GOOD = 1e-11
_QP_STEPS = 60
_NEWTON_STEPS = 60
_PATH_START, _PATH_FACTOR, _PATH_END = 10.0, 0.2, 1e-14


def measure_best_response(
    payoffs: ArrayLike, y: ArrayLike, measure: RiskMeasure, regulariser: Regulariser | None = None
) -> tuple[FloatArray, float, float]:
    """Maximise the risk-adjusted payoff over own mixtures.

    Args:
        payoffs: own actions by opponents' joint actions, shape (n, K).
        y: probabilities of the opponents' joint actions, shape (K,).
        measure: what a random payoff is worth.
        regulariser: bonus for mixing, or None.

    Returns:
        The mixture, shape (n,); its value; and a certified gap: no mixture is worth more than value + gap.
        The gap is around 1e-13 of the payoff range, and an honest number where it is not.

    Raises:
        ValueError: a shape, a non-finite payoff, or a y that is not a distribution.
    """
    a = np.asarray(payoffs, dtype=np.float64)
    if a.ndim != 2 or a.size == 0:
        raise ValueError(f"payoffs must have shape (n, K) with n, K >= 1, got {a.shape}")
    if not np.isfinite(a).all():
        raise ValueError("payoffs must be finite")
    believed = as_distribution(y, a.shape[1], name="y")
    low = float(a.min())
    unit = float(a.max()) - low or 1.0
    own = None if regulariser is None else regulariser.rescaled(unit)
    s, value, gap = respond((a - low) / unit, believed, measure.rescaled(unit, low), own)
    return s, low + unit * value, unit * gap


def respond(
    a: FloatArray, y: FloatArray, measure: RiskMeasure, regulariser: Regulariser | None
) -> tuple[FloatArray, float, float]:
    """As ``measure_best_response``, for payoffs within [0, 1] and trusted arguments."""
    if isinstance(measure, Neutral):
        return _neutral(a @ y, regulariser)
    polyhedron = measure.polyhedron(y)
    best: tuple[FloatArray, float, float] | None = None
    for s, q in _candidates(a, y, measure, regulariser, polyhedron):
        value = objective(a, y, measure, regulariser, s)
        gap = max(_ceiling(a, y, q, regulariser, polyhedron, measure.value(a.T @ s, y), s) - value, 0.0)
        if best is None or gap < best[2]:
            best = s, value, gap
        if best[2] <= _GOOD:
            break
    assert best is not None
    return best


def objective(
    a: FloatArray, y: FloatArray, measure: RiskMeasure, regulariser: Regulariser | None, s: FloatArray
) -> float:
    """The risk-adjusted payoff of the mixture s."""
    bonus = 0.0 if regulariser is None else regulariser.value(s)
    return measure.value(a.T @ s, y) + bonus


def _neutral(mean: FloatArray, regulariser: Regulariser | None) -> tuple[FloatArray, float, float]:
    if regulariser is None:
        best = int(mean.argmax())
        return np.eye(mean.size)[best], float(mean[best]), 0.0
    bound, s = regulariser.conjugate(mean)
    value = float(mean @ s) + regulariser.value(s)
    return s, value, max(bound - value, 0.0)


def _ceiling(
    a: FloatArray,
    y: FloatArray,
    q: FloatArray,
    regulariser: Regulariser | None,
    polyhedron: Polyhedron | None,
    worth: float,
    s: FloatArray,
) -> float:
    """h*(A q) + D(q, y): what no mixture exceeds. Smooth measures know D from q being their gradient at s."""
    pull = a @ q
    top = float(pull.max()) if regulariser is None else regulariser.conjugate(pull)[0]
    if polyhedron is None:
        return top + worth - float(s @ pull)
    return top - polyhedron.target * float(q.sum() - 1.0)


def _candidates(
    a: FloatArray,
    y: FloatArray,
    measure: RiskMeasure,
    regulariser: Regulariser | None,
    polyhedron: Polyhedron | None,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Mixtures with weights to certify them, cheap ones first."""
    n = a.shape[0]
    if regulariser is None:
        if polyhedron is not None:
            solution = _shortfall_programme(a, polyhedron)
            if solution is not None:
                yield solution
        else:
            s = _quadratic_steps(a, y, measure)
            yield s, measure.weights(a.T @ s, y)
    elif polyhedron is not None:
        yield cutting_planes(a, y, measure, regulariser, polyhedron)
        return
    else:
        logs, closed = newton(a, y, measure, regulariser, np.full(n, -np.log(n)))
        if closed:
            s = mixture(logs)
            yield s, measure.weights(a.T @ s, y)
    # The path of shrinking barriers: slower, and surer of its way.
    logs = np.full(n, -np.log(n))
    own = LogBarrier(_PATH_END) if regulariser is None else regulariser
    factor = _PATH_START / own.eps
    while factor > 1.0:
        factor = max(factor * _PATH_FACTOR, 1.0)
        logs, _ = newton(a, y, measure.smoothed(own.eps * factor), own.rescaled(1.0 / factor), logs)
    s = mixture(logs)
    yield s, measure.smoothed(own.eps).weights(a.T @ s, y)


def mixture(logs: FloatArray) -> FloatArray:
    """The mixture with these logarithms, up to a constant."""
    e = np.exp(logs - logs.max())
    return np.asarray(e / e.sum())


def newton(
    a: FloatArray, y: FloatArray, measure: RiskMeasure, regulariser: Regulariser, logs: FloatArray
) -> tuple[FloatArray, bool]:
    """Damped Newton steps in log s for a smooth measure; returns log s, and whether it came to rest.

    Each step solves for the change of u = log s that makes all partial derivatives equal,
    (H diag(s) + diag(h'')) du - level = -gradient with s.du = 0: even a probability that must change by
    hundreds of orders of magnitude takes one step.
    """
    n = logs.size
    nothing = np.zeros((y.size, n))
    for _ in range(_NEWTON_STEPS):
        s = mixture(logs)
        logs = logs - logs.max() - np.log(np.exp(logs - logs.max()).sum())
        z = a.T @ s
        gradient = a @ measure.weights(z, y) + regulariser.slope(logs)
        system = np.zeros((n + 1, n + 1))
        system[:n, :n] = (a @ measure.differential(z, y, a.T, nothing)) * s
        system[np.arange(n), np.arange(n)] += regulariser.bend(logs)
        system[:n, n] = -1.0
        system[n, :n] = s
        try:
            step = np.linalg.solve(system, np.append(-gradient, 0.0))[:n]
        except np.linalg.LinAlgError:
            return logs, False
        if not np.isfinite(step).all():
            return logs, False
        rise = float((s * step) @ gradient)
        if rise <= 0.1 * _CLOSED and np.abs(s * step).max() <= 1e-9:
            return logs + step, True
        here = objective(a, y, measure, regulariser, s)
        length = 1.0
        while length > 1e-10:
            # Down by the factor exp(step), which never leaves the simplex; up by 1 + step, which never leaps.
            there = logs + np.where(step < 0.0, length * step, np.log1p(length * np.maximum(step, 0.0)))
            if objective(a, y, measure, regulariser, mixture(there)) >= here + 1e-4 * length * rise:
                break
            length *= 0.5
        else:
            return logs, rise <= _GOOD
        logs = there
    return logs, False


def _quadratic_steps(a: FloatArray, y: FloatArray, measure: RiskMeasure) -> FloatArray:
    """Sequential quadratic programming with a line search on the slope."""
    n = a.shape[0]
    s = np.full(n, 1.0 / n)
    nothing = np.zeros((y.size, n))
    for _ in range(_QP_STEPS):
        z = a.T @ s
        gradient = a @ measure.weights(z, y)
        if gradient.max() - gradient @ s <= _CLOSED:
            break
        bend = -(a @ measure.differential(z, y, a.T, nothing))
        bend = 0.5 * (bend + bend.T)
        target, _, _ = maximise_on_simplex(gradient + bend @ s, bend)
        way = target - s
        along = a.T @ way
        rise = float(way @ gradient)
        if rise <= 0.0:
            break
        s = np.maximum(s + _length(z, y, measure, along, rise) * way, 0.0)
        s /= s.sum()
    return s


def _length(z: FloatArray, y: FloatArray, measure: RiskMeasure, along: FloatArray, rise: float) -> float:
    """Share of the way at which the slope has fallen to a tenth, by bisection; all of it where it may be."""
    low, high = 0.0, 1.0
    length = 1.0
    for _ in range(40):
        slope = float(along @ measure.weights(z + length * along, y))
        if abs(slope) <= 0.1 * rise or (length == 1.0 and slope > 0.0):
            break
        if slope > 0.0:
            low = length
        else:
            high = length
        length = 0.5 * (low + high)
    return length


def _shortfall_programme(a: FloatArray, form: Polyhedron) -> tuple[FloatArray, FloatArray] | None:
    """The best mixture for a piecewise linear measure, and its weights, by linear programming (HiGHS)."""
    held = np.flatnonzero(form.caps > 0.0)
    n, k = a.shape[0], held.size
    b = 1.0 if form.free else 0.0
    # Columns: s, level, shortfalls. Rows: b level + r.z - z_k - u_k <= -t for each outcome that has a price.
    rows = np.zeros((k, n + 1 + k))
    rows[:, :n] = (a @ form.reference)[None, :] - a[:, held].T
    rows[:, n] = b
    rows[np.arange(k), n + 1 + np.arange(k)] = -1.0
    cost = -np.concatenate([a @ form.base, [b], -form.caps[held]])
    simplex = np.zeros((1, n + 1 + k))
    simplex[0, :n] = 1.0
    bounds = [(0.0, None)] * n + [(None, None) if form.free else (0.0, 0.0)] + [(0.0, None)] * k
    solved = linprog(
        cost,
        A_ub=rows,
        b_ub=np.full(k, -form.target),
        A_eq=simplex,
        b_eq=[1.0],
        bounds=bounds,
        method="highs",
    )
    if solved.x is None:
        return None
    s = np.maximum(solved.x[:n], 0.0)
    s /= s.sum()
    shares = np.zeros(form.caps.size)
    shares[held] = np.clip(-solved.ineqlin.marginals, 0.0, form.caps[held])
    if form.free:  # the multipliers of the level's programme sum to one; restore that to the last digit
        lack = 1.0 - shares.sum()
        room = form.caps - shares if lack > 0.0 else shares
        if room.sum() > 0.0:
            shares += lack * room / room.sum()
    return s, form.base + shares - form.reference * shares.sum()
