r"""An upper bound on what any policy can earn, from prices alone.

Let an action x(t) from the hull of the allowed ones be chosen beforehand, and let the factors of the bandit
(`games.bandits.factors`) act freely, but ask that at every step each factor plays each of its patterns as
often, on average, as x(t) does. Every policy does so with its own mean action as x, whatever it knows, so
this problem can only be worth more. With a price mu_t(f, u) for each factor f, pattern u and step t in
place of that wish, it falls apart [1]_:

.. math::  D(\mu) = \sum_t \max_{a \in C} \sum_f \mu_t(f, a_f) + \sum_f V_f(\mu),

where V_f is the best a factor alone can earn when it pays :math:`\mu_t(f, u)` for each pattern it plays.
For *any* prices D is at least the expected total reward of any policy over the horizon. The allowed actions
enter by their support function, so their convex hull counts and not a linear relaxation, and prices of
whole patterns are stronger than prices of single bits.

.. [1] Adelman, Mersereau (2008), Relaxations of weakly coupled stochastic dynamic programs, Oper. Res. 56;
Hawkins
   (2003), A Lagrangian decomposition approach to weakly coupled dynamic optimization problems, thesis, MIT.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from games.bandits.action_set import ActionSet
from games.bandits.factors import Factor, factor_of, pattern_bits
from games.bandits.joint import allowed_actions
from games.bandits.problem import BernoulliStart, CoupledBandit
from games.errors import SolveError

_ENUMERATED_BITS = 12
_MOST_BITS = 20
_ENUMERATED = 25_000  # actions of longer ones within the number of bits


@dataclass(frozen=True, slots=True)
class ReturnBound:
    """No policy has a greater expected reward.

    Attributes:
        total: bound on the expected reward of a whole episode.
        horizon: steps of an episode.
    """

    total: float
    horizon: int

    @property
    def per_step(self) -> float:
        """Bound on the mean expected reward a step."""
        return self.total / self.horizon


def starting_in(bandit: CoupledBandit, states: ArrayLike) -> NDArray[np.float64]:
    """Distributions of the arms, of shape (J, S), where the start states, of shape (J,), are known.

    Raises:
        ValueError: ``states`` is no vector of J states.
    """
    given = np.asarray(states)
    count, size = bandit.num_arms, bandit.arms.states
    if given.shape != (count,) or not np.isin(given, np.arange(size)).all():
        raise ValueError(f"states must hold {count} whole numbers in 0..{size - 1}, got {given}")
    return np.asarray(np.eye(size)[given.astype(np.int64)])


def starting_at_random(bandit: CoupledBandit, start: BernoulliStart) -> NDArray[np.float64]:
    """Distributions of the arms, of shape (J, S), where each begins in state 1 with a probability, else in 0.

    Raises:
        ValueError: arms have one state only.
    """
    return np.tile(start.law(bandit.arms.states), (bandit.num_arms, 1))


def relaxed_set(bandit: CoupledBandit, superset: ActionSet | None) -> ActionSet:
    """The set whose actions the bound reckons with: the superset where there is one, else the bandit's own.

    Raises:
        ValueError: the bandit's set depends on the state and none is given, or sizes differ.
    """
    if superset is not None:
        if superset.size != bandit.bits:
            raise ValueError(f"superset must have {bandit.bits} bits, it has {superset.size}")
        return superset
    if not isinstance(bandit.feasible, ActionSet):
        raise ValueError(
            f"the actions of {bandit.name} depend on the state; give a superset of those of all states"
        )
    return bandit.feasible


def lagrangian_bound(
    bandit: CoupledBandit,
    groups: Sequence[Sequence[int]],
    prices: Sequence[NDArray[np.float64]],
    start: NDArray[np.float64],
    *,
    superset: ActionSet | None = None,
) -> ReturnBound:
    """D(mu), worked out from the prices alone; see the module.

    Up to 12 bits, or up to 20 without kinds of which only few may be set, the greatest price of an allowed
    action is found by trying all, else by a mixed-integer program, whose own upper bound is taken.

    Args:
        bandit: the problem.
        groups: the arms of each factor, every arm in one of them.
        prices: for each factor, of shape (horizon, P).
        start: distributions of the arms at the start, of shape (J, S), as from `starting_in`.
        superset: a set that holds the allowed actions of every state and step; for bandits
            whose set depends on these.

    Raises:
        ValueError: groups do not cover every arm once, or a shape is wrong.
    """
    action_set = relaxed_set(bandit, superset)
    if not all(map(len, groups)) or sorted(arm for group in groups for arm in group) != [
        *range(bandit.num_arms)
    ]:
        raise ValueError(
            f"groups must hold each of {bandit.num_arms} arms once, and none be empty, got {groups}"
        )
    factors = [factor_of(bandit, group) for group in groups]
    _check(bandit, factors, prices, start)
    earned = sum(
        float(factor.start(start) @ priced_values(factor, own)[0])
        for factor, own in zip(factors, prices, strict=True)
    )
    paid = greatest_prices(action_set, [factor.bits for factor in factors], prices)
    return ReturnBound(earned + float(paid.sum()), bandit.horizon)


def priced_values(factor: Factor, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a factor can still earn from each step on when it pays for patterns.

    Args:
        factor: the process.
        prices: of shape (horizon, P).

    Returns:
        Shape (horizon + 1, n); the last row is 0.
    """
    horizon = len(prices)
    values = np.zeros((horizon + 1, factor.states))
    for step in range(horizon - 1, -1, -1):
        onward = (factor.moves @ values[step + 1]).T
        values[step] = (factor.rewards + onward - prices[step]).max(axis=1)
    return values


