r"""The tracing procedure: a homotopy from best responses to a prior to an equilibrium.

At time t in [0, 1] everyone believes that opponent j plays (1 - t) rho_j + t x_j. At t = 0 this is a
decision problem against the prior rho, with one answer for generic payoffs and measures; at t = 1 it is the
game. The solutions of the complementarity conditions form a path between the two [1]_. It is followed by
predictor and corrector steps of arc length; where an action's probability or slack reaches zero the path
pivots, and the action that leaves or enters sets the direction to go on. At gamma = 0 with two players this
is a Lemke path. Ties on the way (symmetric games with a symmetric prior) are degenerate: perturb the prior.

.. [1] Harsanyi and Selten (1988), "A General Theory of Equilibrium Selection in Games", MIT Press; here
   with preferences that weigh risk.
"""

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.equilibrium.risk_kernels import solve_linear
from solvers.equilibrium.risk_newton import SupportProblem
from solvers.equilibrium.risk_problem import Belief

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_ON_PATH = 1e-11
_BEYOND = 1e-10
_SHORTEST = 1e-9
_LONGEST = 0.5
_BEND = 0.2
_CORRECTIONS = 8
_USED = 1e-7  # least probability of an action in use: best replies are found to within their certified gap


class TracedProblem(SupportProblem, Protocol):
    """A smooth variational inequality that knows its best replies."""

    def best_replies(self, belief: Belief) -> FloatArray:
        """Every player's best reply to fixed beliefs (of weight 0), flat, shape (M,)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A point of the path: mixtures x (M,), levels v (N,), time t, as one vector (M + N + 1,)."""

    z: FloatArray
    gradient: FloatArray


class _Path:
    """Equations of the path on a support, and their linear algebra."""

    def __init__(self, problem: TracedProblem, prior: FloatArray) -> None:
        self.problem = problem
        self.prior = prior
        self.m = prior.size
        self.n = len(problem.sizes)
        self.player = np.repeat(np.arange(self.n), problem.sizes)
        self.membership = (self.player[:, None] == np.arange(self.n)).astype(np.float64)

    def belief(self, t: float) -> Belief:
        own = self.problem.belief()
        return Belief(own.weight * t, own.weight * (1.0 - t) * self.prior + own.shift)

    def at(self, z: FloatArray) -> _Point:
        return _Point(z, self.problem.gradient(z[: self.m], self.belief(float(z[-1]))))

    def slacks(self, point: _Point) -> FloatArray:
        """Level minus partial derivative of every action: zero inside the support."""
        return point.z[self.m : -1][self.player] - point.gradient

    def errors(self, point: _Point, mask: Mask) -> FloatArray:
        x = point.z[: self.m]
        return np.concatenate([-self.slacks(point)[mask], self.membership.T @ x - 1.0])

    def derivatives(self, point: _Point, mask: Mask) -> tuple[FloatArray, FloatArray]:
        """Jacobian of ``errors`` and of all (negated) slacks in the unknowns (x on the support, v, t)."""
        x, t = point.z[: self.m], float(point.z[-1])
        h = 1e-4  # g is quadratic in t for two players, so the central difference is exact there
        later = self.problem.gradient(x, self.belief(t + h))
        earlier = self.problem.gradient(x, self.belief(t - h))
        in_time = (later - earlier) / (2.0 * h)
        inner = self.problem.jacobian(x, self.belief(t), mask)
        slack_rows = np.concatenate([inner, -self.membership, in_time[:, None]], axis=1)
        sums = np.concatenate([self.membership[mask].T, np.zeros((self.n, self.n + 1))], axis=1)
        return np.concatenate([slack_rows[mask], sums]), slack_rows

    def expand(self, step: FloatArray, mask: Mask) -> FloatArray:
        full = np.zeros(self.m + self.n + 1)
        full[: self.m][mask] = step[: -self.n - 1]
        full[self.m :] = step[-self.n - 1 :]
        return full

    def correct(self, z: FloatArray, mask: Mask, row: FloatArray, target: float) -> _Point | None:
        """Newton to the path, on the hyperplane row . z = target, from ``z``; None if it does not settle."""
        keep = np.concatenate([mask, np.ones(self.n + 1, dtype=np.bool_)])
        for _ in range(_CORRECTIONS):
            point = self.at(z)
            errors = np.append(self.errors(point, mask), row @ z - target)
            if np.abs(errors).max() <= _ON_PATH:
                return point
            matrix = np.concatenate([self.derivatives(point, mask)[0], row[keep][None]])
            step = _solve(matrix, -errors)
            if step is None or np.abs(step).max() > 10.0:
                return None
            z = z + self.expand(step, mask)
        return None

    def correct_to_tie(self, z: FloatArray, mask: Mask, action: int) -> _Point | None:
        """Newton to the point of the path where ``action``, outside the support, has no slack left."""
        for _ in range(_CORRECTIONS):
            point = self.at(z)
            errors = np.append(self.errors(point, mask), -self.slacks(point)[action])
            if np.abs(errors).max() <= _ON_PATH:
                return point
            jacobian, slack_rows = self.derivatives(point, mask)
            step = _solve(np.concatenate([jacobian, slack_rows[action][None]]), -errors)
            if step is None or np.abs(step).max() > 10.0:
                return None
            z = z + self.expand(step, mask)
        return None


