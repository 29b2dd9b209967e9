r"""Tests for pairs, and many tests at once.

**Pairs.** Under the hypothesis that two treatments of the same item do the same, the sign of every
difference d_i is a fair coin. The two-sided p-value of the mean is the share of the 2^n signings whose
absolute sum is at least the one seen [1]_. Up to `EXACT` differences that are not zero all are counted;
beyond, K drawn ones, of which B are as extreme, give the valid p-value (B + 1) / (K + 1).

**Many tests.** Holm's step-down [2]_ keeps the probability of any false rejection at the level, whatever the
dependence: the k-th smallest of m p-values is multiplied by m - k + 1, then made monotone.

.. [1] R. A. Fisher, "The Design of Experiments", 1935, section 21.
.. [2] S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXACT = 16
"""Most differences whose signings are all counted."""

_SLACK = 1e-9  # of the sum of absolute differences: sums that differ by rounding are equal
_BLOCK = 1024  # signings that are held at once


def paired_permutation(
    first: ArrayLike, second: ArrayLike, *, rng: np.random.Generator, draws: int = 10_000
) -> float:
    """Two-sided p-value of "no difference" between paired values.

    Args:
        first: shape (n,), finite; pair i is independent of the others, so rows of one cluster are averaged
            before.
        second: shape (n,).
        rng: draws signings where there are too many to count.
        draws: how many then.

    Raises:
        ValueError: the shapes differ, a value is not finite, or ``draws`` < 1.

    Example:
        >>> paired_permutation([1, 1, 1, 1, 1], [0, 0, 0, 0, 0], rng=np.random.default_rng(0))
        0.0625
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(
            f"first and second must be vectors of equal length and finite, got {a.shape}, {b.shape}"
        )
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws!r}")
    differences = a - b
    differences = differences[differences != 0.0]
    size = differences.size
    if not size:
        return 1.0
    seen = abs(differences.sum()) - _SLACK * np.abs(differences).sum()
    if size <= EXACT:
        signs = ((np.arange(2**size)[:, None] >> np.arange(size)) & 1) * 2.0 - 1.0
        return float(np.mean(np.abs(signs @ differences) >= seen))
    extreme = 0
    for start in range(0, draws, _BLOCK):
        shape = (min(_BLOCK, draws - start), size)
        signs = rng.integers(0, 2, size=shape, dtype=np.int8) * 2.0 - 1.0
        extreme += int(np.count_nonzero(np.abs(signs @ differences) >= seen))
    return (extreme + 1) / (draws + 1)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values, in the order given; reject where at most the level.

    Raises:
        ValueError: not a vector of numbers in [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03])
        array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p_values must be a vector of numbers in [0, 1], got {p_values!r}")
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted
