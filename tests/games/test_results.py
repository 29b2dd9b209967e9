"""Results, certificates and registries: small types that everything leans on."""

import math

import pytest

from games.certificates import Certificate
from games.errors import SolveError, UnknownNameError
from games.registry import Registry
from games.results import SolveResult, Status


def result(bound=1e-3, solution=1):
    return SolveResult(solution, Status.LIMIT, Certificate("nash_conv", bound), "s", 1, 0.0)


def test_require_lets_through_only_what_is_certified():
    assert result().require(1e-2).unwrap() == 1
    for tol in (1e-4, math.nan):
        with pytest.raises(SolveError, match="limit was reached first"):
            result().require(tol)
    with pytest.raises(SolveError, match="inf"):
        SolveResult(1, Status.FAILED, None, "s", 1, 0.0).require(1.0)


def test_unwrap_refuses_nothing():
    with pytest.raises(SolveError, match="found no solution"):
        result(solution=None).unwrap()


def test_another_view_keeps_everything_else():
    other = result().with_solution("x")
    assert (other.solution, other.certificate, other.status) == (
        "x",
        Certificate("nash_conv", 1e-3),
        Status.LIMIT,
    )


@pytest.mark.parametrize("status", Status)
def test_every_status_has_its_sentence(status):
    assert status.sentence


@pytest.mark.parametrize("bound", [-1.0, math.nan])
def test_bounds_are_distances(bound):
    with pytest.raises(ValueError, match="bound"):
        Certificate("nash_conv", bound)


@pytest.mark.parametrize("confidence", [0.0, 1.1, math.nan])
def test_confidences_are_probabilities(confidence):
    with pytest.raises(ValueError, match="confidence"):
        Certificate("nash_conv", 0.0, confidence)


def test_registries_load_late_and_refuse_repeats():
    registry = Registry("thing")
    registry.add("broken", "no.such.module:x", "never loaded")
    assert [entry.name for entry in registry] == ["broken"]
    assert "broken" in registry
    with pytest.raises(ImportError):
        registry.get("broken").load()
    with pytest.raises(ValueError, match="registered already"):
        registry.add("broken", "math:pi", "again")
    with pytest.raises(UnknownNameError, match="did you mean 'broken'"):
        registry.get("brokn")
