r"""The risk-averse equilibrium as a variational inequality, in units where payoffs span [0, 1].

A profile x is an equilibrium iff every player's x_i maximises s . g_i(x) over s in the simplex, with

.. math::  g_i(x) = m - 2 \gamma S x_i = A \left[ y \odot (1 - 2 \gamma (z - z \cdot y)) \right], \quad
           z = A^\top x_i,

the gradient of the concave objective: a payoff against the signed measure that the chi-square dual of the
variance puts on the opponents' play. One product with A thus replaces the covariance matrix.

With total variance best responses are pure, and their payoffs are g_i(x)_a = m_a - gamma S_aa. Every
total-variance equilibrium solves this inequality too; a mixed solution need not be one, so the certificate
decides.

Payoffs u and gamma become (u - min u) / range and gamma * range, which leaves equilibria as they are.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from games.normal_form import NormalFormGame
from games.normal_form.mean_variance import maximise_on_simplex
from games.normal_form.risk import RiskAversion, RiskVariance
from games.profiles import Profile
from solvers.equilibrium.certified_search import onto_simplices
from solvers.equilibrium.risk_kernels import risk_gradient, risk_jacobian

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """What players believe of an opponent who plays x: weight * x + shift, a mixture for every mixture x.

    Attributes:
        weight: share of the opponent's own play, in [0, 1].
        shift: the rest, all players' entries one after the other, shape (M,).
    """

    weight: float
    shift: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RiskProblem:
    """A game and its risk aversion in solver form; profiles are flat, players one after the other.

    Attributes:
        flat_payoffs: one row-major matrix per player, own actions by opponents' joint actions (last player
            fastest), one after the other.
        sizes: number of actions of each player.
        gammas: risk aversion of each player in units of one over the payoff range, shape (N,).
        tremble: weight of uniform play in beliefs.
        total: whether the total variance is penalised.
    """

    flat_payoffs: FloatArray
    sizes: tuple[int, ...]
    gammas: FloatArray
    tremble: float
    total: bool

    @classmethod
    def of(cls, game: NormalFormGame, risk: RiskAversion) -> Self:
        """Normalise ``game``."""
        unit = game.payoff_range or 1.0
        scaled = (game.payoffs - game.payoffs.min()) / unit
        matrices = [np.moveaxis(scaled[i], i, 0).ravel() for i in range(game.num_players)]
        return cls(
            np.concatenate(matrices),
            game.num_actions,
            risk.gammas(game.num_players) * unit,
            risk.tremble,
            risk.variance is RiskVariance.TOTAL,
        )

    @property
    def sizes_array(self) -> NDArray[np.int64]:
        """Number of actions of each player as the kernels take it, shape (N,)."""
        return np.array(self.sizes, dtype=np.int64)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each player's block begins, and the end: shape (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    def split(self, flat: FloatArray) -> Profile:
        """Flat profile to one vector per player, brought exactly onto the simplices."""
        return onto_simplices(np.split(flat, self.offsets[1:-1]))

    def belief(self) -> Belief:
        """The beliefs of the problem itself: trembles only."""
        uniform = np.concatenate([np.full(n, 1.0 / n) for n in self.sizes])
        return Belief(1.0 - self.tremble, self.tremble * uniform)

    def gradient(self, flat: FloatArray, belief: Belief) -> FloatArray:
        """The operator g at a profile, shape (M,)."""
        believed = belief.weight * flat + belief.shift
        return np.asarray(
            risk_gradient(self.flat_payoffs, self.sizes_array, self.gammas, self.total, flat, believed)
        )

    def jacobian(self, flat: FloatArray, belief: Belief, columns: NDArray[np.bool_]) -> FloatArray:
        """Derivative of g in the entries ``columns`` of the profile, shape (M, columns.sum())."""
        return np.asarray(
            risk_jacobian(
                self.flat_payoffs,
                self.sizes_array,
                self.gammas,
                self.total,
                flat,
                belief.weight * flat + belief.shift,
                belief.weight,
                np.flatnonzero(columns),
            )
        )

    def best_replies(self, belief: Belief) -> FloatArray:
        """Every player's best reply to fixed beliefs (of weight 0), flat, shape (M,)."""
        replies = np.zeros(int(self.offsets[-1]))
        # Against a fixed belief g is affine in the own mixture: g = mean - 2 gamma S s.
        linear = self.gradient(replies, belief)
        curvature = self.jacobian(replies, belief, np.ones(replies.size, dtype=np.bool_))
        for begin, end in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            block = slice(begin, end)
            replies[block] = maximise_on_simplex(linear[block], -curvature[block, block])[0]
        return replies

    def gap(self, flat: FloatArray) -> float:
        """Sum of first-order gaps max g_i - x_i . g_i: zero exactly at a solution of the inequality."""
        g = self.gradient(flat, self.belief())
        best = np.maximum.reduceat(g, self.offsets[:-1])
        return float(best.sum() - flat @ g)
