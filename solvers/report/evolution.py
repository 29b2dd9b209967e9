"""Phase plots of evolutionary dynamics: the triangle of three actions, the square of two times two."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from games.normal_form import NormalFormGame
from solvers.equilibrium.evolution import REPLICATOR, Dynamic, Flow, follow_dynamics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]])
_ARROWS = 15  # along an edge
_FINE = 40  # along an edge, where speeds are coloured
_TOL = 1e-6  # of paths that are looked at


def plot_simplex(
    game: NormalFormGame,
    dynamic: Dynamic = REPLICATOR,
    *,
    starts: Sequence[ArrayLike] = (),
    duration: float = 50.0,
    marks: Sequence[ArrayLike] = (),
) -> "Figure":
    """A single population of three actions: speed as colour, direction as arrows, and some paths.

    Args:
        game: a symmetric game of two players with three actions.
        dynamic: how the population revises.
        starts: mixtures where paths begin, each of shape (3,).
        duration: length of the paths, in 1/(payoff range).
        marks: mixtures to mark, such as evolutionarily stable strategies, each of shape (3,).

    Raises:
        UnsupportedGameError: the game is not symmetric.
        ValueError: the game has not three actions, or a mixture does not fit.
    """
    from matplotlib.figure import Figure

    if game.num_actions != (3, 3):
        raise ValueError(f"game must have two players with three actions each, got {game.num_actions}")
    flow = Flow(game, dynamic, None, True, _TOL)
    figure = Figure(figsize=(5.4, 4.6), layout="constrained", dpi=150)
    axes = figure.subplots()
    fine = _triangle(_FINE)
    speeds = np.array([np.linalg.norm(flow.velocity(x)) for x in fine])
    across, up = (fine @ _CORNERS).T
    surface = axes.tripcolor(across, up, speeds, shading="gouraud", cmap="YlGn")
    figure.colorbar(surface, ax=axes, label="speed (payoff ranges)", shrink=0.8)
    points = _triangle(_ARROWS)
    points = points[points.min(axis=1) > 0.0]
    _arrows(axes, points @ _CORNERS, np.array([flow.velocity(x) for x in points]) @ _CORNERS)
    for start in starts:
        path = follow_dynamics(
            game, dynamic, start=[start], duration=duration, samples=1_000, single=True, tol=_TOL
        )
        _path(axes, path.mixtures[0] @ _CORNERS)
    _marks(axes, np.array([np.asarray(x, dtype=np.float64) @ _CORNERS for x in marks]))
    axes.plot(*_CORNERS[[0, 1, 2, 0]].T, color="black", lw=1.0)
    places = zip(_CORNERS, game.actions[0], ("right", "left", "center"), (-0.03, -0.03, 0.03), strict=True)
    for corner, label, side, lift in places:
        axes.text(corner[0], corner[1] + lift, label, ha=side, va="bottom" if lift > 0 else "top")
    axes.set(xlim=(-0.12, 1.12), ylim=(-0.12, 0.98), aspect="equal")
    axes.axis("off")
    figure.suptitle(f"{game.name}: {dynamic.name} dynamics", fontsize=10)
    return figure


def plot_square(
    game: NormalFormGame,
    dynamic: Dynamic = REPLICATOR,
    *,
    starts: Sequence[tuple[float, float]] = (),
    duration: float = 50.0,
    marks: Sequence[tuple[float, float]] = (),
) -> "Figure":
    """Two populations with two actions each; a point is how often each plays its first action.

    Args:
        game: a game of two players with two actions each.
        dynamic: how the populations revise.
        starts: where paths begin, probabilities of the first actions.
        duration: length of the paths, in 1/(payoff range).
        marks: points to mark, such as equilibria.

    Raises:
        ValueError: the game has not two actions a player, or a point lies outside the square.
    """
    from matplotlib.figure import Figure

    if game.num_actions != (2, 2):
        raise ValueError(f"game must have two players with two actions each, got {game.num_actions}")
    flow = Flow(game, dynamic, None, False, _TOL)
    figure = Figure(figsize=(5.2, 4.4), layout="constrained", dpi=150)
    axes = figure.subplots()
    ends = np.linspace(0.0, 1.0, _FINE + 1)
    speeds = np.array([[np.linalg.norm(_on_square(flow, p, q)) for p in ends] for q in ends])
    surface = axes.pcolormesh(ends, ends, speeds, shading="gouraud", cmap="YlGn")
    figure.colorbar(surface, ax=axes, label="speed (payoff ranges)", shrink=0.8)
    inner = (np.arange(_ARROWS) + 0.5) / _ARROWS
    points = np.array([(p, q) for p in inner for q in inner])
    _arrows(axes, points, np.array([_on_square(flow, p, q) for p, q in points]))
    for p, q in starts:
        path = follow_dynamics(
            game, dynamic, start=[[p, 1 - p], [q, 1 - q]], duration=duration, samples=1_000, tol=_TOL
        )
        _path(axes, np.column_stack([block[:, 0] for block in path.mixtures]))
    _marks(axes, np.array(marks, dtype=np.float64))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set_xlabel(f"how often {game.players[0]} plays {game.actions[0][0]}")
    axes.set_ylabel(f"how often {game.players[1]} plays {game.actions[1][0]}")
    figure.suptitle(f"{game.name}: {dynamic.name} dynamics", fontsize=10)
    return figure


def _triangle(parts: int) -> FloatArray:
    """Mixtures of three actions whose weights are multiples of 1 / parts, shape (K, 3)."""
    counts = [(i, j, parts - i - j) for i in range(parts + 1) for j in range(parts + 1 - i)]
    return np.array(counts, dtype=np.float64) / parts


def _on_square(flow: Flow, p: float, q: float) -> FloatArray:
    return flow.velocity(np.array([p, 1.0 - p, q, 1.0 - q]))[[0, 2]]


def _arrows(axes: "Axes", places: FloatArray, velocities: FloatArray) -> None:
    """Arrows of one length; none where nothing moves."""
    lengths = np.linalg.norm(velocities, axis=1)
    moving = lengths > 1e-9
    ends = velocities[moving] / lengths[moving, None]
    axes.quiver(
        *places[moving].T, *ends.T, color="0.25", pivot="mid", angles="xy", scale=26.0, width=0.004, alpha=0.7
    )


def _path(axes: "Axes", points: FloatArray) -> None:
    (line,) = axes.plot(*points.T, lw=1.5)
    axes.plot(*points[0], "o", ms=4, color=line.get_color())


def _marks(axes: "Axes", points: FloatArray) -> None:
    if points.size:
        axes.plot(*points.T, "o", ms=9, mfc="white", mec="black", mew=1.5, zorder=5, clip_on=False)
