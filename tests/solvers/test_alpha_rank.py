"""Alpha-rank: closed forms, OpenSpiel, and selection so strong that floating point loses the rates."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from open_spiel.python.egt import alpharank

from games.errors import UnsupportedGameError
from games.normal_form import (
    FiniteSelection,
    InfiniteSelection,
    NormalFormGame,
    load_named,
    selection_residual,
    single_selection_residual,
)
from games.results import Status
from solvers.equilibrium.alpha_rank import solve_alpha_rank, solve_alpha_rank_single, sweep_alpha
from tests.strategies import normal_form_games


def random_game(sizes, seed):
    return NormalFormGame(np.random.default_rng(seed).normal(size=(len(sizes), *sizes)))


@pytest.mark.parametrize("sizes", [(6, 6), (3, 4), (2, 3, 2), (1, 4), (5, 1, 3)])
@pytest.mark.parametrize(
    ("selection", "options"),
    [
        (FiniteSelection(1.0), {"alpha": 1.0}),
        (FiniteSelection(0.3, 10), {"alpha": 0.3, "m": 10}),
        (InfiniteSelection(0.01), {"use_inf_alpha": True, "inf_alpha_eps": 0.01}),
    ],
)
def test_equals_open_spiel(sizes, selection, options):
    game = random_game(sizes, 3)
    theirs = alpharank.compute(list(game.payoffs), **options)[2]
    result = solve_alpha_rank(game, selection)
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap().joint.ravel(), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("selection", "options"),
    [
        (FiniteSelection(1.0), {"alpha": 1.0}),
        (InfiniteSelection(0.01), {"use_inf_alpha": True, "inf_alpha_eps": 0.01}),
    ],
)
def test_single_population_equals_open_spiel(selection, options):
    rows = np.random.default_rng(0).normal(size=(6, 6))
    theirs = alpharank.compute([rows], **options)[2]
    result = solve_alpha_rank_single(NormalFormGame.bimatrix(rows, rows.T), selection)
    assert result.status is Status.CERTIFIED
    np.testing.assert_allclose(result.unwrap().joint, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_two_profiles_have_a_closed_form_at_any_strength(scale):
    """Detailed balance: pi_2 / pi_1 = rho(g) / rho(-g) = exp((m - 1) alpha g), however large."""
    gain, population = 0.25 * scale, 50
    game = NormalFormGame(np.array([[0.0, gain]]).reshape(1, 2))
    for strength in (0.1, 1.0, 100.0, 1e4):
        alpha = strength / scale
        joint = solve_alpha_rank(game, FiniteSelection(alpha, population)).unwrap().joint
        odds = (population - 1) * alpha * gain
        assert joint[0] == pytest.approx(1.0 / (1.0 + math.exp(min(odds, 700.0))), rel=1e-9, abs=1e-300)


def test_strict_equilibria_share_the_weight_where_an_eigenvalue_solver_gives_up():
    """Common interests: the better equilibrium takes all, and equals share."""
    tied = NormalFormGame.bimatrix(np.eye(2), np.eye(2))
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="stationary"):
        alpharank.compute(list(tied.payoffs), alpha=100.0)
    for alpha in (1.0, 100.0, 1e5):
        result = solve_alpha_rank(tied, FiniteSelection(alpha))
        np.testing.assert_allclose(np.diag(result.unwrap().joint), 0.5, atol=0.01 if alpha == 1.0 else 1e-12)
    better = NormalFormGame.bimatrix(np.diag([2.0, 1.0]), np.diag([2.0, 1.0]))
    assert solve_alpha_rank(better, FiniteSelection(100.0)).unwrap().joint[0, 0] == pytest.approx(1.0)


def test_rock_paper_scissors_ranks_all_alike():
    game = load_named("rock-paper-scissors")
    for selection in (FiniteSelection(2.0), InfiniteSelection()):
        ranking = solve_alpha_rank_single(game, selection).unwrap()
        np.testing.assert_allclose(ranking.joint, 1 / 3, atol=1e-12)
        for x in solve_alpha_rank(game, selection).unwrap().marginals:
            np.testing.assert_allclose(x, 1 / 3, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(game=normal_form_games(), alpha=st.sampled_from([0.01, 1.0, 30.0]))
def test_any_game_is_certified_and_indifferent_to_shifts_and_units(game, alpha):
    result = solve_alpha_rank(game, FiniteSelection(alpha))
    assert result.status is Status.CERTIFIED
    joint = result.unwrap().joint
    assert joint.sum() == pytest.approx(1.0)
    moved = NormalFormGame(2.0 * game.payoffs + 5.0)
    np.testing.assert_allclose(
        solve_alpha_rank(moved, FiniteSelection(alpha / 2.0)).unwrap().joint, joint, atol=1e-9
    )


def test_the_residual_sees_what_is_wrong():
    game = load_named("prisoners-dilemma")
    selection = FiniteSelection(1.0)
    joint = solve_alpha_rank(game, selection).unwrap().joint
    assert selection_residual(game, joint, selection) < 1e-15
    assert selection_residual(game, np.full((2, 2), 0.25), selection) > 0.1
    # By hand: 1/2 of all draws move player 1, from the uniform distribution; flows net out per profile.
    rates = np.exp(selection.log_rates(np.array([[2.0, -2.0], [1.0, -1.0]])))
    own = (rates[:, 0] - rates[:, 1]) / 8.0  # net flow to defection, against a cooperator and a defector
    net = np.array([[-2 * own[0], own[0] - own[1]], [own[0] - own[1], 2 * own[1]]])
    expected = np.abs(net).sum()
    assert selection_residual(game, np.full((2, 2), 0.25), selection) == pytest.approx(expected)
    assert single_selection_residual(game, [0.5, 0.5], selection) > 0.1


def test_a_large_game_takes_the_sparse_path_and_agrees_with_powers_of_the_chain():
    game = random_game((34, 34), 1)
    selection = FiniteSelection(0.05, 5)
    result = solve_alpha_rank(game, selection)
    assert result.status is Status.CERTIFIED
    dense = solve_alpha_rank(random_game((31, 31), 1), selection)
    assert dense.status is Status.CERTIFIED
    strong = solve_alpha_rank(game, FiniteSelection(100.0))
    assert strong.status is Status.FAILED  # rates below the range of float64: said, not hidden
    # The sparse answer equals that of elimination on the same chain.
    from solvers.equilibrium import alpha_rank

    before = alpha_rank._DENSE
    try:
        alpha_rank._DENSE = 2_000
        again = solve_alpha_rank(game, selection)
    finally:
        alpha_rank._DENSE = before
    np.testing.assert_allclose(again.unwrap().joint, result.unwrap().joint, atol=1e-12)


def test_the_sweep_settles_where_infinite_selection_is():
    game = load_named("prisoners-dilemma")
    sweep = sweep_alpha(game)
    assert sweep.joints[-1][1, 1] == pytest.approx(1.0, abs=1e-6)
    assert abs(sweep.joints[0] - 0.25).max() < 0.1
    np.testing.assert_allclose(sweep.alphas[1:], 2.0 * sweep.alphas[:-1])
    assert len(sweep.joints) == len(sweep.alphas) < 61


def test_bad_input_is_refused():
    game = load_named("battle-of-the-sexes")
    with pytest.raises(UnsupportedGameError, match="symmetric"):
        solve_alpha_rank_single(game)
    with pytest.raises(UnsupportedGameError, match="profiles"):
        solve_alpha_rank(NormalFormGame(np.zeros((2, 200, 200))))
    with pytest.raises(ValueError, match="tol"):
        solve_alpha_rank(game, tol=math.nan)
    with pytest.raises(ValueError, match="alpha"):
        FiniteSelection(0.0)
    with pytest.raises(ValueError, match="population"):
        FiniteSelection(1.0, 1)
    with pytest.raises(ValueError, match="noise"):
        InfiniteSelection(0.5)
    with pytest.raises(ValueError, match="shape"):
        selection_residual(game, [0.5, 0.5], FiniteSelection(1.0))
    with pytest.raises(ValueError, match="first"):
        sweep_alpha(game, first=0.0)
    with pytest.raises(ValueError, match="max_doublings"):
        sweep_alpha(game, max_doublings=0)
