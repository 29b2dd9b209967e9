"""Safety against speed: how often drivers crash, and what they earn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class SafetyPoint:
    """One kind of driver among others.

    Attributes:
        label: in the legend.
        mean: mean return.
        mean_range: least and greatest mean over the seeds.
        crash: crash rate.
        crash_range: interval of the crash rate, or its least and greatest value over the seeds.
    """

    label: str
    mean: float
    mean_range: tuple[float, float]
    crash: float
    crash_range: tuple[float, float]


def plot_safety(
    panels: Sequence[tuple[str, Sequence[SafetyPoint]]], *, title: str = "", floor: float = 1e-4
) -> "Figure":
    """Crash rate against mean return, a panel per population met; down and right is better.

    Args:
        panels: heading and drivers of each panel; drivers of one label share a colour.
        title: heading of the figure.
        floor: the axis is logarithmic above this rate and linear below, so that zero shows.

    Raises:
        ValueError: there are no panels.
    """
    from matplotlib.figure import Figure

    if not panels:
        raise ValueError("panels must hold at least one population")
    figure = Figure(figsize=(3.7 * len(panels) + 2.2, 4.2), layout="constrained", dpi=150)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    labels = list(dict.fromkeys(point.label for _, points in panels for point in points))
    for axis, (heading, points) in zip(axes, panels, strict=True):
        for point in points:
            k = labels.index(point.label)
            axis.errorbar(
                point.mean,
                point.crash,
                xerr=_arms(point.mean, point.mean_range),
                yerr=_arms(point.crash, point.crash_range),
                fmt="osD^vP*Xph"[k % 10],
                color=f"C{k % 10}",
                ms=7,
                lw=1.0,
                capsize=2,
                label=point.label,
            )
        axis.set_yscale("symlog", linthresh=floor)
        axis.set_ylim(-floor / 3, 1.5)
        axis.set(title=heading, xlabel="mean return")
        axis.grid(alpha=0.3, lw=0.4)
    axes[0].set_ylabel("crash rate")
    shown = [axis.get_legend_handles_labels() for axis in axes]
    marks = {label: mark for found in shown for mark, label in zip(*found, strict=True)}
    figure.legend(list(marks.values()), list(marks), loc="outside right center", frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def _arms(value: float, ends: tuple[float, float]) -> list[list[float]]:
    return [[max(value - ends[0], 0.0)], [max(ends[1] - value, 0.0)]]
