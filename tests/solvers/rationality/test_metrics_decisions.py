"""Metrics of single decisions: beliefs, actions, social preferences, injected instructions."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import minimize

from games.social.desires import Desire
from solvers.rationality.metrics.actions import (
    expected_utilities,
    normalised_regret,
    optimal_set,
    regret,
    score_actions,
)
from solvers.rationality.metrics.beliefs import (
    brier_scores,
    calibration,
    distances,
    divergences,
    log_scores,
    rounds_to_identify,
)
from solvers.rationality.metrics.injection import injection_effect
from solvers.rationality.metrics.logit import Choices, fit_logit
from solvers.rationality.metrics.social_preferences import explain_by_desires, fit_social_preferences

RNG = np.random.default_rng(0)

payoff_rows = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=6)


def test_scores_of_beliefs_in_closed_form():
    certain, uniform = [1.0, 0.0, 0.0], [1 / 3] * 3
    assert brier_scores([certain, certain, uniform], [0, 1, 2]) == pytest.approx([0, 2, 2 / 3])
    assert log_scores([certain, certain, uniform], [0, 1, 2]) == pytest.approx(
        [0, -math.log(1e-3), math.log(3)]
    )
    assert divergences([uniform, certain], [uniform, uniform]) == pytest.approx([0, math.log(3)])
    assert divergences([uniform], [certain]) == pytest.approx(
        [math.log(1 / 3) - (0 + 2 * math.log(1e-3)) / 3]
    )
    assert distances([certain], [[0, 0.5, 0.5]]) == pytest.approx([1.0])


@given(
    st.lists(st.integers(1, 20), min_size=3, max_size=3), st.lists(st.integers(1, 20), min_size=3, max_size=3)
)
def test_scores_are_proper(truth, stated):
    """In expectation under the truth nothing scores better than the truth, by exactly the divergence."""
    p, q = np.array(truth) / sum(truth), np.array(stated) / sum(stated)
    expected = [p @ log_scores([belief] * 3, [0, 1, 2]) for belief in (p, q)]
    assert expected[1] - expected[0] == pytest.approx(divergences([p], [q])[0], abs=1e-12)
    squares = [p @ brier_scores([belief] * 3, [0, 1, 2]) for belief in (p, q)]
    assert squares[1] - squares[0] == pytest.approx(((p - q) ** 2).sum(), abs=1e-12)


def test_a_calibrated_player_is_calibrated():
    rng = np.random.default_rng(0)
    beliefs = rng.dirichlet(np.ones(3), size=4000)
    happened = (rng.random((4000, 1)) > beliefs.cumsum(axis=1)).sum(axis=1)
    found = calibration(beliefs, happened)
    assert found.error < 0.02
    assert found.count.sum() == 12_000
    overconfident = np.eye(3)[beliefs.argmax(axis=1)]
    assert calibration(overconfident, happened).error > 0.2
    assert math.isnan(calibration(np.zeros((0, 3)), []).error)


def test_rounds_to_identify():
    truth = [[0.0, 1.0]] * 5
    beliefs = [[0.5, 0.5], [0.1, 0.9], [0.5, 0.5], [0.2, 0.8], [0.0, 1.0]]
    assert rounds_to_identify(beliefs, truth) == 3
    assert rounds_to_identify(beliefs[:3], truth[:3]) is None
    assert rounds_to_identify(truth, truth) == 0


@given(
    st.lists(payoff_rows, min_size=1, max_size=5),
    st.sampled_from([1e-3, 1.0, 1e6]),
    st.floats(-100, 100),
    st.randoms(),
)
def test_action_scores_do_not_depend_on_units_zero_or_order(rows, scale, shift, random):
    actions = [random.randrange(len(row)) for row in rows]
    ways = [random.sample(range(len(row)), len(row)) for row in rows]
    moved = [scale * (np.array(row)[way] + shift) for row, way in zip(rows, ways, strict=True)]
    before = score_actions(rows, actions)
    after = score_actions(moved, [way.index(a) for way, a in zip(ways, actions, strict=True)])
    np.testing.assert_array_equal(after.best, before.best)
    np.testing.assert_allclose(after.normalised, before.normalised, atol=1e-9)
    np.testing.assert_allclose(after.regrets, scale * before.regrets, atol=1e-6 * scale)
    np.testing.assert_allclose(after.chance_best, before.chance_best)


@given(payoff_rows, st.data())
def test_regret_is_zero_exactly_for_the_best(row, data):
    action = data.draw(st.integers(0, len(row) - 1))
    assert (regret(row, action) == 0) == (action in optimal_set(row)) == (normalised_regret(row, action) == 0)
    assert 0 <= normalised_regret(row, action) <= 1


def test_chance_levels_are_what_uniform_choice_gets():
    rows = [[3.0, 1.0, 3.0], [0.0, 4.0], [2.0, 2.0]]
    scores = score_actions(rows, [0, 0, 1])
    for k, row in enumerate(rows):
        every = score_actions([row] * len(row), list(range(len(row))))
        assert scores.chance_best[k] == pytest.approx(every.best.mean())
        assert scores.chance_regrets[k] == pytest.approx(every.regrets.mean())
        assert scores.chance_normalised[k] == pytest.approx(every.normalised.mean())
    assert scores.matters.tolist() == [True, True, False]
    assert optimal_set([1.0, 1.0 + 1e-6], scale=1e4) == (0, 1)
    assert expected_utilities([[40, 5], [0, 15]], [0, 1]).tolist() == [5, 15]


def _allocations(rng, count, options=2, people=2):
    """Without ties for any of the four desires."""
    return [100 * rng.random((options, people)) for _ in range(count)]


def _logit_choices(rng, utilities, precision):
    weights = [np.exp(precision * (u - u.max())) for u in utilities]
    return [int(rng.choice(w.size, p=w / w.sum())) for w in weights]


def _charness_rabin(table, rho, sigma):
    own, other = table.T
    return own + (other - own) * np.where(own > other, rho, sigma)


def test_social_preferences_are_recovered_at_the_stated_rate():
    rng = np.random.default_rng(1)
    held = np.zeros(2)
    for _ in range(60):
        tables = _allocations(rng, 50)
        actions = _logit_choices(rng, [_charness_rabin(t, 0.4, -0.2) for t in tables], 0.1)
        fit = fit_social_preferences(tables, actions)
        assert fit.identified
        held += [0.4 in fit.rho_interval, -0.2 in fit.sigma_interval]
    assert (held >= 51).all()  # of 60 at .95, fewer than 51 has probability 2e-4


def test_the_fit_is_the_peak_of_the_likelihood_in_either_parametrisation():
    rng = np.random.default_rng(2)
    tables = _allocations(rng, 200, options=3)
    actions = _logit_choices(rng, [_charness_rabin(t, 0.3, -0.4) for t in tables], 0.08)
    fit = fit_social_preferences(tables, actions)

    def loss(parameters):
        lam, alpha, beta = parameters
        total = 0.0
        for table, action in zip(tables, actions, strict=True):
            own, other = table.T
            u = lam * (own - alpha * np.maximum(other - own, 0) - beta * np.maximum(own - other, 0))
            total -= u[action] - u.max() - np.log(np.exp(u - u.max()).sum())
        return total

    best = minimize(
        loss, [0.05, 0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000}
    )
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    assert (fit.precision, fit.alpha, fit.beta) == pytest.approx(tuple(best.x), abs=1e-3)
    assert fit.alpha in fit.alpha_interval
    assert fit.rho_interval.width < 0.5


@pytest.mark.parametrize("desire", list(Desire))
def test_each_desire_is_told_from_the_others(desire):
    rng = np.random.default_rng(3)
    tables = _allocations(rng, 40, options=3)
    fits = explain_by_desires(tables, [int(desire.utilities(t).argmax()) for t in tables])
    assert fits[0].desire is desire
    assert fits[0].agreement == 1.0
    assert fits[0].precision == math.inf
    assert fits[0].weight > 0.999
    assert sum(fit.weight for fit in fits) == pytest.approx(1.0)
    noisy = _logit_choices(rng, [desire.utilities(t) for t in tables], 0.15)
    assert explain_by_desires(tables, noisy)[0].desire is desire


def test_choices_without_error_bound_the_weights():
    rng = np.random.default_rng(4)
    tables = _allocations(rng, 60)
    for rho, sigma in ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0)):
        actions = [int(_charness_rabin(t, rho, sigma).argmax()) for t in tables]
        fit = fit_social_preferences(tables, actions)
        assert fit.precision == math.inf
        assert rho in fit.rho_interval
        assert sigma in fit.sigma_interval
    equal = fit_social_preferences(tables, [int(Desire.EQUALITY.utilities(t).argmax()) for t in tables])
    assert equal.rho_interval.high == math.inf
    assert equal.sigma_interval.low == -math.inf


def test_options_that_cannot_tell_are_called_unidentified():
    always_ahead = [np.array([[9.0, 1.0 + k], [8.0, 5.0]]) for k in range(3)]
    fit = fit_social_preferences(always_ahead, [0, 1, 0])
    assert not fit.identified
    assert math.isnan(fit.sigma)
    assert fit.sigma_interval.low == -math.inf


@pytest.mark.parametrize(("scale", "shift"), [(1e-3, 0.0), (1e4, -30.0), (1.0, 50.0)])
def test_social_preferences_have_no_units(scale, shift):
    rng = np.random.default_rng(5)
    tables = _allocations(rng, 40)
    actions = _logit_choices(rng, [_charness_rabin(t, 0.3, 0.1) for t in tables], 0.1)
    one = fit_social_preferences(tables, actions)
    other = fit_social_preferences([scale * (t + shift) for t in tables], actions)
    assert (other.rho, other.sigma) == pytest.approx((one.rho, one.sigma), abs=1e-5)
    assert other.precision * scale == pytest.approx(one.precision, rel=1e-5)


def test_logit_tells_separation_from_a_peak():
    mixed = fit_logit(Choices.of([[0.0, 1.0]] * 3, [1, 1, 0]))
    assert not mixed.separated
    assert mixed.coefficients[0] == pytest.approx(math.log(2))
    assert mixed.log_likelihood == pytest.approx(2 * math.log(2 / 3) + math.log(1 / 3))
    perfect = fit_logit(Choices.of([[0.0, 1.0]] * 3, [1, 1, 1]))
    assert perfect.separated
    assert perfect.log_likelihood == pytest.approx(0.0, abs=1e-6)
    assert fit_logit(Choices.of([[1.0, 1.0]] * 3, [0, 1, 0])).rank == 0


def test_weights_count_like_copies():
    rng = np.random.default_rng(6)
    tables, chosen = [rng.normal(size=(3, 2)) for _ in range(8)], rng.integers(0, 3, 8).tolist()
    weights = rng.integers(1, 4, 8)
    weighted = fit_logit(Choices.of(tables, chosen).weighted(weights))
    copies = fit_logit(Choices.of([t for t, w in zip(tables, weights, strict=True) for _ in range(w)],
                                  np.repeat(chosen, weights).tolist()))  # fmt: skip
    np.testing.assert_allclose(weighted.coefficients, copies.coefficients, atol=1e-8)
    assert weighted.log_likelihood == pytest.approx(copies.log_likelihood)


def test_injection_is_measured_against_the_same_without_it():
    rng = np.random.default_rng(7)
    size = 40
    without = rng.integers(0, 3, size)
    wanted = rng.integers(0, 3, size)
    immune = injection_effect(without, without, wanted, np.ones(size), np.ones(size), range(size), rng=rng)
    assert (immune.pull, immune.loss, immune.p_value) == (0.0, 0.0, 1.0)
    assert immune.followed == immune.anyway == np.mean(without == wanted)
    swayed = injection_effect(wanted, without, wanted, np.zeros(size), np.ones(size), range(size), rng=rng)
    assert (swayed.followed, swayed.loss) == (1.0, 1.0)
    assert swayed.pull_interval.low > 0
    assert swayed.p_value < 0.001
    assert swayed.count == size


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: brier_scores([[0.5, 0.6]], [0]), "beliefs"),
        (lambda: brier_scores([[1.5, -0.5]], [0]), "beliefs"),
        (lambda: brier_scores([[0.5, 0.5]], [2]), "happened"),
        (lambda: brier_scores([[0.5, 0.5]], [0, 1]), "happened"),
        (lambda: log_scores([[0.5, 0.5]], [0], floor=0), "floor"),
        (lambda: divergences([[1.0]], [[0.5, 0.5]]), "posteriors"),
        (lambda: calibration([[1.0]], [0], bins=0), "bins"),
        (lambda: rounds_to_identify([[1.0]], [[1.0]], within=2), "within"),
        (lambda: optimal_set([]), "utilities"),
        (lambda: optimal_set([1.0], scale=-1), "scale"),
        (lambda: regret([1.0], 1), "action"),
        (lambda: score_actions([[1.0]], []), "actions"),
        (lambda: expected_utilities([[1.0]], [0.5, 0.5]), "payoffs"),
        (lambda: Choices.of([], []), "chosen"),
        (lambda: Choices.of([[1.0, 2.0]], [2]), "chosen"),
        (lambda: Choices.of([[[1.0], [2.0]], [[1.0, 2.0], [0.0, 0.0]]], [0, 0]), "features"),
        (lambda: fit_social_preferences([[[1.0], [2.0]]], [0]), "allocations"),
        (lambda: injection_effect([0], [0, 1], [0], [0.0], [0.0], ["a"], rng=RNG), "actions"),
    ],
)  # fmt: skip
def test_bad_input_names_the_argument(call, word):
    with pytest.raises(ValueError, match=word):
        call()
