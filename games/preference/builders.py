"""Preference games by name: from rewards, cycles, at random, and a published testbed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.preference.game import PreferenceGame

_UNIFORM: NDArray[np.float64] = np.empty(0)


def bradley_terry(rewards: ArrayLike, *, reference: ArrayLike = _UNIFORM, tau: float = 0.0) -> PreferenceGame:
    """P(i > j) = 1 / (1 + exp(r_j - r_i)) for rewards of shape (..., n), which make it transitive.

    Raises:
        ValueError: rewards are not finite or have no axis.
    """
    values = np.asarray(rewards, dtype=np.float64)
    if values.ndim < 1 or not np.isfinite(values).all():
        raise ValueError(f"rewards must be finite and of shape (..., n), got {rewards!r}")
    # tanh keeps P + P^T = 1 to the last digit and cannot overflow.
    margins = 0.5 * np.tanh(0.5 * (values[..., :, None] - values[..., None, :]))
    return PreferenceGame(0.5 + margins, np.asarray(reference, np.float64), tau, "Bradley-Terry")


def cyclic(n: int, *, strength: float = 0.9, tau: float = 0.0) -> PreferenceGame:
    """Each of n responses is preferred, with probability ``strength``, to the (n - 1) // 2 that follow it.

    Responses half a circle apart, which even n has, are tied. The uniform policy is an equilibrium.

    Raises:
        ValueError: n is below 1, or ``strength`` is outside [0, 1].
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if not 0.0 <= strength <= 1.0:
        raise ValueError(f"strength must lie in [0, 1], got {strength!r}")
    ahead = (np.arange(n)[None, :] - np.arange(n)[:, None]) % n
    half = (n - 1) // 2
    sign = ((ahead >= 1) & (ahead <= half)).astype(float) - (ahead >= n - half)
    return PreferenceGame(0.5 + (strength - 0.5) * sign, tau=tau, name=f"cycle of {n}")


def rock_paper_scissors(*, tau: float = 0.0) -> PreferenceGame:
    """Rock, paper, scissors: each is surely preferred to the one it beats."""
    return PreferenceGame(
        np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]), tau=tau, name="rock-paper-scissors"
    )


def comal_testbed(*, tau: float = 0.0) -> PreferenceGame:
    """Three responses in a cycle of unequal margins; the reference is far from the equilibrium.

    P(b > a) = P(c > b) = 0.9 and P(a > c) = 0.8, reference (0.2, 0.5, 0.3), equilibrium (4, 3, 4) / 11 for
    tau = 0. The synthetic game of Liu et al. (2024), "COMAL", arXiv 2410.23223.
    """
    preferences = np.array([[0.5, 0.1, 0.8], [0.9, 0.5, 0.1], [0.2, 0.9, 0.5]])
    return PreferenceGame(preferences, np.array([0.2, 0.5, 0.3]), tau, "COMAL testbed")


def random_preferences(
    n: int,
    *,
    rng: np.random.Generator,
    batch_shape: Sequence[int] = (),
    reference_scale: float = 0.0,
    tau: float = 0.0,
) -> PreferenceGame:
    """Preferences below the diagonal drawn from uniform(0, 1), the others by P + P^T = 1.

    Args:
        n: responses in each context.
        rng: source of the draws.
        batch_shape: shape of the batch of contexts.
        reference_scale: standard deviation of the normal logits of the reference; 0 makes it uniform.
        tau: weight of the divergence from the reference.

    Raises:
        ValueError: n is below 1, or ``reference_scale`` is negative.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if not reference_scale >= 0.0:
        raise ValueError(f"reference_scale must be at least 0, got {reference_scale!r}")
    below = np.tril(rng.uniform(-0.5, 0.5, (*batch_shape, n, n)), -1)
    weights = np.exp(reference_scale * rng.standard_normal((*batch_shape, n)))
    reference = weights / weights.sum(axis=-1, keepdims=True)
    return PreferenceGame(0.5 + (below - np.swapaxes(below, -1, -2)), reference, tau, f"random {n}")
