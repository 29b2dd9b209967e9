"""One name for every game."""

import pytest

from games.errors import FileFormatError, UnknownNameError, UnsupportedGameError
from games.extensive import nash_conv, uniform_behaviors, write_efg
from games.extensive.catalogue import myerson_card_game
from games.loading import load_game
from games.normal_form import nash_conv as matrix_nash_conv, write_nfg
from games.normal_form.registry import load_named
from games.profiles import uniform_profile


@pytest.mark.parametrize("name", ["oneill", "matrix_rps", "myerson-card-game", "kuhn_poker"])
def test_both_forms_of_a_game_agree(name):
    loaded = load_game(name)
    form, game = loaded.sequence_form(), loaded.normal_form()
    if loaded.is_matrix:
        uniform = nash_conv(form, uniform_behaviors(form))
        assert matrix_nash_conv(game, uniform_profile(game.num_actions)) == pytest.approx(uniform, abs=1e-12)
    assert form.payoff_bounds == (game.payoffs.min(), game.payoffs.max()) or not loaded.is_matrix
    assert load_game(name).source == ("" if "-" in name or name == "oneill" else name)


def test_files_are_told_by_their_suffix(tmp_path):
    write_nfg(load_named("stag-hunt"), tmp_path / "a.nfg")
    write_efg(myerson_card_game(), tmp_path / "b.EFG")
    assert load_game(tmp_path / "a.nfg").normal_form().actions[0] == ("stag", "hare")
    assert load_game(tmp_path / "b.EFG").sequence_form().num_players == 2
    (tmp_path / "broken.nfg").write_text("NFG 1 R")
    with pytest.raises(FileFormatError, match=r"broken\.nfg"):
        load_game(tmp_path / "broken.nfg")
    with pytest.raises(FileNotFoundError):
        load_game(tmp_path / "missing.efg")


def test_open_spiel_can_be_asked_for_by_name():
    assert load_game("open_spiel:kuhn_poker").source == "kuhn_poker"


def test_near_names_come_from_all_sources():
    with pytest.raises(UnknownNameError, match="stag-hunt"):
        load_game("stag-hund")
    with pytest.raises(UnknownNameError, match="kuhn_poker"):
        load_game("kuhn_pokr")


def test_forgetful_trees_have_no_sequence_form():
    with pytest.raises(UnsupportedGameError, match="imperfect recall"):
        load_game("absent-minded-driver").sequence_form()