def greatest_prices(
    action_set: ActionSet, scopes: Sequence[tuple[int, ...]], prices: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Upper bounds on the price of an allowed action at each step, exact up to the solver's tolerances.

    Args:
        action_set: the allowed actions.
        scopes: bits of each factor.
        prices: for each factor, of shape (steps, P).

    Raises:
        ValueError: the set is empty.
        SolveError: a mixed-integer program was not solved.
    """
    steps = len(prices[0])
    if not _few(action_set):
        return np.array([_program(action_set, scopes, [own[t] for own in prices]) for t in range(steps)])
    actions = allowed_actions(action_set).astype(np.int64)
    total = np.zeros((steps, len(actions)))
    for bits, own in zip(scopes, prices, strict=True):
        total += own[:, actions[:, list(bits)] @ 2 ** np.arange(len(bits))[::-1]]
    return np.asarray(total.max(axis=1))


def _few(action_set: ActionSet) -> bool:
    """Whether all actions are tried: sets whose bits come in kinds have easy programs and costly tests."""
    size = action_set.size
    if size <= _ENUMERATED_BITS:
        return True
    if size > _MOST_BITS or action_set.kinds is not None:
        return False
    return action_set.within_most <= _ENUMERATED


def pattern_rows(
    action_set: ActionSet, scopes: Sequence[tuple[int, ...]]
) -> tuple[sparse.csr_array, NDArray[np.float64], NDArray[np.float64]]:
    """Rows of a set, and of the patterns that its actions make on scopes of several bits.

    Such a scope has a weight z_u in [0, 1] for each pattern u, sum_u z_u = 1 and a_i = sum_{u with i} z_u:
    where the bits are whole, the weights can only be those of the pattern played.

    Args:
        action_set: the allowed actions.
        scopes: groups of bits.

    Returns:
        The matrix, whose columns are the set's variables and then the weights, and both sides of the rows.
    """
    several = [bits for bits in scopes if len(bits) > 1]
    size = action_set.variables
    columns = size + sum(2 ** len(bits) for bits in several)
    own = action_set.rows.tocsr().copy()
    own.resize((own.shape[0], columns))
    blocks, sides = [own], []
    first = size
    for bits in several:
        patterns = pattern_bits(len(bits))
        block = np.zeros((len(bits) + 1, columns))
        block[np.arange(len(bits)), list(bits)] = -1.0
        block[:-1, first : first + len(patterns)] = patterns.T
        block[-1, first : first + len(patterns)] = 1.0
        first += len(patterns)
        blocks.append(sparse.csr_array(block))
        sides.append(np.append(np.zeros(len(bits)), 1.0))
    rows = sparse.csr_array(sparse.vstack(blocks))
    low, high = (np.concatenate([side, *sides]) for side in (action_set.row_lower, action_set.row_upper))
    return rows, low, high


def _program(
    action_set: ActionSet, scopes: Sequence[tuple[int, ...]], prices: Sequence[NDArray[np.float64]]
) -> float:
    """One step of `greatest_prices`."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # slow to import

    rows, low, high = pattern_rows(action_set, scopes)
    extra = rows.shape[1] - action_set.variables
    cost, constant = np.zeros(action_set.variables), 0.0
    for bits, own in zip(scopes, prices, strict=True):
        if len(bits) < 2:
            constant += float(own[0])
            cost[list(bits)] += own[1:] - own[0]
    weights = [own for bits, own in zip(scopes, prices, strict=True) if len(bits) > 1]
    # Tolerances of the solver are absolute.
    objective = np.concatenate([cost, *weights])
    scale = float(np.abs(objective).max(initial=0.0)) or 1.0
    result = milp(
        -objective / scale,
        integrality=np.append(action_set.integral, np.zeros(extra)).astype(np.int64),
        bounds=Bounds(
            np.append(action_set.lower, np.zeros(extra)), np.append(action_set.upper, np.ones(extra))
        ),
        constraints=[LinearConstraint(rows, low, high)] if rows.shape[0] else [],
        options={"mip_rel_gap": 0.0},
    )
    bound = result.mip_dual_bound
    if result.status != 0 or bound is None:
        raise SolveError(f"the greatest price over {action_set.name} was not found: {result.message}")
    return constant - scale * float(bound)


def _check(
    bandit: CoupledBandit,
    factors: Sequence[Factor],
    prices: Sequence[NDArray[np.float64]],
    start: NDArray[np.float64],
) -> None:
    if len(prices) != len(factors):
        raise ValueError(f"prices must hold one array for each of {len(factors)} factors, got {len(prices)}")
    for place, (factor, own) in enumerate(zip(factors, prices, strict=True)):
        wanted = (bandit.horizon, factor.patterns)
        if own.shape != wanted or not np.isfinite(own).all():
            raise ValueError(f"prices[{place}] must be finite, of shape {wanted}, got shape {own.shape}")
    wanted = (bandit.num_arms, bandit.arms.states)
    if start.shape != wanted or not np.allclose(start.sum(axis=1), 1.0) or (start < 0).any():
        raise ValueError(
            f"start must hold a distribution for each arm, of shape {wanted}, got shape {start.shape}"
        )
