from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel import open_spiel_game
from games.errors import IllegalActionError
from marl.learning.advantages import RewardSums, generalized_advantages
from marl.learning.lanes import Decisions, Endings, LearnerLanes
from marl.learning.replay import LaneRing
from marl.policies import MixturePolicy, TabularPolicy, UniformPolicy, information_state_key


@dataclass(frozen=True)
class Script:
    """Who moves in each step, and what player 0 then gains; others gain nothing.

    A state is the number of steps made. Player 0 sees that number, and may take any action but number
    ``state % 3``.
    """

    movers: tuple[tuple[int, ...], ...]
    gains: tuple[float, ...]
    name: str = "script"
    num_players: int = 3
    payoff_bounds: tuple[float, float] = (-np.inf, np.inf)

    def num_actions(self, player):
        return 3

    def observation_shape(self, player):
        return (1,)

    def initial(self, rng):
        return 0

    def to_move(self, state):
        return self.movers[state] if state < len(self.movers) else ()

    def legal_mask(self, state, player):
        mask = np.zeros(3, dtype=bool)
        if player in self.to_move(state):
            mask[:] = True
            mask[state % 3] = False
        return mask

    def observe(self, state, player):
        return np.array([state], dtype=np.float32)

    def step(self, state, joint, rng):
        for player, action in joint.items():
            if not self.legal_mask(state, player)[action]:
                raise IllegalActionError
        return state + 1

    def returns(self, state):
        return np.array([sum(self.gains[:state]), 0.0, 0.0])

    def describe(self, state):
        return str(state)


def play(lanes, ring, ticks, rng):
    """Uniform play; returns of the episodes that ended, and how many decisions were made."""
    returns, made = [], 0
    for _ in range(ticks):
        decisions = lanes.decisions()
        actions = lanes.choose(UniformPolicy().distributions(decisions.observations, decisions.masks), rng)
        assert decisions.masks[np.arange(len(actions)), actions].all()
        ring.add(decisions, actions)
        endings = lanes.step(decisions.lanes, actions)
        ring.end(endings)
        returns.extend(endings.returns.tolist())
        made += len(actions)
    return returns, made


@given(
    st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=1, max_size=8),
    st.integers(1, 4),
    st.integers(0, 30),
)
@settings(max_examples=60, deadline=None)
def test_payoffs_go_to_the_decisions_before_them(movers, num_lanes, ticks):
    """Whoever moves in between, at once or after the learner's last move."""
    gains = tuple(float(2**k) for k in range(len(movers)))
    game = Script(tuple(tuple(sorted(s)) for s in movers), gains)
    lanes = LearnerLanes(
        game, [None, UniformPolicy(), UniformPolicy()], 0, num_lanes, rng=np.random.default_rng(0)
    )
    ring = LaneRing(max(ticks, 1), num_lanes, 1, 3)
    returns, made = play(lanes, ring, ticks, np.random.default_rng(1))
    own = [t for t, m in enumerate(game.movers) if 0 in m]
    ends = [*own[1:], len(movers)]  # where the payoffs of each own decision stop
    assert returns == [sum(gains)] * (num_lanes * (ticks // len(movers)))
    assert ring.begun.sum() == made
    for lane in range(num_lanes):
        for t in range(ring.closed[lane]):
            k = t % len(own)
            assert ring.observations[t, lane, 0] == own[k]
            assert ring.after[t, lane] - ring.before[t, lane] == sum(gains[own[k] : ends[k]])
            assert ring.ended[t, lane] == (k == len(own) - 1)


@pytest.mark.parametrize(
    "name",
    ["kuhn_poker(players=3)", "goofspiel(players=3,num_cards=3)", "coop_box_pushing(horizon=6)"],
)
@pytest.mark.parametrize("by_states", [False, True])
def test_every_play_adds_up(name, by_states):
    """Gains of a play sum to its return, whether the batch is fast or has states."""
    game = open_spiel_game(name)
    other = _ByState() if by_states else UniformPolicy()
    lanes = LearnerLanes(game, [other] * game.num_players, 0, 5, rng=np.random.default_rng(0))
    ring = LaneRing(400, 5, lanes.num_features, lanes.num_actions)
    returns, _ = play(lanes, ring, 60, np.random.default_rng(1))
    sums = RewardSums(5).add(ring.after - ring.before, ring.ended, ring.closed)
    assert len(returns) > 5
    np.testing.assert_allclose(sorted(sums), sorted(returns), atol=1e-9)


class _ByState:
    """Uniform, and in need of states."""

    def probabilities(self, game, state, player):
        return UniformPolicy().probabilities(game, state, player)


def test_mixtures_are_drawn_for_each_play():
    """Against always-pass or always-bet in Kuhn poker: one behaviour within a play, both between plays."""
    game = open_spiel_game("kuhn_poker")
    passes, bets = (_Always(k) for k in (0, 1))
    seats = [MixturePolicy((passes, bets), [0.25, 0.75]), None]
    lanes = LearnerLanes(game, seats, 1, 40, rng=np.random.default_rng(0))
    seen = []
    for _ in range(200):
        decisions = lanes.decisions()
        seen.extend(decisions.observations[:, 6].tolist())  # whether the first move was a bet
        lanes.step(decisions.lanes, np.zeros(len(decisions.lanes), dtype=np.int64))
    assert abs(np.mean(seen) - 0.75) < 5 * np.sqrt(0.75 * 0.25 / len(seen))


@dataclass(frozen=True)
class _Always:
    action: int

    def probabilities(self, game, state, player):
        return np.eye(2)[self.action]


def test_wrong_seats_and_wrong_policies():
    game, rng = open_spiel_game("kuhn_poker"), np.random.default_rng(0)
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        LearnerLanes(game, [UniformPolicy()], 0, 2, rng=rng)
    with pytest.raises(ValueError, match="player"):
        LearnerLanes(game, [UniformPolicy()] * 2, 2, 2, rng=rng)
    with pytest.raises(ValueError, match="num_lanes"):
        LearnerLanes(game, [UniformPolicy()] * 2, 0, 0, rng=rng)
    table = TabularPolicy({b"0": np.array([0.7, 0.7])}, information_state_key)
    lanes = LearnerLanes(game, [table, UniformPolicy()], 1, 8, rng=rng)
    with pytest.raises(ValueError, match="policy of player 0"):
        lanes.step(np.empty(0, np.int64), np.empty(0, np.int64))


def one(lane, seen, payoff):
    """A decision in one lane, with every action legal."""
    observations = np.array([[seen]], dtype=np.float32)
    return Decisions(np.array([lane]), observations, np.ones((1, 2), bool), np.array([payoff]))


def ring_by_hand(rows=8):
    """Lane 0: payoffs 1, 2, 4 and the end, then an open decision; lane 1: one open decision."""
    ring = LaneRing(rows, 2, 1, 2)
    for k, payoff in enumerate([0.0, 1.0, 3.0]):
        ring.add(one(0, k, payoff), np.array([k % 2]))
    ring.end(Endings(np.array([0]), np.array([7.0])))
    ring.add(one(0, 9, 0.0), np.array([1]))
    ring.add(one(1, 50, 0.0), np.array([0]))
    return ring


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1, {0: (1.0, False, 1), 1: (2.0, False, 2), 2: (4.0, True, None)}),
        (2, {0: (3.0, False, 2), 1: (6.0, True, None)}),  # the third waits for one more decision to close
        (3, {0: (7.0, True, None)}),
    ],
)
def test_returns_over_several_steps_by_hand(steps, expected):
    ring = ring_by_hand()
    assert ring.available(steps).tolist() == [len(expected), 0]
    sample = ring.draw(300, steps, rng=np.random.default_rng(0))
    assert set(sample.observations[:, 0].tolist()) == set(expected)
    for k, seen in enumerate(sample.observations[:, 0].tolist()):
        gain, ended, later = expected[seen]
        assert (sample.gains[k], sample.ended[k], sample.actions[k]) == (gain, ended, seen % 2)
        if later is not None:
            assert sample.next_observations[k, 0] == later
            assert sample.next_masks[k].all()


