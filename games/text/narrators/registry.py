"""Which narrator tells which game."""

from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.adapters.tree_env import TreeEnv
from games.errors import UnsupportedGameError
from games.protocols import EnvGame
from games.registry import Registry
from games.text.narrators import trees
from games.text.narrators.engine import EngineText
from games.text.narrators.protocol import Narrator

NARRATORS = Registry("narrator")
"""Narrators by the short names of OpenSpiel's games and the names of catalogued trees."""

_HERE = "games.text.narrators"
_HIDDEN, _OPEN = "hidden-information", "perfect-information"
# fmt: off
_TABLE = (
    ("kuhn_poker", "poker:KuhnPoker", "One card each, one bet", _HIDDEN),
    ("leduc_poker", "poker:LeducPoker", "One card each, one on the table, two rounds of betting", _HIDDEN),
    ("liars_dice", "dice:LiarsDice", "Bids on the dice of both players", _HIDDEN),
    ("pig", "dice:Pig", "Roll on or stop, pig and piglet", _OPEN),
    ("tic_tac_toe", "stones:TicTacToe", "Three in a row", _OPEN),
    ("connect_four", "stones:ConnectFour", "Stones that fall, boards of any size", _OPEN),
    ("nim", "stones:Nim", "Piles of objects, the last one wins or loses", _OPEN),
    ("breakthrough", "breakthrough:Breakthrough", "Pieces that race to the other side", _OPEN),
    ("goofspiel", "goofspiel:Goofspiel", "Bids of cards for prizes, shown or secret", _HIDDEN),
    ("first_sealed_auction", "auction:FirstSealedAuction", "One bid on a private value", _HIDDEN),
    ("ultimatum", "trees:Ultimatum", "Propose a division, accept it or lose it", _OPEN),
    ("centipede", "trees:Centipede", "Take, or pass and let the piles grow", _OPEN),
    ("trust-game", "trees:Trust", "Send money that grows, and hope for some of it back", _OPEN),
)
# fmt: on
for _name, _target, _summary, _tag in _TABLE:
    NARRATORS.add(_name, f"{_HERE}.{_target}", _summary, _tag)

_TREES = {"ultimatum": trees.is_ultimatum, "centipede": trees.is_centipede, "trust-game": trees.is_trust}


def named_narrator(name: str) -> Narrator[Any]:
    """The narrator of a game by name.

    Raises:
        UnknownNameError: no narrator has the name; the message says which ones there are.
    """
    narrator: Narrator[Any] = NARRATORS.get(name).load()()
    return narrator


def narrator_of(game: EnvGame[Any]) -> Narrator[Any]:
    """The narrator of a game: its own, or else one that shows the engine's text, or the whole tree.

    A tree that only bears the name of a catalogued one is told as it is written down.

    Raises:
        UnsupportedGameError: the game is neither OpenSpiel's nor a tree.
    """
    if isinstance(game, OpenSpielGame):
        name = game.spiel_game.get_type().short_name
        return named_narrator(name) if name in NARRATORS else EngineText()
    if isinstance(game, TreeEnv):
        alike = _TREES.get(game.name)
        return named_narrator(game.name) if alike is not None and alike(game.tree) else trees.WrittenTree()
    raise UnsupportedGameError(
        f"game must be an OpenSpielGame or a TreeEnv to be told in words, got a {type(game).__name__}"
    )
