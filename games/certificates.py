"""Certificates: how far a claimed answer is from a true one, recomputed from the problem alone."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Certificate:
    """An upper bound on a distance to equilibrium or to optimality.

    Attributes:
        measure: what is bounded, in the field's term: ``"nash_conv"``, ``"risk_nash_conv"``, ``"ce_gap"``.
        bound: the bound, in the units of the measure (payoff units for regrets); never negative.
        confidence: probability that the bound holds; 1.0 means arithmetic on the full game, no sampling.
    """

    measure: str
    bound: float
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if math.isnan(self.bound) or self.bound < 0:
            raise ValueError(f"certificate bound must be a non-negative number, got {self.bound!r}")
        if not 0 < self.confidence <= 1:
            raise ValueError(f"certificate confidence must lie in (0, 1], got {self.confidence!r}")
