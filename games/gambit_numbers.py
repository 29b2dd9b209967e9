"""Numbers and distributions, written so that exact arithmetic and float64 both get what was meant."""

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from games.gambit_text import format_number

# Denominators tried when a ratio of integers is recovered from a float64: far above those of card deals,
# far below 2**53, so that a hit is no accident of rounding.
_MAX_CHANCE_DENOMINATOR = 2**26
_MAX_PAYOFF_DENOMINATOR = 1000
_MAX_SUM_BITS = 2**16


@lru_cache(maxsize=4096)
def shortest_number(value: float) -> str:
    """The shortest of integer, decimal and ratio that reads back as the same float64.

    Example:
        >>> shortest_number(2.0), shortest_number(0.1), shortest_number(1 / 3), shortest_number(1e300)
        ('2', '0.1', '1/3', '1e300')
    """
    decimal = format_number(value)
    ratio = _recover(value, _MAX_PAYOFF_DENOMINATOR)
    return str(ratio) if float(ratio) == value and len(str(ratio)) < len(decimal) else decimal


def exact_distribution(probabilities: Sequence[float]) -> list[Fraction]:
    """Ratios of integers that sum to exactly one and stand for the given float64 probabilities.

    Ratios with denominators up to 2**26 are taken where each rounds to its probability and their sum is one.
    Otherwise the float64 values are taken as they are (each is a binary fraction) and divided by their exact
    sum, which changes a probability by no more than the rounding in that sum.

    Example:
        >>> [str(p) for p in exact_distribution([1 / 3, 1 / 6, 0.5])]
        ['1/3', '1/6', '1/2']
    """
    ratios = [_recover(p, _MAX_CHANCE_DENOMINATOR) for p in probabilities]
    rounds_back = all(float(r) == p for r, p in zip(ratios, probabilities, strict=True))
    if rounds_back and sum_exactly(ratios) == 1:
        return ratios
    exact = [Fraction(p) for p in probabilities]
    total = sum(exact)
    return [p / total for p in exact]


def sum_exactly(terms: Sequence[Fraction]) -> Fraction | None:
    """Exact sum, or None when the common denominator needs more than 65536 bits.

    Adding n ratios one by one costs n**2 when their denominators share nothing; here the denominators are
    looked at first.
    """
    common = 1
    for denominator in {term.denominator for term in terms}:
        common = math.lcm(common, denominator)
        if common.bit_length() > _MAX_SUM_BITS:
            return None
    return Fraction(sum(term.numerator * (common // term.denominator) for term in terms), common)


@lru_cache(maxsize=4096)
def _recover(value: float, max_denominator: int) -> Fraction:
    return Fraction(value).limit_denominator(max_denominator)
