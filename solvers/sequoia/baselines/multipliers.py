r"""The prices that make the upper bound on the return least.

`games.bandits.return_bound` turns any prices into a bound D(mu); here D is minimised. Its dual is a linear
program over mixtures: of deterministic plans of each factor, and of allowed actions at each step, such that
at every step each factor plays each pattern as often as the mixed action does. Plans and actions enter as
they are needed [1]_, priced at prices between those of the master program and the best known [2]_. The
value of the master is a lower bound on min D, so the distance from it is known at any time.

A master that begins with few columns needs a hundred rounds. So prices first go down the subgradients of D,
in steps scaled by their past sizes [3]_: this costs no program, and what is best at the last of these prices
is nearly all that the master needs.

.. [1] Dantzig, Wolfe (1960), Decomposition principle for linear programs, Oper. Res. 8.
.. [2] Wentges (1997), Weighted Dantzig-Wolfe decomposition for linear mixed-integer programming, Int.
Trans. Oper.
   Res. 4.
.. [3] Kingma, Ba (2015), Adam: a method for stochastic optimization, ICLR.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np
from highspy import HighsModelStatus
from numpy.typing import NDArray

from games.bandits.action_set import ActionSet
from games.bandits.factors import Factor, factors_of
from games.bandits.problem import CoupledBandit
from games.bandits.return_bound import ReturnBound, lagrangian_bound, relaxed_set
from games.errors import SolveError
from solvers.equilibrium.highs import SilentHighs
from solvers.sequoia.baselines.plans import Plans, PlanSolver
from solvers.sequoia.baselines.separable import SeparableMaximiser

_PRICES_TRIED = 24  # equal for all bits, before the first master program
_DESCENT = 200  # steps at most
_COLUMNS_FROM = 0.8  # of the way
_STEP = 0.03  # the first, in units of the range of prices
_MEAN, _SQUARE = 0.9, 0.98  # what remains of the averages of subgradients and of their squares
_SMOOTHING = 0.8  # weight of the best prices known
_LESS_SMOOTHING = 0.2
_IMPROVES = 1e-9  # in units of what a factor can earn in an episode
_NO_UNIT = 1e-300
_DUAL_SIMPLEX = 1
_PRIMAL_SIMPLEX = 4  # new columns leave the last basis primal feasible
_RESCUES = (("simplex", _DUAL_SIMPLEX), ("ipm", _PRIMAL_SIMPLEX))  # where that basis has become too bad


@dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """Prices, and what they prove.

    Attributes:
        factors: of the bandit.
        prices: for each factor, of shape (horizon, P); pattern 0 costs nothing.
        bound: on the return of any policy, worked out anew from the prices.
        least: no prices give a total bound below this.
        rounds: master programs solved.
        seconds: wall-clock time.
    """

    factors: tuple[Factor, ...]
    prices: tuple[NDArray[np.float64], ...]
    bound: ReturnBound
    least: float
    rounds: int
    seconds: float

    @property
    def gap(self) -> float:
        """How far the total bound can be above the least one."""
        return max(0.0, self.bound.total - self.least)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard the least bound is looked for.

    Attributes:
        gap: stop where the bound is at most this share above the least possible.
        rounds: master programs at most.
        seconds: time limit, or None; results then depend on the machine.
    """

    gap: float = 1e-3
    rounds: int = 400
    seconds: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.gap < math.inf:
            raise ValueError(f"gap must be a finite number, 0 or more, got {self.gap}")
        if self.rounds < 1 or (self.seconds is not None and not self.seconds > 0):
            raise ValueError(f"rounds and seconds must be positive, got {self.rounds} and {self.seconds}")


