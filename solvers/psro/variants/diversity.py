r"""Policy-space diversity [1]_: best responses that widen what the population's mixtures can play.

The *policy hull* of a player is the set of plans their mixtures realise. The distance of a plan from it is
the least Kullback-Leibler divergence

.. math::  D(x) = \min_{y \in H} \sum_h x(p_h) \, w_h \, \mathrm{KL}\big(b_x(h) \,\|\, b_y(h)\big)
                = \min_{y \in H} \sum_{s \text{ last}} w_s x_s \log \frac{x_s}{y_s} ,

where the weights are those of a nature that leads to the own information sets after a sequence with equal
probability; with them :math:`\sum_s w_s x_s = 1` over the sequences after which the player does not move
again, and the equality is the chain rule. H holds the mixtures of the population, each mixed with a little
uniform play so that D is finite. The answer maximises :math:`u(x) + \lambda D(x)` over pure plans.

For pure plans :math:`x \log x = 0`, so D is the cross-entropy :math:`\min_y -\sum_s w_s x_s \log y_s`, which
is concave over all plans. That relaxation is solved by cutting planes: a linear program over the treeplex
and the cuts so far, whose value bounds every pure plan, and the nearest y to its answer as the next cut.
The nearest y is the maximum-likelihood mixture, found by expectation maximisation. The best of the pure
plans that make up the relaxed answers is given, with the bound.

.. [1] J. Yao, W. Liu, H. Fu, Y. Yang, S. McAleer, Q. Fu, W. Yang, "Policy space diversity for non-transitive
   games", NeurIPS 2023. Published: a deep best response with the divergence from sampled members of the hull;
   here from the nearest of all, on the tree.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from games.extensive import kernels
from games.extensive.evaluation import best_response_to_plans, uniform_behaviors
from games.extensive.sequence_form import Plan, SequenceForm, Treeplex
from solvers.psro.bilinear.game import simplex_game
from solvers.psro.bilinear.linear_program import solve_by_lp
from solvers.psro.population import MetaPlay
from solvers.psro.variants.anytime import pure_parts

FloatArray = NDArray[np.float64]

_CUTS = 5
_PARTS = 3  # pure plans tried from each relaxed answer
_EM_STEPS = 200
_EM_TOL = 1e-6  # nats


@dataclass(frozen=True, slots=True, eq=False)
class DiverseResponse:
    """A pure plan that is worth much and far from the hull.

    Attributes:
        plan: realization plan, shape (S_i,).
        objective: its payoff plus the price of diversity times its distance.
        bound: no pure plan has a larger objective.
    """

    plan: Plan
    objective: float
    bound: float


@dataclass(frozen=True, slots=True)
class DiverseBestResponse:
    """The pure plan of greatest payoff plus ``weight`` times the distance from the population's hull.

    The weight falls with the population, as weight / policies, and is halved as often as the answer would
    give away more than half of what a best response gains: so it gains at least half of that, and runs come
    to an equilibrium as they do with exact best responses.

    Attributes:
        weight: price of diversity in payoff ranges per nat; 0 is a best response.
        smoothing: share of uniform play in the members of the hull, in (0, 1).
    """

    weight: float = 0.5
    smoothing: float = 0.05

    def __post_init__(self) -> None:
        if not self.weight >= 0.0:
            raise ValueError(f"weight must be at least 0, got {self.weight!r}")
        if not 0.0 < self.smoothing < 1.0:
            raise ValueError(f"smoothing must lie between 0 and 1, got {self.smoothing!r}")

    @property
    def name(self) -> str:
        """Registered name, with parameters."""
        return f"diverse(weight={self.weight:g},smoothing={self.smoothing:g})"

    def respond(self, play: MetaPlay, player: int, *, rng: np.random.Generator) -> Plan:
        """See ``Oracle.respond``; draws nothing from ``rng``."""
        form = play.form
        gradient = _gradient(form, play.plans, player)
        usual = best_response_to_plans(form, play.plans, player)
        begin, end = form.flat.sequence_offset[player], form.flat.sequence_offset[player + 1]
        value = float(gradient @ play.plans[begin:end])
        hull = play.populations[player]
        price = self.weight * form.payoff_range / len(hull)
        while price > 1e-6 * form.payoff_range:
            answer = diverse_response(
                form, player, gradient, hull, price=price, smoothing=self.smoothing
            ).plan
            if gradient @ answer - value >= 0.5 * (usual.value - value):
                return answer
            price *= 0.5
        return usual.plan


def nature_weights(plex: Treeplex) -> FloatArray:
    """Weights w, shape (S,), with sum of w x = 1 for every plan x; zero where the player moves again."""
    reach = np.zeros(plex.num_sequences)
    reach[0] = 1.0
    children = np.bincount(plex.parent, minlength=plex.num_sequences)
    for h in range(plex.num_infosets):
        parent = plex.parent[h]
        reach[plex.start[h] : plex.start[h + 1]] = reach[parent] / children[parent]
    return np.where(children > 0, 0.0, reach)


def nearest_in_hull(weighted: FloatArray, hull: FloatArray, smooth: Plan, smoothing: float) -> Plan:
    """The smoothed member y of the hull that maximises the sum of ``weighted`` log y.

    Args:
        weighted: w x, shape (S,), nonnegative, sum 1.
        hull: realization plans, shape (policies, S).
        smooth: what members are smoothed with, a positive plan.
        smoothing: its share.

    Returns:
        y, shape (S,), by expectation maximisation over the mixture until the duality gap is 1e-6 nats or for
        200 steps, so a distance from it may be a little too large, never too small.
    """
    used = weighted > 0.0
    rows, base, mass = hull[:, used], smoothing * smooth[used], weighted[used]
    mixture = np.full(len(hull), 1.0 / len(hull))
    for _ in range(_EM_STEPS):
        likelihood = base + (1.0 - smoothing) * (mixture @ rows)
        # Slope of the likelihood in each policy. By concavity, what is missing is at most the greatest slope
        # minus their mean under the mixture.
        slope = (1.0 - smoothing) * (rows @ (mass / likelihood))
        mean = float(mixture @ slope)
        if mean <= 0.0 or slope.max() - mean <= _EM_TOL:
            break
        mixture *= slope / mean
    return smoothing * smooth + (1.0 - smoothing) * (mixture @ hull)


def hull_distance(
    form: SequenceForm, player: int, plan: Plan, hull: FloatArray, *, smoothing: float
) -> float:
    """D(x) in nats of a plan, shape (S_player,), from the smoothed hull of ``hull``, (policies, S_player)."""
    weighted = nature_weights(form.treeplexes[player]) * plan
    nearest = nearest_in_hull(weighted, hull, _uniform(form, player), smoothing)
    used = weighted > 0.0
    return float(weighted[used] @ np.log(plan[used] / nearest[used]))


def diverse_response(
    form: SequenceForm, player: int, gradient: FloatArray, hull: FloatArray, *, price: float, smoothing: float
) -> DiverseResponse:
    """Maximise payoff plus ``price`` times the distance from the hull over pure plans.

    Args:
        form: the game.
        player: who answers.
        gradient: what each of their sequences is worth, shape (S_player,).
        hull: their realization plans, shape (policies, S_player).
        price: payoff units per nat, at least 0.
        smoothing: share of uniform play in the members of the hull.
    """
    plex, smooth = form.treeplexes[player], _uniform(form, player)
    weights = nature_weights(plex)
    cuts: list[FloatArray] = []
    relaxed = hull.mean(axis=0)
    best, bound = None, np.inf
    for _ in range(_CUTS):
        nearest = nearest_in_hull(weights * relaxed, hull, smooth, smoothing)
        cuts.append(gradient - price * weights * np.log(nearest))
        relaxed = solve_by_lp(simplex_game(form, player, np.array(cuts)))[: plex.num_sequences]
        bound = min(bound, float(min(cut @ relaxed for cut in cuts)))
        for plan in islice(pure_parts(plex, relaxed), _PARTS):
            distance = hull_distance(form, player, plan, hull, smoothing=smoothing)
            objective = float(gradient @ plan) + price * distance
            if best is None or objective > best.objective:
                best = DiverseResponse(plan, objective, np.inf)
        if best is not None and bound - best.objective <= 1e-9 * max(form.payoff_range, price):
            break
    assert best is not None  # a plan has at least one pure part
    return DiverseResponse(best.plan, best.objective, bound)


def _uniform(form: SequenceForm, player: int) -> Plan:
    plans = np.empty(int(form.flat.sequence_offset[-1]))
    kernels.plans_from_behaviors(form.flat, np.concatenate(uniform_behaviors(form)), plans)
    return plans[form.flat.sequence_offset[player] : form.flat.sequence_offset[player + 1]]


def _gradient(form: SequenceForm, plans: FloatArray, player: int) -> FloatArray:
    gradient = np.zeros(form.num_sequences[player])
    kernels.add_gradient(player, form.sequences, form.payoff[player], form.flat, plans, gradient)
    return gradient
