r"""Step schedules: the learning rate s = 1 / eta of an update.

INPO converges around its equilibrium if and only if :math:`\eta > \eta^* = (\omega^2 + \tau^2) / (2\tau)`,
and fastest, by :math:`\omega / \sqrt{\omega^2 + \tau^2}` a round, at :math:`2 \eta^*`; see
``solvers.inpo.spectral``. The extragradient method takes much larger steps.

In a corner of the simplex the radius is small, and steps by it alone lead from corner to corner for ever. So
automatic steps are also held to a size by which no log-probability gains more than one over the average.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.preference import KL, PreferenceGame
from games.preference.arrays import Array, at_least, greatest
from solvers.inpo.iterate import Iterate
from solvers.inpo.spectral import refresh_radius, spectral_radius

FloatArray = NDArray[np.float64]


class UnstableStepWarning(UserWarning):
    """Steps are so large that the method is expected to cycle around the equilibrium."""


class StepSchedule(Protocol):
    """The step of each round."""

    def size(self, state: Iterate) -> Array:
        """Step s of every context in this round, shape (B, 1), positive, with s * state.weight <= 1."""

    def largest(self, weight: float) -> float | None:
        """The step of late rounds where it is known beforehand, else None.

        Raises:
            ValueError: steps do not fit the ``weight`` of the divergence.
        """


@dataclass(frozen=True, slots=True)
class ConstantStep:
    """The same step s = 1 / ``eta`` in every round and context.

    Attributes:
        eta: inverse step; positive and at least the weight of the divergence.
    """

    eta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.eta) and self.eta > 0.0):
            raise ValueError(f"eta must be positive and finite, got {self.eta!r}")

    def size(self, state: Iterate) -> Array:
        """The step 1 / eta."""
        return state.xp.ones_like(state.radius)[:, None] / self.eta

    def largest(self, weight: float) -> float:
        """The step 1 / eta; an error where eta is below ``weight``."""
        if self.eta < weight:
            raise ValueError(
                f"eta must be at least the weight of the divergence, {weight:g}, got {self.eta:g}: "
                "the update would put a negative weight on the policy it starts from"
            )
        return 1.0 / self.eta


@dataclass(frozen=True, slots=True)
class TheoryStep:
    """eta_t = weight (t + 2) / 2 for t = 0, 1, ... since the last reset; the last iterate is O(1 / t) off."""

    def size(self, state: Iterate) -> Array:
        """Steps that fall with the rounds since the reference was reset."""
        return 2.0 / (state.weight * (state.phase[:, None] + 2.0))

    def largest(self, weight: float) -> None:
        """None: they fall below any bound; an error without a divergence, which sets their scale."""
        if not weight > 0.0:
            raise ValueError("TheoryStep needs a divergence of positive weight, got 0")


def held_back(state: Iterate, step: Array) -> Array:
    """``step`` or, where that is smaller, the step by which the divergence pulls no response past its place.

    Under KL the pull has the same strength everywhere, and the schedules know it beforehand; other
    divergences pull the harder, the further a response is from its place.
    """
    if state.weight == 0.0 or state.divergence == KL:
        return step
    return state.xp.minimum(step, 1.0 / (state.weight * _steepest(state))[:, None])


def _steepest(state: Iterate) -> Array:
    """The greatest curvature of the divergence among responses, shape (B,)."""
    return greatest(state.divergence.curvatures(state.log_policy, state.log_reference))


def _trusted(state: Iterate) -> Array:
    """The step at which the best response gains one in log-probability over the average, shape (B,)."""
    slope = state.rates
    if state.weight > 0.0:
        slope = slope - state.weight * state.divergence.slopes(state.log_policy, state.log_reference)
    rise = greatest(slope) - (state.policy * slope).sum(axis=-1)
    return 1.0 / at_least(rise, 1e-6)


@dataclass(frozen=True, slots=True)
class AutomaticStep:
    """s = min(``reach`` / radius, ``pull`` / weight), held back far from equilibrium, where radii mislead.

    For extragradient and optimistic updates.

    Attributes:
        reach: share of the inverse spectral radius, in (0, 1].
        pull: largest weight of the reference in one step, in (0, 1].
    """

    reach: float = 0.75
    pull: float = 0.5

    def __post_init__(self) -> None:
        for name, value in (("reach", self.reach), ("pull", self.pull)):
            if not 0.0 < value <= 1.0:
                raise ValueError(f"{name} must lie in (0, 1], got {value!r}")

    def size(self, state: Iterate) -> Array:
        """The step by the latest estimate of the radius."""
        refresh_radius(state)
        # Where all is tied the radius is 0, and any step does.
        xp = state.xp
        steps = xp.minimum(self.reach / at_least(state.radius, 1e-3), _trusted(state))
        if state.weight > 0.0:
            limit = self.pull / state.weight
            steps = (
                xp.clip(steps, None, limit)
                if state.divergence == KL
                else xp.minimum(steps, limit / _steepest(state))
            )
        return steps[:, None]

    def largest(self, weight: float) -> None:
        """None: the step follows the game."""


@dataclass(frozen=True, slots=True)
class InpoStep:
    """eta = (radius^2 + weight^2) / weight, at which INPO converges fastest; needs a divergence.

    Held back far from equilibrium, where radii mislead. Under other divergences than KL the weight is
    multiplied by the mean curvature under the policy: a guess, since responses are then pulled unequally.
    """

    def size(self, state: Iterate) -> Array:
        """The step by the latest estimate of the radius."""
        refresh_radius(state)
        xp, weight = state.xp, state.weight
        if state.divergence != KL:
            curvatures = state.divergence.curvatures(state.log_policy, state.log_reference)
            weight = weight * (state.policy * curvatures).sum(axis=-1)
        fastest = weight / (state.radius**2 + weight**2)
        return xp.minimum(fastest, _trusted(state))[:, None]

    def largest(self, weight: float) -> None:
        """None: the step follows the game; an error without a divergence."""
        if not weight > 0.0:
            raise ValueError("InpoStep needs a divergence of positive weight, got 0")


def stability_bound(game: PreferenceGame, policy: FloatArray | None = None) -> FloatArray:
    """eta* of every context, shape of the batch: INPO with a smaller eta leaves its equilibrium again.

    Args:
        game: preferences with tau > 0.
        policy: where to linearise, shape (..., n): the equilibrium for the exact bound; None takes the
            reference, for an estimate.

    Raises:
        ValueError: tau is 0, where no eta is large enough.
        UnsupportedGameError: the divergence is not KL.
    """
    if game.divergence != KL:
        raise UnsupportedGameError(
            f"stability_bound is about the divergence {KL.name!r}, got {game.divergence.name!r}"
        )
    if game.tau == 0.0:
        raise ValueError("stability_bound needs tau > 0: without divergence INPO always cycles")
    where = game.reference if policy is None else game.as_policy(policy)
    radius = spectral_radius(game.margins, where)
    return np.asarray((radius**2 + game.tau**2) / (2.0 * game.tau))
