"""The 144 strictly ordinal games of two players with two actions each.

Every player ranks the four outcomes from 1, worst, to 4, best, without ties. Of the 24 x 24 pairs of rankings
four each are the same game with its rows or its columns swapped, which leaves 144; swapping the players as
well would leave 78.

In a strictly ordinal game the equilibria follow from dominance. Where somebody has a dominant action the only
equilibrium is that action with the best reply to it. Elsewhere there are two pure equilibria or none, and in
both cases one more in which everybody mixes, with probabilities that ranks alone do not determine. So the
actions that lie in the support of some equilibrium, those that are rationalizable, and those that survive
elimination of dominated actions are the same.

Source: Rapoport and Guyer (1966), A taxonomy of 2x2 games, General Systems 11; Robinson and Goforth (2005),
The Topology of the 2x2 Games. The numbers of games here are this project's own.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.social.ring import PureElimination, eliminate_pure

Cell = tuple[int, int]

_LABELS = (("A", "B"), ("X", "Y"))


class StrategicClass(StrEnum):
    """How a game is solved; the value names it in records."""

    BOTH_DOMINANT = "both have a dominant action"
    ONE_DOMINANT = "one has a dominant action"
    TWO_EQUILIBRIA = "two pure equilibria"
    CYCLIC = "no pure equilibrium"


_NAMES = {
    # temptation, reward, punishment and sucker's payoff from the best to the worst
    "TRPS": "prisoner's dilemma",
    "TRSP": "chicken",
    "RTPS": "stag hunt",
    "TPRS": "deadlock",
    "TSRP": "leader",
    "STRP": "hero",
}
"""Symmetric games whose names are settled; leader and hero are what a battle of the sexes can be when ties
are broken (Rapoport 1967, Exploiter, leader, hero and martyr, Behavioral Science 12)."""


@dataclass(frozen=True, slots=True, eq=False)
class OrdinalGame:
    """One of the 144 games.

    Attributes:
        number: from 1 to 144, the same for all arrangements of rows and columns.
        ranks: int64 (2, 2, 2): rank of every outcome, 4 best, for the row player and the column player.
    """

    number: int
    ranks: NDArray[np.int64]

    @property
    def name(self) -> str:
        """What the game is called, empty where it has no settled name."""
        return next((name for order in _orders(self.ranks) if (name := _NAMES.get(order))), "")

    @property
    def is_symmetric(self) -> bool:
        """Whether the players can change places and the game stays the same."""
        return bool(_orders(self.ranks))

    @property
    def elimination(self) -> PureElimination:
        """What iterated elimination of dominated actions leaves."""
        return eliminate_pure(self.game)

    @property
    def pure_equilibria(self) -> tuple[Cell, ...]:
        """Cells from which nobody gains by leaving alone."""
        stable = self.ranks[0] == self.ranks[0].max(axis=0)
        stable &= self.ranks[1] == self.ranks[1].max(axis=1, keepdims=True)
        return tuple((int(row), int(column)) for row, column in np.argwhere(stable))

    @property
    def strategic_class(self) -> StrategicClass:
        """How the game is solved."""
        dominant = self.elimination.orders.count(1)
        if dominant:
            return StrategicClass.BOTH_DOMINANT if dominant == 2 else StrategicClass.ONE_DOMINANT
        return StrategicClass.TWO_EQUILIBRIA if self.pure_equilibria else StrategicClass.CYCLIC

    @property
    def payoff_dominant(self) -> Cell | None:
        """Of two pure equilibria the one that both players prefer, None where there is none."""
        cells = self.pure_equilibria
        better = [cell for cell in cells for other in cells if _both_prefer(self.ranks, cell, other)]
        return better[0] if better else None

    @property
    def is_dilemma(self) -> bool:
        """Whether both prefer some other outcome to the only equilibrium."""
        cells = self.pure_equilibria
        if len(cells) != 1:
            return False
        return any(_both_prefer(self.ranks, cell, cells[0]) for cell in product(range(2), range(2)))

    @property
    def is_conflict(self) -> bool:
        """Whether the players rank all outcomes in opposite orders."""
        return bool((self.ranks.sum(axis=0) == 5).all())

    @property
    def game(self) -> NormalFormGame:
        """The game with its ranks as payoffs."""
        return NormalFormGame(self.ranks.astype(np.float64), _LABELS, name=f"ordinal game {self.number}")

    def arranged(self, *, swap_rows: bool, swap_columns: bool) -> "OrdinalGame":
        """The same game with its rows or its columns in the other order."""
        ranks = self.ranks[:, :: -1 if swap_rows else 1, :: -1 if swap_columns else 1]
        return OrdinalGame(self.number, ranks)


@cache
def ordinal_games() -> tuple[OrdinalGame, ...]:
    """All 144 games, each with the row player's best outcome in its first cell.

    Swapping rows and columns can bring the row player's best outcome to the first cell in one way only, so
    the arrangements with it there are one per game.

    Example:
        >>> [game.name for game in ordinal_games() if game.is_symmetric and game.is_dilemma]
        ["prisoner's dilemma"]
    """
    found: list[OrdinalGame] = []
    for rest, columns in product(permutations((3, 2, 1)), permutations((4, 3, 2, 1))):
        ranks = np.array([(4, *rest), columns], dtype=np.int64).reshape(2, 2, 2)
        ranks.setflags(write=False)
        found.append(OrdinalGame(len(found) + 1, ranks))
    return tuple(found)


def _orders(ranks: NDArray[np.int64]) -> tuple[str, ...]:
    """The orders of T, R, P and S in the two ways to see a game as symmetric; none if it is not."""
    orders = []
    for rows, columns in product((slice(None), slice(None, None, -1)), repeat=2):
        own, other = ranks[:, rows, columns]
        if (own == other.T).all():
            payoffs = {"R": own[0, 0], "S": own[0, 1], "T": own[1, 0], "P": own[1, 1]}
            orders.append("".join(sorted(payoffs, key=lambda name: -payoffs[name])))
    return tuple(orders)


def _both_prefer(ranks: NDArray[np.int64], cell: Cell, other: Cell) -> bool:
    return bool((ranks[:, cell[0], cell[1]] > ranks[:, other[0], other[1]]).all())
