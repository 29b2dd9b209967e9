"""Policies by label are the same policies."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from games.adapters.open_spiel_tree import compile_open_spiel
from games.errors import UnknownNameError
from games.extensive import behaviors_of_labels, labelled_policies, uniform_behaviors

FORM = compile_open_spiel("kuhn_poker(players=3)")


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_there_and_back(seed):
    rng = np.random.default_rng(seed)
    behaviors = []
    for uniform in uniform_behaviors(FORM):
        p = rng.uniform(size=(uniform.size - 1) // 2)
        behaviors.append(np.concatenate(([1.0], np.column_stack([p, 1 - p]).ravel())))
    back = behaviors_of_labels(FORM, labelled_policies(FORM, behaviors))
    for mine, theirs in zip(behaviors, back, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_labels_are_the_games_and_omitted_actions_are_not_played():
    policies = [{label: {"Bet": 1.0} for label in plex.infosets} for plex in FORM.treeplexes]
    behaviors = behaviors_of_labels(FORM, policies)
    tables = labelled_policies(FORM, behaviors)
    assert tables[0]["0"] == {"Pass": 0.0, "Bet": 1.0}
    assert [len(table) for table in tables] == [plex.num_infosets for plex in FORM.treeplexes]


def test_wrong_words_are_named():
    policies = [dict(table) for table in labelled_policies(FORM, uniform_behaviors(FORM))]
    with pytest.raises(ValueError, match="one mapping per player"):
        behaviors_of_labels(FORM, policies[:2])
    with pytest.raises(UnknownNameError, match="did you mean 'Pass'"):
        behaviors_of_labels(FORM, [policies[0] | {"0": {"Pas": 1.0}}, *policies[1:]])
    with pytest.raises(UnknownNameError, match="information set '0pbx'"):
        behaviors_of_labels(FORM, [policies[0] | {"0pbx": {}}, *policies[1:]])
    short = {label: mix for label, mix in policies[0].items() if label != "0"}
    with pytest.raises(ValueError, match="'0' is missing"):
        behaviors_of_labels(FORM, [short, *policies[1:]])
    with pytest.raises(ValueError, match="shapes"):
        labelled_policies(FORM, [[1.0]] * 3)
