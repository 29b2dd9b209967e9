"""The game type: what it accepts, what it refuses, and that nobody can change it afterwards."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings

from games.normal_form import NormalFormGame
from tests.strategies import normal_form_games


def test_payoffs_are_copied_and_read_only():
    source = np.zeros((2, 2, 3))
    game = NormalFormGame(source)
    source[:] = 7
    assert not game.payoffs.any()
    assert game.payoffs.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        game.payoffs[0, 0, 0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        game.name = "other"


def test_default_and_given_labels():
    game = NormalFormGame(np.zeros((2, 2, 3)))
    assert game.actions == (("0", "1"), ("0", "1", "2"))
    assert game.players == ("0", "1")
    named = NormalFormGame(np.zeros((2, 1, 2)), [["up"], ["left", "right"]], ["row", "column"], "named")
    assert named.actions == (("up",), ("left", "right"))
    assert (named.players, named.name) == (("row", "column"), "named")


def test_sizes_and_range():
    game = NormalFormGame(np.arange(3 * 2 * 3 * 4, dtype=float).reshape(3, 2, 3, 4))
    assert (game.num_players, game.num_actions, game.payoff_range) == (3, (2, 3, 4), 71.0)


def test_one_player_is_a_game():
    game = NormalFormGame([[1, 5, 2]])
    assert (game.num_players, game.num_actions) == (1, (3,))


def test_bimatrix_and_zero_sum_layout():
    rows, columns = [[1, 2, 3], [4, 5, 6]], [[9, 8, 7], [6, 5, 4]]
    game = NormalFormGame.bimatrix(rows, columns, actions=(["a", "b"], ["x", "y", "z"]), name="n")
    assert game.payoffs[0, 1, 2] == 6
    assert game.payoffs[1, 1, 2] == 4
    assert (game.actions[1][2], game.name) == ("z", "n")
    zero = NormalFormGame.zero_sum(rows, name="z")
    np.testing.assert_array_equal(zero.payoffs, [rows, -np.array(rows)])
    assert zero.is_zero_sum()
    assert not game.is_zero_sum()
    assert game.constant_sum() == 10


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_constant_sum_is_up_to_rounding_at_any_scale(scale):
    rows = scale * np.array([[0.1, 0.2], [0.3, 0.7]])
    assert NormalFormGame.bimatrix(rows, scale * 0.9 - rows).constant_sum() == pytest.approx(0.9 * scale)
    assert NormalFormGame.bimatrix(rows, -rows + scale * 1e-16).is_zero_sum()
    off = rows.copy()
    off[0, 0] += scale * 1e-6
    game = NormalFormGame.bimatrix(off, scale * 0.9 - rows)
    assert game.constant_sum() is None
    assert not game.is_zero_sum()


def test_an_all_zero_game_is_zero_sum():
    game = NormalFormGame(np.zeros((3, 2, 2, 2)))
    assert game.is_zero_sum()
    assert game.constant_sum() == 0
    assert game.payoff_range == 0


@settings(max_examples=40, deadline=None)
@given(normal_form_games(zero_sum=True))
def test_drawn_zero_sum_games_are_zero_sum(game):
    assert game.is_zero_sum()


@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (1, 2, 2), (2, 2, 2, 2), (2, 0, 2), (0, 2)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"payoffs must have shape \(N, n_1, ..., n_N\).*got"):
        NormalFormGame(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_payoffs_are_refused_with_their_place(bad):
    payoffs = np.zeros((2, 2, 3))
    payoffs[1, 0, 2] = bad
    with pytest.raises(ValueError, match=r"payoffs must be finite, got .* at index \(1, 0, 2\)"):
        NormalFormGame(payoffs)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"actions": (("a",), ("x", "y"))}, "actions must hold distinct labels in numbers"),
        ({"actions": (("a", "b"),)}, "actions must hold distinct labels"),
        ({"actions": (("a", "a"), ("x", "y"))}, "actions must hold distinct labels"),
        ({"players": ("a",)}, "players must hold 2 distinct labels"),
        ({"players": ("a", "a")}, "players must hold 2 distinct labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        NormalFormGame(np.zeros((2, 2, 2)), **options)


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"payoffs must have shape \(m, n\), got \(2,\)"):
        NormalFormGame.zero_sum([1, 2])
    with pytest.raises(ValueError, match=r"rows must have shape \(m, n\)"):
        NormalFormGame.bimatrix([1], [[1]])
    with pytest.raises(ValueError, match="same shape"):
        NormalFormGame.bimatrix([[1, 2]], [[1], [2]])
    with pytest.raises(ValueError, match="could not convert"):
        NormalFormGame.zero_sum([["a"]])
