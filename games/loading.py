"""One way to name any game: a catalogue name, an OpenSpiel string, or a Gambit file."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from games.errors import UnknownNameError, UnsupportedGameError
from games.extensive.sequence_form import SequenceForm
from games.extensive.tree import TreeGame
from games.normal_form import NormalFormGame
from games.registry import unknown_name


@dataclass(frozen=True, slots=True)
class LoadedGame:
    """A game as it was found, ready to be seen as either form.

    Attributes:
        game: a payoff tensor or a tree.
        source: the string that loads it again in OpenSpiel, "" if it is not from there.
    """

    game: NormalFormGame | TreeGame
    source: str = ""

    @property
    def is_matrix(self) -> bool:
        """Whether the game came as a payoff tensor."""
        return isinstance(self.game, NormalFormGame)

    def normal_form(self) -> NormalFormGame:
        """The payoff tensor; of a tree, over its reduced pure strategies.

        Raises:
            UnsupportedGameError: the tree has too many pure strategies.
        """
        from games.extensive.normal_form import to_normal_form

        return self.game if isinstance(self.game, NormalFormGame) else to_normal_form(self.game)

    def sequence_form(self) -> SequenceForm:
        """The sequence form; a payoff tensor becomes consecutive moves of players who do not see each other.

        Raises:
            UnsupportedGameError: a player of the tree forgets.
        """
        from games.extensive.folding import fold
        from games.extensive.normal_form import from_normal_form

        if isinstance(self.game, NormalFormGame):
            return fold(from_normal_form(self.game))
        return fold(self.game, source=self.source)


def load_game(name: str | os.PathLike[str]) -> LoadedGame:
    """Find a game by a path to a ``.nfg`` or ``.efg`` file, a catalogue name, or an OpenSpiel string.

    Catalogue names come first; ``open_spiel:NAME`` skips them.

    Raises:
        UnknownNameError: nothing has this name; near matches are suggested.
        FileFormatError: the file is broken.
        UnsupportedGameError: the game is too large or breaks a rule of the arrays.
        OSError: the file cannot be read.

    Example:
        >>> load_game("stag-hunt").normal_form().actions[0]
        ('stag', 'hare')
    """
    text = os.fspath(name)
    suffix = Path(text).suffix.lower()
    if suffix == ".nfg":
        from games.normal_form.nfg import read_nfg

        return LoadedGame(read_nfg(text))
    if suffix == ".efg":
        from games.extensive.efg import read_efg

        return LoadedGame(read_efg(text))
    from games.extensive.registry import TREES
    from games.normal_form.registry import GAMES, load_named

    if text in GAMES:
        return LoadedGame(load_named(text))
    if text in TREES:
        return LoadedGame(TREES.get(text).load()())
    return _from_open_spiel(text.removeprefix("open_spiel:"), [e.name for e in (*GAMES, *TREES)])


def _from_open_spiel(text: str, catalogue: Iterable[str]) -> LoadedGame:
    from games.adapters.open_spiel_load import game_string, load_open_spiel, open_spiel_names
    from games.adapters.open_spiel_matrix import normal_form_from_open_spiel
    from games.adapters.open_spiel_tree import tree_from_open_spiel

    try:
        loaded = load_open_spiel(text)
    except UnknownNameError:
        raise unknown_name("game", text, [*catalogue, *open_spiel_names()]) from None
    try:
        return LoadedGame(normal_form_from_open_spiel(loaded), game_string(loaded))
    except UnsupportedGameError:
        return LoadedGame(tree_from_open_spiel(loaded), game_string(loaded))
