"""What is known of each kind of game: labels as in the compiled tree, views that hide, limits that hold."""

import json

import numpy as np
import pytest

from games.adapters.normal_form_env import NormalFormEnv
from games.adapters.open_spiel import open_spiel_game
from games.adapters.tree_env import TreeEnv
from games.driving.merge import MergeGame, small_merge
from games.errors import UnsupportedGameError
from games.extensive import uniform_behaviors
from games.gridworlds.trust_dilemma import TrustDilemma, small_trust_dilemma
from games.loading import load_game
from marl.policies import UniformPolicy
from marl.populations import (
    action_label,
    compile_game,
    load_population,
    playable,
    population_of_play,
    save_population,
    view_of,
    with_recall,
)
from marl.populations.game_kinds import information_label
from marl.rollouts import play_states

COMPILED = [
    open_spiel_game("kuhn_poker(players=3)"),
    open_spiel_game("matching_pennies_3p"),
    TreeEnv(load_game("beer-quiche").game),
    NormalFormEnv(load_game("shapley").normal_form()),
    with_recall(small_merge()),
    with_recall(small_trust_dilemma()),
]
RNG = np.random.default_rng(0)
OWN = """EFG 2 R "own" { "Ann" "Bob" } ""
p "" 1 1 "" { "a" "b" } 0
t "" 1 "" { 1 -1 }
t "" 2 "" { -1 1 }
"""


@pytest.mark.parametrize("game", COMPILED, ids=lambda game: game.name)
def test_labels_in_play_are_those_of_the_tree(game):
    compiled = compile_game(game)
    known = [dict(zip(plex.infosets, plex.actions, strict=True)) for plex in compiled.form.treeplexes]
    for _ in range(10):
        for state in play_states(game, [UniformPolicy()] * game.num_players, rng=RNG):
            for i in game.to_move(state):
                legal = np.flatnonzero(game.legal_mask(state, i)).tolist()
                names = tuple(action_label(game, state, i, a) for a in legal)
                assert known[i][information_label(game, state, i)] == names
                assert view_of(game, state, i)
    for i, behavior in enumerate(uniform_behaviors(compiled.form)):
        np.testing.assert_allclose(compiled.behavior(i, UniformPolicy()), behavior)


class Unknown(MergeGame):
    """Of no registered kind."""

    __slots__ = ()


def test_games_of_no_kind_have_numbers_and_observations():
    game = Unknown()
    state = game.initial(RNG)
    assert action_label(game, state, 0, 2) == "2"
    assert view_of(game, state, 0).startswith("[0.")
    for call in (compile_game, lambda g: information_label(g, state, 0)):
        with pytest.raises(UnsupportedGameError, match="of no kind"):
            call(game)


def test_views_show_boards_and_hide_cards_and_what_is_out_of_sight():
    board = open_spiel_game("tic_tac_toe")
    assert view_of(board, board.initial(RNG), 0) == "...\n...\n..."
    poker = open_spiel_game("kuhn_poker")
    state = poker.initial(RNG)
    assert view_of(poker, state, 0) == state.information_state_string(0) != str(state)
    phantom = open_spiel_game("hanabi(players=2)")  # observations only
    assert view_of(phantom, phantom.initial(RNG), 0)
    assert information_label(phantom, phantom.initial(np.random.default_rng(1)), 0)
    near = TrustDilemma(sight=1)
    start = near.initial(RNG)
    assert "other -" in view_of(near, start, 0)
    assert "B" in view_of(TrustDilemma(), start, 0)
    assert action_label(near, start, 0, 1 + 1) == "down"
    assert information_label(near, start, 0) == near.information_key(start, 0)
    road = MergeGame()
    assert action_label(road, road.initial(RNG), 0, 3) == "change"
    assert information_label(road, road.initial(RNG), 1) == road.information_key(road.initial(RNG), 1)


@pytest.mark.parametrize(
    "game",
    [
        open_spiel_game("leduc_poker"),
        NormalFormEnv(load_game("shapley").normal_form()),
        TreeEnv(load_game("beer-quiche").game),
        small_merge(),
        small_trust_dilemma(),
        with_recall(small_merge()),
    ],
    ids=lambda game: game.name,
)
def test_limits_on_histories_hold(game):
    with pytest.raises(UnsupportedGameError, match="max_histories=10"):
        compile_game(game, max_histories=10)


def test_loaded_games_are_played_where_they_are_from(tmp_path):
    assert playable(load_game("leduc_poker")).name == "leduc_poker()"
    assert type(playable(load_game("matrix_rps"))) is NormalFormEnv
    assert type(playable(load_game("centipede"))) is TreeEnv
    assert playable(load_game("merge-small")) == with_recall(small_merge())


def test_what_a_file_cannot_hold_is_left_to_the_caller(tmp_path):
    """A game that OpenSpiel reads from a file of this machine; a tree whose player forgets."""
    (tmp_path / "own.efg").write_text(OWN)
    local = open_spiel_game(f"efg_game(filename={tmp_path / 'own.efg'})")
    forgetful = TreeEnv(load_game("absent-minded-driver").game)
    for game in (local, forgetful):
        uniform = [[UniformPolicy()]] * game.num_players
        save_population(tmp_path / "p.json", population_of_play(game, uniform, [[1.0]] * game.num_players))
        assert json.loads((tmp_path / "p.json").read_text())["game"]["kind"] == "brought"
        assert load_population(tmp_path / "p.json").game is None
        assert load_population(tmp_path / "p.json", game=game).game is game
