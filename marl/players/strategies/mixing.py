"""Strategies made of others: at random, with slips, and by the kind of situation."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.text.questions import Question
from games.text.situations import AllocationSituation, BundleSituation, MatrixSituation, PlaySituation
from marl.players.scripted import Strategy
from marl.players.strategies.predictions import even


def uniform(question: Question) -> NDArray[np.float64]:
    """Every option with equal odds, in any situation; also the beliefs of one who knows nothing."""
    return even(len(question.options))


@dataclass(frozen=True, slots=True)
class Noisy:
    """Another strategy that slips: with this probability an option is drawn with equal odds.

    Attributes:
        strategy: the other one.
        probability: of slipping, in [0, 1].
    """

    strategy: Strategy
    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be in [0, 1], got {self.probability}")

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the options."""
        meant = self.strategy(question)
        return (1 - self.probability) * meant + self.probability / len(meant)


@dataclass(frozen=True, slots=True)
class ByKind:
    """A strategy for each kind of situation.

    Attributes:
        matrix: for a `MatrixSituation`, None where there is no rule; the others alike.
        allocation: for an `AllocationSituation`.
        bundle: for a `BundleSituation`.
        play: for a `PlaySituation`.
    """

    matrix: Strategy | None = None
    allocation: Strategy | None = None
    bundle: Strategy | None = None
    play: Strategy | None = None

    def __call__(self, question: Question) -> NDArray[np.float64]:
        """Distribution over the options.

        Raises:
            UnsupportedGameError: there is no rule for the kind of situation.
        """
        match question.situation:
            case MatrixSituation():
                strategy = self.matrix
            case AllocationSituation():
                strategy = self.allocation
            case BundleSituation():
                strategy = self.bundle
            case PlaySituation():
                strategy = self.play
        if strategy is None:
            raise UnsupportedGameError(f"there is no strategy for a {type(question.situation).__name__}")
        return strategy(question)
