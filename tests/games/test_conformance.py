"""Every rule must catch a game that breaks it, and only that rule."""

from dataclasses import dataclass

import numpy as np
import pytest

from games.conformance import ConformanceError, Rule, check_env_game
from games.errors import IllegalActionError


@dataclass(frozen=True)
class Race:
    """Two players roll a die each round and may add their choice; three rounds; the higher sum wins.

    Every state is (round, total of player 0, total of player 1). The flaws are made in subclasses.
    """

    name = "race"
    num_players = 2
    payoff_bounds = (-1.0, 1.0)

    def num_actions(self, player):
        return 3

    def observation_shape(self, player):
        return (3,)

    def initial(self, rng):
        return (0, int(rng.integers(6)), int(rng.integers(6)))

    def to_move(self, state):
        return (0, 1) if state[0] < 3 else ()

    def legal_mask(self, state, player):
        mask = np.full(3, state[0] < 3)
        mask[2] &= state[0] != 1
        return mask

    def observe(self, state, player):
        return np.array(state, dtype=np.float32)

    def step(self, state, joint, rng):
        if set(joint) != set(self.to_move(state)) or not joint:
            raise IllegalActionError
        for player, action in joint.items():
            if not 0 <= action < 3 or not self.legal_mask(state, player)[action]:
                raise IllegalActionError
        rolls = rng.integers(6, size=2)
        return (state[0] + 1, state[1] + joint[0] + int(rolls[0]), state[2] + joint[1] + int(rolls[1]))

    def returns(self, state):
        sign = float(np.sign(state[1] - state[2])) if state[0] == 3 else 0.0
        return np.array([sign, -sign])

    def describe(self, state):
        return str(state)


class NoPlayers(Race):
    num_players = 0


class NoActions(Race):
    def num_actions(self, player):
        return 0


class EmptyShape(Race):
    def observation_shape(self, player):
        return (3, 0)


class CrossedBounds(Race):
    payoff_bounds = (1.0, -1.0)


class TwiceToMove(Race):
    def to_move(self, state):
        return (0, 0)


class StrangerToMove(Race):
    def to_move(self, state):
        return (0, 2)


class IntegerMask(Race):
    def legal_mask(self, state, player):
        return super().legal_mask(state, player).astype(np.int8)


class ShortMask(Race):
    def legal_mask(self, state, player):
        return super().legal_mask(state, player)[:2]


class MaskOfTheIdle(Race):
    def legal_mask(self, state, player):
        return np.ones(3, dtype=bool)


class NoWayOut(Race):
    def legal_mask(self, state, player):
        return super().legal_mask(state, player) & (state[0] != 2)


class DoubleObservation(Race):
    def observe(self, state, player):
        return np.array(state, dtype=np.float64)


class WrongObservationShape(Race):
    def observe(self, state, player):
        return np.array([state], dtype=np.float32)


class NaNObservation(Race):
    def observe(self, state, player):
        return np.array([np.nan, 0, 0], dtype=np.float32)


class ReturnsOfOne(Race):
    def returns(self, state):
        return super().returns(state)[:1]


class InfiniteReturns(Race):
    def returns(self, state):
        return np.array([np.inf, 0.0]) if state[0] == 3 else np.zeros(2)


class BeyondBounds(Race):
    def returns(self, state):
        return np.array([1.5, -0.5]) if state[0] == 3 else np.zeros(2)


class NumberAsText(Race):
    def describe(self, state):
        return state[0]


class MutableStates(Race):
    """Steps the list it is given."""

    def initial(self, rng):
        return list(super().initial(rng))

    def step(self, state, joint, rng):
        state[:] = super().step(state, joint, rng)
        return state


class SharedObservation(Race):
    """Hands out an array that it will read again."""

    def initial(self, rng):
        return tuple(np.float32(x) for x in super().initial(rng))

    def __init__(self):
        object.__setattr__(self, "cache", {})

    def observe(self, state, player):
        return self.cache.setdefault(state, super().observe(state, player))


