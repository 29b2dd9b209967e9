"""Statistics: coverage at the stated rate, closed forms, and independent tools."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, strategies as st

from solvers.rationality.statistics import (
    Interval,
    clopper_pearson,
    cluster_bootstrap,
    distinguishable,
    holm,
    mean_interval,
    mean_measure,
    paired_permutation,
    rate_interval,
    rate_measure,
    sample_size,
    sample_size_of_difference,
    wilson,
)


def _binomial_coverage(interval, n, rates):
    """Exact: the probability of all counts whose interval holds the rate."""
    held = np.array([interval(k, n) for k in range(n + 1)])
    inside = (held[:, 0] <= rates[:, None]) & (rates[:, None] <= held[:, 1])
    return (inside * scipy.stats.binom.pmf(np.arange(n + 1), n, rates[:, None])).sum(axis=1)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("n", [5, 30, 200])
def test_exact_intervals_never_cover_less_than_stated(n, confidence):
    def ends(k, n):
        interval = clopper_pearson(k, n, confidence=confidence)
        return interval.low, interval.high

    assert _binomial_coverage(ends, n, np.linspace(0.001, 0.999, 997)).min() >= confidence - 1e-12


@pytest.mark.parametrize("n", [30, 200])
def test_wilson_covers_as_stated_on_average(n):
    def ends(k, n):
        interval = wilson(k, n)
        return interval.low, interval.high

    coverage = _binomial_coverage(ends, n, np.linspace(0.02, 0.98, 961))
    assert coverage.mean() == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize("count", [1, 7, 30])
def test_rates_match_scipy(count):
    for k in range(count + 1):
        test = scipy.stats.binomtest(k, count)
        for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
            theirs = test.proportion_ci(0.9, method)
            mine = ours(k, count, confidence=0.9)
            assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_perfect_record_is_not_certainty():
    assert wilson(30, 30).low == pytest.approx(0.886, abs=1e-3)
    same_play = rate_interval(np.ones(30), ["play"] * 30)
    assert same_play.low == pytest.approx(wilson(1, 1).low)  # thirty rows that say one thing once
    assert wilson(0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("groups", "rows", "rate", "within"), [(12, 5, 0.5, 0.3), (30, 4, 0.8, 0.5)])
def test_clustered_rates_cover(groups, rows, rate, within):
    """Beta-binomial plays, 2,000 of them: an interval that took rows for independent would fail."""
    rng = np.random.default_rng(1)
    names = np.repeat(np.arange(groups), rows).tolist()
    weight = 1 / within - 1
    covered = naive = 0
    for _ in range(2000):
        means = rng.beta(rate * weight, (1 - rate) * weight, size=groups)
        hits = rng.random(groups * rows) < np.repeat(means, rows)
        covered += rate in rate_interval(hits, names)
        naive += rate in wilson(int(hits.sum()), hits.size)
    assert 0.935 <= covered / 2000 <= 0.985
    assert naive / 2000 < 0.9


@pytest.mark.parametrize(("groups", "rows"), [(4, 5), (12, 1), (20, 3)])
def test_means_cover(groups, rows):
    """1,000 samples; four standard errors of a share of .95 are .028."""
    rng = np.random.default_rng(2)
    names = np.repeat(np.arange(groups), rows).tolist()
    for skewed, least in ((False, 0.93), (True, 0.91)):
        if skewed and groups < 12:
            continue  # too few to notice the skewness, as the module says
        covered = 0
        for _ in range(1000):
            shared = rng.exponential(size=groups) - 1 if skewed else rng.normal(size=groups)
            values = np.repeat(shared, rows) + 0.5 * rng.normal(size=groups * rows)
            covered += 0.0 in mean_interval(values, names, rng=rng, resamples=499)
        assert least <= covered / 1000 <= 0.985


def test_bootstrap_covers_a_nonlinear_statistic():
    """The ratio of two means, over 1,000 samples of 15 clusters of two rows."""
    rng = np.random.default_rng(3)
    names = np.repeat(np.arange(15), 2).tolist()

    def ratio(rows):
        total = rows.sum(axis=0)
        return total[0] / total[1]

    covered = 0
    for _ in range(1000):
        below = np.repeat(2 + rng.random(15), 2)
        above = 3 * below + np.repeat(rng.normal(size=15), 2) + 0.5 * rng.normal(size=30)
        covered += 3.0 in cluster_bootstrap(
            np.stack([above, below], axis=1), names, ratio, rng=rng, resamples=199
        )
    assert 0.92 <= covered / 1000 <= 0.98


def test_bootstrap_draws_clusters_and_not_rows():
    rng = np.random.default_rng(4)
    values = np.repeat(rng.normal(size=10), 40)
    clustered = cluster_bootstrap(
        values, np.repeat(np.arange(10), 40).tolist(), np.mean, rng=rng, resamples=300
    )
    rows = cluster_bootstrap(values, list(range(400)), np.mean, rng=rng, resamples=300)
    assert clustered.width > 4 * rows.width


@given(
    st.lists(st.floats(-9, 9), min_size=2, max_size=20), st.sampled_from([1e-3, 1.0, 1e6]), st.floats(-5, 5)
)
def test_intervals_of_means_move_with_units(values, scale, shift):
    names = [k // 2 for k in range(len(values))]
    if len(set(names)) < 2:
        return
    one = mean_interval(values, names, rng=np.random.default_rng(0), resamples=50)
    other = mean_interval(
        [scale * (v + shift) for v in values], names, rng=np.random.default_rng(0), resamples=50
    )
    assert other.low == pytest.approx(scale * (one.low + shift), rel=1e-6, abs=1e-6 * scale)
    assert other.high == pytest.approx(scale * (one.high + shift), rel=1e-6, abs=1e-6 * scale)
    assert float(np.mean(values)) in Interval(one.low - 1e-9, one.high + 1e-9)


def test_permutation_counts_all_signings():
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 4, 9), rng.integers(0, 4, 9)
    d = first - second
    sums = [abs(np.dot(s, d)) for s in itertools.product([-1, 1], repeat=9)]
    expected = np.mean(np.array(sums) >= abs(d.sum()))
    assert paired_permutation(first, second, rng=rng) == pytest.approx(expected)


def test_drawn_permutations_agree_with_scipy_and_are_valid():
    rng = np.random.default_rng(6)
    first = rng.normal(size=40)
    second = first + rng.normal(0.4, 1.0, size=40)
    theirs = scipy.stats.permutation_test(
        (first, second),
        lambda a, b: np.mean(a - b),
        permutation_type="samples",
        n_resamples=20_000,
        random_state=np.random.default_rng(0),
    )
    assert paired_permutation(first, second, rng=rng, draws=20_000) == pytest.approx(theirs.pvalue, abs=0.01)
    level = [paired_permutation(rng.normal(size=20), np.zeros(20), rng=rng, draws=199) for _ in range(1000)]
    assert np.mean(np.array(level) <= 0.05) == pytest.approx(0.05, abs=0.028)


def test_no_difference_is_no_evidence():
    assert paired_permutation([1, 2], [1, 2], rng=np.random.default_rng(0)) == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_rule(p_values):
    """By the definition: the set rejected at a level is the one that stepping down rejects."""
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for k, place in enumerate(np.argsort(p_values, kind="stable")):
            if p_values[place] * (len(p_values) - k) > level:
                break
            rejected.add(int(place))
        assert set(np.flatnonzero(adjusted <= level).tolist()) == rejected


def test_sample_sizes():
    for half, rate in ((0.1, 0.5), (0.05, 0.9), (0.02, 0.3)):
        n = sample_size(half, rate=rate)
        assert wilson(rate * n, n).width <= 2 * half < wilson(rate * (n - 1), n - 1).width
    n = sample_size_of_difference(0.5, 0.7, power=0.8)
    rng = np.random.default_rng(7)
    a, b = rng.binomial(n, 0.5, 4000) / n, rng.binomial(n, 0.7, 4000) / n
    pooled = (a + b) / 2
    found = np.abs(a - b) / np.sqrt(2 * pooled * (1 - pooled) / n) > 1.959964
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_overlap_is_not_distinguished():
    assert not distinguishable(wilson(15, 30), wilson(20, 30))
    assert distinguishable(wilson(15, 30), wilson(28, 30))
    assert not distinguishable(Interval(0, 1), Interval(1, 2))
    assert not distinguishable(
        rate_measure("a", [1], ["x"], rng=np.random.default_rng(0)), Interval(float("nan"), float("nan"))
    )


def test_measures_carry_their_levels():
    rng = np.random.default_rng(8)
    rate = rate_measure("best", [1, 0, 1, 1], ["a", "a", "b", "b"], rng=rng, chance=0.5, group="actions")
    assert (rate.value, rate.count, rate.chance, rate.ideal, rate.group) == (0.75, 2, 0.5, 1.0, "actions")
    assert rate.low < 0.75 < rate.high
    mean = mean_measure("regret", [0.0, 1.0, 2.0], ["a", "b", "c"], rng=rng, ideal=0.0)
    assert (mean.value, mean.count) == (1.0, 3)
    student = scipy.stats.t.interval(0.95, 1, 1.0, 1 / np.sqrt(3))  # one degree fewer than for normal data
    assert (mean.low, mean.high) == pytest.approx(student)


def test_without_rows_there_is_no_figure_and_one_play_bounds_nothing():
    rng = np.random.default_rng(9)
    for measure in (rate_measure("r", [], [], rng=rng), mean_measure("m", [], [], rng=rng)):
        assert np.isnan([measure.value, measure.low, measure.high]).all()
        assert measure.count == 0
    assert mean_interval([1.0, 2.0], ["a", "a"], rng=rng) == Interval(-np.inf, np.inf)
    one = cluster_bootstrap([1.0, 2.0], ["a", "a"], np.mean, rng=rng)
    assert one == Interval(-np.inf, np.inf)
    assert np.isnan(cluster_bootstrap([], [], np.mean, rng=rng).low)


def test_the_same_seed_gives_the_same_interval():
    values, names = np.arange(20.0) ** 2, list(range(20))
    draws = [cluster_bootstrap(values, names, np.median, rng=np.random.default_rng(1)) for _ in range(2)]
    assert draws[0] == draws[1]


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: wilson(3, 2), "successes"),
        (lambda: wilson(1, 2, confidence=1.0), "confidence"),
        (lambda: clopper_pearson(-1, 2), "successes"),
        (lambda: rate_interval([0.5], ["a"]), "hits"),
        (lambda: rate_interval([1, 0], ["a"]), "clusters"),
        (lambda: mean_interval([np.nan], ["a"], rng=np.random.default_rng(0)), "values"),
        (lambda: mean_interval([1.0], ["a"], rng=np.random.default_rng(0), resamples=0), "resamples"),
        (
            lambda: cluster_bootstrap(np.ones((1, 1, 1)), ["a"], np.mean, rng=np.random.default_rng(0)),
            "values",
        ),
        (lambda: paired_permutation([1], [1, 2], rng=np.random.default_rng(0)), "first and second"),
        (lambda: holm([1.5]), "p_values"),
        (lambda: sample_size(0.5), "half_width"),
        (lambda: sample_size(0.1, rate=2), "rate"),
        (lambda: sample_size_of_difference(0.5, 0.5), "first and second"),
        (lambda: sample_size_of_difference(0.5, 0.6, power=1), "power"),
        (lambda: Interval(1.0, 0.0), "high"),
    ],
)
def test_bad_input_names_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_means_stay_where_they_can_be():
    """Two clusters say little, and less than nothing beyond the range of what is measured."""
    rng = np.random.default_rng(0)
    names = ["a", "b"]
    free = mean_interval([0.9, 0.3], names, rng=rng)
    assert free.low < 0 < 1 < free.high
    assert mean_interval([0.9, 0.3], names, rng=rng, within=(0.0, 1.0)) == Interval(0.0, 1.0)
    assert mean_interval([0.9], ["a"], rng=rng, within=(0.0, 1.0)) == Interval(0.0, 1.0)
    # A figure that luck has put beyond the range is still in its interval.
    assert mean_interval([1.2, 1.3], names, rng=rng, within=(0.0, 1.0)).high == 1.25


@pytest.mark.parametrize("groups", [2, 4, 20])
def test_rows_that_agree_do_not_rule_out_others(groups):
    """They all agree with probability (1 - eps)^G, so the interval must hold the mean that eps would give."""
    rng = np.random.default_rng(0)
    names = list(range(groups))
    assert mean_interval([0.5] * groups, names, rng=rng) == Interval(0.5, 0.5)  # no range, no bound
    found = mean_interval([0.0] * groups, names, rng=rng, within=(0.0, 1.0))
    assert found.low == 0
    assert (1 - found.high) ** groups == pytest.approx(0.05)
    covered = 0
    for _ in range(2000):
        rows = (rng.random(4) < 0.2).astype(float)
        covered += 0.2 in mean_interval(rows, [0, 1, 2, 3], rng=rng, within=(0.0, 1.0))
    assert covered / 2000 > 0.94


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_what_rounding_leaves_of_no_spread_is_no_spread(scale):
    """Resamples without the one cluster that differs tell nothing; their errors are rounding."""
    values = scale * (1.0 / 3.0 + np.array([9.0] * 10 + [3.0]))
    found = mean_interval(values, list(range(11)), rng=np.random.default_rng(3))
    assert found.width < 10 * scale
