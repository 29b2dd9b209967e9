"""Statistics of episodes against scipy, a linear programme, and counting."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import linprog
from scipy.stats import binomtest, sem

from marl.rollouts.outcomes import conditional_value_at_risk, summarise_outcomes, wilson_rate

returns = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("events", "episodes"), [(0, 1), (1, 1), (0, 50), (3, 50), (25, 50), (50, 50), (7, 12345)]
)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_interval_agrees_with_scipy(events, episodes, confidence):
    rate = wilson_rate(events, episodes, confidence=confidence)
    peer = binomtest(events, episodes).proportion_ci(confidence, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((peer.low, peer.high), abs=1e-12)
    assert rate.value == events / episodes
    assert 0 <= rate.low <= rate.value <= rate.high <= 1


def test_wilson_interval_covers_as_often_as_it_says():
    """Exact coverage at n = 40, averaged over rates: near the nominal 95 %, where Wald's is far below."""
    n = 40
    intervals = [wilson_rate(k, n) for k in range(n + 1)]
    coverage = []
    for p in np.linspace(0.01, 0.99, 99):
        chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
        coverage.append(sum(c for c, i in zip(chances, intervals, strict=True) if i.low <= p <= i.high))
    assert np.mean(coverage) == pytest.approx(0.95, abs=0.01)


def test_cvar_by_hand():
    values = [5.0, -10.0, 1.0, 0.0]
    assert conditional_value_at_risk(values, 0.25) == -10
    assert conditional_value_at_risk(values, 0.5) == -5
    assert conditional_value_at_risk(values, 1.0) == -1
    assert conditional_value_at_risk(values, 0.375) == pytest.approx((-10 + 0.5 * 0) / 1.5)
    assert conditional_value_at_risk(values, 1e-9) == -10


@given(returns, st.floats(0.01, 1.0))
def test_cvar_is_the_worst_reweighting(values, level):
    """Its dual: the least mean under weights that are at most 1 / (level n) each."""
    n = len(values)
    worst = linprog(values, A_eq=np.ones((1, n)), b_eq=[1.0], bounds=[(0, 1 / (level * n))] * n)
    # At level 1 rounding may leave the programme without room; the answer is then the mean.
    expected = worst.fun if worst.status == 0 else np.mean(values)
    assert conditional_value_at_risk(values, level) == pytest.approx(expected, abs=1e-6)


@given(returns, st.floats(0.01, 1.0), st.floats(-50, 50), st.sampled_from([1e-3, 1.0, 1e3]))
def test_cvar_follows_units_and_never_beats_the_mean(values, level, shift, scale):
    array = np.array(values)
    cvar = conditional_value_at_risk(array, level)
    assert conditional_value_at_risk(scale * array + shift, level) == pytest.approx(
        scale * cvar + shift, rel=1e-9, abs=1e-6 * scale
    )
    slack = 1e-9 * np.abs(array).max() + np.finfo(float).tiny  # products may underflow
    assert array.min() - slack <= cvar <= array.mean() + slack


def test_summary_puts_the_parts_together():
    rng = np.random.default_rng(0)
    values, crashed = rng.normal(3.0, 2.0, 200), rng.random(200) < 0.1
    summary = summarise_outcomes(values, crashed, level=0.05, confidence=0.9)
    assert summary.mean == pytest.approx(values.mean())
    assert summary.variance == pytest.approx(np.var(values, ddof=1))
    assert summary.standard_error == pytest.approx(sem(values))
    assert summary.cvar == pytest.approx(np.sort(values)[:10].mean())
    assert summary.crashes == wilson_rate(int(crashed.sum()), 200, confidence=0.9)
    assert (summary.episodes, summary.level) == (200, 0.05)
    assert math.isnan(summarise_outcomes([1.0], [False]).variance)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: summarise_outcomes([], []), "returns must be finite"),
        (lambda: summarise_outcomes([[1.0]], [True]), "returns must be finite"),
        (lambda: summarise_outcomes([1.0, np.nan], [True, False]), "returns must be finite"),
        (lambda: summarise_outcomes([1.0, 2.0], [True]), "crashed must be Boolean"),
        (lambda: summarise_outcomes([1.0], [1]), "crashed must be Boolean"),
        (lambda: summarise_outcomes([1.0], [True], level=0.0), "level must lie"),
        (lambda: conditional_value_at_risk([1.0], np.nan), "level must lie"),
        (lambda: wilson_rate(0, 0), "need 0 <= events"),
        (lambda: wilson_rate(3, 2), "need 0 <= events"),
        (lambda: wilson_rate(1, 2, confidence=1.0), "confidence must lie"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
