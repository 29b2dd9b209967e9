r"""A game under a risk profile in solver form, in units where payoffs span [0, 1].

The operator of the variational inequality is g_i(x) = A_i q_i, where q_i are the weights that player i's
measure puts on the opponents' joint play y_i at z = A_i' x_i; own regularisers come on top.
Its Jacobian follows from the differential of the weights in z (own mixture) and in y (the others').
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from games.normal_form import NormalFormGame
from games.normal_form.risk_measures import RiskMeasure
from games.normal_form.risk_profiles import RiskProfile, opponents_joint
from games.normal_form.risk_regularisers import Regulariser
from games.normal_form.risk_response import respond
from games.profiles import Profile
from solvers.equilibrium.certified_search import onto_simplices
from solvers.equilibrium.risk_problem import Belief

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LayerProblem:
    """Profiles are flat, players one after the other; M actions in all.

    Attributes:
        matrices: payoffs of each player, own actions by opponents' joint actions.
        sizes: number of actions of each player.
        measures: risk measure of each player, in the units of the matrices.
        regularisers: regulariser of each player in those units, or None.
        tremble: weight of uniform play in beliefs.
    """

    matrices: tuple[FloatArray, ...]
    sizes: tuple[int, ...]
    measures: tuple[RiskMeasure, ...]
    regularisers: tuple[Regulariser | None, ...]
    tremble: float

    @classmethod
    def of(cls, game: NormalFormGame, risk: RiskProfile) -> Self:
        """Normalise ``game``; raises ValueError where the risk profile does not fit it."""
        risk.check_fits(game)
        low, unit = float(game.payoffs.min()), game.payoff_range or 1.0
        players = range(game.num_players)
        owns = [risk.regulariser(i) for i in players]
        return cls(
            tuple(
                (np.moveaxis(game.payoffs[i], i, 0).reshape(game.num_actions[i], -1) - low) / unit
                for i in players
            ),
            game.num_actions,
            tuple(measure.rescaled(unit, low) for measure in risk.measures),
            tuple(None if own is None else own.rescaled(unit) for own in owns),
            risk.tremble,
        )

    def smoothed(self, width: float) -> "LayerProblem":
        """The problem with the kinks of the measures rounded at ``width``."""
        return LayerProblem(
            self.matrices,
            self.sizes,
            tuple(measure.smoothed(width) for measure in self.measures),
            self.regularisers,
            self.tremble,
        )

    @property
    def piecewise_linear(self) -> bool:
        """Whether any measure has kinks."""
        uniform = tuple(np.full(n, 1.0 / n) for n in self.sizes)
        forms = (m.polyhedron(opponents_joint(uniform, i)) for i, m in enumerate(self.measures))
        return any(form is not None for form in forms)

    @property
    def smooth(self) -> bool:
        """Whether all weights are continuous and nobody has a regulariser: Newton on supports applies."""
        return not any(self.regularisers) and not self.piecewise_linear

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each player's block begins, and the end: shape (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    def blocks(self, flat: FloatArray) -> list[FloatArray]:
        """The players' parts of a flat vector, as views."""
        return np.split(flat, self.offsets[1:-1])

    def split(self, flat: FloatArray) -> Profile:
        """Flat profile to one vector per player, brought exactly onto the simplices."""
        return onto_simplices(self.blocks(flat))

    def belief(self) -> Belief:
        """What players believe of the others: trembles."""
        uniform = np.concatenate([np.full(n, 1.0 / n) for n in self.sizes])
        return Belief(1.0 - self.tremble, self.tremble * uniform)

    def gradient(self, flat: FloatArray, belief: Belief) -> FloatArray:
        """The operator g at a profile, regularisers left out, shape (M,)."""
        believed = tuple(self._believed(flat, belief))
        parts = []
        for i, (a, x) in enumerate(zip(self.matrices, self.blocks(flat), strict=True)):
            parts.append(a @ self.measures[i].weights(a.T @ x, opponents_joint(believed, i)))
        return np.concatenate(parts)

    def jacobian(self, flat: FloatArray, belief: Belief, columns: NDArray[np.bool_]) -> FloatArray:
        """Derivative of ``gradient`` in the entries ``columns`` of the profile, shape (M, columns.sum())."""
        believed = self._believed(flat, belief)
        offsets = self.offsets
        total = int(offsets[-1])
        rows = []
        for i, (a, x) in enumerate(zip(self.matrices, self.blocks(flat), strict=True)):
            y = opponents_joint(tuple(believed), i)
            dz, dy = np.zeros((y.size, total)), np.zeros((y.size, total))
            dz[:, offsets[i] : offsets[i + 1]] = a.T
            for j in range(len(self.sizes)):
                if j != i:
                    dy[:, offsets[j] : offsets[j + 1]] = belief.weight * _joint_slope(believed, i, j)
            change = self.measures[i].differential(a.T @ x, y, dz[:, columns], dy[:, columns])
            rows.append(a @ change)
        return np.concatenate(rows)

    def best_replies(self, belief: Belief) -> FloatArray:
        """Every player's best reply to fixed beliefs (of weight 0), flat, shape (M,)."""
        believed = tuple(self.blocks(belief.shift))
        return np.concatenate(
            [
                respond(a, opponents_joint(believed, i), self.measures[i], self.regularisers[i])[0]
                for i, a in enumerate(self.matrices)
            ]
        )

    def _believed(self, flat: FloatArray, belief: Belief) -> list[FloatArray]:
        # Newton steps overshoot the simplex; measures are about probabilities.
        return self.blocks(np.maximum(belief.weight * flat + belief.shift, 0.0))

    def gap(self, flat: FloatArray) -> float:
        """Sum of first-order gaps max g_i - x_i . g_i, regularisers left out."""
        g = self.gradient(flat, self.belief())
        return float(np.maximum.reduceat(g, self.offsets[:-1]).sum() - flat @ g)


def _joint_slope(believed: list[FloatArray], player: int, opponent: int) -> FloatArray:
    """Derivative of the joint play of the others of ``player`` in the mixture of ``opponent``, (K, n)."""
    n = believed[opponent].size
    slope, before = np.ones((1, n)), np.ones(1)
    seen = False
    for j, x in enumerate(believed):
        if j == player:
            continue
        if j == opponent:
            slope = (before[:, None, None] * np.eye(n)[None]).reshape(-1, n)
            seen = True
        elif seen:
            slope = (slope[:, None, :] * x[None, :, None]).reshape(-1, n)
        else:
            before = np.multiply.outer(before, x).ravel()
    return slope
