"""When a sampled PSRO ends: what it may spend, and when going on looks pointless."""

import math
from dataclasses import dataclass

import numpy as np

from solvers.psro.sampled.state import SampledTrace


@dataclass(frozen=True, slots=True)
class NoGain:
    """Stop when for some iterations in a row no answer gained more than sampling error explains.

    That is no proof of an equilibrium: a gain below the error, or one that this oracle cannot find, remains
    possible, so a run that this rule ends has come to a limit. Smaller errors come from more evaluation
    episodes of the oracle.

    Attributes:
        iterations: how many in a row, at least 1.
        deviations: standard errors above zero that still count as nothing, for every player.
    """

    iterations: int = 3
    deviations: float = 2.0

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise ValueError(f"iterations must be at least 1, got {self.iterations}")
        if not (math.isfinite(self.deviations) and self.deviations >= 0):
            raise ValueError(f"deviations must be finite and at least 0, got {self.deviations!r}")

    @property
    def sentence(self) -> str:
        """What a stop by this rule means."""
        return (
            f"for {self.iterations} iterations no answer gained more than {self.deviations:g} standard "
            "errors; smaller gains, or ones this oracle cannot find, remain possible"
        )

    def met(self, trace: SampledTrace) -> bool:
        """Whether the latest iterations are like that."""
        if len(trace) < self.iterations:
            return False
        latest = slice(len(trace) - self.iterations, None)
        return bool(np.all(trace.gains[latest] <= self.deviations * trace.gain_errors[latest]))


@dataclass(frozen=True, slots=True)
class EpisodeBudget:
    """Most episodes of a run: learned from, simulated, and played for the certificate.

    An iteration starts only if another one as long as the last, and two episodes per policy for the
    certificate, fit. Cells grow in number, so the last iteration may take somewhat more than that; and what
    the first one takes is not known before it.

    Attributes:
        episodes: the budget, at least 1.
    """

    episodes: int

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")

    def allows(self, spent: int, last: int, policies: int) -> bool:
        """Whether another iteration may start.

        Args:
            spent: episodes so far.
            last: of which in the last iteration, or before the first.
            policies: in all populations.
        """
        return spent + last + 2 * policies <= self.episodes

    def verification(self, wanted: int, spent: int, policies: int) -> int:
        """Episodes per policy that are left for the certificate, at least 2 and at most ``wanted``."""
        return max(min(wanted, (self.episodes - spent) // policies), 2)
