"""Compiled batches of OpenSpiel games show what `OpenSpielGame` shows, simultaneous moves among it."""

import numpy as np
import pyspiel
import pytest

from games.adapters.open_spiel import open_spiel_game
from games.adapters.open_spiel_batch import open_spiel_batch, open_spiel_tables
from games.adapters.open_spiel_boards import BoardBatch
from games.batch.choose import batch_of
from games.batch.conformance import check_batch_game, check_batch_plays
from games.batch.looped import LoopedBatch
from games.batch.tree import TreeBatch, tree_tables
from games.errors import UnsupportedGameError
from games.extensive.builder import TreeBuilder
from games.extensive.registry import TREES

GAMES = [
    "kuhn_poker",
    "kuhn_poker(players=3)",
    "leduc_poker",
    "matrix_rps",
    "goofspiel(num_cards=3,points_order=descending)",
    "goofspiel(num_cards=4,imp_info=True,points_order=random)",
    "goofspiel(num_cards=3,players=3,points_order=descending)",
    "oshi_zumo(coins=4,horizon=6)",
    "python_kuhn_poker",
    "tiny_bridge_2p",
]


def chance_of(game):
    """All states that OpenSpiel's chance may lead to, as an outcome list."""

    def settle(state, probability):
        if not state.is_chance_node():
            return [(probability, state)]
        return [
            pair
            for action, p in state.chance_outcomes()
            for pair in settle(state.child(action), probability * p)
        ]

    def outcomes(state, joint):
        if state is None:
            return settle(game.spiel_game.new_initial_state(), 1.0)
        after = state.clone()
        if state.is_simultaneous_node():
            moves = [joint.get(p, pyspiel.INVALID_ACTION) for p in range(game.num_players)]
            after.apply_actions(moves)
        else:
            after.apply_action(*joint.values())
        return settle(after, 1.0)

    return outcomes


@pytest.mark.parametrize("name", GAMES)
def test_a_compiled_batch_shows_what_the_game_shows(name):
    game = open_spiel_game(name)
    tables = open_spiel_tables(game)

    def make(lanes, rng):
        return TreeBatch(tables, lanes, rng=rng)

    check_batch_game(make, num_lanes=5, steps=30, rng=np.random.default_rng(0))
    check_batch_plays(make, game, chance_of(game), num_lanes=5, steps=20, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    "name",
    [
        "tic_tac_toe",
        "connect_four",
        "connect_four(rows=3,columns=5,x_in_row=3,egocentric_obs_tensor=true)",
        "connect_four(rows=5,columns=2,x_in_row=3)",
    ],
)
def test_stones_in_a_row_show_what_the_game_shows(name):
    game = open_spiel_game(name)

    def make(lanes, rng):
        return batch_of(game, lanes, rng=rng)

    check_batch_game(make, num_lanes=5, steps=60, rng=np.random.default_rng(0))
    check_batch_plays(make, game, chance_of(game), num_lanes=60, steps=100, rng=np.random.default_rng(1))
    assert type(make(1, None)) is BoardBatch
    with pytest.raises(ValueError, match="num_lanes"):
        make(0, None)


def test_chance_of_a_deal_is_uniform():
    """Kuhn poker: six deals, each with probability 1/6; what both players then see tells them apart."""
    lanes = 30_000
    batch = open_spiel_batch(open_spiel_game("kuhn_poker"), lanes, rng=np.random.default_rng(0))
    _, counts = np.unique(batch.nodes, return_counts=True)
    assert counts.size == 6
    assert (np.abs(counts / lanes - 1 / 6) < 5 * np.sqrt(5 / 36 / lanes)).all()


def test_both_players_of_goofspiel_move_at_once():
    game = open_spiel_game("goofspiel(num_cards=3,points_order=descending)")
    batch = open_spiel_batch(game, 2, rng=np.random.default_rng(0))
    assert batch.to_move(0).all()
    assert batch.to_move(1).all()
    batch.step(np.array([[2, 2], [1, 2]]), np.random.default_rng(0))
    batch.step(np.array([[0, 0], [0, 1]]), np.random.default_rng(0))
    assert batch.finished().all()  # the last card is played by itself
    # Lane 0: 3 beats 2 for three points, two ones tie, 2 loses to 3 for one point: 3 to 1.
    # Lane 1: two threes tie, 1 loses to 2 for two points, 2 beats 1 for one point: 1 to 2.
    np.testing.assert_array_equal(batch.returns(), [[1.0, -1.0], [-1.0, 1.0]])


