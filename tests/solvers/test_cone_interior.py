"""The interior-point projection: the answer of the Newton method, on games of many deviations too."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.sparse import csr_array

from games.adapters.open_spiel_tree import compile_open_spiel
from games.normal_form import NormalFormGame, ce_gap
from games.results import Status
from solvers.equilibrium.cone_interior import project_by_interior_point
from solvers.equilibrium.correlated import MaxGini, solve_ce
from solvers.equilibrium.incentives import correlated_incentives
from solvers.equilibrium.max_gini import project_onto_cone
from solvers.psro import run_psro
from tests.strategies import normal_form_games


def direction(projection):
    return projection.point / projection.point.sum()


@settings(deadline=None, max_examples=60)
@given(normal_form_games(max_actions=4))
def test_it_agrees_with_the_newton_method(game):
    incentives = correlated_incentives(game)
    incentives.data /= game.payoff_range or 1.0
    incentives.eliminate_zeros()
    newton = project_onto_cone(incentives, max_steps=500, time_limit=None)
    interior = project_by_interior_point(incentives, max_steps=500, time_limit=None)
    assert interior.finished
    np.testing.assert_allclose(direction(interior), direction(newton), atol=1e-6)
    joint = direction(interior)
    # What is proven is a bound, and a sharp one.
    assert float(joint @ joint) >= 1.0 / interior.proven - 1e-9
    assert float(joint @ joint) == pytest.approx(1.0 / interior.proven, rel=1e-6)


def test_a_cone_by_hand():
    """Project (1, 1, 1) onto q >= 0, q_0 + q_1 <= 2 q_2 and q_0 <= q_1 / 2."""
    rows = csr_array(np.array([[1.0, 1.0, -2.0], [1.0, -0.5, 0.0], [0.0, 0.0, 0.0]]))
    found = project_by_interior_point(rows, max_steps=100, time_limit=None)
    # On q_0 = q_1 / 2 alone: q_1 = (1/2 + 1) / (1/4 + 1) = 6/5 and q_2 = 1, which keeps the first row too.
    np.testing.assert_allclose(found.point, [0.6, 1.2, 1.0], atol=1e-9)
    assert found.proven == pytest.approx(float(found.point @ found.point))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_games_between_many_policies_of_a_zero_sum_tree(scale):
    """Their equilibria have no slack, which is the hard case."""
    game = run_psro(compile_open_spiel("leduc_poker"), iterations=17).unwrap().meta_game
    scaled = NormalFormGame(scale * game.payoffs)
    result = solve_ce(scaled, MaxGini())
    assert result.status is Status.CERTIFIED
    assert ce_gap(scaled, result.unwrap()) <= 1e-8 * scaled.payoff_range
    assert result.info["optimality_gap"] <= 1e-8


def test_games_without_any_incentive_are_played_uniformly():
    result = solve_ce(NormalFormGame(np.full((2, 16, 16), 3.0)), MaxGini())
    np.testing.assert_allclose(result.unwrap(), 1.0 / 256.0)
    assert result.status is Status.CERTIFIED


def test_limits_keep_what_was_found():
    game = NormalFormGame(np.random.default_rng(0).normal(size=(2, 16, 16)))
    for objective, limit in ((MaxGini(max_steps=2), None), (MaxGini(), 0.0)):
        result = solve_ce(game, objective, time_limit=limit)
        assert result.status is Status.LIMIT
        assert result.certificate.bound == pytest.approx(ce_gap(game, result.unwrap()))
    assert solve_ce(game, MaxGini()).status is Status.CERTIFIED
