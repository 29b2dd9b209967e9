"""Learning curves of SEQUOIA (validation, errors of Q and of max Q), and tables that explain a decision."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.markup import escape
from rich.table import Table

from solvers.sequoia.explanation import BitChoice, Explanation
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


def decision_table(
    explanation: Explanation, *, names: Sequence[str] | None = None, rows: int | None = None
) -> Table:
    """What each bit of a decision is worth, the dearest first.

    Columns: the bit, whether it is set, how much Q is lost when it must be the other way, and which bits are
    then set.

    Args:
        explanation: of the decision.
        names: of the bits, for example of the arms; their numbers where None.
        rows: most bits shown; None: all.

    Raises:
        ValueError: there is not one name for each bit.
    """
    words = _names(explanation, names)
    answer = explanation.answer
    table = _table(
        f"sets {_set(answer.action, words)}\nQ {answer.value:.6g}, at most {answer.upper:.6g} "
        f"(gap {answer.gap:.2g})\nbound by: {answer.stage.name.lower()}"
    )
    table.add_column("bit", justify="right", no_wrap=True)
    table.add_column("set", no_wrap=True)
    table.add_column("loss if flipped", justify="right", no_wrap=True)
    table.add_column("best then")
    ordered = sorted(explanation.bits, key=lambda choice: (-choice.loss, choice.bit))
    for choice in ordered[:rows]:
        then = "no action has it so" if choice.otherwise is None else _set(choice.otherwise.action, words)
        table.add_row(words[choice.bit], "yes" if choice.chosen else "no", _loss(choice), then)
    if rows is not None and len(ordered) > rows:
        table.add_row("...", "", "", f"and {len(ordered) - rows} more")
    return table


def others_table(explanation: Explanation, *, names: Sequence[str] | None = None) -> Table:
    """The next best actions of a decision with what they lose, best first.

    Args:
        explanation: of the decision.
        names: of the bits; their numbers where None.

    Raises:
        ValueError: there is not one name for each bit.
    """
    words = _names(explanation, names)
    table = _table("next best actions")
    for heading in ("Q", "loss"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("sets")
    for other in explanation.next_best:
        table.add_row(f"{other.value:.6g}", f"{explanation.loss(other):.3g}", _set(other.action, words))
    return table


def _names(explanation: Explanation, names: Sequence[str] | None) -> list[str]:
    count = len(explanation.bits)
    if names is not None and len(names) != count:
        raise ValueError(f"names must hold {count} words, one for each bit, got {len(names)}")
    return [escape(name) for name in names or map(str, range(count))]


def _set(action: NDArray[np.bool_], words: list[str]) -> str:
    return ", ".join(words[bit] for bit in np.flatnonzero(action)) or "nothing"


def _loss(choice: BitChoice) -> str:
    if choice.otherwise is None:
        return "-"
    slack = choice.loss - choice.least_loss
    return (
        f"{choice.loss:.3g}"
        if slack <= 1e-3 * abs(choice.loss)
        else f"{choice.least_loss:.3g} .. {choice.loss:.3g}"
    )


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
