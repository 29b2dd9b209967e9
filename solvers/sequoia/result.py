"""What an argmax oracle answers, and how exact it was asked to be."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from games.certificates import Certificate


class ArgmaxStatus(StrEnum):
    """What is known of an answer."""

    OPTIMAL = "the upper bound is within the tolerance of the action's value"
    ENOUGH = "no action's value exceeds the threshold, so the search went no further"
    LIMIT = "time ran out; the action is the best found, and the upper bound holds"
    FAILED = "the search ended above the tolerance; the action is the best found, and the upper bound holds"


class Stage(StrEnum):
    """Which stage gave the upper bound of an answer."""

    ROOT = "linear bounds of the network over the number of set bits"
    BRANCHING = "branch and bound over the action bits"
    TABLE = "a table of all actions, with the network's linear bound of each"
    PROGRAM = "mixed-integer program"
    ENUMERATION = "enumeration of all actions"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an action's value may stay below the upper bound.

    The gap allowed is max(absolute, relative * width), where the width is how far apart two values of the
    network can lie by the bounds of its last hidden layer. So the relative part follows the units of Q.

    Attributes:
        relative: in units of the width. Below about 1e-7 the arithmetic of linear programs does not reach.
        absolute: in units of Q.
    """

    relative: float = 1e-6
    absolute: float = 0.0

    def __post_init__(self) -> None:
        for name, number in (("relative", self.relative), ("absolute", self.absolute)):
            if not 0 <= number < math.inf:
                raise ValueError(f"{name} must be a finite number, 0 or more, got {number}")

    def allowed(self, width: float) -> float:
        """The gap allowed for a network of this width, in units of Q."""
        return max(self.absolute, self.relative * width)


@dataclass(frozen=True, slots=True)
class ShrinkingTolerance:
    """Loose while the network is still wrong anyway, tighter step by step [1]_.

    Attributes:
        start: absolute tolerance at step 0, in units of Q.
        factor: by which each step multiplies it, in (0, 1].
        least: where it stops.

    .. [1] Ryu, Chow, Anderson, Tjandraatmadja, Boutilier (2020), CAQL: Continuous action Q-learning, ICLR.
    """

    start: float
    factor: float
    least: Tolerance = Tolerance()

    def __post_init__(self) -> None:
        if not 0 <= self.start < math.inf:
            raise ValueError(f"start must be a finite number, 0 or more, got {self.start}")
        if not 0 < self.factor <= 1:
            raise ValueError(f"factor must lie in (0, 1], got {self.factor}")

    def at(self, step: int) -> Tolerance:
        """The tolerance of a step, counted from 0."""
        return Tolerance(self.least.relative, max(self.least.absolute, self.start * self.factor**step))


@dataclass(frozen=True, slots=True, eq=False)
class ArgmaxResult:
    """An allowed action with what is proven of it.

    Attributes:
        action: bool of shape (N,), read-only; it passed the set's independent membership test.
        value: Q of the action, computed by the network itself.
        upper: no allowed action has a greater Q.
        status: what is known.
        stage: which stage gave ``upper``.
        seconds: wall-clock time of the solve; of the first one, where the answer was remembered.
    """

    action: NDArray[np.bool_]
    value: float
    upper: float
    status: ArgmaxStatus
    stage: Stage
    seconds: float

    @property
    def gap(self) -> float:
        """How far from the best the action can be, in units of Q."""
        apart = self.upper - self.value
        return 0.0 if apart <= 0.0 else apart  # NaN stays what it is

    @property
    def certificate(self) -> Certificate:
        """The gap; :func:`games.bandits.certify_argmax` recomputes it from the arrays."""
        return Certificate("argmax_gap", self.gap)
