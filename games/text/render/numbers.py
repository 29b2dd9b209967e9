"""Numbers as people write them."""

from collections.abc import Iterable

_EXACT = 1e15


def number(value: float) -> str:
    """A finite amount with a point for decimals in every language, to twelve significant digits.

    Rounding errors such as that of 0.1 + 0.2 do not show.

    Example:
        >>> number(3.0), number(-0.5), number(0.1 + 0.2), number(-0.0)
        ('3', '-0.5', '0.3', '0')
    """
    if value == int(value) and abs(value) < _EXACT:
        return str(int(value))
    return format(value, ".12g")


def numbers(values: Iterable[float]) -> list[str]:
    """`number` of each."""
    return [number(value) for value in values]
