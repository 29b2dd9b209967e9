r"""How much a competing firm could gain at most, on a fixed sample and in truth.

Against mixed opponents, let :math:`w_e` be what entry e (a candidate in a set, at its distance) adds to the
payoff of its set over reaching it not at all. For any thresholds :math:`c_r \ge 0`, what seeds S add is at
most

.. math::
    \sum_r \max_{e \in r, v(e) \in S} w_e
        \le \sum_r c_r + \sum_{v \in S} \sum_{e: v(e) = v} (w_e - c_{r(e)})^+ ,

whose maximum over what the adopters can invite is found by matroid greedy: it is the dual of the linear
relaxation of facility location [1]_. Minimised over c it is that relaxation's value.

On sets that were not used to find the profile, the best response to it is fixed before they are drawn. So its
mean over them, which the bound above covers, is below its expectation by more than Chernoff's bound allows
with small probability only, and what the firms get together under the profile likewise.

.. [1] Cornuejols, Fisher, Nemhauser (1977), Location of bank accounts to optimize float, Management Science
   23.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate
from games.influence.assignment_kernels import heaviest
from games.influence.competition import FAR, Competition, DepthSets, Strategy
from games.influence.competition_payoffs import distances, set_payoffs
from games.influence.maximin import mean_at_most
from games.profiles import Profile


@dataclass(frozen=True, slots=True, eq=False)
class ResponseValues:
    """What a firm's distances are worth against mixed opponents, as shares of the total worth.

    Attributes:
        base: payoff of inviting nobody, summed over the sets.
        row: int64 (entries,), set of each entry of the sample.
        value: float64 (entries,), what being as near as this member adds to its set's payoff; never negative.
    """

    base: float
    row: NDArray[np.int64]
    value: NDArray[np.float64]


def response_values(
    game: Competition,
    sets: DepthSets,
    firm: int,
    populations: Sequence[Sequence[Strategy]],
    profile: Profile,
) -> ResponseValues:
    """What every entry is worth to ``firm`` while the others mix over their populations."""
    near = [
        [(p, distances(game, sets, s)) for s, p in zip(strategies, mixture, strict=True) if p > 0]
        for j, (strategies, mixture) in enumerate(zip(populations, profile, strict=True))
        if j != firm
    ]
    row = np.repeat(np.arange(sets.num_sets), np.diff(sets.start))
    value = np.zeros(row.size)
    base = 0.0
    for joint in itertools.product(*near):
        chance = math.prod(p for p, _ in joint)
        met = np.stack([d for _, d in joint], axis=1)
        rival = met.min(axis=1)
        absent = set_payoffs(game, _with_own(met, firm, FAR), sets.order)[:, firm]
        level = set_payoffs(game, _with_own(met, firm, rival), sets.order)[:, firm]
        base += chance * float(absent.sum())
        # Ahead of everybody a firm gets the whole root, whatever the tie rule.
        ahead, beside = 1.0 - absent, level - absent
        value += chance * np.where(
            sets.depth < rival[row], ahead[row], np.where(sets.depth == rival[row], beside[row], 0.0)
        )
    return ResponseValues(base, row, value)


def response_payoff(game: Competition, sets: DepthSets, values: ResponseValues, strategy: Strategy) -> float:
    """Mean payoff of a pure strategy against the opponents of ``values``, as a share of the total worth."""
    chosen = np.zeros(game.problems[0].num_candidates, dtype=np.bool_)
    chosen[strategy] = True
    held = chosen[sets.member]
    best = np.zeros(sets.num_sets)
    np.maximum.at(best, values.row[held], values.value[held])
    return (values.base + float(best.sum())) / sets.num_sets


def response_bound(
    game: Competition, sets: DepthSets, firm: int, values: ResponseValues, thresholds: NDArray[np.float64]
) -> float:
    """Upper bound on ``response_payoff`` over all strategies of ``firm``.

    Args:
        game: the competition.
        sets: the sample.
        firm: who responds.
        values: what its distances are worth.
        thresholds: one number of at least 0 per set, shape (sets,); any gives a valid bound.

    Raises:
        ValueError: ``thresholds`` has another shape or a negative entry.
    """
    if thresholds.shape != (sets.num_sets,) or not (thresholds >= 0).all():
        raise ValueError(
            f"thresholds must hold one number of at least 0 per set, shape ({sets.num_sets},), "
            f"got {thresholds.shape}"
        )
    problem = game.problems[firm]
    above = np.maximum(values.value - thresholds[values.row], 0.0)
    weight = np.bincount(sets.member, weights=above, minlength=problem.num_candidates)
    added = float(heaviest(problem.places(), np.argsort(-weight, kind="stable"), weight))
    full = np.diff(sets.start) > 0  # other sets add nothing
    return (values.base + float(thresholds[full].sum()) + added) / sets.num_sets


def sampled_gains(
    game: Competition,
    sets: DepthSets,
    populations: Sequence[Sequence[Strategy]],
    profile: Profile,
    values: Sequence[ResponseValues],
    thresholds: Sequence[NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every firm's payoff under the profile, and the bound on what a response gets.

    Both are shares of the total worth, shape (N,).
    """
    payoffs = [
        sum(
            float(p) * response_payoff(game, sets, values[i], s)
            for s, p in zip(populations[i], profile[i], strict=True)
            if p > 0
        )
        for i in range(game.num_firms)
    ]
    bounds = [response_bound(game, sets, i, values[i], thresholds[i]) for i in range(game.num_firms)]
    return np.array(payoffs), np.array(bounds)


def equilibrium_certificate(
    game: Competition,
    sets: DepthSets,
    payoffs: NDArray[np.float64],
    bounds: NDArray[np.float64],
    *,
    confidence: float,
) -> Certificate:
    """NashConv of a profile in the true game, in units of node weight.

    Args:
        game: the competition.
        sets: a sample drawn after the profile was fixed.
        payoffs: of the profile, from ``sampled_gains`` on these sets.
        bounds: from ``sampled_gains`` on these sets.
        confidence: probability with which the certificate holds, in (0, 1).

    Raises:
        ValueError: ``confidence`` is out of range.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence!r}")
    failure = (1.0 - confidence) / (game.num_firms + 1)
    low = -game.rivalry / (game.num_firms - 1)  # all others together win each root at most once
    scale = 1.0 - low
    best = sum(low + scale * mean_at_most((float(b) - low) / scale, sets.num_sets, failure) for b in bounds)
    # All payoffs together are 1 - rivalry times the chance that anybody gets the root: one mean instead of N.
    net = 1.0 - game.rivalry
    got = float(payoffs.sum()) / net if net != 0.0 else 0.0
    if net > 0:
        together = net * (1.0 - mean_at_most(1.0 - got, sets.num_sets, failure))
    else:
        together = net * mean_at_most(got, sets.num_sets, failure)
    return Certificate("nash_conv", max(0.0, best - together) * game.problems[0].model.total, confidence)


def _with_own(met: NDArray[np.int32], firm: int, own: NDArray[np.int32] | int) -> NDArray[np.int32]:
    return np.insert(met, firm, own, axis=1)
