"""Laid-out games: nothing is lost on the way, and compiled sweeps see the same game."""

import numpy as np
import pytest
from hypothesis import assume, given, settings

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnsupportedGameError
from games.extensive import fold, kernels, uniform_behaviors
from games.extensive.evaluation import join_plans
from solvers.trees.cfr_kernels import _gradient
from solvers.trees.layout import lay_out
from tests.tree_strategies import tree_games

NAMES = [
    "kuhn_poker",
    "leduc_poker",
    "kuhn_poker(players=3)",
    "liars_dice(numdice=1,dice_sides=3)",
    "goofspiel(num_cards=4,imp_info=True,points_order=descending)",
]


def check(form):
    layout = lay_out(form)
    size = sum(form.num_sequences)
    assert sorted(layout.place.tolist()) == list(range(size))
    array = np.random.default_rng(0).normal(size=size)
    np.testing.assert_array_equal(layout.restored(layout.laid_out(array)), array)
    blocks = layout.blocks
    # Parents lie before their children, which the sweeps rely on.
    for b in range(blocks.begin.size):
        parents = blocks.parent[blocks.slot[b] : blocks.slot[b] + blocks.size[b]]
        assert (parents < blocks.begin[b]).all()
    # Actions of an information set lie n apart, below the same parent.
    flat = form.flat
    block_of = np.searchsorted(blocks.begin, layout.place[flat.first], side="right") - 1
    for h, b in enumerate(block_of):
        k = layout.place[flat.first[h]] - blocks.begin[b]
        assert 0 <= k < blocks.size[b]
        assert blocks.width[b] == flat.last[h] - flat.first[h]
        np.testing.assert_array_equal(np.diff(layout.place[flat.first[h] : flat.last[h]]), blocks.size[b])
        assert blocks.parent[blocks.slot[b] + k] == layout.place[flat.parent[h]]
    # Gradients agree with those of the form.
    plans = join_plans(form, uniform_behaviors(form)) * np.random.default_rng(1).uniform(size=size)
    expected = np.zeros(size)
    found = np.zeros(size)
    for i in range(form.num_players):
        begin, end = flat.sequence_offset[i : i + 2]
        kernels.add_gradient(i, form.sequences, form.payoff[i], flat, plans, expected[begin:end])
        _gradient(i, layout.segments, layout.laid_out(plans), found)
    np.testing.assert_allclose(layout.restored(found), expected, rtol=1e-12, atol=1e-12)
    assert layout.segments.values.size == np.count_nonzero(form.payoff)


@pytest.mark.parametrize("name", NAMES)
def test_games_are_laid_out_whole(name):
    check(compile_open_spiel(name))


@settings(deadline=None, max_examples=60)
@given(tree_games())
def test_trees_of_any_shape_are_laid_out_whole(tree):
    try:
        form = fold(tree)
    except UnsupportedGameError:
        assume(False)
    check(form)


def test_alike_information_sets_share_few_blocks_and_rows():
    layout = lay_out(compile_open_spiel("leduc_poker"))
    assert layout.blocks.begin.size == 14
    assert layout.segments.row.size <= 60
