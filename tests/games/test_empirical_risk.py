import numpy as np
import pytest
from scipy.stats import norm

from games.empirical import (
    Counts,
    EmpiricalGame,
    Moments,
    RiskSource,
    empirical_risk,
    nash_conv_certificate,
    payoff_intervals,
    positive_part,
    regret_bounds,
)
from games.normal_form import NormalFormGame, nash_conv, payoff_variances, regrets
from games.normal_form.risk import RiskAversion, risk_moments


def exact_game(payoffs, variance):
    game = EmpiricalGame(len(payoffs), (payoffs.min(), payoffs.max()))
    for player, size in enumerate(payoffs.shape[1:]):
        for _ in range(size):
            game.add_policy(player)
    for cell in np.ndindex(payoffs.shape[1:]):
        game.set_exact(cell, payoffs[(slice(None), *cell)], variance[(slice(None), *cell)])
    return game


def bernoulli_game(chances, counts, rng):
    """Returns are 0 or 1; cell means are the chances, the second player gets the opposite."""
    game = EmpiricalGame(2, (-1.0, 1.0))
    for player, size in enumerate(chances.shape):
        for _ in range(size):
            game.add_policy(player)
    for cell in np.ndindex(chances.shape):
        ones = rng.binomial(counts, chances[cell])
        sample = np.repeat([1.0, 0.0], [ones, counts - ones])
        game.record(cell, Moments.of_sample(np.stack([sample, -sample], axis=1)))
    return game


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_exact_cells_give_the_covariance_of_the_normal_form(scale):
    rng = np.random.default_rng(0)
    payoffs = scale * rng.standard_normal((3, 2, 3, 2))
    profile = [rng.dirichlet(np.ones(n)) for n in (2, 3, 2)]
    risks = empirical_risk(exact_game(payoffs, np.ones_like(payoffs)), profile, RiskSource.BETWEEN)
    for risk, (mean, covariance) in zip(
        risks, risk_moments(NormalFormGame(payoffs), profile, RiskAversion(1.0)), strict=True
    ):
        np.testing.assert_allclose(risk.mean, mean, atol=1e-12 * scale)
        np.testing.assert_allclose(risk.between, covariance, atol=1e-12 * scale**2)
        np.testing.assert_array_equal(risk.within, 0.0)


def test_between_and_within_add_up_to_the_total_variance():
    """Law of total variance: for pure own play, both together are the variance of the return."""
    rng = np.random.default_rng(1)
    payoffs, variance = rng.standard_normal((2, 3, 4)), rng.uniform(0, 2, (2, 3, 4))
    y = rng.dirichlet(np.ones(4))
    game = exact_game(payoffs, variance)
    profile = [[0.0, 1.0, 0.0], y]
    parts = [empirical_risk(game, profile, s)[0].variance_of(profile[0]) for s in RiskSource]
    second_moment = (variance[0, 1] + payoffs[0, 1] ** 2) @ y
    assert parts[2] == pytest.approx(second_moment - (payoffs[0, 1] @ y) ** 2)
    assert parts[0] + parts[1] == pytest.approx(parts[2])
    assert parts[0] == pytest.approx(payoff_variances(NormalFormGame(payoffs), profile)[0])


def test_a_crash_with_a_fixed_pair_is_seen_by_the_within_part_alone():
    game = exact_game(np.full((2, 2, 2), 1.0), np.array([[[0.0, 0.0], [9.0, 9.0]], np.zeros((2, 2))]))
    profile = [[0.5, 0.5]] * 2
    between, within, both = (empirical_risk(game, profile, source)[0] for source in RiskSource)
    np.testing.assert_array_equal(between.between, 0.0)
    np.testing.assert_array_equal(within.within, [0.0, 9.0])
    assert both.adjusted(0.5)[0].tolist() == [1.0, 1.0 - 4.5]


def test_subtracting_the_noise_makes_the_covariance_unbiased():
    """Over 2000 tables of 4 episodes per cell; the plain estimate is off by many standard errors."""
    rng = np.random.default_rng(2)
    truth = np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 0.0]])
    spread = np.array([[3.0, 1.0, 2.0], [0.5, 2.0, 4.0]])
    y = np.array([0.6, 0.3, 0.1])
    deviations = truth - (truth @ y)[:, None]
    expected = (deviations * y) @ deviations.T
    corrected, plain = [], []
    for _ in range(2000):
        game = EmpiricalGame(2)
        for player in (0, 0, 1, 1, 1):
            game.add_policy(player)
        for cell in np.ndindex(2, 3):
            own = truth[cell] + spread[cell] * rng.standard_normal(4)
            game.record(cell, Moments.of_sample(np.stack([own, own], axis=1)))
        corrected.append(empirical_risk(game, [[0.5, 0.5], y], RiskSource.BETWEEN)[0].between)
        plain.append(risk_moments(game.normal_form(), [[0.5, 0.5], y], RiskAversion(1.0))[0][1])
    error = np.std(corrected, axis=0) / np.sqrt(2000)
    assert (np.abs(np.mean(corrected, axis=0) - expected) < 4 * error).all()
    bias = np.diag(np.mean(plain, axis=0) - expected) / np.diag(error)
    assert (bias > 10).all()


def test_positive_part_is_the_nearest_positive_semidefinite_matrix():
    matrix = np.array([[1.0, 2.0], [2.0, 1.0]])  # eigenvalues 3 and -1
    np.testing.assert_allclose(positive_part(matrix), [[1.5, 1.5], [1.5, 1.5]])
    np.testing.assert_allclose(positive_part(np.eye(3)), np.eye(3))


