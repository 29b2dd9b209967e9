"""Distances to equilibrium: closed forms, brute force over the definition, and invariances."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.optimize import linprog

from games.normal_form import (
    NormalFormGame,
    cce_gap,
    ce_gap,
    deviation_payoffs,
    expected_payoffs,
    exploitability,
    known_games,
    load_named,
    nash_conv,
    payoff_variances,
    regrets,
)
from games.profiles import uniform_profile
from tests.strategies import distributions, games_with_profiles, normal_form_games

SCALES = [1e-6, 1.0, 1e6]
some = settings(max_examples=60, deadline=None)


def joint_of(profile):
    """The product distribution of a mixed profile."""
    joint = np.ones(())
    for x in profile:
        joint = np.multiply.outer(joint, x)
    return joint


@st.composite
def games_with_joints(draw):
    game = draw(normal_form_games(max_actions=3))
    return game, draw(distributions(int(np.prod(game.num_actions)))).reshape(game.num_actions)


def brute_means(game, profile):
    """Expected payoffs cell by cell."""
    means = np.zeros(game.num_players)
    for cell in np.ndindex(*game.num_actions):
        means += (
            np.prod([x[a] for x, a in zip(profile, cell, strict=True)]) * game.payoffs[(slice(None), *cell)]
        )
    return means


def brute_ce_gap(game, joint, *, coarse):
    """Best gain over all deviation maps (CE) or all constant maps (CCE), by enumeration."""
    total = 0.0
    for i, n in enumerate(game.num_actions):
        maps = [(b,) * n for b in range(n)] if coarse else itertools.product(range(n), repeat=n)
        best = 0.0
        for deviation in maps:
            gain = sum(
                joint[cell]
                * (
                    game.payoffs[(i, *cell[:i], deviation[cell[i]], *cell[i + 1 :])]
                    - game.payoffs[(i, *cell)]
                )
                for cell in np.ndindex(*game.num_actions)
            )
            best = max(best, gain)
        total += best
    return total


@pytest.mark.parametrize("scale", SCALES)
def test_prisoners_dilemma_closed_forms(scale):
    game = NormalFormGame(scale * load_named("prisoners-dilemma").payoffs)
    half = ((0.5, 0.5), (0.5, 0.5))
    for v in deviation_payoffs(game, half):
        np.testing.assert_allclose(v, [1.5 * scale, 3.0 * scale])
    np.testing.assert_allclose(expected_payoffs(game, half), [2.25 * scale] * 2)
    np.testing.assert_allclose(regrets(game, half), [0.75 * scale] * 2)
    assert nash_conv(game, half) == pytest.approx(1.5 * scale)
    assert exploitability(game, half) == pytest.approx(0.75 * scale)
    # Payoffs 3, 0, 5, 1 with equal chances: mean 2.25, mean square 8.75.
    np.testing.assert_allclose(payoff_variances(game, half), [(8.75 - 2.25**2) * scale**2] * 2)


def test_pure_profiles_have_no_variance_and_read_off_the_table():
    game = load_named("three-player-matching-pennies")
    profile = ((0, 1), (1, 0), (1, 0))
    np.testing.assert_array_equal(expected_payoffs(game, profile), game.payoffs[:, 1, 0, 0])
    np.testing.assert_array_equal(payoff_variances(game, profile), 0)


@some
@given(games_with_profiles())
def test_against_sums_over_cells(game_and_profile):
    game, profile = game_and_profile
    means = brute_means(game, profile)
    np.testing.assert_allclose(expected_payoffs(game, profile), means, atol=1e-12)
    squares = brute_means(NormalFormGame(game.payoffs**2), profile)
    np.testing.assert_allclose(payoff_variances(game, profile), squares - means**2, atol=1e-10)
    for i, v in enumerate(deviation_payoffs(game, profile)):
        for a in range(game.num_actions[i]):
            pure = [np.eye(game.num_actions[i])[a] if j == i else x for j, x in enumerate(profile)]
            assert v[a] == pytest.approx(brute_means(game, pure)[i], abs=1e-12)
        assert regrets(game, profile)[i] == pytest.approx(v.max() - means[i], abs=1e-12)
    assert nash_conv(game, profile) == pytest.approx(regrets(game, profile).sum())
    assert exploitability(game, profile) == pytest.approx(nash_conv(game, profile) / game.num_players)


@some
@given(games_with_joints())
def test_correlated_gaps_against_all_deviation_maps(game_and_joint):
    game, joint = game_and_joint
    assert ce_gap(game, joint) == pytest.approx(brute_ce_gap(game, joint, coarse=False), abs=1e-12)
    assert cce_gap(game, joint) == pytest.approx(brute_ce_gap(game, joint, coarse=True), abs=1e-12)


@some
@given(games_with_joints())
def test_a_coarse_gap_never_exceeds_the_correlated_one(game_and_joint):
    game, joint = game_and_joint
    assert 0 <= cce_gap(game, joint) <= ce_gap(game, joint) + 1e-12


@some
@given(games_with_profiles())
def test_on_product_distributions_all_gaps_are_regrets(game_and_profile):
    game, profile = game_and_profile
    joint = joint_of(profile)
    assert cce_gap(game, joint) == pytest.approx(nash_conv(game, profile), abs=1e-11)
    assert ce_gap(game, joint) == pytest.approx(nash_conv(game, profile), abs=1e-11)


@some
@given(games_with_profiles(), st.randoms(use_true_random=False))
def test_permuting_players_permutes_the_answers(game_and_profile, random):
    game, profile = game_and_profile
    order = list(range(game.num_players))
    random.shuffle(order)  # player k of the new game is player order[k] of the old one
    moved = NormalFormGame(np.transpose(game.payoffs[order], (0, *(1 + j for j in order))))
    shuffled = [profile[j] for j in order]
    np.testing.assert_allclose(regrets(moved, shuffled), regrets(game, profile)[order], atol=1e-12)
    np.testing.assert_allclose(
        payoff_variances(moved, shuffled), payoff_variances(game, profile)[order], atol=1e-10
    )
    joint = joint_of(profile)
    assert ce_gap(moved, joint.transpose(order)) == pytest.approx(ce_gap(game, joint), abs=1e-11)


@some
@given(games_with_profiles(), st.randoms(use_true_random=False))
def test_permuting_actions_changes_nothing(game_and_profile, random):
    game, profile = game_and_profile
    payoffs, shuffled = game.payoffs, []
    for i, x in enumerate(profile):
        order = list(range(x.size))
        random.shuffle(order)
        payoffs = np.take(payoffs, order, axis=i + 1)
        shuffled.append(x[order])
    moved = NormalFormGame(payoffs)
    np.testing.assert_allclose(regrets(moved, shuffled), regrets(game, profile), atol=1e-12)
    assert cce_gap(moved, joint_of(shuffled)) == pytest.approx(cce_gap(game, joint_of(profile)), abs=1e-11)


@some
@given(games_with_profiles(), st.sampled_from(SCALES), st.integers(-9, 9))
def test_positive_affine_changes_scale_regrets(game_and_profile, scale, shift):
    game, profile = game_and_profile
    changed = NormalFormGame(scale * (game.payoffs + shift))
    atol = 1e-11 * scale
    np.testing.assert_allclose(regrets(changed, profile), scale * regrets(game, profile), atol=atol)
    np.testing.assert_allclose(
        payoff_variances(changed, profile), scale**2 * payoff_variances(game, profile), atol=1e-9 * scale**2
    )
    joint = joint_of(profile)
    assert ce_gap(changed, joint) == pytest.approx(scale * ce_gap(game, joint), abs=atol)


@some
@given(games_with_profiles(), st.integers(0, 2))
def test_payoffs_a_player_cannot_influence_change_no_regret(game_and_profile, player):
    game, profile = game_and_profile
    assume(player < game.num_players)
    payoffs = game.payoffs.copy()
    rng = np.random.default_rng(0)
    shape = [1 if j == player else n for j, n in enumerate(game.num_actions)]
    payoffs[player] += rng.uniform(-5, 5, shape)
    changed = NormalFormGame(payoffs)
    np.testing.assert_allclose(regrets(changed, profile), regrets(game, profile), atol=1e-11)


@pytest.mark.parametrize("known", known_games(), ids=lambda k: k.name)
@pytest.mark.parametrize("scale", SCALES)
def test_known_equilibria_have_no_gap_at_any_scale(known, scale):
    game = NormalFormGame(scale * known.factory().payoffs)
    for profile in known.equilibria:
        joint = joint_of(profile)
        assert nash_conv(game, profile) <= 1e-12 * game.payoff_range
        assert ce_gap(game, joint) <= 1e-12 * game.payoff_range
        assert cce_gap(game, joint) <= 1e-12 * game.payoff_range


def correlated_welfare(game, *, sign, coarse):
    """Optimise total payoff over the correlated (or coarse correlated) equilibria by linear programming."""
    cells = list(np.ndindex(*game.num_actions))
    rows = []
    for i, n in enumerate(game.num_actions):
        for told, other in itertools.product([None] if coarse else range(n), range(n)):
            rows.append(
                [
                    game.payoffs[(i, *c[:i], other, *c[i + 1 :])] - game.payoffs[(i, *c)]
                    if told is None or c[i] == told
                    else 0.0
                    for c in cells
                ]
            )
    welfare = np.array([game.payoffs[(slice(None), *c)].sum() for c in cells])
    result = linprog(
        -sign * welfare, A_ub=rows, b_ub=np.zeros(len(rows)), A_eq=[np.ones(len(cells))], b_eq=[1.0]
    )
    return welfare @ result.x, np.clip(result.x, 0, None).reshape(game.num_actions)


@pytest.mark.parametrize(
    ("name", "coarse", "least", "most"),
    [
        ("chicken", False, 7.2, 10.5),
        ("travelers-dilemma", False, 4.0, 4.0),
        ("travelers-dilemma", True, 4.0, 56 / 3),
    ],
)
def test_welfare_over_correlated_equilibria(name, coarse, least, most):
    game = load_named(name)
    for sign, wanted in ((-1, least), (1, most)):
        value, joint = correlated_welfare(game, sign=sign, coarse=coarse)
        assert value == pytest.approx(wanted, abs=1e-7)
        assert cce_gap(game, joint) <= 1e-7
        assert (ce_gap(game, joint) <= 1e-7) == (not coarse or wanted == 4.0)


def test_chicken_by_a_mediator():
    """A third each on peace and on the two mixed outcomes: nobody gains by disobeying."""
    joint = np.array([[1, 1], [1, 0]]) / 3
    assert ce_gap(load_named("chicken"), joint) == pytest.approx(0.0, abs=1e-15)
    peace = np.array([[1, 0], [0, 0]])
    assert ce_gap(load_named("chicken"), peace) == pytest.approx(2.0)
    assert cce_gap(load_named("chicken"), peace) == pytest.approx(2.0)


def test_a_distribution_that_tells_ce_from_cce():
    """Always tying in rock-paper-scissors: any constant pays 0 like obeying, but swapping pays 1."""
    game = load_named("rock-paper-scissors")
    ties = np.eye(3) / 3
    assert cce_gap(game, ties) == pytest.approx(0.0, abs=1e-15)
    assert ce_gap(game, ties) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("profile", "match"),
    [
        (((0.5, 0.5),), "one distribution per player: wanted 2, got 1"),
        (((0.5, 0.5), (1.0, 0.0, 0.0)), r"profile\[1\] must have shape \(2,\), got \(3,\)"),
        (((0.5, 0.5), (0.5, 0.4)), r"profile\[1\] must sum to one"),
        (((0.5, 0.5), (1.5, -0.5)), r"profile\[1\] must be non-negative"),
        (((np.nan, 0.5), (0.5, 0.5)), r"profile\[0\] must be finite"),
        (((0.5, 0.5), ((0.5, 0.5),)), r"profile\[1\] must have shape"),
    ],
)
@pytest.mark.parametrize(
    "measure", [deviation_payoffs, expected_payoffs, payoff_variances, regrets, nash_conv, exploitability]
)
def test_bad_profiles_are_refused(measure, profile, match):
    with pytest.raises(ValueError, match=match):
        measure(load_named("chicken"), profile)


@pytest.mark.parametrize("measure", [ce_gap, cce_gap])
@pytest.mark.parametrize(
    ("joint", "match"),
    [
        (np.full(4, 0.25), r"joint must have shape \(2, 2\), got \(4,\)"),
        (np.full((2, 2), 0.3), "joint must sum to one"),
        ([[1.5, 0.0], [0.0, -0.5]], "joint must be non-negative"),
        ([[np.inf, 0.0], [0.0, 0.0]], "joint must be finite"),
    ],
)
def test_bad_joint_distributions_are_refused(measure, joint, match):
    with pytest.raises(ValueError, match=match):
        measure(load_named("chicken"), joint)


def test_uniform_play_in_large_games_is_summed_without_loss():
    rng = np.random.default_rng(0)
    game = NormalFormGame(rng.uniform(-1, 1, (4, 6, 5, 4, 3)))
    means = game.payoffs.reshape(4, -1).mean(axis=1)
    np.testing.assert_allclose(expected_payoffs(game, uniform_profile((6, 5, 4, 3))), means, atol=1e-14)
