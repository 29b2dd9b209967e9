r"""Structure of a normal-form game, read off its payoffs.

A game is an exact potential game when one function P of the action profile gives every player the
same gains from deviating as the own payoff,

.. math::
    u_i(b, a_{-i}) - u_i(a_i, a_{-i}) = P(b, a_{-i}) - P(a_i, a_{-i}),

so every maximiser of P is a pure equilibrium. Monderer and Shapley (1996), Potential games, Games and
Economic Behavior 14.
"""

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame


def exact_potential(game: NormalFormGame, *, tolerance: float = 1e-9) -> NDArray[np.float64] | None:
    """The exact potential of ``game``, or None when it has none.

    Args:
        game: any normal-form game.
        tolerance: how far gains in payoff and in potential may differ, in units of the payoff range.

    Returns:
        P of shape (n_1, ..., n_N), zero at the first action of every player; None if no such P exists.
    """
    if tolerance < 0:
        raise ValueError(f"tolerance must be non-negative, got {tolerance!r}")
    # If a potential exists, it is the sum of gains along any path from the first profile; move the
    # players one after the other, and then ask whether the candidate explains every deviation.
    potential = np.zeros(game.num_actions)
    for i in range(game.num_players):
        later = (slice(0, 1),) * (game.num_players - i - 1)
        here = game.payoffs[i][(..., *later)]
        potential += here - np.take(here, [0], axis=i)
    slack = tolerance * game.payoff_range
    for i in range(game.num_players):
        rest = game.payoffs[i] - potential
        if float(np.ptp(rest, axis=i).max()) > slack:
            return None
    return potential
