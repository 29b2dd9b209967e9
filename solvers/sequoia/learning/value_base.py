r"""Additive values of factors: what a Q-network starts from, and what its targets are measured against.

For any tables V_f(t, s_f) and constants k_t, both zero after the last step H, let

.. math::
    V(s, t) = k_t + \sum_f V_f(t, s_f), \qquad
    Q(s, a, t) = r(s, a) + \gamma E V(s', t + 1) = \gamma k_{t+1} + \sum_f q_f(t, s_f, a_f).

Expectations are exact, since factors move independently given the action. Along any play,

.. math::  \sum_t \gamma^t r_t = V(s_0, 0) + \sum_t \gamma^t (Q(s_t, a_t, t) - V(s_t, t)) + \text{(mean
zero)},

so returns can be measured by the terms on the right, which vary little where V is near the truth. With V = 0
they are the expected rewards themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.bandits.factors import Factor, factors_of
from games.bandits.problem import EVALUATION_START, CoupledBandit
from games.bandits.return_bound import greatest_prices, priced_values, relaxed_set, starting_at_random
from solvers.sequoia.baselines.multipliers import Effort, Multipliers, best_multipliers
from solvers.sequoia.learning.terms import Scores, TermLayout
from solvers.sequoia.network import digest

_MOST_PATTERNS = 64


class BaseRule(Protocol):
    """Makes the additive values of a bandit."""

    @property
    def name(self) -> str:
        """The rule with its parameters; checkpoints are compared by it."""

    def __call__(self, bandit: CoupledBandit, discount: float) -> "ValueBase":
        """The values, for rewards discounted by ``discount`` a step."""


@dataclass(frozen=True, slots=True, eq=False)
class ValueBase:
    """Additive values; see the module.

    Attributes:
        layout: of the coefficients.
        coefficients: of the q_f, flat, as `TermLayout` says.
        values: V_f, of shape (H + 1, states of f).
        constants: k_t, of shape (H + 1,).
        discount: gamma.
    """

    layout: TermLayout
    coefficients: NDArray[np.float64]
    values: tuple[NDArray[np.float64], ...]
    constants: NDArray[np.float64]
    discount: float

    @property
    def scores(self) -> Scores:
        """The q_f."""
        return tuple(
            factor.action_values(table, self.discount)
            for factor, table in zip(self.layout.factors, self.values, strict=True)
        )

    def value(self, states: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """V of states of shape (m, J) at steps of shape (m,) in 0..H."""
        numbers = self.layout.numbers(states)
        total = self.constants[steps].copy()
        for place, table in enumerate(self.values):
            total += table[steps, numbers[:, place]]
        return total

    def action_value(
        self, states: NDArray[np.int64], steps: NDArray[np.int64], actions: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Q of actions of shape (m, N); the others as in `value`, steps in 0..H-1."""
        constants, singles, products = self.layout.positions(states, steps)
        total = self.discount * self.constants[steps + 1] + self.coefficients[constants].sum(axis=1)
        total += (self.coefficients[singles] * actions[:, self.layout.single_bits]).sum(axis=1)
        for column, members in enumerate(self.layout.products):
            total += self.coefficients[products[:, column]] * actions[:, members].all(axis=1)
        return np.asarray(total)


def value_base(
    factors: Sequence[Factor], values: Sequence[ArrayLike], constants: ArrayLike, *, discount: float = 1.0
) -> ValueBase:
    """The base of given tables; the q_f come from the factors by one exact step of look-ahead.

    Args:
        factors: of a bandit.
        values: V_f of each, of shape (H + 1, states of f), zero in the last row.
        constants: k_t, of shape (H + 1,), zero at the end.
        discount: gamma.

    Raises:
        ValueError: shapes disagree, an entry is not finite, or the values at the end are not zero.
    """
    shifts = np.array(constants, dtype=np.float64)
    tables = tuple(np.array(table, dtype=np.float64) for table in values)
    if len(tables) != len(factors) or shifts.ndim != 1 or shifts.size < 2:
        raise ValueError(
            f"need values of {len(factors)} factors and constants of shape (H + 1,), got {len(tables)} and "
            f"{shifts.shape}"
        )
    ahead = []
    for place, (factor, table) in enumerate(zip(factors, tables, strict=True)):
        shape = (shifts.size, factor.states)
        if table.shape != shape or not np.isfinite(table).all() or table[-1].any():
            raise ValueError(
                f"values[{place}] must be finite, of shape {shape} and zero in the last row, "
                f"got {table.shape}"
            )
        ahead.append(factor.action_values(table, discount))
    if not np.isfinite(shifts).all() or shifts[-1]:
        raise ValueError(f"constants must be finite and end in 0, got {shifts}")
    layout = TermLayout(factors, shifts.size - 1)
    return ValueBase(layout, layout.flat(ahead), tables, shifts, discount)


@dataclass(frozen=True, slots=True)
class NoBase:
    """V = 0, so that Q is the expected reward of one step."""

    name: str = "none"

    def __call__(self, bandit: CoupledBandit, discount: float) -> ValueBase:
        """See `BaseRule`."""
        factors = factors_of(bandit, most_patterns=_MOST_PATTERNS)
        tables = [np.zeros((bandit.horizon + 1, factor.states)) for factor in factors]
        return value_base(factors, tables, np.zeros(bandit.horizon + 1), discount=discount)


@dataclass(frozen=True, slots=True)
class LagrangianBase:
    """Values of the factors at the prices of the least upper bound on the return [1]_.

    V is then that bound for the state and the steps left, and Q - V tells how much of it a decision gives
    away.

    Attributes:
        effort: how hard the prices are looked for.

    .. [1] Adelman, Mersereau (2008), Relaxations of weakly coupled stochastic dynamic programs, Oper. Res.
    56.
    """

    effort: Effort = field(default_factory=Effort)

    @property
    def name(self) -> str:
        """See `BaseRule`."""
        return f"lagrangian({self.effort})"

    def __call__(self, bandit: CoupledBandit, discount: float) -> ValueBase:
        """See `BaseRule`.

        Raises:
            ValueError: the bandit's set depends on the state.
        """
        start = starting_at_random(bandit, EVALUATION_START)
        found = best_multipliers(bandit, start, effort=self.effort)
        return MultiplierBase(found)(bandit, discount)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MultiplierBase:
    """As `LagrangianBase`, at prices found before.

    Attributes:
        multipliers: from `solvers.sequoia.baselines.multipliers.best_multipliers`, for the same bandit.
    """

    multipliers: Multipliers

    def __repr__(self) -> str:
        """The name: checkpoints are compared by it, and times do not matter."""
        return self.name

    @property
    def name(self) -> str:
        """See `BaseRule`."""
        return f"multipliers({digest(*self.multipliers.prices)})"

    def __call__(self, bandit: CoupledBandit, discount: float) -> ValueBase:
        """See `BaseRule`.

        Raises:
            ValueError: the bandit's set depends on the state.
        """
        factors, prices = self.multipliers.factors, self.multipliers.prices
        values = [priced_values(factor, own) for factor, own in zip(factors, prices, strict=True)]
        paid = greatest_prices(relaxed_set(bandit, None), [factor.bits for factor in factors], prices)
        constants = np.append(np.cumsum(paid[::-1])[::-1], 0.0)
        return value_base(factors, values, constants, discount=discount)