def test_risk_refuses_what_it_cannot_know():
    game = bernoulli_game(np.full((2, 2), 0.5), 1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="fewer than two"):
        empirical_risk(game, [[0.5, 0.5]] * 2, RiskSource.WITHIN)
    with pytest.raises(TypeError, match="RiskSource"):
        empirical_risk(game, [[0.5, 0.5]] * 2, "both")
    risk = empirical_risk(exact_game(np.zeros((1, 2)), np.ones((1, 2))), [[0.5, 0.5]], RiskSource.BOTH)[0]
    with pytest.raises(ValueError, match="gamma"):
        risk.adjusted(-1.0)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_exact_cells_give_the_nash_conv_itself(scale):
    rng = np.random.default_rng(3)
    payoffs = scale * rng.standard_normal((3, 2, 3, 2))
    profile = [rng.dirichlet(np.ones(n)) for n in (2, 3, 2)]
    certificate = nash_conv_certificate(exact_game(payoffs, np.zeros_like(payoffs)), profile)
    assert certificate.confidence == 1.0
    assert certificate.bound == pytest.approx(nash_conv(NormalFormGame(payoffs), profile), rel=1e-12)


@pytest.mark.parametrize("counts", list(Counts))
def test_intervals_cover_at_their_stated_rate(counts):
    """All cells at once, at confidence 0.8, over 500 tables. Coverage is not bought by vacuity: where the
    variance is largest, the width stays within a small factor of what a normal approximation would need."""
    rng = np.random.default_rng(4)
    chances = np.array([[0.02, 0.5], [0.9, 1.0]])
    covered = []
    for _ in range(500):
        least, greatest = payoff_intervals(bernoulli_game(chances, 2000, rng), confidence=0.8, counts=counts)
        covered.append((least[0] <= chances).all() and (chances <= greatest[0]).all())
        assert (least[0] + greatest[1] == 0).all()
    assert np.mean(covered) >= 0.8
    needed = norm.isf(0.2 / 16) * np.sqrt(0.25 / 2000)
    assert (greatest - least)[0, 0, 1] / 2 < needed * (2.5 if counts is Counts.FIXED else 5)
    assert (greatest - least)[0, 0, 0] < (greatest - least)[0, 0, 1]  # less variance, narrower


def test_gap_bounds_cover_a_profile_chosen_after_looking():
    rng = np.random.default_rng(5)
    chances = np.array([[0.3, 0.6], [0.55, 0.4]])
    truth = NormalFormGame.zero_sum(chances)
    for _ in range(200):
        game = bernoulli_game(chances, 300, rng)
        best = np.unravel_index(game.means[0].argmax(), (2, 2))  # as optimistic a choice as there is
        profile = [np.eye(2)[best[0]], np.eye(2)[best[1]]]
        assert (regret_bounds(game, profile) >= regrets(truth, profile)).all()
        assert nash_conv_certificate(game, profile).confidence == 0.95


def test_bounds_shrink_with_episodes_and_stay_valid_without_any():
    rng = np.random.default_rng(6)
    profile = [[0.5, 0.5]] * 2
    bounds = [
        nash_conv_certificate(bernoulli_game(np.full((2, 2), 0.5), n, rng), profile).bound
        for n in (1, 10, 100, 1000, 10_000)
    ]
    assert (np.diff(bounds) <= 0).all()
    assert 0 < bounds[-1] < 0.3
    empty = EmpiricalGame(2, (-1.0, 1.0))
    assert payoff_intervals(empty)[0].shape == (2, 0, 0)
    with pytest.raises(ValueError, match="needs a policy"):
        regret_bounds(empty, [])
    for player in (0, 0, 1, 1):
        empty.add_policy(player)
    assert nash_conv_certificate(empty, profile).bound == 2.0  # (1 - 1/2) * 1 - 1/2 * (-1) for each player
    unbounded = EmpiricalGame.restore(bernoulli_game(np.full((2, 2), 0.5), 9, rng).arrays())
    assert nash_conv_certificate(unbounded, profile).bound == np.inf
    for confidence in (0.0, 1.0, np.nan):
        with pytest.raises(ValueError, match="confidence"):
            nash_conv_certificate(empty, profile, confidence=confidence)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_radii_match_the_closed_forms(scale):
    """One cell of one player, so d = 0.1 / 2 per side and d / 2 per inequality, worked out by hand."""
    d = 0.1 / 4
    for n, share, counts in [
        (1000, 0.0, Counts.FIXED),
        (100, 0.5, Counts.FIXED),
        (1000, 0.5, Counts.ADAPTIVE),
    ]:
        game = EmpiricalGame(1, (-scale, scale))
        game.add_policy(0)
        half = round(n * share)
        game.record((0,), Moments.of_sample(scale * np.repeat([0.5, -0.5], [half, n - half])[:, None]))
        each = d / (n * (n + 1)) if counts is Counts.ADAPTIVE else d
        variance = share * (1 - share) * n / (n - 1)
        hoeffding = 2 * np.sqrt(np.log(1 / each) / (2 * n))
        bernstein = np.sqrt(2 * variance * np.log(2 / each) / n) + 14 * np.log(2 / each) / (3 * (n - 1))
        assert (hoeffding < bernstein) == (n == 100)  # each of the two is met
        least, greatest = payoff_intervals(game, confidence=0.9, counts=counts)
        radius = scale * min(hoeffding, bernstein)
        np.testing.assert_allclose([greatest - game.means, game.means - least], radius, rtol=1e-9)
