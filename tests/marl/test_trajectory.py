"""Whole play-throughs: legal from start to end, reproducible, and distributed as the exact tree says."""

import dataclasses

import numpy as np
import pytest

from games.driving.merge import RoadState, expand_merge, small_merge
from games.errors import IllegalActionError
from games.extensive import expected_values, fold, uniform_behaviors
from games.gridworlds.trust_dilemma import TrustDilemma
from marl.policies import UniformPolicy
from marl.rollouts import conditional_value_at_risk, play_states, summarise_outcomes

UNIFORM = [UniformPolicy()] * 2


class Always:
    """One action, whatever the state."""

    def __init__(self, row):
        self.row = np.array(row, dtype=np.float64)

    def probabilities(self, game, state, player):
        return self.row


def test_states_follow_one_another_to_the_end():
    game = TrustDilemma(stag_roams=True)
    states = play_states(game, UNIFORM, rng=np.random.default_rng(0))
    assert states[0] == game.initial(np.random.default_rng(0))
    assert [state.time for state in states] == list(range(len(states)))
    assert all(game.to_move(state) for state in states[:-1])
    assert not game.to_move(states[-1])
    assert states == play_states(game, UNIFORM, rng=np.random.default_rng(0))


def test_statistics_of_play_agree_with_the_exact_tree():
    """Crash rate, mean and tail of uniform drivers who react late, from play and from every leaf."""
    game = dataclasses.replace(small_merge(), horizon=2, late=0.2)
    form = fold(expand_merge(game).tree)
    rng = np.random.default_rng(1)
    ends = [play_states(game, UNIFORM, rng=rng)[-1] for _ in range(3000)]
    summary = summarise_outcomes(
        [game.returns(end)[0] for end in ends], [game.crashed(end) for end in ends], confidence=0.9999
    )
    crash = _crash_probability(game, game.start_outcomes())
    assert 0.02 < crash < 0.9
    assert summary.crashes.low <= crash <= summary.crashes.high
    mean = expected_values(form, uniform_behaviors(form))[0]
    assert abs(summary.mean - mean) <= 5 * summary.standard_error
    assert summary.cvar == conditional_value_at_risk([game.returns(end)[0] for end in ends], 0.1)


def _crash_probability(game, outcomes):
    """By recursion over all moves of uniform drivers."""
    total = 0.0
    for probability, state in outcomes:
        assert isinstance(state, RoadState)
        movers = game.to_move(state)
        if not movers:
            total += probability * game.crashed(state)
            continue
        moves = [
            np.flatnonzero(game.legal_mask(state, i)).tolist() if i in movers else [None] for i in (0, 1)
        ]
        joints = [(a, b) for a in moves[0] for b in moves[1]]
        for joint in joints:
            played = {i: a for i, a in enumerate(joint) if a is not None}
            share = probability / len(joints)
            total += share * _crash_probability(game, game.step_outcomes(state, played))
    return total


def test_bad_policies():
    game, rng = small_merge(), np.random.default_rng(0)
    with pytest.raises(ValueError, match="wanted 2, got 1"):
        play_states(game, UNIFORM[:1], rng=rng)
    with pytest.raises(ValueError, match="must give a distribution"):
        play_states(game, [Always([0.5, 0, 0, 0])] * 2, rng=rng)
    with pytest.raises(IllegalActionError):
        play_states(TrustDilemma(), [Always([0, 1, 0, 0, 0])] * 2, rng=rng)
