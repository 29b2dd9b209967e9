r"""Whether choices from budgets could come from any utility at all, and how far they are from that.

At prices p_t the bundle x_t was bought, and x_s could have been had for the share

.. math::  r_{ts} = \frac{p_t \cdot x_s}{p_t \cdot x_t}

of what was spent. If r_ts <= 1, x_t is revealed preferred to x_s; if r_ts < 1, strictly. The generalised
axiom (GARP) forbids a cycle of revealed preference with a strict step, and holds exactly if some utility that
grows in all goods explains all choices [1]_.

**CCEI** [2]_: the largest share e of all budgets at which no cycle remains when only r_ts < e counts as
strict and r_ts <= e as a preference. A cycle falls apart as soon as its largest ratio exceeds e, so

.. math::  \mathrm{CCEI} = \min \bigl( 1, \min_{\text{cycles } C} \max_{(t, s) \in C} r_{ts} \bigr),

a bottleneck problem that the recursion of Floyd and Warshall solves exactly in the algebra of min and max.

**Power** [3]_: how often buyers who spend uniformly random shares violate the axiom at the same budgets.
Where that is seldom, a high index says little.

.. [1] S. N. Afriat, "The construction of utility functions from expenditure data", IER 8, 1967; H. R. Varian,
   "The nonparametric approach to demand analysis", Econometrica 50, 1982.
.. [2] S. N. Afriat, "On a system of inequalities in demand analysis", IER 14, 1973.
.. [3] S. G. Bronars, "The power of nonparametric tests of preference maximization", Econometrica 55, 1987.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_TIE = 1e-9  # ratios that differ by less are equal
_DRAWS_AT_ONCE = 2_000_000  # ratios held at a time


@dataclass(frozen=True, slots=True, eq=False)
class Purchases:
    """Bundles bought, and what each would have cost at the others' prices.

    Attributes:
        ratios: r_ts, shape (n, n), with ones on the diagonal.
        spent: p_t x_t, shape (n,).
    """

    ratios: FloatArray
    spent: FloatArray

    @classmethod
    def of(cls, prices: ArrayLike, bundles: ArrayLike) -> "Purchases":
        """From prices > 0 and bundles >= 0, both (n, goods), n >= 1.

        Raises:
            ValueError: the shapes differ, a number is out of range, or nothing was bought at some prices.
        """
        p, x = np.asarray(prices, dtype=np.float64), np.asarray(bundles, dtype=np.float64)
        if p.ndim != 2 or p.shape != x.shape or not p.size:
            raise ValueError(
                f"prices and bundles must both have shape (n, goods), got {p.shape} and {x.shape}"
            )
        if not (np.isfinite(p).all() and np.isfinite(x).all() and p.min() > 0.0 and x.min() >= 0.0):
            raise ValueError("prices must be positive and bundles not negative, and both finite")
        costs = p @ x.T
        spent = costs.diagonal().copy()
        if not spent.min() > 0.0:
            raise ValueError(f"bundles must not be empty, got nothing at choice {int(spent.argmin())}")
        return cls(costs / spent[:, None], spent)

    @property
    def preferred(self) -> NDArray[np.bool_]:
        """Whether x_t is directly revealed preferred to x_s, bool (n, n)."""
        return self.ratios <= 1.0 + _TIE

    @property
    def strictly(self) -> NDArray[np.bool_]:
        """Whether it is so strictly."""
        return self.ratios < 1.0 - _TIE

    @property
    def violations(self) -> int:
        """Number of pairs (t, s) with x_t revealed preferred to x_s and x_s directly and strictly to x_t."""
        return int(np.count_nonzero(closure(self.preferred) & self.strictly.T))

    @property
    def efficiency(self) -> float:
        """The CCEI."""
        return float(cost_efficiencies(self.ratios[None])[0])


def closure(relation: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The transitive closure of a relation, bool (n, n), by Warshall's algorithm."""
    reach = relation.copy()
    for k in range(len(reach)):
        reach |= reach[:, k, None] & reach[k]
    return reach


