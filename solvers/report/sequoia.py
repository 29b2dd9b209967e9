"""Learning curves of SEQUOIA: its policy on validation, errors of its Q, certified errors of max Q."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from solvers.sequoia.learning.records import LearningCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEAST_GAP = 1e-9  # a logarithm has no zero


def plot_learning(
    curves: Mapping[str, LearningCurve], *, bound: float | None = None, title: str = ""
) -> "Figure":
    """Validation, error and certified gap against rounds.

    The line of validation is the mean reward a step of the policy at each look, over the same chance at every
    look. It has no band: the standard error on record is that of the gain over the first look, where the
    chance in common cancels, and says nothing about the value itself.

    Args:
        curves: one run per label.
        bound: on the mean reward a step of any policy, drawn as a line.
        title: heading.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 3.6), layout="constrained", dpi=150)
    value, error, gap = figure.subplots(1, 3)
    for k, (label, curve) in enumerate(curves.items()):
        looks, rounds = curve.looks, curve.rounds
        colour = f"C{k % 10}"
        value.plot(looks.round, looks.value, marker="o", ms=3, lw=1.4, color=colour, label=label)
        number = np.arange(1, len(rounds) + 1)
        error.plot(number, rounds.error, lw=1.4, color=colour)
        gap.plot(number, np.maximum(rounds.worst_gap, _LEAST_GAP), lw=1.4, color=colour)
        gap.plot(number, np.maximum(rounds.gap, _LEAST_GAP), lw=1.0, ls=":", color=colour)
    if bound is not None:
        value.axhline(bound, color="0.4", lw=1.0, ls="--", label="upper bound")
    value.set(xlabel="round", ylabel="reward a step, validation")
    error.set(xlabel="round", ylabel="mean distance from targets")
    gap.set(xlabel="round", ylabel="certified error of max Q (mean dotted)", yscale="log")
    for axis in (value, error, gap):
        axis.grid(alpha=0.3, lw=0.4)
    value.legend(frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure
