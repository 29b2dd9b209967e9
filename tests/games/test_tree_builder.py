"""Trees built by hand: any order of building gives the same tree, and slips are named."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from games.errors import UnknownNameError
from games.extensive.builder import TreeBuilder
from games.extensive.checks import validate_tree
from games.extensive.tree import CHANCE, TERMINAL
from tests.tree_strategies import assert_same_tree, tree_games


def test_arrays_of_a_small_tree():
    builder = TreeBuilder("coin", ("A", "B"))
    coin = builder.chance(None, {"heads": Fraction(1, 3), "tails": Fraction(2, 3)})
    tails = builder.decision(coin["tails"], 0, "called", ("x", "y"))
    heads = builder.decision(coin["heads"], 1, "called", ("z",))
    builder.terminal(tails["y"], (3, -3))
    builder.terminal(heads["z"], (1, -1))
    builder.terminal(tails["x"], (2, -2))
    tree = builder.build()
    validate_tree(tree)
    assert tree.parent.tolist() == [-1, 0, 1, 0, 3, 3]
    assert tree.move.tolist() == [-1, 0, 0, 1, 0, 1]
    assert tree.chance.tolist() == [1, 1 / 3, 1, 2 / 3, 1, 1]
    assert tree.actor.tolist() == [CHANCE, 1, TERMINAL, 0, TERMINAL, TERMINAL]
    # Numbered by first appearance in the tree, not in the order of building; a label is the player's own.
    assert tree.infoset.tolist() == [-1, 0, -1, 1, -1, -1]
    assert tree.infoset_player.tolist() == [1, 0]
    assert tree.infoset_labels == ("called", "called")
    assert tree.infoset_actions == (("z",), ("x", "y"))
    assert tree.payoffs.tolist() == [[1, -1], [2, -2], [3, -3]]
    assert tree.chance_labels == (("heads", "tails"),)


@settings(max_examples=60, deadline=None)
@given(tree_games())
def test_rebuilding_in_reverse_order_gives_the_same_tree(tree):
    children = {k: [] for k in range(tree.num_nodes)}
    for k in range(1, tree.num_nodes):
        children[tree.parent[k]].append(k)
    leaf = {int(k): row for k, row in zip(np.flatnonzero(tree.actor == TERMINAL), tree.payoffs, strict=True)}
    labels = dict(zip(np.flatnonzero(tree.actor == CHANCE).tolist(), tree.chance_labels, strict=True))
    builder = TreeBuilder(tree.name, tree.players)
    stack = [(0, None)]
    while stack:
        k, edge = stack.pop()
        if k in leaf:
            builder.terminal(edge, leaf[k])
            continue
        if k in labels:
            outcomes = zip(labels[k], tree.chance[children[k]], strict=True)
            branch = builder.chance(edge, dict(outcomes))
        else:
            h = tree.infoset[k]
            branch = builder.decision(
                edge, int(tree.actor[k]), tree.infoset_labels[h], tree.infoset_actions[h]
            )
        # The last child is popped, and built, first.
        stack.extend((c, branch[label]) for c, label in zip(children[k], branch.labels, strict=True))
    assert_same_tree(builder.build(), tree)


def started():
    builder = TreeBuilder("slips", ("A", "B"))
    return builder, builder.decision(None, 0, "start", ("left", "right"))


def slip_twice_root():
    builder, _ = started()
    builder.terminal(None, (0, 0))


def slip_twice_edge():
    builder, root = started()
    builder.terminal(root["left"], (0, 0))
    builder.terminal(root["left"], (0, 0))


def slip_open_edge():
    builder, root = started()
    builder.terminal(root["left"], (0, 0))
    builder.build()


def slip_other_actions():
    builder, root = started()
    builder.decision(root["left"], 0, "start", ("right", "left"))


SLIPS = {
    "no players": (lambda: TreeBuilder("x", ()), "players must be one or more distinct labels"),
    "repeated players": (lambda: TreeBuilder("x", ("A", "A")), "distinct labels"),
    "empty": (lambda: TreeBuilder("x", ("A",)).build(), "has no node yet"),
    "root twice": (slip_twice_root, "the tree has its root already"),
    "edge twice": (slip_twice_edge, "the move 'left' of node 0 leads to a node already"),
    "open": (slip_open_edge, "the move 'right' of node 0 leads nowhere yet"),
    "other actions": (
        slip_other_actions,
        r"'start' of player 0 has the actions \('left', 'right'\), got \('right'",
    ),
    "player": (lambda: TreeBuilder("x", ("A",)).decision(None, 1, "h", ("a",)), r"must lie in 0..0, got 1"),
    "negative player": (lambda: TreeBuilder("x", ("A",)).decision(None, -1, "h", ("a",)), "got -1"),
    "no actions": (lambda: TreeBuilder("x", ("A",)).decision(None, 0, "h", ()), "actions must be a sequence"),
    "a word": (lambda: TreeBuilder("x", ("A",)).decision(None, 0, "h", "ab"), "distinct labels, got 'ab'"),
    "repeated": (lambda: TreeBuilder("x", ("A",)).decision(None, 0, "h", ("a", "a")), "distinct labels"),
    "sum": (lambda: TreeBuilder("x", ("A",)).chance(None, {"a": 0.5, "b": 0.4}), "sum to one, got .*sum 0.9"),
    "negative": (lambda: TreeBuilder("x", ("A",)).chance(None, {"a": 1.5, "b": -0.5}), "non-negative"),
    "nan": (
        lambda: TreeBuilder("x", ("A",)).chance(None, {"a": float("nan")}),
        "non-negative and sum to one",
    ),
    "payoffs": (
        lambda: TreeBuilder("x", ("A",)).terminal(None, (1, 2)),
        r"must be 1 finite numbers, got \(1, 2\)",
    ),
    "infinite": (lambda: TreeBuilder("x", ("A",)).terminal(None, (float("inf"),)), "finite numbers"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_are_named(slip):
    make, message = SLIPS[slip]
    with pytest.raises(ValueError, match=message):
        make()


def test_near_matches_of_a_move_are_suggested():
    _, root = started()
    with pytest.raises(UnknownNameError, match="node 0: 'rigth'; did you mean 'right'"):
        root["rigth"]


def test_a_refused_node_leaves_the_builder_as_it_was():
    builder, root = started()
    with pytest.raises(ValueError, match="finite"):
        builder.terminal(root["left"], (0,))
    with pytest.raises(ValueError, match="leads to a node already"):
        builder.terminal(root["right"], (0, 0)) or builder.decision(root["right"], 1, "h", ("a",))
    builder.terminal(root["left"], (1, 1))
    again = builder.build()
    assert again.num_nodes == 3
    assert again.infoset_labels == ("start",)
