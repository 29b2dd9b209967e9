"""A person at the keyboard as a player."""

from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from games.protocols import EnvGame
from marl.populations.game_kinds import action_label, view_of


class PersonLeft(Exception):
    """The person has closed the input."""


class Person:
    """Asks for every move: legal ones are numbered, and anything else is asked again."""

    def probabilities(self, game: EnvGame[Any], state: Any, player: int) -> NDArray[np.float64]:  # noqa: ANN401
        """See ``Policy.probabilities``; all mass on the move that the person chose.

        Raises:
            PersonLeft: the input has ended.
        """
        legal = np.flatnonzero(game.legal_mask(state, player)).tolist()
        labels = [action_label(game, state, player, action) for action in legal]
        typer.echo(f"\n{view_of(game, state, player)}")
        chosen = 0
        if len(legal) == 1:
            typer.echo(f"only one move: {labels[0]}")
        else:
            for number, label in enumerate(labels, 1):
                typer.echo(f"  {number}  {label}")
            chosen = _ask(labels)
        row = np.zeros(game.num_actions(player))
        row[legal[chosen]] = 1.0
        return row


def _ask(labels: list[str]) -> int:
    """Place of the move that the person names by its number or label."""
    while True:
        try:
            answer = input(f"your move, 1 to {len(labels)}: ").strip()
        except EOFError:
            raise PersonLeft from None
        if answer in labels and not answer.isdecimal():
            return labels.index(answer)
        if answer.isdecimal() and len(answer) < 10 and 1 <= int(answer) <= len(labels):
            return int(answer) - 1
        typer.echo(f"{answer!r:.60} is not one of the moves")
