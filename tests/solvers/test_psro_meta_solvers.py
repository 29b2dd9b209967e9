"""Every meta-solver: what it weighs, what it refuses, and whole runs on Kuhn poker."""

import numpy as np
import pytest

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.extensive import nash_conv as tree_nash_conv
from games.normal_form import FiniteSelection, NormalFormGame, load_named, nash_conv
from games.profiles import uniform_profile
from games.results import Status
from solvers.equilibrium.alpha_rank import solve_alpha_rank
from solvers.equilibrium.correlated import MaxGini, solve_ce
from solvers.equilibrium.quantal_response import solve_quantal_response
from solvers.psro import (
    PSRO,
    AddAllAnswers,
    AlphaRankMetaSolver,
    LastPoliciesMetaSolver,
    ProjectedReplicatorMetaSolver,
    QuantalResponseMetaSolver,
    RectifiedNashMetaSolver,
    max_gini_cce,
    max_gini_ce,
    max_welfare_cce,
    max_welfare_ce,
    run_psro,
)

KUHN = compile_open_spiel("kuhn_poker")
THREE = compile_open_spiel("kuhn_poker(players=3)")

# With the NashConv on Kuhn poker, in payoff ranges, that a run of 12 iterations stays under: marginals of
# correlated equilibria of a zero-sum game are optimal, so those runs end exactly; others carry noise or bias.
EXPECTED = [
    (ProjectedReplicatorMetaSolver(), 0.02),
    (AlphaRankMetaSolver(), 0.2),
    (AlphaRankMetaSolver(FiniteSelection(5.0)), 0.4),
    (QuantalResponseMetaSolver(), 0.08),
    (QuantalResponseMetaSolver(100.0), 0.02),
    (LastPoliciesMetaSolver(), 0.5),
    (RectifiedNashMetaSolver(), 0.5),
    (max_welfare_ce(), 1e-9),
    (max_welfare_cce(), 1e-9),
    (max_gini_ce(), 1e-8),
    (max_gini_cce(), 1e-8),
]
GENERAL = [m for m, _ in EXPECTED if not isinstance(m, RectifiedNashMetaSolver)]


def weigh(meta_solver, game):
    rng = np.random.default_rng(0)
    return meta_solver.solve(game, uniform_profile(game.num_actions), rng=rng)


@pytest.mark.parametrize(("meta_solver", "bound"), EXPECTED, ids=lambda v: getattr(v, "name", None))
def test_runs_on_kuhn_poker(meta_solver, bound):
    method = PSRO(meta_solver=meta_solver, expander=AddAllAnswers())
    result = run_psro(KUHN, method, iterations=12, tol=1e-8)
    assert result.certificate.bound <= bound * KUHN.payoff_range
    assert result.certificate.bound == tree_nash_conv(KUHN, result.unwrap().behaviors)
    again = run_psro(KUHN, method, iterations=12, tol=1e-8)
    for x, y in zip(result.unwrap().profile, again.unwrap().profile, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("meta_solver", GENERAL, ids=lambda m: m.name)
def test_three_players_are_no_hindrance(meta_solver):
    result = run_psro(THREE, PSRO(meta_solver=meta_solver), iterations=5)
    assert len(result.unwrap().profile) == 3
    assert result.certificate.bound < 2.0


@pytest.mark.parametrize("meta_solver", [m for m, _ in EXPECTED], ids=lambda m: m.name)
@pytest.mark.parametrize("rows", [[[5.0]], [[1.0, 1.0], [1.0, 1.0]], [[1.0, -1.0, 0.0]]])
def test_small_and_flat_games_are_weighed(meta_solver, rows):
    game = NormalFormGame.zero_sum(rows)
    result = weigh(meta_solver, game)
    for x, n in zip(result.unwrap(), game.num_actions, strict=True):
        assert x.shape == (n,)
        assert x.min() >= 0.0
        assert x.sum() == pytest.approx(1.0)
    assert result.certificate.bound == pytest.approx(nash_conv(game, result.unwrap()))


def test_the_solvers_behind_are_the_ones_named():
    game = load_named("chicken")
    expected = solve_alpha_rank(game).unwrap().marginals
    np.testing.assert_allclose(weigh(AlphaRankMetaSolver(), game).unwrap(), expected)
    expected = solve_quantal_response(game, 2.0).unwrap().profile
    np.testing.assert_allclose(weigh(QuantalResponseMetaSolver(2.0), game).unwrap(), expected)
    joint = solve_ce(game, MaxGini()).unwrap()
    np.testing.assert_allclose(weigh(max_gini_ce(), game).unwrap(), [joint.sum(axis=1), joint.sum(axis=0)])


def test_marginals_lose_the_correlation_and_the_certificate_says_so():
    """The best correlated equilibrium of chicken is no Nash equilibrium once players draw independently."""
    result = weigh(max_welfare_ce(), load_named("chicken"))
    np.testing.assert_allclose(result.unwrap(), [[0.75, 0.25], [0.75, 0.25]], atol=1e-9)
    assert result.certificate.measure == "nash_conv"
    # Going straight pays 7 * 3/4 against 5 for swerving, which is played three times out of four.
    assert result.certificate.bound == pytest.approx(2 * 0.75 * 0.25)
    assert result.status is Status.STATIONARY


def test_the_latest_policies_count_alike():
    game = NormalFormGame(np.zeros((2, 2, 5)))
    x, y = weigh(LastPoliciesMetaSolver(3), game).unwrap()
    np.testing.assert_allclose(x, [0.5, 0.5])
    np.testing.assert_allclose(y, [0, 0, 1 / 3, 1 / 3, 1 / 3])
    with pytest.raises(ValueError, match="k must"):
        LastPoliciesMetaSolver(0)


def test_rectified_mixtures_lean_to_whom_one_beats():
    """Weighted rock-paper-scissors: y_k sum_l x_l [A_lk - v]^+ by hand."""
    game = NormalFormGame.zero_sum([[0, -1, 2], [1, 0, -1], [-2, 1, 0]])
    x, y = weigh(RectifiedNashMetaSolver(), game).unwrap()
    nash = np.array([0.25, 0.5, 0.25])
    beaten = nash * np.array([0.5, 0.25, 0.5])
    np.testing.assert_allclose(y, beaten / beaten.sum(), atol=1e-9)
    np.testing.assert_allclose(x, y, atol=1e-9)
    saddle = weigh(RectifiedNashMetaSolver(), NormalFormGame.zero_sum([[2.0, 3.0], [1.0, 0.0]])).unwrap()
    np.testing.assert_allclose(saddle[0], [1, 0])


def test_rectification_refuses_general_sums():
    with pytest.raises(UnsupportedGameError, match="prd"):
        weigh(RectifiedNashMetaSolver(), load_named("chicken"))


def test_names_tell_parameters_apart():
    names = [m.name for m, _ in EXPECTED]
    assert len(set(names)) == len(names)
