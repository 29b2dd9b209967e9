"""OpenSpiel's one-shot games as payoff tensors."""

import numpy as np
import pyspiel

from games.adapters.open_spiel_load import game_string, load_open_spiel
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame


def normal_form_from_open_spiel(game: "str | pyspiel.Game") -> NormalFormGame:
    """The payoff tensor of a game in which all players move once, at the same time, and chance does not.

    Raises:
        UnsupportedGameError: the game is not of that kind.

    Example:
        >>> normal_form_from_open_spiel("matrix_pd").payoffs[0].tolist()
        [[5.0, 0.0], [10.0, 1.0]]
    """
    loaded = load_open_spiel(game)
    root = loaded.new_initial_state()
    if not root.is_simultaneous_node() or loaded.max_game_length() != 1:
        raise UnsupportedGameError(f"{loaded} is not one simultaneous move; compile it to a tree instead")
    legal = [root.legal_actions(i) for i in range(loaded.num_players())]
    sizes = [len(actions) for actions in legal]
    payoffs = np.empty((*sizes, len(sizes)))
    for cell in np.ndindex(*sizes):
        state = root.clone()
        state.apply_actions([actions[k] for actions, k in zip(legal, cell, strict=True)])
        if not state.is_terminal():
            raise UnsupportedGameError(f"{loaded} goes on after the first move; compile it to a tree instead")
        payoffs[cell] = state.returns()
    labels = tuple(tuple(root.action_to_string(i, a) for a in actions) for i, actions in enumerate(legal))
    return NormalFormGame(np.moveaxis(payoffs, -1, 0), labels, name=game_string(loaded))
