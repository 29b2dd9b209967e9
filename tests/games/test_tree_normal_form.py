"""Trees as payoff tensors and back, against enumeration by brute force and against Gambit."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from games.errors import UnsupportedGameError
from games.extensive.builder import TreeBuilder
from games.extensive.catalogue import absent_minded_driver, centipede, myerson_card_game, seltens_horse
from games.extensive.checks import validate_tree
from games.extensive.efg import format_efg, read_efg
from games.extensive.evaluation import expected_values, nash_conv, uniform_behaviors
from games.extensive.folding import fold
from games.extensive.normal_form import from_normal_form, to_normal_form
from games.extensive.tree import TERMINAL
from games.normal_form import NormalFormGame, catalogue, expected_payoffs as matrix_payoffs, regrets
from tests.strategies import normal_form_games
from tests.tree_strategies import assert_same_tree, expected_payoffs, plain_labels, tree_games


def full_strategies(tree, player):
    """Every choice of one action per own information set, in lexicographic order."""
    mine = np.flatnonzero(tree.infoset_player == player).tolist()
    sizes = [range(len(tree.infoset_actions[h])) for h in mine]
    return [dict(zip(mine, choice, strict=True)) for choice in itertools.product(*sizes)]


def allowed_leaves(tree, player, strategy):
    """Leaves that the player's own moves do not rule out."""
    leaves = []
    for leaf in np.flatnonzero(tree.actor == TERMINAL):
        node = leaf
        while node:
            up = tree.parent[node]
            if tree.actor[up] == player and strategy[tree.infoset[up]] != tree.move[node]:
                break
            node = up
        else:
            leaves.append(int(leaf))
    return tuple(leaves)


def pure_payoffs(tree, profile):
    choice = {h: a for strategy in profile for h, a in strategy.items()}
    behaviors = [np.eye(len(actions))[choice[h]] for h, actions in enumerate(tree.infoset_actions)]
    return expected_payoffs(tree, behaviors)


# Brute force: profiles times nodes.
small_trees = tree_games(max_nodes=16, max_actions=2, labels=plain_labels).filter(
    lambda tree: np.prod([float(len(actions)) for actions in tree.infoset_actions]) <= 256
)


@settings(max_examples=60, deadline=None)
@given(small_trees)
def test_full_normal_form_is_brute_force(tree):
    game = to_normal_form(tree, reduced=False)
    plans = [full_strategies(tree, i) for i in range(tree.num_players)]
    assert game.num_actions == tuple(map(len, plans))
    for cell in np.ndindex(*game.num_actions):
        profile = [plan[s] for plan, s in zip(plans, cell, strict=True)]
        np.testing.assert_allclose(
            game.payoffs[(slice(None), *cell)], pure_payoffs(tree, profile), atol=1e-12
        )


@settings(max_examples=60, deadline=None)
@given(small_trees)
def test_reduced_normal_form_keeps_one_of_each_kind(tree):
    """Strategies are of one kind when they allow the same leaves; imperfect recall included."""
    game = to_normal_form(tree)
    kinds = []
    for i in range(tree.num_players):
        first = {}
        for strategy in full_strategies(tree, i):
            first.setdefault(allowed_leaves(tree, i, strategy), strategy)
        kinds.append(list(first.values()))
    assert game.num_actions == tuple(map(len, kinds))
    expected = [pure_payoffs(tree, profile) for profile in itertools.product(*kinds)]
    found = game.payoffs.reshape(tree.num_players, -1).T
    np.testing.assert_allclose(_sorted_rows(found), _sorted_rows(np.array(expected)), atol=1e-9)


def _sorted_rows(rows):
    return np.array(sorted(np.round(rows, 9).tolist()))


def test_labels_say_what_is_played_where():
    game = to_normal_form(myerson_card_game())
    assert game.actions[0] == (
        "raise at red; raise at black",
        "raise at red; fold at black",
        "fold at red; raise at black",
        "fold at red; fold at black",
    )
    assert game.actions[1] == ("meet", "pass")
    assert (game.players, game.name) == (("1", "2"), "myerson-card-game")
    np.testing.assert_allclose(game.payoffs[0], [[0, 1], [0.5, 0], [-0.5, 1], [0, 0]], atol=1e-15)


def test_the_horse_is_the_catalogued_matrix():
    np.testing.assert_array_equal(to_normal_form(seltens_horse()).payoffs, catalogue.seltens_horse().payoffs)


def test_reduction_makes_long_centipedes_small():
    game = to_normal_form(centipede(100))
    assert game.num_actions == (51, 51)
    assert game.actions[0][0] == "take at move 1"
    assert game.actions[0][1] == "pass at move 1; take at move 3"
    with pytest.raises(UnsupportedGameError, match="pure strategies of player 0"):
        to_normal_form(centipede(100), reduced=False)


