r"""Parts of one log-space update: anchor, opponent, and schedule of the reference.

With log-policies l, step s, weight :math:`\tau` and :math:`a = s\tau`, every method is

.. math::
    l^+ = norm\big((1 - a)\,anchor + a\,l_{ref} + s\,v(opponent)\big), \qquad v(\mu) = P(\cdot \succ \mu).

The first two terms are :math:`anchor - s \tau \nabla R(anchor)` for R = KL, and that is what they become for
other divergences R.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from games.preference import gaps_of_advantages
from games.preference.arrays import Array
from solvers.inpo.iterate import Iterate, advantages, normalise

Propose = Callable[[Array], Array]
"""The update as a function of the anchor, the opponent's win rates being fixed; shapes (B, n)."""


class Anchor(Protocol):
    """The policy to which the proximal term ties the next one."""

    @property
    def memory(self) -> int:
        """How many earlier policies it looks at."""

    def move(self, state: Iterate, propose: Propose) -> Array:
        """The next log-policy, shape (B, n); may keep a sequence of its own in ``state``."""


class Opponent(Protocol):
    """Against whom win rates are measured."""

    @property
    def memory(self) -> int:
        """How many earlier policies it looks at."""

    def rates(self, state: Iterate, step: Array) -> Array:
        """Win rates less 1/2 of every response, shape (B, n), for steps of shape (B, 1)."""


class ReferenceSchedule(Protocol):
    """How the reference moves; a moving one leads to the equilibrium without divergence."""

    @property
    def moves(self) -> bool:
        """Whether it moves at all."""

    def update(self, state: Iterate) -> None:
        """Move ``state.log_reference`` after a round, if it is time."""


def tilt(anchor: Array, state: Iterate, rates: Array, step: Array) -> Array:
    """The update itself: norm(anchor + s (rates - tau slopes of the divergence at the anchor))."""
    scores = step * rates
    if state.weight > 0.0:
        scores -= (step * state.weight) * state.divergence.slopes(anchor, state.log_reference)
    scores += anchor
    return normalise(scores)


@dataclass(frozen=True, slots=True)
class CurrentAnchor:
    """The current policy: mirror descent."""

    memory: int = 0

    def move(self, state: Iterate, propose: Propose) -> Array:
        """One step from the current policy."""
        return propose(state.log_policy)


@dataclass(frozen=True, slots=True)
class LaggedAnchor:
    """A second sequence takes the step; the policy is one more step, by the same win rates, ahead of it."""

    memory: int = 0

    def move(self, state: Iterate, propose: Propose) -> Array:
        """The optimistic step."""
        state.log_lagged = propose(state.log_lagged)
        return propose(state.log_lagged)


@dataclass(frozen=True, slots=True)
class _History:
    """Weights of the current policy, the one before, and so on.

    Attributes:
        weights: newest first; they sum to one.
    """

    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.weights or min(self.weights) < 0.0 or abs(sum(self.weights) - 1.0) > 1e-9:
            raise ValueError(f"weights must be non-negative and sum to one, got {self.weights}")

    @property
    def memory(self) -> int:
        """One less than the number of weights."""
        return len(self.weights) - 1

    def _mean(self, newest_first: list[Array]) -> Array:
        """Weighted mean; while history is short the oldest entry also takes the weights of those missing."""
        last = len(newest_first) - 1
        total = 0.0 * newest_first[0]
        for age, weight in enumerate(self.weights):
            total += weight * newest_first[min(age, last)]
        return total


@dataclass(frozen=True, slots=True)
class HistoryAnchor(_History):
    """The geometric mean of the current and earlier policies."""

    def move(self, state: Iterate, propose: Propose) -> Array:
        """One step from the mean."""
        return propose(self._mean([state.log_policy, *(logs for logs, _ in state.past)]))


@dataclass(frozen=True, slots=True)
class CurrentOpponent:
    """The current policy: plain self-play."""

    memory: int = 0

    def rates(self, state: Iterate, step: Array) -> Array:
        """Win rates against the current policy, known already."""
        return state.rates


@dataclass(frozen=True, slots=True)
class MixtureOpponent:
    """The current policy, drawn to the reference: their geometric mixture of weights 1 - a and a under KL."""

    memory: int = 0

    def rates(self, state: Iterate, step: Array) -> Array:
        """Win rates against the mixture."""
        mixture = tilt(state.log_policy, state, 0.0 * state.rates, step)
        return advantages(state.margins, state.xp.exp(mixture))


@dataclass(frozen=True, slots=True)
class HalfStep:
    """The policy that plain self-play would move to: the extragradient."""

    memory: int = 0

    def rates(self, state: Iterate, step: Array) -> Array:
        """Win rates against the policy one plain step ahead."""
        ahead = tilt(state.log_policy, state, state.rates, step)
        return advantages(state.margins, state.xp.exp(ahead))


@dataclass(frozen=True, slots=True)
class HistoryOpponent(_History):
    """A weighted choice between the current and earlier policies."""

    def rates(self, state: Iterate, step: Array) -> Array:
        """Mean of the win rates against each."""
        return self._mean([state.rates, *(rates for _, rates in state.past)])


@dataclass(frozen=True, slots=True)
class FixedReference:
    """The reference stays; the limit is the equilibrium with divergence."""

    moves: bool = False

    def update(self, state: Iterate) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class ResetEvery:
    """The policy becomes the reference after every ``rounds`` rounds."""

    rounds: int
    moves: bool = True

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")

    def update(self, state: Iterate) -> None:
        """Reset where it is time."""
        _reset(state, state.phase >= self.rounds)


@dataclass(frozen=True, slots=True)
class ResetWhenSolved:
    """The policy becomes the reference where the inner game is solved well for how far it has led.

    Attributes:
        share: an inner gap is small enough at this share of 2 * weight * divergence from the reference, in
            (0, 1). Both are squares of distances, so errors stay a fixed share of the moves they spoil.
        rounds: at the latest after so many rounds.
    """

    share: float = 0.01
    rounds: int = 1000
    moves: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise ValueError(f"share must lie in (0, 1), got {self.share!r}")
        if self.rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {self.rounds}")

    def update(self, state: Iterate) -> None:
        """Reset the contexts whose inner game is solved."""
        inner = gaps_of_advantages(
            state.policy,
            state.log_policy,
            state.log_reference,
            state.rates,
            state.weight,
            state.divergence,
        )
        moved = state.divergence.value(state.policy, state.log_policy, state.log_reference)
        solved = inner <= self.share * 2.0 * state.weight * moved
        _reset(state, solved | (state.phase >= self.rounds))


@dataclass(frozen=True, slots=True)
class MovingAverage:
    """The log-reference moves a share ``rate`` of the way to the log-policy after every round."""

    rate: float
    moves: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.rate <= 1.0:
            raise ValueError(f"rate must lie in (0, 1], got {self.rate!r}")

    def update(self, state: Iterate) -> None:
        """Move a little."""
        mixed = (1.0 - self.rate) * state.log_reference + self.rate * state.log_policy
        state.log_reference = normalise(mixed)


def _reset(state: Iterate, due: Array) -> None:
    xp = state.xp
    state.log_reference = xp.where(due[:, None], state.log_policy, state.log_reference)
    state.phase = xp.where(due, 0.0, state.phase)
