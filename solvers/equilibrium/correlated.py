r"""Correlated and coarse correlated equilibria of n-player games, chosen by an objective.

The equilibria form a polytope (``solvers.equilibrium.incentives``), and an objective picks a point of it:

- ``Linear``: the greatest weighted sum of payoffs, or of anything else on the cells; with weights one the
  maximum-welfare equilibrium. A sparse linear program.
- ``MinEpsilon``: the distribution with the strictest incentives: the least epsilon, negative if possible,
  such that every constraint holds with slack -epsilon. A sparse linear program as well.
- ``MaxGini``: the greatest Gini impurity 1 - sum p^2 [1]_, which is unique and does not depend on units. A
  quadratic program, solved in its dual (``solvers.equilibrium.max_gini``), or by an interior-point method
  where deviations are many (``solvers.equilibrium.cone_interior``).

The certificate is the equilibrium gap, from the payoffs alone. That the objective is best is checked too:
weak duality turns the multipliers of any solver into a bound on the objective, whatever the solver says of
them, and ``optimality_gap`` in the result's info is the distance to that bound.

.. [1] L. Marris et al., "Multi-agent training beyond zero-sum with correlated equilibrium meta-solvers",
   ICML 2021.
"""

import math
import time
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from games.certificates import Certificate
from games.normal_form import NormalFormGame
from games.results import SolveResult, Status
from solvers.equilibrium.cone_interior import project_by_interior_point
from solvers.equilibrium.incentives import COARSE, CORRELATED, Concept
from solvers.equilibrium.incentives_lp import IncentivesLP
from solvers.equilibrium.matrix_solution import RELATIVE_TOLERANCE, gap_allowance, normalised
from solvers.equilibrium.max_gini import project_onto_cone

FloatArray = NDArray[np.float64]

