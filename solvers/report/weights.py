"""How strategies of a population are weighed, as a table and as a picture."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from games.profiles import Profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def weights_table(names: Sequence[str], weights: Mapping[str, Profile]) -> Table:
    """One row per strategy, one column per seat of each profile; a dash where it was not there yet.

    Args:
        names: of the strategies.
        weights: profiles by what they are called; those that weigh fewer strategies weigh the first ones.

    Raises:
        ValueError: a profile weighs more strategies than have names.
    """
    _check(names, weights)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("strategy", no_wrap=True)
    for title, profile in weights.items():
        for seat in range(len(profile)):
            table.add_column(f"{escape(title)}\nseat {seat}", justify="right")
    for k, name in enumerate(names):
        cells = [x for profile in weights.values() for x in profile]
        table.add_row(escape(name), *(f"{x[k]:.3f}" if k < x.size else "-" for x in cells))
    return table


def plot_weights(names: Sequence[str], weights: Mapping[str, Profile], *, title: str = "") -> "Figure":
    """Bars of the weights, one panel per seat, one colour per profile; arguments as `weights_table`.

    Raises:
        ValueError: a profile weighs more strategies than have names, or profiles have not as many seats.
    """
    from matplotlib.figure import Figure

    _check(names, weights)
    seats = {len(profile) for profile in weights.values()}
    if len(seats) != 1:
        raise ValueError(f"weights must hold profiles of the same number of seats, got {sorted(seats)}")
    panels = seats.pop()
    height = 1.4 + len(names) * (0.14 + 0.08 * len(weights))
    figure = Figure(figsize=(2.2 + 3.2 * panels, height), layout="constrained", dpi=150)
    step = 0.8 / len(weights)
    for seat, axes in enumerate(figure.subplots(1, panels, squeeze=False, sharey=True)[0]):
        for k, (label, profile) in enumerate(weights.items()):
            places = [i - 0.4 + (k + 0.5) * step for i in range(profile[seat].size)]
            axes.barh(places, profile[seat], height=step, label=label)
        axes.set(yticks=range(len(names)), yticklabels=names, xlim=(0, 1.02), xlabel="weight")
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_title(f"seat {seat}", fontsize=10)
        axes.grid(axis="x", alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(weights), fontsize="small")
    figure.suptitle(title, fontsize=10)
    return figure


def _check(names: Sequence[str], weights: Mapping[str, Profile]) -> None:
    for title, profile in weights.items():
        most = max(x.size for x in profile)
        if most > len(names):
            raise ValueError(f"names must hold one per strategy, {title!r} weighs {most}, got {len(names)}")
