"""Sets with one bit settled: by trying all actions."""

import numpy as np
import pytest

from games.bandits import allowed_actions, capacity, cardinality, fixing, from_arrays, knapsack, rows_allow

SETS = {
    "cardinality": cardinality(5, 2),
    "exactly": cardinality(5, 2, exactly=True),
    "knapsack": knapsack([2.0, 3.0, 4.0, 9.0, 1.0], 6.0),
    "capacity": capacity([2, 3, 4, 4, 9], [4, 5]),
    "equation": from_arrays(5, [[2.0, 1.0, 1.0, 0.0, 1.0]], [2.0], [2.0]),
}
EVERYTHING = np.array(list(np.ndindex(*[2] * 5))) > 0


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("bit", range(5))
def test_what_is_left_is_what_has_the_bit_so(name, bit, value):
    whole = SETS[name]
    left = fixing(whole, bit, value=value)
    wanted = whole.contains(EVERYTHING) & (EVERYTHING[:, bit] == value)
    np.testing.assert_array_equal(left.contains(EVERYTHING), wanted)
    if (left.lower <= left.upper).all():  # else nothing is left, and rows need not be asked
        np.testing.assert_array_equal(rows_allow(left, EVERYTHING), wanted)
    else:
        assert not wanted.any()
    if wanted.any():
        assert left.most >= allowed_actions(left).sum(axis=1).max()
        if left.downward:
            assert left.contains(np.zeros(5, dtype=bool))


@pytest.mark.parametrize("bit", [-1, 5])
def test_bits_that_do_not_exist_are_refused(bit):
    with pytest.raises(ValueError, match=r"bit must be in 0\.\.4"):
        fixing(SETS["cardinality"], bit, value=True)
