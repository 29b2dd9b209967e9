"""Rows of transitions within intervals, at their edges."""

import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.bandits import (
    BernoulliStart,
    CoupledBandit,
    Intervals,
    OneBitAnArm,
    RestlessArms,
    RobustGame,
    around,
    cardinality,
    patrolled_arms,
)


def by_permutations(low, high):
    """Every order of the states, each filled as far as the sum allows."""
    found = set()
    for order in itertools.permutations(range(low.size)):
        row, left = low.copy(), 1.0 - low.sum()
        for state in order:
            step = min(left, high[state] - low[state])
            row[state] += step
            left -= step
        found.add(tuple((np.round(row, 9) + 0.0).tolist()))
    return found


@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_vertices_are_those_of_all_orders(seed, states, radius):
    rng = np.random.default_rng(seed)
    law = rng.dirichlet(np.ones(states))
    low = np.maximum(law - radius * rng.random(states), 0.0)
    high = np.minimum(law + radius * rng.random(states), 1.0)
    shape = (2, 1, states, states)
    rows = Intervals(np.broadcast_to(low, shape), np.broadcast_to(high, shape)).vertices(1, 0, 0)
    assert {tuple((np.round(row, 9) + 0.0).tolist()) for row in rows} == by_permutations(low, high)
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, atol=1e-12)


def test_rows_of_many_states_do_not_take_all_their_orders():
    states = 12
    shape = (2, 1, states, states)
    intervals = Intervals(np.full(shape, 0.0), np.full(shape, 0.3))
    # Three states full, a fourth with the rest: 12 choose 3 times 9.
    assert len(intervals.vertices(0, 0, 0)) == 220 * 9


def test_whole_numbers_and_lists_are_intervals_and_are_copied():
    low, high = np.zeros((2, 1, 2, 2), dtype=np.int64), np.full((2, 1, 2, 2), 0.7)
    intervals = Intervals(low, high)
    low[:] = 1
    np.testing.assert_allclose(intervals.vertices(0, 0, 0), [[0.7, 0.3], [0.3, 0.7]])
    assert not intervals.low.flags.writeable
    assert Intervals(np.zeros((2, 1, 1, 1)).tolist(), np.ones((2, 1, 1, 1)).tolist()).vertices(0, 0, 0) == 1.0


def test_a_start_in_states_that_arms_lack_is_named():
    arms = RestlessArms(np.ones((2, 1, 1)), np.ones((2, 1, 1)), np.ones((2, 1)))
    bandit = CoupledBandit(arms, OneBitAnArm(2), cardinality(2, 1), horizon=2)
    with pytest.raises(ValueError, match="start must give states"):
        RobustGame(bandit, around(bandit, 0.1), BernoulliStart(1.0)).initial(np.random.default_rng(0))


def test_a_patrol_needs_a_site():
    with pytest.raises(ValueError, match="arms must be at least 1, got 0"):
        patrolled_arms(arms=0)
