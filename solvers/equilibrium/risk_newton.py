r"""Newton polish: from a profile near a risk-averse equilibrium to one exact to rounding.

On a support the conditions are smooth: equal partial derivatives g_a(x) = v_i inside it, and mixtures that
sum to one. Each step solves their linearisation, then revises the support as the primal-dual active-set
(semismooth Newton) method does: an action stays in while x_a + g_a(x) - v_i > 0.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.equilibrium.risk_kernels import solve_linear
from solvers.equilibrium.risk_problem import Belief

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

_STEPS = 40
_REPAIRS = 8
_DAMPING = 1e-9
_DONE = 1e-13
_THRESHOLDS = (1e-1, 3e-2, 1e-2, 1e-3, 1e-4)


class SupportProblem(Protocol):
    """A game as a smooth variational inequality g over flat profiles of M actions in all."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of actions of each player."""

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each player's block begins, and the end: shape (N + 1,)."""

    def belief(self) -> Belief:
        """What players believe of the others."""

    def gradient(self, flat: FloatArray, belief: Belief) -> FloatArray:
        """The operator g, shape (M,)."""

    def jacobian(self, flat: FloatArray, belief: Belief, columns: Mask) -> FloatArray:
        """Derivative of g in the entries ``columns``, shape (M, columns.sum())."""

    def gap(self, flat: FloatArray) -> float:
        """Sum of first-order gaps: zero exactly at a solution."""


def polished(problem: SupportProblem, flat: FloatArray) -> Iterator[FloatArray]:
    """Yield profiles that Newton's method reaches from ``flat``, over guesses of its support.

    The guesses are the actions above a share of the player's greatest probability, for several shares,
    and those active in the projection of x + g. Every yielded profile is a mixture; none is certified.
    """
    seen: set[bytes] = set()
    for mask in _supports(problem, flat):
        key = mask.tobytes()
        if key in seen:
            continue
        seen.add(key)
        result = _newton(problem, flat, mask, seen)
        if result is not None:
            yield result


def _supports(problem: SupportProblem, flat: FloatArray) -> Iterator[Mask]:
    starts = problem.offsets[:-1]
    peaks = np.repeat(np.maximum.reduceat(flat, starts), problem.sizes)
    for share in _THRESHOLDS:
        yield flat > share * peaks
    g = problem.gradient(flat, problem.belief())
    levels = np.repeat(np.add.reduceat(flat * g, starts), problem.sizes)
    yield flat + g - levels > 0.0


def _newton(problem: SupportProblem, flat: FloatArray, mask: Mask, seen: set[bytes]) -> FloatArray | None:
    belief = problem.belief()
    starts = problem.offsets[:-1]
    players = np.repeat(np.arange(len(problem.sizes)), problem.sizes)
    x = np.where(mask, np.maximum(flat, 0.0), 0.0)
    x /= np.repeat(np.add.reduceat(x, starts), problem.sizes)
    best, best_gap, repairs = None, np.inf, _REPAIRS
    for _ in range(_STEPS):
        active = np.flatnonzero(mask)
        k = active.size
        g = problem.gradient(x, belief)
        matrix = np.zeros((k + len(problem.sizes),) * 2)
        matrix[:k, :k] = problem.jacobian(x, belief, mask)[active]
        membership = (players[active][:, None] == np.arange(len(problem.sizes))).astype(np.float64)
        matrix[:k, k:] = -membership
        matrix[k:, :k] = membership.T
        # Unknowns: the new entries of x on the support, and the levels v.
        rhs = np.concatenate([matrix[:k, :k] @ x[active] - g[active], np.ones(len(problem.sizes))])
        solution = _solve(matrix, rhs)
        if solution is None:
            # Equilibria that are not isolated make the system singular: take nearly the least-norm step.
            if repairs == 0:
                break
            repairs -= 1
            here = np.concatenate([x[active], np.add.reduceat(x * g, starts)])
            normal = matrix.T @ matrix + _DAMPING * np.eye(rhs.size)
            move = matrix.T @ (rhs - matrix @ here)
            if not solve_linear(normal, move):
                break
            solution = here + move
        moved = np.zeros_like(x)
        moved[active] = solution[:k]
        if np.abs(moved).max() > 1e3:  # no equilibrium of this support is near
            break
        change = float(np.abs(moved - x).max())
        x = moved
        g = problem.gradient(x, belief)
        feasible = np.maximum(x, 0.0)
        feasible /= np.repeat(np.add.reduceat(feasible, starts), problem.sizes)
        gap = problem.gap(feasible)
        if gap < best_gap:
            best, best_gap = feasible, gap
        if gap <= _DONE:
            break
        levels = solution[k:][players]
        revised = np.where(mask, x, g - levels) > 0.0
        if not np.logical_or.reduceat(revised, starts).all():
            break
        if change < 1e-10 or (x < 0.0).any():
            # Solved or infeasible on this support: change it, unless that was tried before.
            key = revised.tobytes()
            if key in seen:
                break
            seen.add(key)
            mask = revised
            x = np.where(mask, np.maximum(x, 0.0), 0.0)
            totals = np.add.reduceat(x, starts)
            if (totals <= 0.0).any():
                break
            x /= np.repeat(totals, problem.sizes)
    return best


def _solve(matrix: FloatArray, rhs: FloatArray) -> FloatArray | None:
    """The solution, or None when the matrix is singular to working accuracy."""
    solution = rhs.copy()
    if not solve_linear(matrix.copy(), solution) or np.abs(matrix @ solution - rhs).max() > 1e-8:
        return None
    return solution
