"""Risk-averse best responses in trees: brute force, another solver, and the matrix form of the same game."""

import itertools

import cvxpy
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel
from games.extensive import (
    behaviors_of_plans,
    best_response,
    expected_values,
    fold,
    from_normal_form,
    payoff_variances,
    realization_plans,
    uniform_behaviors,
)
from games.extensive.risk import (
    mixture_risk_nash_conv,
    mixture_risk_regrets,
    opponents_gradients,
    risk_best_plan,
    total_variance_response,
    variance_response,
)
from games.normal_form import NormalFormGame
from games.normal_form.risk import RiskAversion, RiskVariance, risk_nash_conv, risk_regrets
from tests.strategies import games_with_profiles

KUHN = compile_open_spiel("kuhn_poker")
LEDUC = compile_open_spiel("leduc_poker")


def random_plan(form, player, rng, *, pure=False):
    plex = form.treeplexes[player]
    plan = np.zeros(plex.num_sequences)
    plan[0] = 1.0
    for h in range(plex.num_infosets):
        size = plex.start[h + 1] - plex.start[h]
        mix = np.eye(size)[rng.integers(size)] if pure else rng.dirichlet(np.ones(size))
        plan[plex.start[h] : plex.start[h + 1]] = plan[plex.parent[h]] * mix
    return plan


def random_play(form, rng, policies=4):
    populations = [
        np.array([random_plan(form, i, rng, pure=True) for _ in range(policies)])
        for i in range(form.num_players)
    ]
    return populations, tuple(rng.dirichlet(np.ones(policies)) for _ in populations)


@pytest.mark.parametrize("gamma", [0.0, 0.05, 0.5, 5.0])
@pytest.mark.parametrize("player", [0, 1])
def test_the_concave_programme_agrees_with_clarabel(gamma, player):
    rng = np.random.default_rng(7)
    populations, profile = random_play(KUHN, rng)
    gradients, weights = opponents_gradients(KUHN, populations, profile, player)
    plex = KUHN.treeplexes[player]
    x = cvxpy.Variable(plex.num_sequences, nonneg=True)
    flow = [x[0] == 1] + [
        cvxpy.sum(x[plex.start[h] : plex.start[h + 1]]) == x[plex.parent[h]] for h in range(plex.num_infosets)
    ]
    mean = weights @ gradients
    root = np.sqrt(weights)[:, None] * (gradients - mean)
    problem = cvxpy.Problem(cvxpy.Maximize(mean @ x - gamma * cvxpy.sum_squares(root @ x)), flow)
    problem.solve(solver=cvxpy.CLARABEL)
    found = variance_response(KUHN, player, gradients, weights, gamma)
    assert found.value == pytest.approx(problem.value, abs=1e-6)
    assert found.gap <= 1e-9


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.7, 10.0])
@pytest.mark.parametrize("player", [0, 1])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_total_variance_is_the_best_of_all_pure_plans(gamma, player, seed):
    rng = np.random.default_rng(seed)
    plans = [random_plan(KUHN, i, rng) for i in range(2)]
    found = total_variance_response(KUHN, np.concatenate(plans), player, gamma)
    plex = KUHN.treeplexes[player]
    worth = []
    for choice in itertools.product(range(2), repeat=plex.num_infosets):
        behaviors = list(behaviors_of_plans(KUHN, plans))
        behaviors[player] = np.append(1.0, np.eye(2)[list(choice)].ravel())
        mean = expected_values(KUHN, behaviors)[player]
        worth.append(mean - gamma * payoff_variances(KUHN, behaviors)[player])
    assert found.value == pytest.approx(max(worth), abs=1e-12)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    gamma=st.sampled_from([0.0, 0.03, 0.4, 4.0]),
    player=st.integers(0, 1),
    variance=st.sampled_from(RiskVariance),
)
def test_no_plan_is_worth_more_than_value_and_gap(seed, gamma, player, variance):
    rng = np.random.default_rng(seed)
    populations, profile = random_play(LEDUC, rng, policies=3)
    risk = RiskAversion(gamma, variance=variance)
    found = risk_best_plan(LEDUC, populations, profile, player, risk)
    # A deviation is a population of one policy: its regret is what is missing to the best.
    for plan in (found.plan, random_plan(LEDUC, player, rng), random_plan(LEDUC, player, rng, pure=True)):
        populations[player], mixtures = plan[None, :], list(profile)
        mixtures[player] = np.ones(1)
        regret = mixture_risk_regrets(LEDUC, populations, tuple(mixtures), risk)[player]
        assert regret >= 0.0
        if plan is found.plan:
            assert regret <= 1e-8


@settings(deadline=None, max_examples=25)
@given(
    games_with_profiles(players=(1, 3), max_actions=3),
    st.sampled_from(RiskVariance),
    st.sampled_from([0.0, 0.2]),
)
def test_populations_of_all_actions_are_the_matrix_game(drawn, variance, tremble):
    game, profile = drawn
    risk = RiskAversion(0.3, tremble=tremble, variance=variance)
    form = fold(from_normal_form(game))
    actions = [np.hstack([np.ones((n, 1)), np.eye(n)]) for n in game.num_actions]
    np.testing.assert_allclose(
        mixture_risk_regrets(form, actions, profile, risk), risk_regrets(game, profile, risk), atol=1e-7
    )
    assert mixture_risk_nash_conv(form, actions, profile, risk) == pytest.approx(
        risk_nash_conv(game, profile, risk), abs=1e-6
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("variance", RiskVariance)
def test_units_and_offsets_do_not_matter(scale, variance):
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 3, 4))
    actions = [np.hstack([np.ones((n, 1)), np.eye(n)]) for n in (3, 4)]
    profile = (rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4)))
    form = fold(from_normal_form(NormalFormGame.bimatrix(a, b)))
    other = fold(from_normal_form(NormalFormGame.bimatrix(scale * (a + 5.0), scale * (b + 5.0))))
    here = risk_best_plan(form, actions, profile, 0, RiskAversion(0.8, variance=variance))
    there = risk_best_plan(other, actions, profile, 0, RiskAversion(0.8 / scale, variance=variance))
    assert there.value == pytest.approx(scale * (here.value + 5.0), rel=1e-9)
    np.testing.assert_allclose(there.plan, here.plan, atol=1e-6)


def test_without_aversion_it_is_the_best_response():
    uniform = uniform_behaviors(LEDUC)
    populations = [plan[None, :] for plan in realization_plans(LEDUC, uniform)]
    profile = (np.ones(1), np.ones(1))
    for variance in RiskVariance:
        for player in range(2):
            found = risk_best_plan(LEDUC, populations, profile, player, RiskAversion(0.0, variance=variance))
            assert found.value == pytest.approx(best_response(LEDUC, uniform, player).value, abs=1e-12)
