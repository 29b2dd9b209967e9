r"""Logit quantal response: how far a profile is from answering itself with logit noise [1]_.

At precision lambda (in 1/payoff) a player who meets payoffs v of the own actions plays

.. math::
    \sigma_\lambda(v)_a = \frac{e^{\lambda v_a}}{\sum_b e^{\lambda v_b}},

and a logit quantal response equilibrium is a profile with x_i = sigma_lambda(v_i(x_{-i})) for every i.
Precision 0 is uniform play; the limits of equilibria as lambda grows are Nash equilibria.

.. [1] R. D. McKelvey and T. R. Palfrey, "Quantal response equilibria for normal form games", Games and
   Economic Behavior 10, 1995.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from games.normal_form.game import NormalFormGame
from games.normal_form.regret import contract_payoffs
from games.profiles import Profile, as_profile


def logit_responses(game: NormalFormGame, profile: Sequence[ArrayLike], lam: float) -> Profile:
    """Every player's logit response to the others' mixtures.

    Args:
        game: any normal-form game.
        profile: one distribution per player.
        lam: precision, in 1/payoff; non-negative and finite.

    Raises:
        ValueError: ``lam`` is negative or not finite, or the profile does not fit the game.
    """
    if not (math.isfinite(lam) and lam >= 0.0):
        raise ValueError(f"lam must be finite and non-negative, got {lam!r}")
    strategies = as_profile(profile, game.num_actions)
    responses = []
    for payoffs in contract_payoffs(game, strategies):
        # The best action keeps weight one, so nothing overflows.
        weights = np.exp(lam * (payoffs - payoffs.max()))
        responses.append(weights / weights.sum())
    return tuple(responses)


def logit_residual(game: NormalFormGame, profile: Sequence[ArrayLike], lam: float) -> float:
    """Largest difference between a probability and the logit response to the profile; zero at a QRE.

    A number in [0, 1]: the profile is a fixed point up to this much probability on any action of any player.
    Arguments and errors are those of ``logit_responses``.

    Example:
        >>> game = NormalFormGame.bimatrix([[1, 0], [0, 0]], [[1, 0], [0, 0]])
        >>> logit_residual(game, ([0.5, 0.5], [0.5, 0.5]), 0.0)
        0.0
    """
    strategies = as_profile(profile, game.num_actions)
    responses = logit_responses(game, strategies, lam)
    return max(float(np.abs(x - s).max()) for x, s in zip(strategies, responses, strict=True))
