"""Risk measures: the duality identity, monotonicity, limits, scale laws, derivatives."""

import math

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.normal_form.risk_measures import (
    Entropic,
    LowerPartialMoment,
    MeanVariance,
    MonotoneMeanVariance,
    Neutral,
)
from games.normal_form.risk_regularisers import Entropy, LogBarrier
from games.normal_form.risk_tails import CVaR, WorstCase

SMOOTH = [
    Neutral(),
    MeanVariance(0.7),
    MonotoneMeanVariance(0.05),
    MonotoneMeanVariance(3.0),
    Entropic(0.0),
    Entropic(2.0),
    LowerPartialMoment(0.5, 2),
    LowerPartialMoment(0.5, 3),
    LowerPartialMoment(2.0, 2, 0.3),
]
LINEAR = [
    CVaR(0.3),
    CVaR(1.0),
    WorstCase(),
    LowerPartialMoment(0.5, 1),
    LowerPartialMoment(2.0, 1, 0.1),
]
MEASURES = SMOOTH + LINEAR
# A moment about the mean is monotone only for small gamma; of order one, up to gamma = 1.
MONOTONE = [
    m
    for m in MEASURES
    if not isinstance(m, MeanVariance)
    and not (isinstance(m, LowerPartialMoment) and m.target is None and m.order > 1)
]


def draw(seed, size=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=size), rng.dirichlet(np.ones(size))


def chi_square_dual(z, y, gamma, *, signed):
    """The least q.z + chi2(q, y) / (4 gamma) by an independent convex solver."""
    q = cp.Variable(z.size, nonneg=not signed)
    penalty = cp.sum_squares(cp.multiply(q - y, 1 / np.sqrt(y))) / (4 * gamma)
    problem = cp.Problem(cp.Minimize(q @ z + penalty), [cp.sum(q) == 1])
    problem.solve(solver=cp.CLARABEL)
    return problem.value


