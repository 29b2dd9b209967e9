"""How well equilibrium concepts fit what people did in thirteen laboratory games.

Parameters are shared by the twelve games of Selten and Chmura and were chosen on a coarse grid; the distances
pin what our solvers give there. They are in-sample, so a concept with more parameters has the advantage.
"""

import numpy as np
import pytest

from games.normal_form import known_game, load_named, nash_conv
from games.normal_form.observed import OBSERVED
from games.normal_form.risk import RiskAversion
from games.normal_form.risk_measures import Entropic, Neutral
from games.normal_form.risk_profiles import RiskProfile
from games.normal_form.risk_regularisers import Entropy
from solvers.equilibrium.quantal_response import solve_quantal_response
from solvers.equilibrium.risk_averse import solve_risk_averse
from solvers.equilibrium.risk_layer import solve_risk_profile

TWELVE = [f"selten-chmura-{k}" for k in range(1, 13)]
# Probabilities of up and left as Selten and Chmura (2008) print them, the same for games 1-6 and 7-12.
PUBLISHED = [(0.091, 0.909), (0.182, 0.727), (0.273, 0.909), (0.364, 0.818), (0.364, 0.727), (0.455, 0.636)]


def nash(game):
    return known_game(game.name).equilibria[0]


def risk_averse(game, gamma=0.05):
    return solve_risk_averse(game, RiskAversion(gamma)).require(1e-7).unwrap()


def logit(game, lam=1.0):
    return (
        solve_risk_profile(game, RiskProfile((Neutral(),) * 2, (Entropy(1.0 / lam),) * 2))
        .require(1e-7)
        .unwrap()
    )


def risk_averse_logit(game, lam=1.0, tau=0.1):
    risk = RiskProfile((Entropic(tau),) * 2, (Entropy(1.0 / lam),) * 2)
    return solve_risk_profile(game, risk).require(1e-7).unwrap()


def distances(concept):
    """Squared distance to the observed probabilities of the first actions, per game."""
    errors = []
    for name in TWELVE:
        x, y = concept(load_named(name))
        errors.append((x[0] - OBSERVED[name].row) ** 2 + (y[0] - OBSERVED[name].column) ** 2)
    return np.array(errors)


@pytest.mark.parametrize("number", range(1, 13))
def test_payoffs_have_the_published_equilibria_and_best_replies(number):
    game = load_named(f"selten-chmura-{number}")
    (x, y), *others = known_game(game.name).equilibria
    assert not others
    assert (round(x[0], 3), round(y[0], 3)) == PUBLISHED[(number - 1) % 6]
    assert (game.constant_sum() is not None) == (number <= 6)
    twin = load_named(f"selten-chmura-{(number - 1) % 6 + 1}")
    # Adding to a column of the row player, or to a row of the column player, changes no best reply.
    difference = game.payoffs - twin.payoffs
    assert np.ptp(difference[0], axis=0).max() == 0.0
    assert np.ptp(difference[1], axis=1).max() == 0.0


def test_every_observed_game_is_catalogued_and_was_not_played_as_nash_says():
    assert len(OBSERVED) == 13
    for name, play in OBSERVED.items():
        game = load_named(name)
        assert play.source
        profile = ([play.row, 1.0 - play.row], [play.column, 1.0 - play.column])
        assert nash_conv(game, profile) > 0.001 * game.payoff_range


def test_fits_to_the_twelve_games():
    # Aversion to variance alone hardly betters Nash play; noise explains most of what people do, and aversion
    # to risk halves what noise leaves.
    fits = [distances(concept).mean() for concept in (nash, risk_averse, logit, risk_averse_logit)]
    np.testing.assert_allclose(fits, [0.02586, 0.02310, 0.00491, 0.00228], atol=2e-5)


def test_more_aversion_to_variance_fits_worse_than_nash():
    assert distances(lambda game: risk_averse(game, 0.2)).mean() > 2.0 * distances(nash).mean()


@pytest.mark.parametrize("name", TWELVE[::4])
def test_logit_play_agrees_with_the_homotopy_solver(name):
    game = load_named(name)
    other = solve_quantal_response(game, 1.0).unwrap().profile
    for x, y in zip(logit(game), other, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)


def test_the_safe_row_of_goeree_holt_and_palfrey():
    # Noise alone leaves the first column below one half; with a little aversion to risk it is played as it
    # was.
    game, play = load_named("goeree-holt-palfrey-4"), OBSERVED["goeree-holt-palfrey-4"]
    assert nash(game)[1][0] == pytest.approx(15 / 32)
    assert logit(game, 0.05)[1][0] < 0.5
    x, y = risk_averse_logit(game, 0.05, 0.003)
    assert abs(x[0] - play.row) < 0.03
    assert abs(y[0] - play.column) < 0.03
