r"""Risk-averse play of an empirical table as a smooth variational inequality, in units of the payoff range.

With U the cell means of player i (own policies by the others' joint choices), V the within-cell variances
that count as risk, q the sampling variances of the means, y the others' joint play and m = U y, the operator
is

.. math::
    g_i(x) = (U - \gamma V) y - 2 \gamma S^+ x_i, \qquad
    S = U \operatorname{diag}(y) U^\top - m m^\top - \operatorname{diag}\bigl(q (y - y^2)\bigr).

S^+ is the positive part. Where S has eigenvalues of both signs its differential is that of a spectral
function: in the basis of eigenvectors, dS times the divided differences of max(., 0) [1]_.

.. [1] Bhatia (1997), Matrix Analysis, theorem V.3.3.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from games.empirical import EmpiricalGame, RiskSource, positive_part
from games.normal_form.risk import RiskAversion
from games.normal_form.risk_profiles import opponents_joint
from games.profiles import Profile
from solvers.equilibrium.certified_search import onto_simplices
from solvers.equilibrium.risk_problem import Belief

FloatArray = NDArray[np.float64]


def empirical_unit(game: EmpiricalGame) -> float:
    """The payoff range of the cell means; where they are all equal, the greatest standard deviation."""
    spread = float(np.ptp(game.means))
    return spread or float(np.sqrt(np.nanmax(game.variance))) or 1.0


@dataclass(frozen=True, slots=True, eq=False)
class EmpiricalRiskProblem:
    """Profiles are flat, players one after the other; M policies in all.

    Attributes:
        linear: U - gamma V of each player, shape (n_i, J_i).
        means: U of each player, shape (n_i, J_i); zeros where the variance between policies does not count.
        noise: q of each player, shape (n_i, J_i).
        gammas: risk aversion of each player, in units of one over the payoff range.
        sizes: number of policies of each player.
        tremble: weight of uniform play in beliefs.
    """

    linear: tuple[FloatArray, ...]
    means: tuple[FloatArray, ...]
    noise: tuple[FloatArray, ...]
    gammas: FloatArray
    sizes: tuple[int, ...]
    tremble: float

    @classmethod
    def of(cls, game: EmpiricalGame, risk: RiskAversion, source: RiskSource) -> Self:
        """Normalise a table whose cells all have at least two episodes."""
        unit = empirical_unit(game)
        gammas = risk.gammas(game.num_players) * unit
        within = 0.0 if source is RiskSource.BETWEEN else 1.0
        between = 0.0 if source is RiskSource.WITHIN else 1.0
        low = float(game.means.min())

        def rows(cells: FloatArray, player: int) -> FloatArray:
            return np.moveaxis(cells, player, 0).reshape(game.sizes[player], -1)

        players = range(game.num_players)
        means = [(rows(game.means[i], i) - low) / unit for i in players]
        variances = [within * rows(game.variance[i], i) / unit**2 for i in players]
        return cls(
            tuple(u - g * v for u, g, v in zip(means, gammas, variances, strict=True)),
            tuple(between * u for u in means),
            tuple(between * rows(game.mean_variance[i], i) / unit**2 for i in players),
            gammas,
            game.sizes,
            risk.tremble,
        )

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

    def programme(self, believed: Profile, player: int) -> tuple[FloatArray, FloatArray]:
        """Arguments c (n,) and Q (n, n) of the programme max c.s - s'Qs/2 that the player solves."""
        joint = opponents_joint(believed, player)
        spread = positive_part(self._covariance(joint, player))
        return self.linear[player] @ joint, 2.0 * self.gammas[player] * spread

    def gradient(self, flat: FloatArray, belief: Belief) -> FloatArray:
        """The operator g at a profile, shape (M,)."""
        believed = self._blocks(belief.weight * flat + belief.shift)
        parts = []
        for i, own in enumerate(self._blocks(flat)):
            linear, quadratic = self.programme(believed, i)
            parts.append(linear - quadratic @ own)
        return np.concatenate(parts)

    def jacobian(self, flat: FloatArray, belief: Belief, columns: NDArray[np.bool_]) -> FloatArray:
        """Derivative of g in the entries ``columns`` of the profile, shape (M, columns.sum())."""
        believed = self._blocks(belief.weight * flat + belief.shift)
        chosen = [np.flatnonzero(block) for block in self._blocks(columns)]
        blocks = [
            [self._derivative(flat, believed, i, j, chosen[j]) for j in range(len(self.sizes))]
            for i in range(len(self.sizes))
        ]
        scaled = [
            [block if i == j else belief.weight * block for j, block in enumerate(row)]
            for i, row in enumerate(blocks)
        ]
        return np.block(scaled)

    def gap(self, flat: FloatArray) -> float:
        """Sum of first-order gaps max g_i - x_i . g_i: zero exactly at a solution of the inequality."""
        g = self.gradient(flat, self.belief())
        return float(np.maximum.reduceat(g, self.offsets[:-1]).sum() - flat @ g)

    def _blocks(self, flat: NDArray[np.generic]) -> Profile:
        return tuple(np.split(flat, self.offsets[1:-1]))

    def _covariance(self, joint: FloatArray, player: int) -> FloatArray:
        means = self.means[player]
        root = (means - (means @ joint)[:, None]) * np.sqrt(np.maximum(joint, 0.0))
        covariance: FloatArray = root @ root.T
        covariance[np.diag_indices(len(means))] -= self.noise[player] @ (joint * (1.0 - joint))
        return covariance

    def _derivative(
        self, flat: FloatArray, believed: Profile, i: int, j: int, chosen: NDArray[np.int64]
    ) -> FloatArray:
        """Derivative of g_i in entries ``chosen`` of what player i believes of player j (or plays, if i)."""
        joint = opponents_joint(believed, i)
        values, vectors = np.linalg.eigh(self._covariance(joint, i))
        if i == j:
            spread = (vectors * np.maximum(values, 0.0)) @ vectors.T
            return np.asarray(-2.0 * self.gammas[i] * spread[:, chosen])
        own = self._blocks(flat)[i]
        means, noise = self.means[i], self.noise[i]
        mean = means @ joint
        gaps = values[:, None] - values
        near = np.abs(gaps) <= 1e-12 * max(float(np.abs(values).max()), 1e-300)
        clipped = np.maximum(values, 0.0)
        ratios = np.where(
            near, (values > 0.0)[:, None], (clipped[:, None] - clipped) / np.where(near, 1.0, gaps)
        )
        turned = vectors.T @ own
        result = np.empty((own.size, chosen.size))
        for column, k in enumerate(chosen.tolist()):
            replaced = tuple(np.eye(x.size)[k] if p == j else x for p, x in enumerate(believed))
            move = opponents_joint(replaced, i)
            drift = means @ move
            change = (means * move) @ means.T - np.outer(drift, mean) - np.outer(mean, drift)
            change[np.diag_indices(own.size)] -= noise @ (move * (1.0 - 2.0 * joint))
            bent = vectors @ ((ratios * (vectors.T @ change @ vectors)) @ turned)
            result[:, column] = self.linear[i] @ move - 2.0 * self.gammas[i] * bent
        return result
