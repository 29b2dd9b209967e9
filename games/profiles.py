"""Mixed-strategy profiles: one probability vector per player."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Profile: TypeAlias = tuple[NDArray[np.float64], ...]
"""One probability vector per player; entry i has shape (n_i,)."""

_SUM_TOLERANCE = 1e-6


def as_distribution(
    weights: ArrayLike, size: int | None = None, *, name: str = "distribution"
) -> NDArray[np.float64]:
    """Return ``weights`` as a probability vector.

    Sums within 1e-6 of one are rounding and are divided out; anything farther is an error.

    Raises:
        ValueError: not one-dimensional, wrong length, non-finite, negative, or not summing to one.
    """
    vector = np.array(weights, dtype=np.float64)
    if vector.ndim != 1 or (size is not None and vector.size != size) or vector.size == 0:
        wanted = "(n,) with n >= 1" if size is None else f"({size},)"
        raise ValueError(f"{name} must have shape {wanted}, got {vector.shape}")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} must be finite, got {vector[~np.isfinite(vector)][0]} among its entries")
    if vector.min() < -_SUM_TOLERANCE:
        raise ValueError(f"{name} must be non-negative, got an entry {vector.min():g}")
    total = vector.sum()
    if abs(total - 1.0) > _SUM_TOLERANCE:
        raise ValueError(f"{name} must sum to one, got {total:.9g}")
    np.maximum(vector, 0.0, out=vector)
    vector /= vector.sum()
    return vector


def as_profile(profile: Sequence[ArrayLike], sizes: Sequence[int]) -> Profile:
    """Return ``profile`` as a validated tuple of probability vectors of the given sizes."""
    if len(profile) != len(sizes):
        raise ValueError(
            f"profile must hold one distribution per player: wanted {len(sizes)}, got {len(profile)}"
        )
    return tuple(
        as_distribution(x, n, name=f"profile[{i}]")
        for i, (x, n) in enumerate(zip(profile, sizes, strict=True))
    )


def uniform_profile(sizes: Sequence[int]) -> Profile:
    """The profile in which every player mixes uniformly."""
    return tuple(np.full(n, 1.0 / n) for n in sizes)


def pure_profile(sizes: Sequence[int], actions: Sequence[int]) -> Profile:
    """The profile in which player i plays ``actions[i]`` with certainty."""
    return tuple(np.eye(n)[a] for n, a in zip(sizes, actions, strict=True))


def tremble_profile(profile: Profile, tremble: float) -> Profile:
    """Mix every strategy with uniform play: (1 - tremble) x + tremble / n."""
    return tuple((1.0 - tremble) * x + tremble / x.size for x in profile)