def test_draws_are_uniform_over_lanes_of_unequal_length():
    ring = ring_by_hand()
    ring.end(Endings(np.array([1]), np.array([5.0])))
    seen = ring.draw(4_000, 1, rng=np.random.default_rng(0)).observations[:, 0]
    counts = [np.count_nonzero(seen == k) for k in (0, 1, 2, 50)]
    assert sum(counts) == 4_000
    assert max(abs(c - 1_000) for c in counts) < 5 * np.sqrt(4_000 * 3 / 16)


def test_old_decisions_are_forgotten():
    ring = LaneRing(3, 1, 1, 2)
    for k in range(8):
        ring.add(one(0, k, float(k)), np.array([0]))
    assert ring.available(1).tolist() == [2]
    sample = ring.draw(100, 1, rng=np.random.default_rng(0))
    assert set(zip(sample.observations[:, 0], sample.next_observations[:, 0], strict=True)) == {
        (5, 6),
        (6, 7),
    }
    assert set(sample.gains) == {1.0}


def test_a_restart_keeps_what_is_open():
    ring = ring_by_hand()
    ring.restart()
    assert ring.begun.tolist() == [1, 1]
    assert ring.observations[0, :, 0].tolist() == [9.0, 50.0]
    ring.end(Endings(np.array([0, 1]), np.array([3.0, 4.0])))
    assert ring.after[0].tolist() == [3.0, 4.0]
    assert ring.closed.tolist() == [1, 1]
    with pytest.raises(ValueError, match="no decision"):
        LaneRing(2, 1, 1, 2).draw(1, 1, rng=np.random.default_rng(0))


def test_advantages_by_hand():
    """Lane 0: a play of two decisions and one that goes on; lane 1: a single decision, open afterwards."""
    rewards = np.array([[1.0, 5.0], [2.0, 99.0], [4.0, 99.0]])
    values = np.array([[0.5, 1.0], [1.5, 2.0], [1.0, 77.0], [3.0, 77.0]])
    ended = np.array([[False, False], [True, False], [False, True]])
    got = generalized_advantages(rewards, values, ended, np.array([3, 1]), 0.5)
    # last first: 4 + 3 - 1 = 6; 2 - 1.5 = 0.5; 1 + 1.5 - 0.5 + 0.5 * 0.5 = 2.25; 5 + 2 - 1 = 6
    np.testing.assert_array_equal(got, [[2.25, 6.0], [0.5, 0.0], [6.0, 0.0]])
    full = generalized_advantages(rewards[:, :1], values[:, :1], ended[:, :1], np.array([2]), 1.0)
    assert full[0, 0] == 3.0 - 0.5  # with trace 1: the return less the value


def test_sums_run_over_batches():
    sums = RewardSums(2)
    ended = np.array([[False, True], [True, False]])
    rewards = np.array([[1.0, 2.0], [4.0, 8.0]])
    assert sums.add(rewards, ended, np.array([2, 2])) == [2.0, 5.0]
    assert sums.add(rewards, ended, np.array([1, 1])) == [10.0]
    assert sums.add(rewards, ended, np.array([2, 0])) == [6.0]
