"""Divergences: their definitions, best responses and gaps against numeric optimisation, and weak duality."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from scipy.optimize import minimize

from games.preference import (
    CHI_SQUARED,
    KL,
    REVERSE_KL,
    PreferenceGame,
    assess_preference,
    best_response,
    random_preferences,
    regularised_gap,
)
from games.preference.arrays import to_numpy

ALL = pytest.mark.parametrize("divergence", [KL, REVERSE_KL, CHI_SQUARED], ids=lambda d: d.name)


def _value(divergence, policy, reference):
    """R by its definition."""
    ratio = policy / reference
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = {
            KL: np.where(ratio > 0.0, ratio * np.log(ratio), 0.0),
            REVERSE_KL: -np.log(ratio),
            CHI_SQUARED: (ratio - 1.0) ** 2,
        }[divergence]
    return float((reference * terms).sum())


def _case(seed, divergence, tau, n=5):
    rng = np.random.default_rng(seed)
    game = random_preferences(n, rng=rng, reference_scale=1.0, tau=tau).with_divergence(divergence)
    return game, rng.dirichlet(np.ones(n))


@ALL
@given(seed=st.integers(0, 10_000))
def test_values_slopes_and_curvatures_are_those_of_the_definition(divergence, seed):
    game, policy = _case(seed, divergence, 0.1)
    policy = 0.98 * policy + 0.02 * game.reference
    logs, log_reference = np.log(policy), np.log(game.reference)
    assert divergence.value(policy, logs, log_reference) == pytest.approx(
        _value(divergence, policy, game.reference), abs=1e-12
    )
    report = assess_preference(game, policy)
    assert report.divergence_from_reference == pytest.approx(_value(divergence, policy, game.reference))
    step = 1e-6 * policy

    def slope(at):
        return np.array([_value(divergence, at + d, game.reference) for d in np.diag(step)]) - np.array(
            [_value(divergence, at - d, game.reference) for d in np.diag(step)]
        )

    numeric = slope(policy) / (2.0 * step)
    exact = divergence.slopes(logs, log_reference)
    np.testing.assert_allclose(exact - exact[0], numeric - numeric[0], rtol=1e-4, atol=1e-4)
    ahead, behind = (divergence.slopes(logs + d, log_reference) for d in (1e-6, -1e-6))
    np.testing.assert_allclose(divergence.curvatures(logs, log_reference), (ahead - behind) / 2e-6, rtol=1e-6)


@ALL
@pytest.mark.parametrize("tau", [0.03, 0.3, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_gaps_are_what_numeric_optimisation_finds(divergence, tau, seed):
    game, policy = _case(seed, divergence, tau)
    rates = game.preferences @ policy

    def loss(logits):
        weights = np.exp(logits - logits.max())
        other = weights / weights.sum()
        return -(other @ rates - tau * _value(divergence, other, game.reference))

    best = min(
        (minimize(loss, start, method="BFGS", options={"gtol": 1e-9}) for start in np.eye(5)),
        key=lambda found: found.fun,
    )
    gain = -best.fun - 0.5 + tau * _value(divergence, policy, game.reference)
    assert float(regularised_gap(game, policy)) == pytest.approx(2.0 * gain, rel=1e-5, abs=1e-8)
    response = best_response(game, policy)
    assert response.sum() == pytest.approx(1.0, abs=1e-14)
    own = response @ rates - tau * _value(divergence, response, game.reference)
    assert own == pytest.approx(-best.fun, abs=1e-8)
    assert own >= -best.fun - 1e-12


@ALL
@given(seed=st.integers(0, 10_000), exponent=st.floats(-4.0, 2.0), spread=st.floats(0.0, 30.0))
def test_best_responses_leave_no_first_order_gain(divergence, seed, exponent, spread):
    """Of win rates and references of any scale."""
    rng = np.random.default_rng(seed)
    reference = np.log(rng.dirichlet(np.ones(6))) + spread * rng.standard_normal(6)
    reference -= np.log(np.exp(reference - reference.max()).sum()) + reference.max()
    rates, tau = rng.uniform(-0.5, 0.5, 6), 10.0**exponent
    logs = divergence.log_response(reference, rates, tau)
    policy = np.exp(logs)
    assert policy.sum() == pytest.approx(1.0, abs=1e-9)
    gains = rates - tau * divergence.slopes(logs, reference)
    top = gains.max()
    # All played responses gain the same at the margin, and no other gains more.
    assert (policy * (top - gains)).max() <= 1e-9 * max(1.0, tau)


@ALL
def test_best_responses_have_no_gap_to_themselves_and_others_do(divergence):
    game, policy = _case(3, divergence, 0.05)
    log_reference, rates = np.log(game.reference), game.margins @ policy
    logs = divergence.log_response(log_reference, rates, game.tau)
    with np.errstate(divide="ignore"):
        own = divergence.shortfall(np.exp(logs), logs, log_reference, rates, game.tau)
    assert 0.0 <= own < 1e-28
    assert divergence.shortfall(policy, np.log(policy), log_reference, rates, game.tau) > 1e-4


def test_given_up_responses():
    """Without bound under reverse KL; chi-squared can put them at exactly 0."""
    game = PreferenceGame(np.array([[0.5, 0.9], [0.1, 0.5]]), tau=0.1)
    assert float(regularised_gap(game.with_divergence(REVERSE_KL), [1.0, 0.0])) == np.inf
    chi = game.with_divergence(CHI_SQUARED)
    np.testing.assert_array_equal(best_response(chi, [1.0, 0.0]), [1.0, 0.0])
    assert float(regularised_gap(chi, [1.0, 0.0])) == 0.0
    assert float(regularised_gap(chi, [0.9, 0.1])) > 0.0
    assert best_response(game.with_divergence(REVERSE_KL), [1.0, 0.0]).min() > 0.05


@ALL
def test_torch_computes_the_same(divergence):
    rng = np.random.default_rng(0)
    game = random_preferences(7, rng=rng, batch_shape=(4,), reference_scale=2.0, tau=0.02)
    policy = rng.dirichlet(np.ones(7), 4)
    arrays = (policy, np.log(policy), np.log(game.reference), (game.margins @ policy[..., None])[..., 0])
    tensors = [torch.tensor(array) for array in arrays]
    pairs = [
        (divergence.shortfall(*arrays, 0.02), divergence.shortfall(*tensors, 0.02)),
        (divergence.value(*arrays[:3]), divergence.value(*tensors[:3])),
        (divergence.slopes(*arrays[1:3]), divergence.slopes(*tensors[1:3])),
        (divergence.curvatures(*arrays[1:3]), divergence.curvatures(*tensors[1:3])),
        (divergence.log_response(*arrays[2:], 0.02), divergence.log_response(*tensors[2:], 0.02)),
    ]
    for numpy_found, torch_found in pairs:
        assert isinstance(torch_found, torch.Tensor)
        np.testing.assert_allclose(to_numpy(torch_found), numpy_found, rtol=1e-12, atol=1e-14)


def test_games_keep_their_divergence():
    game = random_preferences(3, rng=np.random.default_rng(0), batch_shape=(2,), tau=0.1)
    chi = game.with_divergence(CHI_SQUARED)
    assert game.divergence == KL
    for other in (chi.with_tau(0.2), chi.context(1), chi.with_reference([0.2, 0.3, 0.5])):
        assert other.divergence == CHI_SQUARED
