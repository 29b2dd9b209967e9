"""Who did what, in words, as one player sees it."""

from collections.abc import Iterable


def who(player: int, seat: int, num_players: int) -> str:
    """A player as ``seat`` calls them: you, the opponent, by number where there are several, or chance."""
    if player < 0:
        return "chance"
    if player == seat:
        return "you"
    return "the opponent" if num_players == 2 else f"player {player + 1}"


def you_are(seat: int, rest: str = "") -> str:
    """The line of the rules that says who one is."""
    return f"You are player {seat + 1}{rest}."


def history(steps: Iterable[tuple[int, str]], seat: int, num_players: int) -> str:
    """All moves so far in one line, oldest first; players by number, their own moves by "you"."""
    told = [f"{who(player, seat, num_players)}: {words}" for player, words in steps]
    return f"Moves so far: {'; '.join(told)}." if told else "Moves so far: none."


def counted(number: float, thing: str) -> str:
    """A number of things: 1 chip, 2 chips."""
    shown = f"{number:g}"
    return f"{shown} {thing}" if shown == "1" else f"{shown} {thing}s"


def listed(parts: Iterable[object]) -> str:
    """Things one after another, or none."""
    return ", ".join(str(part) for part in parts) or "none"


def grid(rows: Iterable[str], row_names: Iterable[object], column_names: Iterable[object]) -> str:
    """A board with the names of its rows on the left and of its columns above.

    Args:
        rows: one character per cell, the row to be shown on top first.
        row_names: as many as rows.
        column_names: as many as cells in a row.
    """
    columns = [str(name) for name in column_names]
    names = [str(name) for name in row_names]
    margin, width = max(map(len, names)), max(map(len, columns))
    lines = [" ".join([" " * margin, *(name.rjust(width) for name in columns)])]
    for name, row in zip(names, rows, strict=True):
        lines.append(" ".join([name.rjust(margin), *(cell.rjust(width) for cell in row)]))
    return "\n".join(lines)
