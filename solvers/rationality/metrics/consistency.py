r"""Whether decisions depend on what should not matter: words, labels, order, language, luck.

**Components of variance.** Scores are explained by independent random effects, one for each level of each
factor, and a rest,

.. math::
    y = \mu + \sum_f a_f(\text{level}) + e, \qquad
    \mathrm{Var}\, a_f = \sigma_f^2, \; \mathrm{Var}\, e = \sigma_e^2 .

The expectation of each of the squares

.. math::
    T_f = \sum_{i \in f} \frac{y_{i \cdot}^2}{n_i}, \qquad
    T_0 = \frac{y_{\cdot\cdot}^2}{N}, \qquad T = \sum y^2

is linear in mu^2 and the components: the coefficient of sigma_g^2 in T_f is the sum of n_ij^2 / n_i over the
cells of levels i of f and j of g. Solving these equations gives unbiased components also when cells are
missing or unequal [1]_. Unbiased means that a component that is not there comes out negative half of the
time; shares count those as zero. An interaction is a factor whose levels are pairs.

**Worst case.** The score in the worst variant of each scenario, averaged over scenarios. Being a minimum of
means that scatter, it is low even for a player that no variant sways; compare it with its own value under
shuffled variants, `WorstCase.expected`.

**Flips.** The share of pairs of decisions about the same item under different variants that differ, next to
the share that differ under the same variant, which is luck alone.

.. [1] C. R. Henderson, "Estimation of variance and covariance components", Biometrics 9, 1953, method 1.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from solvers.rationality.statistics.intervals import cluster_numbers

FloatArray = NDArray[np.float64]

_SINGULAR = 1e-10  # least singular value of the equations, relative to the greatest


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Where the variance of scores comes from.

    Attributes:
        components: by factor, sigma_f^2; unbiased, so perhaps negative.
        rest: sigma_e^2, what repetition alone varies.
        mean: of all scores.
    """

    components: Mapping[str, float]
    rest: float
    mean: float

    @property
    def shares(self) -> dict[str, float]:
        """By factor, the share of the variance of one score; with "rest" they sum to one, or are NaN."""
        parts = {**self.components, "rest": self.rest}
        total = math.fsum(max(part, 0.0) for part in parts.values())
        return {name: max(part, 0.0) / total if total else math.nan for name, part in parts.items()}