class ChangingLooks(Race):
    def __init__(self):
        object.__setattr__(self, "looks", [])

    def observe(self, state, player):
        self.looks.append(0)
        return np.full(3, len(self.looks), dtype=np.float32)


class OwnChance(Race):
    """Rolls from a generator of its own."""

    def __init__(self):
        object.__setattr__(self, "own", np.random.default_rng(0))

    def step(self, state, joint, rng):
        return super().step(state, joint, self.own)


class OwnStart(Race):
    def __init__(self):
        object.__setattr__(self, "own", np.random.default_rng(0))

    def initial(self, rng):
        return super().initial(self.own)


class AnythingGoes(Race):
    def step(self, state, joint, rng):
        return (state[0] + 1, *state[1:])


class WrongError(Race):
    def step(self, state, joint, rng):
        try:
            return super().step(state, joint, rng)
        except IllegalActionError:
            raise KeyError from None


class MissingPlayersAccepted(Race):
    def step(self, state, joint, rng):
        return super().step(state, {p: joint.get(p, 0) for p in self.to_move(state)}, rng)


class RefusesTheLegal(Race):
    def step(self, state, joint, rng):
        if joint.get(0) == 1:
            raise IllegalActionError
        return super().step(state, joint, rng)


class PlaysOnAfterTheEnd(Race):
    def step(self, state, joint, rng):
        return state if state[0] == 3 else super().step(state, joint, rng)


class NeverEnds(Race):
    def to_move(self, state):
        return (0, 1)

    def legal_mask(self, state, player):
        return np.array([True, True, False])


BROKEN = {
    NoPlayers: Rule.SIZES,
    NoActions: Rule.SIZES,
    EmptyShape: Rule.SIZES,
    CrossedBounds: Rule.SIZES,
    TwiceToMove: Rule.MOVERS,
    StrangerToMove: Rule.MOVERS,
    IntegerMask: Rule.MASK,
    ShortMask: Rule.MASK,
    MaskOfTheIdle: Rule.MASK,
    NoWayOut: Rule.MASK,
    DoubleObservation: Rule.OBSERVATION,
    WrongObservationShape: Rule.OBSERVATION,
    NaNObservation: Rule.OBSERVATION,
    ReturnsOfOne: Rule.RETURNS,
    InfiniteReturns: Rule.RETURNS,
    BeyondBounds: Rule.RETURNS,
    NumberAsText: Rule.DESCRIPTION,
    MutableStates: Rule.IMMUTABLE,
    SharedObservation: Rule.IMMUTABLE,
    ChangingLooks: Rule.IMMUTABLE,
    OwnChance: Rule.REPEATABLE,
    OwnStart: Rule.SEEDED,
    AnythingGoes: Rule.LEGALITY,
    WrongError: Rule.LEGALITY,
    MissingPlayersAccepted: Rule.LEGALITY,
    RefusesTheLegal: Rule.LEGALITY,
    PlaysOnAfterTheEnd: Rule.LEGALITY,
    NeverEnds: Rule.TERMINATION,
}


def test_a_sound_game_passes():
    check_env_game(Race(), episodes=20, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("broken", "rule"), BROKEN.items(), ids=lambda x: getattr(x, "__name__", None))
@pytest.mark.parametrize("seed", range(3))
def test_every_flaw_is_found_and_named(broken, rule, seed):
    with pytest.raises(ConformanceError) as caught:
        check_env_game(broken(), episodes=10, rng=np.random.default_rng(seed), max_steps=50)
    assert caught.value.rule is rule
    assert str(caught.value).startswith(f"{rule.name}: {rule.value}; ")


def test_every_rule_has_a_game_that_breaks_it():
    assert set(BROKEN.values()) == set(Rule)


@pytest.mark.parametrize("wrong", [{"episodes": 0}, {"max_steps": 0}])
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        check_env_game(Race(), rng=np.random.default_rng(0), **wrong)
