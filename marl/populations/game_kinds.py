"""The games that a population file can name, and what is known of each kind: one line per kind.

A kind says how a game is written down and built again, what its information sets and actions are called, and
how it is compiled. Games of other kinds can be played too, but whoever reads their file brings the game.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from games.errors import UnsupportedGameError
from games.loading import LoadedGame
from games.protocols import EnvGame
from games.registry import Registry
from games.storage.fields import Arrays, Fields
from marl.populations.compiled import CompiledGame

DEFAULT_MAX_HISTORIES = 2_000_000


class GameKind(Protocol):
    """What is known of a kind of game; ``game`` is always of that kind."""

    def encode(self, game: Any) -> tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]] | None:  # noqa: ANN401
        """JSON values and arrays that ``decode`` rebuilds the game from; None where nothing would."""

    def decode(self, fields: Fields, arrays: Arrays) -> EnvGame[Any]:
        """The game.

        Raises:
            FileFormatError: a part is missing or out of range.
            ValueError: the game refuses it.
        """

    def compile(self, game: Any, max_histories: int) -> CompiledGame:  # noqa: ANN401
        """The game with its sequence form.

        Raises:
            UnsupportedGameError: it is too large or has none.
        """

    def information_label(self, game: Any, state: Any, player: int) -> str:  # noqa: ANN401
        """Name of the information set of ``player``, who is to move, in the compiled game."""

    def action_label(self, game: Any, state: Any, player: int, action: int) -> str:  # noqa: ANN401
        """What the action is called; it is legal at the state."""

    def view(self, game: Any, state: Any, player: int) -> str:  # noqa: ANN401
        """What ``player`` may know at the state, as text for a person who plays."""


KINDS = Registry("kind of game")
"""Name in the file, where the kind is, how games are written down, and their class as the tag."""

# One kind per line: name, class here, class of its games, summary.
# fmt: off
_TABLE = (
    ("open_spiel", "open_spiel_kind:OpenSpielKind", "games.adapters.open_spiel:OpenSpielGame", "by string"),
    ("normal_form", "table_kinds:NormalFormKind", "games.adapters.normal_form_env:NormalFormEnv", "whole"),
    ("tree", "table_kinds:TreeKind", "games.adapters.tree_env:TreeEnv", "whole"),
    ("trust_dilemma", "grid_kinds:HuntKind", "games.gridworlds.trust_dilemma:TrustDilemma", "by parameters"),
    ("merge", "grid_kinds:MergeKind", "games.driving.merge:MergeGame", "by parameters"),
    ("recall", "grid_kinds:RecallKind", "marl.populations.recall:RecallGame", "by the game within"),
)
# fmt: on
for _name, _kind, _games, _summary in _TABLE:
    KINDS.add(_name, f"marl.populations.{_kind}", _summary, _games)

_BY_CLASS = {path: entry.name for entry in KINDS for path in entry.tags}


def kind_name(game: EnvGame[Any]) -> str | None:
    """Name of the kind of a game, None where it is of no registered kind."""
    return _BY_CLASS.get(f"{type(game).__module__}:{type(game).__qualname__}")


def load_kind(name: str) -> GameKind:
    """The kind of that name.

    Raises:
        UnknownNameError: there is none.
    """
    kind: GameKind = KINDS.get(name).load()()
    return kind


def kind_of(game: EnvGame[Any]) -> GameKind | None:
    """The kind of a game, None where it is of no registered kind."""
    name = kind_name(game)
    return None if name is None else load_kind(name)


def compile_game(game: EnvGame[Any], *, max_histories: int = DEFAULT_MAX_HISTORIES) -> CompiledGame:
    """Compile a game of a registered kind.

    Raises:
        UnsupportedGameError: the game is of no registered kind, too large, or has no sequence form.

    Example:
        >>> from games.adapters.open_spiel import open_spiel_game
        >>> compile_game(open_spiel_game("kuhn_poker")).form.num_sequences
        (13, 13)
    """
    kind = kind_of(game)
    if kind is None:
        raise UnsupportedGameError(f"{game.name} is of no kind that can be compiled")
    return kind.compile(game, max_histories)


def information_label(game: EnvGame[Any], state: Any, player: int) -> str:  # noqa: ANN401
    """Name of the information set of the player to move, as in the compiled game.

    Raises:
        UnsupportedGameError: the game is of no registered kind.
    """
    kind = kind_of(game)
    if kind is None:
        raise UnsupportedGameError(f"{game.name} is of no kind whose information sets have names")
    return kind.information_label(game, state, player)


def action_label(game: EnvGame[Any], state: Any, player: int, action: int) -> str:  # noqa: ANN401
    """What a legal action is called; its number where the game is of no registered kind."""
    kind = kind_of(game)
    return str(action) if kind is None else kind.action_label(game, state, player, action)


def view_of(game: EnvGame[Any], state: Any, player: int) -> str:  # noqa: ANN401
    """What the player may know, for a person; the player's observation where nothing else is known."""
    kind = kind_of(game)
    if kind is None:
        return np.array2string(game.observe(state, player), precision=3, separator=" ", threshold=200)
    return kind.view(game, state, player)


_ENVIRONMENTS = {
    "trust-dilemma-small": "games.gridworlds.trust_dilemma:small_trust_dilemma",
    "merge-small": "games.driving.merge:small_merge",
}


def playable(loaded: LoadedGame) -> EnvGame[Any]:
    """A loaded game, to be played forward; trees of small environments are played in the environment.

    Example:
        >>> from games.loading import load_game
        >>> playable(load_game("stag-hunt")).to_move(())
        (0, 1)
    """
    from games.adapters.normal_form_env import NormalFormEnv
    from games.adapters.tree_env import TreeEnv
    from games.normal_form.game import NormalFormGame

    if isinstance(loaded.game, NormalFormGame):
        return NormalFormEnv(loaded.game)
    if loaded.source:
        from games.adapters.open_spiel import open_spiel_game

        return open_spiel_game(loaded.source)
    if loaded.game.name in _ENVIRONMENTS:
        from games.extensive.fingerprint import fingerprint
        from games.registry import Entry
        from marl.populations.grid_kinds import with_recall

        game = with_recall(Entry(loaded.game.name, _ENVIRONMENTS[loaded.game.name], "").load()())
        # A file may give its tree the name of another.
        if fingerprint(compile_game(game).form) == fingerprint(loaded.sequence_form()):
            return game
    return TreeEnv(loaded.game)
