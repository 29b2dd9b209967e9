r"""What a run tells about itself: the step that suits its comparisons, and how far each fit went.

With :math:`\omega` the spectral radius of :math:`D^{1/2} (P - 1/2) D^{1/2}`, D = diag(policy), INPO
converges around its equilibrium iff :math:`\eta > \eta^* = (\omega^2 + \tau^2)/(2\tau)`, and fastest at
:math:`2\eta^*` (``solvers.inpo.steps``). That matrix is antisymmetric, so its eigenvalues come in pairs
:math:`\pm i\omega`, and

.. math::
    2\omega^2 \le \|D^{1/2} (P - \tfrac12) D^{1/2}\|_F^2 = E_{y, y' \sim \pi}\big[(P(y \succ y') -
    \tfrac12)^2\big].

The right side is the mean squared margin of pairs drawn from the policy, which any unbiased pairing gives.
:math:`\sqrt{E[m^2]/2}` therefore bounds the radius, never above :math:`1/\sqrt 8`, and is it where the cycle
is one alone, as in rock-paper-scissors.

How far a fit went, its fidelity, is the slope of h on the step asked for, :math:`h^* = (v(y) - v(y'))/\eta`
with win rates v. A pair only gives a margin m, whose mean over one response is the other's win rate; so the
slope of h on :math:`m/\eta` would stay far below one even for an ideal fit. But :math:`E[h\,m]/\eta =
E[h\,h^*]`, and for the variance of v in :math:`E[h^{*2}] = 2\,Var(v)/\eta^2` the product of the margins of
one response against two others is an unbiased estimate.
Where responses met those of another policy, margins are differences of estimated win rates, and their noise
counts as part of the step: the fidelity comes out too low. Near the equilibrium the policy at the start
fulfils it already.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.inpo.pairing.groups import GroupEdges

_WORST_RADIUS = math.sqrt(1.0 / 8.0)


def radius_bound(edges: Sequence[GroupEdges]) -> float:
    """The bound on the spectral radius, in the mean over prompts, from the margins of pairs that met.

    Drawn labels have margins of +-1/2, which give the largest bound there is. Without any edge the bound is
    the largest too.
    """
    weights = np.concatenate([np.empty(0), *(one.weight for one in edges)])
    margins = np.concatenate([np.empty(0), *(one.margin for one in edges)])
    total = float(weights.sum())
    if total == 0.0:
        return _WORST_RADIUS
    return min(math.sqrt(float((weights * margins**2).sum()) / total / 2.0), _WORST_RADIUS)


def win_rate_variance(edges: Sequence[GroupEdges]) -> float:
    """Variance of the win rates, estimated without bias from responses that met two others or more.

    NaN where there are none, or where the estimate is not positive.
    """
    total, count = 0.0, 0.0
    for one in edges:
        size = len(one.rates)
        both = np.concatenate([one.first, one.second])
        margins = np.concatenate([one.margin, -one.margin])
        met = np.bincount(both, minlength=size)
        sums = np.bincount(both, margins, minlength=size)
        squares = np.bincount(both, margins**2, minlength=size)
        several = met > 1
        total += float(((sums**2 - squares)[several] / (met * (met - 1))[several]).sum())
        count += np.count_nonzero(several)
    return total / count if total > 0.0 else math.nan


def stable_eta(radius: float, tau: float) -> float:
    """eta*: INPO with a smaller one leaves its equilibrium again."""
    return (radius**2 + tau**2) / (2.0 * tau)


def automatic_eta(radius: float, tau: float) -> float:
    """2 eta*, at which INPO converges fastest."""
    return 2.0 * stable_eta(radius, tau)


@dataclass(frozen=True, slots=True)
class PassReport:
    """One pass of a round.

    Attributes:
        round: its round, from 0.
        number: which pass of it.
        eta: inverse step.
        share: share of the reference in the anchor.
        radius: bound on the spectral radius.
        pairs: pairs that entered the loss.
        calls: comparisons asked for.
        failed: comparisons without an answer.
        ties: comparisons called a tie.
        identical: matches between identical responses, not asked about.
        length: mean tokens of a response.
        ended: share of responses that came to their end.
        kl_to_reference: estimate of KL(policy || reference) of the policy that drew the responses, in nats
            for a whole response; NaN where the pass drew none or the reference has no share in its anchor.
        loss: mean training loss of the fit.
        fidelity: share of the step asked for that the last epoch of the fit saw reached: 0 if the policy did
            not move; NaN where the pairs do not tell.
        seconds: time of all stages.
    """

    round: int
    number: int
    eta: float
    share: float
    radius: float
    pairs: int
    calls: int
    failed: int
    ties: int
    identical: int
    length: float
    ended: float
    kl_to_reference: float
    loss: float
    fidelity: float
    seconds: float

    def figures(self) -> dict[str, float]:
        """What is worth a look while a run is under way, without what is not finite."""
        names = (
            "eta",
            "radius",
            "pairs",
            "calls",
            "failed",
            "ties",
            "length",
            "ended",
            "kl_to_reference",
            "fidelity",
        )
        found = {name: float(getattr(self, name)) for name in names}
        return {name: value for name, value in found.items() if math.isfinite(value)}


@dataclass(frozen=True, slots=True)
class RoundReport:
    """One round.

    Attributes:
        round: its number, from 0.
        passes: its passes.
        metrics: evaluation, by name; empty without evaluation prompts.
    """

    round: int
    passes: tuple[PassReport, ...]
    metrics: dict[str, float]


def win_matrix(rounds: Sequence[RoundReport]) -> NDArray[np.float64]:
    """Who beats whom among the reference and the policies of T rounds, shape (T + 1, T + 1).

    Entry (i, j) is the probability that policy i is preferred to policy j, as the evaluation of the later of
    the two has it; 0 is the reference, as it was in the round evaluated, and i the policy after i rounds.
    The entries of a pair add up to 1, the diagonal is 1/2, and pairs that never met are NaN: let
    ``INPOConfig.eval_opponents`` be the number of rounds for all of them to meet.
    """
    matrix = np.full((len(rounds) + 1, len(rounds) + 1), np.nan)
    np.fill_diagonal(matrix, 0.5)
    for i, one in enumerate(rounds, start=1):
        for j in range(i):
            rival = "reference" if j == 0 else f"round_{j - 1}"
            rate = one.metrics.get(f"eval_win_rate_{rival}", math.nan)
            matrix[i, j], matrix[j, i] = rate, 1.0 - rate
    return matrix
