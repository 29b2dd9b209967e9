r"""Nash averaging: rate players against the hardest mixture of opponents there is [1]_.

With the antisymmetric advantages A (A_ij what i gains over j) the meta-game of picking players is symmetric
and zero-sum. Of its equilibria p, the one of greatest entropy is unique, and the skill of player i is
:math:`(A p)_i`: at most 0, and 0 for whoever the mixture holds. Copies of a player change nothing but how
their weight is split, and who loses to many weak players does not suffer for it.

The support of the largest equilibria is found by one linear program: scaled up freely, the equilibria form
the cone { x >= 0 : A^T x >= 0 }, and sum min(x_i, 1) is greatest where all that can be positive are. On that
support S the columns of S bind, and the entropy's dual

.. math::
    \min_\lambda \; \ln \sum_{i \in S} e^{(A_S \lambda)_i}, \qquad \lambda_j \ge 0 \text{ for } j \notin S,

is smooth and attained; p is the softmax at its minimum.

.. [1] D. Balduzzi, K. Tuyls, J. Perolat and T. Graepel, "Re-evaluating evaluation", NeurIPS 2018.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog, minimize

from games.certificates import Certificate
from games.normal_form import NormalFormGame, exploitability

FloatArray = NDArray[np.float64]

_POSITIVE = 1e-7  # of the scaled solution of the linear program, where positive entries reach one


@dataclass(frozen=True, slots=True, eq=False)
class NashAverage:
    """The hardest mixture of opponents, and how players do against it.

    Attributes:
        weights: p, shape (P,).
        skills: A p, shape (P,), in units of the advantages; 0 at best.
        certificate: exploitability of p in the meta-game, in the same units.
    """

    weights: FloatArray
    skills: FloatArray
    certificate: Certificate


def nash_average(advantages: ArrayLike) -> NashAverage:
    """Rate players by Nash averaging.

    Args:
        advantages: A, shape (P, P), finite and antisymmetric; such as win rates less one half, or their
            log-odds.

    Raises:
        ValueError: not such a matrix.
    """
    a = np.asarray(advantages, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not a.size or not np.isfinite(a).all():
        raise ValueError(f"advantages must be a finite square matrix, got shape {a.shape}")
    reach = float(np.abs(a).max())
    if np.abs(a + a.T).max() > 1e-9 * reach:
        raise ValueError("advantages must be antisymmetric: what i gains over j, j loses to i")
    a = 0.5 * (a - a.T)
    scaled = a / (reach or 1.0)
    support = _largest_support(scaled)
    weights = np.zeros(len(a))
    weights[support] = _most_entropy(scaled, support)
    game = NormalFormGame.zero_sum(a)
    certificate = Certificate("exploitability", exploitability(game, (weights, weights)))
    return NashAverage(weights, a @ weights, certificate)


def _largest_support(a: FloatArray) -> NDArray[np.int64]:
    """Players whom some equilibrium holds."""
    size = len(a)
    # Variables x and t <= min(x, 1), to maximise the sum of t.
    identity, nothing = np.eye(size), np.zeros((size, size))
    answer = linprog(
        np.concatenate([np.zeros(size), -np.ones(size)]),
        A_ub=np.block([[-a.T, nothing], [-identity, identity]]),
        b_ub=np.zeros(2 * size),
        bounds=[(0.0, None)] * size + [(0.0, 1.0)] * size,
    )
    found: NDArray[np.int64] = np.flatnonzero(answer.x[size:] > _POSITIVE)
    return found


def _most_entropy(a: FloatArray, support: NDArray[np.int64]) -> FloatArray:
    """The equilibrium of greatest entropy on its support."""
    rows = a[support]
    inside = np.isin(np.arange(len(a)), support)

    def dual(multipliers: FloatArray) -> tuple[float, FloatArray]:
        values = rows @ multipliers
        top = float(values.max())
        shares = np.exp(values - top)
        total = float(shares.sum())
        return top + float(np.log(total)), rows.T @ (shares / total)

    bounds = [(None, None) if here else (0.0, None) for here in inside]
    answer = minimize(
        dual,
        np.zeros(len(a)),
        jac=True,
        bounds=bounds,
        method="L-BFGS-B",
        options={"maxiter": 10_000, "maxfun": 20_000, "ftol": 1e-15, "gtol": 1e-10},
    )
    values = rows @ answer.x
    weights = np.exp(values - values.max())
    shares: FloatArray = weights / weights.sum()
    return shares
