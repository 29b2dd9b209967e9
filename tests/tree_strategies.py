"""Hypothesis strategies for game trees, and slow reference code that tests compare with."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from games.extensive.builder import TreeBuilder
from games.extensive.tree import TERMINAL

finite = st.floats(allow_nan=False, allow_infinity=False)
small_integers = st.integers(-9, 9).map(float)
# Every character that means something to Gambit's formats is frequent.
wild_labels = st.text(
    st.sampled_from('ab "\\{},\n\t\r#éλ') | st.characters(codec="utf-8", exclude_characters="\0"),
    min_size=1,
    max_size=6,
)
# What recent versions of Gambit take: printable ASCII, no space at an end, no two in a row.
plain_labels = st.text(st.sampled_from('ab1"\\{},#'), min_size=1, max_size=4).filter(
    lambda text: not text.endswith("\\")
)


@st.composite
def tree_games(
    draw, *, players=(1, 3), max_nodes=25, max_actions=3, payoffs=small_integers, labels=wild_labels
):
    """Small trees of any shape; information sets are drawn freely, so recall is mostly imperfect.

    Chance probabilities are ratios of small integers, zero among them.
    """
    names = draw(st.lists(labels, min_size=players[0], max_size=players[1], unique=True))
    builder = TreeBuilder(draw(st.just("") | labels), names)
    pool = draw(st.lists(labels, min_size=6, max_size=6, unique=True))
    infosets = {}
    open_edges = [None]
    nodes = 0
    while open_edges:
        edge = open_edges.pop(draw(st.integers(0, len(open_edges) - 1)))
        nodes += 1
        full = nodes + len(open_edges) + max_actions > max_nodes
        kind = "terminal" if full else draw(st.sampled_from(("decision", "decision", "chance", "terminal")))
        if kind == "terminal":
            builder.terminal(edge, [draw(payoffs) for _ in names])
            continue
        if kind == "chance":
            weights = draw(st.lists(st.integers(0, 5), min_size=1, max_size=max_actions).filter(any))
            branch = builder.chance(edge, {pool[k]: Fraction(w, sum(weights)) for k, w in enumerate(weights)})
        else:
            player = draw(st.integers(0, len(names) - 1))
            label = draw(st.sampled_from(pool))
            count = infosets.setdefault((player, label), draw(st.integers(1, max_actions)))
            branch = builder.decision(edge, player, label, pool[:count])
        open_edges.extend(branch[label] for label in branch.labels)
    return builder.build()


def assert_same_tree(one, two):
    """Every array and every label is equal."""
    for name in ("parent", "move", "chance", "actor", "infoset", "payoffs", "infoset_player"):
        left, right = getattr(one, name), getattr(two, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right, err_msg=name)
    for name in ("num_players", "infoset_labels", "infoset_actions", "infoset_action_ids", "chance_labels"):
        assert getattr(one, name) == getattr(two, name), name
    assert (one.name, one.players) == (two.name, two.players)


def random_behaviors(tree, rng, *, pure=False):
    """One distribution per information set."""
    sizes = [len(actions) for actions in tree.infoset_actions]
    if pure:
        return [np.eye(n)[rng.integers(n)] for n in sizes]
    return [rng.dirichlet(np.ones(n)) for n in sizes]


def expected_payoffs(tree, behaviors):
    """Expected payoff of each player, by walking down the tree."""
    reach = np.ones(tree.num_nodes)
    for k in range(1, tree.num_nodes):
        up = tree.parent[k]
        here = behaviors[tree.infoset[up]][tree.move[k]] if tree.actor[up] >= 0 else tree.chance[k]
        reach[k] = reach[up] * here
    return reach[tree.actor == TERMINAL] @ tree.payoffs
