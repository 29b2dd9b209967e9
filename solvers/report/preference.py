"""Pictures of self-play in preference games."""

from typing import TYPE_CHECKING

import numpy as np

from solvers.inpo.solve import PreferenceTrace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FLOOR = 1e-17  # a gap of 0 would leave the logarithmic axis


def plot_gaps(trace: PreferenceTrace, *, title: str = "") -> "Figure":
    """Duality gaps of the iterates over rounds: the median of the contexts, and their range.

    Args:
        trace: how a run went.
        title: above the picture.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    rounds = np.maximum(trace.rounds, 1)
    first = 1 if len(rounds) > 1 else 0  # round 0 has no place on a logarithmic axis
    for name, gaps in (("in the game as it is", trace.gaps), ("without divergence", trace.original_gaps)):
        flat = np.maximum(gaps.reshape(len(rounds), -1), _FLOOR)[first:]
        (line,) = axes.loglog(rounds[first:], np.median(flat, axis=1), label=name)
        if flat.shape[1] > 1:
            low, high = flat.min(axis=1), flat.max(axis=1)
            axes.fill_between(rounds[first:], low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set(xlabel="rounds", ylabel="duality gap", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
