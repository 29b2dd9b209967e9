"""Schedules of exploration and of step sizes."""

import math
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LinearDecay:
    """From ``start`` to ``end`` over the first ``fraction`` of the budget, then constant.

    Attributes:
        start: value at the first episode, in [0, 1].
        end: value after the decay, in [0, 1].
        fraction: share of the budget that the decay takes, in [0, 1].
    """

    start: float = 1.0
    end: float = 0.1
    fraction: float = 0.5

    def __post_init__(self) -> None:
        for name in ("start", "end", "fraction"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {value!r}")

    def __call__(self, progress: float) -> float:
        """Value at ``progress``, the share of the budget spent, in [0, 1]."""
        if progress >= self.fraction:
            return self.end
        return self.start + (self.end - self.start) * progress / self.fraction


class StepSize(Protocol):
    """How far an estimate moves towards its target at the n-th visit, in (0, 1]."""

    def __call__(self, visits: int) -> float:
        """Step at visit number ``visits``, counted from 1."""


@dataclass(frozen=True, slots=True)
class InverseVisits:
    """visits^-power.

    Power 1 is the sample mean. Powers in (1/2, 1) still converge and forget the targets of early visits,
    which bootstrapped from poor estimates, sooner [1]_.

    .. [1] Even-Dar, Mansour (2003), Learning rates for Q-learning, JMLR 5.
    """

    power: float = 0.8

    def __post_init__(self) -> None:
        if not 0.5 < self.power <= 1:
            raise ValueError(f"power must lie in (0.5, 1], got {self.power!r}")

    def __call__(self, visits: int) -> float:
        """See ``StepSize``."""
        return float(visits**-self.power)


@dataclass(frozen=True, slots=True)
class ConstantStep:
    """The same step at every visit but the first, which takes its target whole: there is nothing to keep.

    Estimates then keep a variance in proportion to the step, and follow opponents that change.
    """

    rate: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and 0 < self.rate <= 1):
            raise ValueError(f"rate must lie in (0, 1], got {self.rate!r}")

    def __call__(self, visits: int) -> float:
        """See ``StepSize``."""
        return 1.0 if visits == 1 else self.rate
