r"""Logit quantal response equilibria of n-player games, along the branch that starts at uniform play.

At precision lambda the equilibria are the zeros of

.. math::
    H(l, \lambda) = \begin{cases}
        \sum_a e^{l_{ia}} - 1 & \text{one for each player } i, \\
        l_{ia} - l_{i0} - \lambda (v_{ia} - v_{i0}) & \text{one for each further action } a,
    \end{cases} \qquad x = e^l ,

with v_ia the payoff of action a against the others' mixtures. Zeros are followed by their arc length, Euler
steps along the tangent and Newton steps back, from (uniform, 0) to the first crossing of the precision asked
for [1]_ [2]_; the branch may turn back in lambda on the way. Logarithms of probabilities keep digits where
probabilities vanish. Payoffs are shifted and scaled to [0, 1] and lambda with them, so units do not matter.

.. [1] T. L. Turocy, "A dynamic homotopy interpretation of the logistic quantal response equilibrium
   correspondence", Games and Economic Behavior 51, 2005.
.. [2] E. L. Allgower and K. Georg, "Numerical Continuation Methods", 1990, chapter 6.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.normal_form import NormalFormGame
from games.normal_form.quantal import logit_residual, logit_responses
from games.profiles import Profile, uniform_profile
from games.progress import ProgressCallback, ignore_progress
from games.results import SolveResult, Status

FloatArray = NDArray[np.float64]

_FIRST_STEP, _SHORTEST_STEP = 0.05, 1e-8  # arc length
_LONGEST_STEP, _LONGEST_SHARE = 2.0, 0.1  # the longest step is the greater of 2 and this share of lambda
_CLOSE, _FAR = 0.05, 0.4  # distances a corrector moves that let steps grow, or shrink them
_NEWTON_STEPS = 8
_ON_PATH = 1e-9  # largest entry of H on the way; the end point is corrected to rounding


@dataclass(frozen=True, slots=True, eq=False)
class QuantalResponse:
    """An equilibrium and the branch that leads to it.

    Attributes:
        profile: the equilibrium.
        lams: precisions along the branch, in 1/payoff, shape (K,); 0 first, the precision reached last.
        path: profiles along the branch, one array of shape (K, n_i) per player.
    """

    profile: Profile
    lams: FloatArray
    path: tuple[FloatArray, ...]


def solve_quantal_response(
    game: NormalFormGame,
    lam: float,
    *,
    tol: float = 1e-9,
    max_steps: int = 10_000,
    time_limit: float | None = None,
    progress: ProgressCallback = ignore_progress,
) -> SolveResult[QuantalResponse]:
    """Find the logit quantal response equilibrium at a precision, by the branch from uniform play.

    Args:
        game: any normal-form game.
        lam: precision, in 1/payoff; non-negative and finite.
        tol: largest ``logit_residual`` (a probability) still reported CERTIFIED.
        max_steps: most steps along the branch.
        time_limit: seconds, or None for no limit.
        progress: called after each step with the figure ``lam`` reached.

    Returns:
        The equilibrium and its branch, with certificate ``logit_residual`` at ``lam``. Status CERTIFIED;
        LIMIT when steps or time ran out, with the branch so far; FAILED when the branch was lost.
        ``info``: ``lam``.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> game = NormalFormGame.bimatrix([[1, 0], [0, 0]], [[1, 0], [0, 0]])
        >>> solve_quantal_response(game, 0.0).unwrap().profile
        (array([0.5, 0.5]), array([0.5, 0.5]))
    """
    began = time.perf_counter()
    if not (math.isfinite(lam) and lam >= 0.0):
        raise ValueError(f"lam must be finite and non-negative, got {lam!r}")
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if max_steps < 0:
        raise ValueError(f"max_steps must be at least 0, got {max_steps!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    deadline = math.inf if time_limit is None else began + time_limit
    system = _LogitSystem(game)
    target = lam * system.unit
    points = [np.append(np.log(np.concatenate(uniform_profile(game.num_actions))), 0.0)]
    tangent = system.tangent(points[0], None)
    size, steps, lost = _FIRST_STEP, 0, False
    while points[-1][-1] < target and steps < max_steps and time.perf_counter() < deadline:
        steps += 1
        point, moved = system.follow(points[-1], tangent, size)
        turned = None if point is None else system.tangent(point, tangent)
        if point is None or turned is None or moved > _FAR * max(size, _CLOSE) or turned @ tangent < 0.7:
            size *= 0.5
            lost = size < _SHORTEST_STEP
            if lost:
                break
            continue
        if point[-1] >= target:
            end = system.settle(points[-1], point, target)
            if end is None:
                size *= 0.5
                lost = size < _SHORTEST_STEP
                if lost:
                    break
                continue
            point = end
        points.append(point)
        tangent = turned
        if moved < _CLOSE * size:
            size = min(1.5 * size, max(_LONGEST_STEP, _LONGEST_SHARE * float(point[-1])))
        progress(steps, None, lam=float(point[-1]) / system.unit)
    solution = system.solution(points)
    candidates = (solution.profile, logit_responses(game, solution.profile, lam))
    residual, best = min(((logit_residual(game, x, lam), k) for k, x in enumerate(candidates)))
    if best:
        solution = QuantalResponse(candidates[1], solution.lams, solution.path)
    if residual <= tol:
        status = Status.CERTIFIED
    else:
        status = Status.FAILED if lost or points[-1][-1] >= target else Status.LIMIT
    certificate = Certificate("logit_residual", residual)
    seconds = time.perf_counter() - began
    return SolveResult(solution, status, certificate, "quantal_response", steps, seconds, {"lam": lam})


class _LogitSystem:
    """H and its derivative at points (l, lambda), shape (M + 1,), for payoffs scaled to [0, 1]."""

    def __init__(self, game: NormalFormGame) -> None:
        self.unit = game.payoff_range or 1.0
        self.sizes = game.num_actions
        scaled = (game.payoffs - game.payoffs.min()) / self.unit
        # The own axis first, the others in order.
        self._payoffs = [np.moveaxis(scaled[i], i, 0) for i in range(game.num_players)]
        self._first = np.cumsum([0, *self.sizes[:-1]])
        self._owner = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self._others = np.setdiff1d(np.arange(sum(self.sizes)), self._first)

    def solution(self, points: list[FloatArray]) -> QuantalResponse:
        """The path in probabilities."""
        rows = np.array(points)
        weights = np.exp(rows[:, :-1])
        blocks = np.split(weights, self._first[1:], axis=1)
        path = tuple(block / block.sum(axis=1, keepdims=True) for block in blocks)
        profile = tuple(block[-1].copy() for block in path)
        return QuantalResponse(profile, rows[:, -1] / self.unit, path)

    def _values(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Payoffs of all actions, shape (M,), and their derivative in the probabilities, shape (M, M)."""
        blocks = np.split(x, self._first[1:])
        values, slopes = np.empty(x.size), np.zeros((x.size, x.size))
        for i, n in enumerate(self.sizes):
            others = [j for j in range(len(self.sizes)) if j != i]
            rows = slice(self._first[i], self._first[i] + n)
            tensor = self._payoffs[i]
            for place, j in enumerate(others):
                # All but player j are averaged out, the last axis first.
                left = np.moveaxis(tensor, place + 1, 1)
                for k in reversed([k for k in others if k != j]):
                    left = left @ blocks[k]
                slopes[rows, self._first[j] : self._first[j] + self.sizes[j]] = left
            if others:
                last = others[-1]
                block = slice(self._first[last], self._first[last] + self.sizes[last])
                values[rows] = slopes[rows, block] @ blocks[last]
            else:
                values[rows] = tensor
        return values, slopes

    def evaluate(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """H, shape (M,), and its derivative, shape (M, M + 1)."""
        logs, lam = point[:-1], point[-1]
        x = np.exp(logs)
        values, slopes = self._values(x)
        size = x.size
        residual, jacobian = np.empty(size), np.zeros((size, size + 1))
        residual[self._first] = np.add.reduceat(x, self._first) - 1.0
        jacobian[self._first[self._owner], np.arange(size)] = x
        rows, first = self._others, self._first[self._owner[self._others]]
        advantage = values[rows] - values[first]
        residual[rows] = logs[rows] - logs[first] - lam * advantage
        jacobian[rows, :size] = -lam * (slopes[rows] - slopes[first]) * x
        jacobian[rows, rows] += 1.0
        jacobian[rows, first] -= 1.0
        jacobian[rows, size] = -advantage
        return residual, jacobian

    def tangent(self, point: FloatArray, before: FloatArray | None) -> FloatArray:
        """Unit vector along the branch: towards larger precision at the start, else as ``before``."""
        _, jacobian = self.evaluate(point)
        found = np.linalg.qr(jacobian.T, mode="complete")[0][:, -1]
        forward = found[-1] if before is None else found @ before
        return np.asarray(-found if forward < 0.0 else found)

    def follow(self, point: FloatArray, tangent: FloatArray, size: float) -> tuple[FloatArray | None, float]:
        """An Euler step and Newton steps back to the branch, and how far these moved; None if they fail."""
        ahead = point + size * tangent
        reached, moved = ahead.copy(), 0.0
        for _ in range(_NEWTON_STEPS):
            residual, jacobian = self.evaluate(reached)
            # The equation that keeps the Newton steps at right angles to the tangent makes the system square.
            system = np.vstack([jacobian, tangent])
            try:
                step = np.linalg.solve(system, np.append(-residual, 0.0))
            except np.linalg.LinAlgError:
                return None, math.inf
            reached = reached + step
            moved = float(np.linalg.norm(reached - ahead))
            if not moved <= 2.0 * max(size, 1.0):  # `not <=` also catches NaN
                return None, math.inf
            if np.linalg.norm(step) <= _ON_PATH:
                return reached, moved
        return None, math.inf

    def settle(self, before: FloatArray, after: FloatArray, lam: float) -> FloatArray | None:
        """The branch at precision ``lam`` between two of its points, to rounding; None if Newton fails."""
        share = (lam - before[-1]) / (after[-1] - before[-1])
        point = before + share * (after - before)
        point[-1] = lam
        last = math.inf
        for _ in range(4 * _NEWTON_STEPS):
            residual, jacobian = self.evaluate(point)
            try:
                step = np.linalg.solve(jacobian[:, :-1], -residual)
            except np.linalg.LinAlgError:
                return None
            length = float(np.linalg.norm(step))
            if not length <= 2.0 * (1.0 + np.linalg.norm(after - before)):
                return None
            point[:-1] += step
            if length >= last and length < _ON_PATH:  # rounding decides from here
                return np.asarray(point)
            last = length
        return np.asarray(point) if last < _ON_PATH else None
