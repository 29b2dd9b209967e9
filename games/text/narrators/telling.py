"""From a state of a game to the situation of a player who moves there."""

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pyspiel

from games.adapters.open_spiel import OpenSpielGame
from games.adapters.tree_env import TreeEnv
from games.protocols import EnvGame
from games.text.narrators.protocol import Narrator
from games.text.narrators.registry import narrator_of
from games.text.situations import PlaySituation, Remark


class _Told(NamedTuple):
    narrator: Narrator[Any]
    rules: dict[int, str]


# By the game object: games of one name may differ, as two trees do. Threads may share it, for at worst two of
# them write the same words.
_TOLD: WeakKeyDictionary[OpenSpielGame | TreeEnv, _Told] = WeakKeyDictionary()


def situation(
    game: EnvGame[Any],
    state: Any,  # noqa: ANN401  (states belong to the game)
    seat: int,
    *,
    remarks: tuple[Remark, ...] = (),
) -> PlaySituation:
    """What a player who is to move knows, in words and as data.

    Args:
        game: an `OpenSpielGame` or a `TreeEnv`.
        state: of it.
        seat: who decides; one of those to move.
        remarks: what others said.

    Raises:
        ValueError: the seat is not to move.
        UnsupportedGameError: no narrator tells the game; see `narrator_of`.
    """
    movers = game.to_move(state)
    if seat not in movers:
        raise ValueError(f"seat must be one of the players to move, {tuple(movers)}, got {seat}")
    told = _told(game)
    rules = told.rules.get(seat)
    if rules is None:
        rules = told.rules[seat] = told.narrator.rules(game, seat)
    mask = game.legal_mask(state, seat)
    legal = tuple(np.flatnonzero(mask).tolist())
    return PlaySituation(
        game,
        seat,
        rules,
        told.narrator.known(game, state, seat),
        legal,
        tuple(told.narrator.label(game, state, seat, action) for action in legal),
        information_state(game, state, seat),
        game.observe(state, seat),
        mask,
        remarks,
    )


def _told(game: EnvGame[Any]) -> _Told:
    if not isinstance(game, OpenSpielGame | TreeEnv):  # others may not allow weak references
        return _Told(narrator_of(game), {})
    told = _TOLD.get(game)
    if told is None:
        told = _TOLD[game] = _Told(narrator_of(game), {})
    return told


def information_state(game: EnvGame[Any], state: Any, seat: int) -> bytes:  # noqa: ANN401
    """Names what a player knows, who remembers everything they saw.

    In OpenSpiel's games that hide something its information state, by which tables of policies can be looked
    up, or else the observation string; all moves so far where nothing is hidden. In trees the label of the
    information set, and the observation in games of other kinds.
    """
    if isinstance(game, TreeEnv):
        label: str = game.tree.infoset_labels[game.tree.infoset[state]]
        return label.encode()
    if not isinstance(game, OpenSpielGame):
        return game.observe(state, seat).tobytes()
    kind = game.spiel_game.get_type()
    if kind.information == pyspiel.GameType.Information.PERFECT_INFORMATION:
        return str(state.history_str()).encode()
    if kind.provides_information_state_string:
        return str(state.information_state_string(seat)).encode()
    return str(state.observation_string(seat)).encode()
