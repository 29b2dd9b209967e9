r"""Several ends at once: the least of them, made as great as possible, as a zero-sum game.

End g of a seed set S is :math:`f_g(S) = s_g \Pr[S \text{ meets a set of model } g]`: the share of a group
that is reached where model g draws its roots in group g [1]_; the spread under one of several diffusions,
in units of the best there [2]_. A leader draws S from a mixture p, an adversary the end from
:math:`\lambda`:

.. math:: v^* = \max_p \min_g \mathbb E_{S \sim p} f_g(S)
   = \min_\lambda \max_S \sum_g \lambda_g f_g(S) .

**What is proven.** Let p* attain :math:`v^*`, fixed before n sets per end are drawn, and :math:`\hat f_g`
be its mean on them. Meeting a set under a mixture is a number in [0, 1], so with :math:`h(a) = \sup\{b \ge
a : n\,\mathrm{kl}(a, b) \le \ln 1/\delta\}` each :math:`f_g(p^*)/s_g \le h(\hat f_g(p^*)/s_g)` but for a
chance of :math:`\delta` [3]_. As kl is convex in both arguments together, h is concave, and by Jensen's
inequality, for every :math:`\lambda`, chosen after the sets or not, with :math:`W = \sum_g \lambda_g s_g`
and U a bound on the weighted coverage of members of the family,

.. math:: v^* \le \sum_g \lambda_g f_g(p^*) \le W\, h(U / W) .

The mixture found is judged by the same inequality from below on sets that it never saw.

.. [1] Tsang, Wilder, Rice, Tambe, Zick (2019), Group-fairness in influence maximization, IJCAI.
.. [2] He, Kempe (2016), Robust influence maximization, KDD.
.. [3] Hoeffding (1963), Probability inequalities for sums of bounded random variables, J. Am. Stat. Assoc.
   58.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.influence.collection import SetCollection
from games.influence.diffusion import Diffusion
from games.influence.family_problems import FamilyProblem
from games.influence.sampler import ReverseModel, reverse_model
from games.influence.seeding import graph_weight

_HALVINGS = 100


@dataclass(frozen=True, slots=True, eq=False)
class MaximinProblem:
    """Ends over the same candidates and family.

    Attributes:
        problem: candidates and family; its own diffusion plays no part.
        names: of the ends.
        models: per end, how it is reached; all with the nodes of the problem's model.
        scale: worth of meeting a set for sure, per end, positive, shape (ends,).

    Raises:
        ValueError: there is no end, or shapes or nodes do not fit.
    """

    problem: FamilyProblem
    names: tuple[Hashable, ...]
    models: tuple[ReverseModel, ...]
    scale: NDArray[np.float64]

    def __post_init__(self) -> None:
        scale = np.array(self.scale, dtype=np.float64)
        if not self.names or not (len(self.models),) == (len(self.names),) == scale.shape:
            raise ValueError("need at least one end, with a name, a model and a scale each")
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError(f"scale must be positive and finite, got {scale}")
        for name, model in zip(self.names, self.models, strict=True):
            if not np.array_equal(model.nodes, self.problem.model.nodes):
                raise ValueError(f"end {name!r} must have the nodes of the problem")
        object.__setattr__(self, "scale", scale)


def group_ends(problem: FamilyProblem, groups: Mapping[Hashable, Collection[Hashable]]) -> MaximinProblem:
    """The share reached of each group of nodes.

    Args:
        problem: candidates, family, diffusion.
        groups: labels of the nodes of each group; groups may overlap. Nodes taken out of the model do not
            count.

    Raises:
        ValueError: a node is unknown, or a group has no node left.
    """
    graph = problem.diffusion.graph
    removed = np.flatnonzero(problem.model.place < 0)
    models = []
    for name, members in groups.items():
        weight = np.zeros(graph.num_nodes)
        weight[[graph.number(v) for v in members]] = 1.0
        weight[removed] = 0.0
        if not weight.any():
            raise ValueError(f"group {name!r} has no node that can be reached")
        models.append(reverse_model(problem.diffusion, removed=removed, node_weight=weight))
    return MaximinProblem(problem, tuple(groups), tuple(models), np.ones(len(models)))


def model_ends(
    problem: FamilyProblem, diffusions: Mapping[Hashable, Diffusion], reference: Sequence[float]
) -> MaximinProblem:
    """The spread under each of several diffusions on the same nodes, in units of a reference.

    Args:
        problem: candidates, family and node weights.
        diffusions: by name.
        reference: what counts as 1 under each, in order, positive; for ratios, what no seeds exceed.

    Raises:
        ValueError: numbers of nodes differ, or a reference is not positive.
    """
    units = np.asarray(reference, dtype=np.float64)
    if units.shape != (len(diffusions),) or not (np.isfinite(units) & (units > 0)).all():
        raise ValueError(f"reference must hold one positive number per diffusion, got {units}")
    removed = np.flatnonzero(problem.model.place < 0)
    size = problem.diffusion.graph.num_nodes
    for name, diffusion in diffusions.items():
        if diffusion.graph.num_nodes != size:
            raise ValueError(f"diffusion {name!r} has {diffusion.graph.num_nodes} nodes, the problem {size}")
    weight = graph_weight(problem.model)
    models = tuple(reverse_model(d, removed=removed, node_weight=weight) for d in diffusions.values())
    return MaximinProblem(problem, tuple(diffusions), models, np.array([m.total for m in models]) / units)


def end_means(
    problem: MaximinProblem,
    collections: Sequence[SetCollection],
    members: Sequence[NDArray[np.int64]],
    chance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of each end's sets that a mixture of seed sets meets in expectation, in [0, 1], shape (ends,)."""
    means = np.zeros(len(collections))
    for member, p in zip(members, chance.tolist(), strict=True):
        mark = np.zeros(problem.problem.candidates.size, dtype=np.bool_)
        mark[member] = True
        for g, sets in enumerate(collections):
            met = np.concatenate([[0], np.cumsum(mark[sets.member])])
            means[g] += p * np.mean(met[sets.start[1:]] > met[sets.start[:-1]])
    return np.clip(means, 0.0, 1.0)


