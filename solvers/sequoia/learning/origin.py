"""What a Q-function was made from, so that it can be made again around the same numbers."""

from dataclasses import dataclass

import numpy as np

from games.bandits.problem import CoupledBandit
from solvers.sequoia.learning.families import QFamily
from solvers.sequoia.learning.model import ActionValueModel
from solvers.sequoia.learning.value_base import ValueBase


@dataclass(frozen=True, slots=True, eq=False)
class QOrigin:
    """What a family builds a Q-function from, besides the bandit.

    Attributes:
        family: of the Q-function.
        base: the additive values that it may stand on.
        unit: scale of what was learned.
    """

    family: QFamily
    base: ValueBase
    unit: float

    def build(self, bandit: CoupledBandit) -> ActionValueModel:
        """The Q-function before training; its initial weights are there to be replaced."""
        return self.family.build(bandit, self.base, self.unit, rng=np.random.default_rng(0))
