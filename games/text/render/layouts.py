"""Layouts: tables of payoffs as text, in one of several forms that say the same.

No form leaves anything out. A table of more than `FEW` cells is written without whole sentences whatever the
phrasing, and over two axes by runs: neighbouring choices with the same consequences share an entry.
"""

from collections.abc import Iterator
from itertools import groupby, product

from games.text.render.numbers import number, numbers
from games.text.render.tables import PayoffTable
from games.text.render.voice import Voice, quoted
from games.text.render.words import Layout

FEW = 150
"""Most cells of a table that is laid out as the phrasing wants it."""


def lay_out(table: PayoffTable, voice: Voice) -> str:
    """The text of a table, in the layout of the voice's phrasing."""
    layout = voice.phrasing.layout
    if layout is Layout.SEPARATE and len(table.payees) > 1:
        return "\n\n".join(f"{voice.heading(t.payees[0])}\n{lay_out(t, voice)}" for t in table.split())
    axes = len(table.axes)
    if axes == 0:
        return voice.words.always.format(results=_results(table, (), voice))
    if table.amounts[0].size > FEW:
        return _runs(table, voice) if axes == 2 else _outcomes(table, voice)
    if layout is Layout.SENTENCES or (layout is Layout.GROUPED and axes == 1):
        return _sentences(table, voice)
    if layout is Layout.GROUPED:
        return _grouped(table, voice)
    if layout is Layout.OUTCOMES or axes > 2 or cramped(*table.labels, voice.names):
        return _outcomes(table, voice)
    return _grid(table, voice) if axes == 2 else _list(table, voice)


def cramped(*groups: tuple[str, ...]) -> bool:
    """Whether some text would break a table apart."""
    return any("|" in text or "\n" in text for group in groups for text in group)


def rows(*lines: tuple[str, ...]) -> str:
    """A table in Markdown, of which the first line is the head."""
    head, *body = lines
    ruled = (head, ("---",) * len(head), *body)
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def _cells(table: PayoffTable) -> Iterator[tuple[int, ...]]:
    return product(*map(range, table.amounts.shape[1:]))


def _amounts(table: PayoffTable, cell: tuple[int, ...]) -> list[str]:
    return numbers(table.paid(cell))


def _results(table: PayoffTable, cell: tuple[int, ...], voice: Voice) -> str:
    return ", ".join(map(voice.gets, table.payees, _amounts(table, cell)))


def _conditions(table: PayoffTable, cell: tuple[int, ...], voice: Voice, start: int = 0) -> str:
    clauses = [
        voice.chooses(player, labels[k])
        for player, labels, k in zip(table.axes[start:], table.labels[start:], cell[start:], strict=True)
    ]
    return voice.words.conjunction.join(clauses)


def _sentences(table: PayoffTable, voice: Voice) -> str:
    return "\n".join(
        voice.words.sentence.format(
            conditions=_conditions(table, cell, voice), results=_results(table, cell, voice)
        )
        for cell in _cells(table)
    )


def _grouped(table: PayoffTable, voice: Voice) -> str:
    lines = []
    own, labels = table.axes[0], table.labels[0]
    for others in product(*map(range, table.amounts.shape[2:])):
        lines.append(voice.words.group.format(conditions=_conditions(table, (0, *others), voice, start=1)))
        for k, label in enumerate(labels):
            line = voice.words.group_line.format(
                conditions=voice.chooses(own, label), results=_results(table, (k, *others), voice)
            )
            lines.append(f"- {line}")
    return "\n".join(lines)


def _outcomes(table: PayoffTable, voice: Voice) -> str:
    lines = [voice.words.outcomes]
    for cell in _cells(table):
        chosen = (quoted(labels[k]) for labels, k in zip(table.labels, cell, strict=True))
        paid = voice.beside(table.payees, _amounts(table, cell))
        lines.append(f"- {voice.beside(table.axes, chosen)} -> {paid}")
    return "\n".join(lines)


def _list(table: PayoffTable, voice: Voice) -> str:
    (chooser,) = table.axes
    first = voice.words.option if chooser == voice.seat else voice.names[chooser]
    body = ((label, *_amounts(table, (k,))) for k, label in enumerate(table.labels[0]))
    return rows((first, *(voice.gets(payee, "...") for payee in table.payees)), *body)


def _grid(table: PayoffTable, voice: Voice) -> str:
    down, across = table.axes
    legend = voice.words.grid.format(row=voice.names[down], column=voice.names[across])
    if len(table.payees) > 1:
        legend += f" {voice.words.order.format(payees=voice.listed(table.payees))}"
    first, second = table.labels
    cells = [[numbers(paid) for paid in row] for row in table.amounts.transpose(1, 2, 0).tolist()]
    body = ((label, *map(", ".join, row)) for label, row in zip(first, cells, strict=True))
    corner = f"{voice.names[down]} \\ {voice.names[across]}"
    return f"{legend}\n{rows((corner, *second), *body)}"


def _runs(table: PayoffTable, voice: Voice) -> str:
    down, across = table.axes
    first, second = table.labels
    lines = [
        voice.words.runs.format(
            row=voice.names[down], column=voice.names[across], payees=voice.listed(table.payees)
        )
    ]
    for label, row in zip(first, table.amounts.transpose(1, 2, 0).tolist(), strict=True):
        entries = []
        start = 0
        for paid, run in groupby(row):
            end = start + len(list(run)) - 1
            span = quoted(second[start])
            if end > start:
                span += f" .. {quoted(second[end])}"
            entries.append(f"{span} = {', '.join(map(number, paid))}")
            start = end + 1
        lines.append(f"- {quoted(label)}: {'; '.join(entries)}")
    return "\n".join(lines)
