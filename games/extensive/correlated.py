r"""Joint distributions over policies of a tree: best deviations, and distance to correlated equilibria.

A mediator draws a cell k = (k_1, ..., k_N) of a joint distribution p over the players' policies, given by
realization plans, and tells each player their own part k_i. With u_i(r_i, k) the payoff of player i who plays
the plan r_i while the others keep to k, the gaps of the whole game are

.. math::
    \mathrm{CE}(p) = \sum_i \sum_a \max_{r_i} \sum_{k : k_i = a} p_k [u_i(r_i, k) - u_i(k)], \qquad
    \mathrm{CCE}(p) = \sum_i \max_{r_i} \sum_k p_k [u_i(r_i, k) - u_i(k)] :

a player deviates after learning their part, or commits to a deviation before. Every plan of the tree is a
deviation, not only the policies at hand. These are the gaps of the normal form for pure policies. A mixed
policy is drawn by its player after the mediator has spoken; the distribution over pure plans that results is
then at least as close to an equilibrium as the gap says, since a mediator who named the pure plan would only
take information from what the gap lets a player use.

Payoffs are multilinear in the plans, so the best deviation needs the gradient of u_i under the weights alone:
one pass over the entries for each cell of the players other than i and one more, whose mixture is one plan.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.extensive import kernels
from games.extensive.evaluation import behaviors_of_plans
from games.extensive.sequence_form import Plan, SequenceForm
from games.profiles import as_distribution

FloatArray = NDArray[np.float64]

# Two sequences closer than this share of the payoff range are a tie, not a preference.
_TIE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Deviation:
    """A player's best deviation from a joint distribution, or from one recommendation of it.

    Attributes:
        recommended: the policy the player is told to play; None where the deviation comes before that.
        weight: probability of the recommendation; one where there is none.
        gain: what the deviation adds to the player's expected payoff, times ``weight``; at least zero.
        plan: a pure best plan, shape (S_i,); the first action on ties.
    """

    recommended: int | None
    weight: float
    gain: float
    plan: Plan


def recommended_deviations(
    form: SequenceForm, policies: Sequence[FloatArray], joint: FloatArray, player: int
) -> list[Deviation]:
    """The best deviation from each policy that ``player`` is ever told to play.

    Args:
        form: the game.
        policies: realization plans of each player, shape (K_i, S_i); not validated.
        joint: distribution over cells, shape (K_1, ..., K_N); not validated.
        player: who deviates.
    """
    told = np.moveaxis(joint, player, 0)
    found = []
    for k in np.flatnonzero(told.reshape(len(told), -1).any(axis=1)).tolist():
        gradient = weighted_gradient(form, policies, told[k], player)
        value = float(gradient @ policies[player][k])
        found.append(_best(form, gradient, value, float(told[k].sum()), player, k))
    return found


def coarse_deviation(
    form: SequenceForm, policies: Sequence[FloatArray], joint: FloatArray, player: int
) -> Deviation:
    """The best plan for ``player`` to commit to; arguments as for ``recommended_deviations``."""
    value = 0.0
    for k, part in enumerate(np.moveaxis(joint, player, 0)):
        if part.any():
            value += float(weighted_gradient(form, policies, part, player) @ policies[player][k])
    gradient = weighted_gradient(form, policies, joint.sum(axis=player), player)
    return _best(form, gradient, value, 1.0, player, None)


def joint_ce_gap(form: SequenceForm, policies: Sequence[ArrayLike], joint: ArrayLike) -> float:
    """Distance of a joint distribution over policies from a correlated equilibrium, in payoff units.

    Args:
        form: the game.
        policies: realization plans of each player, shape (K_i, S_i).
        joint: distribution over cells, shape (K_1, ..., K_N).

    Raises:
        ValueError: shapes do not fit, a row is no realization plan, or ``joint`` is no distribution.
    """
    plans, cells = _checked(form, policies, joint)
    return sum(
        deviation.gain
        for i in range(form.num_players)
        for deviation in recommended_deviations(form, plans, cells, i)
    )


def joint_cce_gap(form: SequenceForm, policies: Sequence[ArrayLike], joint: ArrayLike) -> float:
    """Distance from a coarse correlated equilibrium; arguments and errors as for ``joint_ce_gap``."""
    plans, cells = _checked(form, policies, joint)
    return sum(coarse_deviation(form, plans, cells, i).gain for i in range(form.num_players))


def joint_values(form: SequenceForm, policies: Sequence[FloatArray], joint: FloatArray) -> FloatArray:
    """Expected payoff of each player under a joint distribution, shape (N,); not validated."""
    values = np.zeros(form.num_players)
    for k, part in enumerate(joint):
        if part.any():
            plans = policies[0][k]
            for i in range(form.num_players):
                values[i] += float(weighted_gradient(form, policies, part, 0, payoff_of=i) @ plans)
    return values


def weighted_gradient(
    form: SequenceForm,
    policies: Sequence[FloatArray],
    weights: FloatArray,
    player: int,
    *,
    payoff_of: int | None = None,
) -> Plan:
    """Derivative in the plan of ``player`` of a payoff summed over weighted cells of the others' policies.

    Args:
        form: the game.
        policies: realization plans of each player, shape (K_i, S_i).
        weights: weight of each cell of the others, one axis for each in their order.
        player: whose plan.
        payoff_of: whose payoff; that of ``player`` where None.

    Returns:
        Shape (S_player,).
    """
    others = [j for j in range(form.num_players) if j != player]
    payoff = form.payoff[player if payoff_of is None else payoff_of]
    gradient = np.zeros(form.num_sequences[player])
    plans = np.zeros(int(form.flat.sequence_offset[-1]))
    parts = np.split(plans, form.flat.sequence_offset[1:-1])
    if not others:
        kernels.add_gradient(player, form.sequences, payoff, form.flat, plans, gradient)
        return gradient * float(weights)
    # The last of the others is averaged into one unnormalised plan, which carries the weights.
    *fixed, free = others
    for cell in itertools.product(*(range(len(policies[j])) for j in fixed)):
        row = weights[cell]
        if row.any():
            for j, k in zip(fixed, cell, strict=True):
                parts[j][:] = policies[j][k]
            parts[free][:] = row @ policies[free]
            kernels.add_gradient(player, form.sequences, payoff, form.flat, plans, gradient)
    return gradient


def _best(
    form: SequenceForm, gradient: Plan, value: float, weight: float, player: int, recommended: int | None
) -> Deviation:
    best = kernels.maximise(player, form.flat, gradient)  # the gradient becomes the sequence values
    plan = np.empty_like(gradient)
    kernels.greedy_plan(player, form.flat, gradient, _TIE * form.payoff_range * weight, plan)
    return Deviation(recommended, weight, max(best - value, 0.0), plan)


def _checked(
    form: SequenceForm, policies: Sequence[ArrayLike], joint: ArrayLike
) -> tuple[list[FloatArray], FloatArray]:
    plans = [np.asarray(p, dtype=np.float64) for p in policies]
    wanted = form.num_sequences
    if len(plans) != form.num_players or any(
        p.ndim != 2 or p.shape[1] != n or not len(p) for p, n in zip(plans, wanted, strict=False)
    ):
        raise ValueError(
            f"policies must hold one array of shape (K, S) with K >= 1 per player and S = {wanted}, "
            f"got shapes {[p.shape for p in plans]}"
        )
    # Plans are checked in profiles, so short lists are filled with their first policy.
    for k in range(max(map(len, plans))):
        behaviors_of_plans(form, [p[k if k < len(p) else 0] for p in plans])
    cells = np.asarray(joint, dtype=np.float64)
    if cells.shape != tuple(map(len, plans)):
        raise ValueError(f"joint must have shape {tuple(map(len, plans))}, got {cells.shape}")
    return plans, as_distribution(cells.ravel(), name="joint").reshape(cells.shape)
