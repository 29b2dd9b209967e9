"""Cross-play against closed forms and brute force; samples are the same on any number of workers."""

import itertools
import math

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.driving.merge import Drive, MergeGame, small_merge
from games.normal_form import NormalFormGame
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy
from marl.populations import compile_game, event_of, with_recall
from marl.rollouts import wilson_rate
from marl.rollouts.cross_play import cross_play
from marl.rollouts.samples import sample_returns

CHICKEN = np.array([[[0.0, -1.0], [1.0, -10.0]], [[0.0, 1.0], [-1.0, -10.0]]])


class Always:
    """One action wherever it is legal, else the first legal one."""

    def __init__(self, action):
        self.action = int(action)

    def probabilities(self, game, state, player):
        mask = game.legal_mask(state, player)
        row = np.zeros(mask.size)
        row[self.action if mask[self.action] else int(mask.argmax())] = 1.0
        return row


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_chicken_by_hand(scale):
    """Mixtures of swerving and going straight; every moment is a sum over four cells."""
    game = NormalFormEnv(NormalFormGame(scale * CHICKEN))
    dare = {"timid": 0.0, "mixed": 0.3, "bold": 1.0}
    entrants = [(name, [MixturePolicy((Always(0), Always(1)), [1 - p, p])] * 2) for name, p in dare.items()]
    result = cross_play(game, entrants, compiled=compile_game(game), rng=np.random.default_rng(0))
    assert result.exact
    assert result.episodes == 0
    assert result.events is None
    assert not result.errors.any()
    for (a, p), (b, q) in itertools.product(enumerate(dare.values()), repeat=2):
        for seat in (0, 1):
            rows = (p, q) if seat == 0 else (q, p)  # who sits in seat 0 comes first
            joint = np.outer([1 - rows[0], rows[0]], [1 - rows[1], rows[1]])
            mean = (joint * scale * CHICKEN[seat]).sum()
            variance = (joint * (scale * CHICKEN[seat] - mean) ** 2).sum()
            assert result.means[a, b, seat] == pytest.approx(mean, rel=1e-12, abs=1e-12 * scale)
            assert result.variances[a, b, seat] == pytest.approx(variance, rel=1e-9, abs=1e-12 * scale**2)


def test_sampling_agrees_with_the_exact_table_within_its_errors():
    game = open_spiel_game("kuhn_poker(players=3)")
    rng = np.random.default_rng(1)
    rows = {}
    state = game.initial(rng)
    while game.to_move(state):
        (i,) = game.to_move(state)
        rows[game.observe(state, i).tobytes()] = np.array([0.9, 0.1])
        state = game.step(state, {i: 0}, rng)
    entrants = [
        ("uniform", [UniformPolicy()] * 3),
        ("calls", [Always(1)] * 3),
        ("table", [TabularPolicy(rows)] * 3),
    ]
    exact = cross_play(game, entrants, compiled=compile_game(game), rng=rng)
    sampled = cross_play(game, entrants, episodes=600, rng=rng)
    assert not sampled.exact
    assert sampled.means.shape == (3, 3, 3)
    moving = exact.variances > 0
    distance = np.abs(sampled.means - exact.means)
    np.testing.assert_array_less(
        distance[moving], 4.5 * np.sqrt(exact.variances[moving] / 600), err_msg="means"
    )
    np.testing.assert_allclose(sampled.errors, np.sqrt(sampled.variances / 600))
    assert np.abs(sampled.variances / exact.variances - 1)[moving].max() < 0.5


def test_entrants_sit_in_every_seat_of_a_game_of_three():
    """The payoff in a seat is 100 times who sits there plus 10 times who sits at the next."""
    tensor = np.zeros((3, 2, 2, 2))
    for cell in np.ndindex(2, 2, 2):
        for i in range(3):
            tensor[(i, *cell)] = 100 * cell[i] + 10 * cell[(i + 1) % 3]
    game = NormalFormEnv(NormalFormGame(tensor))
    entrants = [("zero", [Always(0)] * 3), ("one", [Always(1)] * 3)]
    for compiled in (None, compile_game(game)):
        result = cross_play(game, entrants, compiled=compiled, episodes=2, rng=np.random.default_rng(0))
        for a, b, seat in np.ndindex(2, 2, 3):
            assert result.means[a, b, seat] == pytest.approx(100 * a + 10 * b)


def test_crashes_are_counted_with_wilson_intervals():
    """Cars that never change lane never crash; those that drive at random do, alike from either side."""
    game = small_merge()
    entrants = [("keeps", [Always(Drive.KEEP)] * 2), ("any", [UniformPolicy()] * 2)]
    event = event_of(game)
    result = cross_play(game, entrants, episodes=300, event=event, rng=np.random.default_rng(0))
    for a, b, seat in np.ndindex(2, 2, 2):
        rate = result.rate(a, b, seat)
        assert rate == wilson_rate(int(result.events[a, b, seat]), 300)
    assert result.events[0, 0].tolist() == [0, 0]  # the ramp ends, and the one on it stops
    assert result.events[1, 1, 0] > 0
    assert result.events[0, 1, 0] == result.events[1, 0, 1]  # the same meeting from both sides
    remembered = with_recall(game)
    again = cross_play(
        remembered, entrants, episodes=300, event=event_of(remembered), rng=np.random.default_rng(0)
    )
    np.testing.assert_array_equal(again.events, result.events)
    assert event_of(open_spiel_game("kuhn_poker")) is None


def test_workers_do_not_change_the_numbers():
    game = MergeGame(late=0.2)
    entrants = [("one", [UniformPolicy()] * 2)]
    one, two = (
        cross_play(
            game, entrants, episodes=150, event=event_of(game), rng=np.random.default_rng(4), workers=n
        )
        for n in (1, 2)
    )
    for name in ("means", "variances", "events"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    with_recall_event = event_of(with_recall(small_merge()))
    samples = sample_returns(
        with_recall(small_merge()),
        [[UniformPolicy()] * 2],
        70,
        rng=np.random.default_rng(0),
        event=with_recall_event,
        workers=2,
    )
    assert samples[0].returns.shape == (70, 2)


def test_bad_input():
    game, rng = NormalFormEnv(NormalFormGame(CHICKEN)), np.random.default_rng(0)
    pair = [UniformPolicy()] * 2
    for entrants, words in (
        ([], "distinct names"),
        ([("a", pair), ("a", pair)], "distinct names"),
        ([("a", pair[:1])], "must fill 2 seats"),
    ):
        with pytest.raises(ValueError, match=words):
            cross_play(game, entrants, rng=rng)
    with pytest.raises(ValueError, match="at least 2"):
        cross_play(game, [("a", pair)], episodes=1, rng=rng)
    with pytest.raises(ValueError, match="confidence"):
        cross_play(game, [("a", pair)], confidence=math.nan, rng=rng)
    with pytest.raises(ValueError, match="episodes must be at least 1"):
        sample_returns(game, [pair], 0, rng=rng)
    with pytest.raises(ValueError, match="workers"):
        sample_returns(game, [pair], 1, rng=rng, workers=0)
    compiled = compile_game(game)
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        compiled.moments(pair[:1])

    class Broken:
        def probabilities(self, game, state, player):
            return np.array([0.5, 0.4])

    with pytest.raises(ValueError, match="distribution over the legal actions"):
        compiled.behavior(0, Broken())
