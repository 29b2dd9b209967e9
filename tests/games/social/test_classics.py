"""One-shot classics: payoffs by their rules, equilibria by closed forms, bad parameters."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from games.normal_form import catalogue, nash_conv
from games.social import classics


def stable(game):
    """Labels of all profiles from which nobody gains by leaving alone, by trying every deviation."""
    found = []
    for cell in product(*map(range, game.num_actions)):
        gains = (
            game.payoffs[p][(*cell[:p], a, *cell[p + 1 :])] > game.payoffs[p][cell] + 1e-9
            for p in range(game.num_players)
            for a in range(game.num_actions[p])
        )
        if not any(gains):
            found.append(tuple(int(game.actions[p][a]) for p, a in enumerate(cell)))
    return found


@pytest.mark.parametrize("share", [Fraction(2, 3), Fraction(1, 2), Fraction(3, 4)])
@pytest.mark.parametrize("players", [2, 3])
def test_guesses_nearest_to_the_target_win(players, share):
    game = classics.guessing_game(players, 5, share)
    for cell in product(range(6), repeat=players):
        away = [abs(guess - share * Fraction(sum(cell), players)) for guess in cell]
        winners = [distance == min(away) for distance in away]
        np.testing.assert_allclose(game.payoffs[(slice(None), *cell)], np.array(winners) / sum(winners))
    assert (0,) * players in stable(game)


def test_two_guessers_play_the_beauty_contest():
    np.testing.assert_array_equal(classics.guessing_game(2, 9).payoffs, catalogue.beauty_contest(9).payoffs)


def test_money_request():
    game = classics.money_request()
    assert stable(game) == []
    mixture = np.array([0, 0, 0, 0, 5, 5, 4, 3, 2, 1]) / 20
    assert nash_conv(game, (mixture, mixture)) == pytest.approx(0, abs=1e-12)
    at = game.actions[0].index
    assert game.payoffs[0, at("17"), at("18")] == 37
    assert game.payoffs[0, at("18"), at("17")] == 18
    assert game.payoffs[1, at("18"), at("17")] == 37


@pytest.mark.parametrize("cost", [1, 10, 19])
@pytest.mark.parametrize("players", [2, 3])
def test_equal_efforts_are_the_equilibria(players, cost):
    game = classics.minimum_effort(players, 4, cost=cost)
    assert stable(game) == [(effort,) * players for effort in (1, 2, 3, 4)]
    assert game.payoffs[0][(2, *(3,) * (players - 1))] == 60 + 20 * 3 - cost * 3


def test_demands_divide_the_pie():
    game = classics.nash_demand(6)
    assert stable(game) == sorted([*((x, 6 - x) for x in range(7)), (6, 6)])
    assert game.payoffs[:, 2, 3].tolist() == [2, 3]
    assert game.payoffs[:, 4, 3].tolist() == [0, 0]


@pytest.mark.parametrize("lowest", [2, 3, 5])
def test_prices_fall_to_the_lowest(lowest):
    assert stable(classics.price_competition(lowest, lowest + 6)) == [(lowest, lowest)]
    game = classics.price_competition(2, 9)
    assert game.payoffs[:, 3, 5].tolist() == [5, 0]
    assert game.payoffs[:, 4, 4].tolist() == [3, 3]


@pytest.mark.parametrize("margin", [6, 12, 15])
def test_quantities_of_cournot(margin):
    game = classics.quantity_competition(margin, margin // 2)
    third = margin // 3
    found = stable(game)
    assert (third, third) in found
    assert all(abs(q - third) <= 1 for pair in found for q in pair)
    joint = game.payoffs.sum(axis=0)
    best = np.argwhere(joint == joint.max()).sum(axis=1)
    assert set(best.tolist()) <= {margin // 2, margin - margin // 2}


def test_the_pool_is_overused():
    game = classics.common_pool()
    found = stable(game)
    assert (3, 3, 3) in found
    assert all(2 <= taken <= 4 for profile in found for taken in profile)
    joint = game.payoffs.sum(axis=0)
    assert joint[2, 2, 2] == joint.max()
    # one token at home, three in the pool, of six in all
    assert game.payoffs[0, 3, 2, 1] == 1 * 1 + 3 * (13 - 6)


@pytest.mark.parametrize(("first", "second"), [(10, 6), (5, 5), (8, 1)])
def test_auctions_go_to_the_one_who_values_most(first, second):
    game = classics.first_price_auction(first, second)
    for bids in product(range(first + 1), repeat=2):
        chance = {True: 1.0, False: 0.0}[bids[0] > bids[1]] if bids[0] != bids[1] else 0.5
        wanted = [chance * (first - bids[0]), (1 - chance) * (second - bids[1])]
        np.testing.assert_allclose(game.payoffs[:, bids[0], bids[1]], wanted)
    found = stable(game)
    assert found
    if first - second > 1:
        assert all(own > other and own >= second - 1 for own, other in found)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: classics.guessing_game(1), "players >= 2"),
        (lambda: classics.guessing_game(share=Fraction(1)), "share < 1"),
        (lambda: classics.money_request(20, 20), "highest > lowest"),
        (lambda: classics.minimum_effort(cost=20), "cost < benefit"),
        (lambda: classics.nash_demand(0), "pie"),
        (lambda: classics.price_competition(0, 5), "lowest"),
        (lambda: classics.quantity_competition(12, 7), "margin / 2"),
        (lambda: classics.first_price_auction(3, 4), "second <= first"),
        (lambda: classics.common_pool(outside=13), "outside < margin"),
        (lambda: classics.common_pool(players=70), "players"),
    ],
)
def test_bad_parameters_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