def test_large_games_are_refused_and_then_looped():
    rng = np.random.default_rng(0)
    game = open_spiel_game("leduc_poker")
    with pytest.raises(UnsupportedGameError, match="max_histories=100"):
        open_spiel_batch(game, 2, rng=rng, max_histories=100)
    assert type(game.batch(2, rng=rng, max_histories=100)) is LoopedBatch
    assert type(game.batch(2, rng=rng, max_histories=10_000)) is TreeBatch
    assert type(game.batch(2, rng=rng, max_histories=100)) is LoopedBatch  # though compiled by now
    assert type(batch_of(game, 2, rng=rng)) is TreeBatch


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blackjack", "max_histories=2000"),
        ("coin_game", "no information-state tensor"),
        ("chat_game", "declares 2 actions"),
        ("cliff_walking", "pays before its end"),
        ("dark_hex_ir", "different tensors at one information state"),
        ("negotiation", "samples its chance moves"),
    ],
)
def test_games_that_cannot_be_compiled_are_refused(name, message):
    with pytest.raises(UnsupportedGameError, match=message):
        open_spiel_tables(open_spiel_game(name), max_histories=2000)


def test_tables_refuse_what_does_not_fit():
    tree = TREES.get("beer-quiche").load()()
    with pytest.raises(ValueError, match="one row per information set"):
        tree_tables(tree, observations=[np.zeros((2, 3)), np.zeros((5, 3))])
    with pytest.raises(ValueError, match="different numbers below 2"):
        tree_tables(tree, actions=[(0, 0)] * tree.num_infosets, num_actions=[2, 2])
    with pytest.raises(ValueError, match="for 4 infosets, got 1"):
        tree_tables(tree, actions=[(0, 1)])
    with pytest.raises(ValueError, match="for 2 players"):
        tree_tables(tree, num_actions=[2])
    with pytest.raises(ValueError, match="together must be Boolean"):
        tree_tables(tree, together=[True])
    marks = np.zeros(tree.num_nodes, dtype=np.bool_)
    marks[0] = True
    with pytest.raises(ValueError, match="lower numbers"):
        tree_tables(tree, together=marks)
    # The receiver sees the sender's breakfast, so the two moves cannot be one.
    with pytest.raises(ValueError, match="depend on each other"):
        tree_tables(tree, together=tree.actor == 1)


def three_in_a_row(leaf_after):
    """A, then B who does not see A, then C; after A's moves in ``leaf_after`` C does not move."""
    builder = TreeBuilder("three", ["A", "B", "C"])
    first = builder.decision(None, 0, "a", ["x", "y"])
    for one in "xy":
        second = builder.decision(first[one], 1, "b", ["x", "y"])
        for two in "xy":
            if one in leaf_after:
                builder.terminal(second[two], [1.0, 2.0, 3.0])
                continue
            third = builder.decision(second[two], 2, "c", ["x", "y"])
            for three in "xy":
                builder.terminal(third[three], [float(one == two), float(two == three), float(one == three)])
    return builder.build()


def test_moves_made_together_are_one_step():
    tree = three_in_a_row("")
    batch = TreeBatch(tree_tables(tree, together=tree.actor >= 1), 8, rng=np.random.default_rng(0))
    assert all(batch.to_move(p).all() for p in range(3))
    actions = np.array([[(k >> p) & 1 for k in range(8)] for p in range(3)])
    batch.step(actions, np.random.default_rng(0))
    assert batch.finished().all()
    a, b, c = actions
    np.testing.assert_array_equal(batch.returns(), [a == b, b == c, a == c])


def test_moves_that_depend_on_each_other_are_not_together():
    whole, part = three_in_a_row(""), three_in_a_row("y")
    with pytest.raises(ValueError, match="depend on each other"):  # whether C moves shows what A did
        tree_tables(part, together=part.actor >= 1)
    marks = whole.actor == 1
    marks[np.flatnonzero(marks)[-1]] = False
    with pytest.raises(ValueError, match="depend on each other"):
        tree_tables(whole, together=marks)
    batch = TreeBatch(tree_tables(part, together=part.actor == 1), 1, rng=np.random.default_rng(0))
    batch.step(np.array([[0], [1], [-1]]), np.random.default_rng(0))
    assert [batch.to_move(p).tolist() for p in range(3)] == [[False], [False], [True]]