def trace(
    problem: TracedProblem, prior: FloatArray, *, max_steps: int, deadline: float
) -> tuple[FloatArray | None, int]:
    """Follow the path from ``prior``, flat and of full support.

    Args:
        problem: the game in solver form.
        prior: the players' mixtures one after the other, shape (M,).
        max_steps: most predictor steps.
        deadline: ``time.perf_counter()`` value at which to give up.

    Returns:
        The profile at t = 1, or None when the path was lost or a limit came first; and the steps taken.
    """
    path = _Path(problem, prior)
    first = _decision(path)
    if first is None:
        return None, 1
    point, mask = first
    size = path.m + path.n + 1
    border = np.zeros(size)
    border[-1] = 1.0  # time runs forward at first
    tangent = _tangent(path, point, mask, border, 1.0)
    length, pivoted = 0.1, -1
    for step in range(1, max_steps + 1):
        lost = tangent is None or length < _SHORTEST or point.z[-1] < -_BEYOND
        if tangent is None or lost or time.perf_counter() > deadline:
            return None, step
        ahead = point.z + length * tangent
        candidate = path.correct(ahead, mask, tangent, float(tangent @ ahead))
        if candidate is None or np.linalg.norm(candidate.z - ahead) > _BEND * length:
            length *= 0.5
            continue
        event = _first_event(path, point, candidate, mask)
        if event is None:
            point, pivoted = candidate, -1
            tangent = _tangent(path, point, mask, tangent, 1.0)
            length = min(1.6 * length, _LONGEST)
            continue
        landed = _land(path, point, candidate, mask, event)
        # The action that has just pivoted moves away from its wall: meeting it again means a step too long.
        if landed is None or landed[1] == pivoted or tangent @ (landed[0].z - point.z) < 0.0:
            length *= 0.5
            continue
        point, action = landed
        if action == path.m:
            return point.z[: path.m], step
        border = np.zeros(size)
        mask = mask.copy()
        if mask[action]:
            mask[action] = False
            rows = path.derivatives(point, mask)[1]
            border = path.expand(rows[action], mask)
            tangent = _tangent(path, point, mask, border, -1.0)  # its slack grows
        else:
            mask[action] = True
            border[action] = 1.0
            tangent = _tangent(path, point, mask, border, 1.0)  # its probability grows
        pivoted = action
        length = max(length, 0.05)
    return None, max_steps


def _decision(path: _Path) -> tuple[_Point, Mask] | None:
    """Best responses to the prior, and their supports; None where they are not pinned down."""
    problem, belief = path.problem, path.belief(0.0)
    start = problem.best_replies(belief)
    mask = start > _USED
    start = np.where(mask, start, 0.0)
    g = problem.gradient(start, belief)
    levels = np.add.reduceat(start * g, problem.offsets[:-1])
    at_first = np.zeros(path.m + path.n + 1)
    at_first[-1] = 1.0
    point = path.correct(np.concatenate([start, levels, [0.0]]), mask, at_first, 0.0)
    return None if point is None else (point, mask)


def _tangent(path: _Path, point: _Point, mask: Mask, border: FloatArray, sign: float) -> FloatArray | None:
    """Unit direction of the path with the sign of border . tangent given; None where it is not unique."""
    jacobian, _ = path.derivatives(point, mask)
    keep = np.concatenate([mask, np.ones(path.n + 1, dtype=np.bool_)])
    matrix = np.concatenate([jacobian, border[keep][None]])
    rhs = np.zeros(matrix.shape[0])
    rhs[-1] = sign
    step = _solve(matrix, rhs)
    if step is None:
        return None
    norm = float(np.linalg.norm(step))
    return path.expand(step / norm, mask) if np.isfinite(norm) and norm > 0.0 else None


def _margins(path: _Path, point: _Point, mask: Mask) -> FloatArray:
    """Distance to every wall, shape (M + 1,): probability inside the support, slack outside, time last."""
    inside = np.where(mask, point.z[: path.m], path.slacks(point))
    return np.append(inside, 1.0 - point.z[-1])


def _first_event(path: _Path, old: _Point, new: _Point, mask: Mask) -> tuple[int, float] | None:
    """The wall crossed first between two points, by linear interpolation, and the share of the way to it."""
    after = _margins(path, new, mask)
    crossed = np.flatnonzero(after < -_BEYOND)
    if crossed.size == 0:
        return None
    before = np.maximum(_margins(path, old, mask)[crossed], 0.0)
    shares = before / (before - after[crossed])
    k = int(np.argmin(shares))
    return int(crossed[k]), float(shares[k])


def _land(
    path: _Path, old: _Point, new: _Point, mask: Mask, event: tuple[int, float]
) -> tuple[_Point, int] | None:
    """The point of the path on the wall crossed first, and the wall; None when it cannot be pinned down."""
    action, share = event
    for _ in range(6):
        z = old.z + share * (new.z - old.z)
        row = np.zeros(z.size)
        if action == path.m:
            row[-1] = 1.0
            landed = path.correct(z, mask, row, 1.0)
        elif mask[action]:
            row[action] = 1.0
            landed = path.correct(z, mask, row, 0.0)
        else:
            landed = path.correct_to_tie(z, mask, action)
        if landed is None:
            return None
        earlier = _first_event(path, old, landed, mask)
        if earlier is None:
            return landed, action
        if earlier[0] == action:
            return None
        action, share = earlier[0], share * earlier[1]
    return None


def _solve(matrix: FloatArray, rhs: FloatArray) -> FloatArray | None:
    solution = rhs.copy()
    return solution if solve_linear(matrix.copy(), solution) else None
