"""Pictures of influence: a cascade, spread against capacity, and what is certified as time goes by."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from games.influence.cascade import Cascade
from games.influence.graph import DirectedGraph

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_UNREACHED, _ADOPTER = "0.85", "#222222"
_LABELLED = 150  # names on larger graphs would only cover them


@dataclass(frozen=True, slots=True)
class SpreadPoint:
    """What a method reached at one capacity.

    Attributes:
        capacity: friends per adopter.
        spread: estimate.
        interval: what the spread lies between.
    """

    capacity: int
    spread: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RatioPoint:
    """What was certified at a moment.

    Attributes:
        seconds: since the start.
        ratio: certified share of the optimum.
    """

    seconds: float
    ratio: float


def plot_cascade(
    graph: DirectedGraph,
    positions: ArrayLike,
    cascade: Cascade,
    *,
    adopters: Collection[int],
    invitations: Collection[tuple[int, int]],
    title: str = "",
) -> "Figure":
    """Who invited whom, and whom the invited reached in which step.

    Args:
        graph: the network.
        positions: where each node is drawn, shape (n, 2).
        cascade: from ``games.influence.cascade.draw_cascade``.
        adopters: numbers of the adopters, drawn as squares.
        invitations: adopter and friend, by number, drawn as heavy arrows.
        title: heading.

    Raises:
        ValueError: there is not one position per node.
    """
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    places = np.asarray(positions, dtype=np.float64)
    if places.shape != (graph.num_nodes, 2):
        raise ValueError(f"positions must have shape {(graph.num_nodes, 2)}, got {places.shape}")
    figure = _figure(8.2, 6.4)
    axis = figure.subplots()
    last = max(1, int(cascade.step.max()))
    colours = colormaps["plasma"](np.linspace(0.15, 0.85, last + 1))
    for u, v in zip(graph.source.tolist(), graph.target.tolist(), strict=True):
        axis.plot(*places[[u, v]].T, color="0.9", lw=0.5, zorder=1)
    for v, arc in enumerate(cascade.via.tolist()):
        if arc >= 0:
            tail = places[graph.source[arc]]
            style = {"arrowstyle": "-|>", "color": colours[cascade.step[v]], "lw": 1.2, "shrinkB": 5}
            axis.annotate("", places[v], tail, arrowprops=style, zorder=2)
    for u, v in invitations:
        style = {"arrowstyle": "-|>", "color": _ADOPTER, "lw": 1.8, "shrinkB": 6, "ls": "--"}
        axis.annotate("", places[v], places[u], arrowprops=style, zorder=3)
    kind = np.array([colours[s] if s >= 0 else (0.85, 0.85, 0.85, 1.0) for s in cascade.step])
    axis.scatter(
        places[:, 0],
        places[:, 1],
        c=kind,
        s=np.where(cascade.step == 0, 130, 60),
        zorder=4,
        edgecolors="white",
    )
    squares = sorted(adopters)
    axis.scatter(
        places[squares, 0], places[squares, 1], marker="s", c=_ADOPTER, s=110, zorder=5, edgecolors="white"
    )
    if graph.num_nodes <= _LABELLED:
        for v in {*squares, *np.flatnonzero(cascade.step >= 0).tolist()}:
            axis.annotate(
                str(graph.label(v)),
                places[v],
                (0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=6.5,
                zorder=6,
            )
    entries = [("adopter", "s", _ADOPTER), ("invited (step 0)", "o", colours[0])]
    entries += [(f"reached in step {k}", "o", colours[k]) for k in range(1, int(cascade.step.max()) + 1)]
    entries.append(("not reached", "o", _UNREACHED))
    handles = [Line2D([], [], marker=m, color=c, ls="", label=label) for label, m, c in entries]
    axis.legend(handles=handles, frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axis.set_axis_off()
    figure.suptitle(title, fontsize=10)
    return figure


def plot_spread(curves: Mapping[str, Sequence[SpreadPoint]], *, title: str = "") -> "Figure":
    """Spread against capacity, one curve per method, with its intervals.

    Args:
        curves: points per method.
        title: heading.
    """
    figure = _figure(5.8, 4.0)
    axis = figure.subplots()
    for k, (label, points) in enumerate(curves.items()):
        capacity = [p.capacity for p in points]
        axis.plot(
            capacity, [p.spread for p in points], marker="osD^vP*Xph"[k % 10], ms=5, lw=1.4, label=label
        )
        axis.fill_between(
            capacity, [p.interval[0] for p in points], [p.interval[1] for p in points], alpha=0.15, lw=0
        )
    axis.set_xticks(sorted({p.capacity for points in curves.values() for p in points}))
    axis.set(xlabel="friends per adopter (k)", ylabel="spread")
    axis.grid(alpha=0.3, lw=0.4)
    axis.legend(frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def plot_ratio(traces: Mapping[str, Sequence[RatioPoint]], *, title: str = "") -> "Figure":
    """Certified ratio to the optimum against time; a line holds until the next round is done.

    Args:
        traces: what each run certified, round by round.
        title: heading.
    """
    figure = _figure(5.8, 4.0)
    axis = figure.subplots()
    for label, points in traces.items():
        axis.step(
            [p.seconds for p in points],
            [p.ratio for p in points],
            where="post",
            marker="o",
            ms=4,
            lw=1.4,
            label=label,
        )
    axis.set(xscale="log", xlabel="seconds", ylabel="certified ratio", ylim=(0.0, 1.02))
    axis.grid(alpha=0.3, which="both", lw=0.4)
    axis.legend(frameon=False, fontsize=9, loc="lower right")
    figure.suptitle(title, fontsize=10)
    return figure


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=150)
