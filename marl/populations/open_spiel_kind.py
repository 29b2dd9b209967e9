"""OpenSpiel games in population files: by the string that loads them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyspiel
from numpy.typing import NDArray

from games.adapters.open_spiel import OpenSpielGame, open_spiel_game
from games.adapters.open_spiel_load import game_string, load_open_spiel
from games.adapters.open_spiel_tree import compile_open_spiel
from games.storage.fields import Arrays, Fields
from marl.policies.in_trees import states_of_infosets
from marl.populations.compiled import CompiledGame

_LONGEST = 2_000
_LARGEST = 100  # number among the parameters that are not left at their defaults
_MOST = 100_000  # actions, numbers in a tensor, moves in a play
# Games that a file may name. Within the limits above they load or refuse, in little memory, and open no file;
# others kill the process (hanabi) or fill the memory where numbers are large. Files of other games can be
# read too, by whoever brings the game.
# fmt: off
_NAMES = frozenset({
    "backgammon", "breakthrough", "chess", "connect_four", "go", "goofspiel", "kuhn_poker", "leduc_poker",
    "liars_dice", "matching_pennies_3p", "matrix_bos", "matrix_brps", "matrix_cd", "matrix_coordination",
    "matrix_mp", "matrix_pd", "matrix_rps", "matrix_rpsw", "matrix_sh", "matrix_shapleys_game", "misere",
    "mnk", "oshi_zumo", "othello", "oware", "pentago", "phantom_ttt", "pig", "tic_tac_toe",
    "tiny_bridge_2p", "tiny_hanabi", "trade_comm", "turn_based_simultaneous_game",
})
# fmt: on


class OpenSpielKind:
    """See ``GameKind``."""

    def encode(self, game: OpenSpielGame) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """The string, if ``decode`` would take it."""
        text = game_string(game.spiel_game)
        return ({"text": text}, {}) if _modest_text(text) and _modest_game(game.spiel_game) else None

    def decode(self, fields: Fields, arrays: Arrays) -> OpenSpielGame:
        """Load the string, if it names a game known to be harmless with modest numbers."""
        text = fields.text("text")
        if not _modest_text(text):
            raise fields.error("text", f"a game that files may name, with numbers up to {_LARGEST}")
        game = load_open_spiel(text)
        # Asked before any state exists, as boards and tensors grow with it.
        if not _modest_game(game):
            raise fields.error("text", f"at most {_MOST} actions, moves in a play, and numbers in a tensor")
        return open_spiel_game(game)

    def compile(self, game: OpenSpielGame, max_histories: int) -> CompiledGame:
        """By walking the game once; see ``compile_open_spiel``."""
        form = compile_open_spiel(game.spiel_game, max_histories=max_histories)
        found = states_of_infosets(game)
        states = tuple(
            tuple(found[i, label] for label in plex.infosets) for i, plex in enumerate(form.treeplexes)
        )
        return CompiledGame(game, form, states, tuple(plex.action_ids for plex in form.treeplexes))

    def information_label(self, game: OpenSpielGame, state: Any, player: int) -> str:  # noqa: ANN401
        """OpenSpiel's information-state string; what the player may see where the game has none."""
        if not game.spiel_game.get_type().provides_information_state_string:
            return self.view(game, state, player)
        label: str = state.information_state_string(player)
        return label

    def action_label(self, game: OpenSpielGame, state: Any, player: int, action: int) -> str:  # noqa: ANN401
        """OpenSpiel's name of the action, with its number where it has none of its own."""
        label: str = state.action_to_string(player, action)
        names = [state.action_to_string(player, a) for a in state.legal_actions(player)]
        return label if names.count(label) == 1 else f"{label}#{action}"

    def view(self, game: OpenSpielGame, state: Any, player: int) -> str:  # noqa: ANN401
        """The whole state where nothing is hidden, else the information state or the observation."""
        kind = game.spiel_game.get_type()
        text: str
        if kind.information == pyspiel.GameType.Information.PERFECT_INFORMATION:
            text = str(state)
        elif kind.provides_information_state_string:
            text = state.information_state_string(player)
        elif kind.provides_observation_string:
            text = state.observation_string(player)
        else:
            text = np.array2string(game.observe(state, player), precision=3, separator=" ", threshold=200)
        return text


def _modest_text(text: str) -> bool:
    """Whether a string may be given to OpenSpiel to load."""
    try:
        return len(text) <= _LONGEST and _modest(pyspiel.game_parameters_from_string(text))
    except pyspiel.SpielError:
        return False


def _modest(parameters: Mapping[str, Any]) -> bool:
    name = parameters.get("name")
    if name not in _NAMES:
        return False
    kinds = {kind.short_name: kind for kind in pyspiel.registered_games()}
    defaults = kinds[name].parameter_specification
    return all(
        _modest(value)
        if isinstance(value, Mapping)
        else isinstance(value, bool | str) or value == defaults.get(key) or 0 < value <= _LARGEST
        for key, value in parameters.items()
    )


def _modest_game(game: "pyspiel.Game") -> bool:
    kind = game.get_type()
    sizes: list[int] = [game.num_distinct_actions(), game.max_game_length()]
    if kind.provides_information_state_tensor:
        sizes.append(math.prod(game.information_state_tensor_shape()))
    if kind.provides_observation_tensor:
        sizes.append(math.prod(game.observation_tensor_shape()))
    return max(sizes) <= _MOST
