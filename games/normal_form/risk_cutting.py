r"""Cutting planes in the dual for a piecewise linear measure with an own regulariser.

With finitely many weights q_j, columns c_j = A q_j and penalties D_j, the problem

.. math::  \max_s \min_j \; (c_j \cdot s + D_j) + h(s) \; = \; \min_{w \in \Delta} \; h^*(C w) + D \cdot w

is smooth in w, and its solution gives s as the gradient of h*. The weights that the measure puts at s are
added until none are new; a piecewise linear measure has finitely many [1]_.

.. [1] Kelley (1960), "The cutting-plane method for solving convex programs", on the dual side.
"""

import numpy as np
from numpy.typing import NDArray

from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk_measures import Polyhedron, RiskMeasure
from games.normal_form.risk_regularisers import Regulariser

FloatArray = NDArray[np.float64]

_CUTS = 300
_STEPS = 60
_CLOSED = 1e-13
_LOCAL = 1e-8


def cutting_planes(
    a: FloatArray, y: FloatArray, measure: RiskMeasure, regulariser: Regulariser, form: Polyhedron
) -> tuple[FloatArray, FloatArray]:
    """The best mixture found, shape (n,), and mixed weights q that bound what any other can reach.

    Args:
        a: own actions by opponents' joint actions, shape (n, K), within [0, 1].
        y: probabilities of the joint actions, shape (K,).
        measure: a piecewise linear measure.
        regulariser: the own regulariser.
        form: the measure as a polyhedron at y.
    """
    s = np.full(a.shape[0], 1.0 / a.shape[0])
    pieces = measure.weights(a.T @ s, y)[:, None]
    share = np.ones(1)
    best, lead, floor = s, pieces[:, 0], -np.inf
    for _ in range(_CUTS):
        columns = a @ pieces
        penalties = -form.target * (pieces.sum(axis=0) - 1.0)
        share = _master(columns, penalties, regulariser, share)
        top, s = regulariser.conjugate(columns @ share)
        z = a.T @ s
        value = measure.value(z, y) + regulariser.value(s)
        lead = pieces @ share
        if value > floor:
            best, floor = s, value
        cut = measure.weights(z, y)
        known = np.abs(pieces - cut[:, None]).max(axis=0).min() <= 1e-14
        if top + float(penalties @ share) - floor <= _CLOSED or known:
            break
        kept = share > 0.0
        pieces = np.concatenate([pieces[:, kept], cut[:, None]], axis=1)
        share = np.append(share[kept], 0.0)
    return best, lead


def _master(
    columns: FloatArray, penalties: FloatArray, regulariser: Regulariser, w: FloatArray
) -> FloatArray:
    """Minimise h*(C w) + D.w over the simplex by Newton steps with a line search on the slope."""
    for _ in range(_STEPS):
        _, s = regulariser.conjugate(columns @ w)
        gradient = columns.T @ s + penalties
        gap = float(gradient @ w - gradient.min())
        if gap <= 0.01 * _CLOSED:
            break
        curvature = s / np.maximum(-regulariser.bend(np.log(np.maximum(s, 1e-300))), 1e-300)
        total = curvature.sum()
        centred = columns - (curvature @ columns) / total
        bend = (centred.T * curvature) @ centred
        target, _, _ = maximise_on_simplex(bend @ w - gradient, bend)
        way = target - w
        length = 1.0
        if gap > _LOCAL * min(
            1.0, 100.0 * regulariser.eps
        ):  # below it slopes along the way drown in rounding, and Newton steps need no guard
            fall = -float(way @ gradient)
            if fall <= 0.0:
                break
            length = _length(columns @ w, columns @ way, float(penalties @ way), regulariser, fall)
        w = np.maximum(w + length * way, 0.0)
        w /= w.sum()
    return w


def _length(c: FloatArray, along: FloatArray, slant: float, regulariser: Regulariser, fall: float) -> float:
    """Share of the way at which the slope has shrunk to a tenth, by bisection; all of it where it may be."""
    low, high, length = 0.0, 1.0, 1.0
    for _ in range(40):
        slope = float(along @ regulariser.conjugate(c + length * along)[1]) + slant
        if abs(slope) <= 0.1 * fall or (length == 1.0 and slope < 0.0):
            break
        if slope < 0.0:
            low = length
        else:
            high = length
        length = 0.5 * (low + high)
    return length
