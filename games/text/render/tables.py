"""Tables: who gets what, as far as it depends on whose choices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame

MOST_CELLS = 20_000
"""Most cells that are put into words; a model that reads more than that does not see the end."""


@dataclass(frozen=True, slots=True, eq=False)
class PayoffTable:
    """What some players get, by the choices of some players.

    Attributes:
        axes: whose choices matter, rows first.
        labels: of the choices on each axis.
        payees: whose amounts are shown.
        amounts: float64 (payees, n_1, ..., n_k), over the axes.
        complete: whether all who take part are on the axes.
    """

    axes: tuple[int, ...]
    labels: tuple[tuple[str, ...], ...]
    payees: tuple[int, ...]
    amounts: NDArray[np.float64]
    complete: bool = True

    def paid(self, cell: tuple[int, ...]) -> list[float]:
        """What each payee gets in a cell."""
        index: tuple[int | slice, ...] = (slice(None), *cell)
        amounts: list[float] = self.amounts[index].tolist()
        return amounts

    def split(self) -> list["PayoffTable"]:
        """One table for each who is paid."""
        return [
            PayoffTable(self.axes, self.labels, (payee,), self.amounts[k : k + 1], self.complete)
            for k, payee in enumerate(self.payees)
        ]


def payoff_tables(game: NormalFormGame, seat: int) -> list[PayoffTable]:
    """All payoffs of a game, in the order in which the player in ``seat`` reads them: its own first.

    One table holds them all, unless more than two take part and somebody's payoff does not depend on
    everybody's choice. Then each player has a table over the choices that its payoff depends on, its own
    first.

    Raises:
        ValueError: the tables would have more than `MOST_CELLS` cells.
    """
    count = game.num_players
    order = (seat, *(p for p in range(count) if p != seat))
    axes_of = {p: _axes(game, p, order) for p in order} if count > 2 else {}
    if all(len(axes) == count for axes in axes_of.values()):
        tables = [_table(game, order, order)]
    else:
        tables = [_table(game, (p,), axes) for p, axes in axes_of.items()]
    cells = sum(table.amounts[0].size for table in tables)
    if cells > MOST_CELLS:
        raise ValueError(
            f"game must have at most {MOST_CELLS} cells to be put into words, got {cells} for "
            f"{game.num_actions}"
        )
    return tables


def _axes(game: NormalFormGame, payee: int, order: Sequence[int]) -> tuple[int, ...]:
    """Whose choices change what ``payee`` gets, its own first."""
    payoffs = game.payoffs[payee]
    return tuple(p for p in dict.fromkeys((payee, *order)) if (payoffs != payoffs.take([0], axis=p)).any())


def _table(game: NormalFormGame, payees: Sequence[int], axes: tuple[int, ...]) -> PayoffTable:
    count = game.num_players
    rest = [q for q in range(count) if q not in axes]
    amounts = game.payoffs[list(payees)].transpose(0, *(q + 1 for q in (*axes, *rest)))
    # Along the rest nothing varies, so that its first entry stands for all.
    kept: tuple[int | slice, ...] = (slice(None),) * (1 + len(axes)) + (0,) * len(rest)
    amounts = amounts[kept]
    return PayoffTable(axes, tuple(game.actions[q] for q in axes), tuple(payees), amounts, not rest)
