"""Cross-play in words, numbers and colours, and pictures of games without a drawing of their own."""

import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from games.adapters.open_spiel import open_spiel_game
from games.driving.merge import MergeGame
from games.gridworlds.trust_dilemma import small_trust_dilemma
from marl.populations import with_recall
from marl.rollouts import wilson_rate
from marl.rollouts.cross_play import CrossPlay
from solvers.report import (
    cross_play_record,
    cross_play_table,
    plot_cross_play,
    plot_episode,
    plot_texts,
    save_episode_gif,
)


def crossed(*, exact=False, events=True):
    means = np.arange(8.0).reshape(2, 2, 2) - 3.0
    counts = np.array([[[0, 0], [5, 10]], [[10, 5], [20, 20]]])
    return CrossPlay(
        "road",
        ("careful", "bold"),
        means,
        means**2,
        np.zeros((2, 2, 2)) if exact else np.full((2, 2, 2), 0.125),
        20,
        exact,
        counts if events else None,
        0.9,
    )


def words(table):
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    console.file.close()
    return console.export_text()


def test_the_table_has_a_row_per_entrant_and_seat():
    text = words(cross_play_table(crossed()))
    assert "road: cross-play, 20 episodes each" in " ".join(text.split())
    assert text.count("careful") == 3  # two seats, one column
    assert "-3.0000 ± 0.1250" in text
    assert "var 9" in text
    rate = wilson_rate(5, 20, confidence=0.9)
    assert f"event 25.0% ({rate.low:.1%} to {rate.high:.1%})" in text
    exact = words(cross_play_table(crossed(exact=True, events=False)))
    assert "exact" in exact
    assert "±" not in exact
    assert "event" not in exact


def test_the_record_is_json_that_says_all():
    record = json.loads(json.dumps(cross_play_record(crossed())))
    assert [(m["entrant"], m["against"], m["seat"]) for m in record["meetings"]][:3] == [
        ("careful", "careful", 0),
        ("careful", "careful", 1),
        ("careful", "bold", 0),
    ]
    assert record["meetings"][2]["mean"] == -1.0
    assert record["meetings"][2]["events"]["count"] == 5
    assert record["meetings"][2]["events"]["confidence"] == 0.9
    assert "events" not in cross_play_record(crossed(events=False))["meetings"][0]


def test_the_picture_has_a_map_per_seat_and_one_of_events():
    figure = plot_cross_play(crossed())
    maps = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in maps] == [
        "mean payoff in seat 0",
        "mean payoff in seat 1",
        "rate of the event",
    ]
    np.testing.assert_array_equal(maps[1].images[0].get_array(), crossed().means[:, :, 1])
    np.testing.assert_allclose(maps[2].images[0].get_array(), [[0.0, 0.375], [0.375, 1.0]])
    assert sorted(text.get_text() for text in maps[0].texts) == sorted(["-3", "-1", "1", "3"])
    assert len([axis for axis in plot_cross_play(crossed(events=False)).axes if axis.images]) == 2


def tic_tac_toe(moves):
    game, rng = open_spiel_game("tic_tac_toe"), np.random.default_rng(0)
    states = [game.initial(rng)]
    for action in moves:
        (player,) = game.to_move(states[-1])
        states.append(game.step(states[-1], {player: action}, rng))
    return game, states


def test_any_game_is_drawn_by_what_it_writes(tmp_path):
    game, states = tic_tac_toe([0, 1, 4, 2, 8])
    figure = plot_episode(game, states)
    frames = [axis for axis in figure.axes if axis.texts]
    assert [axis.get_title(loc="left") for axis in frames] == [f"state {k} of 5" for k in range(6)]
    assert frames[1].texts[0].get_text() == "x..\n...\n..."
    assert frames[-1].texts[0].get_text().endswith("returns +1, -1")
    save_episode_gif(game, states, tmp_path / "e.gif")
    with Image.open(tmp_path / "e.gif") as image:
        assert image.n_frames == 6


def test_long_episodes_and_texts_are_cut_to_what_can_be_read():
    class Long(MergeGame):
        __slots__ = ()

        def describe(self, state):
            return "\n".join(["$x$" + "y" * 200] * 100)

    game = Long()
    state = game.initial(np.random.default_rng(0))
    figure = plot_texts(game, [state] * 60)
    titles = [axis.get_title(loc="left") for axis in figure.axes if axis.texts]
    assert len(titles) == 24
    assert (titles[0], titles[-1]) == ("state 0 of 59", "state 59 of 59")
    text = figure.axes[0].texts[0].get_text()
    assert len(text.splitlines()) == 60
    assert text.startswith(r"\$x\$")  # no formula
    with pytest.raises(ValueError, match="at least one state"):
        plot_texts(game, [])


def test_states_that_remember_are_drawn_as_their_game():
    game, rng = with_recall(small_trust_dilemma()), np.random.default_rng(0)
    states = [game.initial(rng)]
    states.append(game.step(states[0], {0: 0, 1: 0}, rng))
    grids = [axis for axis in plot_episode(game, states).axes if axis.axison]
    assert [axis.get_title() for axis in grids] == ["step 0", "step 1"]
    assert "hunter A" in [line.get_label() for line in grids[0].lines]
