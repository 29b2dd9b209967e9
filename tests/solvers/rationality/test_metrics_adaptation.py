"""Rounds to settle by hand, and on average against simulation."""

import numpy as np
import pytest

from solvers.rationality.metrics.adaptation import chance_rounds_to_settle, rounds_to_settle


def test_rounds_to_settle_by_hand_and_on_average():
    assert [rounds_to_settle(h) for h in ([], [1, 1], [0, 0], [1, 0, 1], [0, 1, 0])] == [0, 0, 2, 2, 3]
    rng = np.random.default_rng(6)
    odds = rng.random(6)
    drawn = [rounds_to_settle(rng.random(6) < odds) for _ in range(20_000)]
    assert np.mean(drawn) == pytest.approx(chance_rounds_to_settle(odds), abs=0.05)
    with pytest.raises(ValueError, match="hits must have"):
        rounds_to_settle([[True]])
    with pytest.raises(ValueError, match="probabilities must"):
        chance_rounds_to_settle([1.5])
