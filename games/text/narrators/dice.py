"""Liar's dice and pig in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.text.narrators.people import counted, history, listed, who, you_are

_ROLL = 0
_CHANCE = -1


class LiarsDice:
    """``liars_dice``: two players, any dice, both rules of bidding."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        given = game.spiel_game.get_parameters()
        dice, faces = given["numdice"], given["dice_sides"]
        if given["bidding_rule"] == "reset-face":
            higher = "it names more dice, or as many dice and a higher face"
        else:
            higher = "it names a higher face, or the same face and more dice"
        return (
            f"Liar's dice for 2 players. Each rolls {'1 die' if dice == 1 else f'{dice} dice'} with faces 1 "
            f"to {faces}, which the other does not see. Players take turns, player 1 first. A bid names a "
            f"number of dice and a face, and claims that of all {2 * dice} dice of both players at least "
            f"that many show this face; dice that show {faces} count as every face. Each bid must be higher "
            f"than the last: {higher}. Instead of bidding, a player may call the last bid a lie, which ends "
            "the game: all dice are shown, and if the bid is true the bidder wins, else the caller. The "
            "winner's payoff is 1, the loser's is -1.\n" + you_are(seat)
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        given = game.spiel_game.get_parameters()
        dice, past = given["numdice"], state.history()
        # In the order of their faces: which die fell first nobody is told.
        own = sorted(outcome + 1 for outcome in past[seat * dice : (seat + 1) * dice])
        steps = ((k % 2, _bid(given, bid)) for k, bid in enumerate(past[2 * dice :]))
        return f"Your dice: {listed(own)}.\n{history(steps, seat, 2)}"

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _bid(game.spiel_game.get_parameters(), action)


def _bid(given: Mapping[str, Any], action: int) -> str:
    """OpenSpiel numbers bids from the lowest to the highest; after them comes the call."""
    total, faces = 2 * given["numdice"], given["dice_sides"]
    if action == total * faces:
        return "call a lie"
    if given["bidding_rule"] == "reset-face":
        number, face = action // faces + 1, action % faces + 1
    else:
        number, face = action % total + 1, action // total + 1
    return f"bid {number} of face {face}"


class Pig:
    """``pig`` and its variant piglet, with any number of players."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        given = game.spiel_game.get_parameters()
        n, faces, goal = game.num_players, given["diceoutcomes"], given["winscore"]
        gain = "adds 1 to the total of the turn" if given["piglet"] else "is added to the total of the turn"
        lost = "-1" if n == 2 else f"-1/{n - 1} each"
        return (
            f"Pig, a race to {counted(goal, 'point')} for {n} players who take turns, player 1 first. In a "
            f"turn a player may stop at any time, also at once, or roll a die with faces 1 to {faces}. A 1 "
            f"ends the turn, and the total of the turn is lost. Any other face {gain}, and the turn goes on. "
            "Who stops adds the total of the turn to their score, and the turn is over. A player whose score "
            f"together with the total of the turn is {goal} or more must stop. The first whose score is "
            f"{goal} or more wins: the winner's payoff is 1, that of the others is {lost}. After "
            f"{given['horizon']} decisions of all "
            "players together without a winner the game ends, and all get 0.\n" + you_are(seat)
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        n, piglet = game.num_players, game.spiel_game.get_parameters()["piglet"]
        *done, (_, rolls, total, _) = _turns(state.full_history(), n, piglet)
        scores = [0] * n
        for player, _, gained, _ in done:
            scores[player] += gained
        standing = listed(f"{who(player, seat, n)} {score}" for player, score in enumerate(scores))
        past = ((player, _turn_words(rolls, gained, stopped)) for player, rolls, gained, stopped in done)
        turns = history(past, seat, n).replace("Moves", "Turns", 1)
        now = f"Your rolls in this turn: {listed(rolls)}. Total of this turn: {total}."
        return f"{turns}\nScores: {standing}.\n{now}"

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return "roll" if action == _ROLL else "stop"


def _turns(past: list[Any], num_players: int, piglet: bool) -> Iterator[tuple[int, list[str], int, bool]]:
    """Each turn as player, rolls, points gained and whether the player stopped; last the one under way."""
    player, rolls, total = 0, list[str](), 0
    for step in past:
        if step.player == _CHANCE and step.action == 0:
            yield player, [*rolls, "1"], 0, False
        elif step.player == _CHANCE:
            rolls.append("not 1" if piglet else str(step.action + 1))
            total += 1 if piglet else step.action + 1
            continue
        elif step.action == _ROLL:
            continue
        else:
            yield player, rolls, total, True
        player, rolls, total = (player + 1) % num_players, [], 0
    yield player, rolls, total, False


def _turn_words(rolls: list[str], gained: int, stopped: bool) -> str:
    if not rolls:
        return "stopped at once"
    return f"rolled {listed(rolls)} and {f'stopped with {gained}' if stopped else 'got nothing'}"
