"""Goofspiel in words, with bids that all see or that stay secret."""

import re
from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.errors import UnsupportedGameError
from games.text.narrators.people import counted, listed, who, you_are

_ORDERS = {
    "random": "in an order drawn at random, each as likely as any other",
    "descending": "from the highest to the lowest",
    "ascending": "from the lowest to the highest",
}
_FIELDS = re.compile(r"^([^:\n]+): ([-\d ]*)$", re.MULTILINE)


class Goofspiel:
    """``goofspiel`` with any number of players and cards, any order of prizes, any way to pay."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`.

        Raises:
            UnsupportedGameError: one round fewer than cards: OpenSpiel then plays one more, for the prize of
                the round before.
        """
        given = game.spiel_game.get_parameters()
        n, cards = game.num_players, given["num_cards"]
        rounds = cards if given["num_turns"] < 0 else given["num_turns"]
        if rounds == cards - 1:
            raise UnsupportedGameError(
                f"{game.name} plays a round more than it declares; num_turns={cards} is told in words"
            )
        shown = "all bids are shown"
        if given["imp_info"]:
            shown = "all are told who won the prize, but nobody is shown the bids of others"
        last = ""
        if rounds == cards:
            last = " In the last round everybody's one remaining card is played by itself."
        return (
            f"Goofspiel for {n} players. Everybody has a hand of {cards} cards with the numbers 1 to "
            f"{cards}. Prize cards with the numbers 1 to {cards} are turned up one by one, "
            f"{_ORDERS[given['points_order']]}, for {counted(rounds, 'round')}. In a round all players bid "
            "at the same time: each plays one card of the hand, which is then spent. The highest bid wins "
            "the prize, which is worth as many points as its number; when several bids are highest nobody "
            f"gets it. After a round {shown}. The game is over after {counted(rounds, 'round')}.{last} "
            f"{_payment(given['returns_type'], n)}\n" + you_are(seat)
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        n = game.num_players
        fields = {
            name: values.split() for name, values in _FIELDS.findall(state.information_state_string(seat))
        }
        prizes = fields["Point card sequence"]
        bids = (
            _own_bids(fields, seat)
            if game.spiel_game.get_parameters()["imp_info"]
            else _all_bids(game, state)
        )
        lines = []
        for k, winner in enumerate(fields["Win sequence"]):
            shown = listed(f"{who(player, seat, n)} bid {bid}" for player, bid in sorted(bids[k].items()))
            taken = "nobody" if int(winner) < 0 else who(int(winner), seat, n)
            lines.append(f"Round {k + 1}: prize {prizes[k]}; {shown}; {taken} got the prize.")
        points = listed(f"{who(p, seat, n)} {held}" for p, held in enumerate(fields["Points"]))
        lines.append(f"Points: {points}.")
        for player in range(n):
            if f"P{player} hand" in fields:
                owner = "Your hand" if player == seat else f"Hand of {who(player, seat, n)}"
                lines.append(f"{owner}: {listed(fields[f'P{player} hand'])}.")
        lines.append(f"Round {len(bids) + 1}: the prize is {prizes[-1]}.")
        return "\n".join(lines)

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return f"bid {action + 1}"


def _payment(kind: str, num_players: int) -> str:
    match kind:
        case "point_difference":
            return "Your payoff is your points minus the average of all players' points."
        case "total_points":
            return "Your payoff is your points."
        case _ if num_players == 2:
            return "Who has more points gets a payoff of 1, the other -1; with equal points both get 0."
        case _:
            return (
                "Those with the most points share a payoff of 1 equally, and the others share -1 equally; "
                "when all have equal points everybody gets 0."
            )


def _own_bids(fields: dict[str, list[str]], seat: int) -> list[dict[int, int]]:
    return [{seat: int(action) + 1} for action in fields[f"P{seat} action sequence"]]


def _all_bids(game: OpenSpielGame, state: Any) -> list[dict[int, int]]:  # noqa: ANN401
    """Bids of all rounds before this one."""
    players = range(game.num_players)
    own: list[list[int]] = [[] for _ in players]
    for step in state.full_history():
        if step.player in players:
            own[step.player].append(step.action + 1)
    return [dict(zip(players, bids, strict=True)) for bids in zip(*own, strict=True)]
