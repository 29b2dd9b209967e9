"""Which behavioural classics are asked, from which seats, and what is read off an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from games.normal_form import catalogue
from games.normal_form.game import NormalFormGame
from games.social import classics

_MOST_CLAIMS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Classic:
    """A game and what its answers are called.

    Attributes:
        name: distinct within the suite, with the parameters that set it apart.
        game: the payoffs.
        seats: from which it is asked; one in a symmetric game.
        figure: what the number that an action stands for is called, empty where actions are no numbers.
        kind: the action that is kind to the others, None where none is.
    """

    name: str
    game: NormalFormGame
    seats: tuple[int, ...] = (0,)
    figure: str = ""
    kind: str | None = None


def classic_games(*, claims: int = 20, guesses: int = 100) -> Sequence[Classic]:
    """Twenty-one kinds of games, some with two parameters.

    Ultimatum, centipede and trust games are played move by move, in the suite "sequential".

    Args:
        claims: greatest claim of the traveller's dilemma, from 4 to 60: beyond that the mixtures that
            dominate have weights below rounding, and elimination would stop short of the truth.
        guesses: greatest guess of the two-person guessing game, >= 1.

    Raises:
        ValueError: an argument out of range.
    """
    if not 4 <= claims <= _MOST_CLAIMS:
        raise ValueError(f"claims must lie in [4, {_MOST_CLAIMS}], got {claims}")
    both = (0, 1)
    return (
        Classic("prisoners-dilemma", catalogue.prisoners_dilemma(), kind="cooperate"),
        Classic("stag-hunt", catalogue.stag_hunt(), kind="stag"),
        Classic("chicken", catalogue.chicken(), kind="swerve"),
        Classic("hawk-dove", catalogue.hawk_dove(), kind="dove"),
        Classic("battle-of-the-sexes", catalogue.battle_of_the_sexes(), both),
        *(
            Classic(f"matching-pennies({prize:g} to 1)", catalogue.ochs_matching_pennies(prize), both)
            for prize in (1.0, 4.0)
        ),
        Classic("inspection", catalogue.inspection_game(), both),
        Classic("rock-paper-scissors(1, 3, 2)", catalogue.weighted_rock_paper_scissors()),
        Classic("blotto(4, 3)", catalogue.colonel_blotto(), both),
        *(
            Classic(
                f"travelers-dilemma(2 to {claims}, bonus {bonus})",
                catalogue.travelers_dilemma(2, claims, bonus),
                figure="claim",
            )
            for bonus in (2, 8)
        ),
        Classic(f"guessing(2, 0 to {guesses})", catalogue.beauty_contest(guesses), figure="guess"),
        Classic("guessing(3, 0 to 4)", classics.guessing_game(), figure="guess"),
        Classic("money-request(11 to 20)", classics.money_request(), figure="request"),
        *(
            Classic(f"minimum-effort(cost {cost})", classics.minimum_effort(cost=cost), figure="effort")
            for cost in (2, 18)
        ),
        Classic("nash-demand(10)", classics.nash_demand(), figure="demand"),
        *(
            Classic(
                f"public-goods(4, {multiplier:g})", catalogue.public_goods(4, multiplier), kind="contribute"
            )
            for multiplier in (1.6, 3.2)
        ),
        *(
            Classic(f"volunteers-dilemma({players})", catalogue.volunteers_dilemma(players), kind="volunteer")
            for players in (2, 5)
        ),
        Classic("minority(5)", catalogue.minority_game(5)),
        Classic("common-pool(3)", classics.common_pool(), figure="tokens taken"),
        Classic("quantity-competition", classics.quantity_competition(), figure="quantity"),
        Classic("price-competition(2 to 10)", classics.price_competition(), figure="price"),
        Classic("first-price-auction(10, 6)", classics.first_price_auction(), both, figure="bid"),
    )