_TIE = 1e-12  # gains in units of the payoff range that count as none
# Measured on games of 20 and 40 policies: the Newton method takes fractions of a second up to here, and
# beyond it a minute where an interior-point method takes seconds.
_MANY_ROWS = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A point of the polytope, with how good it is.

    Attributes:
        joint: distribution over cells, shape (cells,).
        value: what the objective makes of it, in its own units.
        optimality_gap: bound on how far ``value`` is from the best, in the same units.
        scale: what ``optimality_gap`` is measured against, in the same units; positive.
        finished: False if a limit struck before the method was done.
        steps: pivots or iterations.
    """

    joint: FloatArray
    value: float
    optimality_gap: float
    scale: float
    finished: bool
    steps: int


class Objective(Protocol):
    """What picks one equilibrium among all."""

    @property
    def name(self) -> str:
        """What results call the value."""

    def choose(self, game: NormalFormGame, incentives: csr_array, time_limit: float | None) -> Choice:
        """Return the best distribution with ``incentives @ p <= 0`` (in units of the payoff range)."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The greatest weighted sum of payoffs, plus a reward on the cells.

    Attributes:
        weights: weight of each player's payoffs, shape (N,); None weighs all by one: welfare.
        rewards: reward of each cell, shape (n_1, ..., n_N), in payoff units; None for none.
    """

    weights: ArrayLike | None = None
    rewards: ArrayLike | None = None
    name: str = field(default="weighted_welfare", kw_only=True)

    def choose(self, game: NormalFormGame, incentives: csr_array, time_limit: float | None) -> Choice:
        """See ``Objective.choose``.

        Raises:
            ValueError: weights or rewards do not fit the game or are not finite.
        """
        weights = np.ones(game.num_players) if self.weights is None else np.asarray(self.weights, float)
        if weights.shape != (game.num_players,) or not np.isfinite(weights).all():
            raise ValueError(f"weights must be finite of shape ({game.num_players},), got {self.weights!r}")
        reward = np.tensordot(weights, game.payoffs, axes=1)
        if self.rewards is not None:
            extra = np.asarray(self.rewards, dtype=np.float64)
            if extra.shape != game.num_actions or not np.isfinite(extra).all():
                raise ValueError(f"rewards must be finite of shape {game.num_actions}, got {extra.shape}")
            reward = reward + extra
        flat = reward.ravel()
        low, spread = float(flat.min()), float(np.ptp(flat))
        scale = spread or 1.0
        found = IncentivesLP(incentives).best((flat - low) / scale, time_limit=time_limit)
        value = float(flat @ found.joint)
        # Weak duality: no distribution beats the best cell once gains are charged for.
        charged = (flat - low) / scale - incentives.T @ found.prices
        gap = max(low + scale * float(charged.max()) - value, 0.0)
        return Choice(found.joint, value, gap, scale, found.finished, found.steps)


@dataclass(frozen=True, slots=True)
class MinEpsilon:
    """The strictest incentives: the least greatest gain over all deviations, each row of G counted alone."""

    name: str = "epsilon"

    def choose(self, game: NormalFormGame, incentives: csr_array, time_limit: float | None) -> Choice:
        """See ``Objective.choose``."""
        unit = game.payoff_range or 1.0
        if incentives.shape[0] == 0:
            cells = incentives.shape[1]
            return Choice(np.full(cells, 1.0 / cells), 0.0, 0.0, unit, True, 0)
        found = IncentivesLP(incentives).strictest(time_limit=time_limit)
        value = float((incentives @ found.joint).max())
        mixture = normalised(found.prices)
        gap = max(value - float((incentives.T @ mixture).min()), 0.0)
        return Choice(found.joint, value * unit, gap * unit, unit, found.finished, found.steps)


@dataclass(frozen=True, slots=True)
class MaxGini:
    """The greatest Gini impurity 1 - sum p^2: the equilibrium nearest to uniform play.

    Attributes:
        max_steps: steps of the method.
    """

    max_steps: int = 500
    name: str = "gini"

    def choose(self, game: NormalFormGame, incentives: csr_array, time_limit: float | None) -> Choice:
        """See ``Objective.choose``."""
        project = project_by_interior_point if incentives.shape[0] > _MANY_ROWS else project_onto_cone
        found = project(incentives, max_steps=self.max_steps, time_limit=time_limit)
        joint = normalised(found.point)
        impurity = 1.0 - float(joint @ joint)
        # Weak duality (see max_gini): sum p^2 is at least 1 / |q|^2 for the q of any multipliers.
        bound = 1.0 - 1.0 / found.proven
        return Choice(joint, impurity, max(bound - impurity, 0.0), 1.0, found.finished, found.steps)


def solve_ce(
    game: NormalFormGame,
    objective: Objective | None = None,
    *,
    tol: float = RELATIVE_TOLERANCE,
    time_limit: float | None = None,
) -> SolveResult[FloatArray]:
    """Find the correlated equilibrium that an objective prefers.

    Args:
        game: any normal-form game.
        objective: ``Linear()`` (greatest welfare; the default), ``MinEpsilon()``, ``MaxGini()`` or your own.
        tol: largest equilibrium gap, in units of the payoff range, and largest optimality gap, in units of
            the objective's scale, still reported CERTIFIED.
        time_limit: seconds for the solver's steps, or None for no limit.

    Returns:
        The joint distribution, shape (n_1, ..., n_N), with certificate ``ce_gap``. Status CERTIFIED; LIMIT
        when time or steps ran out; FAILED when either gap stays above the tolerance. ``info``: the value of
        the objective under its name, ``optimality_gap`` in the same units, and ``welfare``, the sum of
        expected payoffs.

    Raises:
        ValueError: ``tol`` or ``time_limit`` is negative or NaN, or the objective does not fit the game.

    Example:
        >>> game = NormalFormGame.bimatrix([[6, 2], [7, 0]], [[6, 7], [2, 0]], name="chicken")
        >>> result = solve_ce(game)
        >>> result.unwrap().round(6)
        array([[0.5 , 0.25],
               [0.25, 0.  ]])
        >>> round(result.info["welfare"], 6)
        10.5
    """
    return _solve(game, objective, CORRELATED, tol, time_limit)


def solve_cce(
    game: NormalFormGame,
    objective: Objective | None = None,
    *,
    tol: float = RELATIVE_TOLERANCE,
    time_limit: float | None = None,
) -> SolveResult[FloatArray]:
    """Find the coarse correlated equilibrium that an objective prefers; see ``solve_ce``.

    The certificate is ``cce_gap``.
    """
    return _solve(game, objective, COARSE, tol, time_limit)


def _solve(
    game: NormalFormGame,
    objective: Objective | None,
    concept: Concept,
    tol: float,
    time_limit: float | None,
) -> SolveResult[FloatArray]:
    began = time.perf_counter()
    if not tol >= 0.0:  # `not >=` also refuses NaN
        raise ValueError(f"tol must be at least 0, got {tol!r}")
    if time_limit is not None and not time_limit >= 0.0:
        raise ValueError(f"time_limit must be at least 0 seconds or None, got {time_limit!r}")
    objective = Linear() if objective is None else objective
    incentives = concept.incentives(game)
    incentives.data /= game.payoff_range or 1.0
    # Gains of rounding size are ties; as constraints they would forbid what the payoffs allow.
    incentives.data[np.abs(incentives.data) <= _TIE] = 0.0
    incentives.eliminate_zeros()
    choice = objective.choose(game, incentives, time_limit)
    joint = choice.joint.reshape(game.num_actions)
    bound = concept.gap(game, joint)
    low, high = float(game.payoffs.min()), float(game.payoffs.max())
    best = choice.optimality_gap <= max(tol, 1e-14) * choice.scale
    if bound <= gap_allowance(tol, low, high) and best:
        status = Status.CERTIFIED
    else:
        status = Status.FAILED if choice.finished else Status.LIMIT
    return SolveResult(
        joint,
        status,
        Certificate(concept.measure, bound),
        concept.name,
        choice.steps,
        time.perf_counter() - began,
        {
            "welfare": math.fsum((game.payoffs.sum(axis=0) * joint).ravel().tolist()),
            "optimality_gap": choice.optimality_gap,
            objective.name: choice.value,
        },
    )
