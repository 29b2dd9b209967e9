import numpy as np
import pytest
from hypothesis import given, strategies as st

from games.empirical import EmpiricalGame, Moments


def sampled_game(means, spread, counts, rng, bounds=(-np.inf, np.inf)):
    """An empirical game drawn from normal returns around ``means``, shape (N, n_1, ..., n_N)."""
    game = EmpiricalGame(len(means), bounds)
    for player, size in enumerate(means.shape[1:]):
        for _ in range(size):
            game.add_policy(player)
    for cell in np.ndindex(means.shape[1:]):
        where = (slice(None), *cell)
        sample = means[where] + spread[where] * rng.standard_normal((counts, len(means)))
        game.record(cell, Moments.of_sample(sample))
    return game


@given(
    st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
    st.sampled_from([0.0, 1e8]),
)
def test_moments_of_any_split_are_those_of_the_whole(values, cuts, offset):
    returns = np.array([[x + offset, -2 * x] for x in values])
    parts = [part for part in np.split(returns, sorted(min(c, len(values)) for c in cuts)) if len(part)]
    nothing = Moments(0, np.zeros(2), np.zeros(2))
    merged = nothing.merge(nothing)
    for part in parts:
        merged = merged.merge(Moments.of_sample(part))
    assert merged.count == len(values)
    np.testing.assert_allclose(merged.mean, returns.mean(axis=0), rtol=1e-12, atol=1e-12)
    # With an offset of 1e8, plain sums of squares would leave no digit at all.
    np.testing.assert_allclose(
        merged.squares / (len(values) - 1), returns.var(axis=0, ddof=1), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_cells_hold_the_moments_of_their_episodes(scale):
    rng = np.random.default_rng(0)
    game = EmpiricalGame(2)
    for player in (0, 1, 1):
        game.add_policy(player)
    sample = scale * rng.standard_normal((30, 2))
    game.record((0, 1), Moments.of_sample(sample[:7]))
    game.record((0, 1), Moments.of_sample(sample[7:]))
    np.testing.assert_allclose(game.means[:, 0, 1], sample.mean(axis=0))
    np.testing.assert_allclose(game.variance[:, 0, 1], sample.var(axis=0, ddof=1))
    np.testing.assert_allclose(game.mean_variance[:, 0, 1], sample.var(axis=0, ddof=1) / 30)
    assert game.counts.tolist() == [[0, 30]]
    assert np.isnan(game.variance[:, 0, 0]).all()
    with pytest.raises(ValueError, match=r"cell \(0, 0\) has no episode"):
        game.normal_form()


def test_growth_keeps_what_was_sampled_for_three_players():
    game = EmpiricalGame(3)
    assert game.sizes == (0, 0, 0)
    with pytest.raises(ValueError, match="every player needs a policy"):
        game.normal_form()
    expected = {}
    rng = np.random.default_rng(1)
    for player in (0, 1, 2, 1, 0, 2, 2, 0):
        game.add_policy(player)
        for cell in np.argwhere(game.counts == 0):
            sample = rng.standard_normal((3, 3))
            game.record(cell.tolist(), Moments.of_sample(sample))
            expected[tuple(cell)] = sample.mean(axis=0)
    assert game.sizes == (3, 2, 3)
    assert len(expected) == 18
    for cell, mean in expected.items():
        np.testing.assert_allclose(game.normal_form().payoffs[(slice(None), *cell)], mean)


def test_exact_cells():
    game = EmpiricalGame(2, (-1.0, 1.0))
    game.add_policy(0), game.add_policy(1)
    game.record((0, 0), Moments.of_sample([[0.5, -0.5]]))
    game.set_exact((0, 0), [0.25, -0.25], [0.5, 0.5])
    assert np.isinf(game.counts).all()
    assert game.variance[:, 0, 0].tolist() == [0.5, 0.5]
    assert game.mean_variance[:, 0, 0].tolist() == [0.0, 0.0]
    assert game.normal_form().payoffs[:, 0, 0].tolist() == [0.25, -0.25]
    with pytest.raises(ValueError, match="is exact"):
        game.record((0, 0), Moments.of_sample([[0.5, -0.5]]))


def test_arrays_restore_the_game():
    rng = np.random.default_rng(2)
    game = sampled_game(rng.standard_normal((2, 3, 2)), np.ones((2, 3, 2)), 5, rng)
    game.set_exact((2, 1), [1.0, 2.0], [0.0, 3.0])
    again = EmpiricalGame.restore(game.arrays())
    np.testing.assert_array_equal(again.counts, game.counts)
    np.testing.assert_array_equal(again.means, game.means)
    np.testing.assert_array_equal(again.variance, game.variance)
    again.record((0, 0), Moments.of_sample([[9.0, 9.0]]))
    assert game.counts[0, 0] == 5  # the arrays were copied


def test_views_are_read_only():
    game = EmpiricalGame(1)
    game.add_policy(0)
    with pytest.raises(ValueError, match="read-only"):
        game.means[0, 0] = 1.0


def test_bad_input():
    with pytest.raises(ValueError, match="num_players"):
        EmpiricalGame(0)
    with pytest.raises(ValueError, match="payoff_bounds"):
        EmpiricalGame(2, (1.0, np.nan))
    game = EmpiricalGame(2, (-1.0, 1.0))
    with pytest.raises(ValueError, match="player"):
        game.add_policy(2)
    game.add_policy(0), game.add_policy(1)
    one = Moments.of_sample([[0.0, 0.0]])
    for cell in [(0,), (0, 1), (-1, 0), (0, 0, 0)]:
        with pytest.raises(ValueError, match="cell must be"):
            game.record(cell, one)
    with pytest.raises(ValueError, match="outside the payoff bounds"):
        game.record((0, 0), Moments.of_sample([[2.0, 0.0]]))
    with pytest.raises(ValueError, match="2 players"):
        game.record((0, 0), Moments.of_sample([[0.0]]))
    with pytest.raises(ValueError, match="at least one episode"):
        game.record((0, 0), Moments(0, np.zeros(2), np.zeros(2)))
    with pytest.raises(ValueError, match="squares non-negative"):
        game.set_exact((0, 0), [0.0, 0.0], [-1.0, 0.0])
    with pytest.raises(ValueError, match="shape"):
        game.set_exact((0, 0), [0.0], [0.0])
    for bad in (np.empty((0, 2)), [1.0, 2.0]):
        with pytest.raises(ValueError, match="returns must have shape"):
            Moments.of_sample(bad)
    with pytest.raises(ValueError, match="finite"):
        Moments.of_sample([[np.nan, 0.0]])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"means": np.zeros((2, 1, 2))}, "shape"),
        ({"counts": np.array([[-1.0]])}, "whole numbers"),
        ({"counts": np.array([[1.5]])}, "whole numbers"),
        ({"counts": np.array([[np.nan]])}, "whole numbers"),
        ({"squares": np.full((2, 1, 1), -1.0)}, "non-negative"),
        ({"means": np.full((2, 1, 1), 7.0)}, "payoff bounds"),
    ],
)
def test_broken_arrays_are_refused(change, word):
    good = {"counts": np.ones((1, 1)), "means": np.zeros((2, 1, 1)), "squares": np.zeros((2, 1, 1))}
    with pytest.raises(ValueError, match=word):
        EmpiricalGame.restore(good | change, (-1.0, 1.0))
    good.pop("squares")
    with pytest.raises(ValueError, match="squares missing"):
        EmpiricalGame.restore(good)
