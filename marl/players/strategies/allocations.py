r"""How to divide between people: by a desire, or by a mixture of self-interest and care for others.

Charness and Rabin's chooser [1]_ values getting x while the other gets y at

.. math:: u(x, y) = (1 - w) x + w y, \qquad w = \rho [x > y] + \sigma [x < y],

and chooses by the logit response with precision lambda. rho > 0 is charity towards one who has less,
sigma < 0 envy of one who has more.

.. [1] G. Charness and M. Rabin, "Understanding social preferences with simple tests", Quarterly Journal of
   Economics 117, 2002, without reciprocity.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.social.desires import Desire
from games.text.questions import Question
from games.text.situations import AllocationSituation
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.responses import Logit, best, with_ties


@dataclass(frozen=True, slots=True)
class DesireSeeker:
    """Takes what is best by the desire that it is asked to have.

    Attributes:
        own: what it wants when it is not asked to want anything.
        listens: whether it takes over the desire that it is asked to have.
    """

    own: Desire = Desire.SELF_INTEREST
    listens: bool = True

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the options."""
        situation = situation_of(question, AllocationSituation, "a DesireSeeker")
        stated = situation.desire if self.listens else None
        desire = self.own if stated is None else stated
        worth = desire.utilities(situation.payoffs, situation.seat)
        return best(with_ties(worth, float(np.abs(situation.payoffs).max())))


@dataclass(frozen=True, slots=True)
class CharnessRabin:
    """Weighs own and other's payoff as above, whatever it is asked to want.

    Attributes:
        rho: weight of the other where it has less.
        sigma: weight of the other where it has more.
        precision: lambda, in 1/payoff, >= 0.
    """

    rho: float
    sigma: float
    precision: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rho) and math.isfinite(self.sigma)):
            raise ValueError(f"rho and sigma must be finite, got {self.rho} and {self.sigma}")
        Logit(self.precision)  # refuses a precision that is none

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the options."""
        situation = situation_of(question, AllocationSituation, "CharnessRabin")
        if len(situation.people) != 2:
            raise UnsupportedGameError(f"CharnessRabin divides between two, got {len(situation.people)}")
        own, other = situation.payoffs.T
        weight = self.rho * (own > other) + self.sigma * (own < other)
        return Logit(self.precision)((1 - weight) * own + weight * other)
