"""A Bayesian in rock-paper-scissors and its kin, who knows which patterns people follow."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.normal_form.game import NormalFormGame
from games.social.patterns import PatternFamily, standard_family
from games.text.situations import MatrixSituation
from marl.players.strategies.predictions import Prediction


@dataclass(frozen=True, slots=True)
class PatternLearner:
    """The posterior predictive over a family of patterns; a `Prediction` in cyclic games of two players.

    Which action beats which is read from the payoffs, since actions may come in any order and under any
    label, those of the two players in different ones.

    Attributes:
        family_for: from the number of actions to the hypotheses and their prior. They must look the same from
            every place of the cycle, as those of `standard_family` do.
        otherwise: predicts in games that are not cyclic; None to refuse them.
    """

    family_for: Callable[[int], PatternFamily] = standard_family
    otherwise: Prediction | None = None

    def __call__(self, situation: MatrixSituation, about: int) -> NDArray[np.float64]:
        """Distribution over the actions of ``about``.

        Raises:
            UnsupportedGameError: the game is not a cyclic one of two players, and ``otherwise`` is None.
        """
        places = _places(situation.game, situation.seat)
        if places is None:
            if self.otherwise is not None:
                return self.otherwise(situation, about)
            raise UnsupportedGameError(
                "a pattern learner plays games of two in which each action beats one, loses to one and draws "
                f"with the rest, got {situation.game.name!r} of {situation.game.num_actions}"
            )
        own, other = places
        moves = [own[joint[situation.seat]] for joint in situation.history]
        seen = [other[joint[about]] for joint in situation.history]
        return _family(self.family_for, len(other)).predictive(moves, seen)[list(other)]


@functools.lru_cache(maxsize=32)
def _family(family_for: Callable[[int], PatternFamily], num_actions: int) -> PatternFamily:
    return family_for(num_actions)


@functools.lru_cache(maxsize=128)
def _places(game: NormalFormGame, seat: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Place in the cycle of each action of the player in the seat, and of the other; None without a cycle.

    An action in place k beats the one of the other in place k - 1 and loses to that in k + 1, so from an
    action the other's neighbours are known, and from those the own actions two places on.
    """
    n = game.num_actions[0]
    if game.num_actions != (n, n) or n < 3:
        return None
    payoffs = game.payoffs[0] if seat == 0 else game.payoffs[1].T
    # With an even number of actions steps of two never meet the other half: only the given order will do.
    for own, other in ((tuple(range(n)), tuple(range(n))), _walk(payoffs)):
        ordered = np.empty((n, n))
        if len(set(own)) == n == len(set(other)):
            ordered[np.ix_(own, other)] = payoffs
            if _is_cyclic(ordered):
                return own, other
    return None


def _walk(payoffs: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places found by going from the first own action down the cycle."""
    n = len(payoffs)
    own, other = [0] * n, [0] * n
    action, place = 0, 0
    for _ in range(n):
        own[action] = place
        beaten = int(payoffs[action].argmin())  # the one that beats it
        other[beaten] = (place + 1) % n
        action = int(payoffs[:, beaten].argmax())
        place = (place + 2) % n
    return tuple(own), tuple(other)


def _is_cyclic(payoffs: NDArray[np.float64]) -> bool:
    n = len(payoffs)
    lead = (np.arange(n)[:, None] - np.arange(n)) % n
    wins, losses = payoffs[lead == 1], payoffs[lead == n - 1]
    draws = payoffs[(lead != 1) & (lead != n - 1)]
    same = all(float(np.ptp(group)) == 0 for group in (wins, losses, draws))
    return same and wins[0] > draws[0] > losses[0]
