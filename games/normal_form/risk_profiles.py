r"""Risk-adjusted games: every player with a measure and a regulariser of their own, freely mixed.

Player i is worth :math:`F_i(x) = \rho_i(A_i^\top x_i, y_i) + h_i(x_i)`, where y_i is the product of what
the opponents play, each trembled to (1 - tremble) x_j + tremble / n_j. A profile is an equilibrium when no
player gains by another mixture. Corners: Nash (neutral, no regulariser), quantal response (neutral, entropy),
risk-averse (mean-variance), risk-averse quantal response (entropic with entropy), maximin (worst case
with trembles). F_i is concave in x_i, and equilibria exist wherever it is continuous in the rest; the worst
case without trembles is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form.game import NormalFormGame
from games.normal_form.risk_measures import RiskMeasure
from games.normal_form.risk_regularisers import Regulariser
from games.normal_form.risk_response import objective, respond
from games.profiles import Profile, as_profile, tremble_profile

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskProfile:
    """How every player of a game weighs risk.

    Attributes:
        measures: one risk measure per player.
        regularisers: one regulariser or None per player; () stands for none at all.
        tremble: probability with which each opponent is believed to play uniformly at random, in [0, 1].

    Raises:
        ValueError: no measures, a number of regularisers that differs, or a tremble outside [0, 1].
    """

    measures: tuple[RiskMeasure, ...]
    regularisers: tuple[Regulariser | None, ...] = ()
    tremble: float = 0.0

    def __post_init__(self) -> None:
        if not self.measures:
            raise ValueError("measures must hold one measure per player, got none")
        if self.regularisers and len(self.regularisers) != len(self.measures):
            raise ValueError(
                f"regularisers must be () or one per player: wanted {len(self.measures)}, "
                f"got {len(self.regularisers)}"
            )
        if not 0 <= self.tremble <= 1:
            raise ValueError(f"tremble must lie in [0, 1], got {self.tremble!r}")

    def regulariser(self, player: int) -> Regulariser | None:
        """The regulariser of a player, or None."""
        return self.regularisers[player] if self.regularisers else None

    def check_fits(self, game: NormalFormGame) -> None:
        """Raise ValueError unless there is one measure per player of ``game``."""
        if len(self.measures) != game.num_players:
            raise ValueError(
                f"measures must hold one measure per player: wanted {game.num_players}, "
                f"got {len(self.measures)}"
            )


def opponents_joint(profile: Profile, player: int) -> FloatArray:
    """Product of the others' mixtures, the last player fastest, shape (K,)."""
    joint = np.ones(1)
    for j, x in enumerate(profile):
        if j != player:
            joint = np.multiply.outer(joint, x).ravel()
    return joint


def risk_profile_payoffs(game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskProfile) -> FloatArray:
    """Risk-adjusted payoff of each player, shape (N,)."""
    strategies = as_profile(profile, game.num_actions)
    risk.check_fits(game)
    believed = tremble_profile(strategies, risk.tremble)
    return np.array(
        [
            objective(
                _matrix(game, i), opponents_joint(believed, i), risk.measures[i], risk.regulariser(i), x
            )
            for i, x in enumerate(strategies)
        ]
    )


def risk_profile_regrets(game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskProfile) -> FloatArray:
    """Upper bounds on what each player could gain by the best deviation, shape (N,).

    Each is the certified ceiling of the best response less the worth of the player's own mixture, so it
    holds however well the best response was found. It is infinite where a logarithmic barrier is.

    Raises:
        ValueError: a profile that does not fit the game, or not one measure per player.
    """
    strategies = as_profile(profile, game.num_actions)
    risk.check_fits(game)
    believed = tremble_profile(strategies, risk.tremble)
    low, unit = float(game.payoffs.min()), game.payoff_range or 1.0
    bounds = np.zeros(game.num_players)
    for i, x in enumerate(strategies):
        a = (_matrix(game, i) - low) / unit
        y = opponents_joint(believed, i)
        measure, own = risk.measures[i].rescaled(unit, low), risk.regulariser(i)
        own = None if own is None else own.rescaled(unit)
        _, value, gap = respond(a, y, measure, own)
        bounds[i] = unit * (value + gap - objective(a, y, measure, own, x))
    return np.maximum(bounds, 0.0)  # non-negative but for rounding


def risk_profile_nash_conv(game: NormalFormGame, profile: Sequence[ArrayLike], risk: RiskProfile) -> float:
    """Sum of the regrets: an upper bound that vanishes exactly at an equilibrium, in payoff units."""
    return float(risk_profile_regrets(game, profile, risk).sum())


def _matrix(game: NormalFormGame, player: int) -> FloatArray:
    """Payoffs of a player, own actions by opponents' joint actions."""
    matrix = np.moveaxis(game.payoffs[player], player, 0).reshape(game.num_actions[player], -1)
    return np.asarray(matrix)
