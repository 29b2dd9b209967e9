"""Pictures of episodes show the states they were given."""

import numpy as np
import pytest
from PIL import Image

from games.driving.merge import Drive, MergeGame
from games.gridworlds.trust_dilemma import Step, TrustDilemma
from solvers.report.episodes import plot_hunt, plot_merge, save_episode_gif

RNG = np.random.default_rng(0)


def play(game, joints):
    states = [game.initial(RNG)]
    for joint in joints:
        movers = game.to_move(states[-1])
        states.append(game.step(states[-1], {i: joint[i] for i in movers}, RNG))
    return states


ROW = TrustDilemma(rows=1, columns=5, hunters=((0, 1), (0, 3)), stag=(0, 2), hares=((0, 0), (0, 4)))
HUNT = play(ROW, [(Step.STAY, Step.STAY), (Step.RIGHT, Step.RIGHT)])
CRASH = play(MergeGame(), [(Drive.KEEP, Drive.KEEP), (Drive.KEEP, Drive.CHANGE)])


def test_a_hunt_has_one_grid_per_step():
    figure = plot_hunt(ROW, HUNT)
    grids = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in grids] == ["step 0", "step 1", "step 2"]
    discs = {
        line.get_label(): line for line in grids[0].lines if line.get_label() in ("hunter A", "hunter B")
    }
    assert discs["hunter A"].get_xdata()[0] == pytest.approx(0.8)
    assert discs["hunter B"].get_xdata()[0] == pytest.approx(3.2)
    assert [line.get_marker() for line in grids[0].lines].count("^") == 2
    assert [line.get_marker() for line in grids[2].lines].count("^") == 1  # eaten
    assert "*" not in [line.get_marker() for line in grids[2].lines]  # escaped
    assert [text.get_text() for text in grids[2].texts] == ["-1", "+2"]


def test_long_hunts_go_over_rows():
    states = play(ROW, [(Step.STAY, Step.STAY)] * 6)
    figure = plot_hunt(ROW, states)
    assert len(figure.axes) == 10
    assert sum(axis.axison for axis in figure.axes) == 7


def test_a_merge_draws_the_cells_over_time_and_marks_the_crash():
    figure = plot_merge(MergeGame(), CRASH)
    axis = figure.axes[0]
    assert CRASH[-1].crashed
    assert [line.get_marker() for line in axis.lines].count("x") == 2
    solid = [line.get_xydata()[-1].tolist() for line in axis.lines if line.get_marker() == "o"]
    for state in CRASH[1:]:
        for car in state.cars:
            assert [state.time, car.cell] in solid
    styles = [line.get_linestyle() for line in axis.lines if len(line.get_xdata()) == 2]
    assert "--" in styles
    calm = plot_merge(MergeGame(), play(MergeGame(), [(Drive.KEEP, Drive.BRAKE)]))
    assert "x" not in [line.get_marker() for line in calm.axes[0].lines]


@pytest.mark.parametrize(("game", "states"), [(ROW, HUNT), (MergeGame(), CRASH)], ids=["hunt", "merge"])
def test_any_episode_becomes_a_gif(tmp_path, game, states):
    save_episode_gif(game, states, tmp_path / "episode.gif", frames_per_second=4)
    with Image.open(tmp_path / "episode.gif") as image:
        assert image.n_frames == len(states)
        assert image.info["duration"] == 250
        first = np.array(image.convert("L"))
        image.seek(1)
        assert (first != np.array(image.convert("L"))).any()
        assert (first < 128).any()


def test_bad_arguments(tmp_path):
    for call in (
        lambda: plot_hunt(ROW, []),
        lambda: plot_merge(MergeGame(), []),
        lambda: save_episode_gif(ROW, [], tmp_path / "x.gif"),
    ):
        with pytest.raises(ValueError, match="at least one state"):
            call()
    with pytest.raises(ValueError, match="frames_per_second must be at least 1"):
        save_episode_gif(ROW, HUNT, tmp_path / "x.gif", frames_per_second=0)
