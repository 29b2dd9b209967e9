"""The step that suits the comparisons, and the measure of how far a fit went."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.preference import random_preferences, rock_paper_scissors
from solvers.inpo import stability_bound
from solvers.inpo.judges import MatrixJudge
from solvers.inpo.pairing import AllPairs, ComparisonCounts, Group, GroupEdges, Ring, collect
from solvers.inpo.spectral import spectral_radius
from solvers.inpo.training.diagnostics import (
    RoundReport,
    automatic_eta,
    radius_bound,
    stable_eta,
    win_matrix,
    win_rate_variance,
)


def population(game, policy):
    """All ordered pairs of responses with their probabilities."""
    n = game.num_responses
    first, second = (np.array(x) for x in zip(*product(range(n), repeat=2), strict=True))
    margin = game.margins[first, second]
    return GroupEdges(
        first, second, margin, policy[first] * policy[second], np.full(n, 0.5), ComparisonCounts()
    )


@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_the_bound_is_above_the_radius_and_below_the_worst(n, seed):
    rng = np.random.default_rng(seed)
    game = random_preferences(n, rng=rng)
    policy = rng.dirichlet(np.ones(n))
    bound = radius_bound([population(game, policy)])
    radius = float(spectral_radius(game.margins[None], policy[None])[0])
    assert radius <= bound * (1 + 1e-9) + 1e-9
    assert bound <= math.sqrt(1 / 8) + 1e-12


def test_it_is_the_radius_of_a_single_cycle():
    game = rock_paper_scissors(tau=0.1)
    uniform = np.full(3, 1 / 3)
    bound = radius_bound([population(game, uniform)])
    assert bound == pytest.approx(math.sqrt(1 / 12))
    assert stable_eta(bound, 0.1) == pytest.approx(float(stability_bound(game, uniform)))
    assert automatic_eta(bound, 0.1) == pytest.approx(2 * stable_eta(bound, 0.1))


def test_without_an_edge_the_bound_is_the_worst():
    assert radius_bound([]) == pytest.approx(math.sqrt(1 / 8))


@pytest.mark.parametrize(("pairing", "size"), [(Ring(), 3), (AllPairs(), 3), (Ring(), 4)])
def test_the_variance_of_win_rates_is_estimated_without_bias(pairing, size):
    """Its expectation over all groups of responses is the variance under the policy."""
    rng = np.random.default_rng(4)
    game, policy = random_preferences(3, rng=rng), rng.dirichlet(np.ones(3))
    judge = MatrixJudge(game, ["?"], ["abc"])
    expected = 0.0
    for group in product(range(3), repeat=size):
        edges = collect([Group("?", tuple("abc"[y] for y in group))], pairing, judge, rng=rng)
        value = win_rate_variance(edges)
        if math.isnan(value):  # not positive
            value = _raw(edges)
        expected += float(np.prod(policy[list(group)])) * value
    rates = game.margins @ policy
    assert expected == pytest.approx(float(policy @ rates**2), abs=1e-12)


def _raw(groups):
    """The estimate before negative values are refused, response by response."""
    total, count = 0.0, 0
    for one in groups:
        met = {}
        for i, j, m in zip(one.first, one.second, one.margin, strict=True):
            met.setdefault(i, []).append(m)
            met.setdefault(j, []).append(-m)
        for values in met.values():
            if len(values) > 1:
                pairs = [a * b for i, a in enumerate(values) for j, b in enumerate(values) if i != j]
                total += sum(pairs) / len(pairs)
                count += 1
    return total / count


def test_disjoint_pairs_do_not_tell_the_variance():
    edges = GroupEdges(
        np.array([0]), np.array([1]), np.array([0.3]), np.ones(1), np.array([0.8, 0.2]), ComparisonCounts()
    )
    assert math.isnan(win_rate_variance([edges]))


def test_a_win_matrix_holds_what_evaluations_said():
    rounds = [
        RoundReport(0, (), {"eval_win_rate_reference": 0.75}),
        RoundReport(1, (), {"eval_win_rate_reference": 0.6, "eval_win_rate_round_0": 0.25}),
        RoundReport(2, (), {"eval_win_rate_round_1": 1.0}),
    ]
    nan = math.nan
    expected = [[0.5, 0.25, 0.4, nan], [0.75, 0.5, 0.75, nan], [0.6, 0.25, 0.5, 0.0], [nan, nan, 1.0, 0.5]]
    np.testing.assert_array_equal(win_matrix(rounds), expected)
