"""Pictures of single episodes; each function returns a matplotlib figure and touches no global state.

An episode is the sequence of its states, from the start to the end.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from games.driving.merge import DRIVERS, Lane, MergeGame, RoadState
from games.gridworlds.trust_dilemma import HUNTERS, HuntState, TrustDilemma
from games.protocols import EnvGame
from marl.populations.recall import RecallGame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

State = TypeVar("State")

_COLOURS = ("C0", "C1")
_POINTS = 11
_LETTER, _LINE = 0.095, 0.2  # inches of a letter and a line at that size
_MOST_FRAMES, _MOST_LINES, _WIDEST = 24, 60, 90


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


def plot_texts(game: EnvGame[State], states: Sequence[State]) -> "Figure":
    """What ``game.describe`` writes of each state, frame beside frame; for games without a drawing.

    Of episodes of more than 24 states, as many are shown, evenly spaced, the first and the last among them.

    Raises:
        ValueError: there are no states.
    """
    _require(states)
    shown = np.unique(np.linspace(0, len(states) - 1, min(len(states), _MOST_FRAMES)).round().astype(int))
    texts = [_frame_text(game, states[k]) for k in shown.tolist()]
    wide, high = _extent(texts)
    # About as wide as high, frames side by side.
    columns = min(len(texts), max(1, round((len(texts) * high * _LINE / (wide * _LETTER)) ** 0.5)))
    rows = -(-len(texts) // columns)
    figure = _figure(columns * (wide * _LETTER + 0.4), rows * (high * _LINE + 0.5))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, k, text in zip(axes, shown.tolist(), texts, strict=False):
        axis.set_title(f"state {k} of {len(states) - 1}", fontsize=9, loc="left")
        axis.text(0.0, 1.0, text, va="top", family="monospace", fontsize=_POINTS, transform=axis.transAxes)
    return figure


def plot_episode(game: EnvGame[Any], states: Sequence[Any]) -> "Figure":
    """A picture of an episode of any game: grids of a hunt, tracks of a merge, else `plot_texts`.

    Raises:
        ValueError: there are no states.
    """
    game, states = without_recall(game, states)
    if isinstance(game, TrustDilemma):
        return plot_hunt(game, states)
    if isinstance(game, MergeGame):
        return plot_merge(game, states)
    return plot_texts(game, states)


def save_episode_gif(
    game: EnvGame[Any],
    states: Sequence[Any],
    path: str | os.PathLike[str],
    *,
    frames_per_second: int = 2,
) -> None:
    """An animation of any game, a frame per state: drawn for hunts and merges, else what it writes of itself.

    Raises:
        ValueError: there are no states, or ``frames_per_second`` is below 1.
        OSError: the file cannot be written.
    """
    from matplotlib.animation import PillowWriter

    _require(states)
    if frames_per_second < 1:
        raise ValueError(f"frames_per_second must be at least 1, got {frames_per_second}")
    game, states = without_recall(game, states)
    figure, draw = _animation(game, states)
    writer = PillowWriter(fps=frames_per_second)
    with writer.saving(figure, os.fspath(path), dpi=100):
        for k in range(len(states)):
            draw(k)
            writer.grab_frame()


def without_recall(game: EnvGame[Any], states: Sequence[Any]) -> tuple[EnvGame[Any], Sequence[Any]]:
    """The game and the states within a `RecallGame`; any other game as it is."""
    if isinstance(game, RecallGame):
        return game.inner, [state.state for state in states]
    return game, states


def _animation(game: EnvGame[Any], states: Sequence[Any]) -> tuple["Figure", Callable[[int], None]]:
    """A figure, and what draws the k-th frame on it."""
    if isinstance(game, TrustDilemma):
        figure = _figure(0.7 * game.columns + 0.4, 0.7 * game.rows + 0.8)
        grid = figure.subplots()

        def draw_hunt(k: int) -> None:
            grid.clear()
            _draw_grid(grid, game, states[k])

        return figure, draw_hunt
    if isinstance(game, MergeGame):
        figure = _figure(0.5 * game.length + 1.0, 2.1)
        road = figure.subplots()

        def draw_road(k: int) -> None:
            road.clear()
            _draw_road(road, game, states[k])

        return figure, draw_road
    texts = [_frame_text(game, state) for state in states]
    wide, high = _extent(texts)
    figure = _figure(wide * _LETTER + 0.4, high * _LINE + 0.4)
    words = figure.text(0.02, 0.98, "", va="top", family="monospace", fontsize=_POINTS)
    return figure, lambda k: words.set_text(texts[k])


def _frame_text(game: EnvGame[Any], state: Any) -> str:  # noqa: ANN401
    """The state in lines of bounded number and length, with what has been earned at the end."""
    lines = [piece for line in game.describe(state).splitlines() for piece in _wrapped(line)][:_MOST_LINES]
    if not game.to_move(state):
        lines.append("returns " + ", ".join(f"{r:+g}" for r in game.returns(state)))
    # A dollar sign would begin a formula.
    return "\n".join(lines).replace("$", r"\$")


def _wrapped(line: str) -> list[str]:
    return [line[k : k + _WIDEST] for k in range(0, len(line), _WIDEST)] or [""]


def _extent(texts: Sequence[str]) -> tuple[int, int]:
    """Letters in the longest line, and lines of the longest text; room for a title at least."""
    lines = [text.splitlines() for text in texts]
    return max(18, *(len(line) for text in lines for line in text)), max(1, *map(len, lines))


def _draw_road(axis: "Axes", game: MergeGame, state: RoadState) -> None:
    axis.set(xlim=(-0.5, game.length + 0.5), ylim=(-0.6, 1.6))
    axis.fill_between([-0.5, game.length + 0.5], 0.55, 1.45, color="0.9")
    if game.ramp:
        axis.fill_between([-0.5, game.ramp - 0.5], -0.45, 0.45, color="0.9")
    axis.axvline(game.length - 0.5, color="0.6", lw=1.0, ls=":")
    for i, car in enumerate(state.cars):
        height = 1.0 - car.lane
        axis.plot(car.cell, height, "s", color=_COLOURS[i], ms=13)
        axis.text(car.cell, height, "AB"[i], color="white", ha="center", va="center", fontsize=8)
        if state.crashed:
            axis.plot(car.cell, height, "x", color="red", ms=16, mew=3)
    axis.set_yticks([0.0, 1.0], ["ramp", "main"])
    axis.set_xticks(range(0, game.length + 1, max(1, game.length // 12)))
    speeds = ", ".join(f"{name} speed {car.speed}" for name, car in zip("AB", state.cars, strict=True))
    axis.set_title(f"step {state.time}: {speeds}{', crash' if state.crashed else ''}", fontsize=9)


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
