r"""Preference games: two players answer the same prompt and a judge prefers one answer.

With :math:`P(y \succ y') \in [0, 1]` and :math:`P(y \succ y') + P(y' \succ y) = 1`, the first player gets

.. math::
    J(\pi_1, \pi_2) = P(\pi_1 \succ \pi_2) - \tau\,R(\pi_1) + \tau\,R(\pi_2),
    \qquad R(\pi) = KL(\pi \| \pi_{ref}),

or another divergence R from the reference (``games.preference.divergences``, [2]_). The game is symmetric,
so its value is 1/2. For :math:`\tau > 0` its only equilibrium is its own best response: under KL
:math:`\pi(y) \propto \pi_{ref}(y) \exp(P(y \succ \pi) / \tau)` [1]_. With :math:`\tau = 0` it is a matrix
game.
Games about different prompts (contexts) are independent and may be held together, as a batch.

.. [1] R. Munos et al., "Nash learning from human feedback", arXiv 2312.00886.
.. [2] X. Tang et al., "RSPO: regularized self-play alignment of large language models", arXiv 2503.00030.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.preference.divergences import KL, Divergence

_COMPLEMENT_TOLERANCE = 1e-12
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class PreferenceGame:
    """Preferences between n responses, in one context or in a batch of contexts.

    Attributes:
        preferences: P, float64, shape (..., n, n); P[..., i, j] is the probability that response i is
            preferred to response j. Entries in [0, 1], P + P^T = 1 within 1e-12. Copied and read-only.
        reference: reference policy, shape (..., n), positive; one of shape (n,) serves every context.
            Empty stands for uniform. Sums within 1e-6 of one are divided out.
        tau: weight of the divergence from the reference, at least 0.
        name: how reports call the game.
        divergence: R, which tau weighs.
        margins: P - 1/2, made exactly antisymmetric; computed.

    Raises:
        ValueError: shapes, entries or ``tau`` are not as above.

    Example:
        >>> game = PreferenceGame(np.array([[0.5, 0.9], [0.1, 0.5]]), tau=0.1)
        >>> game.num_responses, game.batch_shape, game.reference.tolist()
        (2, (), [0.5, 0.5])
    """

    preferences: NDArray[np.float64]
    reference: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    tau: float = 0.0
    name: str = "preference game"
    divergence: Divergence = KL
    margins: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        preferences = np.array(self.preferences, dtype=np.float64)
        if preferences.ndim < 2 or preferences.shape[-1] != preferences.shape[-2] or preferences.size == 0:
            raise ValueError(
                f"preferences must have shape (..., n, n), not empty, got shape {preferences.shape}"
            )
        if not ((preferences >= 0.0) & (preferences <= 1.0)).all():  # False for NaN too
            raise ValueError(
                "preferences must lie in [0, 1], got entries from "
                f"{preferences.min():g} to {preferences.max():g}"
            )
        turned = np.swapaxes(preferences, -1, -2)
        excess = float(np.abs(preferences + turned - 1.0).max())
        if excess > _COMPLEMENT_TOLERANCE:
            raise ValueError(
                f"preferences must satisfy P + P^T = 1 within {_COMPLEMENT_TOLERANCE:g}, "
                f"got a difference of {excess:g}"
            )
        if not (math.isfinite(self.tau) and self.tau >= 0.0):
            raise ValueError(f"tau must be finite and at least 0, got {self.tau!r}")
        margins = 0.5 * (preferences - turned)
        reference = _reference(self.reference, preferences.shape[:-1])
        for array in (preferences, margins, reference):
            array.setflags(write=False)
        object.__setattr__(self, "preferences", preferences)
        object.__setattr__(self, "margins", margins)
        object.__setattr__(self, "reference", reference)
        object.__setattr__(self, "tau", float(self.tau))

    @property
    def num_responses(self) -> int:
        """Number of responses n in every context."""
        return int(self.preferences.shape[-1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of contexts; ``()`` for one game."""
        return self.preferences.shape[:-2]

    def with_tau(self, tau: float) -> "PreferenceGame":
        """The same preferences and reference under another weight of the divergence."""
        return replace(self, tau=tau)

    def with_divergence(self, divergence: Divergence) -> "PreferenceGame":
        """The same game under another divergence of the same weight."""
        return replace(self, divergence=divergence)

    def with_reference(self, reference: ArrayLike) -> "PreferenceGame":
        """The same preferences and weight about another reference, of shape (..., n) or (n,)."""
        return replace(self, reference=np.asarray(reference, np.float64))

    def context(self, index: int) -> "PreferenceGame":
        """One context of the batch by its number in C order; 0 for a game that is no batch.

        Raises:
            ValueError: there is no such context.
        """
        n = self.num_responses
        if not 0 <= index < math.prod(self.batch_shape):
            raise ValueError(f"index must lie in range({math.prod(self.batch_shape)}), got {index}")
        return replace(
            self,
            preferences=self.preferences.reshape(-1, n, n)[index],
            reference=self.reference.reshape(-1, n)[index],
        )

    def as_policy(self, policy: ArrayLike, *, name: str = "policy") -> NDArray[np.float64]:
        """``policy`` as checked distributions of shape (..., n); sums within 1e-6 of one are divided out.

        Raises:
            ValueError: another shape, negative or non-finite entries, or sums that are not one.
        """
        array = np.array(policy, dtype=np.float64)
        if array.shape != self.reference.shape:
            raise ValueError(f"{name} must have shape {self.reference.shape}, got {array.shape}")
        return _distributions(array, name)


def _reference(given: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    reference = np.array(given, dtype=np.float64)
    if reference.size == 0:
        return np.full(shape, 1.0 / shape[-1])
    if reference.shape == shape[-1:]:
        reference = np.broadcast_to(reference, shape).copy()
    if reference.shape != shape:
        raise ValueError(f"reference must have shape {shape} or {shape[-1:]}, got {reference.shape}")
    reference = _distributions(reference, "reference")
    if not (reference > 0.0).all():
        raise ValueError("reference must be positive everywhere, got an entry 0")
    return reference


def _distributions(array: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]} among its entries")
    if array.min() < 0.0:
        raise ValueError(f"{name} must be non-negative, got an entry {array.min():g}")
    totals = array.sum(axis=-1, keepdims=True)
    worst = float(totals.flat[np.abs(totals - 1.0).argmax()])
    if abs(worst - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to one over its last axis, got a sum of {worst:.9g}")
    normalised: NDArray[np.float64] = array / totals
    return normalised
