"""Cross-play as a table, as JSON and as a picture."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.markup import escape
from rich.table import Table

from marl.rollouts.cross_play import CrossPlay

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def cross_play_table(result: CrossPlay) -> Table:
    """One row per entrant and seat, one column per entrant in the other seats.

    A cell holds the mean payoff of the row's seat, its standard error where sampled, the variance, and the
    rate of the event with its interval where the game has one.
    """
    how = "exact" if result.exact else f"{result.episodes:,} episodes each"
    table = Table(
        title=f"{escape(result.game_name)}: cross-play, {how}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("entrant")
    table.add_column("seat", justify="right")
    for name in result.names:
        table.add_column(f"against {escape(name)}", justify="right")
    for a, name in enumerate(result.names):
        for i in range(result.num_seats):
            cells = [_cell(result, a, b, i) for b in range(len(result.names))]
            table.add_row(escape(name), str(i), *cells)
    return table


def cross_play_record(result: CrossPlay) -> dict[str, Any]:
    """JSON values: one object per meeting, in words that need no other file."""
    meetings = []
    for a, b, i in np.ndindex(result.means.shape):
        meeting: dict[str, Any] = {
            "entrant": result.names[a],
            "seat": int(i),
            "against": result.names[b],
            "mean": float(result.means[a, b, i]),
            "variance": float(result.variances[a, b, i]),
            "standard_error": float(result.errors[a, b, i]),
        }
        rate = result.rate(a, b, i)
        if rate is not None:
            meeting["events"] = {
                "count": rate.events,
                "episodes": rate.episodes,
                "rate": rate.value,
                "low": rate.low,
                "high": rate.high,
                "confidence": rate.confidence,
            }
        meetings.append(meeting)
    return {
        "game": result.game_name,
        "exact": result.exact,
        "episodes": result.episodes,
        "meetings": meetings,
    }


def plot_cross_play(result: CrossPlay) -> "Figure":
    """Heat maps of mean payoffs, one per seat, and of the event's rate if there is one, with numbers."""
    from matplotlib.figure import Figure

    size = len(result.names)
    panels = result.num_seats + (result.events is not None)
    side = max(2.6, 0.75 * size + 1.3)
    figure = Figure(figsize=(panels * (side + 1.0), side + 0.6), layout="constrained", dpi=150)
    low, high = float(result.means.min()), float(result.means.max())
    for i, axis in enumerate(figure.subplots(1, panels, squeeze=False)[0]):
        seat = i < result.num_seats
        values = result.means[:, :, i] if seat else _rates(result)
        limits = (low, high) if seat else (0.0, 1.0)
        image = axis.imshow(values, cmap="viridis" if seat else "Reds", vmin=limits[0], vmax=limits[1])
        middle = sum(limits) / 2
        for (row, column), value in np.ndenumerate(values):
            # Dark letters on light cells: viridis is light at its top, Reds at its bottom.
            dark = (value > middle) == seat
            axis.text(
                column, row, f"{value:.3g}", ha="center", va="center", color="black" if dark else "white"
            )
        axis.set_xticks(range(size), result.names, rotation=30, ha="right")
        axis.set_yticks(range(size), result.names)
        axis.set_xlabel("others" if seat else "one against the others")
        axis.set_title(f"mean payoff in seat {i}" if seat else "rate of the event", fontsize=10)
        figure.colorbar(image, ax=axis, shrink=0.8)
    figure.suptitle(f"cross-play: {result.game_name}", fontsize=10)
    return figure


def _rates(result: CrossPlay) -> NDArray[np.float64]:
    """Rate of the event by entrant and opponent, shape (E, E), over all seats; zeros where there is none."""
    if result.events is None:
        return np.zeros(result.means.shape[:2])
    rates: NDArray[np.float64] = result.events.mean(axis=2) / result.episodes
    return rates


def _cell(result: CrossPlay, a: int, b: int, seat: int) -> str:
    mean = f"{result.means[a, b, seat]:+.4f}"
    if not result.exact:
        mean += f" ± {result.errors[a, b, seat]:.4f}"
    lines = [mean, f"var {result.variances[a, b, seat]:.4g}"]
    rate = result.rate(a, b, seat)
    if rate is not None:
        lines.append(f"event {rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})")
    return "\n".join(lines)
