"""Consistency over variants, and ratings of players."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize

from games.normal_form import NormalFormGame
from solvers.equilibrium import solve_alpha_rank_single
from solvers.rationality.metrics.consistency import flip_rates, variance_components, worst_case
from solvers.rationality.metrics.nash_averaging import nash_average
from solvers.rationality.metrics.ratings import (
    Matches,
    advantages,
    elo_ratings,
    fit_bradley_terry,
    relative_advantage,
)

RNG = np.random.default_rng(0)
RPS = np.array([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])


def test_components_of_variance_are_unbiased_with_missing_cells():
    rng = np.random.default_rng(1)
    scenarios, variants, repeats = 10, 5, 3
    s = np.repeat(np.arange(scenarios), variants * repeats)
    v = np.tile(np.repeat(np.arange(variants), repeats), scenarios)
    found = []
    for _ in range(300):
        both = rng.normal(size=(scenarios, variants))
        scores = 7 + rng.normal(size=scenarios)[s] + 0.5 * rng.normal(size=variants)[v]
        scores += 0.6 * both[s, v] + 0.7 * rng.normal(size=s.size)
        kept = rng.random(s.size) < 0.8
        names = list(zip(s[kept].tolist(), v[kept].tolist(), strict=True))
        factors = {"scenario": s[kept].tolist(), "variant": v[kept].tolist(), "both": names}
        parts = variance_components(scores[kept], factors)
        found.append([*parts.components.values(), parts.rest])
    errors = np.std(found, axis=0) / math.sqrt(300)
    assert (np.abs(np.mean(found, axis=0) - [1.0, 0.25, 0.36, 0.49]) < 4 * errors).all()


def test_a_balanced_layout_gives_the_textbook_estimates():
    """One factor: (mean square between - mean square within) / repeats."""
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(6, 4)) + rng.normal(size=(6, 1))
    between = 4 * scores.mean(axis=1).var(ddof=1)
    within = scores.var(axis=1, ddof=1).mean()
    parts = variance_components(scores.ravel(), {"item": np.repeat(np.arange(6), 4).tolist()})
    assert parts.components["item"] == pytest.approx((between - within) / 4)
    assert parts.rest == pytest.approx(within)
    assert sum(parts.shares.values()) == pytest.approx(1.0)
    assert parts.mean == pytest.approx(scores.mean())


@settings(deadline=None, max_examples=30)
@given(st.sampled_from([1e-3, 1e5]), st.floats(-1e3, 1e3))
def test_shares_of_variance_have_no_units(scale, shift):
    rng = np.random.default_rng(3)
    scores, levels = rng.normal(size=24), np.repeat(np.arange(6), 4).tolist()
    one = variance_components(scores, {"item": levels})
    other = variance_components(scale * (scores + shift), {"item": levels})
    assert other.rest == pytest.approx(scale**2 * one.rest, rel=1e-6)
    assert other.shares["item"] == pytest.approx(one.shares["item"], abs=1e-6)


def test_worst_case():
    scenarios, variants = ["a"] * 4 + ["b"] * 4, ["x", "x", "y", "y"] * 2
    found = worst_case([1, 1, 0, 0, 1, 0, 1, 1], scenarios, variants, rng=RNG)
    assert found.value == pytest.approx((0 + 0.5) / 2)
    assert found.mean == pytest.approx((0.5 + 0.75) / 2)
    assert found.value < found.expected <= found.mean
    order = np.random.default_rng(0).permutation(8)
    shuffled = worst_case(
        np.array([1, 1, 0, 0, 1, 0, 1, 1])[order],
        [scenarios[k] for k in order],
        [variants[k] for k in order],
        rng=RNG,
    )
    assert (shuffled.value, shuffled.mean) == pytest.approx((found.value, found.mean))


def test_worst_case_of_a_player_that_no_variant_sways_is_as_expected():
    rng = np.random.default_rng(4)
    gaps = []
    for _ in range(60):
        scores = rng.normal(size=120)
        names = np.repeat(np.arange(10), 12).tolist(), np.tile(np.repeat(np.arange(4), 3), 10).tolist()
        found = worst_case(scores, *names, rng=rng, shuffles=40)
        gaps.append(found.value - found.expected)
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / math.sqrt(60)


def test_flips():
    steady = flip_rates([0, 0, 0, 1, 1], ["a", "a", "a", "b", "b"], ["x", "y", "y", "x", "y"])
    assert (steady.across, steady.within, steady.excess) == (0.0, 0.0, 0.0)
    by_label = flip_rates([0, 0, 1, 1], ["a"] * 4, ["x", "x", "y", "y"])
    assert (by_label.across, by_label.within, by_label.excess) == (1.0, 0.0, 1.0)
    rng = np.random.default_rng(5)
    luck = flip_rates(
        rng.integers(0, 2, 800).tolist(),
        np.repeat(np.arange(100), 8).tolist(),
        [0, 0, 0, 0, 1, 1, 1, 1] * 100,
    )
    assert luck.excess == pytest.approx(0.0, abs=0.05)
    assert luck.across == pytest.approx(0.5, abs=0.05)
    assert math.isnan(flip_rates([0], ["a"], ["x"]).across)


def _play(rng, strengths, seat, ties, count):
    players = strengths.size
    first = rng.integers(players, size=count)
    second = (first + 1 + rng.integers(players - 1, size=count)) % players
    win, loss = np.exp(strengths[first] + seat), np.exp(strengths[second])
    tie = ties * np.sqrt(win * loss)
    drawn = rng.random(count) * (win + loss + tie)
    return Matches(players, first, second, np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.5, 0.0)))


def test_strengths_seat_and_ties_are_recovered():
    rng = np.random.default_rng(6)
    truth = np.array([-1.0, 0.0, 0.2, 0.8])
    held = np.zeros(5)
    for _ in range(25):
        fit = fit_bradley_terry(_play(rng, truth, 0.3, 0.5, 300), rng=rng, resamples=80)
        assert fit.finite
        held[:4] += [t in i for t, i in zip(truth, fit.intervals, strict=True)]
        held[4] += 0.3 in fit.seat_interval
    assert held.sum() >= 108  # of 125; at .94 fewer has probability .001
    large = fit_bradley_terry(_play(rng, truth, 0.3, 0.5, 40_000), rng=rng, resamples=2)
    np.testing.assert_allclose(large.strengths, truth, atol=0.06)
    assert (large.seat, large.ties) == pytest.approx((0.3, 0.5), abs=0.05)
    assert large.points[3] - large.points[1] == pytest.approx(0.8 * 400 / math.log(10), abs=15)


def test_the_fit_is_the_peak_of_davidsons_likelihood():
    matches = _play(np.random.default_rng(7), np.array([0.5, 0.0, -0.5]), 0.2, 0.7, 120)
    fit = fit_bradley_terry(matches, rng=RNG, resamples=1)

    def loss(x):
        theta = np.array([x[0], x[1], -x[0] - x[1]])
        win, lose = np.exp(theta[matches.first] + x[2]), np.exp(theta[matches.second])
        tie = math.exp(x[3]) * np.sqrt(win * lose)
        got = np.select([matches.score == 1, matches.score == 0], [win, lose], tie)
        return -np.log(got / (win + lose + tie)).sum()

    best = minimize(loss, np.zeros(4))
    ours = [fit.strengths[0], fit.strengths[1], fit.seat, math.log(fit.ties)]
    np.testing.assert_allclose(ours, best.x, atol=1e-4)


def test_two_players_have_the_odds_as_strength():
    matches = Matches(2, [0] * 6 + [1] * 6, [1] * 6 + [0] * 6, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1])
    fit = fit_bradley_terry(matches, rng=RNG, resamples=2)
    assert fit.strengths[0] - fit.strengths[1] == pytest.approx(math.log(2))
    assert fit.seat == pytest.approx(0.0, abs=1e-9)
    assert fit.ties == 0.0


def test_who_never_lost_has_no_finite_strength():
    matches = Matches(3, [0, 0, 1, 2, 1, 2], [1, 2, 2, 1, 0, 0], [1, 1, 1, 1, 0, 0])
    assert not fit_bradley_terry(matches, rng=RNG, resamples=2).finite
    apart = Matches(4, [0, 1, 2, 3] * 2, [1, 0, 3, 2] * 2, [1, 1, 1, 1, 0, 0, 0, 0])
    assert not fit_bradley_terry(apart, rng=RNG, resamples=2).finite


def test_elo():
    rng = np.random.default_rng(8)
    truth = np.array([-0.6, 0.0, 0.6])
    matches = _play(rng, truth, 0.0, 0.2, 3000)
    ratings = elo_ratings(matches, rng=rng, orders=30)
    assert ratings.mean() == pytest.approx(1500)
    points = fit_bradley_terry(matches, rng=rng, resamples=2).points
    # Elo counts a tie as half of a win, which makes ratings lie closer.
    assert np.argsort(ratings).tolist() == [0, 1, 2]
    np.testing.assert_allclose(ratings - 1500, points, atol=25)
    one = elo_ratings(Matches(2, [0], [1], [1.0]), rng=rng, step=32, orders=1)
    assert one.tolist() == [1516, 1484]


def test_relative_advantage():
    assert relative_advantage([1, 1, 1], [-1, -1, -1]) == 1.0
    assert relative_advantage([2, 0], [0, 2]) == 0.0
    assert relative_advantage([0.0], [0.0]) == 0.0


def test_nash_averaging_in_closed_form():
    cycle = nash_average(RPS)
    np.testing.assert_allclose(cycle.weights, 1 / 3, atol=1e-8)
    copied = RPS[np.ix_([0, 1, 2, 2], [0, 1, 2, 2])]
    np.testing.assert_allclose(nash_average(copied).weights, [1 / 3, 1 / 3, 1 / 6, 1 / 6], atol=1e-8)
    transitive = np.subtract.outer([3.0, 1.0, 0.0], [3.0, 1.0, 0.0])
    best = nash_average(transitive)
    np.testing.assert_allclose(best.weights, [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(best.skills, [0, -2, -3], atol=1e-9)
    np.testing.assert_allclose(nash_average(np.zeros((3, 3))).weights, 1 / 3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-2, 2), min_size=6, max_size=6), st.sampled_from([1e-4, 1.0, 1e4]))
def test_nash_averages_are_equilibria_of_greatest_entropy(entries, scale):
    upper = np.zeros((4, 4))
    upper[np.triu_indices(4, 1)] = entries
    a = scale * (upper - upper.T)
    found = nash_average(a)
    assert found.certificate.bound <= 1e-7 * scale
    # The vertices of the equilibria, by listing supports; every mixture of them has less entropy.
    vertices = []
    for size in range(1, 5):
        for support in itertools.combinations(range(4), size):
            block = np.vstack([a[np.ix_(support, support)] / scale, np.ones(size)])
            x = np.linalg.lstsq(block, np.append(np.zeros(size), 1.0), rcond=None)[0]
            if np.abs(block @ x - np.append(np.zeros(size), 1.0)).max() > 1e-9 or x.min() < -1e-9:
                continue
            p = np.zeros(4)
            p[list(support)] = x
            if (a @ p).max() <= 1e-9 * scale:
                vertices.append(np.maximum(p, 0.0))
    rng = np.random.default_rng(0)
    mixtures = rng.dirichlet(np.ones(len(vertices)), size=300) @ np.array(vertices)

    def entropy(p):
        return -(p * np.log(np.maximum(p, 1e-300))).sum(axis=-1)

    assert entropy(found.weights) >= entropy(mixtures).max() - 1e-5


def test_advantages_feed_both_rankings():
    rng = np.random.default_rng(9)
    matches = _play(rng, np.array([0.0, 2.0, -2.0]), 0.0, 0.0, 3000)
    table = advantages(matches)
    np.testing.assert_allclose(table, -table.T)
    assert table[1, 0] == pytest.approx(1 / (1 + math.exp(-2)) - 0.5, abs=0.04)
    assert nash_average(table).weights.argmax() == 1
    ranking = solve_alpha_rank_single(NormalFormGame.zero_sum(table)).unwrap()
    assert ranking.joint.argmax() == 1
    assert advantages(Matches(3, [0], [1], [1.0]))[0].tolist() == [0, 0.5, 0]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: variance_components([], {}), "scores"),
        (lambda: variance_components([1, 2, 3], {"f": [0, 0, 0]}), "'f'"),
        (lambda: variance_components([1, 2, 3, 4], {"f": [0, 0, 1, 1], "g": [5, 5, 6, 6]}), "told apart"),
        (lambda: variance_components([1, 2], {"f": [0]}), "clusters"),
        (lambda: worst_case([1.0], ["a"], ["x"], rng=RNG, shuffles=0), "shuffles"),
        (lambda: Matches(2, [0], [0], [1.0]), "players"),
        (lambda: Matches(2, [0], [2], [1.0]), "range"),
        (lambda: Matches(2, [0], [1], [0.3]), "scores"),
        (lambda: Matches(2, [], [], []), "match"),
        (lambda: fit_bradley_terry(Matches(2, [0], [1], [1.0]), rng=RNG, resamples=0), "resamples"),
        (lambda: elo_ratings(Matches(2, [0], [1], [1.0]), rng=RNG, step=0), "step"),
        (lambda: relative_advantage([1.0], [1.0, 2.0]), "own"),
        (lambda: nash_average([[0.0, 1.0]]), "advantages"),
        (lambda: nash_average([[0.0, 1.0], [1.0, 0.0]]), "antisymmetric"),
    ],
)
def test_bad_input_names_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()
