"""Projected replicator dynamics: OpenSpiel's trajectory, exact projections, units, limits."""

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from open_spiel.python.algorithms.projected_replicator_dynamics import projected_replicator_dynamics

from games.normal_form import NormalFormGame, load_named, nash_conv
from games.normal_form.risk import RiskAversion
from games.results import Status
from solvers.equilibrium.projected_replicator import solve_projected_replicator
from solvers.equilibrium.replicator_kernels import project_above, replicate
from solvers.equilibrium.risk_problem import RiskProblem
from tests.strategies import normal_form_games


@pytest.mark.parametrize("sizes", [(4, 4), (3, 5), (2, 3, 2)])
@pytest.mark.parametrize("floor", [1e-6, 0.05])
def test_the_average_is_that_of_open_spiel(sizes, floor):
    game = NormalFormGame(np.random.default_rng(2).normal(size=(len(sizes), *sizes)))
    theirs = projected_replicator_dynamics(
        list(game.payoffs), prd_iterations=500, prd_dt=0.03, prd_gamma=floor
    )
    problem = RiskProblem.of(game, RiskAversion(0.0))
    x = np.concatenate([np.full(n, 1 / n) for n in sizes])
    sums = x.copy()
    replicate(
        problem.flat_payoffs,
        problem.sizes_array,
        np.full(len(sizes), floor),
        x,
        sums,
        0.03 * game.payoff_range,
        500,
    )
    np.testing.assert_allclose(sums / 501, np.concatenate(theirs), atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(
    entries=st.lists(st.floats(-2, 2), min_size=1, max_size=6),
    share=st.sampled_from([0.0, 0.1, 0.9, 1.0]),
)
def test_projections_are_nearest_points(entries, share):
    vector = np.array(entries)
    floor = share / vector.size
    projected = vector.copy()
    project_above(projected, floor)
    assert projected.sum() == pytest.approx(1.0)
    assert projected.min() >= floor - 1e-12
    p = cvxpy.Variable(vector.size)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(p - vector)), [cvxpy.sum(p) == 1, p >= floor])
    nearest = problem.solve(solver=cvxpy.CLARABEL)
    assert ((projected - vector) ** 2).sum() == pytest.approx(nearest, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_units_do_not_matter(scale):
    game = load_named("ochs-matching-pennies")
    plain = solve_projected_replicator(game)
    scaled = solve_projected_replicator(NormalFormGame(scale * game.payoffs))
    assert plain.status is scaled.status is Status.CERTIFIED
    assert plain.info["averaged"]
    for x, y in zip(plain.unwrap(), scaled.unwrap(), strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)
    np.testing.assert_allclose(plain.unwrap()[1], [0.2, 0.8], atol=0.01)


@settings(deadline=None, max_examples=25)
@given(game=normal_form_games(), gamma=st.sampled_from([0.0, 1e-6, 0.5, 1.0]))
def test_every_action_keeps_its_share_and_the_certificate_is_the_gap(game, gamma):
    result = solve_projected_replicator(game, gamma=gamma, max_steps=500)
    for x in result.unwrap():
        assert x.min() >= gamma / (x.size + 1) - 1e-12
    assert result.certificate.bound == nash_conv(game, result.unwrap())
    assert result.status in (Status.CERTIFIED, Status.LIMIT)


def test_starts_and_limits():
    game = load_named("stag-hunt")
    stag = solve_projected_replicator(game, start=([0.95, 0.05], [0.95, 0.05]))
    hare = solve_projected_replicator(game)
    assert stag.unwrap()[0][0] > 0.99
    assert hare.unwrap()[0][1] > 0.99
    for options in ({"max_steps": 0}, {"time_limit": 0.0}):
        result = solve_projected_replicator(game, **options)
        assert result.status is Status.LIMIT
        assert result.steps == 0
        np.testing.assert_allclose(np.concatenate(result.unwrap()), 0.5)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("gamma", 1.5),
        ("gamma", float("nan")),
        ("rate", 0.0),
        ("rate", 2.0),
        ("tol", -1.0),
        ("max_steps", -1),
        ("time_limit", -1.0),
        ("start", ([1.0], [0.5, 0.5])),
    ],
)
def test_nonsense_is_refused_by_name(option, value):
    with pytest.raises(ValueError, match=option if option != "start" else "profile"):
        solve_projected_replicator(load_named("chicken"), **{option: value})
