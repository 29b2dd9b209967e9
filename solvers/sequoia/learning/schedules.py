"""Rates that fall along a run, and rules by which a target follows."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from solvers.sequoia.learning.model import ActionValueModel


@dataclass(frozen=True, slots=True)
class CosineRate:
    """From ``start`` to ``end`` along half a cosine; it never falls below ``end``, which is positive.

    Attributes:
        start: at progress 0.
        end: at progress 1 and after.
    """

    start: float = 2e-3
    end: float = 1e-4

    def __post_init__(self) -> None:
        if not 0.0 < self.end <= self.start < math.inf:
            raise ValueError(f"need 0 < end <= start, got {self.start} and {self.end}")

    def __call__(self, progress: float) -> float:
        """Rate at a share of the run."""
        left = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
        return self.end + (self.start - self.end) * left


class TargetRule(Protocol):
    """How the target network follows the online network."""

    def follow(self, target: ActionValueModel, online: ActionValueModel, updates: int) -> None:
        """Change the target in place after so many updates, counted from 1."""


@dataclass(frozen=True, slots=True)
class SoftTarget:
    """target += tau (online - target) after each update.

    Attributes:
        tau: in (0, 1].
    """

    tau: float = 5e-3

    def __post_init__(self) -> None:
        if not 0.0 < self.tau <= 1.0:
            raise ValueError(f"tau must be in (0, 1], got {self.tau}")

    def follow(self, target: ActionValueModel, online: ActionValueModel, updates: int) -> None:
        """See `TargetRule`."""
        with torch.no_grad():
            for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
                slow.lerp_(fast, self.tau)


@dataclass(frozen=True, slots=True)
class HardTarget:
    """The target becomes a copy of the online network at every so many updates.

    Attributes:
        every: updates.
    """

    every: int = 300

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")

    def follow(self, target: ActionValueModel, online: ActionValueModel, updates: int) -> None:
        """See `TargetRule`."""
        if updates % self.every == 0:
            SoftTarget(1.0).follow(target, online, updates)
