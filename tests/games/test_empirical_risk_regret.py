import numpy as np
import pytest

from games.empirical import (
    Counts,
    EmpiricalGame,
    Moments,
    RiskSource,
    empirical_risk,
    empirical_risk_certificate,
    empirical_risk_nash_conv,
    empirical_risk_payoffs,
    empirical_risk_regrets,
    variance_intervals,
)
from games.normal_form import NormalFormGame, nash_conv
from games.normal_form.risk import RiskAversion, RiskVariance, risk_adjusted_payoffs, risk_nash_conv


def table(sizes, bounds=(-np.inf, np.inf)):
    game = EmpiricalGame(len(sizes), bounds)
    for player, size in enumerate(sizes):
        for _ in range(size):
            game.add_policy(player)
    return game


def exact_table(payoffs, variance):
    game = table(payoffs.shape[1:], (payoffs.min() - 9, payoffs.max() + 9))
    for cell in np.ndindex(payoffs.shape[1:]):
        game.set_exact(cell, payoffs[(slice(None), *cell)], variance[(slice(None), *cell)])
    return game


def random_table(rng, sizes, count):
    game = table(sizes)
    for cell in np.ndindex(sizes):
        game.record(
            cell,
            Moments.of_sample(rng.standard_normal(len(sizes)) + rng.standard_normal((count, len(sizes)))),
        )
    return game


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("tremble", [0.0, 0.2])
def test_exact_cells_between_policies_are_the_risk_averse_normal_form(scale, tremble):
    rng = np.random.default_rng(0)
    payoffs = scale * rng.standard_normal((3, 2, 3, 2))
    profile = [rng.dirichlet(np.ones(n)) for n in (2, 3, 2)]
    game, risk = (
        exact_table(payoffs, np.ones_like(payoffs)),
        RiskAversion((0.3 / scale, 0.0, 2 / scale), tremble),
    )
    plain = NormalFormGame(payoffs)
    assert empirical_risk_nash_conv(game, profile, risk, RiskSource.BETWEEN) == pytest.approx(
        risk_nash_conv(plain, profile, risk), rel=1e-9
    )
    np.testing.assert_allclose(
        empirical_risk_payoffs(game, profile, risk, RiskSource.BETWEEN),
        risk_adjusted_payoffs(plain, profile, risk),
        atol=1e-9 * scale,
    )
    neutral = RiskAversion(0.0)
    for source in RiskSource:
        assert empirical_risk_nash_conv(game, profile, neutral, source) == pytest.approx(
            nash_conv(plain, profile), rel=1e-12
        )


@pytest.mark.parametrize("source", list(RiskSource))
@pytest.mark.parametrize("count", [3, 40])
def test_regrets_are_the_best_of_all_mixtures_on_a_grid(source, count):
    """Two policies each, so the best deviation can be found by looking at 20,001 of them."""
    rng = np.random.default_rng(1)
    game, risk = random_table(rng, (2, 2), count), RiskAversion((0.7, 0.2), 0.1)
    profile = [np.array([0.3, 0.7]), np.array([0.6, 0.4])]
    values = empirical_risk_payoffs(game, profile, risk, source)
    for i, regret in enumerate(empirical_risk_regrets(game, profile, risk, source)):
        found = []
        for p in np.linspace(0.0, 1.0, 20_001)[::50]:
            deviated = [np.array([p, 1.0 - p]) if j == i else x for j, x in enumerate(profile)]
            found.append(empirical_risk_payoffs(game, deviated, risk, source)[i])
        assert max(found) - values[i] <= regret + 1e-12
        assert regret - (max(found) - values[i]) < 1e-4


def test_a_crash_of_a_fixed_pair_costs_within_and_not_between():
    """Both policies earn 1 on average; the second one is a gamble of variance 9 whoever it meets."""
    variance = np.array([[[0.0, 0.0], [9.0, 9.0]], np.zeros((2, 2))])
    game, risk = exact_table(np.ones((2, 2, 2)), variance), RiskAversion(0.5)
    gamble = [np.array([0.0, 1.0]), np.array([0.5, 0.5])]
    assert empirical_risk_nash_conv(game, gamble, risk, RiskSource.BETWEEN) == 0.0
    for source in (RiskSource.WITHIN, RiskSource.BOTH):
        assert empirical_risk_nash_conv(game, gamble, risk, source) == pytest.approx(4.5)


