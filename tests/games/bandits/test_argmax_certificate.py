"""Certificates of answers to max Q(a) refuse what is no answer, in whatever unit Q is."""

import numpy as np
import pytest

from games.bandits import cardinality, certify_argmax, enumerated_argmax, excluding, forward_value

TWO = cardinality(3, 2)
ONES, MINUS = np.ones((2, 3)), -np.ones((1, 2))


@pytest.mark.parametrize("unit", [1e-12, 1e-9, 1.0, 1e9])
def test_an_upper_bound_below_the_action_is_refused_in_every_unit(unit):
    weights, biases = (unit * np.ones((1, 3)),), (np.zeros(1),)
    assert certify_argmax(weights, biases, (), TWO, [1, 1, 0], 2 * unit).bound == 0.0
    assert certify_argmax(weights, biases, (), TWO, [1, 0, 0], 2 * unit).bound == pytest.approx(unit)
    with pytest.raises(ValueError, match="upper must be at least"):
        certify_argmax(weights, biases, (), TWO, [1, 1, 0], 1.999 * unit)


def test_rounding_in_a_small_difference_of_great_sums_is_allowed():
    weights, biases = (1e9 * np.ones((1, 3)),), (np.array([-2e9 + 0.1]),)
    value = forward_value(weights, biases, (), [1, 1, 0])
    assert certify_argmax(weights, biases, (), TWO, [1, 1, 0], value - 1e-6).bound == 0.0


@pytest.mark.parametrize(
    ("weights", "biases", "slopes", "message"),
    [
        ((ONES, MINUS), (np.zeros(2), np.zeros(1)), (), "one slope for each weight but the last"),
        ((np.ones((1, 3)),), (np.zeros(1),), (0.0,), "one slope for each weight but the last"),
        ((np.ones((2, 4)), MINUS), (np.zeros(2), np.zeros(1)), (0.0,), r"weights\[0\].*\(2, 3\)"),
        ((ONES, np.ones((1, 3))), (np.zeros(2), np.zeros(1)), (0.0,), r"weights\[1\].*\(1, 2\)"),
        ((ONES,), (np.zeros(2),), (), r"weights\[0\].*\(1, 3\)"),
        ((np.full((1, 3), np.nan),), (np.zeros(1),), (), r"weights\[0\].*finite"),
        ((np.ones((1, 3)),), (np.array([np.inf]),), (), r"biases\[0\].*finite"),
    ],
)
def test_arrays_that_are_no_network_are_named(weights, biases, slopes, message):
    with pytest.raises(ValueError, match=message):
        certify_argmax(weights, biases, slopes, TWO, [1, 0, 0], 100.0)
    with pytest.raises(ValueError, match=message):
        enumerated_argmax(weights, biases, slopes, TWO)


def test_sums_beyond_the_floating_point_numbers_are_named():
    with pytest.raises(ValueError, match=r"weights\[0\] are beyond"):
        forward_value((np.full((1, 3), 1.7e308),), (np.zeros(1),), (), [1, 1, 0])


@pytest.mark.parametrize("action", [[[1, 0, 0]], [[1, 0, 0], [0, 0, 0]], [1, 0]])
def test_one_action_is_certified_at_a_time(action):
    with pytest.raises(ValueError, match=r"action must have shape \(3,\)"):
        certify_argmax((np.ones((1, 3)),), (np.zeros(1),), (), TWO, action, 100.0)


@pytest.mark.parametrize("entry", [0.5, 2.0, np.nan])
def test_only_actions_of_bits_are_excluded(entry):
    with pytest.raises(ValueError, match="must hold only 0 and 1"):
        excluding(TWO, [np.array([entry, 0.0, 0.0])])
