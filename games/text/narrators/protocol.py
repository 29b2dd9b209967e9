"""What a narrator is: whoever puts a game that is played move by move into words."""

from typing import Any, Protocol, TypeVar

GameT = TypeVar("GameT", contravariant=True)


class Narrator(Protocol[GameT]):
    """Tells one kind of game. It keeps no memory: all it says follows from the arguments.

    What `known` and `label` say depends on the state only by what the seat's player knows there, and
    different knowledge gives different words; the tests hold every narrator to both.
    """

    def rules(self, game: GameT, seat: int) -> str:
        """The rules: who moves when, what may be done, when it ends, what it pays; last, who one is.

        The same at every state. Numbers that are parameters of the game are read from it.

        Raises:
            UnsupportedGameError: the game has a variant that the words do not cover.
        """

    def known(self, game: GameT, state: Any, seat: int) -> str:  # noqa: ANN401  (states belong to the game)
        """What the player knows of this play: own cards, everything that happened in its sight, the board.

        Called where the player is to move.
        """

    def label(self, game: GameT, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """The words for a legal action, distinct among those of the state whatever their case."""
