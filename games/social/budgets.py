r"""Budget lines to choose from, and what choices from menus reveal.

A line offers k bundles of two goods that all cost the whole income. What is chosen there can be explained by
some utility that grows in both goods exactly if the choices satisfy the generalised axiom of revealed
preference (GARP), and any budgets that cross often make a test of it.

Of a menu, only what is on it was turned down. The bundle x_t chosen from menu t is revealed preferred to x_s
at the share e of the budget if e times some bundle of the menu holds as much as x_s of every good. The least
such share,

.. math::  r_{ts} = \min_{y \in M_t} \max_g x_{sg} / y_g ,

takes the place of p_t x_s / p_t x_t, to which it tends as menus get finer. So whoever maximises any growing
utility over menus has a critical cost efficiency index of exactly 1, however coarse these are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_ATTEMPTS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class BudgetLine:
    """What an income buys.

    Attributes:
        prices: float64 (2,), of a unit of each good; read-only.
        income: spent entirely by every bundle.
        bundles: float64 (k, 2), from all of the second good to all of the first; read-only.
    """

    prices: FloatArray
    income: float
    bundles: FloatArray

    @classmethod
    def of(cls, first: int, second: int, size: int, *, options: int = 11) -> "BudgetLine":
        """The line with whole prices on which all bundles are whole too.

        Its income is (options - 1) * size * first * second, and bundle k holds k * size * second units of
        the first good and (options - 1 - k) * size * first of the second.

        Args:
            first: price of the first good, >= 1.
            second: price of the second good, >= 1.
            size: scale of the income, >= 1.
            options: number of bundles k >= 2.

        Raises:
            ValueError: an argument out of range.
        """
        if min(first, second, size) < 1 or options < 2:
            raise ValueError(
                f"prices and size must be >= 1 and options >= 2, got {first}, {second}, {size}, {options}"
            )
        steps = np.arange(options)
        bundles = size * np.stack([steps * second, steps[::-1] * first], axis=1).astype(np.float64)
        prices = np.array([first, second], dtype=np.float64)
        for array in (bundles, prices):
            array.setflags(write=False)
        return cls(prices, float((options - 1) * size * first * second), bundles)


def random_lines(
    count: int,
    *,
    rng: np.random.Generator,
    options: int = 11,
    dearest: int = 8,
    least: int = 20,
    most: int = 120,
) -> tuple[BudgetLine, ...]:
    """Different random lines, of whole prices.

    Args:
        count: how many, >= 1.
        rng: source of randomness.
        options: bundles of each line.
        dearest: greatest price; prices are 1 to it.
        least: units of either good that the whole income buys at the least.
        most: units of either good that it buys at the most.

    Raises:
        ValueError: an argument out of range, or not so many lines among ten thousand drawn.
    """
    if count < 1 or dearest < 1 or not 0 < least <= most:
        raise ValueError(
            f"need count >= 1, dearest >= 1 and 0 < least <= most, got {count}, {dearest}, {least}, {most}"
        )
    found: dict[tuple[int, int, int], BudgetLine] = {}
    largest = max(most // (options - 1), 1)
    for _ in range(_ATTEMPTS):
        first, second = (int(price) for price in rng.integers(1, dearest, 2, endpoint=True))
        size = int(rng.integers(1, largest, endpoint=True))
        bought = sorted(((options - 1) * size * first, (options - 1) * size * second))
        # Prices with a common divisor are a line that smaller ones make too.
        if np.gcd(first, second) == 1 and least <= bought[0] and bought[1] <= most:
            found.setdefault((first, second, size), BudgetLine.of(first, second, size, options=options))
        if len(found) == count:
            return tuple(found.values())
    raise ValueError(f"found {len(found)} of {count} lines in {_ATTEMPTS} tries: allow for more units")


def menu_ratios(lines: tuple[BudgetLine, ...]) -> FloatArray:
    """The share of each menu that is needed to have as much as each bundle of each menu.

    Returns:
        Shape (n, n, k): entry (t, s, j) is r_ts for bundle j of menu s.

    Raises:
        ValueError: menus of different sizes.
    """
    if len({len(line.bundles) for line in lines}) != 1:
        raise ValueError("lines must be at least one, all with the same number of bundles")
    menus = np.stack([line.bundles for line in lines])
    wanted, offered = menus[None, :, :, None, :], menus[:, None, None, :, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(wanted > 0.0, wanted / offered, 0.0)
    ratios: FloatArray = shares.max(axis=-1).min(axis=-1)
    return ratios


def chosen_ratios(ratios: FloatArray, choices: ArrayLike) -> FloatArray:
    """The r_ts of choices from all menus.

    Args:
        ratios: of the menus, as `menu_ratios` gives them, shape (n, n, k).
        choices: position chosen from each menu, int, shape (..., n).

    Returns:
        Shape (..., n, n).

    Raises:
        ValueError: shapes do not fit, or a position does not exist.
    """
    picks = np.asarray(choices, dtype=np.int64)
    if picks.ndim < 1 or picks.shape[-1] != len(ratios):
        raise ValueError(f"choices must have shape (..., {len(ratios)}), got {picks.shape}")
    if picks.size and not 0 <= picks.min() <= picks.max() < ratios.shape[2]:
        raise ValueError(f"choices must lie in range({ratios.shape[2]})")
    every = np.arange(len(ratios))
    found: FloatArray = np.moveaxis(ratios[:, every, picks], 0, -2)
    return found