def test_absent_mindedness_is_one_choice():
    game = to_normal_form(absent_minded_driver())
    assert game.actions == (("exit", "go on"),)
    assert game.payoffs.tolist() == [[0, 1]]


def test_a_player_who_never_moves_has_one_strategy():
    builder = TreeBuilder("watched", ("A", "watcher"))
    root = builder.decision(None, 0, "h", ("a", "b"))
    builder.terminal(root["a"], (1, 2))
    builder.terminal(root["b"], (3, 4))
    game = to_normal_form(builder.build())
    assert game.actions == (("a", "b"), ("(no move)",))
    assert game.payoffs.tolist() == [[[1], [3]], [[2], [4]]]


@pytest.mark.parametrize("reduced", [True, False])
@pytest.mark.parametrize("limit", [1, 20, 40])
def test_the_limit_is_kept(reduced, limit):
    with pytest.raises(UnsupportedGameError, match=f"limit={limit}"):
        to_normal_form(centipede(6), reduced=reduced, limit=limit)


def test_a_large_tensor_of_a_small_tree_is_refused():
    builder = TreeBuilder("turns", tuple("ABCD"))
    turn = builder.chance(None, dict.fromkeys("ABCD", 0.25))
    for i, name in enumerate("ABCD"):
        node = builder.decision(turn[name], i, "h", tuple("12345678"))
        for label in node.labels:
            builder.terminal(node[label], np.arange(4) * int(label))
    with pytest.raises(
        UnsupportedGameError, match="8 x 8 x 8 x 8 pure strategies: more than limit=16383 payoffs"
    ):
        to_normal_form(builder.build(), limit=16383)
    game = to_normal_form(builder.build(), limit=16384)
    np.testing.assert_allclose(game.payoffs[:, 7, 0, 0, 1], np.arange(4) * (8 + 1 + 1 + 2) / 4)


def test_many_infosets_are_refused_without_counting_for_ever():
    with pytest.raises(UnsupportedGameError, match=r"more than 2\*\*60 pure strategies"):
        to_normal_form(centipede(1000), reduced=False)
    coins = TreeBuilder("coins", ("A",))
    draw = coins.chance(None, {str(k): 1 / 64 for k in range(64)})
    for k in range(64):
        node = coins.decision(draw[str(k)], 0, str(k), ("a", "b"))
        coins.terminal(node["a"], (0,))
        coins.terminal(node["b"], (1,))
    with pytest.raises(UnsupportedGameError, match="more than 51813 pure strategies of player 0"):
        to_normal_form(coins.build())


@settings(max_examples=80, deadline=None)
@given(normal_form_games())
def test_matrix_to_tree_and_back_is_exact(game):
    tree = from_normal_form(game)
    validate_tree(tree)
    back = to_normal_form(tree)
    np.testing.assert_array_equal(back.payoffs, game.payoffs)
    assert (back.actions, back.players, back.name) == (game.actions, game.players, game.name)
    assert_same_tree(from_normal_form(back), tree)


@settings(max_examples=40, deadline=None)
@given(normal_form_games(max_actions=3))
def test_the_tree_of_a_matrix_has_its_values_and_regrets(game):
    form = fold(from_normal_form(game))
    behaviors = uniform_behaviors(form)
    mixed = tuple(np.full(n, 1 / n) for n in game.num_actions)
    np.testing.assert_allclose(expected_values(form, behaviors), matrix_payoffs(game, mixed), atol=1e-12)
    assert nash_conv(form, behaviors) == pytest.approx(np.sum(regrets(game, mixed)), abs=1e-12)


def test_a_tree_too_large_to_number_is_refused_before_it_is_built():
    class Giant:
        name, num_actions = "giant", (50_000, 50_000)

    with pytest.raises(UnsupportedGameError, match="needs 2500050001 nodes"):
        from_normal_form(Giant())


def test_gambit_counts_the_same_reduced_strategies():
    pygambit = pytest.importorskip("pygambit")
    compared = 0
    for path in sorted((Path(pygambit.__file__).parent / "catalog_data").rglob("*.efg")):
        tree = read_efg(path)
        game = pygambit.read_efg(io.BytesIO(format_efg(tree).encode()))
        if not game.is_perfect_recall:
            continue
        ours = to_normal_form(tree)
        assert ours.num_actions == tuple(len(player.strategies) for player in game.players), path.name
        theirs = np.stack([np.asarray(a, dtype=float) for a in game.to_arrays(dtype=float)])
        np.testing.assert_allclose(
            _sorted_rows(ours.payoffs.reshape(len(ours.players), -1).T),
            _sorted_rows(theirs.reshape(len(ours.players), -1).T),
            atol=1e-9,
        )
        compared += 1
    assert compared >= 15


def test_strategy_labels_never_hide_a_repeated_label():
    game = NormalFormGame.bimatrix([[1, 0]], [[0, 1]], actions=(("a",), ("b; c", "d")))
    assert to_normal_form(from_normal_form(game)).actions == (("a",), ("b; c", "d"))
