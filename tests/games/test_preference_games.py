"""Preference games: identities by brute force, invariants, builders, conversions and bad input."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize

from games.empirical import EmpiricalGame
from games.errors import UnsupportedGameError
from games.normal_form import NormalFormGame, nash_conv
from games.preference import (
    PreferenceGame,
    assess_preference,
    best_response,
    bradley_terry,
    certify_preference,
    comal_testbed,
    cyclic,
    from_empirical,
    from_matrix_game,
    kl_divergence,
    original_gap,
    random_preferences,
    regularised_gap,
    rock_paper_scissors,
    to_matrix_game,
    win_rates,
)

SEEDS = st.integers(0, 10_000)


def _game(seed, n=4, batch=(), tau=0.1):
    return random_preferences(
        n, rng=np.random.default_rng(seed), batch_shape=batch, reference_scale=1.0, tau=tau
    )


def _policy(seed, game):
    return np.random.default_rng(seed + 1).dirichlet(np.full(game.num_responses, 0.5), game.batch_shape)


def _payoff(game, first, second):
    """J by its definition."""
    tau, ref = game.tau, game.reference
    kl = [sum(p * np.log(p / r) for p, r in zip(pi, ref, strict=True) if p > 0) for pi in (first, second)]
    return first @ game.preferences @ second - tau * kl[0] + tau * kl[1]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tau", [0.05, 1.0])
def test_regularised_gap_is_what_numeric_optimisation_finds(seed, tau):
    game = _game(seed, tau=tau)
    policy = _policy(seed, game)

    def softmax(logits):
        weights = np.exp(logits - logits.max())
        return weights / weights.sum()

    def loss(logits):
        return -_payoff(game, softmax(logits), policy)

    found = min((minimize(loss, start, tol=1e-14) for start in np.eye(4)), key=lambda r: r.fun)
    # By symmetry the least of the second player mirrors the greatest of the first.
    assert regularised_gap(game, policy) == pytest.approx(2.0 * (-found.fun - 0.5), abs=1e-7)
    np.testing.assert_allclose(softmax(found.x), best_response(game, policy), atol=1e-4)
    assert _payoff(game, best_response(game, policy), policy) == pytest.approx(-found.fun, abs=1e-7)


@given(SEEDS, st.floats(0.01, 2.0))
def test_the_two_forms_of_the_gap_agree(seed, tau):
    game = _game(seed, tau=tau)
    policy = _policy(seed, game)
    rates = game.preferences @ policy
    np.testing.assert_allclose(win_rates(game, policy), rates, atol=1e-15)
    lse = np.log(np.sum(game.reference * np.exp(rates / tau)))
    entropic = 2.0 * (tau * lse + tau * kl_divergence(policy, game.reference) - 0.5)
    assert regularised_gap(game, policy) == pytest.approx(entropic, abs=1e-13 * max(1.0, tau))
    assert original_gap(game, policy) == pytest.approx(2.0 * (rates.max() - 0.5), abs=1e-15)


def test_tiny_gaps_keep_their_digits():
    """Near the equilibrium the gap is 2 tau KL, a quadratic form in the error, far below 1e-16."""
    game = PreferenceGame(np.full((2, 2), 0.5), tau=0.1)
    for error in (1e-3, 1e-7, 1e-10):
        exact = 0.2 * 2.0 * error**2  # KL of (1/2 + e, 1/2 - e) from uniform is 2 e^2 + O(e^4)
        assert regularised_gap(game, [0.5 + error, 0.5 - error]) == pytest.approx(exact, rel=1e-5)


@given(SEEDS, st.sampled_from([0.0, 0.1]))
def test_renaming_responses_changes_nothing(seed, tau):
    game = _game(seed, n=5, tau=tau)
    policy = _policy(seed, game)
    order = np.random.default_rng(seed).permutation(5)
    renamed = PreferenceGame(game.preferences[np.ix_(order, order)], game.reference[order], tau)
    assert certify_preference(renamed, policy[order]).bound == pytest.approx(
        certify_preference(game, policy).bound, abs=1e-14
    )


@given(SEEDS)
def test_scaling_margins_and_tau_together_scales_the_gap(seed):
    game = _game(seed, tau=0.2)
    policy = _policy(seed, game)
    halved = PreferenceGame(0.5 + 0.5 * game.margins, game.reference, 0.1)
    assert regularised_gap(halved, policy) == pytest.approx(0.5 * regularised_gap(game, policy), abs=1e-14)
    assert original_gap(halved, policy) == pytest.approx(0.5 * original_gap(game, policy), abs=1e-14)


def test_shifting_the_reference_by_the_win_rates_moves_the_best_response():
    game = _game(3)
    policy = _policy(3, game)
    tilted = game.reference * np.exp(np.array([1.0, 0.0, -1.0, 0.5]))
    shifted = game.with_reference(tilted / tilted.sum())
    ratio = best_response(shifted, policy) / best_response(game, policy)
    np.testing.assert_allclose(np.log(ratio) - np.log(ratio)[1], [1.0, 0.0, -1.0, 0.5], atol=1e-12)


@pytest.mark.parametrize("tau", [0.0, 0.1])
def test_a_batch_is_its_contexts(tau):
    game = _game(5, batch=(2, 3), tau=tau)
    policy = _policy(5, game)
    report = assess_preference(game, policy)
    assert report.gaps.shape == (2, 3)
    for number in range(6):
        one = assess_preference(game.context(number), policy.reshape(6, 4)[number])
        assert report.gaps.flat[number] == pytest.approx(float(one.gaps), abs=1e-15)
        assert report.kl_to_reference.flat[number] == pytest.approx(float(one.kl_to_reference), rel=1e-12)
    assert report.certificate.bound == report.gaps.max()
    assert report.certificate.measure == ("regularised_gap" if tau else "preference_gap")


def test_policies_without_full_support_and_tiny_tau():
    game = comal_testbed(tau=1e-5)
    gap = regularised_gap(game, [0.0, 0.0, 1.0])
    # Response a wins 0.8 against c; playing a costs tau log(1 / 0.2), playing c has cost tau log(1 / 0.3).
    assert gap == pytest.approx(2.0 * (0.3 + 1e-5 * np.log(0.2) - 1e-5 * np.log(0.3)), rel=1e-12)
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf
    assert kl_divergence([1.0, 0.0], [0.25, 0.75]) == pytest.approx(np.log(4.0))
    assert kl_divergence([1e-300, 1.0], [0.5, 0.5]) == pytest.approx(np.log(2.0))


def test_builders_give_the_games_they_name():
    np.testing.assert_allclose(original_gap(comal_testbed(), np.array([4, 3, 4]) / 11), 0.0, atol=1e-15)
    np.testing.assert_allclose(original_gap(rock_paper_scissors(), np.full(3, 1 / 3)), 0.0, atol=1e-15)
    assert original_gap(rock_paper_scissors(), [1.0, 0.0, 0.0]) == 1.0
    for n in (1, 2, 4, 5):
        game = cyclic(n, strength=0.8)
        np.testing.assert_allclose(original_gap(game, np.full(n, 1 / n)), 0.0, atol=1e-15)
        assert np.count_nonzero(game.preferences == 0.8) == n * ((n - 1) // 2)
        if n >= 3:
            assert game.preferences[0, 1] == 0.8
    rewards = np.array([[0.0, 1.0, -2.0], [800.0, 0.0, -800.0]])
    terry = bradley_terry(rewards)
    assert terry.preferences[0, 1, 0] == pytest.approx(1.0 / (1.0 + np.exp(-1.0)))
    np.testing.assert_array_equal(original_gap(terry, np.eye(3)[rewards.argmax(-1)]), 0.0)
    drawn = random_preferences(40, rng=np.random.default_rng(0), batch_shape=(20,))
    below = drawn.preferences[:, *np.tril_indices(40, -1)]
    assert below.mean() == pytest.approx(0.5, abs=0.01)
    assert below.std() == pytest.approx(12**-0.5, abs=0.01)


@given(SEEDS, st.floats(1e-3, 1e6))
def test_matrix_games_there_and_back(seed, scale):
    draws = np.random.default_rng(seed).normal(size=(4, 4))
    payoffs = scale * (draws - draws.T)
    game = from_matrix_game(NormalFormGame.zero_sum(payoffs, name="drawn"))
    largest = np.abs(payoffs).max()
    np.testing.assert_allclose(to_matrix_game(game, scale=largest).payoffs[0], payoffs, atol=1e-12 * largest)
    policy = _policy(seed, game)
    # NashConv is the duality gap, of payoffs from -largest to largest instead of from 0 to 1.
    conv = nash_conv(NormalFormGame.zero_sum(payoffs), (policy, policy))
    assert original_gap(game, policy) * 2.0 * largest == pytest.approx(conv, rel=1e-9, abs=1e-12 * largest)


def test_empirical_games_convert():
    table = EmpiricalGame(2)
    for player in (0, 1, 0, 1):
        table.add_policy(player)
    with pytest.raises(ValueError, match="must hold an episode"):
        from_empirical(table)
    for cell, value in (((0, 0), 0.0), ((0, 1), 2.0), ((1, 0), -2.0), ((1, 1), 0.0)):
        table.set_exact(cell, [value, -value], [0.0, 0.0])
    assert from_empirical(table).preferences.tolist() == [[0.5, 1.0], [0.0, 0.5]]


def test_ties_everywhere_convert():
    assert from_matrix_game(NormalFormGame.zero_sum(np.zeros((2, 2)))).preferences.tolist() == [[0.5] * 2] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PreferenceGame(np.zeros((2, 3))), r"\(\.\.\., n, n\).*\(2, 3\)"),
        (lambda: PreferenceGame(np.full((2, 2), 0.6)), r"P \+ P\^T = 1.*0.2"),
        (lambda: PreferenceGame(np.array([[0.5, 1.2], [-0.2, 0.5]])), r"\[0, 1\].*-0.2 to 1.2"),
        (lambda: PreferenceGame(np.array([[0.5, np.nan], [0.5, 0.5]])), r"\[0, 1\]"),
        (lambda: comal_testbed(tau=-1.0), "tau"),
        (lambda: comal_testbed(tau=np.nan), "tau"),
        (lambda: comal_testbed().with_reference([0.5, 0.5]), r"reference.*\(3,\).*\(2,\)"),
        (lambda: comal_testbed().with_reference([0.5, 0.5, 0.0]), "positive"),
        (lambda: comal_testbed().with_reference([0.5, 0.5, 0.5]), "sum to one.*1.5"),
        (lambda: comal_testbed().with_reference([np.inf, 0.5, 0.5]), "finite"),
        (lambda: comal_testbed().context(1), r"range\(1\)"),
        (lambda: win_rates(comal_testbed(), [1.0, 0.0]), r"policy.*\(3,\)"),
        (lambda: win_rates(comal_testbed(), [1.5, -0.5, 0.0]), "non-negative"),
        (lambda: best_response(comal_testbed(), [1.0, 0.0, 0.0]), "tau > 0"),
        (lambda: regularised_gap(comal_testbed(), [1.0, 0.0, 0.0]), "tau > 0"),
        (lambda: cyclic(0), "n must"),
        (lambda: cyclic(3, strength=1.5), "strength"),
        (lambda: bradley_terry([np.inf]), "rewards"),
        (lambda: random_preferences(0, rng=np.random.default_rng(0)), "n must"),
        (
            lambda: random_preferences(2, rng=np.random.default_rng(0), reference_scale=-1.0),
            "reference_scale",
        ),
        (lambda: to_matrix_game(_game(0, batch=(2,))), r"batch of shape \(2,\)"),
        (lambda: to_matrix_game(comal_testbed(), scale=0.0), "scale"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (NormalFormGame.bimatrix([[1, 0], [0, 1]], [[1, 0], [0, 1]]), "zero-sum"),
        (NormalFormGame.zero_sum([[0, 1, 2], [1, 0, 1]]), "as many actions"),
        (NormalFormGame.zero_sum([[1, 0], [0, 1]]), "antisymmetric"),
    ],
)
def test_games_that_are_not_symmetric_are_refused(game, message):
    with pytest.raises(UnsupportedGameError, match=message):
        from_matrix_game(game)


def test_arrays_are_copied_and_read_only():
    source = np.full((2, 2), 0.5)
    game = PreferenceGame(source)
    source[0, 1] = 0.9
    assert game.preferences[0, 1] == 0.5
    for array in (game.preferences, game.reference, game.margins):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
