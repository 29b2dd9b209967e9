"""How to spend a budget: by a utility of goods."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.text.questions import Question
from games.text.situations import BundleSituation
from marl.players.strategies.kinds import situation_of
from marl.players.strategies.responses import best, with_ties


@dataclass(frozen=True, slots=True)
class CobbDouglas:
    r"""Takes the bundle of greatest utility prod_g x_g^{w_g}, compared by its logarithm.

    Attributes:
        weights: w, positive, one per good; empty for equal ones, whatever the number of goods.
    """

    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not all(0 < weight < math.inf for weight in self.weights):
            raise ValueError(f"weights must be positive and finite, got {self.weights}")

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the options."""
        situation = situation_of(question, BundleSituation, "CobbDouglas")
        goods = len(situation.goods)
        if len(self.weights) not in (0, goods):
            raise ValueError(f"weights must be one per good, {goods}, got {len(self.weights)}")
        weights = np.array(self.weights or (1.0,) * goods)
        with np.errstate(divide="ignore"):  # nothing of a good is infinitely bad
            logarithms = np.log(situation.bundles)
        finite = np.abs(logarithms[np.isfinite(logarithms)])
        scale = float(finite.max()) * float(weights.sum()) if finite.size else 0.0
        return best(with_ties(logarithms @ weights, scale))
