"""Sequence forms: what breaks their rules is named, and different ones have different fingerprints."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from games.errors import UnsupportedGameError
from games.extensive.fingerprint import fingerprint, first_difference
from games.extensive.folding import fold
from games.extensive.form_checks import validate_form
from games.extensive.normal_form import from_normal_form
from games.extensive.sequence_form import Treeplex, Utility
from games.normal_form import NormalFormGame
from tests.strategies import normal_form_games
from tests.tree_strategies import tree_games

FORM = fold(from_normal_form(NormalFormGame.zero_sum([[3, -1, 0], [-2, 1, 4]], name="skewed")))


def changed(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


def with_plex(player=0, **changes):
    plexes = list(FORM.treeplexes)
    plexes[player] = replace(plexes[player], **changes)
    return replace(FORM, treeplexes=tuple(plexes))


@settings(deadline=None, max_examples=60)
@given(tree_games(max_nodes=15))
def test_every_fold_passes(tree):
    try:
        form = fold(tree)
    except UnsupportedGameError:
        return
    validate_form(form)


@settings(deadline=None, max_examples=40)
@given(normal_form_games())
def test_every_matrix_game_passes(game):
    form = fold(from_normal_form(game))
    validate_form(form)
    assert fingerprint(form) == fingerprint(fold(from_normal_form(game)))


PLEX = FORM.treeplexes[0]
BROKEN = [
    (with_plex(parent=PLEX.parent.astype(np.int64)), "player 0: parent must be int32"),
    (with_plex(1, parent=np.array([1], np.int32)), "player 1: parent of information set 0 is 1"),
    (with_plex(parent=np.array([-1], np.int32)), "parent of information set 0 is -1"),
    (with_plex(start=np.array([0, 3], np.int32)), "start must begin with 1"),
    (with_plex(action_ids=np.array([0, 0, 1])), "action_ids with -1"),
    (with_plex(actions=(("a",),)), "but 1 actions have labels"),
    (with_plex(actions=()), "actions must have one entry"),
    (with_plex(actions=(("a", "a"),)), "repeated action labels"),
    (with_plex(infosets=("a", "b")), "must be int32 of shape"),
    (replace(FORM, weight=FORM.weight[:-1]), "sequences must be int32 of shape"),
    (replace(FORM, sequences=FORM.sequences.astype(np.int64)), "sequences must be int32"),
    (replace(FORM, sequences=changed(FORM.sequences, (0, 2), 3)), r"entry 2 has sequences \[3"),
    (replace(FORM, sequences=FORM.sequences[:, ::-1].copy()), "entries 0 and 1 are not distinct"),
    (replace(FORM, weight=changed(FORM.weight, 1, np.nan)), "weight must be finite, got nan at entry 1"),
    (replace(FORM, weight=changed(FORM.weight, 1, -1.0)), "must not be negative, as they are at entry 1"),
    (replace(FORM, payoff=changed(FORM.payoff, (1, 3), np.inf)), "payoff must be finite"),
    (replace(FORM, payoff_sq=changed(FORM.payoff_sq, (1, 3), -1e-3)), "must not be negative"),
    (replace(FORM, payoff_bounds=(-3.0, 4.0)), "exceeded at entry"),
    (replace(FORM, payoff_bounds=(4.0, -4.0)), "two finite numbers in order"),
    (replace(FORM, payoff_bounds=(-np.inf, 4.0)), "two finite numbers in order"),
    (replace(FORM, utility=Utility.COMMON), "utility is common-payoff, but the payoffs at entry"),
    (replace(FORM, payoff=changed(FORM.payoff, (0, 0), 3.5)), "utility is zero-sum"),
]


@pytest.mark.parametrize(("form", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_rules_are_named(form, message):
    with pytest.raises(ValueError, match=message) as caught:
        validate_form(form)
    assert "'skewed'" in str(caught.value)


def test_repeated_information_sets_are_named():
    plex = Treeplex(
        np.array([0, 1], np.int32),
        np.array([1, 3, 5], np.int32),
        ("again", "again"),
        (("a", "b"), ("a", "b")),
        np.array([-1, 0, 1, 0, 1]),
    )
    validate_form(with_plex_replaced(replace(plex, infosets=("first", "second"))))
    with pytest.raises(ValueError, match="infosets must have distinct labels"):
        validate_form(with_plex_replaced(plex))


def with_plex_replaced(plex):
    return replace(FORM, treeplexes=(plex, FORM.treeplexes[1]))


@pytest.mark.parametrize("shift", [0.5, 1e6])
def test_constant_sums_hold_at_every_entry(shift):
    rows = np.array([[3.0, -1.0], [-2.0, 1.0]])
    form = fold(from_normal_form(NormalFormGame.bimatrix(rows + shift, shift - rows)))
    assert form.utility is Utility.CONSTANT_SUM
    validate_form(form)
    moved = changed(form.payoff, (1, 2), form.payoff[1, 2] - 0.25)
    with pytest.raises(ValueError, match="utility is constant-sum"):
        validate_form(replace(form, payoff=moved))
    validate_form(replace(form, payoff=moved, utility=Utility.GENERAL))


DIFFERENT = [
    (replace(FORM, utility=Utility.GENERAL), "utility"),
    (replace(FORM, payoff_bounds=(-4.0, 5.0)), "payoff_bounds"),
    (with_plex(1, infosets=("x",)), "infosets of player 1"),
    (with_plex(actions=(("01", ""),)), "actions of player 0"),
    (with_plex(actions=(("0", "\ud800"),)), "actions of player 0"),
    (with_plex(action_ids=np.array([-1, 1, 0])), "action_ids of player 0"),
    (replace(FORM, sequences=changed(FORM.sequences, (1, 0), 2)), "sequences"),
    (replace(FORM, weight=changed(FORM.weight, 0, np.nextafter(1.0, 2.0))), "weight"),
    (replace(FORM, payoff=np.nextafter(FORM.payoff, 9.0)), "payoff"),
    (replace(FORM, payoff_sq=2 * FORM.payoff_sq), "payoff_sq"),
]


@pytest.mark.parametrize(
    ("form", "part"), DIFFERENT, ids=[f"{k}-{part}" for k, (_, part) in enumerate(DIFFERENT)]
)
def test_fingerprints_tell_forms_apart(form, part):
    assert fingerprint(form) != fingerprint(FORM)
    assert first_difference(form, FORM) == first_difference(FORM, form) == part


def test_fingerprints_overlook_names_and_signs_of_zero():
    other = replace(
        FORM, name="other", source="elsewhere", payoff=np.where(FORM.payoff == 0, -0.0, FORM.payoff)
    )
    assert fingerprint(other) == fingerprint(FORM)
    assert first_difference(other, FORM) is None
    assert len(fingerprint(FORM)) == 64


def test_labels_cannot_run_into_each_other():
    pairs = [("a", "bc"), ("ab", "c"), ("abc", ""), ("a\x1fb", "c"), ("a", "b\x1fc"), ("a\0", "bc")]
    marks = {fingerprint(with_plex(actions=(pair,))) for pair in pairs}
    assert len(marks) == len(pairs)


def test_numbers_of_players_are_told_apart():
    three = fold(from_normal_form(NormalFormGame(np.zeros((3, 2, 2, 2)))))
    assert first_difference(three, FORM) == "number of players"
