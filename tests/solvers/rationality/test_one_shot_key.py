"""Keys of one-shot games against closed forms and brute force."""

from itertools import product

import numpy as np
import pytest

from games.normal_form import NormalFormGame, catalogue, nash_conv
from games.social import classics
from solvers.rationality.keys.one_shot import LEVELS, one_shot_key, pure_equilibria

GAMES = [
    catalogue.prisoners_dilemma(),
    catalogue.battle_of_the_sexes(),
    catalogue.ochs_matching_pennies(4.0),
    catalogue.volunteers_dilemma(3),
    classics.money_request(),
    classics.first_price_auction(5, 3),
]


def brute_pure(game):
    found = []
    for cell in product(*map(range, game.num_actions)):
        best = (
            max(game.payoffs[p][(*cell[:p], a, *cell[p + 1 :])] for a in range(game.num_actions[p]))
            for p in range(game.num_players)
        )
        if all(game.payoffs[p][cell] >= top - 1e-12 for p, top in enumerate(best)):
            found.append(cell)
    return tuple(found)


@pytest.mark.parametrize("game", GAMES, ids=lambda game: game.name)
def test_equilibria_are_equilibria_and_losses_vanish_on_their_supports(game):
    key = one_shot_key(game)
    assert one_shot_key(game) is key
    assert pure_equilibria(game) == brute_pure(game)
    assert len(key.equilibria) >= max(1, len(pure_equilibria(game)))
    for profile in key.equilibria:
        assert nash_conv(game, profile) <= 1e-5 * game.payoff_range
    for player in range(game.num_players):
        losses = key.equilibrium_losses(player)
        assert losses.min() >= 0
        assert losses[list(key.supports(player))].max() <= 1e-5 * game.payoff_range
    assert len(key.levels) == LEVELS + 1
    assert all(x.sum() == pytest.approx(1) for x in key.population)


def test_the_prisoners_dilemma_by_hand():
    key = one_shot_key(GAMES[0])
    assert key.supports(0) == (1,)
    np.testing.assert_allclose(key.equilibrium_losses(0), [1, 0])
    # Step 0, of Poisson share e^-1.5 among steps 0 to 4, mixes evenly; all other steps defect.
    weights = np.array([1.5**k / f for k, f in enumerate((1, 1, 2, 6, 24))])
    kind = 0.5 * weights[0] / weights.sum()
    np.testing.assert_allclose(key.population[1], [kind, 1 - kind])
    np.testing.assert_allclose(key.against_population(0), [3 * kind, 1 + 4 * kind])


def test_a_mixed_equilibrium_stands_beside_pure_ones():
    """In the symmetric equilibrium of three volunteers everybody waits with probability 1/2."""
    key = one_shot_key(catalogue.volunteers_dilemma(3))
    assert len(pure_equilibria(key.game)) == 3
    assert any(np.allclose(profile[0], 0.5, atol=1e-4) for profile in key.equilibria)


def test_payoffs_may_come_in_any_unit():
    for unit in (1e-3, 1e6):
        game = NormalFormGame(catalogue.chicken().payoffs * unit)
        assert pure_equilibria(game) == ((0, 1), (1, 0))