def best_multipliers(
    bandit: CoupledBandit,
    start: NDArray[np.float64],
    *,
    superset: ActionSet | None = None,
    effort: Effort | None = None,
    workers: int = 1,
) -> Multipliers:
    """Minimise the bound; see the module.

    Args:
        bandit: the problem.
        start: distributions of the arms at the start, of shape (J, S).
        superset: as for `lagrangian_bound`.
        effort: when to stop.
        workers: threads for programs over the allowed actions.

    Raises:
        ValueError: as for `lagrangian_bound` and `games.bandits.factors.factors_of`.
        SolveError: the set is empty, or contradicts its own membership test.
    """
    begin = time.perf_counter()
    effort = effort or Effort()
    until = math.inf if effort.seconds is None else begin + effort.seconds
    half = math.inf if effort.seconds is None else 0.5 * effort.seconds
    action_set = relaxed_set(bandit, superset)
    factors = factors_of(bandit)
    search = _Search(bandit, factors, start, SeparableMaximiser(action_set, scopes(factors), workers=workers))
    search.descend(half)
    rounds = 0
    while rounds < effort.rounds:
        rounds += 1
        try:
            finished = search.round(effort.gap)
        except SolveError:
            # The prices found so far are good all the same, and `least` tells how good.
            break
        if finished or time.perf_counter() > until:
            break
    prices = tuple(search.split(search.best))
    bound = lagrangian_bound(bandit, [f.arms for f in factors], prices, start, superset=superset)
    least = min(search.least, bound.total)
    return Multipliers(factors, prices, bound, least, rounds, time.perf_counter() - begin)


def scopes(factors: Sequence[Factor]) -> list[tuple[int, ...]]:
    """The bits of each factor."""
    return [factor.bits for factor in factors]


