"""validate_tree against a slow reading of the rules, rule by rule, and at size."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.extensive.catalogue import myerson_card_game, seltens_horse
from games.extensive.checks import validate_tree
from games.extensive.normal_form import from_normal_form
from games.extensive.tree import CHANCE, TERMINAL
from games.normal_form import NormalFormGame
from tests.tree_strategies import tree_games


def obeys_the_rules(tree):
    """The docstring of TreeGame on preorder, moves, actors, chance and information sets, node by node."""
    children = {k: [] for k in range(tree.num_nodes)}
    path = []
    for k, (up, move) in enumerate(zip(tree.parent.tolist(), tree.move.tolist(), strict=True)):
        if k == 0:
            if (up, move) != (-1, -1):
                return False
        else:
            # In preorder a parent lies on the path to the previous node.
            while path and path[-1] != up:
                path.pop()
            if not path or move != len(children[up]):
                return False
            children[up].append(k)
        path.append(k)
    seen = []
    for k, (actor, h) in enumerate(zip(tree.actor.tolist(), tree.infoset.tolist(), strict=True)):
        if not TERMINAL <= actor < tree.num_players or (actor == TERMINAL) == bool(children[k]):
            return False
        if actor >= 0:
            if not 0 <= h < tree.num_infosets or tree.infoset_player[h] != actor:
                return False
            if len(children[k]) != len(tree.infoset_actions[h]):
                return False
            if h not in seen:
                seen.append(h)
        elif h != -1:
            return False
        probabilities = [tree.chance[c] for c in children[k]]
        if actor == CHANCE and not (min(probabilities) >= 0 and abs(sum(probabilities) - 1) <= 1e-9):
            return False
        if actor != CHANCE and any(p != 1 for p in probabilities):
            return False
    return tree.chance[0] == 1 and seen == list(range(tree.num_infosets)) and np.isfinite(tree.payoffs).all()


@settings(max_examples=60, deadline=None)
@given(tree_games())
def test_good_trees_pass(tree):
    assert obeys_the_rules(tree)
    validate_tree(tree)


@settings(max_examples=300, deadline=None)
@given(tree_games(max_nodes=10, players=(1, 2)), st.data())
def test_a_damaged_tree_passes_exactly_when_the_rules_still_hold(tree, data):
    name = data.draw(st.sampled_from(["parent", "move", "actor", "infoset", "chance", "infoset_player"]))
    array = getattr(tree, name).copy()
    if array.size == 0:
        return
    value = data.draw(st.sampled_from([0.0, 0.5, 1.0, np.nan]) if name == "chance" else st.integers(-3, 6))
    array[data.draw(st.integers(0, array.size - 1))] = value
    damaged = replace(tree, **{name: array})
    leaves = np.count_nonzero(damaged.actor == TERMINAL)
    if leaves == len(tree.payoffs) and obeys_the_rules(damaged):
        validate_tree(replace(damaged, chance_labels=()))
    else:
        with pytest.raises(ValueError, match="tree "):
            validate_tree(damaged)


def changed(tree, name, index, value):
    array = getattr(tree, name).copy()
    array[index] = value
    return replace(tree, **{name: array})


HORSE, CARDS = seltens_horse(), myerson_card_game()

BROKEN = {
    "num_players": (replace(HORSE, num_players=0), "num_players must be at least 1, got 0"),
    "empty": (replace(HORSE, parent=HORSE.parent[:0]), r"shape \(M,\) with M >= 1"),
    "shape": (
        replace(HORSE, move=HORSE.move[:-1]),
        r"move must be int32 of shape \(9,\), got int32 of shape \(8,\)",
    ),
    "dtype": (replace(HORSE, actor=HORSE.actor.astype(np.int64)), "actor must be int32 .* got int64"),
    "payoff rows": (
        replace(HORSE, payoffs=HORSE.payoffs[:-1]),
        r"shape \(5, 3\), got .* \(4, 3\) \(one row per",
    ),
    "payoff columns": (replace(HORSE, num_players=4), r"payoffs must be float64 of shape \(5, 4\)"),
    "root": (changed(HORSE, "parent", 0, 0), "node 0 is the root"),
    "parent later": (changed(HORSE, "parent", 1, 5), "node 1 has parent 5; a parent must precede"),
    "second root": (changed(HORSE, "parent", 3, -1), "node 3 has parent -1"),
    "preorder": (changed(HORSE, "parent", 8, 1), r"node 8 \(child of 1\) is out of depth-first preorder"),
    # Every parent is the latest node one level up, yet node 4 comes when the subtree of node 2 is over.
    "late child": (
        replace(
            HORSE,
            parent=np.array([-1, 0, 1, 0, 2, 4, 4, 4, 4], np.int32),
            move=np.array([-1, 0, 0, 1, 0, 0, 1, 2, 3], np.int32),
        ),
        r"node 4 \(child of 2\) is out of depth-first preorder",
    ),
    "move": (changed(HORSE, "move", 3, 0), "node 3 is child number 1 of node 1, but its move is 0"),
    "actor": (changed(HORSE, "actor", 0, 3), "node 0 has actor 3; wanted a player below 3"),
    "childless": (
        replace(changed(HORSE, "actor", 2, 1), payoffs=HORSE.payoffs[:-1]),
        "node 2 has actor 1 and 0 children; only terminal nodes have none",
    ),
    "infoset range": (changed(HORSE, "infoset", 0, 9), r"node 0 has information set 9, wanted one in 0..2"),
    "infoset of leaf": (changed(HORSE, "infoset", 2, 0), r"node 2 has information set 0, wanted -1"),
    "infoset of another": (
        changed(HORSE, "infoset", 0, 2),
        "node 0 is moved by player 0, but its information set 2 belongs to player 1",
    ),
    "action count": (
        replace(HORSE, infoset_actions=(("L", "R", "M"), *HORSE.infoset_actions[1:])),
        "node 0 has 2 children, but its information set 0 has 3 actions",
    ),
    "action labels": (
        replace(HORSE, infoset_actions=(("L", "L"), *HORSE.infoset_actions[1:])),
        r"information set 0 \('first'\) has repeated action labels",
    ),
    "action ids": (
        replace(HORSE, infoset_action_ids=((0, 0), *HORSE.infoset_action_ids[1:])),
        "needs 2 distinct action ids",
    ),
    "entries": (replace(HORSE, infoset_actions=HORSE.infoset_actions[1:]), "one entry per information set"),
    "infoset labels": (
        replace(CARDS, infoset_labels=("red", "raised", "red")),
        "information set 2 repeats the label 'red' of player 0",
    ),
    "players": (replace(HORSE, players=("1", "2")), "players must be empty or hold 3 distinct labels"),
    "chance sum": (
        changed(CARDS, "chance", 1, 0.5 + 1e-8),
        "chance node 0 has probabilities that sum to 1.00000001",
    ),
    "chance negative": (
        changed(CARDS, "chance", 1, -0.5),
        r"node 1 has chance probability -0.5, outside \[0, 1\]",
    ),
    "chance nan": (changed(CARDS, "chance", 1, np.nan), r"node 1 has chance probability nan"),
    "chance elsewhere": (changed(CARDS, "chance", 2, 0.5), "node 2 does not follow a chance node"),
    "chance labels": (
        replace(CARDS, chance_labels=(("red",),)),
        "chance node 0 has 2 outcomes, but 1 labels",
    ),
    "chance label count": (replace(CARDS, chance_labels=((), ())), "must be empty or have 1 entries, got 2"),
    "payoff": (changed(CARDS, "payoffs", (1, 0), np.inf), r"terminal node 4 has payoffs \[inf, -1.0\]"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_error_names_node_and_rule(case):
    tree, message = BROKEN[case]
    with pytest.raises(ValueError, match=message):
        validate_tree(tree)


def test_unreached_and_unordered_infosets():
    more = replace(
        HORSE,
        infoset_player=np.append(HORSE.infoset_player, np.int32(0)),
        infoset_labels=(*HORSE.infoset_labels, "nowhere"),
        infoset_actions=(*HORSE.infoset_actions, ("L", "R")),
        infoset_action_ids=(*HORSE.infoset_action_ids, (0, 1)),
    )
    with pytest.raises(ValueError, match="information set 3 has no node"):
        validate_tree(more)
    swap = np.array([1, 0, 2], np.int32)
    swapped = replace(
        HORSE,
        infoset=np.where(HORSE.infoset >= 0, swap[HORSE.infoset], -1).astype(np.int32),
        infoset_player=HORSE.infoset_player[swap],
    )
    with pytest.raises(ValueError, match="information set 1 appears before 0"):
        validate_tree(swapped)


def test_rounding_in_chance_is_allowed():
    validate_tree(changed(CARDS, "chance", 1, 0.5 + 1e-12))


def test_large_trees_take_little_time():
    rng = np.random.default_rng(0)
    tree = from_normal_form(NormalFormGame(rng.normal(size=(3, 67, 67, 67))))
    assert tree.num_nodes > 300_000
    validate_tree(tree)
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        validate_tree(tree)
        best = min(best, time.perf_counter() - start)
    assert best < 0.5  # 0.03 s on a quiet core; the bar is for a busy one
