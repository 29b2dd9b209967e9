"""Any other OpenSpiel game: the engine's own text of what a player may know, which is not prose."""

from typing import Any

import pyspiel

from games.adapters.open_spiel import OpenSpielGame
from games.errors import UnsupportedGameError
from games.text.narrators.people import history, listed, you_are


class EngineText:
    """Games with information states or observations, none of them told in our words.

    A game of perfect information is shown by the player's observation and all moves; another one by the
    information state, or where the engine has none by the observation, which may hold less than the player
    could remember.
    """

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`.

        Raises:
            UnsupportedGameError: the engine has no text of what one player knows.
        """
        kind = game.spiel_game.get_type()
        if not (kind.provides_information_state_string or kind.provides_observation_string):
            raise UnsupportedGameError(f"{game.name} has no text of what one player knows")
        given = listed(
            f"{name} = {value}" for name, value in sorted(game.spiel_game.get_parameters().items())
        )
        low, high = game.payoff_bounds
        zero = kind.utility == pyspiel.GameType.Utility.ZERO_SUM
        return (
            f"{kind.long_name}, as the game {kind.short_name!r} of the engine OpenSpiel plays it, for "
            f"{game.num_players} players, with the parameters: {given}. All texts about the play are the "
            f"engine's own; it counts players from 0. A payoff lies between {low:g} and "
            f"{high:g}{'; the payoffs of all players sum to 0' if zero else ''}.\n"
            + you_are(seat, f" (player {seat} as the engine counts)")
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        kind = game.spiel_game.get_type()
        if kind.information != pyspiel.GameType.Information.PERFECT_INFORMATION:
            if kind.provides_information_state_string:
                return str(state.information_state_string(seat))
            return str(state.observation_string(seat))
        told = history(_moves(game, state), seat, game.num_players)
        return f"{told}\n{state.observation_string(seat)}" if kind.provides_observation_string else told

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _distinct(state, seat, action)


def _moves(game: OpenSpielGame, state: Any) -> list[tuple[int, str]]:  # noqa: ANN401
    """All moves, those of chance too, in the engine's words, which may depend on where they were made."""
    then, steps, joint = game.spiel_game.new_initial_state(), list[tuple[int, str]](), list[int]()
    for step in state.full_history():
        steps.append((step.player, then.action_to_string(step.player, step.action)))
        if not then.is_simultaneous_node():
            then.apply_action(step.action)
            continue
        joint.append(step.action)
        if len(joint) == game.num_players:
            then.apply_actions(joint)
            joint = []
    return steps


def _distinct(state: Any, seat: int, action: int) -> str:  # noqa: ANN401
    """The engine's words for an action, with its number where another legal action has the same."""
    words = str(state.action_to_string(seat, action)).strip()
    alike = [
        other
        for other in state.legal_actions(seat)
        if str(state.action_to_string(seat, other)).strip().casefold() == words.casefold()
    ]
    return words if len(alike) == 1 else f"{words} (action {action})"
