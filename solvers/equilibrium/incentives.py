r"""The incentive constraints of correlated equilibria as sparse matrices.

A joint distribution p over action profiles is a correlated equilibrium [1]_ if no player gains by answering a
recommendation a with another action b, and a coarse correlated equilibrium [2]_ if no player gains by
committing to b before the recommendation:

.. math::
    \sum_{a_{-i}} p(a, a_{-i}) \,[u_i(b, a_{-i}) - u_i(a, a_{-i})] \le 0
    \qquad\text{or}\qquad
    \sum_{a} p(a) \,[u_i(b, a_{-i}) - u_i(a)] \le 0 .

Each is a cone { p >= 0 : G p <= 0 } cut by sum p = 1, with one row of G for each (i, a, b), or each (i, b).

.. [1] R. J. Aumann, "Subjectivity and correlation in randomized strategies", Journal of Mathematical
   Economics 1, 1974.
.. [2] H. Moulin and J.-P. Vial, "Strategically zero-sum games", Int. J. Game Theory 7, 1978.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from games.normal_form import NormalFormGame, cce_gap, ce_gap


def correlated_incentives(game: NormalFormGame) -> csr_array:
    """Gains from answering a recommendation otherwise, shape (sum n_i (n_i - 1), cells)."""
    cells = math.prod(game.num_actions)
    index = np.arange(cells).reshape(game.num_actions)
    values, columns, lengths = [], [], []
    for i, n in enumerate(game.num_actions):
        states = np.moveaxis(index, i, 0).reshape(n, -1)
        payoffs = game.payoffs[i].ravel()[states]
        told, played = np.nonzero(~np.eye(n, dtype=bool))
        values.append((payoffs[played] - payoffs[told]).ravel())
        columns.append(states[told].ravel())
        lengths.append(np.full(told.size, states.shape[1]))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    shape = (starts.size - 1, cells)
    return csr_array((np.concatenate(values), np.concatenate(columns), starts), shape=shape)


def coarse_incentives(game: NormalFormGame) -> csr_array:
    """Gains from committing to an action, shape (sum n_i, cells); no row for players without a choice."""
    rows = []
    for i, n in enumerate(game.num_actions):
        if n > 1:
            payoffs = np.moveaxis(game.payoffs[i], i, 0)
            gains = np.moveaxis(payoffs[:, None] - payoffs[None], 1, i + 1)
            rows.append(gains.reshape(n, -1))
    return csr_array(np.concatenate(rows) if rows else np.zeros((0, math.prod(game.num_actions))))


@dataclass(frozen=True, slots=True)
class Concept:
    """A kind of correlated equilibrium.

    Attributes:
        name: what results call it.
        measure: name of the certificate.
        incentives: builds the matrix G of a game.
        gap: distance of a joint distribution from the concept, in payoff units, computed by ``games``.
    """

    name: str
    measure: str
    incentives: Callable[[NormalFormGame], csr_array]
    gap: Callable[[NormalFormGame, ArrayLike], float]


CORRELATED = Concept("ce", "ce_gap", correlated_incentives, ce_gap)
COARSE = Concept("cce", "cce_gap", coarse_incentives, cce_gap)
