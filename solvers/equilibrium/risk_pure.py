"""Pure risk-averse equilibria of the problem with total variance, by looking at every pure profile."""

import numpy as np
from numpy.typing import NDArray

from solvers.equilibrium.risk_problem import RiskProblem

FloatArray = NDArray[np.float64]

_MOST_PROFILES = 1_000_000
_MOST_RETURNED = 8
_TIE = 1e-12


def pure_equilibria(problem: RiskProblem, anchor: FloatArray) -> list[FloatArray]:
    """Pure profiles where no pure deviation pays, nearest to ``anchor`` first.

    With total variance best responses are pure, so these are exactly the pure equilibria. Mean and second
    moment of every cell come from blending each opponent's axis with its average, which is what a
    tremble does. Games of more than a million profiles are not searched.

    Args:
        problem: the game in solver form.
        anchor: flat profile; nearness is the probability it gives to a profile's actions, summed.

    Returns:
        At most eight flat profiles.
    """
    sizes = problem.sizes
    if np.prod(sizes, dtype=np.float64) > _MOST_PROFILES:
        return []
    stable = np.ones(sizes, dtype=np.bool_)
    for i, matrix in enumerate(problem.flat_payoffs.reshape(len(sizes), -1)):
        others = [n for j, n in enumerate(sizes) if j != i]
        tensor = np.moveaxis(matrix.reshape(sizes[i], *others), 0, i)
        mean, second = tensor, tensor**2
        for j in range(len(sizes)):
            if j != i:
                mean = _blend(mean, j, problem.tremble)
                second = _blend(second, j, problem.tremble)
        worth = mean - problem.gammas[i] * (second - mean**2)
        stable &= worth >= worth.max(axis=i, keepdims=True) - _TIE
    nearness = np.zeros(sizes)
    for i, weights in enumerate(np.split(anchor, problem.offsets[1:-1])):
        nearness += weights.reshape([-1 if j == i else 1 for j in range(len(sizes))])
    cells = np.argwhere(stable)
    order = np.argsort(-nearness[stable], kind="stable")[:_MOST_RETURNED]
    return [np.concatenate([np.eye(n)[c] for n, c in zip(sizes, cells[k], strict=True)]) for k in order]


def _blend(tensor: FloatArray, axis: int, tremble: float) -> FloatArray:
    return np.asarray((1.0 - tremble) * tensor + tremble * tensor.mean(axis=axis, keepdims=True))
