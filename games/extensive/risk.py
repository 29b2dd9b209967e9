r"""Risk-averse play in trees: mean minus variance, best responses solved exactly.

The opponents draw one policy each per play, by mixtures over populations; K joint policies have
probabilities y_k. A player's realization plan x earns z_k = x . g_k against the k-th, g_k being the gradient
of the expected payoff. Two risks can be priced at gamma, as in ``games.normal_form.risk``:

*Variance over the opponents.* The objective

.. math::  r(x) = \sum_k y_k z_k - \gamma \Big( \sum_k y_k z_k^2 - \big(\sum_k y_k z_k\big)^2 \Big)

is concave, so its maximum over the treeplex is a convex quadratic programme. It is solved by simplicial
decomposition [1]_: a quadratic programme over the mixtures of few pure plans, and a pure best response
to its gradient as the next of them. The best response that ends it proves the answer: no plan
exceeds r(x) + gap with the first-order gap. The optimum is generally a mixed plan.

*Total variance* of the realised payoff R, over chance, opponents and own moves,

.. math::  f(x) = m(x) - \gamma \, (q(x) - m(x)^2), \qquad m = \mathbb E R, \; q = \mathbb E R^2,

is convex in the two linear functions m and q, so a pure plan is best, at a vertex of the polygon of all
(m, q). f falls in q, so a vertex of the lower boundary is best; all of these are found, each between two
known ones, by best responses to a m - b q [2]_.

.. [1] von Hohenbalken (1977), Simplicial decomposition in nonlinear programming algorithms, Mathematical
   Programming 13.
.. [2] Eisner, Severance (1976), Mathematical techniques for efficient record segmentation in large shared
   databases, Journal of the ACM 23.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.evaluation import payoff_moments
from games.extensive.sequence_form import Plan, SequenceForm
from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk import RiskAversion, RiskVariance
from games.profiles import Profile, tremble_profile

FloatArray = NDArray[np.float64]

_TIE = 1e-12
_GAP = 1e-10
_ROUNDS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class RiskResponse:
    """A risk-averse best response.

    Attributes:
        plan: realization plan, shape (S_i,).
        value: its risk-adjusted payoff.
        gap: no plan is worth more than value + gap.
    """

    plan: Plan
    value: float
    gap: float


def opponents_gradients(
    form: SequenceForm, populations: Sequence[FloatArray], profile: Profile, player: int
) -> tuple[FloatArray, FloatArray]:
    """Gradients against every joint policy of the opponents that is played, and its probability.

    Args:
        form: the game.
        populations: realization plans of each player, shape (policies, S_j).
        profile: mixtures over them.
        player: whose payoff and gradient.

    Returns:
        Arrays of shapes (K, S_player) and (K,).
    """
    others = [j for j in range(form.num_players) if j != player]
    supports = [np.flatnonzero(profile[j]) for j in others]
    plans = np.zeros(int(form.flat.sequence_offset[-1]))
    pieces = np.split(plans, form.flat.sequence_offset[1:-1])
    gradients, weights = [], []
    for choice in itertools.product(*supports):
        weight = 1.0
        for j, k in zip(others, choice, strict=True):
            pieces[j][:] = populations[j][k]
            weight *= profile[j][k]
        gradients.append(_gradient(form, form.payoff[player], player, plans))
        weights.append(weight)
    return np.array(gradients), np.array(weights)


def variance_response(
    form: SequenceForm, player: int, gradients: FloatArray, weights: FloatArray, gamma: float
) -> RiskResponse:
    """Best plan when the variance over the opponents' joint policies is priced.

    Args:
        form: the game.
        player: who answers.
        gradients: shape (K, S_player), from ``opponents_gradients``.
        weights: probabilities of the joint policies, shape (K,).
        gamma: price of variance, in units of one over payoff.

    Returns:
        The gap is at most 1e-10 of the payoff range, or what was reached in 2000 rounds.
    """
    first, _ = _best_plan(form, player, weights @ gradients)
    corners = [first]
    earned = [gradients @ first]  # of each corner against each joint policy
    mixture = np.ones(1)
    tolerance = _GAP * max(form.payoff_range, np.finfo(float).tiny)
    for _ in range(_ROUNDS):
        table = np.array(earned)
        means = table @ weights
        root = (table - means[:, None]) * np.sqrt(weights)
        mixture, value, _ = maximise_on_simplex(means, 2.0 * gamma * (root @ root.T))
        keep = mixture > 0.0
        corners = [c for c, kept in zip(corners, keep, strict=True) if kept]
        earned = [e for e, kept in zip(earned, keep, strict=True) if kept]
        mixture = mixture[keep]
        z = mixture @ np.array(earned)
        slope = (weights * (1.0 - 2.0 * gamma * (z - weights @ z))) @ gradients
        corner, best = _best_plan(form, player, slope)
        plan = mixture @ np.array(corners)
        gap = max(best - float(slope @ plan), 0.0)
        if gap <= tolerance:
            break
        corners.append(corner)
        earned.append(gradients @ corner)
    return RiskResponse(plan, value, gap)


def total_variance_response(form: SequenceForm, plans: FloatArray, player: int, gamma: float) -> RiskResponse:
    """Best plan when the variance of the realised payoff is priced; a pure one.

    Args:
        form: the game.
        plans: realization plans of all players' mixtures, end to end, shape (S,).
        player: who answers.
        gamma: price of variance, in units of one over payoff.

    Returns:
        A gap of zero: the search is exact but for rounding.
    """
    # Payoffs from the middle of their range, in units of it: offsets cost no digits, units do not matter.
    middle = sum(form.payoff_bounds) / 2.0
    unit = form.payoff_range or 1.0
    gamma *= unit
    weight, payoff = form.weight, form.payoff[player]
    squares = form.payoff_sq[player] - 2.0 * middle * payoff + middle**2 * weight
    first = _gradient(form, (payoff - middle * weight) / unit, player, plans)
    second = _gradient(form, squares / unit**2, player, plans)

    def corner(a: float, b: float) -> tuple[FloatArray, Plan]:
        """The vertex of the (m, q) polygon farthest along a m - b q."""
        plan, _ = _best_plan(form, player, a * first - b * second)
        return np.array([first @ plan, second @ plan]), plan

    def worth(point: FloatArray) -> float:
        return float(point[0] - gamma * (point[1] - point[0] ** 2))

    left, right = corner(-1.0, 0.0), corner(1.0, 0.0)
    best = max(corner(0.0, 1.0), left, right, key=lambda found: worth(found[0]))
    waiting = [(left[0], right[0])]
    while waiting:
        a, b = waiting.pop()
        run, rise = b - a
        if run <= _TIE:
            continue
        # Outward of the lower edge from a to b; nothing below it means that the edge is on the polygon.
        found = corner(rise, run)
        below = float(np.dot([rise, -run], found[0] - a))
        if below <= _TIE * run:
            continue
        if worth(found[0]) > worth(best[0]):
            best = found
        waiting += [(a, found[0]), (found[0], b)]
    return RiskResponse(best[1], unit * worth(best[0]) + middle, 0.0)


def mixture_risk_regrets(
    form: SequenceForm, populations: Sequence[FloatArray], profile: Profile, risk: RiskAversion
) -> FloatArray:
    """Upper bounds on what each player could gain, risk-adjusted, by the best plan of the whole game.

    Args:
        form: the game.
        populations: realization plans of each player, shape (policies, S_j).
        profile: mixtures over them; opponents are believed to tremble over their populations.
        risk: price of variance, trembles, and whose randomness counts.

    Returns:
        Shape (N,).
    """
    gammas = risk.gammas(form.num_players)
    bounds = np.zeros(form.num_players)
    for i, gamma in enumerate(gammas):
        response = risk_best_plan(form, populations, profile, i, risk)
        mean, variance = _figures(form, populations, profile, i, risk)
        bounds[i] = response.value + response.gap - (mean - float(gamma) * variance)
    return np.maximum(bounds, 0.0)  # non-negative but for rounding


def risk_best_plan(
    form: SequenceForm, populations: Sequence[FloatArray], profile: Profile, player: int, risk: RiskAversion
) -> RiskResponse:
    """The best plan of one player against mixtures over populations; see ``mixture_risk_regrets``."""
    gamma = float(risk.gammas(form.num_players)[player])
    believed = _believed(profile, risk)
    if risk.variance is RiskVariance.TOTAL:
        return total_variance_response(form, _mixed(populations, believed), player, gamma)
    gradients, weights = opponents_gradients(form, populations, believed, player)
    return variance_response(form, player, gradients, weights, gamma)


def mixture_risk_nash_conv(
    form: SequenceForm, populations: Sequence[FloatArray], profile: Profile, risk: RiskAversion
) -> float:
    """Sum of ``mixture_risk_regrets``: zero exactly where nobody has a better plan in the whole game."""
    return float(mixture_risk_regrets(form, populations, profile, risk).sum())


def _figures(
    form: SequenceForm, populations: Sequence[FloatArray], profile: Profile, player: int, risk: RiskAversion
) -> tuple[float, float]:
    """Mean and priced variance of what the player's own mixture earns."""
    own = profile[player] @ populations[player]
    believed = _believed(profile, risk)
    if risk.variance is RiskVariance.TOTAL:
        joined = _mixed(populations, believed)
        np.split(joined, form.flat.sequence_offset[1:-1])[player][:] = own
        return payoff_moments(form, joined, player)
    gradients, weights = opponents_gradients(form, populations, believed, player)
    earned = gradients @ own
    mean = float(weights @ earned)
    return mean, float(weights @ (earned - mean) ** 2)


def _believed(profile: Profile, risk: RiskAversion) -> Profile:
    return tremble_profile(profile, risk.tremble) if risk.tremble else profile


def _mixed(populations: Sequence[FloatArray], profile: Profile) -> FloatArray:
    """Realization plans of mixtures over populations, end to end."""
    return np.concatenate([x @ plans for x, plans in zip(profile, populations, strict=True)])


def _gradient(form: SequenceForm, payoff: FloatArray, player: int, plans: FloatArray) -> FloatArray:
    gradient = np.zeros(form.num_sequences[player])
    kernels.add_gradient(player, form.sequences, payoff, form.flat, plans, gradient)
    return gradient


def _best_plan(form: SequenceForm, player: int, slope: FloatArray) -> tuple[Plan, float]:
    """A pure plan that maximises slope . x, and the maximum."""
    values = slope.copy()
    value = kernels.maximise(player, form.flat, values)
    plan = np.empty_like(values)
    kernels.greedy_plan(player, form.flat, values, 0.0, plan)
    return plan, value
