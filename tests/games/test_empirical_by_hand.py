"""Confidence bounds against numbers by hand and against the worst of all tables in the intervals."""

import math

import numpy as np
import pytest

from games.empirical import (
    Counts,
    EmpiricalGame,
    MeanCeiling,
    Moments,
    RiskSource,
    SharedRegret,
    empirical_risk_certificate,
    payoff_intervals,
    variance_intervals,
)
from games.normal_form.risk import RiskAversion


def table(means, deviation, count, bounds, certain=()):
    """Every cell: ``count`` episodes, half of them above by ``deviation``; ``certain`` rows exact."""
    game = EmpiricalGame(means.ndim - 1, bounds)
    for player, size in enumerate(means.shape[1:]):
        for _ in range(size):
            game.add_policy(player)
    signs = np.tile([1.0, -1.0], count // 2)[:, None]
    for cell in np.ndindex(means.shape[1:]):
        if cell[0] in certain:
            game.set_exact(cell, means[(slice(None), *cell)], np.full(means.ndim - 1, deviation**2))
            continue
        game.record(cell, Moments.of_sample(means[(slice(None), *cell)] + deviation * signs))
    return game


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("counts", list(Counts))
@pytest.mark.parametrize("n", [40, 4_000])
def test_radii_by_hand(counts, scale, n):
    """Four cells of two players and two sides: failure 0.08 is 0.005 each; widths of 20 and of 200."""
    means = scale * np.array([[[1.0, 2.0], [3.0, 4.0]]] * 2)
    variance = scale**2 * n / (n - 1)
    looks = math.log(n * (n + 1)) if counts is Counts.ADAPTIVE else 0.0
    once, twice = math.log(2 / 0.005), math.log(4 / 0.005)  # half of 0.005 each; Bernstein has 2 / d
    for width in (20 * scale, 200 * scale):
        game = table(means, scale, n, (-width / 2, width / 2))
        bernstein = math.sqrt(2 * variance * (twice + looks) / n) + 7 * width * (twice + looks) / (
            3 * (n - 1)
        )
        radius = min(width * math.sqrt((once + looks) / (2 * n)), bernstein)
        low, high = payoff_intervals(game, confidence=0.92, counts=counts)
        np.testing.assert_allclose(low, np.maximum(means - radius, -width / 2), rtol=1e-12)
        np.testing.assert_allclose(high, np.minimum(means + radius, width / 2), rtol=1e-12)
        reach = width * math.sqrt(2 * (math.log(1 / 0.005) + looks) / (n - 1))
        sd = math.sqrt(variance)
        low, high = variance_intervals(game, confidence=0.92, counts=counts)
        np.testing.assert_allclose(low, max(sd - reach, 0.0) ** 2, rtol=1e-12)
        np.testing.assert_allclose(high, min(sd + reach, width / 2) ** 2, rtol=1e-12)


def test_half_of_the_failure_is_for_the_means_and_half_for_the_variances():
    """One column, so the certificate is the greatest worth of one row less the least of the other."""
    means = np.array([[[0.0], [0.5]], [[0.0], [0.0]]])
    game, gamma = table(means, 0.1, 4_000, (-1.0, 1.0)), 0.3
    low, high = payoff_intervals(game, confidence=0.95)
    least, greatest = variance_intervals(game, confidence=0.95)
    gain = high[0, 1, 0] - gamma * least[0, 1, 0] - low[0, 0, 0] + gamma * greatest[0, 0, 0]
    got = empirical_risk_certificate(
        game, [[1.0, 0.0], [1.0]], RiskAversion(gamma), RiskSource.WITHIN, confidence=0.9
    )
    assert got.bound == pytest.approx(gain, rel=1e-12)
    assert got.confidence == 0.9


def worst(means, variances, s, y, gamma):
    """The greatest regret of 21 deviations over tables in the boxes: five means a cell, ends of variances."""
    cells = np.stack(np.meshgrid(*np.linspace(*means, 5).reshape(5, 4).T), axis=-1).reshape(-1, 2, 2)
    risks = np.stack(np.meshgrid(*np.stack(variances).reshape(2, 4).T), axis=-1).reshape(-1, 2, 2)
    p = np.linspace(0.0, 1.0, 21)
    mixtures = np.vstack([s, np.stack([p, 1.0 - p], axis=1)])
    payoffs = np.einsum("ta,kab->ktb", mixtures, cells)
    worth = payoffs @ y - gamma * (payoffs**2 @ y - (payoffs @ y) ** 2)
    within = gamma * np.einsum("ta,kab,b->kt", mixtures, risks, y)
    return (worth - worth[:, :1]).max(axis=0) + (within[:, :1] - within).max(axis=0)


DESIGNS = {
    "alike": np.zeros((2, 2)),
    "the deviation is a gamble": np.array([[-0.5, -0.5], [0.6, -0.6]]),
    "the mixture is a gamble": np.array([[0.6, -0.6], [0.0, 0.0]]),
    "both are": np.array([[0.4, -0.4], [-0.4, 0.4]]),
}


@pytest.mark.parametrize("source", [RiskSource.BETWEEN, RiskSource.BOTH])
@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("s", [[1.0, 0.0], [0.5, 0.5]])
@pytest.mark.parametrize("gamma", [0.5, 5.0])
@pytest.mark.parametrize("count", [40, 400])
@pytest.mark.parametrize("certain", [(), (0,), (1,)])
def test_no_table_in_the_intervals_is_worse_than_the_certificate(source, name, s, gamma, count, certain):
    y = np.array([0.5, 0.5])
    game = table(np.stack([DESIGNS[name], np.zeros((2, 2))]), 0.05, count, (-1.0, 1.0), certain)
    means = payoff_intervals(game, confidence=0.975)
    risks = variance_intervals(game, confidence=0.975)
    if source is RiskSource.BETWEEN:
        risks = (np.zeros_like(risks[0]),) * 2
    # The second player is not averse, so that all of it is known in closed form.
    got = empirical_risk_certificate(game, [s, y], RiskAversion((gamma, 0.0)), source)
    second = max(
        0.5 * (np.array(s) @ means[1][1][:, b] - np.array(s) @ means[0][1][:, 1 - b]) for b in range(2)
    )
    boxes = [(low[0], high[0]) for low, high in (means, risks)]
    assert worst(*boxes, np.array(s), y, gamma).max() + second <= got.bound + 1e-12


@pytest.mark.parametrize("source", list(RiskSource))
def test_players_of_one_policy_have_nowhere_to_go(source):
    game = table(np.zeros((2, 1, 1)), 0.5, 10, (-1.0, 1.0))
    assert empirical_risk_certificate(game, [[1.0], [1.0]], RiskAversion(1.0), source).bound == 0.0


@pytest.mark.parametrize(("gamma", "source"), [(0.0, RiskSource.BOTH), (1.0, RiskSource.WITHIN)])
def test_what_a_deviation_shares_with_the_mixture_cancels(gamma, source):
    """Alike policies: the gain of the pure deviation is half of what separate bounds would claim."""
    game = table(np.zeros((2, 2, 1)), 0.0, 10_000, (-1.0, 1.0))
    bounds = [
        empirical_risk_certificate(game, [s, [1.0]], RiskAversion(gamma), source).bound
        for s in ([1.0, 0.0], [0.5, 0.5])
    ]
    assert 0.0 < bounds[1] == pytest.approx(0.5 * bounds[0])


def test_the_failure_is_shared_among_the_policies_one_may_deviate_to():
    for mixture, share in (([0.0, 0.5, 0.5], 3), ([1.0, 0.0, 0.0], 2), ([1.0], 1)):
        race = SharedRegret(mixture, (0.0, 1.0), 0.12)
        assert [ceiling.failure for ceiling in race.ceilings] == pytest.approx([0.12 / share] * len(mixture))


def test_a_bet_knows_nothing_of_the_value_it_is_on_nor_of_later_ones():
    values = np.random.default_rng(0).uniform(-1.0, 1.0, 40)
    for turn in range(40):
        changed = values.copy()
        changed[turn:] = np.random.default_rng(1).uniform(-1.0, 1.0, 40 - turn)
        bets = []
        for drawn in (values, changed):
            ceiling = MeanCeiling(1.0, 0.1)
            ceiling.observe(drawn, 40)
            bets.append(ceiling._bets[: turn + 1])
        np.testing.assert_array_equal(*bets)
