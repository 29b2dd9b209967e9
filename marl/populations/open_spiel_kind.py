"""OpenSpiel games in population files: by the string that loads them."""

import re
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
_MOST_ACTIONS = 1_000_000
# Parameters by which OpenSpiel opens files of its own accord.
_FILES = re.compile(r"(filename|instances_file|boards_file|puzzles_root|word_list_file)\s*=")


class OpenSpielKind:
    """See ``GameKind``."""

    def encode(self, game: OpenSpielGame) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """The string, unless it names a file, which another machine does not have."""
        text = game_string(game.spiel_game)
        if _FILES.search(text) or len(text) > _LONGEST:
            return None
        return {"text": text}, {}

    def decode(self, fields: Fields, arrays: Arrays) -> OpenSpielGame:
        """Load the string; one that names a file, or a game with an absurd number of actions, is refused."""
        text = fields.text("text")
        if _FILES.search(text) or len(text) > _LONGEST:
            raise fields.error("text", f"a game string of at most {_LONGEST} characters that names no file")
        game = load_open_spiel(text)
        # Asked before any state exists, as boards and tensors grow with it.
        if game.num_distinct_actions() > _MOST_ACTIONS:
            raise fields.error("text", f"a game of at most {_MOST_ACTIONS} actions")
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
