"""Kuhn and Leduc poker in words, from OpenSpiel's information states: these hold no card of others."""

import re
from collections.abc import Iterator
from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.text.narrators.people import counted, history, listed, who, you_are

_KUHN = re.compile(r"(\d+)([pb]*)")
_PASS, _BET = 0, 1

_LEDUC = re.compile(
    r"\[Observer: \d+\]\[Private: (?P<own>\d+)\]\[Round (?P<round>\d)\]\[Player: -?\d+\]\[Pot: (?P<pot>\d+)\]"
    r"\[Money: (?P<money>[-\d ]+)\](?:\[Public: (?P<public>\d+)\])?"
    r"\[Round1: (?P<first>[\d ]*)\]\[Round2: (?P<second>[\d ]*)\]"
)
_FOLD, _CALL, _RAISE = 0, 1, 2
_PURSE = 100  # what OpenSpiel's players start with, and its texts subtract stakes from


class KuhnPoker:
    """``kuhn_poker`` with any number of players."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        n = game.num_players
        return (
            f"Kuhn poker for {n} players. There are {n + 1} cards, numbered 1 to {n + 1}; a greater number "
            "is better. Everybody puts 1 chip into the pot and gets one card, which nobody else sees; the "
            "last card stays face down. Players act in turn, player 1 first. While nobody has bet, a player "
            "may check (add nothing) or bet 1 chip. After a bet every other player in turn, those who "
            "checked before included, may call (add 1 chip) or fold (give up), once each, and then the hand "
            "is over. It is also over when everybody has checked. Among the players who put in most, the one "
            "with the best card takes the pot. Your payoff is what you take from the pot minus what you put "
            "in, in chips.\n" + you_are(seat)
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        card, moves = _kuhn(state, seat)
        n = game.num_players
        steps = ((k % n, _kuhn_word(moves[:k], move == "b")) for k, move in enumerate(moves))
        return f"Your card: {card + 1}.\n{history(steps, seat, n)}"

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return _kuhn_word(_kuhn(state, seat)[1], action == _BET)


def _kuhn(state: Any, seat: int) -> tuple[int, str]:  # noqa: ANN401
    """Own card and the moves, p or b, that all have seen."""
    found = _KUHN.fullmatch(state.information_state_string(seat))
    if found is None:
        raise ValueError(f"not an information state of Kuhn poker: {state.information_state_string(seat)!r}")
    return int(found[1]), found[2]


def _kuhn_word(before: str, adds: bool) -> str:
    if "b" in before:
        return "call" if adds else "fold"
    return "bet" if adds else "check"


class LeducPoker:
    """``leduc_poker`` with any number of players, with suits or without."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        given = game.spiel_game.get_parameters()
        n = game.num_players
        suits = "" if given["suit_isomorphism"] else ", of suit a and suit b; suits mean nothing"
        words = (
            f"Leduc poker for {n} players. There are {2 * (n + 1)} cards: ranks 1 to {n + 1}, a greater rank "
            f"is better, two cards of each{suits}. Everybody puts 1 chip into the pot and gets one card, "
            "which nobody else sees. A first round of betting follows; then one card is laid open on the "
            "table for all to see, and a second round of betting follows. In both rounds players act in turn "
            f"and player {given['starting_player'] + 1} is the first to act. A player may check (add "
            "nothing) while nobody has raised in the round; after a raise, call (add what is missing to the "
            "greatest stake) or fold (give up). A player may also raise: add what is missing and, on top, 2 "
            "chips in the first round or 4 chips in the second. A round has at most 2 raises. It ends when "
            "all who have not folded have had their turn since the last raise, or all have checked. The hand "
            "ends after the second round, or when only one player has not folded, who then takes the pot. "
            "Else a player whose card has the rank of the open card takes the pot; without such a player the "
            "greatest rank does; equal ranks share it. Your payoff is what you take from the pot minus what "
            "you put in, in chips.\n"
        )
        if given["action_mapping"]:
            words += "A fold where there is nothing to call counts as a check, a raise beyond 2 as a call.\n"
        return words + you_are(seat)

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        found = _leduc(state, seat)
        given = game.spiel_game.get_parameters()
        plain, n = given["suit_isomorphism"], game.num_players
        lines = [f"Your card: {_card(int(found['own']), plain)}."]
        folded: set[int] = set()
        for number, name in ((1, "first"), (2, "second")):
            moves = [int(move) for move in found[name].split()]
            if number == 2 and found["public"] is None:
                break
            if number == 2:
                lines.append(f"Open card: {_card(int(found['public']), plain)}.")
            steps = list(_leduc_steps(moves, given["starting_player"], n, folded))
            lines.append(f"Round {number}. {history(steps, seat, n)}")
        stakes = [_PURSE - int(left) for left in found["money"].split()]
        put = listed(f"{who(p, seat, n)} {counted(stake, 'chip')}" for p, stake in enumerate(stakes))
        lines.append(f"Put into the pot so far: {put}.")
        return "\n".join(lines)

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        found = _leduc(state, seat)
        moves = found["first" if found["round"] == "1" else "second"].split()
        return _leduc_word(action, str(_RAISE) in moves)


def _leduc(state: Any, seat: int) -> re.Match[str]:  # noqa: ANN401
    text = state.information_state_string(seat)
    found = _LEDUC.fullmatch(text)
    if found is None:
        raise ValueError(f"not an information state of Leduc poker: {text!r}")
    return found


def _card(card: int, plain: bool) -> str:
    return f"rank {card + 1}" if plain else f"rank {card // 2 + 1} of suit {'ab'[card % 2]}"


def _leduc_word(action: int, raised: bool) -> str:
    if action == _CALL:
        return "call" if raised else "check"
    return "fold" if action == _FOLD else "raise"


def _leduc_steps(
    moves: list[int], first: int, num_players: int, folded: set[int]
) -> Iterator[tuple[int, str]]:
    """Players and words of a round; ``folded`` is skipped over and added to."""
    player, raised = first - 1, False
    for move in moves:
        player = (player + 1) % num_players
        while player in folded:
            player = (player + 1) % num_players
        yield player, _leduc_word(move, raised)
        raised = raised or move == _RAISE
        if move == _FOLD:
            folded.add(player)
