"""Seeds of plain influence maximisation, in the user's own labels."""

from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Seeds:
    """Seeds, and what is known of them.

    Attributes:
        nodes: labels, in the order in which they were chosen.
        spread: estimate of what they reach, themselves included, in units of node weight.
        spread_interval: what it lies between, with the confidence of the result's certificate.
        optimum_bound: what no seeds exceed, with the same confidence.
        ratio: certified: the lower end of the interval over ``optimum_bound``, or what the method guarantees
            if more.
    """

    nodes: tuple[Hashable, ...]
    spread: float
    spread_interval: tuple[float, float]
    optimum_bound: float
    ratio: float
