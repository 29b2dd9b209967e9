"""Tables of a rationality run on the terminal."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from marl.language.budgeted import Price
from solvers.rationality.scenarios import Measure
from solvers.rationality.scorecard import Scorecard
from solvers.rationality.standing import Standing
from solvers.report.rationality import short_names

_PADDING = 3  # what a column takes beside its text
_PLAIN = 1e4  # figures from here on are shown in powers of ten


def scorecard_tables(card: Scorecard, *, width: int) -> Iterator[Table]:
    """A table per heading, or several of them where the players do not fit beside each other.

    Players are shown with intervals; baselines, which rest on as much, by their values alone.

    Args:
        card: the figures.
        width: columns of the terminal.
    """
    short = short_names(card.measures)
    for group in card.groups:
        names = card.names(group)
        cells = {
            player: [_cell(card.find(name, player, group), player not in card.baselines) for name in names]
            for player in card.measures
        }
        ends = [_ends(card, name, group) for name in names]
        taken = max(map(len, ["measure", *names])) + sum(
            max(map(len, [heading, *column])) + _PADDING
            for heading, column in zip(("chance", "ideal"), zip(*ends, strict=True), strict=True)
        )
        widths = [max(map(len, [short[player], *column])) + _PADDING for player, column in cells.items()]
        for players in _side_by_side(list(cells), widths, width - taken - 2 * _PADDING):
            table = Table(title=f"{card.suite}: {group}", title_justify="left", box=box.SIMPLE)
            table.add_column("measure")
            for player in players:
                style = "dim" if player in card.baselines else ""
                table.add_column(escape(short[player]), justify="right", no_wrap=True, style=style)
            for heading in ("chance", "ideal"):
                table.add_column(heading, justify="right", no_wrap=True, style="dim")
            for k, name in enumerate(names):
                table.add_row(escape(name), *(cells[player][k] for player in players), *ends[k])
            yield table


def failure_lines(card: Scorecard) -> Iterator[str]:
    """A line per player with questions that got no answer."""
    short = short_names(card.measures)
    for player, kinds in card.failures.items():
        if kinds:
            yield f"{short[player]}: no answer to {_counted(kinds)}"


def standings_table(standings: Sequence[Standing], *, price: Price | None = None) -> Table:
    """How far the players of a kept run have come.

    Args:
        standings: one per player.
        price: what tokens cost; without it no costs are shown.
    """
    short = short_names([standing.player for standing in standings])
    table = Table(box=box.SIMPLE)
    table.add_column("player", no_wrap=True)
    for heading in ("plays", "of", "to ask again", "replies", "tokens read", "written"):
        table.add_column(heading, justify="right")
    if price is not None:
        table.add_column("cost", justify="right")
    table.add_column("questions without an answer")
    for s in standings:
        least = ">= " if s.uncounted else ""
        spoken = [f"{s.replies:,}", f"{least}{s.prompt_tokens:,}", f"{least}{s.completion_tokens:,}"]
        if price is not None:
            spoken.append(f"{least}{s.cost(price):.4g}")
        if not s.replies:
            spoken = [""] * len(spoken)
        counts = f"{s.played:,}", f"{s.cells:,}", f"{s.again:,}" if s.again else ""
        table.add_row(escape(short[s.player]), *counts, *spoken, _counted(s.failures))
    return table


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {kind.lower()}" for kind, count in kinds.items())


def _side_by_side(players: list[str], widths: list[int], room: int) -> Iterator[list[str]]:
    """The players in rows that fit into ``room``; at least one in each."""
    row: list[str] = []
    left = room
    for player, width in zip(players, widths, strict=True):
        if row and width > left:
            yield row
            row, left = [], room
        row.append(player)
        left -= width
    if row:
        yield row


def _ends(card: Scorecard, name: str, group: str) -> tuple[str, str]:
    """Chance and ideal of a figure, which are the same for all players."""
    found = (card.find(name, player, group) for player in card.measures)
    first = next(measure for measure in found if measure is not None)
    chance, ideal = ("" if x is None else _figure(x) for x in (first.chance, first.ideal))
    return chance, ideal


def _cell(measure: Measure | None, interval: bool) -> str:
    if measure is None or not np.isfinite(measure.value):
        return ""
    value = _figure(measure.value)
    if not interval:
        return value
    if measure.p_value is not None:
        value = f"{value} (p {measure.p_value:.2g})"
    if not np.isfinite([measure.low, measure.high]).all():
        return value
    return f"{value} [{_figure(measure.low)}, {_figure(measure.high)}]"


def _figure(value: float) -> str:
    return f"{value:.2f}" if abs(value) < _PLAIN else f"{value:.1e}"