class _Search:
    """The state of the column generation. Prices are one array of shape (horizon, sum over factors of P)."""

    def __init__(
        self,
        bandit: CoupledBandit,
        factors: Sequence[Factor],
        start: NDArray[np.float64],
        maximiser: SeparableMaximiser,
    ) -> None:
        self._horizon = bandit.horizon
        self._factors = factors
        self._maximiser = maximiser
        self._plans = PlanSolver(factors, start)
        self._ends = np.cumsum([factor.patterns for factor in factors])
        # About what a factor can earn in an episode.
        unit = max(0.5 * bandit.horizon * self._plans.price_scale, _NO_UNIT)
        self._slack = _IMPROVES * unit
        self._master = _Master(bandit.horizon, self._ends, unit)
        self._actions: set[bytes] = set()
        self.least, self._upper = -math.inf, math.inf
        self._smoothing = _SMOOTHING
        width = int(self._ends[-1])
        self.best = np.zeros((self._horizon, width))
        self._begin(width)

    def split(self, prices: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Prices by factor."""
        return [np.ascontiguousarray(own) for own in np.split(prices, self._ends[:-1], axis=1)]

    def _begin(self, width: int) -> None:
        """Columns that make the master feasible, and those of prices that are the same for all bits."""
        action = self._maximiser.best([np.zeros((1, f.patterns)) for f in self._factors])
        self._add_actions(action)
        fixed = [np.full(f.patterns, -np.inf) for f in self._factors]
        for factor, own in zip(self._factors, fixed, strict=True):
            own[int(factor.pattern_numbers(action[0]))] = 0.0
        forbidding = np.where(np.isinf(np.concatenate(fixed)), 1e30, 0.0)
        played = self._plans.best(np.broadcast_to(forbidding, self.best.shape))
        self._master.add_plans(played, np.ones(len(self._factors), dtype=np.bool_))
        sizes = np.concatenate([_sizes(factor) for factor in self._factors])
        for price in np.linspace(0.0, self._plans.price_scale, _PRICES_TRIED):
            self._add(*self._evaluate(np.broadcast_to(price * sizes, (self._horizon, width))))

    def descend(self, seconds: float) -> None:
        """Go down from the best prices, and add the columns of the last steps; see the module.

        Args:
            seconds: time limit; steps then shrink with what is left of it.
        """
        begin, steps = time.perf_counter(), min(_DESCENT, self.best.size)
        at, first = self.best.copy(), self._ends - [factor.patterns for factor in self._factors]
        mean, square = np.zeros(at.shape), np.zeros(at.shape)
        for step in range(steps):
            done = max(step / steps, (time.perf_counter() - begin) / seconds)
            if done >= 1.0:
                return
            plans, actions = self._evaluate(at)
            if done >= _COLUMNS_FROM:
                self._add(plans, actions)
            slope = -plans.uses
            patterns = np.stack([factor.pattern_numbers(actions) for factor in self._factors], axis=1)
            slope[np.arange(len(slope))[:, None], first + patterns] += 1.0
            slope[:, first] = 0.0  # pattern 0 costs nothing
            mean = _MEAN * mean + (1.0 - _MEAN) * slope
            square = _SQUARE * square + (1.0 - _SQUARE) * slope**2
            ratio = mean / (1.0 - _MEAN ** (step + 1))
            ratio /= np.sqrt(square / (1.0 - _SQUARE ** (step + 1))) + _NO_UNIT
            shrinking = 0.5 * (1.0 + math.cos(math.pi * done))
            at = at - _STEP * self._plans.price_scale * shrinking * ratio

    def round(self, gap: float) -> bool:
        """Solve the master and add columns; True at the end."""
        value, prices = self._master.solve()
        self.least = max(self.least, value)
        if self._upper - self.least <= max(gap * abs(self._upper), self._slack):
            return True
        while True:
            at = self._smoothing * self.best + (1.0 - self._smoothing) * prices
            improved = self._price(at, prices)
            if improved:
                self._smoothing = min(_SMOOTHING, self._smoothing + _LESS_SMOOTHING / 2)
                return False
            if self._smoothing == 0.0:
                # No column improves on the master at its own prices: these are the best.
                return True
            self._smoothing = max(0.0, self._smoothing - _LESS_SMOOTHING)

    def _price(self, at: NDArray[np.float64], master: NDArray[np.float64]) -> bool:
        """Add what is best at some prices and improves on the master at its own; whether anything does."""
        plans, actions = self._evaluate(at)
        better = self._master.plan_gains(plans, master) > self._slack
        gains = _prices_of(self._factors, self.split(master), actions) - self._master.action_limits
        new = gains > self._slack
        self._master.add_plans(plans, better)
        self._add_actions(actions[new])
        return bool(better.any() or new.any())

    def _evaluate(self, at: NDArray[np.float64]) -> tuple[Plans, NDArray[np.bool_]]:
        """The best plans and actions at some prices, which are kept if their bound is the least yet."""
        plans = self._plans.best(at)
        actions = self._maximiser.best(self.split(at))
        upper = float(plans.values.sum() + _prices_of(self._factors, self.split(at), actions).sum())
        if upper < self._upper:
            self._upper, self.best = upper, at.copy()
        return plans, actions

    def _add(self, plans: Plans, actions: NDArray[np.bool_]) -> None:
        self._master.add_plans(plans, np.ones(len(self._factors), dtype=np.bool_))
        self._add_actions(actions)

    def _add_actions(self, actions: NDArray[np.bool_]) -> None:
        for action in actions:
            key = action.tobytes()
            if key not in self._actions:
                self._actions.add(key)
                self._master.add_action(np.array([int(f.pattern_numbers(action)) for f in self._factors]))


class _Master:
    """The linear program over mixtures of plans and actions.

    Args:
        horizon: steps.
        ends: where each factor's patterns end, counted through all factors.
        unit: rewards enter divided by it, so that HiGHS's tolerances mean the same in all units.
    """

    def __init__(self, horizon: int, ends: NDArray[np.int64], unit: float) -> None:
        self._horizon, self._ends, self._unit = horizon, ends, unit
        self._starts = np.concatenate([[0], ends[:-1]])
        self._width = int(ends[-1])
        self._links = horizon * self._width
        self._highs = SilentHighs()
        for name, value in (("threads", 1), ("presolve", "off"), ("simplex_strategy", _PRIMAL_SIMPLEX)):
            self._highs.setOptionValue(name, value)
        count = self._links + len(ends) + horizon
        sides = np.concatenate([np.zeros(self._links), np.ones(len(ends) + horizon)])
        # Weights sum to one on both sides, so the rows of pattern 0 follow from the others.
        free = np.zeros((horizon, self._width), dtype=np.bool_)
        free[:, self._starts] = True
        low, high = sides.copy(), sides.copy()
        low[: self._links][free.ravel()], high[: self._links][free.ravel()] = -math.inf, math.inf
        none = np.empty(0)
        self._highs.addRows(count, low, high, 0, np.zeros(count, dtype=np.int32), none.astype(np.int32), none)
        self.action_limits = np.zeros(horizon)
        self._plan_limits = np.zeros(len(ends))

    def add_plans(self, plans: Plans, which: NDArray[np.bool_]) -> None:
        """Add the marked factors' plans."""
        for factor in np.flatnonzero(which):
            columns = np.arange(self._starts[factor], self._ends[factor])
            rows = (np.arange(self._horizon)[:, None] * self._width + columns).ravel()
            use = plans.uses[:, columns].ravel()
            kept = use > 0.0
            self._add(
                -plans.rewards[factor] / self._unit,
                [*rows[kept].tolist(), self._links + int(factor)],
                [*use[kept].tolist(), 1.0],
            )

    def add_action(self, patterns: NDArray[np.int64]) -> None:
        """Add an action, given by the factors' patterns, at every step."""
        steps = np.arange(self._horizon)
        rows = steps[:, None] * self._width + self._starts + patterns
        rows = np.append(rows, self._links + len(self._ends) + steps[:, None], axis=1).astype(np.int32)
        values = np.broadcast_to(np.append(np.full(patterns.size, -1.0), 1.0), rows.shape).ravel()
        self._highs.addCols(
            steps.size,
            np.zeros(steps.size),
            np.zeros(steps.size),
            np.full(steps.size, highspy.kHighsInf),
            rows.size,
            (steps * rows.shape[1]).astype(np.int32),
            rows.ravel(),
            values,
        )

    def solve(self) -> tuple[float, NDArray[np.float64]]:
        """The value, and prices of shape (horizon, sum of P)."""
        self._highs.run()
        status = self._highs.getModelStatus()
        for solver, strategy in _RESCUES:
            if status == HighsModelStatus.kOptimal:
                break
            self._highs.clearSolver()
            self._highs.setOptionValue("solver", solver)
            self._highs.setOptionValue("simplex_strategy", strategy)
            self._highs.run()
            status = self._highs.getModelStatus()
        self._highs.setOptionValue("solver", "simplex")
        self._highs.setOptionValue("simplex_strategy", _PRIMAL_SIMPLEX)
        if status != HighsModelStatus.kOptimal:
            raise SolveError(f"HiGHS stopped a master program with {self._highs.modelStatusToString(status)}")
        duals = np.asarray(self._highs.getSolution().row_dual) * self._unit
        self._plan_limits = -duals[self._links : self._links + len(self._ends)]
        self.action_limits = -duals[self._links + len(self._ends) :]
        prices = -duals[: self._links].reshape(self._horizon, self._width)
        return -self._unit * float(self._highs.getInfo().objective_function_value), prices

    def plan_gains(self, plans: Plans, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much the plans exceed, at the master's prices, the best it has."""
        paid = np.add.reduceat((plans.uses * prices).sum(axis=0), self._starts)
        return np.asarray(plans.rewards - paid - self._plan_limits)

    def _add(self, cost: float, rows: Sequence[int], values: Sequence[float]) -> None:
        indices = np.array(rows, dtype=np.int32)
        self._highs.addCol(
            float(cost), 0.0, highspy.kHighsInf, len(indices), indices, np.array(values, dtype=np.float64)
        )


def _prices_of(
    factors: Sequence[Factor], prices: Sequence[NDArray[np.float64]], actions: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """What the action of each step costs."""
    steps = np.arange(len(actions))
    return np.asarray(
        sum(own[steps, f.pattern_numbers(actions)] for f, own in zip(factors, prices, strict=True))
    )


def _sizes(factor: Factor) -> NDArray[np.int64]:
    """Bits set in each pattern."""
    return np.array([number.bit_count() for number in range(factor.patterns)], dtype=np.int64)
