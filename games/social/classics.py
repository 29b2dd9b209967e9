"""One-shot games that people were asked to play, beside those of `games.normal_form.catalogue`.

Every function gives a game with small whole payoffs, so that ties are ties and prompts stay short; the
parameters of the experiments are kept where they were small already.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from games.normal_form.game import NormalFormGame
from games.normal_form.sizes import equal_sizes

_TWO_THIRDS = Fraction(2, 3)


def guessing_game(players: int = 3, highest: int = 4, share: Fraction = _TWO_THIRDS) -> NormalFormGame:
    """Who guesses nearest to ``share`` of everybody's mean wins 1; a tie shares it.

    For a share below 1 best replies lie below what others guess on average, down to the lowest guesses:
    everybody at 0 is an equilibrium. For two players and 2/3 it is
    `games.normal_form.catalogue.beauty_contest`, in which 0 is best whatever the other guesses.

    Args:
        players: number of players N >= 2.
        highest: guesses are whole numbers from 0 to it, >= 1.
        share: in (0, 1).

    Raises:
        ValueError: an argument out of range, or too large a table.

    Source: Moulin (1986), Game Theory for the Social Sciences; Nagel (1995), Unraveling in guessing games: an
    experimental study, AER 85 (there 0 to 100).
    """
    if players < 2 or highest < 1 or not 0 < share < 1:
        raise ValueError(
            f"need players >= 2, highest >= 1 and 0 < share < 1, got {players}, {highest} and {share}"
        )
    guesses = np.indices(equal_sizes(players, highest + 1))
    # Distances to the target, times players and the denominator: whole numbers compare exactly.
    away = np.abs(players * share.denominator * guesses - share.numerator * guesses.sum(axis=0))
    nearest = away == away.min(axis=0)
    labels = _numbers(0, highest)
    return NormalFormGame(nearest / nearest.sum(axis=0), (labels,) * players, name="guessing-game")


def money_request(lowest: int = 11, highest: int = 20, bonus: int = 20) -> NormalFormGame:
    """Both get what they ask for, and ``bonus`` on top for asking exactly one less than the other.

    In a symmetric equilibrium of the default, requests from 20 down to 16 have probabilities 1/20,
    2/20, ..., 5/20 and 15 has the rest, 5/20.

    Args:
        lowest: least request.
        highest: greatest request, above it.
        bonus: for undercutting by one, > 0.

    Raises:
        ValueError: an argument out of range.

    Source: Arad and Rubinstein (2012), The 11-20 money request game: a level-k reasoning study, AER 102.
    """
    if highest <= lowest or bonus <= 0:
        raise ValueError(f"need highest > lowest and bonus > 0, got {highest}, {lowest} and {bonus}")
    requests = np.arange(lowest, highest + 1)
    own, other = requests[:, None], requests[None, :]
    return _symmetric(own + bonus * (own == other - 1), _numbers(lowest, highest), "money-request")


def minimum_effort(
    players: int = 2, efforts: int = 7, benefit: int = 20, cost: int = 10, base: int = 60
) -> NormalFormGame:
    """Everybody gets ``base + benefit * (least effort) - cost * (own effort)``.

    That all make the same effort is an equilibrium, whichever it is; the greatest is best for all.

    Args:
        players: number of players >= 2.
        efforts: they go from 1 to this number, >= 2.
        benefit: of the least effort, above ``cost``.
        cost: of the own effort, > 0.
        base: paid to everybody.

    Raises:
        ValueError: an argument out of range, or too large a table.

    Source: Van Huyck, Battalio and Beil (1990), Tacit coordination games, strategic uncertainty, and
    coordination failure, AER 80; payoffs in cents.
    """
    if players < 2 or efforts < 2 or not 0 < cost < benefit:
        raise ValueError(
            "need players >= 2, efforts >= 2 and 0 < cost < benefit, got "
            f"{players}, {efforts}, {cost} and {benefit}"
        )
    made = np.indices(equal_sizes(players, efforts)) + 1
    payoffs = base + benefit * made.min(axis=0) - cost * made
    return NormalFormGame(payoffs, (_numbers(1, efforts),) * players, name="minimum-effort")


def nash_demand(pie: int = 10) -> NormalFormGame:
    """Both name an amount and get it if there is enough for both; otherwise nobody gets anything.

    The pure equilibria are the divisions of the whole pie, and that both demand all of it.

    Args:
        pie: demands are whole numbers from 0 to it, >= 1.

    Raises:
        ValueError: ``pie`` is below one.

    Source: Nash (1953), Two-person cooperative games, Econometrica 21.
    """
    if pie < 1:
        raise ValueError(f"pie must be at least 1, got {pie}")
    own, other = np.indices((pie + 1, pie + 1))
    return _symmetric(own * (own + other <= pie), _numbers(0, pie), "nash-demand")


def price_competition(lowest: int = 2, highest: int = 10) -> NormalFormGame:
    """Bertrand's game: the lower of two prices is earned by whoever set it, and shared in a tie.

    For ``lowest`` >= 2 only ``lowest`` against itself is an equilibrium in pure actions.

    Args:
        lowest: least price, >= 1.
        highest: greatest price, above it.

    Raises:
        ValueError: an argument out of range.

    Source: Dufwenberg and Gneezy (2000), Price competition and market concentration: an experimental study,
    International Journal of Industrial Organization 18 (there 2 to 100).
    """
    if not 1 <= lowest < highest:
        raise ValueError(f"need 1 <= lowest < highest, got {lowest} and {highest}")
    prices = np.arange(lowest, highest + 1)
    own, other = prices[:, None], prices[None, :]
    earned = np.where(own < other, own, np.where(own == other, own / 2, 0.0))
    return _symmetric(earned, _numbers(lowest, highest), "price-competition")


def quantity_competition(margin: int = 12, highest: int = 6) -> NormalFormGame:
    """Cournot's game: q units sold at the margin ``margin`` less what both bring to the market.

    Both at margin / 3 is an equilibrium; on whole numbers pairs beside it can be others. Together they would
    earn most at margin / 4 each.

    Args:
        margin: price less unit cost when nothing is on the market, >= 3.
        highest: quantities are whole numbers from 0 to it, >= 1; at most half of ``margin``, so that the
            margin is never negative.

    Raises:
        ValueError: an argument out of range.

    Source: Cournot (1838), Researches into the Mathematical Principles of the Theory of Wealth. The numbers
    are this project's own.
    """
    if margin < 3 or not 1 <= highest <= margin / 2:
        raise ValueError(f"need margin >= 3 and 1 <= highest <= margin / 2, got {margin} and {highest}")
    own, other = np.indices((highest + 1, highest + 1))
    return _symmetric(own * (margin - own - other), _numbers(0, highest), "quantity-competition")


def first_price_auction(first: int = 10, second: int = 6) -> NormalFormGame:
    """Sealed bids for one object of known worth: the greater bid wins and is paid, and a coin settles a tie.

    Args:
        first: worth to the first bidder.
        second: worth to the second bidder, in [1, first].

    Returns:
        Both bid whole amounts from 0 to ``first``; payoffs are worth less bid, halved in a tie.

    Raises:
        ValueError: not 1 <= second <= first.

    Source: Vickrey (1961), Counterspeculation, auctions, and competitive sealed tenders, Journal of Finance
    16, has the rule; the case of known worths is folklore.
    """
    if not 1 <= second <= first:
        raise ValueError(f"need 1 <= second <= first, got {second} and {first}")
    bids = np.arange(first + 1)
    wins = np.sign(bids[:, None] - bids[None, :]) / 2 + 0.5  # probability that the row bidder wins
    labels = _numbers(0, first)
    return NormalFormGame.bimatrix(
        wins * (first - bids[:, None]),
        (1 - wins) * (second - bids[None, :]),
        actions=(labels, labels),
        name="first-price-auction",
    )


def common_pool(players: int = 3, tokens: int = 4, margin: int = 13, outside: int = 1) -> NormalFormGame:
    """Each token earns ``outside`` at home, and in the common pool ``margin`` less all tokens there.

    In equilibrium each of N players puts (margin - outside) / (N + 1) into the pool, while
    (margin - outside) / 2N each would be best for all: 3 against 2 with the defaults. On whole numbers
    profiles beside the equilibrium can be others.

    Args:
        players: number of players N >= 2.
        tokens: of each player, >= 1.
        margin: what the first token in the pool would earn, plus one.
        outside: what a token earns at home, below ``margin``.

    Raises:
        ValueError: an argument out of range, or too large a table.

    Source: Ostrom, Gardner and Walker (1994), Rules, Games, and Common-Pool Resources (the quadratic form;
    the numbers are this project's own).
    """
    if players < 2 or tokens < 1 or not outside < margin:
        raise ValueError(
            "need players >= 2, tokens >= 1 and outside < margin, got "
            f"{players}, {tokens}, {outside} and {margin}"
        )
    taken = np.indices(equal_sizes(players, tokens + 1))
    payoffs = outside * (tokens - taken) + taken * (margin - taken.sum(axis=0))
    return NormalFormGame(payoffs, (_numbers(0, tokens),) * players, name="common-pool")


def _numbers(lowest: int, highest: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(lowest, highest + 1))


def _symmetric(
    own: NDArray[np.float64] | NDArray[np.int64], labels: tuple[str, ...], name: str
) -> NormalFormGame:
    return NormalFormGame.bimatrix(own, own.T, actions=(labels, labels), name=name)
