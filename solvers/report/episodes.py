"""Pictures of single episodes; each function returns a matplotlib figure and touches no global state.

An episode is the sequence of its states, from the start to the end.
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from games.driving.merge import DRIVERS, Lane, MergeGame, RoadState
from games.gridworlds.trust_dilemma import HUNTERS, HuntState, TrustDilemma
from games.protocols import EnvGame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

State = TypeVar("State")

_COLOURS = ("C0", "C1")


def plot_hunt(game: TrustDilemma, states: Sequence[HuntState]) -> "Figure":
    """The grid at every step, side by side: hunters as discs, the stag as a star, hares as triangles.

    A hunter whose hunt is over is hollow, with what it earned written beside it.

    Raises:
        ValueError: there are no states.
    """
    _require(states)
    columns = min(len(states), 5)
    rows = -(-len(states) // columns)
    figure = _figure(1.9 * columns, 2.1 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(states) :]:
        axis.axis("off")
    for axis, state in zip(axes, states, strict=False):
        _draw_grid(axis, game, state)
    return figure


def plot_merge(game: MergeGame, states: Sequence[RoadState]) -> "Figure":
    """Cells over time: a line per car, dashed while on the ramp, a cross where they crash.

    Raises:
        ValueError: there are no states.
    """
    _require(states)
    figure = _figure(5.2, 3.8)
    axis = figure.subplots()
    times = [state.time for state in states]
    for i, driver in enumerate(DRIVERS):
        cells = [state.cars[i].cell for state in states]
        axis.plot(times[:1], cells[:1], color=_COLOURS[i], marker="o", label=driver)
        for k in range(1, len(states)):
            style = "--" if states[k].cars[i].lane == Lane.RAMP else "-"
            axis.plot(times[k - 1 : k + 1], cells[k - 1 : k + 1], style, color=_COLOURS[i], marker="o", ms=4)
        if states[-1].crashed:
            axis.plot(times[-1:], cells[-1:], color="red", marker="x", ms=12, mew=3)
    axis.axhline(game.ramp - 0.5, color="0.6", lw=1.0, ls=":")
    axis.text(0.0, game.ramp - 0.4, "end of the ramp", color="0.4", fontsize=8)
    axis.set(xlabel="step", ylabel="cell", xlim=(-0.2, game.horizon + 0.2), ylim=(-0.5, game.length + 0.5))
    axis.grid(alpha=0.3, lw=0.4)
    axis.legend(frameon=False, fontsize=9)
    figure.suptitle("solid on the main lane, dashed on the ramp", fontsize=10)
    return figure


def save_episode_gif(
    game: EnvGame[State],
    states: Sequence[State],
    path: str | os.PathLike[str],
    *,
    frames_per_second: int = 2,
) -> None:
    """An animation of any game: what ``game.describe`` writes of each state, frame by frame.

    Raises:
        ValueError: there are no states, or ``frames_per_second`` is below 1.
        OSError: the file cannot be written.
    """
    from matplotlib.animation import PillowWriter

    _require(states)
    if frames_per_second < 1:
        raise ValueError(f"frames_per_second must be at least 1, got {frames_per_second}")
    texts = [game.describe(state) for state in states]
    lines = [text.splitlines() for text in texts]
    wide = max(len(line) for text in lines for line in text)
    high = max(map(len, lines))
    figure = _figure(0.10 * wide + 0.4, 0.21 * high + 0.4)
    words = figure.text(0.02, 0.98, "", va="top", family="monospace", fontsize=11)
    writer = PillowWriter(fps=frames_per_second)
    with writer.saving(figure, os.fspath(path), dpi=100):
        for text in texts:
            words.set_text(text)
            writer.grab_frame()


def _draw_grid(axis: "Axes", game: TrustDilemma, state: HuntState) -> None:
    axis.set(xlim=(-0.5, game.columns - 0.5), ylim=(game.rows - 0.5, -0.5), aspect="equal")
    axis.set_xticks(np.arange(game.columns + 1) - 0.5, [])
    axis.set_yticks(np.arange(game.rows + 1) - 0.5, [])
    axis.tick_params(length=0)
    axis.grid(lw=0.6, color="0.8")
    axis.set_title(f"step {state.time}", fontsize=9)
    for hare in state.hares:
        axis.plot(hare % game.columns, hare // game.columns, "^", color="0.55", ms=9)
    if state.stag >= 0:
        axis.plot(state.stag % game.columns, state.stag // game.columns, "*", color="saddlebrown", ms=16)
    for i, hunter in enumerate(HUNTERS):
        # Beside each other, so that two hunters in one cell both show.
        x, y = state.hunters[i] % game.columns + 0.2 * (2 * i - 1), state.hunters[i] // game.columns
        fill = "none" if state.done[i] else _COLOURS[i]
        axis.plot(x, y, "o", color=_COLOURS[i], mfc=fill, ms=9, label=hunter)
        if state.done[i]:
            axis.annotate(f"{state.earned[i]:+g}", (x, y), (0, 7), textcoords="offset points", ha="center")


def _require(states: Sequence[object]) -> None:
    if not states:
        raise ValueError("an episode needs at least one state")


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=150)
