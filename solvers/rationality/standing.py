"""Where a kept run stands: what is played, what must be asked again, and what it took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from marl.language.budgeted import Price
from solvers.rationality.cells import Cell
from solvers.rationality.handling import failures
from solvers.rationality.plays_file import Record
from solvers.rationality.transcripts import Replied, said_in


@dataclass(frozen=True, slots=True)
class Standing:
    """How far one player has come.

    Attributes:
        player: its name.
        cells: plays asked for in which it sits in seat 0.
        played: how many of them have ended, those to be played again included.
        again: how many of them will be played again, because the world failed in them.
        failures: questions to it without an answer, by kind.
        replies: replies of it in all seats, in the plays that are kept.
        prompt_tokens: tokens read for them, as far as the server said.
        completion_tokens: tokens written, likewise.
        uncounted: replies of which the server said no tokens.
    """

    player: str
    cells: int
    played: int
    again: int
    failures: Mapping[str, int]
    replies: int
    prompt_tokens: int
    completion_tokens: int
    uncounted: int

    def cost(self, price: Price) -> float:
        """What the counted tokens cost."""
        return price.of(self.prompt_tokens, self.completion_tokens)


def standings(cells: Sequence[Cell], records: Sequence[Record]) -> list[Standing]:
    """One standing per player in seat 0, in the order of the cells.

    Args:
        cells: all that were asked for.
        records: those that were played, as `solvers.rationality.run.kept_records` gives them.

    Raises:
        FileFormatError: a transcript is malformed.
    """
    wanted = Counter(cell.seating[0] for cell in cells)
    replies: dict[str, list[Replied]] = {}
    for record in records:
        for said in said_in(record):
            replies.setdefault(said.player, []).extend(said.replies)
    return [
        _standing(
            player, count, [r for r in records if r.play.player == player], tuple(replies.get(player, ()))
        )
        for player, count in wanted.items()
    ]


def _standing(player: str, cells: int, own: list[Record], replies: tuple[Replied, ...]) -> Standing:
    return Standing(
        player,
        cells,
        len(own),
        sum(not record.complete for record in own),
        failures([record.play for record in own]),
        len(replies),
        sum(reply.prompt_tokens or 0 for reply in replies),
        sum(reply.completion_tokens or 0 for reply in replies),
        sum(reply.prompt_tokens is None or reply.completion_tokens is None for reply in replies),
    )
