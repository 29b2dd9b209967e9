r"""Values, variances, best responses and distance to equilibrium in the sequence form.

A profile is given as behavior policies, one array of shape (S_i,) per player (see ``sequence_form``).
With r the realization plans of the profile,

.. math::
    u_i(r) = \sum_e A_{ie} \prod_j r_j(s_{je}), \qquad
    \mathrm{NashConv}(r) = \sum_i \max_{r_i'} u_i(r_i', r_{-i}) - u_i(r).

The gradient of u_i in r_i costs one pass over the entries, and the maximum one bottom-up pass over the
player's information sets, so NashConv is linear in the size of the form.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.extensive import kernels
from games.extensive.sequence_form import Behavior, Plan, SequenceForm

_SUM_TOLERANCE = 1e-6
# Two sequences closer than this share of the payoff range are a tie, not a preference.
_TIE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class BestResponse:
    """A pure best response of one player.

    Attributes:
        value: its expected payoff.
        behavior: shape (S_i,), one action per information set; the first one on ties.
        plan: its realization plan, shape (S_i,).
    """

    value: float
    behavior: Behavior
    plan: Plan


def uniform_behaviors(form: SequenceForm) -> tuple[Behavior, ...]:
    """The profile that mixes uniformly at every information set."""
    behaviors = []
    for plex in form.treeplexes:
        sizes = np.diff(plex.start)
        behaviors.append(np.concatenate(([1.0], np.repeat(1.0 / sizes, sizes))))
    return tuple(behaviors)


def realization_plans(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> tuple[Plan, ...]:
    """Realization plans of behavior policies."""
    return split(form, join_plans(form, behaviors))


def behaviors_of_plans(form: SequenceForm, plans: Sequence[ArrayLike]) -> tuple[Behavior, ...]:
    """Behavior policies of realization plans; uniform at information sets the plan itself avoids.

    Raises:
        ValueError: a plan has the wrong shape, is negative, or breaks the flow constraints.
    """
    joined = _join(form, plans, "plans")
    behaviors = np.empty_like(joined)
    kernels.behaviors_from_plans(form.flat, joined, behaviors)
    rebuilt = np.empty_like(joined)
    kernels.plans_from_behaviors(form.flat, behaviors, rebuilt)
    error = float(np.abs(rebuilt - joined).max())
    if not error <= _SUM_TOLERANCE:
        raise ValueError(f"plans must satisfy plan[0] = 1 and the flow constraints; off by {error:g}")
    return split(form, behaviors)


def expected_values(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Expected payoff of each player, shape (N,)."""
    plans = join_plans(form, behaviors)
    return np.array([kernels.multilinear(form.sequences, a, form.flat, plans) for a in form.payoff])


def payoff_variances(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Variance of each player's realised payoff over chance and all players' moves, shape (N,)."""
    plans = join_plans(form, behaviors)
    return np.array([payoff_moments(form, plans, i)[1] for i in range(form.num_players)])


def payoff_moments(form: SequenceForm, plans: NDArray[np.float64], player: int) -> tuple[float, float]:
    """Mean and variance of a player's realised payoff under plans end to end, shape (S,); not validated."""
    payoff = form.payoff[player]
    mean = kernels.multilinear(form.sequences, payoff, form.flat, plans)
    # Centre first: E[(u - m)^2] keeps digits that E[u^2] - m^2 would lose.
    centred = form.payoff_sq[player] - 2.0 * mean * payoff + mean**2 * form.weight
    return float(mean), max(float(kernels.multilinear(form.sequences, centred, form.flat, plans)), 0.0)


def best_response(form: SequenceForm, behaviors: Sequence[ArrayLike], player: int) -> BestResponse:
    """A pure best response of ``player`` to the other players' policies.

    Raises:
        ValueError: ``player`` or a policy does not fit the game.
    """
    if not 0 <= player < form.num_players:
        raise ValueError(f"player must lie in 0..{form.num_players - 1}, got {player}")
    return best_response_to_plans(form, join_plans(form, behaviors), player)


def best_response_to_plans(form: SequenceForm, plans: NDArray[np.float64], player: int) -> BestResponse:
    """As ``best_response``, for realization plans end to end, shape (S,); not validated."""
    values = np.zeros(form.treeplexes[player].num_sequences)
    kernels.add_gradient(player, form.sequences, form.payoff[player], form.flat, plans, values)
    value = kernels.maximise(player, form.flat, values)
    plan = np.empty_like(values)
    kernels.greedy_plan(player, form.flat, values, _TIE * form.payoff_range, plan)
    return BestResponse(value, _pure_behavior(form, player, values), plan)


def regrets(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """What each player could gain by the best deviation, shape (N,)."""
    return values_and_regrets(form, join_plans(form, behaviors))[1]


def values_and_regrets(
    form: SequenceForm, plans: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected payoffs and regrets, both (N,), of plans end to end, shape (S,); not validated."""
    values = np.empty(form.num_players)
    gains = np.empty(form.num_players)
    kernels.regrets_from_plans(form.sequences, form.payoff, form.flat, plans, values, gains)
    return values, gains


def nash_conv(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> float:
    """Sum of the players' regrets; zero exactly at a Nash equilibrium."""
    return float(regrets(form, behaviors).sum())


def exploitability(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> float:
    """NashConv divided by the number of players, as OpenSpiel defines it."""
    return nash_conv(form, behaviors) / form.num_players


def join_plans(form: SequenceForm, behaviors: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Validate behavior policies and return their realization plans end to end, shape (S,).

    Raises:
        ValueError: wrong number of policies or shapes, or an information set whose probabilities are
            negative, not finite, or do not sum to one within 1e-6.
    """
    joined = _join(form, behaviors, "behaviors")
    bad = kernels.first_invalid(form.flat, joined, _SUM_TOLERANCE)
    if bad >= 0:
        player = int(np.searchsorted(form.flat.infoset_offset, bad, side="right")) - 1
        label = form.treeplexes[player].infosets[bad - int(form.flat.infoset_offset[player])]
        got = joined[form.flat.first[bad] : form.flat.last[bad]]
        raise ValueError(
            f"behaviors[{player}] must hold a distribution at each information set, got {got} at {label!r}"
        )
    plans = np.empty_like(joined)
    kernels.plans_from_behaviors(form.flat, joined, plans)
    return plans


def split(form: SequenceForm, joined: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Cut an array over all sequences end to end, shape (S,), into one per player."""
    return tuple(np.split(joined, form.flat.sequence_offset[1:-1]))


def _join(form: SequenceForm, arrays: Sequence[ArrayLike], name: str) -> NDArray[np.float64]:
    parts = [np.asarray(a, dtype=np.float64) for a in arrays]
    shapes = [p.shape for p in parts]
    wanted = [(n,) for n in form.num_sequences]
    if shapes != wanted:
        raise ValueError(f"{name} must have shapes {wanted}, one array per player, got {shapes}")
    return np.concatenate(parts)


def _pure_behavior(form: SequenceForm, player: int, values: NDArray[np.float64]) -> Behavior:
    """One best action at every information set, also where the plan does not lead."""
    plex = form.treeplexes[player]
    behavior = np.zeros(plex.num_sequences)
    behavior[0] = 1.0
    if plex.num_infosets:
        sizes = np.diff(plex.start)
        owner = np.repeat(np.arange(plex.num_infosets), sizes)
        best = np.maximum.reduceat(values[1:], plex.start[:-1] - 1)
        near = np.flatnonzero(values[1:] >= best[owner] - _TIE * form.payoff_range)
        _, first = np.unique(owner[near], return_index=True)
        behavior[1 + near[first]] = 1.0
    return behavior