def garp_violations(prices: ArrayLike, bundles: ArrayLike) -> int:
    """Number of pairs (t, s) with x_t revealed preferred to x_s and x_s directly and strictly to x_t.

    Zero exactly if the choices satisfy GARP. Arguments and errors are those of `Purchases.of`.

    Example:
        >>> garp_violations([[1, 2], [2, 1]], [[0, 2], [2, 0]])
        2
    """
    return Purchases.of(prices, bundles).violations


def critical_cost_efficiency(prices: ArrayLike, bundles: ArrayLike) -> float:
    """Afriat's critical cost efficiency index (CCEI), in (0, 1]; 1 where GARP holds.

    Arguments and errors are those of `Purchases.of`.

    Example:
        >>> critical_cost_efficiency([[1, 2], [2, 1]], [[0, 2], [2, 0]])
        0.5
    """
    return Purchases.of(prices, bundles).efficiency


def cost_efficiencies(ratios: FloatArray) -> FloatArray:
    """CCEI of many sets of choices, given r_ts of each, shape (B, n, n); shape (B,)."""
    widest = ratios.copy()
    size = widest.shape[1]
    for k in range(size):
        np.minimum(widest, np.maximum(widest[:, :, k, None], widest[:, None, k, :]), out=widest)
    # A cycle through t and s is a path each way; the diagonal, cost of staying, is no cycle.
    cycles = np.maximum(widest, widest.transpose(0, 2, 1))
    cycles[:, np.arange(size), np.arange(size)] = np.inf
    bottleneck = cycles.min(axis=(1, 2), initial=np.inf)
    index: FloatArray = np.where(bottleneck >= 1.0 - _TIE, 1.0, bottleneck)
    return index


@dataclass(frozen=True, slots=True, eq=False)
class Power:
    """What random buyers do at given budgets.

    Attributes:
        violating: share of them that violate GARP.
        efficiencies: their CCEIs, ascending, shape (draws,).
    """

    violating: float
    efficiencies: FloatArray

    @property
    def mean(self) -> float:
        """Mean CCEI of random buyers: the chance level of the index."""
        return float(self.efficiencies.mean())


def bronars_power(
    prices: ArrayLike, incomes: ArrayLike, *, rng: np.random.Generator, draws: int = 1000
) -> Power:
    """Let random buyers spend all income, in shares uniform on the simplex of goods.

    Args:
        prices: > 0, shape (n, goods).
        incomes: > 0, shape (n,).
        rng: draws the shares.
        draws: number of random buyers, >= 1.

    Returns:
        Their violations and efficiencies. A CCEI below one is counted as a violation; the two differ only
        where a cycle has a ratio of exactly one, which random shares do not hit.

    Raises:
        ValueError: an argument out of its range.
    """
    p, m = np.asarray(prices, dtype=np.float64), np.asarray(incomes, dtype=np.float64)
    if p.ndim != 2 or m.shape != p.shape[:1] or not p.size:
        raise ValueError(f"prices (n, goods) and incomes (n,) must fit, got {p.shape} and {m.shape}")
    if not (np.isfinite(p).all() and np.isfinite(m).all() and p.min() > 0.0 and m.min() > 0.0):
        raise ValueError("prices and incomes must be positive and finite")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws!r}")
    size, goods = p.shape
    block = max(_DRAWS_AT_ONCE // size**2, 1)
    found = []
    for start in range(0, draws, block):
        shares = rng.dirichlet(np.ones(goods), size=(min(block, draws - start), size))
        bundles = shares * m[:, None] / p
        found.append(cost_efficiencies(np.einsum("tg,bsg->bts", p, bundles) / m[:, None]))
    efficiencies = np.sort(np.concatenate(found))
    return Power(float(np.mean(efficiencies < 1.0)), efficiencies)