def test_total_variance_is_refused():
    game = exact_table(np.ones((2, 2, 2)), np.zeros((2, 2, 2)))
    total = RiskAversion(1.0, variance=RiskVariance.TOTAL)
    for function in (empirical_risk_regrets, empirical_risk_certificate):
        with pytest.raises(ValueError, match="OPPONENTS"):
            function(game, [[0.5, 0.5]] * 2, total, RiskSource.BOTH)


CHANCES = np.array([[0.3, 0.6, 0.5], [0.8, 0.4, 0.5]])


def bernoulli_table(rng, count):
    game = table((2, 3), (-1.0, 1.0))
    for cell in np.ndindex(2, 3):
        ones = rng.binomial(count, CHANCES[cell])
        sample = np.repeat([1.0, 0.0], [ones, count - ones])
        game.record(cell, Moments.of_sample(np.stack([sample, -sample], axis=1)))
    return game


@pytest.mark.parametrize("source", list(RiskSource))
def test_the_certificate_covers_a_profile_chosen_after_looking(source):
    rng = np.random.default_rng(2)
    spread = CHANCES * (1 - CHANCES)
    truth = exact_table(np.stack([CHANCES, -CHANCES]), np.stack([spread, spread]))
    risk = RiskAversion(1.5)
    bounds = {}
    for count in (30, 30_000):
        for _ in range(60):
            game = bernoulli_table(rng, count)
            best = np.unravel_index(game.means[0].argmax(), (2, 3))
            profile = [np.eye(2)[best[0]], rng.dirichlet(np.ones(3))]
            certificate = empirical_risk_certificate(game, profile, risk, source)
            assert certificate.bound >= empirical_risk_nash_conv(truth, profile, risk, source)
        assert certificate.confidence == 0.95
        bounds[count] = certificate.bound - empirical_risk_nash_conv(truth, profile, risk, source)
    assert bounds[30_000] < 0.9 < 2.0 < bounds[30]
    certain = empirical_risk_certificate(truth, profile, risk, source)
    assert certain.confidence == 1.0
    assert certain.bound == pytest.approx(empirical_risk_nash_conv(truth, profile, risk, source), abs=1e-9)


@pytest.mark.parametrize("counts", list(Counts))
def test_variance_intervals_cover_at_their_stated_rate(counts):
    rng = np.random.default_rng(3)
    spread = CHANCES * (1 - CHANCES)
    covered = []
    for _ in range(300):
        least, greatest = variance_intervals(bernoulli_table(rng, 500), confidence=0.8, counts=counts)
        covered.append((least[0] <= spread).all() and (spread <= greatest[0]).all())
    assert np.mean(covered) >= 0.8
    narrow, wide = (variance_intervals(bernoulli_table(rng, n), counts=counts) for n in (50_000, 50))
    assert (narrow[1] - narrow[0]).max() < 0.15 < (wide[1] - wide[0]).min()
    with pytest.raises(ValueError, match="confidence"):
        variance_intervals(table((1, 1)), confidence=1.0)


def test_unbounded_payoffs_prove_nothing():
    game = random_table(np.random.default_rng(4), (2, 2), 5)
    assert (
        empirical_risk_certificate(game, [[0.5, 0.5]] * 2, RiskAversion(1.0), RiskSource.BOTH).bound == np.inf
    )


def test_the_corrected_covariance_is_unbiased_and_the_plain_one_is_not():
    """Monte Carlo against the exact covariance: two policies that differ by noise alone have none between."""
    rng = np.random.default_rng(5)
    y = np.array([0.5, 0.5])
    corrected = []
    for _ in range(3000):
        game = table((1, 2))
        for cell in ((0, 0), (0, 1)):
            game.record(cell, Moments.of_sample(rng.standard_normal((4, 2))))
        corrected.append(empirical_risk(game, [[1.0], y], RiskSource.BETWEEN)[0].between[0, 0])
    error = np.std(corrected) / np.sqrt(3000)
    assert abs(np.mean(corrected)) < 4 * error
    # The plain estimate would be off by y (1 - y) v / n in each of two cells.
    assert 20 * error < 1 / 8
