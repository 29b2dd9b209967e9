"""Load OpenSpiel games by name, with errors that help."""

import re

import pyspiel

from games.errors import UnsupportedGameError
from games.registry import unknown_name


def open_spiel_names() -> list[str]:
    """All registered games, those that OpenSpiel ships in Python included."""
    import open_spiel.python.games  # noqa: F401 - importing it registers them

    return sorted(pyspiel.registered_names())


def game_string(game: "pyspiel.Game") -> str:
    """The string that loads the game again, without empty brackets."""
    return str(game).removesuffix("()")


def load_open_spiel(game: "str | pyspiel.Game") -> "pyspiel.Game":
    """Return ``game`` loaded; a string is a registered name with parameters in brackets.

    Games written in Python are registered when they are first asked for.

    Raises:
        UnknownNameError: the name is not registered; near matches are suggested.
        UnsupportedGameError: OpenSpiel refuses the parameters.
    """
    if not isinstance(game, str):
        return game
    name = re.split(r"[(\s]", game.strip(), maxsplit=1)[0]
    if name not in pyspiel.registered_names() and name not in open_spiel_names():
        raise unknown_name("OpenSpiel game", name, open_spiel_names())
    try:
        return pyspiel.load_game(game)
    except (pyspiel.SpielError, IndexError) as error:
        raise UnsupportedGameError(f"OpenSpiel cannot load {game!r}: {error}") from error
