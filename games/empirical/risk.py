r"""Risk in an empirical game: variance between the opponents' policies, and variance within a cell.

Player i draws own policy a from s once per episode, the opponents their joint choice b from y. With cell
means u(a, b) and within-cell variances v(a, b), m = u y and S = (u - m 1') diag(y) (u - m 1')', the risk of s
is

.. math::  s^\top S s \; (\text{between}), \qquad \sum_{ab} s_a y_b v(a, b) \; (\text{within}),

or their sum. A crash that happens with a fixed pair of policies is invisible to the first and all there is to
the second. Own randomisation between policies is not counted, as in `games.normal_form.risk`.

**Sampling noise.** Estimated means carry independent errors of variance q(a, b) = v(a, b) / n(a, b), which
inflate the diagonal of the plain estimate of S (off it they cancel on average, as different cells have
different episodes). For cell a the expected inflation is

.. math::
    \sum_b y_b \operatorname{E}\Bigl(e_b - \sum_{c} y_c e_c\Bigr)^2 = \sum_b y_b (1 - y_b) q(a, b),

and subtracting its unbiased estimate makes that of S unbiased for every y that does not depend on the noise.
(Subtracting q itself would take off too much where y is concentrated.) What is left may fail to be positive
semidefinite; `positive_part` gives the nearest matrix that is, at the price of a bias.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.empirical.empirical_game import EmpiricalGame
from games.profiles import Profile, as_profile


class RiskSource(Enum):
    """Which randomness counts as risk."""

    BETWEEN = "between"
    """Which policies the opponents play."""
    WITHIN = "within"
    """Chance and the policies' own randomness, the policies being given."""
    BOTH = "both"
    """Their sum."""


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalRisk:
    """Mean and risk of one player's mixtures s: mean s.m, risk s.w + s'Ss.

    Attributes:
        mean: float64 (n,), expected payoff m of each own policy.
        within: float64 (n,), within-cell variance w of each own policy; zeros if it does not count.
        between: float64 (n, n), noise-free covariance S of the policies' payoffs over the opponents' choice,
            unbiased and perhaps indefinite; zeros if it does not count.
    """

    mean: NDArray[np.float64]
    within: NDArray[np.float64]
    between: NDArray[np.float64]

    def variance_of(self, mixture: ArrayLike) -> float:
        """Estimated risk of a mixture, shape (n,); negative values are noise around zero."""
        s = np.asarray(mixture, dtype=np.float64)
        return float(s @ self.within + s @ self.between @ s)

    def adjusted(self, gamma: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Arguments c (n,) and Q (n, n) of the programme max c.s - s'Qs/2 that a risk-averse player solves.

        They are those of `games.normal_form.mean_variance.maximise_on_simplex`; Q is made positive
        semidefinite.
        """
        if not (math.isfinite(gamma) and gamma >= 0):
            raise ValueError(f"gamma must be finite and at least 0, got {gamma!r}")
        return self.mean - gamma * self.within, 2.0 * gamma * positive_part(self.between)


def empirical_risk(
    game: EmpiricalGame, profile: Sequence[ArrayLike], source: RiskSource
) -> tuple[EmpiricalRisk, ...]:
    """Mean and risk of every player's policies against the others' mixtures.

    Raises:
        ValueError: the profile does not fit, or a cell that matters has fewer than two episodes.
        TypeError: ``source`` is not a RiskSource.
    """
    if not isinstance(source, RiskSource):
        raise TypeError(f"source must be a RiskSource, got {source!r}")
    strategies = as_profile(profile, game.sizes)
    return tuple(_risk_of(game, strategies, i, source) for i in range(game.num_players))


def positive_part(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positive semidefinite matrix nearest to a symmetric one in the Frobenius norm."""
    values, vectors = np.linalg.eigh(matrix)
    clipped: NDArray[np.float64] = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return 0.5 * (clipped + clipped.T)


def _risk_of(game: EmpiricalGame, strategies: Profile, player: int, source: RiskSource) -> EmpiricalRisk:
    joint = np.ones(1)
    for j, y in enumerate(strategies):
        if j != player:
            joint = np.multiply.outer(joint, y).ravel()
    played = joint > 0
    y = joint[played]
    n = game.sizes[player]

    def rows(cells: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.moveaxis(cells, player, 0).reshape(n, -1)[:, played]

    if (rows(game.counts) < 2).any():
        raise ValueError(
            f"player {player}: a cell that the others' mixtures reach has fewer than two episodes, "
            "so it has no variance yet"
        )
    means, variances = rows(game.means[player]), rows(game.variance[player])
    mean = means @ y
    within, between = np.zeros(n), np.zeros((n, n))
    if source is not RiskSource.BETWEEN:
        within = variances @ y
    if source is not RiskSource.WITHIN:
        root = (means - mean[:, None]) * np.sqrt(y)
        between = root @ root.T
        between[np.diag_indices(n)] -= (variances / rows(game.counts)) @ (y * (1.0 - y))
    return EmpiricalRisk(mean, within, between)