def variance_components(scores: ArrayLike, factors: Mapping[str, Sequence[Hashable]]) -> VarianceComponents:
    """Decompose the variance of scores.

    Args:
        scores: finite, shape (n,).
        factors: by name, the level of each score; every factor needs two levels and fewer than
            there are scores.

    Raises:
        ValueError: sizes do not fit, or the factors cannot be told apart.
    """
    y = np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or not np.isfinite(y).all() or not y.size:
        raise ValueError(f"scores must be a vector of finite numbers, got shape {y.shape}")
    levels = {name: cluster_numbers(names, y.size) for name, names in factors.items()}
    for name, places in levels.items():
        if not 1 < np.unique(places).size < y.size:
            raise ValueError(f"factor {name!r} must have at least two levels, and fewer than scores")
    # About the mean, so that squares lose no digits: the components do not see a shift.
    centred = y - y.mean()
    every = [np.zeros(y.size, dtype=np.int64), *levels.values(), np.arange(y.size)]
    equations, squares = np.empty((len(every), len(every))), np.empty(len(every))
    for row, outer in enumerate(every):
        sizes = np.bincount(outer)
        squares[row] = float((np.bincount(outer, centred) ** 2 / sizes).sum())
        for column, inner in enumerate(every):
            _, cell, counts = np.unique(
                np.stack([outer, inner]), axis=1, return_inverse=True, return_counts=True
            )
            holder = np.empty(counts.size, dtype=np.int64)
            holder[cell.ravel()] = outer
            equations[row, column] = float((counts**2 / sizes[holder]).sum())
    strength = np.linalg.svd(equations / y.size, compute_uv=False)
    if strength[-1] <= _SINGULAR * strength[0]:
        raise ValueError(f"factors {list(factors)} cannot be told apart: their levels go together")
    found = np.linalg.solve(equations, squares)
    components = dict(zip(levels, found[1:-1].tolist(), strict=True))
    return VarianceComponents(components, float(found[-1]), float(y.mean()))


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The score that is left under the worst variants.

    Attributes:
        value: mean over scenarios of the least mean score of a variant.
        mean: mean over scenarios of the mean over variants.
        expected: what ``value`` would be if variants did not matter, by shuffling them within scenarios.
    """

    value: float
    mean: float
    expected: float


def worst_case(
    scores: ArrayLike,
    scenarios: Sequence[Hashable],
    variants: Sequence[Hashable],
    *,
    rng: np.random.Generator,
    shuffles: int = 200,
) -> WorstCase:
    """Score under the worst variant of each scenario.

    Args:
        scores: shape (n,), n >= 1.
        scenarios: of each score.
        variants: of each score.
        rng: shuffles the variants.
        shuffles: how many times, >= 1.

    Raises:
        ValueError: sizes do not fit.
    """
    y = np.asarray(scores, dtype=np.float64)
    if y.ndim != 1 or not y.size or shuffles < 1:
        raise ValueError(f"scores must be a vector and shuffles at least 1, got {y.shape} and {shuffles!r}")
    scenario, variant = cluster_numbers(scenarios, y.size), cluster_numbers(variants, y.size)
    cells, cell = np.unique(np.stack([scenario, variant]), axis=1, return_inverse=True)
    cell, counts = cell.ravel(), np.bincount(cell.ravel())
    # Scenarios come in order, so each one's cells lie side by side.
    starts = np.flatnonzero(np.diff(cells[0], prepend=-1))
    order = np.argsort(scenario, kind="stable")

    def value(values: FloatArray) -> float:
        return float(np.minimum.reduceat(np.bincount(cell, values) / counts, starts).mean())

    means = np.bincount(cell, y) / counts
    mean = float((np.add.reduceat(means, starts) / np.diff(starts, append=means.size)).mean())
    drawn = []
    for _ in range(shuffles):
        shuffled = np.empty_like(y)
        # Sorting by a random key within each scenario permutes its scores.
        shuffled[order] = y[np.lexsort((rng.random(y.size), scenario))]
        drawn.append(value(shuffled))
    return WorstCase(value(y), mean, float(np.mean(drawn)))


@dataclass(frozen=True, slots=True)
class Flips:
    """How often two decisions about the same item differ.

    Attributes:
        across: share of pairs under different variants that differ; NaN without such pairs.
        within: share of pairs under the same variant that differ; NaN without such pairs.
    """

    across: float
    within: float

    @property
    def excess(self) -> float:
        """How much more often variants change the decision than luck does."""
        return self.across - self.within


def flip_rates(actions: Sequence[Hashable], items: Sequence[Hashable], variants: Sequence[Hashable]) -> Flips:
    """Compare decisions about the same items, pairs weighted so that every item counts alike.

    Args:
        actions: decisions in the scenario's own terms, with relabelling undone.
        items: what each was about.
        variants: under which it was made.

    Raises:
        ValueError: sizes do not fit.
    """
    size = len(actions)
    action, item = cluster_numbers(actions, size), cluster_numbers(items, size)
    variant = cluster_numbers(variants, size)
    across, within = [], []
    for one in range(int(item.max(initial=-1)) + 1):
        rows = np.flatnonzero(item == one)
        first, second = np.triu_indices(rows.size, 1)
        differ = action[rows[first]] != action[rows[second]]
        same = variant[rows[first]] == variant[rows[second]]
        if (~same).any():
            across.append(float(differ[~same].mean()))
        if same.any():
            within.append(float(differ[same].mean()))
    return Flips(
        float(np.mean(across)) if across else math.nan, float(np.mean(within)) if within else math.nan
    )
