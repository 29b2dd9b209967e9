"""Batches keep the protocol and show, lane by lane, what the games they stand for show."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.batch.choose import batch_of
from games.batch.conformance import check_batch_game, check_batch_plays, random_actions
from games.batch.looped import LoopedBatch
from games.batch.tree import TreeBatch
from games.driving.merge import Car, Lane, MergeGame, small_merge
from games.driving.merge_batch import MergeBatch
from games.errors import IllegalActionError
from games.extensive.registry import TREES
from games.extensive.tree import CHANCE
from games.gridworlds.trust_dilemma import TrustDilemma, small_trust_dilemma
from games.gridworlds.trust_dilemma_batch import TrustDilemmaBatch
from games.normal_form.catalogue import stag_hunt
from tests.tree_strategies import tree_games

HUNTS = [
    TrustDilemma(),
    small_trust_dilemma(),
    TrustDilemma(stag_roams=True),
    TrustDilemma(rows=3, columns=4, hunters=((0, 0), (0, 0)), stag=(2, 3), hares=(), sight=1, horizon=5),
    TrustDilemma(
        rows=3,
        columns=3,
        hunters=((0, 0), (2, 2)),
        stag=(1, 1),
        hares=((0, 1), (2, 1), (0, 2)),
        stag_roams=True,
        sight=0,
        stag_payoff=7.25,
        hare_payoff=1.3,
        alone_payoff=-3.7,
    ),
    TrustDilemma(rows=1, columns=3, hunters=((0, 0), (0, 2)), stag=(0, 1), hares=(), horizon=1),
]
ROADS = [
    MergeGame(),
    small_merge(),
    MergeGame(late=0.3),
    MergeGame(length=9, ramp=9, max_speed=2, progress=0.37, crash_payoff=-1e6),
    MergeGame(length=5, ramp=0, starts=(Car(Lane.MAIN, 0, 0), Car(Lane.MAIN, 1, 1)), horizon=12, late=0.05),
    MergeGame(length=7, ramp=4, starts=(Car(Lane.RAMP, 3, 0), Car(Lane.MAIN, 2, 3)), horizon=3),
]


def listed(game):
    """Outcomes of a game that lists its chance."""
    return lambda state, joint: game.start_outcomes() if state is None else game.step_outcomes(state, joint)


def followed(tree):
    """Outcomes of a `TreeEnv`, by following every chance move of the tree."""

    def settle(node, probability):
        if tree.actor[node] != CHANCE:
            return [(probability, node)]
        children = np.flatnonzero(tree.parent == node).tolist()
        return [pair for child in children for pair in settle(child, probability * tree.chance[child])]

    def outcomes(state, joint):
        if state is None:
            return settle(0, 1.0)
        (action,) = joint.values()
        return settle(int(np.flatnonzero(tree.parent == state)[action]), 1.0)

    return outcomes


@pytest.mark.parametrize("game", HUNTS + ROADS, ids=lambda game: game.name)
def test_native_batches_play_the_very_game(game):
    check_batch_game(lambda lanes, rng: batch_of(game, lanes, rng=rng), rng=np.random.default_rng(0))
    check_batch_plays(
        lambda lanes, rng: batch_of(game, lanes, rng=rng),
        game,
        listed(game),
        num_lanes=40,
        steps=60,
        rng=np.random.default_rng(1),
    )


@pytest.mark.parametrize("game", [HUNTS[2], HUNTS[4], ROADS[2], ROADS[4]], ids=lambda game: game.name)
def test_chance_falls_as_the_games_list_it(game):
    """Step many equal lanes from states met at random, and compare frequencies with the probabilities."""
    rng = np.random.default_rng(2)
    lanes = 4000
    batch = game.batch(lanes, rng=rng)
    chances = 0
    for _ in range(6):
        state = game.initial(rng)
        batch.reset(np.ones(lanes, dtype=np.bool_), rng)
        while movers := game.to_move(state):
            joint = {i: int(rng.choice(np.flatnonzero(game.legal_mask(state, i)))) for i in movers}
            actions = np.full((2, lanes), -1)
            for i, action in joint.items():
                actions[i] = action
            batch.step(actions, rng)
            wanted = Counter()
            for probability, after in game.step_outcomes(state, joint):
                wanted[after] += probability
            found = Counter(batch.state(k) for k in range(lanes))
            assert found.keys() <= wanted.keys()
            for after, probability in wanted.items():
                spread = np.sqrt(probability * (1 - probability) / lanes)
                assert abs(found[after] / lanes - probability) <= 5 * spread
            chances += len(wanted) > 1
            # Go on from one state, so that all lanes are equal again.
            state = max(found, key=found.get)
            _put_all(batch, state)
    assert chances > 5


def _put_all(batch, state):
    """Copy one lane that is in ``state`` to all."""
    source = next(k for k in range(batch.num_lanes) if batch.state(k) == state)
    for array in batch._hunts if isinstance(batch, TrustDilemmaBatch) else batch._roads:
        lanes_first = array.shape[0] == batch.num_lanes
        array[:] = array[source] if lanes_first else array[:, source : source + 1]
    idle = np.zeros(batch.num_lanes, dtype=np.bool_)
    batch.reset(idle, None)  # writes the masks of what was put there


@pytest.mark.parametrize("name", [entry.name for entry in TREES])
def test_catalogued_trees_as_batches(name):
    tree = TREES.get(name).load()()
    env = TreeEnv(tree)
    check_batch_game(lambda lanes, rng: batch_of(env, lanes, rng=rng), rng=np.random.default_rng(0))
    check_batch_plays(
        lambda lanes, rng: batch_of(env, lanes, rng=rng), env, followed(tree), rng=np.random.default_rng(1)
    )


@settings(max_examples=60)
@given(tree_games())
def test_any_tree_as_a_batch(tree):
    env = TreeEnv(tree)
    check_batch_plays(
        lambda lanes, rng: batch_of(env, lanes, rng=rng),
        env,
        followed(tree),
        num_lanes=5,
        steps=12,
        rng=np.random.default_rng(0),
    )


@pytest.mark.parametrize(
    "game",
    [NormalFormEnv(stag_hunt()), open_spiel_game("tic_tac_toe"), TrustDilemma(stag_roams=True)],
    ids=lambda game: game.name,
)
def test_any_game_as_a_looped_batch(game):
    check_batch_game(
        lambda lanes, rng: LoopedBatch(game, lanes, rng=rng), num_lanes=4, rng=np.random.default_rng(3)
    )


@pytest.mark.parametrize(
    ("game", "kind"),
    [
        (TrustDilemma(), TrustDilemmaBatch),
        (MergeGame(), MergeBatch),
        (TreeEnv(TREES.get("beer-quiche").load()()), TreeBatch),
        (open_spiel_game("kuhn_poker"), TreeBatch),
        (NormalFormEnv(stag_hunt()), LoopedBatch),
    ],
)
def test_the_fastest_batch_is_chosen(game, kind):
    rng = np.random.default_rng(0)
    batch = batch_of(game, 3, rng=rng)
    assert type(batch) is kind
    assert batch.name == game.name
    assert batch.payoff_bounds == game.payoff_bounds
    with pytest.raises(ValueError, match="num_lanes must be at least 1, got 0"):
        batch_of(game, 0, rng=rng)


@pytest.mark.parametrize("game", [TrustDilemma(), MergeGame(), TreeEnv(TREES.get("centipede").load()())])
def test_illegal_actions_name_player_and_lane(game):
    rng = np.random.default_rng(0)
    batch = batch_of(game, 5, rng=rng)
    actions = random_actions(batch, rng)
    actions[0, 3] = 99
    with pytest.raises(IllegalActionError, match="action 99 of player 0 in lane 3 is not legal"):
        batch.step(actions, rng)


def test_lanes_of_a_batch_are_independent():
    """One lane played alone goes the same way whatever the others do."""
    game = dataclasses.replace(HUNTS[4], stag_roams=False)
    rng = np.random.default_rng(0)
    wide, state = game.batch(9, rng=rng), game.initial(rng)
    while movers := game.to_move(state):
        actions = random_actions(wide, rng)
        state = game.step(state, {i: int(actions[i, 4]) for i in movers}, rng)
        wide.step(actions, rng)
        wide.reset(wide.finished() & (np.arange(9) != 4), rng)
        assert wide.state(4) == state
