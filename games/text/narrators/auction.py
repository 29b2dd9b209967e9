"""The first-price sealed-bid auction in words."""

from typing import Any

from games.adapters.open_spiel import OpenSpielGame
from games.text.narrators.people import you_are


class FirstSealedAuction:
    """``first_sealed_auction`` with any number of bidders."""

    def rules(self, game: OpenSpielGame, seat: int) -> str:
        """See `Narrator.rules`."""
        n, most = game.num_players, game.spiel_game.get_parameters()["max_value"]
        return (
            f"A sealed-bid auction of one object among {n} players. To each player the object is worth a "
            f"value that only this player knows, drawn at random from the whole numbers 1 to {most}, each as "
            "likely as any other and independent of the others' values. Every player makes one bid, a whole "
            "number from 0 up to the own value minus 1, without seeing any other bid. The highest bid wins; "
            "among equal highest bids one is drawn at random. The winner's payoff is the own value minus the "
            "own bid, everybody "
            "else's is 0, and the game is over.\n" + you_are(seat)
        )

    def known(self, game: OpenSpielGame, state: Any, seat: int) -> str:  # noqa: ANN401
        """See `Narrator.known`."""
        return f"The object is worth {state.information_state_string(seat).split()[2]} to you."

    def label(self, game: OpenSpielGame, state: Any, seat: int, action: int) -> str:  # noqa: ANN401
        """See `Narrator.label`."""
        return f"bid {action}"
