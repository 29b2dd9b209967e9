"""Threads that ask a capacity set at the same time do not use up each other's effort."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import games.bandits.capacity_sets as capacity_sets
from games.bandits import capacity

RNG = np.random.default_rng(36)
COSTS = RNG.integers(20, 60, 16)  # whether all of them can be packed takes 2,161 fillings
CAPACITIES = np.full(4, COSTS.sum() // 4)


@pytest.fixture
def _switching_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_switching_often")
def test_the_limit_on_fillings_is_for_each_question(monkeypatch):
    monkeypatch.setattr(capacity_sets, "_FILLINGS_LIMIT", 2_166)
    everything = np.ones(COSTS.size, dtype=bool)
    for _ in range(5):
        feasible = capacity(COSTS, CAPACITIES)
        with ThreadPoolExecutor(2) as pool:
            assert not any(pool.map(feasible.contains, [everything, everything]))
    monkeypatch.setattr(capacity_sets, "_FILLINGS_LIMIT", 2_000)
    with pytest.raises(ValueError, match="not settled after 2000 fillings"):
        capacity(COSTS, CAPACITIES).contains(everything)