def maximin_at_most(
    problem: MaximinProblem, weight: NDArray[np.float64], met_at_most: float, trials: int, failure: float
) -> float:
    """Bound on the game's value; all calls on the same sets fail at once, with chance ends x ``failure``.

    Args:
        problem: the ends.
        weight: the adversary's mixture, shape (ends,).
        met_at_most: bound on the sum over ends of weight x scale x share of its sets met, over the family.
        trials: sets per end, the same for all.
        failure: chance that one end's mean strays.
    """
    whole = float(weight @ problem.scale)
    return whole * mean_at_most(min(1.0, met_at_most / whole), trials, failure)


def mean_at_most(mean: float, trials: int, failure: float) -> float:
    """Chernoff's bound: what the true mean is above with probability at most ``failure``.

    Args:
        mean: of independent numbers in [0, 1]; what rounding moves outside is moved back.
        trials: how many.
        failure: in (0, 1).
    """
    mean = min(max(mean, 0.0), 1.0)
    low, high = mean, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if trials * _divergence(mean, middle) <= -np.log(failure):
            low = middle
        else:
            high = middle
    return high


def mean_at_least(mean: float, trials: int, failure: float) -> float:
    """What the true mean is below with probability at most ``failure``; see ``mean_at_most``."""
    return 1.0 - mean_at_most(1.0 - mean, trials, failure)


def _divergence(a: float, b: float) -> float:
    """Kullback-Leibler divergence of two coins."""
    first = 0.0 if a <= 0 else a * np.log(a / b) if b > 0 else np.inf
    second = 0.0 if a >= 1 else (1 - a) * np.log((1 - a) / (1 - b)) if b < 1 else np.inf
    return float(first + second)
