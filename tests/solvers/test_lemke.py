"""Lemke's method: every complementary basis tried out, and textbook problems that cycle."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from solvers.equilibrium.lemke import LcpOutcome, _solution, solve_lcp


def every_solution(matrix, offset):
    """Solutions of all complementary bases."""
    found = []
    for chosen in itertools.product((False, True), repeat=offset.size):
        basis = np.array(chosen)
        z = np.zeros(offset.size)
        try:
            z[basis] = np.linalg.solve(matrix[np.ix_(basis, basis)], -offset[basis])
        except np.linalg.LinAlgError:
            continue
        if z.min() >= -1e-9 and (offset + matrix @ z).min() >= -1e-9:
            found.append(z)
    return found


def check(matrix, offset, z, tol=1e-9):
    matrix, offset = np.asarray(matrix, float), np.asarray(offset, float)
    w = offset + matrix @ z
    size = max(1.0, np.abs(z).max(), np.abs(offset).max())
    assert z.min() >= 0.0
    assert w.min() >= -tol * size
    assert np.abs(z * w).max() <= tol * size**2


def solved(matrix, offset, **options):
    answer = solve_lcp(matrix, offset, **options)
    assert answer.outcome is LcpOutcome.SOLVED, answer.outcome.value
    check(matrix, offset, answer.z)
    return answer


# Whole numbers, so that ties abound.
INTEGERS = st.integers(-3, 3)
SQUARES = st.integers(1, 5).flatmap(
    lambda n: st.tuples(arrays(float, (n, n), elements=INTEGERS), arrays(float, n, elements=INTEGERS))
)


@settings(deadline=None, max_examples=200)
@given(SQUARES)
def test_positive_definite_problems_have_the_one_solution_of_brute_force(drawn):
    root, offset = drawn
    matrix = root @ root.T + np.eye(offset.size) + np.triu(root, 1) - np.triu(root, 1).T
    answer = solved(matrix, offset)
    (only, *others) = every_solution(matrix, offset)
    assert all(np.abs(only - other).max() < 1e-6 for other in others)  # one solution, several bases
    np.testing.assert_allclose(answer.z, only, atol=1e-7)


@settings(deadline=None, max_examples=200)
@given(SQUARES)
def test_a_ray_of_a_positive_semidefinite_problem_proves_that_there_is_no_solution(drawn):
    root, offset = drawn
    matrix = root @ root.T + np.triu(root, 1) - np.triu(root, 1).T
    answer = solve_lcp(matrix, offset)
    assert answer.outcome in (LcpOutcome.SOLVED, LcpOutcome.RAY)
    if answer.z is None:
        assert not every_solution(matrix, offset)
    else:
        check(matrix, offset, answer.z)


@settings(deadline=None, max_examples=100)
@given(SQUARES)
def test_strictly_copositive_problems_always_have_a_solution(drawn):
    root, offset = drawn
    matrix = np.abs(root) + np.eye(offset.size)
    assert every_solution(matrix, offset)
    solved(matrix, offset)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_the_solution_scales_with_the_offset(unit):
    matrix, offset = [[2.0, 1.0], [1.0, 2.0]], [-5.0, -6.0]  # Murty: z = (4/3, 7/3)
    z = solved(matrix, np.multiply(unit, offset)).z
    np.testing.assert_allclose(z, [4 / 3 * unit, 7 / 3 * unit], rtol=1e-12)


def test_an_offset_without_negative_entries_needs_no_pivot():
    answer = solved([[1.0, 5.0], [-7.0, 0.0]], [0.0, 2.0])
    assert answer.pivots == 0
    np.testing.assert_array_equal(answer.z, [0.0, 0.0])
    assert not answer.basis.any()


def test_murtys_triangular_problem():
    # Murty (1978), on which complementary pivots are known to grow fast; the solution is the last unit
    # vector.
    n = 10
    matrix = 2.0 * np.tri(n, k=-1).T + np.eye(n)
    answer = solved(matrix, -np.ones(n))
    np.testing.assert_allclose(answer.z, [0.0] * (n - 1) + [1.0], atol=1e-12)


def test_kostrevas_cycling_example():
    # Kostreva (1979), Cycling in linear complementarity problems; the offsets with zeros make every ratio
    # tie. From memory.
    matrix = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 2.0], [2.0, 0.0, 1.0]])
    for offset in ([-1.0, -1.0, -1.0], [-1.0, -1.0, 0.0], [0.0, -1.0, 0.0]):
        z = solved(matrix, offset).z
        (expected, *_) = every_solution(matrix, np.array(offset))
        np.testing.assert_allclose(z, expected, atol=1e-12)


def test_beales_cycling_linear_programme():
    # Beale (1955): max 3/4 x1 - 150 x2 + x3 / 50 - 6 x4, on which the plain simplex method cycles; value
    # 1/20.
    a = np.array([[0.25, -60.0, -0.04, 9.0], [0.5, -90.0, -0.02, 3.0], [0.0, 0.0, 1.0, 0.0]])
    b, c = np.array([0.0, 0.0, 1.0]), np.array([0.75, -150.0, 0.02, -6.0])
    matrix = np.block([[np.zeros((4, 4)), a.T], [-a, np.zeros((3, 3))]])
    z = solved(matrix, np.concatenate([-c, b])).z
    assert c @ z[:4] == pytest.approx(0.05)


def test_a_start_at_the_solution_takes_no_pivot_and_a_near_one_few():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(30, 30))
    matrix, offset = root @ root.T + root - root.T, rng.normal(size=30)
    cold = solved(matrix, offset)
    again = solved(matrix, offset, basis=cold.basis)
    assert again.pivots == 0
    np.testing.assert_allclose(again.z, cold.z, atol=1e-12)
    near = solved(matrix, offset + 0.01 * rng.normal(size=30), basis=cold.basis)
    assert near.pivots < cold.pivots


def test_large_problems_are_computed_afresh_on_the_way():
    rng = np.random.default_rng(1)
    n = 300
    root = rng.normal(size=(n, n))
    matrix, offset = root @ root.T / n + root - root.T, rng.normal(size=n)
    assert solved(matrix, offset).pivots > 150


def test_limits_say_so():
    matrix, offset = np.eye(5), -np.ones(5)
    answer = solve_lcp(matrix, offset, max_pivots=2)
    assert (answer.z, answer.outcome, answer.pivots) == (None, LcpOutcome.LIMIT, 2)
    assert solve_lcp(matrix, offset, deadline=0.0).outcome is LcpOutcome.LIMIT
    assert solve_lcp([[0.0]], [-1.0]).outcome is LcpOutcome.RAY  # w = -1
    assert solve_lcp([[0.0]], [-1.0], basis=[True]).outcome is LcpOutcome.NUMERICAL


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[1.0, 2.0]], [1.0]), {}, r"shape \(n, n\)"),
        (([[1.0]], [np.nan]), {}, "finite"),
        (([[1.0]], [1.0]), {"covering": [1.0, 1.0]}, "covering and basis must have shape"),
        (([[1.0]], [-1.0]), {"covering": [0.0]}, "must lift every constant"),
    ],
)
def test_bad_arguments_are_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        solve_lcp(*arguments, **options)


def test_a_basis_whose_solution_breaks_a_sign_is_no_solution():
    yes, no = np.array([True]), np.array([False])
    one = np.eye(1)
    for offset, basis in ((1.0, yes), (-1.0, no)):  # z = -1; w = -1
        answer = _solution(one, np.array([offset]), no, basis, 3)
        assert (answer.outcome, answer.z) == (LcpOutcome.NUMERICAL, None)
    good = _solution(one, np.array([-1.0]), no, yes, 3)
    assert (good.outcome, good.z.tolist()) == (LcpOutcome.SOLVED, [1.0])