@pytest.mark.parametrize("gamma", [0.05, 0.3, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_mean_variance_is_the_signed_chi_square_dual(gamma, seed):
    z, y = draw(seed)
    assert MeanVariance(gamma).value(z, y) == pytest.approx(
        chi_square_dual(z, y, gamma, signed=True), abs=1e-7
    )
    assert MonotoneMeanVariance(gamma).value(z, y) == pytest.approx(
        chi_square_dual(z, y, gamma, signed=False), abs=1e-7
    )


@pytest.mark.parametrize("seed", range(20))
def test_monotone_equals_mean_variance_exactly_while_no_payoff_is_far_above_its_mean(seed):
    z, y = draw(seed)
    edge = 0.5 / (z.max() - y @ z)
    below, above = 0.999 * edge, 1.2 * edge
    assert MonotoneMeanVariance(below).value(z, y) == pytest.approx(
        MeanVariance(below).value(z, y), abs=1e-13
    )
    assert MonotoneMeanVariance(above).value(z, y) > MeanVariance(above).value(z, y) + 1e-6


def test_mean_variance_prefers_a_dominated_action_and_the_monotone_measures_do_not():
    # 0 for sure against 0 or 10 at equal odds: 5 - 25 gamma falls below 0 once gamma exceeds 0.2.
    y, sure, dominant = np.array([0.5, 0.5]), np.zeros(2), np.array([0.0, 10.0])
    assert MeanVariance(0.3).value(dominant, y) == pytest.approx(-2.5)
    assert MeanVariance(0.19).value(dominant, y) > 0.0
    for gamma in (0.05, 0.3, 2.0, 100.0):
        assert MonotoneMeanVariance(gamma).value(dominant, y) > MonotoneMeanVariance(gamma).value(sure, y)
    # By hand: all weight on the lower outcome once kappa <= 0, so the worth is chi2((1, 0), y) / (4 gamma).
    assert MonotoneMeanVariance(0.3).value(dominant, y) == pytest.approx(1.0 / 1.2)


@pytest.mark.parametrize("measure", MONOTONE)
@pytest.mark.parametrize("seed", range(10))
def test_worth_rises_with_every_payoff(measure, seed):
    z, y = draw(seed)
    more = z + np.random.default_rng(seed + 100).exponential(size=z.size)
    assert measure.value(more, y) >= measure.value(z, y) - 1e-12


@pytest.mark.parametrize(
    "measure", [MonotoneMeanVariance(1e-9), MeanVariance(1e-9), Entropic(1e-9), CVaR(1.0)]
)
def test_neutral_limits(measure):
    z, y = draw(0)
    assert measure.value(z, y) == pytest.approx(y @ z, abs=1e-8)
    np.testing.assert_allclose(measure.weights(z, y), y, atol=1e-8)


@pytest.mark.parametrize("measure", [MonotoneMeanVariance(1e9), Entropic(1e6), CVaR(1e-6)])
def test_worst_case_limits(measure):
    z, y = draw(0)
    assert measure.value(z, y) == pytest.approx(z.min(), abs=1e-4)
    z, y = np.array([-5.0, 1.0, 2.0]), np.array([0.0, 0.4, 0.6])  # what cannot happen does not count
    assert measure.value(z, y) == pytest.approx(WorstCase().value(z, y), abs=1e-4)
    assert WorstCase().value(z, y) == 1.0


def test_tail_mean_by_hand():
    z, y = np.array([3.0, 0.0, 1.0]), np.array([0.5, 0.2, 0.3])
    assert CVaR(0.4).value(z, y) == pytest.approx((0.2 * 0.0 + 0.2 * 1.0) / 0.4)
    np.testing.assert_allclose(CVaR(0.4).weights(z, y), [0.0, 0.5, 0.5], atol=1e-15)


def test_lower_partial_moment_by_hand():
    z, y = np.array([0.0, 4.0]), np.array([0.5, 0.5])
    assert LowerPartialMoment(0.1, 2).value(z, y) == pytest.approx(2.0 - 0.1 * 0.5 * 4.0)
    assert LowerPartialMoment(0.1, 3, 3.0).value(z, y) == pytest.approx(2.0 - 0.1 * 0.5 * 27.0)
    assert LowerPartialMoment(0.1, 1, -1.0).value(z, y) == pytest.approx(2.0)


@pytest.mark.parametrize("measure", MEASURES)
@given(seed=st.integers(0, 10**6), share=st.floats(0.0, 1.0))
@settings(max_examples=15, deadline=None)
def test_weights_are_supergradients_of_a_concave_function(measure, seed, share):
    z, y = draw(seed)
    other, _ = draw(seed + 1)
    worth, q = measure.value(z, y), measure.weights(z, y)
    assert measure.value(other, y) <= worth + q @ (other - z) + 1e-10
    between = measure.value(share * z + (1 - share) * other, y)
    assert between >= share * worth + (1 - share) * measure.value(other, y) - 1e-10


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("unit", [1e-3, 7.0, 1e6])
def test_rescaling(measure, unit):
    z, y = draw(3)
    other = measure.rescaled(unit, 2.0)
    assert 2.0 + unit * other.value((z - 2.0) / unit, y) == pytest.approx(
        measure.value(z, y), abs=1e-12 * max(unit, 1.0)
    )


@pytest.mark.parametrize("measure", [*SMOOTH, *(m.smoothed(0.05) for m in LINEAR)])
@pytest.mark.parametrize("seed", range(3))
def test_derivatives_agree_with_differences(measure, seed):
    z, y = draw(seed)
    rng = np.random.default_rng(seed + 50)
    dz, dy = rng.normal(size=z.size), rng.normal(size=z.size)
    dy -= dy.mean()
    h = 1e-6
    slope = (measure.value(z + h * dz, y) - measure.value(z - h * dz, y)) / (2 * h)
    assert measure.weights(z, y) @ dz == pytest.approx(slope, abs=1e-7)
    bend = (measure.weights(z + h * dz, y + h * dy) - measure.weights(z - h * dz, y - h * dy)) / (2 * h)
    np.testing.assert_allclose(measure.differential(z, y, dz[:, None], dy[:, None])[:, 0], bend, atol=1e-6)


@pytest.mark.parametrize("measure", LINEAR)
def test_rounded_kinks_converge_from_a_known_distance(measure):
    z, y = draw(4)
    for width in (1e-1, 1e-3, 1e-6):
        error = abs(measure.smoothed(width).value(z, y) - measure.value(z, y))
        # Barriers of weight `width` on six outcomes move the worth by a few widths and their logarithms.
        assert error <= 30 * width * (1 + abs(math.log(width)))


@pytest.mark.parametrize("own", [Entropy(0.3), LogBarrier(0.3)])
def test_conjugates_agree_with_clarabel(own):
    c = np.random.default_rng(0).normal(size=5)
    x = cp.Variable(5)
    bonus = cp.sum(cp.entr(x)) if isinstance(own, Entropy) else cp.sum(cp.log(x))
    problem = cp.Problem(cp.Maximize(c @ x + own.eps * bonus), [cp.sum(x) == 1])
    problem.solve(solver=cp.CLARABEL)
    bound, s = own.conjugate(c)
    assert bound == pytest.approx(problem.value, abs=1e-6)
    assert c @ s + own.value(s) == pytest.approx(bound, abs=1e-13)
    np.testing.assert_allclose(s, x.value, atol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MeanVariance(-1.0), "gamma must be finite and at least 0"),
        (lambda: MonotoneMeanVariance(math.nan), "gamma must be finite"),
        (lambda: Entropic(math.inf), "tau must be finite"),
        (lambda: CVaR(0.0), r"level must lie in \(0, 1\]"),
        (lambda: CVaR(1.5), "level must lie"),
        (lambda: LowerPartialMoment(1.0, 0), "order must be a whole number"),
        (lambda: LowerPartialMoment(1.0, 1.5), "order must be a whole number"),
        (lambda: LowerPartialMoment(1.0, 2, math.inf), "target must be finite"),
        (lambda: Entropy(0.0), "eps must be positive"),
        (lambda: LogBarrier(-1.0), "eps must be finite"),
    ],
)
def test_bad_parameters_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
