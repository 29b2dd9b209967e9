r"""How good actions are, given what they pay.

With u_a the expected payoff of each option (against what the others really do, or under the player's own
belief) and c the option chosen, for one decision

.. math::
    \mathrm{regret} = \max_a u_a - u_c, \qquad
    \mathrm{normalised} = \frac{\max_a u_a - u_c}{\max_a u_a - \min_a u_a} \in [0, 1] .

An option is best if its regret is at most a tolerance times the range of all payoffs at stake, so that
neither units nor rounding decide. Options all alike carry no information: their normalised regret is 0, and
chance and every player are at a best response rate of 1 there; a mean over decisions may leave them out by
`matters`.

Options are ragged over decisions, so each function takes one array per decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOLERANCE = 1e-9
"""Of the payoff range: smaller differences are ties."""


def optimal_set(
    utilities: ArrayLike, *, scale: float | None = None, tolerance: float = TOLERANCE
) -> tuple[int, ...]:
    """Positions of the best options.

    Args:
        utilities: expected payoff of each option, shape (k,), finite.
        scale: range of payoffs at stake; None takes that of ``utilities``.
        tolerance: in units of ``scale``.

    Raises:
        ValueError: not a vector of at least one finite number, or a negative scale or tolerance.

    Example:
        >>> optimal_set([1.0, 3.0, 3.0])
        (1, 2)
    """
    values = _utilities(utilities)
    reach = float(np.ptp(values)) if scale is None else scale
    if not (reach >= 0.0 and tolerance >= 0.0):
        raise ValueError(f"scale and tolerance must be at least 0, got {scale!r} and {tolerance!r}")
    return tuple(np.flatnonzero(values >= values.max() - tolerance * reach).tolist())


def regret(utilities: ArrayLike, action: int) -> float:
    """What the best option would have paid more than the one chosen, in units of payoff.

    Raises:
        ValueError: not a vector of finite numbers, or no such option.
    """
    values = _utilities(utilities)
    _check_action(action, values.size)
    return float(values.max() - values[action])


def normalised_regret(utilities: ArrayLike, action: int) -> float:
    """Regret in units of the range over the options: 0 for a best one, 1 for the worst; 0 if all tie."""
    reach = float(np.ptp(_utilities(utilities)))
    lost = regret(utilities, action)
    return lost / reach if reach > 0.0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ActionScores:
    """Scores of n decisions.

    Attributes:
        best: whether a best option was chosen, bool (n,).
        regrets: in units of payoff, (n,).
        normalised: in units of the range over each decision's options, (n,).
        chance_best: how often a uniform choice is best, (n,).
        chance_regrets: mean regret of a uniform choice, (n,).
        chance_normalised: its mean normalised regret, (n,).
        matters: whether the options differ at all, bool (n,).
    """

    best: NDArray[np.bool_]
    regrets: NDArray[np.float64]
    normalised: NDArray[np.float64]
    chance_best: NDArray[np.float64]
    chance_regrets: NDArray[np.float64]
    chance_normalised: NDArray[np.float64]
    matters: NDArray[np.bool_]


def score_actions(
    utilities: Sequence[ArrayLike],
    actions: Sequence[int],
    *,
    scales: Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
) -> ActionScores:
    """Score decisions, against the truth or against the player's own belief, as the utilities are.

    Args:
        utilities: per decision the expected payoff of each option.
        actions: per decision the option chosen.
        scales: per decision the range of payoffs at stake, in which ties are judged; None takes that of the
            decision's utilities.
        tolerance: in units of the scales.

    Raises:
        ValueError: sizes do not fit, or a decision's numbers are out of range.
    """
    if len(actions) != len(utilities) or (scales is not None and len(scales) != len(utilities)):
        raise ValueError(f"actions and scales must hold one entry per decision, {len(utilities)}")
    size = len(utilities)
    best, matters = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    table = np.zeros((5, size))
    for k, (row, action) in enumerate(zip(utilities, actions, strict=True)):
        values = _utilities(row)
        _check_action(action, values.size)
        top = optimal_set(values, scale=None if scales is None else scales[k], tolerance=tolerance)
        lost, reach = values.max() - values, float(np.ptp(values))
        share = lost / reach if reach > 0.0 else np.zeros_like(lost)
        best[k], matters[k] = action in top, len(top) < values.size
        table[:, k] = lost[action], share[action], len(top) / values.size, lost.mean(), share.mean()
    return ActionScores(best, table[0], table[1], table[2], table[3], table[4], matters)


def expected_utilities(payoffs: ArrayLike, belief: ArrayLike) -> NDArray[np.float64]:
    """Expected payoff of each own option under a belief about the other.

    Args:
        payoffs: own payoffs, shape (k, m): own option, then the other's.
        belief: distribution over the other's options, shape (m,).

    Raises:
        ValueError: the shapes do not fit.
    """
    table, weights = np.asarray(payoffs, dtype=np.float64), np.asarray(belief, dtype=np.float64)
    if table.ndim != 2 or weights.shape != table.shape[1:]:
        raise ValueError(f"payoffs (k, m) and belief (m,) must fit, got {table.shape} and {weights.shape}")
    values: NDArray[np.float64] = table @ weights
    return values


def _utilities(values: ArrayLike) -> NDArray[np.float64]:
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not row.size or not np.isfinite(row).all():
        raise ValueError(f"utilities must be a vector of finite numbers, got {values!r}")
    return row


def _check_action(action: int, size: int) -> None:
    if not 0 <= action < size:
        raise ValueError(f"action must lie in range({size}), got {action!r}")
