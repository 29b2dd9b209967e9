"""Facts of rows as numbers, for scores that compute with them."""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from solvers.rationality.scenarios import Play, Row


def numbers(row: Row, name: str) -> NDArray[np.float64]:
    """A fact that is a number or a list of them, as float64.

    Raises:
        KeyError: the row has no such fact.
    """
    return np.asarray(row.facts[name], dtype=np.float64)


def stated(row: Row) -> NDArray[np.float64]:
    """The belief of a row; one that was asked for and not given counts as uniform, which earns nothing."""
    size = len(row.options)
    return np.full(size, 1 / size) if row.belief is None else np.asarray(row.belief, dtype=np.float64)


def cluster(play: Play) -> Hashable:
    """What makes plays dependent: the same scenario with the same luck, in whatever words."""
    return play.scenario, play.replicate
