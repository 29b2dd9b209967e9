import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.empirical import MeanCeiling, SharedRegret


def draws(rng, mean, count):
    """Values in {-1, 0, 1} of the given mean, mostly zero: far from the worst variance."""
    return rng.choice([-1.0, 0.0, 1.0], size=count, p=[0.1 - mean / 2, 0.8, 0.1 + mean / 2])


@pytest.mark.parametrize(("scale", "mean"), [(1e-6, 0.1), (1.0, 0.0), (1e6, 0.1)])
def test_ceilings_cover_at_every_look(scale, mean):
    """At failure 0.2, looked at after each of four batches of 100; 300 sequences."""
    rng = np.random.default_rng(0)
    failed, excess = 0, []
    for _ in range(300):
        ceiling = MeanCeiling(scale, 0.2)
        bounds = []
        for _ in range(4):
            ceiling.observe(scale * draws(rng, mean, 100), 400)
            bounds.append(ceiling.bound)
        failed += min(bounds) < scale * mean
        excess.append(bounds[-1] / scale - ceiling.mean / scale)
        assert (np.diff(bounds) <= 0).all()  # a bound once proved stays proved
    assert failed <= 0.2 * 300
    # About sqrt(2 v ln(1 / d) / n) with v = 0.2: no more than twice that where an inequality that knows only
    # the range would need sqrt(2 ln(1 / d) / n), 2.2 times as much.
    assert np.median(excess) < 1.6 * np.sqrt(2 * 0.2 * np.log(5) / 400)


def test_a_ceiling_falls_to_the_mean_and_is_never_below_zero():
    rng = np.random.default_rng(1)
    excess = []
    for count in (10, 1_000, 100_000):
        ceiling = MeanCeiling(1.0, 0.05)
        ceiling.observe(draws(rng, 0.1, count), count)
        excess.append(ceiling.bound - ceiling.mean)
    assert excess[0] > excess[1] > excess[2] > 0
    assert excess[2] < 0.005
    low = MeanCeiling(1.0, 0.05)
    low.observe(np.full(500, -0.9), 500)
    assert 0.0 <= low.bound < 1e-9
    nothing = MeanCeiling(1.0, 0.05)
    assert nothing.bound == 1.0
    assert MeanCeiling(0.0, 0.05).bound == 0.0


@given(
    st.lists(st.integers(-8, 8), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=3),
    st.integers(1, 100),
)
def test_batches_do_not_matter(values, cuts, horizon):
    whole, parts = MeanCeiling(8.0, 0.1), MeanCeiling(8.0, 0.1)
    whole.observe([float(v) for v in values], horizon)
    for part in np.split(np.array(values, dtype=float), sorted(min(c, len(values)) for c in cuts)):
        parts.observe(part, horizon)
    assert parts.bound == pytest.approx(whole.bound, rel=1e-9)
    assert parts.mean == pytest.approx(np.mean(values), abs=1e-12)
    assert whole.bound >= min(max(np.mean(values), 0.0), 8.0) - 1e-9


def episodes(rng, count):
    """Returns of three policies that share their luck: means 0.5, 0.5 and 0.3."""
    luck = rng.random(count) < 0.5
    swapped = luck ^ (rng.random(count) < 0.05)
    worse = luck & (rng.random(count) < 0.6)
    return np.stack([luck, swapped, worse], axis=1).astype(float)


def test_regrets_are_covered_and_shared_luck_cancels():
    """The best policy against (0, 1/2, 1/2) gains 0.1; 150 races at failure 0.2, losers dropped."""
    rng = np.random.default_rng(2)
    failed, bounds, alone = 0, [], []
    for _ in range(150):
        race = SharedRegret([0.0, 0.5, 0.5], (0.0, 1.0), 0.2)
        for _ in range(4):
            names = race.contenders()
            race.observe(names, episodes(rng, 200)[:, names], 800)
        failed += race.bound < 0.1
        bounds.append(race.bound)
        shuffled = SharedRegret([0.0, 0.5, 0.5], (0.0, 1.0), 0.2)
        apart = np.stack([episodes(rng, 800)[:, k] for k in range(3)], axis=1)
        shuffled.observe([0, 1, 2], apart, 800)
        alone.append(shuffled.bound)
    assert failed <= 0.2 * 150
    assert np.median(bounds) - 0.1 < 0.7 * (np.median(alone) - 0.1)


def test_policies_that_cannot_decide_are_dropped_and_the_support_stays():
    rng = np.random.default_rng(3)
    race = SharedRegret([0.0, 1.0, 0.0], (0.0, 1.0), 0.05)
    assert race.contenders() == [0, 1, 2]
    race.observe([0, 1, 2], episodes(rng, 2_000), 2_000)
    assert 1 in race.contenders()
    assert 2 not in race.contenders()
    pure = SharedRegret([1.0], (0.0, 1.0), 0.05)
    assert pure.bound == 0.0  # nowhere to go


def test_refusals():
    for width, failure in [(-1.0, 0.1), (np.inf, 0.1), (np.nan, 0.1), (1.0, 0.0), (1.0, 1.0)]:
        with pytest.raises(ValueError, match="must"):
            MeanCeiling(width, failure)
    for bad in ([1.1], [np.nan]):
        with pytest.raises(ValueError, match="within"):
            MeanCeiling(1.0, 0.1).observe(bad, 1)
    race = SharedRegret([0.5, 0.5, 0.0], (0.0, 1.0), 0.1)
    with pytest.raises(ValueError, match="support"):
        race.observe([0, 2], np.zeros((1, 2)), 1)
    with pytest.raises(ValueError, match="payoff bounds"):
        race.observe([0, 1], np.array([[0.0, 1.5]]), 1)
