"""A method: anchor, opponent, reference, step and output put together."""

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from games.preference.arrays import Array
from solvers.inpo.iterate import Iterate, normalise
from solvers.inpo.parts import (
    Anchor,
    CurrentAnchor,
    CurrentOpponent,
    FixedReference,
    Opponent,
    ReferenceSchedule,
    tilt,
)
from solvers.inpo.steps import AutomaticStep, StepSchedule, held_back


class Output(Enum):
    """Which policy is the answer."""

    LAST = "the last iterate"
    AVERAGE = "the uniform mixture of all iterates"
    BEST = "the iterate of least gap"


class Fit(Protocol):
    """How far a round gets towards the policy that the update asks for."""

    def __call__(self, state: Iterate, target: Array) -> Array:
        """The next log-policy, given the log-policy asked for; shapes (B, n)."""


@dataclass(frozen=True, slots=True)
class ExactFit:
    """All the way."""

    def __call__(self, state: Iterate, target: Array) -> Array:
        """The target."""
        return target


@dataclass(frozen=True, slots=True)
class OnPolicyGradient:
    """One gradient step on the squared loss over pairs that the current policy draws, in logits.

    The loss sum_{y,y'} pi(y) pi(y') (d(y) - d(y'))^2 / 4 of the difference d = target - log-policy, with pi
    and the target held fixed, has the descent direction pi (d - E_pi d): responses hardly drawn hardly move.

    Attributes:
        rate: learning rate, positive.
    """

    rate: float

    def __post_init__(self) -> None:
        if not self.rate > 0.0:
            raise ValueError(f"rate must be positive, got {self.rate!r}")

    def __call__(self, state: Iterate, target: Array) -> Array:
        """One step towards the target."""
        difference = target - state.log_policy
        mean = (state.policy * difference).sum(axis=-1, keepdims=True)
        return normalise(state.log_policy + self.rate * state.policy * (difference - mean))


@dataclass(frozen=True, slots=True)
class PreferenceMethod:
    """A way to play a preference game against itself.

    Attributes:
        name: how reports call the method.
        anchor: where the proximal term is centred.
        opponent: against whom win rates are measured.
        reference: how the reference moves.
        step: size of the steps.
        weight: of the divergence from the reference in the update, at least 0; None takes tau of the game.
            With a weight of its own a method is about the game without divergence, which must have tau = 0.
        fit: how far a round gets towards what the update asks for.
        output: which policy is the answer.
    """

    name: str
    anchor: Anchor = field(default_factory=CurrentAnchor)
    opponent: Opponent = field(default_factory=CurrentOpponent)
    reference: ReferenceSchedule = field(default_factory=FixedReference)
    step: StepSchedule = field(default_factory=AutomaticStep)
    weight: float | None = None
    fit: Fit = field(default_factory=ExactFit)
    output: Output = Output.LAST

    def __post_init__(self) -> None:
        if self.weight is not None and not (math.isfinite(self.weight) and self.weight >= 0.0):
            raise ValueError(f"weight must be finite and at least 0 or None, got {self.weight!r}")
        if self.weight is None and self.reference.moves:
            raise ValueError("weight must be a number where the reference moves, got None")

    @property
    def memory(self) -> int:
        """How many earlier policies a round looks at."""
        return max(self.anchor.memory, self.opponent.memory)

    @property
    def is_plain_self_play(self) -> bool:
        """Whether the bound on stable steps is about this method: neither extragradient nor optimism."""
        return (
            isinstance(self.anchor, CurrentAnchor)
            and isinstance(self.opponent, CurrentOpponent)
            and isinstance(self.fit, ExactFit)
        )

    def advance(self, state: Iterate) -> None:
        """Play one round in every context of ``state``."""
        step = held_back(state, self.step.size(state))
        rates = self.opponent.rates(state, step)

        def propose(anchor: Array) -> Array:
            return tilt(anchor, state, rates, step)

        state.move_to(self.fit(state, self.anchor.move(state, propose)))
        self.reference.update(state)
